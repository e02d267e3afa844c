//! `heal`: partitions end.

use crate::{
    construct::Break,
    kind::{CLIENT_OR_ALL, called_or_all},
    record::record,
    source::ClientIx,
};

record! {
    /// Partitions end and armed cuts are disarmed.
    pub struct Heal, "heal" {
        /// whose; everybody's when `all`
        client: Option<ClientIx> = "heal", needed(None, CLIENT_OR_ALL);
    }
}

impl Break for Heal {
    const WORD: &'static str = "heal";
    const MEANING: &'static str = "partitions end and armed cuts are disarmed";
    const EXAMPLE: &'static str = "{ heal: app }";

    fn in_words(&self, names: &[&str]) -> String {
        format!("heal {}", called_or_all(self.client, names))
    }
}
