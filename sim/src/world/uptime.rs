//! Whether the broker of a virtual world is there, and what becomes of its connections when it goes down. Both worlds ask
//! here, so that both do the same.

use crate::{
    net::{ConnIx, Kind},
    trace::{AtServer, Node, Record, What},
};
use squall_protocol::Role;
use squall_scenarios::model::{ClientIx, Crash};
use std::collections::{BTreeMap, BTreeSet};

/// Whether the broker is there.
#[derive(Debug, Default)]
pub(super) struct Uptime {
    down: Option<Crash>,
    /// Connections that it has now, by its number, and who is at the other end.
    open: BTreeMap<u64, ClientIx>,
    /// Connections that its process had when it was killed: they are over.
    over: BTreeSet<ConnIx>,
    /// Connections that its machine had when it lost power: it knows nothing of them.
    forgotten: BTreeSet<ConnIx>,
}

/// What becomes of something that comes from a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lands {
    /// The broker has it.
    AtBroker,
    /// Nobody listens: the client is told so at once.
    Refused,
    /// It is answered with a reset.
    Unknown,
    /// It is lost, and nobody misses it.
    Nowhere,
}

impl Uptime {
    /// Something happened.
    pub(super) fn observe(&mut self, record: &Record) {
        if let What::Broker { client, conn, seen } = &record.what {
            match seen {
                AtServer::Opened => {
                    self.open.insert(*conn, *client);
                }
                AtServer::Closed { .. } => {
                    self.open.remove(conn);
                }
                _ => {}
            }
        }
    }

    /// The broker goes down with all connections that it has accepted so far; what is seen of that at its end.
    pub(super) fn crash(
        &mut self,
        how: Crash,
        accepted: impl IntoIterator<Item = ConnIx>,
    ) -> Vec<(Node, What)> {
        self.down = Some(how);
        let (gone, remark) = match how {
            Crash::Kill => (&mut self.over, "the broker was killed"),
            Crash::PowerLoss => (&mut self.forgotten, "the power failed"),
        };
        let known = &self.open;
        gone.extend(accepted);
        let close = |(&conn, &client): (&u64, &ClientIx)| {
            let (by, remark) = (Role::Server, remark.to_owned());
            let seen = AtServer::Closed { by, remark };
            (Node::Broker, What::Broker { client, conn, seen })
        };
        known.iter().map(close).collect()
    }

    /// The broker ends by itself, or does not begin. It closes the connections that it has.
    pub(super) fn gave_up(&mut self, accepted: impl IntoIterator<Item = ConnIx>) {
        self.down = Some(Crash::Kill);
        self.over.extend(accepted);
    }

    /// Whether it is not there.
    pub(super) const fn is_down(&self) -> bool {
        self.down.is_some()
    }

    /// It is back.
    pub(super) fn restart(&mut self) {
        self.down = None;
    }

    /// Where something lands that comes from a client now.
    pub(super) fn lands(&self, conn: ConnIx, kind: Kind) -> Lands {
        match (self.down, kind) {
            (Some(Crash::Kill), Kind::Syn) => Lands::Refused,
            (Some(_), _) => Lands::Nowhere,
            (None, Kind::Data) if self.forgotten.contains(&conn) => Lands::Unknown,
            (None, _) if self.forgotten.contains(&conn) || self.over.contains(&conn) => {
                Lands::Nowhere
            }
            (None, _) => Lands::AtBroker,
        }
    }
}

/// What a client is told that dials while nobody listens.
pub(super) const REFUSED: &str = "connection refused";
