//! What a check is given: names of its own, connections whose evidence is kept, and the time limits.
//!
//! Names carry the run and the check, so checks run beside each other and again and again against a broker that
//! remembers. A context knows nothing of what a check is about.

use crate::{
    evidence::MOST_OF_A_RUN,
    ledger::{Broom, Ledger, Leftover, Owner, session},
    outcome::{Outcome, inconclusive, interrupted},
    pace::Pace,
    sessions::Sessions,
    target::process::Process,
};
use bytes::Bytes;
use squall_client::probe::{Journal, Probe, ProbeError};
use squall_protocol::{
    ReasonCode, Version,
    packet::{ConnAck, Connect},
};
use squall_transport::{Credentials, Endpoint};
use std::{cell::Cell, rc::Rc, time::Duration};
use tokio::sync::OnceCell;

/// What all checks of a run share.
#[derive(Debug)]
pub(crate) struct Env {
    pub(crate) endpoint: Endpoint,
    /// What every client says to be let in.
    pub(crate) credentials: Option<Credentials>,
    /// Whether clients without credentials are let in too: found out by the first check that needs to know.
    pub(crate) anonymous: OnceCell<bool>,
    /// What starts the target anew.
    pub(crate) process: Option<Rc<Process>>,
    /// How long a check waits for one thing that has to come, before the target was measured.
    pub(crate) wait: Duration,
    /// How long checks wait, as measured at the target.
    pub(crate) pace: Cell<Pace>,
    /// What the target does with sessions, by version: found out by the first check that needs to know.
    pub(crate) sessions: [OnceCell<Sessions>; 2],
    /// Part of every name, different in each run.
    pub(crate) run: String,
    /// How the target was lost, when a connection cannot be opened any more or nobody is answered.
    pub(crate) gone: Cell<Option<&'static str>>,
    /// What the checks have left in the target so far.
    pub(crate) ledger: Rc<Ledger>,
    brooms: Cell<u32>,
    /// Bytes that are left for evidence that is shown whole.
    pub(crate) room: Cell<usize>,
    /// Whether results that nobody has to look at keep their packets too.
    pub(crate) all_evidence: bool,
}

impl Env {
    pub(crate) fn new(endpoint: Endpoint, wait: Duration, run: String) -> Self {
        Self {
            endpoint,
            credentials: None,
            anonymous: OnceCell::new(),
            process: None,
            wait,
            pace: Cell::new(Pace::new(wait, Duration::ZERO)),
            sessions: [OnceCell::new(), OnceCell::new()],
            run,
            gone: Cell::new(None),
            ledger: Rc::default(),
            brooms: Cell::new(0),
            room: Cell::new(MOST_OF_A_RUN),
            all_evidence: false,
        }
    }

    /// Something to tidy up with; an answer is waited for as long as checks do, and no longer than `most`.
    pub(crate) fn broom(&self, most: Duration) -> Broom {
        self.brooms.set(self.brooms.get() + 1);
        Broom {
            endpoint: self.endpoint.clone(),
            credentials: self.credentials.clone(),
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
    pub(crate) env: Rc<Env>,
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
    /// What the check was given beyond its limit.
    extra: Cell<Duration>,
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
            extra: Cell::new(Duration::ZERO),
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

    /// The same check's context anew: other Client Identifiers and evidence of its own.
    pub(crate) fn again(&self) -> Self {
        let (env, name) = (Rc::clone(&self.env), format!("{:0>2}q", self.name));
        Self::new(env, self.version, self.owner.check, name, self.main)
    }

    /// Whether the target stopped accepting connections.
    pub(crate) fn gone(&self) -> bool {
        self.env.gone.get().is_some()
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

    /// How long to wait, after an answer's wait, for what a server may send by a timer of its own. The check is given as
    /// much more time.
    pub(crate) fn patience(&self) -> Duration {
        let patience = self.env.pace.get().patience();
        self.extra.set(self.extra.get() + patience);
        patience
    }

    /// What the check was given beyond its limit.
    pub(crate) fn extra(&self) -> Duration {
        self.extra.get()
    }

    /// How long a silence has to last before it counts as one.
    pub(crate) fn quiet(&self) -> Duration {
        self.env.pace.get().quiet()
    }

    /// How long a server that closes is given to do so before it is asked whether it carries on.
    pub(crate) fn grace(&self) -> Duration {
        self.env.pace.get().grace()
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
        if let Some(how) = self.env.gone.get() {
            return Err(interrupted(how));
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
                self.env.gone.set(Some(GONE));
                interrupted(format!("{GONE}: {error}"))
            })
    }

    /// Leaves the broker as it was: sessions of this check end, its retained messages are cleared. What cannot be
    /// tidied up stays in the ledger of the run; the verdict stands already.
    pub(crate) async fn tidy(&self) {
        let broom = self.env.broom(self.wait());
        broom.tidy(&self.env.ledger, Some(self.owner)).await;
    }
}
