//! Everything that happened on the probes of one check, in order: the raw material of evidence.
//!
//! Records are facts of the connection. What they prove is decided elsewhere.

use super::Close;
use bytes::Bytes;
use squall_protocol::{Packet, Version, Violation};
use std::{
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
    records: Vec<Record>,
    left_out: u64,
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
    /// Bytes were written that need not be a packet; the text says what they are meant to be.
    SentRaw(String, Bytes),
    /// The server sent a packet.
    Received(Packet, Version, Bytes),
    /// The server sent bytes that break the standard; from here on the stream cannot be read.
    Broken(Violation, Bytes),
    /// The server closed the connection.
    PeerClosed(Close),
    /// The probe closed the connection.
    Closed,
    /// Anything else worth knowing, such as a wait that ended.
    Note(String),
}

/// A peer that floods the probe fills no memory: what comes after this many records is only counted.
const MOST_RECORDS: usize = 5_000;

impl Journal {
    /// An empty journal whose time starts now.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            start: Instant::now(),
            book: Mutex::default(),
        }))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // A panic elsewhere leaves a readable list behind.
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
        let mut book = self.book();
        if book.records.len() < MOST_RECORDS {
            book.records.push(Record { at, party, event });
        } else {
            book.left_out += 1;
        }
    }

    /// Adds the parties and records of another journal behind its own, at the times at which they happened.
    pub fn append(&self, other: &Self) {
        let later = |at| (other.0.start + at).saturating_duration_since(self.0.start);
        let names = other.parties();
        let parties: Vec<usize> = names.iter().map(|name| self.add_party(name)).collect();
        let mut book = self.book();
        for mut record in other.records() {
            if book.records.len() < MOST_RECORDS {
                record.at = later(record.at);
                record.party = parties[record.party];
                book.records.push(record);
            } else {
                book.left_out += 1;
            }
        }
        book.left_out += other.left_out();
    }

    /// The names of the parties.
    #[must_use]
    pub fn parties(&self) -> Vec<String> {
        self.book().parties.clone()
    }

    /// A copy of all records so far, in order of time.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.book().records.clone()
    }

    /// How many records did not fit.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.book().left_out
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
}
