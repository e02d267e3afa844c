//! `session`: what the broker says of a client's session.

use crate::{
    construct::Expect,
    kind::{CLIENT, FLAG, Several},
    record::record,
    source::ClientIx,
};

record! {
    /// Session Present in each accepted CONNACK of a client, in order.
    pub struct Session, "session" {
        /// whose session
        of: ClientIx = "of", needed(0, CLIENT);
        /// the flags, in order
        present: Vec<bool> = "present",
            needed(Vec::new(), Several { of: "flags", each: FLAG, distinct: false });
    }
}

impl Expect for Session {
    const WORD: &'static str = "session";
    const MEANING: &'static str = "Session Present in each accepted CONNACK of a client, in order";
    const EXAMPLE: &'static str = "{ of: lock, present: [false, true] }";

    fn excludes(&self, other: &Self) -> bool {
        self.of == other.of && self.present != other.present
    }
}
