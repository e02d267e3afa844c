//! What a check is given: names of its own, connections whose evidence is kept, and the time limits.
//!
//! Names carry the run and the check, so checks run beside each other and again and again against a broker that
//! remembers. A context knows nothing of what a check is about.

use crate::{
    evidence::MOST_OF_A_RUN,
    heard::unanswered,
    ledger::{Broom, Ledger, Leftover, Owner, session},
    outcome::{Outcome, inconclusive, not_applicable},
    pace::Pace,
    party::{Client, refused},
    sessions::Sessions,
};
use bytes::Bytes;
use squall_client::probe::{Heard, Journal, Probe, ProbeError};
use squall_protocol::{
    Packet, Properties, Property, QoS, ReasonCode, Text, Version,
    packet::{ConnAck, Connect, Publish, Will},
};
use squall_transport::Endpoint;
use std::{cell::Cell, rc::Rc, time::Duration};
use tokio::sync::OnceCell;

/// What all checks of a run share.
#[derive(Debug)]
pub(crate) struct Env {
    pub(crate) endpoint: Endpoint,
    /// How long a check waits for one thing that has to come, before the target was measured.
    pub(crate) wait: Duration,
    /// How long checks wait, as measured at the target.
    pub(crate) pace: Cell<Pace>,
    /// What the target does with sessions, by version: found out by the first check that needs to know.
    pub(crate) sessions: [OnceCell<Sessions>; 2],
    /// Part of every name, different in each run.
    pub(crate) run: String,
    /// Set when a connection could not be opened any more.
    pub(crate) gone: Cell<bool>,
    /// What the checks have left in the target so far.
    pub(crate) ledger: Rc<Ledger>,
    brooms: Cell<u32>,
    /// Bytes that are left for evidence that is shown whole.
    pub(crate) room: Cell<usize>,
}

impl Env {
    pub(crate) fn new(endpoint: Endpoint, wait: Duration, run: String) -> Self {
        Self {
            endpoint,
            wait,
            pace: Cell::new(Pace::new(wait, Duration::ZERO)),
            sessions: [OnceCell::new(), OnceCell::new()],
            run,
            gone: Cell::new(false),
            ledger: Rc::default(),
            brooms: Cell::new(0),
            room: Cell::new(MOST_OF_A_RUN),
        }
    }

    /// Something to tidy up with; an answer is waited for as long as checks do, and no longer than `most`.
    pub(crate) fn broom(&self, most: Duration) -> Broom {
        self.brooms.set(self.brooms.get() + 1);
        Broom {
            endpoint: self.endpoint.clone(),
            wait: self.wait.min(most),
            id: format!("{}tidy{}", self.run, self.brooms.get()),
        }
    }
}

/// How exact "not before" can be: both sides count in milliseconds, each with a clock of its own.
pub(crate) const PRECISION: Duration = Duration::from_millis(5);

/// The context of one check in one version.
#[derive(Debug)]
pub(crate) struct Cx {
    env: Rc<Env>,
    pub(crate) version: Version,
    pub(crate) journal: Journal,
    /// The main statement of the check in this version.
    pub(crate) main: &'static str,
    name: String,
    owner: Owner,
    count: Cell<u32>,
    controlled: Cell<bool>,
    /// Clients that are sent messages which they have to acknowledge.
    receivers: Cell<u32>,
}

/// What a context says when the target stopped accepting connections.
pub(crate) const GONE: &str = "the target stopped accepting connections";

/// Whether a connection failed for want of file descriptors here (EMFILE, ENFILE), and not at the target.
fn out_of_files(error: &ProbeError) -> bool {
    matches!(error, ProbeError::Connect(_, e) if matches!(e.raw_os_error(), Some(23 | 24)))
}

impl Cx {
    /// `name` is short and made of letters and digits; it becomes part of Client Identifiers. `number` is another in
    /// each check of a run.
    pub(crate) fn new(
        env: Rc<Env>,
        version: Version,
        number: usize,
        name: String,
        main: &'static str,
    ) -> Self {
        let owner = Owner {
            check: number,
            case: 0,
        };
        Self {
            env,
            version,
            main,
            journal: Journal::new(),
            name,
            owner,
            count: Cell::new(0),
            controlled: Cell::new(false),
            receivers: Cell::new(0),
        }
    }

