//! What happened on the probes of one check, in order: the raw material of evidence.
//!
//! Records are facts of the connection. What they prove is decided elsewhere. A journal has a budget in bytes: the
//! beginning and the newest are kept, what is between them is counted.

use super::kept::weight;
use bytes::Bytes;
use squall_protocol::{Packet, Version, Violation};
use squall_transport::Hangup;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// A log that several probes share, so that their events stand in one order of time. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    start: Instant,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    parties: Vec<String>,
    /// The first records, up to half the budget.
    first: Vec<Record>,
    first_weight: usize,
    /// The newest ones, up to the other half.
    newest: VecDeque<Record>,
    newest_weight: usize,
    left_out: LeftOut,
}

/// What a journal had no room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Index into [`Journal::records`] of the first record that happened after it.
    pub before: usize,
    /// How many events.
    pub events: u64,
    /// Bytes on the wire of those events.
    pub bytes: u64,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Record {
    /// Time since the journal began.
    pub at: Duration,
    /// Index into [`Journal::parties`].
    pub party: usize,
    /// What happened.
    pub event: Event,
}

/// What a [`Record`] says.
#[derive(Clone, Debug)]
pub enum Event {
    /// The connection was opened.
    Opened,
    /// A packet was written in this version.
    Sent(Packet, Version, Bytes),
    /// Bytes were written that need not be a packet; the text says what they are meant to be. At most
    /// [`Journal::MOST_OF_ONE`] bytes of them are there.
    SentRaw(String, Bytes),
    /// The server sent a packet.
    Received(Packet, Version, Bytes),
    /// A packet too long to be kept whole.
    Long {
        /// Whether the probe sent it, and not the server.
        sent: bool,
        /// What it is, in one line.
        summary: String,
        /// The first bytes of it.
        bytes: Bytes,
        /// Length of the whole packet in bytes.
        len: usize,
    },
    /// The server sent bytes that break the standard; from here on the stream cannot be read.
    Broken(Violation, Bytes),
    /// The server closed the connection.
    PeerClosed(Hangup),
    /// The probe closed the connection.
    Closed,
    /// Bytes came while the probe only waited for the end of the connection; so many were dropped without a look.
    Dropped(u64),
    /// Anything else worth knowing, such as a wait that ended.
    Note(String),
}

impl Event {
    /// The same in at most about [`Journal::MOST_OF_ONE`] bytes.
    fn cut(self) -> Self {
        let (packet, bytes, sent) = match self {
            Self::SentRaw(what, bytes) if bytes.len() > Journal::MOST_OF_ONE => {
                let bytes = Bytes::copy_from_slice(&bytes[..Journal::MOST_OF_ONE]);
                return Self::SentRaw(what, bytes);
            }
            Self::Sent(packet, _, bytes) if weight(&packet, bytes.len()) > Journal::MOST_OF_ONE => {
                (packet, bytes, true)
            }
            Self::Received(packet, _, bytes)
                if weight(&packet, bytes.len()) > Journal::MOST_OF_ONE =>
            {
                (packet, bytes, false)
            }
            short => return short,
        };
        Self::Long {
            sent,
            summary: packet.summary(),
            bytes: Bytes::copy_from_slice(&bytes[..bytes.len().min(Journal::FIRST_BYTES)]),
            len: bytes.len(),
        }
    }

    /// Bytes of memory beyond the record itself.
    fn weight(&self) -> usize {
        match self {
            Self::Sent(packet, _, bytes) | Self::Received(packet, _, bytes) => {
                weight(packet, bytes.len())
            }
            Self::SentRaw(text, bytes) => text.len() + bytes.len(),
            Self::Long { summary, bytes, .. } => summary.len() + bytes.len(),
            Self::Broken(violation, bytes) => violation.message.len() + bytes.len(),
            Self::Note(text) => text.len(),
            Self::Opened | Self::PeerClosed(_) | Self::Closed | Self::Dropped(_) => 0,
        }
    }

    /// Bytes that went over the wire.
    #[must_use]
    pub fn wire_len(&self) -> usize {
        match self {
            Self::Sent(_, _, bytes)
            | Self::Received(_, _, bytes)
            | Self::SentRaw(_, bytes)
            | Self::Broken(_, bytes) => bytes.len(),
            Self::Long { len, .. } => *len,
            Self::Opened
            | Self::PeerClosed(_)
            | Self::Closed
            | Self::Dropped(_)
            | Self::Note(_) => 0,
        }
    }
}

impl Book {
    fn add(&mut self, record: Record) {
        let weight = size_of::<Record>() + record.event.weight();
        let room = Journal::BUDGET / 2;
        if self.newest.is_empty() && self.first_weight + weight <= room {
            self.first_weight += weight;
            self.first.push(record);
            return;
        }
        self.newest_weight += weight;
        self.newest.push_back(record);
        while self.newest_weight > room && self.newest.len() > 1 {
            if let Some(old) = self.newest.pop_front() {
                self.newest_weight -= size_of::<Record>() + old.event.weight();
                self.left_out.events += 1;
                self.left_out.bytes += old.event.wire_len() as u64;
            }
        }
    }
}

