//! Rules on every packet. One file a rule; each sees the packets of one session and judges what one side of it sends.

mod greeting;
mod message;

use crate::{
    finding::{Cite, Finding, cited},
    form,
    record::{End, Record, Seen},
};
use greeting::Greeting;
use message::Messages;
use squall_protocol::{
    Packet, Role, Version, Violation,
    packet::{ConnAck, Connect},
};
use std::{collections::BTreeMap, fmt};

/// What the monitors have to know of the world they look at.
#[derive(Clone, Copy)]
pub struct Scene<'n> {
    /// The version that is spoken.
    pub version: Version,
    /// What a client is called in a sentence.
    pub name: &'n dyn Fn(usize) -> String,
    /// What the other party is called: `the broker`.
    pub server: &'static str,
    /// Topics of which every publisher is known, by what they begin with: only clients of this history publish there.
    /// `None` when messages are not to be judged.
    pub own_topics: Option<&'n str>,
    /// The judged side may hold back what it says, and lose it with a connection, before anybody sees it: even at its own
    /// end, not everything that it has tried to say is known.
    pub buffers: bool,
    /// No session is older than what is seen.
    pub whole: bool,
}

impl fmt::Debug for Scene<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scene")
            .field("version", &self.version)
            .field("server", &self.server)
            .field("own_topics", &self.own_topics)
            .finish_non_exhaustive()
    }
}

/// All monitors of one history, for one judged side.
#[derive(Debug)]
pub struct Monitors<'n, 'a> {
    scene: Scene<'n>,
    judged: Role,
    /// Clients that speak a version of their own.
    others: BTreeMap<usize, Version>,
    sessions: BTreeMap<usize, Session>,
    messages: Messages<'a>,
}

/// The monitors of one session, for one judged side, for somebody who watches packets go by and keeps none. What they
/// keep is bounded by the number of packet identifiers, however long the session lasts. Messages are not held against
/// those of other sessions: that is what [`Monitors`] do.
///
/// Whether records come from the end of the judged side or from its peer's is said by each; a session that began before
/// anybody watched is not judged.
#[derive(Debug)]
pub struct Watch {
    judged: Role,
    session: Session,
}

impl Watch {
    /// Monitors of what `judged` sends.
    #[must_use]
    pub fn of(judged: Role) -> Self {
        Self {
            judged,
            session: Session::default(),
        }
    }

    /// Looks at the next record of the session; gives what is wrong to `broken`. A record's client and session are of no
    /// account but for the name in a sentence.
    pub fn see(&mut self, scene: &Scene<'_>, record: &Record<'_>, broken: &mut dyn FnMut(Finding)) {
        self.session.look(scene, self.judged, record, broken);
    }

    /// Something is not known, so nothing more is judged of this session.
    #[must_use]
    pub const fn is_blind(&self) -> bool {
        self.session.unknown
    }
}

/// A packet as the monitors of one session see it.
struct Step<'s> {
    scene: &'s Scene<'s>,
    judged: Role,
    end: End,
    ix: usize,
    packet: &'s Packet,
}

impl Step<'_> {
    /// It is seen where the judged side is: nothing that side had sent or heard before is unknown.
    fn sharp(&self) -> bool {
        self.end.side == self.judged && !self.scene.buffers
    }

    /// What the server said was known to the judged side before it said anything more.
    fn certain(&self) -> bool {
        self.judged == Role::Server || self.sharp()
    }

    fn five(&self) -> bool {
        self.scene.version == Version::V5_0
    }

    /// The judged side, as it is called.
    fn who(&self) -> String {
        let name = (self.scene.name)(self.end.client);
        match self.judged {
            Role::Server => format!("{}, to {name},", self.scene.server),
            Role::Client => name,
        }
    }

    fn finding(
        &self,
        rule: &'static str,
        cite: Cite,
        message: String,
        expected: impl Into<String>,
        before: Option<usize>,
    ) -> Finding {
        Finding {
            rule,
            statements: cited(self.scene.version, cite),
            message,
            expected: expected.into(),
            witness: before.into_iter().chain([self.ix]).collect(),
            absence: false,
            demand: None,
            version: None,
        }
    }
}

