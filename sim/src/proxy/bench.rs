//! The monitors of everybody who comes by.
//!
//! A session is known by its Client Identifier. Each is watched twice: for what its client sends and for what the broker
//! sends, each as its peer sees it, since what was under way when the other spoke is known to nobody in the middle.

use squall_history::{End, Ended, Finding, Record, Scene, Seen, Watch};
use squall_protocol::{Packet, Role, Time, Version, Violation};
use squall_reports::visible;
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

/// Sessions that are remembered while nobody is connected to them. What happens in those that are forgotten is
/// judged again from the next one on that is new.
const KEPT: usize = 10_000;
/// Characters of a Client Identifier that are shown.
const SHOWN: usize = 23;

/// All sessions.
#[derive(Debug, Default)]
pub(super) struct Bench {
    sessions: BTreeMap<String, Kept>,
    clock: u64,
}

#[derive(Debug)]
struct Kept {
    watches: Rc<RefCell<Watches>>,
    version: Version,
    /// When somebody connected to it last.
    used: u64,
}

/// The monitors of one session.
#[derive(Debug)]
struct Watches {
    client: Watch,
    broker: Watch,
}

impl Watches {
    fn new() -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self {
            client: Watch::of(Role::Client),
            broker: Watch::of(Role::Server),
        }))
    }

    const fn of(&mut self, judged: Role) -> &mut Watch {
        match judged {
            Role::Client => &mut self.client,
            Role::Server => &mut self.broker,
        }
    }
}

impl Bench {
    /// The monitors of a session to which somebody connects. One of which something is not known begins anew: it is
    /// judged again when it is a new one.
    fn watches(&mut self, id: &str, version: Version) -> Rc<RefCell<Watches>> {
        self.clock += 1;
        let used = self.clock;
        let known = self.sessions.get_mut(id).filter(|kept| {
            let watches = kept.watches.borrow();
            kept.version == version && !watches.client.is_blind() && !watches.broker.is_blind()
        });
        if let Some(kept) = known {
            kept.used = used;
            return Rc::clone(&kept.watches);
        }
        if self.sessions.len() >= KEPT {
            self.forget();
        }
        let watches = Watches::new();
        let kept = Kept {
            watches: Rc::clone(&watches),
            version,
            used,
        };
        self.sessions.insert(id.to_owned(), kept);
        watches
    }

    /// Forgets the tenth of the sessions to which nobody has connected for longest.
    fn forget(&mut self) {
        let idle = self
            .sessions
            .values()
            .filter(|kept| Rc::strong_count(&kept.watches) == 1);
        let mut used: Vec<u64> = idle.map(|kept| kept.used).collect();
        used.sort_unstable();
        let Some(limit) = used.get(KEPT / 10).or(used.last()).copied() else {
            return;
        };
        self.sessions
            .retain(|_, kept| kept.used > limit || Rc::strong_count(&kept.watches) > 1);
    }
}

/// A connection before its judge.
#[derive(Debug)]
pub(super) struct Seat {
    conn: u64,
    name: String,
    version: Version,
    watches: Rc<RefCell<Watches>>,
    greeted: bool,
    /// Something is not known of the connection.
    blind: bool,
}

impl Seat {
    pub(super) fn new(conn: u64) -> Self {
        Self {
            conn,
            name: format!("the client of #{conn}"),
            version: Version::V5_0,
            watches: Watches::new(),
            greeted: false,
            blind: false,
        }
    }

    /// The client has sent the first CONNECT of this connection; it is told next.
    pub(super) fn greet(&mut self, bench: &mut Bench, id: &str, version: Version) {
        self.greeted = true;
        self.version = version;
        if id.is_empty() {
            return;
        }
        let line = visible::line(id);
        let mut name: String = line.chars().take(SHOWN).collect();
        if line.chars().nth(SHOWN).is_some() {
            name.push('…');
        }
        self.name = name;
        self.watches = bench.watches(id, version);
    }

    /// The first CONNECT has come.
    pub(super) const fn has_greeted(&self) -> bool {
        self.greeted
    }

    /// What the client is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// One side has sent a packet, which the other one gets or not.
    pub(super) fn packet(
        &self,
        ix: usize,
        from: Role,
        packet: &Packet,
        arrives: bool,
    ) -> Vec<Finding> {
        let found = self.see(ix, from, other(from), Seen::Received(packet));
        if arrives {
            self.see(ix, other(from), from, Seen::Sent(packet));
        }
        found
    }

    /// One side has sent what is none of its packets.
    pub(super) fn broken(&mut self, ix: usize, from: Role, violation: &Violation) -> Vec<Finding> {
        let found = self.see(ix, from, other(from), Seen::Broken(violation));
        self.lose_sight();
        found
    }

    /// Something was passed on that nobody has looked into.
    pub(super) fn lose_sight(&mut self) {
        for judged in [Role::Client, Role::Server] {
            self.see(0, judged, other(judged), Seen::Unknown);
        }
        self.blind = true;
    }

    /// The connection is over.
    pub(super) fn closed(&self) {
        for judged in [Role::Client, Role::Server] {
            self.see(0, judged, other(judged), Seen::Closed(Ended::There));
        }
    }

    /// Tells the monitors of what `judged` sends what was seen at `side`.
    fn see(&self, ix: usize, judged: Role, side: Role, seen: Seen<'_>) -> Vec<Finding> {
        if self.blind {
            return Vec::new();
        }
        let name = |_| self.name.clone();
        let scene = Scene {
            version: self.version,
            name: &name,
            server: "the broker",
            own_topics: None,
            buffers: false,
            whole: false,
        };
        let end = End {
            side,
            client: 0,
            session: 0,
            conn: self.conn,
        };
        let record = Record {
            ix,
            at: Time::ZERO,
            end,
            seen,
        };
        let mut found = Vec::new();
        let mut watches = self.watches.borrow_mut();
        let watch = watches.of(judged);
        watch.see(&scene, &record, &mut |finding| found.push(finding));
        found
    }
}

const fn other(side: Role) -> Role {
    match side {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_sessions_are_remembered_and_those_in_use_are() {
        let mut bench = Bench::default();
        let mut seat = Seat::new(1);
        seat.greet(&mut bench, "in use", Version::V5_0);
        for n in 0..3 * KEPT {
            bench.watches(&n.to_string(), Version::V5_0);
            assert!(bench.sessions.len() <= KEPT);
        }
        assert!(bench.sessions.contains_key("in use"));
        let newest = (3 * KEPT - 1).to_string();
        assert!(bench.sessions.contains_key(&newest));
        assert!(!bench.sessions.contains_key("0"));
    }
}
