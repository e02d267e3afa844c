//! Worlds: where a story is played. The same director, link model, tap and cores run in each, and for the same
//! scenario, version and seed both virtual worlds write the same trace.
//!
//! * [`event_loop`] a heap of timed events around the cores: the searcher, thousands of runs a second
//! * [`turmoil`] the async drivers on simulated hosts, sockets and clock: the simulator of record

mod disk;
pub mod event_loop;
pub(crate) mod line;
pub mod live;
mod party;
mod server;
mod stored;
pub mod turmoil;
pub mod turned;
mod uptime;

pub use server::Stranger;

use crate::{
    director::{Fate, StepFailure},
    trace::Trace,
};
use disk::Disk;
use server::{Observed, Reference, Watched};
use squall_broker::{Broker, Callers, Config, Durable, Machine, Scripted, store::Store};
use squall_protocol::{Time, Version};
use squall_scenarios::model::{BrokerSpec, Scenario};
use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicBool, Ordering},
};
use stored::Stored;

/// A virtual world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum World {
    /// The event loop.
    Loop,
    /// Turmoil's simulated hosts.
    Turmoil,
}

impl World {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Loop, Self::Turmoil];

    /// `loop` or `turmoil`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loop => "loop",
            Self::Turmoil => "turmoil",
        }
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for World {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|w| w.as_str() == s)
            .ok_or_else(|| format!("`{s}` is no world; write loop or turmoil"))
    }
}

/// What is played, without the seeded parts: a plan.
#[derive(Clone, Copy, Debug)]
pub struct Play<'a> {
    /// The plan (see [`squall_scenarios::plan`]).
    pub plan: &'a Scenario,
    /// MQTT version of every client.
    pub version: Version,
    /// Seed of the link model.
    pub seed: u64,
    /// A broker in place of the reference broker.
    pub stranger: Option<Stranger<'a>>,
    /// When this is set the run is given up.
    pub stop: &'a AtomicBool,
}

/// What came of a run, before anybody judges it.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// Everything that happened.
    pub trace: Trace,
    /// Why the story could not be told to its end, if so.
    pub failure: Option<StepFailure>,
    /// Virtual time at the end.
    pub end: Time,
    /// What became of each fault, in the order in which they began.
    pub faults: Vec<Fate>,
    /// Why what somebody brought along is no more, if so.
    pub fallen: Option<Fallen>,
}

/// What became of a broker or client that somebody brought along, when the story could not go on with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fallen {
    /// The broker has ended: why.
    Broker(String),
    /// A client has ended: why.
    Client(String),
    /// A client lacks something that the story needs.
    Lacks(String),
}

/// Plays it in the given world; `None` when it was given up.
#[must_use]
pub fn play(world: World, play: &Play<'_>) -> Option<Played> {
    match world {
        World::Loop => event_loop::play(play),
        World::Turmoil => turmoil::play(play),
    }
}

impl Play<'_> {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The broker of the loop world.
    fn server(&self, callers: Callers, disk: Option<&Disk>) -> Box<dyn Observed> {
        match self.stranger {
            Some(Stranger::Machine(make)) => Box::new(Watched::new(make())),
            Some(Stranger::Guest(_) | Stranger::Client(_)) => {
                panic!("async code plays in the turmoil world")
            }
            Some(Stranger::Store(_)) | None => {
                let mut broker = self.broker(callers, disk);
                broker.observe(true);
                Box::new(Reference(broker))
            }
        }
    }

    /// The broker of the loop world, after a crash; or why it does not begin.
    fn restarted(&self, disk: Option<&Disk>, now: Time) -> Result<Box<dyn Observed>, String> {
        let mut broker = self.started(disk, now)?;
        broker.observe(true);
        Ok(Box::new(Reference(broker)))
    }

    /// The reference broker as it begins at `now`, with what is on its disk; or why it does not. Without a disk it has
    /// forgotten everything.
    fn started(&self, disk: Option<&Disk>, now: Time) -> Result<Box<dyn Machine>, String> {
        let config = config(&self.plan.broker);
        let Some(disk) = disk else {
            return Ok(Box::new(Broker::new(config)));
        };
        let between = |store: Box<dyn Store>| match self.stranger {
            Some(Stranger::Store(between)) => between(store),
            _ => store,
        };
        let opened = Stored::open(disk, now).map(|store| between(Box::new(store)));
        let durable = opened.and_then(|store| Durable::open(config, store, now));
        match durable {
            Ok(durable) => Ok(Box::new(durable)),
            // Whatever else is wrong with what is on the disk is our own fault.
            Err(error) if disk.is_in_trouble() => {
                Err(format!("the broker does not start: {error}"))
            }
            Err(error) => panic!("the broker does not start at {now}: {error}"),
        }
    }

    /// The broker of the story.
    fn broker(&self, callers: Callers, disk: Option<&Disk>) -> Box<dyn Machine> {
        match disk {
            Some(_) => {
                let started = self.started(disk, Time::ZERO);
                started.unwrap_or_else(|why| panic!("no story has begun, and {why}"))
            }
            None => broker(self.plan, self.version, callers),
        }
    }

    /// The disk of the broker's store, if it has one.
    fn disk(&self) -> Option<Disk> {
        let store = self.plan.broker.store.as_ref();
        store.map(|spec| Disk::new(self.seed, spec))
    }
}

/// The broker of a story: the reference broker, or one that does what the story says, to whom `callers` says is there.
fn broker(plan: &Scenario, version: Version, callers: Callers) -> Box<dyn Machine> {
    let config = config(&plan.broker);
    match plan.broker.scripted {
        true => Box::new(Scripted::new(version, config, callers)),
        false => Box::new(Broker::new(config)),
    }
}

fn config(spec: &BrokerSpec) -> Config {
    let mut config = Config {
        // How full a line is depends on who carries it, and both worlds tell the same story.
        max_outgoing_bytes: usize::MAX,
        ..Config::default()
    };
    if let Some(v) = spec.receive_maximum {
        config.receive_maximum = v;
    }
    if let Some(v) = spec.topic_alias_maximum {
        config.topic_alias_maximum = v;
    }
    if let Some(v) = spec.maximum_packet_size {
        config.maximum_packet_size = v;
    }
    if spec.server_keep_alive.is_some() {
        config.server_keep_alive = spec.server_keep_alive;
    }
    if let Some(v) = spec.max_queued {
        config.max_queued = v;
    }
    if let Some(v) = spec.maximum_qos {
        config.maximum_qos = v;
    }
    let flags = [
        (spec.retain_available, &mut config.retain_available),
        (
            spec.wildcard_subscriptions,
            &mut config.wildcard_subscriptions,
        ),
        (spec.shared_subscriptions, &mut config.shared_subscriptions),
        (
            spec.subscription_identifiers,
            &mut config.subscription_identifiers,
        ),
    ];
    for (asked, offered) in flags {
        *offered = asked.unwrap_or(*offered);
    }
    config.session_expiry_maximum = spec.session_expiry.or(config.session_expiry_maximum);
    config
}
