//! Evidence: who sent what to whom, and the statements it is held against.

use serde::Serialize;

/// A statement of the standard, with its meaning in our words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementRef {
    /// Such as `MQTT-3.3.1-2`.
    pub id: String,
    /// What it requires; empty if not looked up.
    pub says: String,
}

/// Packets between parties over time: what a message sequence chart draws.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Exchange {
    /// Names of the parties, left to right.
    pub parties: Vec<String>,
    /// What happened, in order.
    pub events: Vec<Event>,
}

impl Exchange {
    /// Whether nothing was recorded, or nothing kept.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// About how much memory it takes, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let parties: usize = self.parties.iter().map(String::len).sum();
        parties + self.events.iter().map(Event::bytes).sum::<usize>()
    }
}

/// One arrow or note of an [`Exchange`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Milliseconds since the start (virtual time in a simulation, wall time in a conformance run).
    pub at_ms: u64,
    /// What kind of thing it is.
    pub kind: EventKind,
    /// Index into `parties`: who did it.
    pub from: usize,
    /// Index into `parties`: whom it was for; the same as `from` for a note.
    pub to: usize,
    /// A short line, such as `PUBLISH a/b QoS 2 id 1 DUP`.
    pub label: String,
    /// The fields of the packet, or whatever else explains it; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The bytes, hexadecimal; may be empty or cut short with `…`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hex: String,
    /// Whether this is where it went wrong.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub highlight: bool,
}

impl Event {
    /// An event of one line: without detail and bytes, not highlighted.
    #[must_use]
    pub const fn new(at_ms: u64, kind: EventKind, from: usize, to: usize, label: String) -> Self {
        Self {
            at_ms,
            kind,
            from,
            to,
            label,
            detail: String::new(),
            hex: String::new(),
            highlight: false,
        }
    }

    /// Bytes of a packet that are shown in hexadecimal.
    pub const MOST_BYTES: usize = 256;

    /// About how much memory it takes, in bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        size_of::<Self>() + self.label.len() + self.detail.len() + self.hex.len()
    }
}

/// How an [`Event`] is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// A packet that was sent, and as far as is known arrived.
    Packet,
    /// A packet that was sent and never arrived.
    Lost,
    /// The connection was opened.
    Open,
    /// The connection was closed.
    Close,
    /// Something one party did or noticed, or a wait that ended.
    Note,
}
