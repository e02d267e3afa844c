//! `disk`: the disk of the broker's store does not do what a disk should.

use crate::{
    construct::Break,
    kind::{DURATIONS, FLAG, Kind, Maybe, POSITIVE, Words},
    reader::{Context, Fields},
    record::record,
};
use std::time::Duration;

record! {
    /// The disk of the broker's store has a trouble, or is sound again.
    pub struct Disk, "a fault of the disk", check = Self::check {
        /// `fails`: nothing is written and nothing made durable any more; `full`: nothing is written that makes what is on it longer; `slow`: what was written takes its time to be durable; `sound`: the trouble is over
        trouble: Trouble = "disk", needed(Trouble::Sound, TROUBLE);
        /// how long a `slow` disk takes to make durable what was written to it
        sync: (Duration, Duration) = "sync", usual(SLOW, DURATIONS);
        /// is sound again by itself after this time
        lasts: Option<Duration> = "for", usual(None, Maybe(POSITIVE));
        /// `true`: it may come to nothing, which otherwise fails the sweep
        optional: bool = "optional", usual(false, FLAG);
    }
}

/// What a disk can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing is written or made durable: the broker is told so. What is there can be read.
    Fails,
    /// Nothing is written that makes what is there longer: the broker is told so.
    Full,
    /// What was written takes its time to be durable.
    Slow,
    /// None.
    Sound,
}

const TROUBLE: Words<Trouble> = Words {
    expected: "`fails`, `full`, `slow` or `sound`",
    words: &[
        ("fails", Trouble::Fails),
        ("full", Trouble::Full),
        ("slow", Trouble::Slow),
        ("sound", Trouble::Sound),
    ],
};

/// Long enough for a client to have noticed.
const SLOW: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(2));

impl Disk {
    fn check(&self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool {
        if let (false, Some(key)) = (cx.broker_stored, fields.key("disk")) {
            let help = "give it one with `broker: { store: true }`";
            let message = "a broker without a store has no disk";
            cx.refuse(&key.span, message, "there is none", help);
        }
        if let (true, Some(key)) = (self.trouble != Trouble::Slow, fields.key("sync")) {
            let help = "remove it, or write `disk: slow`";
            cx.refuse(&key.span, "only a slow disk has a time", "of what?", help);
        }
        if let (Trouble::Sound, Some(key)) = (self.trouble, fields.key("for")) {
            let help = "remove it; a disk that is sound stays so";
            cx.refuse(
                &key.span,
                "a sound disk gets no trouble by itself",
                "until when?",
                help,
            );
        }
        true
    }
}

impl Break for Disk {
    const WORD: &'static str = "disk";
    const MEANING: &'static str = "the disk of the broker's store has a trouble, until it is `sound` again or for a time. A broker that is told so \
        by its disk ends, as if it was killed, and can be restarted";
    const EXAMPLE: &'static str = "{ disk: fails, for: 5s }";

    fn in_words(&self, names: &[&str]) -> String {
        format!("disk {}", TROUBLE.show(&self.trouble, names))
    }
}
