//! All links and connections of a run.

use super::{
    flow::{Fate, Flow, Kind, Way},
    tally::{Tallies, Tally},
};
use squall_scenarios::{
    model::{ClientIx, LinkChange, LinkSpec},
    random::Stream,
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

/// Index of a connection, in the order in which they were dialled.
pub type ConnIx = usize;

/// A segment that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery<P> {
    /// Connection.
    pub conn: ConnIx,
    /// The client at one end of it.
    pub client: ClientIx,
    /// Direction.
    pub way: Way,
    /// Opening, bytes or end.
    pub kind: Kind,
    /// What was passed to [`Network::send`].
    pub payload: P,
}

struct Link {
    spec: LinkSpec,
    blocked_up: bool,
    blocked_down: bool,
}

struct Conn<P> {
    client: ClientIx,
    up: Flow<P>,
    down: Flow<P>,
}

/// The network of one run. `P` travels with each segment.
pub struct Network<P> {
    seed: u64,
    links: Vec<Link>,
    conns: Vec<Conn<P>>,
    /// By client: connections that may have something under way.
    busy: Vec<BTreeSet<ConnIx>>,
    sessions: Vec<u32>,
    /// (time, connection, direction) at which a flow wants attention; entries may be stale.
    agenda: BinaryHeap<Reverse<(u64, ConnIx, Way)>>,
    next_seq: u64,
    tallies: Tallies,
    /// The broker's machine has no power: nothing that comes there is taken.
    dark: bool,
}

impl<P> Network<P> {
    /// A network with one link per client.
    #[must_use]
    pub fn new(seed: u64, links: impl IntoIterator<Item = LinkSpec>) -> Self {
        let links: Vec<Link> = links
            .into_iter()
            .map(|spec| Link {
                spec,
                blocked_up: false,
                blocked_down: false,
            })
            .collect();
        let sessions = vec![0; links.len()];
        Self {
            seed,
            links,
            conns: Vec::new(),
            busy: vec![BTreeSet::new(); sessions.len()],
            tallies: Tallies::new(sessions.len()),
            sessions,
            agenda: BinaryHeap::new(),
            next_seq: 0,
            dark: false,
        }
    }

    /// A client dials at `now` (virtual ms). The opening is the first delivery of the new connection, upwards.
    pub fn open(&mut self, now: u64, client: ClientIx, payload: P) -> ConnIx {
        let session = self.sessions[client];
        self.sessions[client] += 1;
        let stream = |way: &str| Stream::new(self.seed, &format!("net/{client}/{session}/{way}"));
        let conn = self.conns.len();
        let (up, down) = (Flow::new(stream("up")), Flow::new(stream("down")));
        self.conns.push(Conn { client, up, down });
        self.enqueue(now, conn, Way::Up, Kind::Syn, payload);
        conn
    }

    /// The client that dialled a connection.
    #[must_use]
    pub fn client_of(&self, conn: ConnIx) -> ClientIx {
        self.conns[conn].client
    }

    /// Something is sent at `now`. Returns false when it can never arrive: the flow is dead or has ended.
    pub fn send(&mut self, now: u64, conn: ConnIx, way: Way, kind: Kind, payload: P) -> bool {
        let flow = self.flow(conn, way);
        if flow.dead || flow.ended {
            return false;
        }
        flow.ended = kind.ends();
        self.enqueue(now, conn, way, kind, payload);
        true
    }

    fn enqueue(&mut self, now: u64, conn: ConnIx, way: Way, kind: Kind, payload: P) {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.flow(conn, way).push(now, seq, kind, payload);
        self.busy[self.conns[conn].client].insert(conn);
        let tally = self.transmit(now, conn, way);
        let link = self.conns[conn].client;
        self.tallies.count_fresh(now, link, conn, tally);
        self.remind(conn, way);
    }

    /// Notes when a flow wants attention again.
    fn remind(&mut self, conn: ConnIx, way: Way) {
        if let Some(at) = self.flow(conn, way).next_at() {
            self.agenda.push(Reverse((at, conn, way)));
        }
    }