    /// A context for one of many cases of this check: Client Identifiers, topics and evidence of its own.
    pub(crate) fn case(&self, number: usize) -> Self {
        let name = format!("{:0>2}c{number}", self.name);
        let env = Rc::clone(&self.env);
        let mut case = Self::new(env, self.version, self.owner.check, name, self.main);
        case.owner.case = number + 1;
        case
    }

    /// Whether the target stopped accepting connections.
    pub(crate) fn gone(&self) -> bool {
        self.env.gone.get()
    }

    /// Whether it is 5.0.
    pub(crate) fn five(&self) -> bool {
        self.version == Version::V5_0
    }

    /// One of two, by version.
    pub(crate) fn pick<T>(&self, v3_1_1: T, v5_0: T) -> T {
        if self.five() { v5_0 } else { v3_1_1 }
    }

    /// How long to wait for one thing that has to come.
    pub(crate) fn wait(&self) -> Duration {
        self.env.pace.get().answer()
    }

    /// How long a silence has to last before it counts as one.
    pub(crate) fn quiet(&self) -> Duration {
        self.env.pace.get().quiet()
    }

    /// How long a server that closes is given to do so before it is asked whether it carries on.
    pub(crate) fn grace(&self) -> Duration {
        self.env.pace.get().grace()
    }

    /// What this target does with sessions in this version, found out once in a run.
    pub(crate) async fn sessions(&self) -> Sessions {
        let known = &self.env.sessions[self.version as usize];
        let name = format!("s{}", self.version.level());
        // A number of its own: what it leaves is tidied up by itself, and nothing else with it.
        let number = usize::MAX - self.version as usize;
        let env = Rc::clone(&self.env);
        let cx = Self::new(env, self.version, number, name, self.main);
        *known.get_or_init(|| Sessions::found_by(cx)).await
    }

    /// Whether a topic is one of this check's.
    pub(crate) fn owns(&self, topic: &str) -> bool {
        // An empty one stands for an alias, which only a check that asked for them gets.
        topic.is_empty() || topic.contains(&self.topic(""))
    }

    /// One more client is sent messages which it has to acknowledge.
    pub(crate) fn one_more_receiver(&self) {
        self.receivers.set(self.receivers.get() + 1);
    }

    /// How many clients are sent messages which they have to acknowledge.
    pub(crate) fn receivers(&self) -> u32 {
        self.receivers.get()
    }

    /// Something beyond CONNACK was seen to work: from here on the check may pass.
    pub(crate) fn control_seen(&self) {
        self.controlled.set(true);
    }

    /// Whether something was seen to work.
    pub(crate) fn controlled(&self) -> bool {
        self.controlled.get()
    }

    /// A new Client Identifier of letters and digits, at most 23 bytes, which every server has to accept
    /// [MQTT-3.1.3-5].
    pub(crate) fn id(&self) -> String {
        self.count.set(self.count.get() + 1);
        let id = format!("{}{:0>2}x{}", self.env.run, self.name, self.count.get());
        debug_assert!(id.len() <= 23, "{id} is too long");
        id
    }

    /// A topic name of this check alone.
    pub(crate) fn topic(&self, leaf: &str) -> String {
        format!("squall/{}/{}/{leaf}", self.env.run, self.name)
    }

    /// The topic will hold a retained message; it is cleared after the check.
    pub(crate) fn will_retain(&self, topic: &str) {
        self.will_leave(Leftover::Retained(topic.to_owned(), self.version));
    }

    /// What is sent next leaves this in the target; it is removed after the check.
    pub(crate) fn will_leave(&self, what: Leftover) {
        self.env.ledger.enter(self.owner, what);
    }

    /// The server has refused what would have left this.
    pub(crate) fn has_not_left(&self, what: &Leftover) {
        self.env.ledger.strike(self.owner, what);
    }

