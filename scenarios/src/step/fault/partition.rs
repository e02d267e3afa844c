//! `partition`: nothing passes.

use crate::{
    construct::Break,
    kind::{CLIENT_OR_ALL, FLAG, Maybe, POSITIVE, Words, called_or_all},
    record::record,
    source::ClientIx,
};
use std::time::Duration;

record! {
    /// Nothing passes until it is healed.
    pub struct Partition, "a partition" {
        /// whose link; everybody's when `all`
        client: Option<ClientIx> = "partition", needed(None, CLIENT_OR_ALL);
        /// `up` to the broker, `down` from it, or both ways
        way: Way = "way", usual(Way::Both, WAY);
        /// heals by itself after this time
        lasts: Option<Duration> = "for", usual(None, Maybe(POSITIVE));
        /// `true`: it may come to nothing, which otherwise fails the run or the sweep
        optional: bool = "optional", usual(false, FLAG);
    }
}

/// Directions of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Both.
    Both,
    /// From client to broker.
    Up,
    /// From broker to client.
    Down,
}

pub(crate) const WAY: Words<Way> = Words {
    expected: "`both`, `up` or `down`",
    words: &[("both", Way::Both), ("up", Way::Up), ("down", Way::Down)],
};

impl Break for Partition {
    const WORD: &'static str = "partition";
    const MEANING: &'static str = "nothing passes until it is healed, or for a time";
    const EXAMPLE: &'static str = "{ partition: app, way: up, for: 5s }";

    fn in_words(&self, names: &[&str]) -> String {
        let way = match self.way {
            Way::Both => "both ways",
            Way::Up => "upwards",
            Way::Down => "downwards",
        };
        format!("partition {} {way}", called_or_all(self.client, names))
    }
}
