//! One connection through a proxy, as a machine: what comes from either side is looked at, held back, lost or passed on.

use super::{
    bench::Seat,
    direction::Direction,
    event::{Ends, Fate, What},
    faults::{Act, ClientTap, Due, Struck},
    link::Link,
    scene::Scene,
    stream::{Done, Piece},
};
use crate::{
    net::{ConnIx, Way},
    world::line::{Line, Parcel, Post},
};
use bytes::Bytes;
use squall_protocol::{Packet, Role, Rule, Violation};
use squall_transport::tap::Ending;
use std::{cell::RefCell, rc::Rc};

/// How long a side that was told that the connection is over may go on sending, in milliseconds.
const LINGER: u64 = 10_000;
/// How long a connection is kept that fell silent, or that one side has ended, for a side that still believes in it, in
/// milliseconds.
const SILENCE: u64 = 3_600_000;

/// One connection.
pub(super) struct Relay {
    scene: Rc<Scene>,
    conn: u64,
    seat: Seat,
    /// Known once the client has said who it is, where there are cuts.
    tap: Option<Rc<RefCell<ClientTap>>>,
    up: Direction,
    down: Direction,
    /// The link model, where there are faults of links.
    link: Option<Link>,
    schedule: Vec<Due>,
    /// Nothing that comes now is passed on: the connection was cut or has failed.
    cut: Option<Ending>,
    /// When it is given up, whoever still holds it.
    given_up: u64,
    /// One side reset it.
    reset: bool,
    packets: usize,
}

impl Relay {
    pub(super) fn new(scene: Rc<Scene>, conn: u64, ends: Ends) -> Self {
        let now = scene.now();
        let (whole, seed, links) = {
            let faults = scene.faults.borrow();
            (!faults.is_empty(), faults.seed_of(conn), faults.has_links())
        };
        let mut relay = Self {
            seat: Seat::new(conn),
            conn,
            tap: None,
            up: Direction::new(Role::Client, whole),
            down: Direction::new(Role::Server, whole),
            link: links.then(|| Link::new(seed, now)),
            schedule: Vec::new(),
            cut: None,
            given_up: u64::MAX,
            reset: false,
            packets: 0,
            scene,
        };
        relay.tell(What::Opened(ends));
        relay.subject_to(None);
        relay
    }

    fn tell(&self, what: What<'_>) {
        self.scene.tell(self.conn, what);
    }

    fn strike(&self, fault: usize) {
        self.scene.faults.borrow_mut().strike(fault);
    }

    fn direction(&mut self, from: Role) -> &mut Direction {
        match from {
            Role::Client => &mut self.up,
            Role::Server => &mut self.down,
        }
    }

    /// From now on the faults for everybody concern it, or those for one client.
    fn subject_to(&mut self, who: Option<&str>) {
        let now = self.scene.now();
        let scene = Rc::clone(&self.scene);
        let faults = scene.faults.borrow();
        self.schedule.extend(faults.schedule(who, self.conn, now));
        self.schedule.sort_by_key(|due| due.at);
        for side in [&mut self.up, &mut self.down] {
            faults.shape(who, side.from, &mut side.shaped);
        }
        if let Some(link) = &mut self.link {
            link.subject_to(&faults, who);
        }
        self.up.adjust();
        self.down.adjust();
    }

    /// Something comes from one side.
    fn comes(&mut self, from: Role, bytes: &[u8]) {
        self.direction(from).stream.push(bytes);
        while self.cut.is_none()
            && let Some(piece) = self.direction(from).stream.next()
        {
            self.piece(from, piece);
        }
    }

    fn piece(&mut self, from: Role, piece: Piece) {
        let Piece { bytes, done } = piece;
        if let Some(Done::Packet {
            read: Ok(Packet::Connect(connect)),
            ..
        }) = &done
            && from == Role::Client
            && !self.seat.has_greeted()
        {
            let id = connect.client_id.as_str();
            let scene = Rc::clone(&self.scene);
            self.seat
                .greet(&mut scene.bench.borrow_mut(), id, connect.version);
            self.up.stream.set_version(connect.version);
            self.down.stream.set_version(connect.version);
            if !id.is_empty() {
                self.subject_to(Some(id));
            }
            self.tap = Some(scene.faults.borrow_mut().tap(id, self.conn));
        }
        let (passed, struck) = self.pass(from, &bytes);
        let fate = match passed {
            n if n == bytes.len() => Fate::Passed,
            0 if bytes.len() == done.as_ref().map_or(0, Done::length) => Fate::Lost,
            _ => Fate::Torn,
        };
        if passed > 0 {
            self.send(from, Parcel::Data(bytes.slice(..passed)));
        }
        match done {
            Some(done) => self.done(from, done, fate),
            None if struck.is_some() => self.torn(from, &bytes),
            None => {}
        }
        if let Some(Struck { cut, fault }) = struck {
            self.strike(fault);
            let at = cut
                .packet
                .map_or(String::new(), |packet| format!(" at {packet}"));
            self.end(cut.by, &at);
        }
    }