/// A rule on the packets of one session, with what it has to remember. What does not concern it, it leaves out.
trait Rule: fmt::Debug {
    /// The judged side sends this.
    fn says(&mut self, _step: &Step<'_>, _broken: &mut dyn FnMut(Finding)) {}

    /// Its peer sends this.
    fn hears(&mut self, _packet: &Packet) {}

    /// Its peer sends this on an older connection that is still open. It may have arrived.
    fn hears_late(&mut self, _packet: &Packet) {}

    /// A CONNECT goes out: what comes now is on this connection.
    fn turn_to(&mut self, _conn: u64) {}

    /// The CONNECT of the connection that begins, where the server is judged.
    fn connects(&mut self, _connect: &Connect) {}

    /// The judged server answers CONNECT.
    fn greets(&mut self, _step: &Step<'_>, _ack: &ConnAck, _broken: &mut dyn FnMut(Finding)) {}

    /// The peer's Receive Maximum.
    fn allow(&mut self, _window: Option<u16>) {}

    /// The server went down: it may have forgotten what it heard, if it has not acted upon it. The server is judged.
    fn crashes(&mut self) {}

    /// The connection is accepted; the session goes on or is new. It is certain that the judged side knows it when it next
    /// speaks, or not.
    fn resume(&mut self, _present: bool, _certain: bool) {}
}

macro_rules! rules {
    ($($file:ident: $rule:ident;)+) => {
        $(mod $file;)+

        /// Every rule, at the beginning of a session.
        fn rules() -> Vec<Box<dyn Rule>> {
            vec![$(Box::new($file::$rule::default())),+]
        }
    };
}

// Each is a file; in the order in which their findings are listed.
rules! {
    sending: Sending;
    acknowledgement: Acknowledgements;
    requests: Requests;
    announced: Announced;
    offered: Offered;
    farewell: Farewell;
}

/// What is known of one session.
#[derive(Debug)]
struct Session {
    /// The connection that counts: the one of the latest CONNECT.
    conn: Option<u64>,
    /// Something is not known, so nothing more is judged.
    unknown: bool,
    /// The latest connection with a CONNECT that can be read.
    read: Option<u64>,
    greeting: Greeting,
    /// The connection that was accepted last.
    accepted: Option<u64>,
    rules: Vec<Box<dyn Rule>>,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            conn: None,
            unknown: false,
            read: None,
            greeting: Greeting::default(),
            accepted: None,
            rules: rules(),
        }
    }
}

impl<'n, 'a> Monitors<'n, 'a> {
    /// Monitors of what `judged` sends.
    #[must_use]
    pub fn of(judged: Role, scene: Scene<'n>) -> Self {
        Self {
            scene,
            judged,
            others: BTreeMap::new(),
            sessions: BTreeMap::new(),
            messages: Messages::default(),
        }
    }

    /// The same, where these clients speak a version of their own.
    #[must_use]
    pub fn but(mut self, others: impl IntoIterator<Item = (usize, Version)>) -> Self {
        self.others.extend(others);
        self
    }

    /// Looks at the next record; gives what is wrong to `broken`.
    pub fn see(&mut self, record: &Record<'a>, broken: &mut dyn FnMut(Finding)) {
        let Some(version) = self.others.get(&record.end.client).copied() else {
            return self.look(self.scene, record, broken);
        };
        let scene = Scene {
            version,
            ..self.scene
        };
        self.look(scene, record, &mut |finding| {
            broken(Finding {
                version: Some(version),
                ..finding
            });
        });
    }

    /// The server went down, and kept at the least what it had promised.
    pub fn crash(&mut self) {
        if self.judged == Role::Server {
            let sessions = self.sessions.values_mut();
            sessions.for_each(|session| session.each(|rule| rule.crashes()));
        }
    }

    fn look(&mut self, scene: Scene<'n>, record: &Record<'a>, broken: &mut dyn FnMut(Finding)) {
        let Record { ix, end, seen, .. } = *record;
        let session = self.sessions.entry(end.session).or_default();
        let from = match seen {
            Seen::Sent(packet) => Some((packet, end.side)),
            Seen::Received(packet) => Some((packet, other(end.side))),
            _ => None,
        };
        if let Some((packet, from)) = from {
            let step = Step {
                scene: &scene,
                judged: self.judged,
                end,
                ix,
                packet,
            };
            // Of a session in which something was missed, it is not known what it is subscribed to and what an alias means.
            let unknown = session.unknown && from == Role::Server;
            if step.scene.own_topics.is_some() && !unknown {
                self.messages.see(&step, packet, from, broken);
            }
        }
        if matches!(seen, Seen::Unknown) {
            self.messages.unknown();
        }
        session.look(&scene, self.judged, record, broken);
    }
}

