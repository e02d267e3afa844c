//! What a client owes beyond what the monitors hold every sender to, whoever wrote it. One file a duty; each sees one client of which nothing is known but the bytes at
//! its socket, and what its application was told.
//!
//! What was written to a socket has not been read yet, and what was read from it may have been written long before. So a
//! duty speaks only where no client that keeps the standard could have done what was seen: limits count from where the
//! client has surely read the CONNACK ([`wire::Wire::knows`]), and what did not come is only said at the end, of a
//! connection that was open for long enough.

mod wire;

use crate::{
    finding::{Cite, Finding, cited},
    form,
    record::{Record, Seen},
};
use squall_protocol::{Role, Time, Version, Violation};
use std::{collections::BTreeMap, fmt};
use wire::Wire;

/// The duties of all clients of one history.
pub struct Duties<'n, 'a> {
    version: Version,
    /// Clients that speak a version of their own.
    others: BTreeMap<usize, Version>,
    name: &'n dyn Fn(usize) -> String,
    clients: BTreeMap<usize, Client<'a>>,
}

impl fmt::Debug for Duties<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Duties")
            .field("clients", &self.clients)
            .finish_non_exhaustive()
    }
}

/// One client, with what each duty has to remember of it.
#[derive(Debug)]
struct Client<'a> {
    wire: Wire<'a>,
    duties: Vec<Box<dyn Duty<'a> + 'a>>,
}

/// A record as the duties of one client see it.
struct Step<'s, 'a> {
    about: About<'s>,
    /// The connection, this record included.
    wire: &'s Wire<'a>,
    record: &'s Record<'a>,
}

/// How it ended.
struct Ending<'s, 'a> {
    about: About<'s>,
    wire: &'s Wire<'a>,
    /// When all faults were over and what was sent had come: what was due by then and is not there will not come. None
    /// where nobody waited for it.
    settled: Option<Time>,
    end: Time,
}

/// Who is spoken of.
#[derive(Clone, Copy)]
struct About<'s> {
    version: Version,
    name: &'s dyn Fn(usize) -> String,
    client: usize,
}

impl About<'_> {
    fn five(&self) -> bool {
        self.version == Version::V5_0
    }

    fn who(&self) -> String {
        (self.name)(self.client)
    }

    fn finding(
        &self,
        cite: Cite,
        message: String,
        expected: impl Into<String>,
        witness: Vec<usize>,
    ) -> Finding {
        Finding {
            rule: "client",
            statements: cited(self.version, cite),
            message,
            expected: expected.into(),
            witness,
            absence: false,
            demand: None,
            version: None,
        }
    }
}

/// A duty, with what it has to remember of one client.
trait Duty<'a>: fmt::Debug {
    /// This was seen.
    fn see(&mut self, step: &Step<'_, 'a>, broken: &mut dyn FnMut(Finding));

    /// The history is over.
    fn finish(&mut self, _ending: &Ending<'_, 'a>, _broken: &mut dyn FnMut(Finding)) {}
}

macro_rules! duties {
    ($($file:ident: $duty:ident;)+) => {
        $(mod $file;)+

        /// Every duty, of a client of which nothing was seen yet.
        fn duties<'a>() -> Vec<Box<dyn Duty<'a> + 'a>> {
            vec![$(Box::new($file::$duty::default())),+]
        }
    };
}

// Each is a file; in the order in which their findings are listed.
duties! {
    limits: Limits;
    identifiers: Identifiers;
    order: Order;
    anew: Anew;
    alive: Alive;
    owed: Owed;
    application: Applications;
    asked: Asked;
}

impl<'n, 'a> Duties<'n, 'a> {
    /// The duties of clients that speak this version; `name` says what a client is called in a sentence.
    #[must_use]
    pub fn of(version: Version, name: &'n dyn Fn(usize) -> String) -> Self {
        Self {
            version,
            name,
            others: BTreeMap::new(),
            clients: BTreeMap::new(),
        }
    }

    /// The same, where these clients speak a version of their own.
    #[must_use]
    pub fn but(mut self, others: impl IntoIterator<Item = (usize, Version)>) -> Self {
        self.others.extend(others);
        self
    }

    fn speaks(&self, client: usize) -> Version {
        self.others.get(&client).copied().unwrap_or(self.version)
    }

    /// Looks at the next record; gives what is wrong to `broken`. What is seen at the server's end counts only where it
    /// could not be read as a packet.
    pub fn see(&mut self, record: &Record<'a>, broken: &mut dyn FnMut(Finding)) {
        let about = About {
            version: self.speaks(record.end.client),
            name: self.name,
            client: record.end.client,
        };
        if record.end.side == Role::Server {
            if let Seen::Broken(violation) = record.seen {
                broken(malformed(&about, record.ix, violation));
            }
            return;
        }
        let client = self
            .clients
            .entry(record.end.client)
            .or_insert_with(|| Client {
                wire: Wire::default(),
                duties: duties(),
            });
        client.wire.see(record);
        let step = Step {
            about,
            wire: &client.wire,
            record,
        };
        for duty in &mut client.duties {
            duty.see(&step, broken);
        }
    }

    /// The history ended at `end`. `settled` is when all faults were over and everything under way had come, if somebody
    /// waited for that; without it nothing is said of what did not come.
    pub fn finish(mut self, end: Time, settled: Option<Time>, broken: &mut dyn FnMut(Finding)) {
        for (number, client) in &mut self.clients {
            let ending = Ending {
                about: About {
                    version: self.others.get(number).copied().unwrap_or(self.version),
                    name: self.name,
                    client: *number,
                },
                wire: &client.wire,
                settled,
                end,
            };
            for duty in &mut client.duties {
                duty.finish(&ending, broken);
            }
        }
    }
}

/// What the client sent cannot be read as one of its packets.
fn malformed(about: &About<'_>, ix: usize, violation: &Violation) -> Finding {
    Finding {
        rule: form::rule(violation),
        statements: violation.statements().to_vec(),
        message: format!("{} sent what breaks the standard: {violation}", about.who()),
        expected: "packets as the standard writes them".into(),
        witness: vec![ix],
        absence: false,
        demand: None,
        version: None,
    }
}