    /// Lets bytes pass the tap.
    fn pass(&mut self, from: Role, bytes: &Bytes) -> (usize, Option<Struck>) {
        match &self.tap {
            Some(tap) => tap.borrow_mut().pass(self.conn, from, bytes),
            None => (bytes.len(), None),
        }
    }

    /// A packet is over.
    fn done(&mut self, from: Role, done: Done, fate: Fate) {
        match done {
            Done::Packet {
                read: Ok(packet),
                length,
            } => {
                let ix = self.packets;
                self.packets += 1;
                self.scene.tally.borrow_mut().packets += 1;
                self.tell(What::Packet {
                    from,
                    packet: &packet,
                    bytes: length,
                    fate,
                });
                let found = self.seat.packet(ix, from, &packet, fate == Fate::Passed);
                self.accuse(from, &found);
            }
            Done::Packet {
                read: Err(violation),
                length,
            } => self.broken(from, &violation, length),
            Done::Unread { kind, length } => {
                self.tell(What::Unread {
                    from,
                    kind,
                    bytes: length,
                });
                self.seat.lose_sight();
            }
            Done::Lost if self.is_met(from) => {
                let why = "a Remaining Length of more than four bytes";
                self.tell(What::Broken {
                    from,
                    why,
                    bytes: 5,
                });
                self.seat.lose_sight();
            }
            Done::Lost => self.alien(from, "no MQTT"),
        }
    }

    /// A cut has torn a packet apart of which the end never came.
    fn torn(&self, from: Role, bytes: &Bytes) {
        self.tell(What::Broken {
            from,
            why: "the beginning of a packet",
            bytes: bytes.len(),
        });
    }

    /// Whether the side is known to speak MQTT.
    const fn is_met(&self, from: Role) -> bool {
        match from {
            Role::Client => self.packets > 0,
            Role::Server => self.seat.has_greeted(),
        }
    }

    fn broken(&mut self, from: Role, violation: &Violation, length: usize) {
        let unknown = matches!(
            violation.rule,
            Rule::UnsupportedProtocolName | Rule::UnsupportedProtocolVersion(_)
        );
        if unknown && !self.is_met(from) {
            return self.alien(from, &format!("not judged: {violation}"));
        }
        // A client that speaks MQTT begins with CONNECT; bytes that only look like one are somebody else's.
        let begins = violation.packet == Some(squall_protocol::PacketType::Connect)
            && violation.offset > 0
            && length >= 12;
        if !self.is_met(from) && !begins {
            return self.alien(from, "no MQTT");
        }
        self.tell(What::Broken {
            from,
            why: &violation.to_string(),
            bytes: length,
        });
        let ix = self.packets;
        self.packets += 1;
        let found = self.seat.broken(ix, from, violation);
        self.accuse(from, &found);
        self.direction(from).stream.give_up();
    }

    /// What comes from here is not looked at any more.
    fn alien(&mut self, from: Role, why: &str) {
        if !std::mem::replace(&mut self.direction(from).alien, true) {
            self.tell(What::Alien { from, why });
        }
        self.seat.lose_sight();
        self.up.stream.give_up();
        self.down.stream.give_up();
        // Whoever does not speak MQTT is answered in something else.
        (self.up.alien, self.down.alien) = (true, true);
    }

    fn accuse(&self, by: Role, found: &[squall_history::Finding]) {
        for finding in found {
            self.scene.tally.borrow_mut().accuse(by, finding);
            self.tell(What::Violation { by, finding });
        }
    }

    /// The connection dies by a fault.
    fn end(&mut self, by: Ending, at: &str) {
        if self.cut.is_some() {
            return;
        }
        let word = match by {
            Ending::Reset => "reset",
            Ending::Close => "close",
            Ending::Silence => "silence",
        };
        let who = self.seat.name();
        self.tell(What::Struck {
            how: &format!("cut {who}{at} by {word}"),
        });
        let now = self.scene.now();
        match by {
            Ending::Silence => self.fall_silent(now),
            Ending::Reset | Ending::Close => {
                self.reset |= by == Ending::Reset;
                for from in [Role::Client, Role::Server] {
                    self.send(
                        from,
                        Parcel::End {
                            reset: by == Ending::Reset,
                        },
                    );
                }
            }
        }
        self.cut = Some(by);
    }

    fn fall_silent(&mut self, now: u64) {
        self.cut = Some(Ending::Silence);
        self.given_up = now.saturating_add(SILENCE);
        for side in [&mut self.up, &mut self.down] {
            side.shaper.advance(usize::MAX);
            side.ends = None;
        }
        if let Some(link) = &mut self.link {
            link.kill(now);
        }
    }

    /// Puts something under way.
    fn send(&mut self, from: Role, parcel: Parcel) {
        let now = self.scene.now();
        match &mut self.link {
            Some(link) => link.send(now, from, parcel),
            None => self.arrive(now, from, parcel),
        }
    }