    /// Makes the transmissions of a flow that are due; what became of them.
    fn transmit(&mut self, now: u64, conn: ConnIx, way: Way) -> Tally {
        let Conn { client, up, down } = &mut self.conns[conn];
        let link = &self.links[*client];
        let mut tally = Tally::default();
        let (flow, other) = match way {
            Way::Up => (up, down),
            Way::Down => (down, up),
        };
        let (blocked, blocked_back) = match way {
            Way::Up => (link.blocked_up, link.blocked_down),
            Way::Down => (link.blocked_down, link.blocked_up),
        };
        // Whether anything is sent to an end that is gone is not the same in every world, and nobody misses it.
        let listened_to = !other.ended;
        let alive = flow.transmit(now, |flow, kind| {
            let there = flow.fate(&link.spec, blocked);
            let of = |way: Way, fate: &Fate| match way {
                Way::Up => Tally::up(fate),
                Way::Down => Tally::down(fate),
            };
            if listened_to {
                tally.add(of(way, &there));
            }
            let Kind::Syn = kind else {
                return there;
            };
            let back = other.fate(&link.spec, blocked_back);
            // Only an opening that arrived is answered.
            if matches!(there, Fate::Through { .. }) {
                tally.add(of(way.other(), &back));
            }
            round_trip(there, back)
        });
        if !alive {
            flow.kill();
            other.kill();
        }
        tally
    }

    /// The earliest time at which [`Self::advance`] has something to do; never later, sometimes earlier.
    #[must_use]
    pub fn next_at(&self) -> Option<u64> {
        self.agenda.peek().map(|Reverse((at, ..))| *at)
    }

    /// Everything that is due by `now`, in canonical order: upwards before downwards; then, as one network card
    /// would hand it to the broker's tasks, all openings at the place of the first one, and all segments of a
    /// connection at the place of its first one, counted by link and then by order of sending.
    pub fn advance(&mut self, now: u64) -> Vec<Delivery<P>> {
        let mut touched: Vec<(ConnIx, Way)> = Vec::new();
        let mut known = BTreeSet::new();
        while let Some(&Reverse((at, conn, way))) = self.agenda.peek() {
            if at > now {
                break;
            }
            self.agenda.pop();
            if known.insert((conn, way)) {
                touched.push((conn, way));
            }
        }
        let mut due = Vec::new();
        for (conn, way) in touched {
            let tally = self.transmit(now, conn, way);
            let client = self.conns[conn].client;
            self.tallies.count(client, tally);
            if self.dark && way == Way::Up {
                self.miss(now, conn);
                continue;
            }
            let flow = self.flow(conn, way);
            while let Some(segment) = flow.pop_arrived(now) {
                let (seq, kind, payload) = (segment.seq, segment.kind, segment.payload);
                due.push((
                    seq,
                    Delivery {
                        conn,
                        client,
                        way,
                        kind,
                        payload,
                    },
                ));
            }
            self.remind(conn, way);
        }
        canonical(due)
    }

    /// Nobody takes what a client's flow brings by `now`.
    fn miss(&mut self, now: u64, conn: ConnIx) {
        if !self.flow(conn, Way::Up).miss(now) {
            self.abandon(conn);
        }
        self.remind(conn, Way::Up);
    }

    /// The broker's machine loses its power: nothing leaves it any more, what had left and came through still arrives, and
    /// whatever comes there is sent again and again, as TCP does with what nobody acknowledges.
    pub fn power_off(&mut self) {
        self.dark = true;
        for conn in &mut self.conns {
            conn.down.orphan();
        }
    }

    /// The broker's machine has power again. Of the connections that it had it knows nothing: whoever plays it answers
    /// what comes on them with [`Kind::Reset`].
    pub fn power_on(&mut self) {
        self.dark = false;
    }