    /// A CONNECT with an empty Client Identifier was answered: if it left a session, its name is known now, or it left
    /// none.
    pub(crate) fn named(&self, version: Version, connack: &ConnAck) {
        let nameless = Leftover::NamelessSession(version);
        if !self.env.ledger.has(self.owner, &nameless) {
            return;
        }
        let id = connack.properties.assigned_client_identifier();
        if connack.reason != ReasonCode::SUCCESS {
            self.has_not_left(&nameless);
        } else if let Some(id) = id {
            self.has_not_left(&nameless);
            self.will_leave(session(Bytes::copy_from_slice(id.as_bytes()), version));
        }
    }

    /// A CONNECT that is sent next; a session that it leaves ends after the check.
    pub(crate) fn connecting(&self, connect: &Connect) {
        self.env.ledger.connecting(self.owner, connect);
    }

    /// Opens a connection without saying anything on it.
    pub(crate) async fn open(&self, name: &str) -> Result<Probe, Outcome> {
        if self.env.gone.get() {
            return Err(inconclusive(GONE));
        }
        let (endpoint, wait) = (&self.env.endpoint, self.wait());
        let mut opened = Probe::connect_as(endpoint.clone(), wait, &self.journal, name).await;
        if opened.is_err() {
            // A full backlog passes by itself; a dead broker does not.
            tokio::time::sleep(Duration::from_millis(200)).await;
            opened = Probe::connect_as(endpoint.clone(), wait, &self.journal, name).await;
        }
        opened
            .map(|mut probe| {
                probe.speak(self.version);
                probe
            })
            .map_err(|error| {
                if out_of_files(&error) {
                    // Ours, not the target's; other checks may be luckier.
                    return inconclusive(format!(
                        "this machine lets Squall open no more connections ({error}); raise the limit (ulimit -n), \
                         or run fewer checks at once"
                    ));
                }
                self.env.gone.set(true);
                inconclusive(format!("{GONE}: {error}"))
            })
    }

    /// A connection to be made as `name` in the evidence.
    pub(crate) fn dial(&self, name: &'static str) -> Dial<'_> {
        let connect = Connect {
            version: self.version,
            clean_start: true,
            keep_alive: 60,
            client_id: Text::from(self.id()),
            will: None,
            user_name: None,
            password: None,
            properties: Properties::new(),
        };
        Dial {
            cx: self,
            name,
            connect,
        }
    }

    /// A plain connection with a clean session.
    pub(crate) async fn client(&self, name: &'static str) -> Result<Client<'_>, Outcome> {
        self.dial(name).go().await
    }

    /// The positive control of checks whose subject is a refused CONNECT: a correct one is accepted, and the
    /// connection works.
    pub(crate) async fn accepts(&self) -> Result<(), Outcome> {
        let mut client = self.client("control").await?;
        client.fence().await?;
        client.bye().await;
        Ok(())
    }

    /// Leaves the broker as it was: sessions of this check end, its retained messages are cleared. What cannot be
    /// tidied up stays in the ledger of the run; the verdict stands already.
    pub(crate) async fn tidy(&self) {
        let broom = self.env.broom(self.wait());
        broom.tidy(&self.env.ledger, Some(self.owner)).await;
    }
}

/// A CONNECT in the making.
pub(crate) struct Dial<'a> {
    cx: &'a Cx,
    name: &'static str,
    pub(crate) connect: Connect,
}

impl<'a> Dial<'a> {
    /// Under this Client Identifier.
    pub(crate) fn id(mut self, id: &str) -> Self {
        self.connect.client_id = Text::from(id);
        self
    }

    /// With a session that outlives the connection: Clean Session 0, in 5.0 Clean Start 0 and an expiry of 60 s.
    pub(crate) fn kept(mut self) -> Self {
        self.connect.clean_start = false;
        if self.cx.five() {
            self.connect
                .properties
                .set(Property::SessionExpiryInterval(60));
        }
        self
    }