    /// The link has brought something.
    fn arrive(&mut self, now: u64, from: Role, parcel: Parcel) {
        let side = match from {
            Role::Client => &mut self.up,
            Role::Server => &mut self.down,
        };
        match parcel {
            Parcel::Syn(_) => {}
            Parcel::Data(bytes) => {
                let struck = side.push(now, bytes);
                struck.into_iter().for_each(|fault| self.strike(fault));
            }
            Parcel::End { reset } => {
                side.ends.get_or_insert(reset);
            }
        }
    }

    /// Does what is due, and gives what has come through to the line.
    pub(super) fn advance(&mut self, line: &mut Line) {
        let now = self.scene.now();
        while let Some(due) = self.schedule.first().copied().filter(|due| due.at <= now) {
            self.schedule.remove(0);
            self.act(now, due);
        }
        self.bring(now);
        for from in [Role::Client, Role::Server] {
            self.hand_over(now, from, line);
        }
    }

    fn bring(&mut self, now: u64) {
        let Some(link) = &mut self.link else {
            return;
        };
        let due = link.bring(now);
        let dead = link.is_dead();
        for (from, parcel) in due {
            self.arrive(now, from, parcel);
        }
        if dead && self.cut.is_none() {
            self.tell(What::Struck {
                how: "nothing came through for so long that the connection is given up, and nobody is told",
            });
            self.fall_silent(now);
        }
    }

    fn hand_over(&mut self, now: u64, from: Role, line: &mut Line) {
        let way = match from {
            Role::Client => Way::Up,
            Role::Server => Way::Down,
        };
        loop {
            let side = self.direction(from);
            let held = side.shaper.held();
            let piece = side.shaper.pop(now, usize::MAX);
            if piece.is_empty() {
                break;
            }
            let torn = side.shaped.fragment.filter(|_| piece.len() < held);
            torn.into_iter().for_each(|fault| self.strike(fault));
            self.tell(What::Passed {
                from,
                bytes: &piece,
            });
            line.deliver(way, Parcel::Data(piece));
        }
        let side = self.direction(from);
        let stalled = side.is_stalled(now);
        if side.shaper.held() == 0
            && !stalled
            && let Some(reset) = side.ends.take()
        {
            line.deliver(way, Parcel::End { reset });
            if self.cut.is_some() {
                self.given_up = self.given_up.min(now.saturating_add(LINGER));
            }
        }
    }

    fn act(&mut self, now: u64, Due { fault, act, .. }: Due) {
        match act {
            Act::Cut(by) => {
                if self.cut.is_none() {
                    self.strike(fault);
                    self.end(by, "");
                }
            }
            Act::Stall { from, until } => {
                for side in [Role::Client, Role::Server] {
                    if from.is_none_or(|from| from == side) {
                        self.direction(side).stall = Some((fault, until));
                    }
                }
                self.up.adjust();
                self.down.adjust();
            }
            Act::Block { ways, blocked } => {
                let link = self.link.as_mut();
                let struck = link.map(|link| link.block(now, fault, ways, blocked));
                struck.into_iter().flatten().for_each(|f| self.strike(f));
            }
        }
    }

    /// When there is something to be done, in milliseconds.
    pub(super) fn deadline(&self) -> Option<u64> {
        let act = self.schedule.first().map(|due| due.at);
        let net = self.link.as_ref().and_then(Link::next_at);
        let sides = [self.up.deadline(), self.down.deadline()];
        let all = [act, net, Some(self.given_up)]
            .into_iter()
            .chain(sides)
            .flatten();
        all.filter(|at| *at < u64::MAX).min()
    }

    /// It is held by nobody who could still learn anything.
    pub(super) fn is_given_up(&self) -> bool {
        self.scene.now() >= self.given_up
    }

    /// The connection is over.
    pub(super) fn over(&self) {
        let struck = self.link.as_ref().map(Link::struck);
        struck.into_iter().flatten().for_each(|f| self.strike(f));
        self.seat.closed();
        self.tell(What::Over { reset: self.reset });
    }
}

impl Post for Relay {
    fn post(&mut self, _: ConnIx, way: Way, parcel: Parcel) -> bool {
        let from = match way {
            Way::Up => Role::Client,
            Way::Down => Role::Server,
        };
        if self.cut.is_some() {
            return false;
        }
        match parcel {
            Parcel::Syn(_) => {}
            Parcel::Data(bytes) => self.comes(from, &bytes),
            Parcel::End { reset } => {
                while let Some(piece) = self.direction(from).stream.rest() {
                    self.piece(from, piece);
                }
                self.reset |= reset;
                // The other side may have much to say still, but not for ever.
                let limit = self.scene.now().saturating_add(SILENCE);
                self.given_up = self.given_up.min(limit);
                self.tell(What::Ended { from, reset });
                self.send(from, Parcel::End { reset });
                if reset {
                    // A connection that is reset is over in both directions; what the other side was sent goes first.
                    let back = match from {
                        Role::Client => Role::Server,
                        Role::Server => Role::Client,
                    };
                    self.send(back, Parcel::End { reset });
                }
            }
        }
        true
    }
}