impl Journal {
    /// Bytes of memory for records.
    pub const BUDGET: usize = 256 * 1024;
    /// Bytes of memory for one record; a longer packet is kept as [`Event::Long`].
    pub const MOST_OF_ONE: usize = 8 * 1024;
    /// Bytes that are kept of a packet that is too long.
    pub const FIRST_BYTES: usize = 512;

    /// An empty journal whose time starts now.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            start: Instant::now(),
            book: Mutex::default(),
        }))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // A panic elsewhere leaves a readable list.
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a party; gives its index. A name that is already there is told apart by a number.
    pub fn add_party(&self, name: &str) -> usize {
        let mut book = self.book();
        let mut unique = name.to_owned();
        let mut number = 1;
        while book.parties.contains(&unique) {
            number += 1;
            unique = format!("{name} {number}");
        }
        book.parties.push(unique);
        book.parties.len() - 1
    }

    /// Writes a record with the time of now.
    pub fn write(&self, party: usize, event: Event) {
        let at = self.0.start.elapsed();
        let event = event.cut();
        self.book().add(Record { at, party, event });
    }

    /// Adds the parties and records of another journal after its own, at the times at which they happened.
    pub fn append(&self, other: &Self) {
        let later = |at| (other.0.start + at).saturating_duration_since(self.0.start);
        let names = other.parties();
        let parties: Vec<usize> = names.iter().map(|name| self.add_party(name)).collect();
        let mut book = self.book();
        for mut record in other.records() {
            record.at = later(record.at);
            record.party = parties[record.party];
            book.add(record);
        }
        let left_out = other.left_out();
        book.left_out.events += left_out.events;
        book.left_out.bytes += left_out.bytes;
    }

    /// The names of the parties.
    #[must_use]
    pub fn parties(&self) -> Vec<String> {
        self.book().parties.clone()
    }

    /// A copy of the records that are there, in order of time.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let book = self.book();
        book.first.iter().chain(&book.newest).cloned().collect()
    }

    /// What did not fit, and where.
    #[must_use]
    pub fn left_out(&self) -> LeftOut {
        let book = self.book();
        LeftOut {
            before: book.first.len(),
            ..book.left_out
        }
    }
}

impl Default for Journal {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_journal_is_added_with_its_parties_and_times() {
        let all = Journal::new();
        let one = all.add_party("client");
        all.write(one, Event::Opened);
        let case = Journal::new();
        let two = case.add_party("client");
        case.write(two, Event::Note("of the case".to_owned()));
        all.append(&case);
        assert_eq!(all.parties(), ["client", "client 2"]);
        let records = all.records();
        assert_eq!(records.len(), 2);
        assert_eq!(records[1].party, 1);
        assert!(matches!(&records[1].event, Event::Note(text) if text == "of the case"));
        assert!(records[1].at >= records[0].at);
    }

    #[test]
    fn the_beginning_and_the_newest_are_kept_and_the_rest_is_counted() {
        let journal = Journal::new();
        let one = journal.add_party("client");
        for n in 0..10_000 {
            let bytes = vec![0; 100].into();
            journal.write(one, Event::SentRaw(n.to_string(), bytes));
        }
        let (records, left_out) = (journal.records(), journal.left_out());
        let name = |record: &Record| match &record.event {
            Event::SentRaw(name, _) => name.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(name(&records[0]), "0");
        assert_eq!(name(records.last().unwrap()), "9999");
        assert_eq!(records.len() as u64 + left_out.events, 10_000);
        assert_eq!(left_out.bytes, left_out.events * 100);
        let first_after: u64 = name(&records[left_out.before]).parse().unwrap();
        assert_eq!(first_after, left_out.before as u64 + left_out.events);
        assert!(records.len() * 100 < Journal::BUDGET);
    }

    #[test]
    fn a_long_packet_is_kept_in_one_line() {
        let journal = Journal::new();
        let one = journal.add_party("client");
        let publish = squall_protocol::packet::Publish {
            dup: false,
            qos: squall_protocol::QoS::AtMostOnce,
            retain: false,
            topic: squall_protocol::Text::from("a"),
            packet_id: None,
            properties: squall_protocol::Properties::new(),
            payload: vec![0; 1 << 20].into(),
        };
        let packet = Packet::Publish(publish);
        let bytes = squall_protocol::encode(&packet, Version::V5_0).unwrap();
        let whole = bytes.len();
        journal.write(one, Event::Sent(packet, Version::V5_0, bytes));
        let records = journal.records();
        let Event::Long {
            sent: true,
            summary,
            bytes,
            len,
        } = &records[0].event
        else {
            panic!("{records:?}");
        };
        assert!(summary.starts_with("PUBLISH a"), "{summary}");
        assert_eq!((bytes.len(), *len), (Journal::FIRST_BYTES, whole));
    }
}