    /// Changes a link from now on; what was already transmitted keeps its arrival.
    pub fn change(&mut self, client: ClientIx, change: LinkChange) {
        let spec = &mut self.links[client].spec;
        if let Some((min, max)) = change.latency_ms {
            (spec.latency_min_ms, spec.latency_max_ms) = (min, max);
        }
        if let Some(loss) = change.loss_permille {
            spec.loss_permille = loss;
        }
    }

    /// Lets nothing pass (or everything again) from now on.
    pub fn block(&mut self, client: ClientIx, way: Way, blocked: bool) {
        let link = &mut self.links[client];
        match way {
            Way::Up => link.blocked_up = blocked,
            Way::Down => link.blocked_down = blocked,
        }
    }

    /// Whatever of this client's waits for a retransmission is sent again at `now`, however long TCP would wait.
    pub fn nudge(&mut self, now: u64, client: ClientIx) {
        for conn in std::mem::take(&mut self.busy[client]) {
            for way in [Way::Up, Way::Down] {
                self.flow(conn, way).nudge(now);
                self.remind(conn, way);
            }
            let Conn { up, down, .. } = &self.conns[conn];
            if !(up.is_empty() && down.is_empty()) {
                self.busy[client].insert(conn);
            }
        }
    }

    /// The connection goes silent for ever at `now`, both ways; what is under way never arrives.
    pub fn kill(&mut self, now: u64, conn: ConnIx) {
        self.conns[conn].up.kill();
        self.conns[conn].down.kill();
        let link = self.conns[conn].client;
        self.tallies.take_back(now, link, conn);
    }

    /// The dialler gave up before the opening arrived.
    pub fn abandon(&mut self, conn: ConnIx) {
        self.conns[conn].up.kill();
        self.conns[conn].down.kill();
    }

    /// Whether a connection has gone silent for ever.
    #[must_use]
    pub fn is_dead(&self, conn: ConnIx) -> bool {
        self.conns[conn].up.dead
    }

    /// What became of the transmissions so far, by link.
    #[must_use]
    pub fn tallies(&self) -> &[Tally] {
        self.tallies.all()
    }

    fn flow(&mut self, conn: ConnIx, way: Way) -> &mut Flow<P> {
        match way {
            Way::Up => &mut self.conns[conn].up,
            Way::Down => &mut self.conns[conn].down,
        }
    }
}

fn round_trip(there: Fate, back: Fate) -> Fate {
    match (there, back) {
        (
            Fate::Through {
                latency: a,
                slower: x,
            },
            Fate::Through {
                latency: b,
                slower: y,
            },
        ) => Fate::Through {
            latency: a + b,
            slower: x || y,
        },
        (Fate::Through { .. }, back) => back,
        (there, _) => there,
    }
}

/// Segments that are due, with their place in the order of sending, in canonical order.
fn canonical<P>(due: Vec<(u64, Delivery<P>)>) -> Vec<Delivery<P>> {
    if due.len() < 2 {
        return due.into_iter().map(|(_, d)| d).collect();
    }
    // A task is woken where the first delivery for it stands, and then takes all that is there for it.
    let mut woken: BTreeMap<(Way, Woken), (ClientIx, u64)> = BTreeMap::new();
    for (seq, d) in &due {
        let place = (d.client, *seq);
        let at = woken.entry((d.way, Woken::by(d))).or_insert(place);
        *at = place.min(*at);
    }
    let mut keyed: Vec<_> = due
        .into_iter()
        .map(|(seq, d)| ((d.way, woken[&(d.way, Woken::by(&d))], d.client, seq), d))
        .collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, d)| d).collect()
}

/// The task at the receiving end that a delivery wakes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Woken {
    /// The listener, by an opening.
    Listener,
    /// The reader of a connection, by anything else.
    Reader(ConnIx),
}

impl Woken {
    fn by<P>(delivery: &Delivery<P>) -> Self {
        match delivery.kind {
            Kind::Syn => Self::Listener,
            Kind::Data | Kind::End | Kind::Reset => Self::Reader(delivery.conn),
        }
    }
}

#[cfg(test)]
mod tests;