/// What the judged side sent cannot be read as one of its packets.
fn malformed(
    scene: &Scene<'_>,
    judged: Role,
    ix: usize,
    end: End,
    violation: &Violation,
) -> Finding {
    let name = (scene.name)(end.client);
    let who = match judged {
        Role::Server => format!("{}, to {name},", scene.server),
        Role::Client => name,
    };
    let statements = match judged {
        Role::Server => form::broken_by_server(violation),
        Role::Client => violation.statements().to_vec(),
    };
    Finding {
        rule: form::rule(violation),
        statements,
        message: format!("{who} sent what breaks the standard: {violation}"),
        expected: "packets as the standard writes them".into(),
        witness: vec![ix],
        absence: false,
        demand: None,
        version: None,
    }
}

impl Session {
    fn each(&mut self, mut tell: impl FnMut(&mut dyn Rule)) {
        self.rules.iter_mut().for_each(|rule| tell(&mut **rule));
    }

    fn look(
        &mut self,
        scene: &Scene<'_>,
        judged: Role,
        record: &Record<'_>,
        broken: &mut dyn FnMut(Finding),
    ) {
        let Record { ix, end, seen, .. } = *record;
        let (packet, from) = match seen {
            Seen::Sent(packet) => (packet, end.side),
            Seen::Received(packet) => (packet, other(end.side)),
            Seen::Unknown | Seen::Missed => {
                self.unknown = true;
                return;
            }
            Seen::Closed(_) => return self.greeting.closed(end.conn),
            Seen::Broken(violation) => {
                // What answers something that can't be read as CONNECT is of a version that nobody has said.
                let known = judged == Role::Client || !self.unknown || self.read == Some(end.conn);
                if other(end.side) == judged && known {
                    broken(malformed(scene, judged, ix, end, violation));
                }
                return;
            }
            Seen::Opened | Seen::Silenced | Seen::Application(_) => return,
        };
        if from == Role::Client && matches!(packet, Packet::Connect(_)) {
            self.read = Some(end.conn);
        }
        if !self.unknown {
            let step = Step {
                scene,
                judged,
                end,
                ix,
                packet,
            };
            self.see(&step, from, broken);
        }
    }

    fn see(&mut self, step: &Step<'_>, from: Role, broken: &mut dyn FnMut(Finding)) {
        let conn = step.end.conn;
        let says = from == step.judged;
        if says {
            self.greeting.says(step, broken);
        }
        if matches!(step.packet, Packet::Connect(_)) && from == Role::Client {
            self.conn = Some(conn);
            self.each(|rule| rule.turn_to(conn));
            if says && !step.sharp() && is_clean(step.packet) {
                // What comes before CONNACK is of the new session already.
                self.each(|rule| rule.resume(false, true));
            }
        }
        if self.conn != Some(conn) {
            // An older connection that is still open. What the judged side's peer acknowledged there may have arrived.
            if !says && !step.sharp() {
                self.each(|rule| rule.hears_late(step.packet));
            }
            return;
        }
        match step.packet {
            Packet::Connect(connect) if step.judged == Role::Server => {
                self.each(|rule| {
                    rule.connects(connect);
                    rule.allow(connect.properties.receive_maximum());
                });
            }
            Packet::ConnAck(ack) => {
                if step.judged == Role::Server {
                    self.each(|rule| rule.greets(step, ack, broken));
                }
                if !ack.reason.is_error() {
                    self.accept(step, ack);
                }
            }
            // What it says before it has an answer belongs to a session of which is not known which it will be.
            _ if says && !step.certain() && self.accepted != Some(conn) => {
                self.each(|rule| rule.says(step, &mut |_| {}));
            }
            _ if says => self.each(|rule| rule.says(step, broken)),
            _ => self.each(|rule| rule.hears(step.packet)),
        }
    }
}

impl Session {
    /// The connection is accepted.
    fn accept(&mut self, step: &Step<'_>, ack: &ConnAck) {
        if step.judged == Role::Client {
            self.each(|rule| rule.allow(ack.properties.receive_maximum()));
        }
        // A session that began where nobody looked is not judged.
        self.unknown = !step.sharp() && ack.session_present && !self.greeting.has_met();
        self.greeting.met();
        self.accepted = Some(step.end.conn);
        let certain = step.certain();
        self.each(|rule| rule.resume(ack.session_present, certain));
    }
}

const fn is_clean(packet: &Packet) -> bool {
    matches!(packet, Packet::Connect(connect) if connect.clean_start)
}

const fn other(side: Role) -> Role {
    match side {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}
