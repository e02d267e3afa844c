//! Everything that happened in a run, in canonical order, and its hash.
//!
//! Canonical order: at one instant the director first, then the broker, then the clients as the scenario lists them;
//! within a node, in the order in which it happened. Both virtual worlds write the same records, so one hash stands
//! for a run wherever it was made. Nothing of a particular world may enter a record.

mod digest;
mod exchange;

pub use exchange::exchange;

use crate::{order::Order, tap::Cut};
use bytes::Bytes;
use squall_protocol::{Frame, Role, Time, Violation};
use squall_scenarios::model::ClientIx;

/// Who a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Node {
    /// The one who plays the scenario.
    Director,
    /// The broker.
    Broker,
    /// A client.
    Client(ClientIx),
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Record {
    /// When, in virtual time.
    pub at: Time,
    /// To whom.
    pub node: Node,
    /// What.
    pub what: What,
}

impl Record {
    /// The client it is about.
    #[must_use]
    pub const fn client(&self) -> Option<ClientIx> {
        match (&self.what, self.node) {
            (What::Broker { client, .. }, _) => Some(*client),
            (_, Node::Client(client)) => Some(client),
            (What::Order(order), _) => order.client(),
            _ => None,
        }
    }
}

/// What can happen.
#[derive(Clone, Debug)]
pub enum What {
    /// The director gave an order.
    Order(Order),
    /// The broker did or saw something on a client's connection.
    Broker {
        /// The client at the other end.
        client: ClientIx,
        /// The connection: from 0 in the order in which the broker accepted them.
        conn: u64,
        /// What.
        seen: AtServer,
    },
    /// A client dialled.
    Dial,
    /// A client did or saw something.
    Client(squall_client::Event),
    /// A cut bit on the client's connection.
    Cut(Cut),
    /// The broker has ended by itself, or did not begin: why, for people, and no part of the hash. It is down as if it
    /// was killed.
    GaveUp(String),
}

/// What can be seen at the broker's end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtServer {
    /// It was opened.
    Opened,
    /// A whole packet arrived.
    Received(Frame),
    /// What arrived is not a packet a client may send in this form.
    Violation(Violation),
    /// A packet was sent.
    Sent(Frame),
    /// Bytes were sent that are no whole packet, or none at all.
    SentRaw {
        /// All of them, whole packets too; these went before, as [`Self::Sent`].
        bytes: Bytes,
        /// What was sent on this connection cannot be read as packets any more.
        broken: bool,
    },
    /// It is over.
    Closed {
        /// Who ended it, as far as this end can tell.
        by: Role,
        /// What the broker says about it, if it is asked; for people, and no part of the hash.
        remark: String,
    },
}

/// The records of a run.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    records: Vec<Record>,
}

impl Trace {
    /// An empty trace.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a record.
    pub fn push(&mut self, record: Record) {
        debug_assert!(
            self.records.last().is_none_or(|last| last.at <= record.at),
            "time runs forward"
        );
        self.records.push(record);
    }

    /// All records.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The hash of everything, hexadecimal (BLAKE3, 64 digits).
    #[must_use]
    pub fn hash(&self) -> String {
        digest::hash(&self.records)
    }

    /// The record in words; what [`crate::first_difference`] prints.
    #[must_use]
    pub fn line(record: &Record) -> String {
        format!("{} {:?} {:?}", record.at, record.node, record.what)
    }
}