    /// With Clean Session or Clean Start as given.
    pub(crate) fn clean(mut self, clean: bool) -> Self {
        self.connect.clean_start = clean;
        self
    }

    /// With this Keep Alive in seconds.
    pub(crate) fn keep_alive(mut self, seconds: u16) -> Self {
        self.connect.keep_alive = seconds;
        self
    }

    /// With this property (5.0), in the place of an earlier one of its kind.
    pub(crate) fn property(mut self, property: Property) -> Self {
        self.connect.properties.set(property);
        self
    }

    /// With a will message.
    pub(crate) fn will(mut self, topic: &str, payload: &[u8], qos: QoS) -> Self {
        self.connect.will = Some(Will {
            topic: Text::from(topic),
            payload: payload.to_vec().into(),
            qos,
            retain: false,
            properties: Properties::new(),
        });
        self
    }

    /// Changes the will that was set.
    pub(crate) fn alter_will(mut self, change: impl FnOnce(&mut Will)) -> Self {
        if let Some(will) = &mut self.connect.will {
            change(will);
        }
        self
    }

    /// Opens the connection and waits for a CONNACK that accepts it.
    pub(crate) async fn go(self) -> Result<Client<'a>, Outcome> {
        let name = self.name;
        let cx = self.cx;
        let asked = self.connect.properties.session_expiry_interval();
        let (probe, connack) = self.try_go().await?;
        if connack.reason.0 != 0 {
            return Err(refused(cx.version, connack.reason));
        }
        // [X-5.0-connack-4]: the server's value counts, and a session that is gone at once proves nothing.
        let granted = connack.properties.session_expiry_interval();
        if let (Some(asked), Some(granted)) = (asked, granted)
            && granted < asked.min(10)
        {
            let text = format!(
                "the server keeps sessions for {granted} s only, as its Session Expiry Interval says"
            );
            return Err(not_applicable(text));
        }
        Ok(Client::new(cx, name, probe, connack))
    }

    /// Opens the connection and waits for a CONNACK of any code.
    pub(crate) async fn try_go(self) -> Result<(Probe, ConnAck), Outcome> {
        let cx = self.cx;
        let nameless = self.connect.client_id.is_empty();
        let version = self.connect.version;
        let (probe, heard) = self.answer().await?;
        match heard {
            Heard::Packet(Packet::ConnAck(connack)) => {
                if nameless {
                    cx.named(version, &connack);
                }
                Ok((probe, connack))
            }
            Heard::Violation(violation) => Err(Outcome::violation(&violation)),
            other => Err(unanswered(&other, cx.wait())),
        }
    }

    /// Opens the connection, sends the CONNECT and waits for whatever comes first.
    pub(crate) async fn answer(self) -> Result<(Probe, Heard), Outcome> {
        let cx = self.cx;
        let mut probe = cx.open(self.name).await?;
        let sent = self.send(&mut probe).await;
        sent.map_err(|error| inconclusive(error.to_string()))?;
        let heard = probe.next(cx.wait()).await;
        Ok((probe, heard))
    }

    /// Sends it on a connection that is open.
    pub(crate) async fn send(self, probe: &mut Probe) -> Result<(), ProbeError> {
        self.cx.connecting(&self.connect);
        probe.send(&Packet::Connect(Box::new(self.connect))).await
    }
}

/// A PUBLISH with this content; its packet identifier is set when it is sent.
pub(crate) fn message(topic: &str, qos: QoS, payload: &[u8]) -> Publish {
    Publish {
        dup: false,
        qos,
        retain: false,
        topic: Text::from(topic),
        packet_id: None,
        properties: Properties::new(),
        payload: payload.to_vec().into(),
    }
}

/// What checks add to a message.
pub(crate) trait Shape {
    /// With RETAIN 1.
    fn retained(self) -> Self;
    /// With this property.
    fn with(self, property: Property) -> Self;
}

impl Shape for Publish {
    fn retained(mut self) -> Self {
        self.retain = true;
        self
    }

    fn with(mut self, property: Property) -> Self {
        self.properties.push(property);
        self
    }
}
