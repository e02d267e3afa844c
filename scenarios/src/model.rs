//! A scenario after reading: names resolved, defaults filled in, impossible things refused.
//!
//! This is what the director, the worlds and the oracles see. It knows nothing of YAML. Durations are virtual time
//! in whole milliseconds.

use crate::{
    construct::{Becomes, Happen},
    kind::Form,
    raw::Node,
    reader::Context,
    record::Told,
};
use squall_protocol::Version;
use std::time::Duration;

pub use crate::{
    action::{Action, ConnectExpect, MessagePattern, MessageSpec},
    broker::BrokerSpec,
    client::{
        ClientSpec, ConnectSpec, LinkChange, LinkSpec, ReconnectSpec, Said, Weather, WillSpec,
    },
    expect::{ExpectKind, Expectation, Receivers, Times},
    fault::{CutBy, CutPoint, Fault, Way},
    source::{ClientIx, Source},
    step::{Network, Settle, Wait, Workload},
};

/// One story about an MQTT system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Short name: the file's path below the scenario folder without its ending, such as `qos2/cut-after-pubrec`.
    pub name: String,
    /// The file as it was named when it was read; for messages.
    pub file: String,
    /// What the story tells, in one sentence.
    pub title: String,
    /// Statements of the standard it is about, such as `MQTT-4.3.3-1`.
    pub statements: Vec<String>,
    /// Versions it runs with, at least one.
    pub versions: Vec<Version>,
    /// How many seeds (0, 1, …) a test run tries; at least 1.
    pub seeds: u32,
    /// Virtual time after which the run has failed.
    pub limit: Duration,
    /// The reference broker's settings.
    pub broker: BrokerSpec,
    /// The clients, in the order of the file; at least one.
    pub clients: Vec<ClientSpec>,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// What must be true of the whole history, beyond the oracles that always listen.
    pub expect: Vec<Expectation>,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it stands.
    pub source: Source,
    /// What it is.
    pub kind: StepKind,
}

impl Step {
    /// The client that does something, if it is a client's step.
    #[must_use]
    pub const fn client(&self) -> Option<ClientIx> {
        match &self.kind {
            StepKind::Client { client, .. } => Some(*client),
            _ => None,
        }
    }
}

/// A kind of step that is nobody's and holds no other steps: everything that can be said with it.
pub(crate) struct Leaf {
    pub(crate) word: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) example: &'static str,
    pub(crate) form: fn() -> Form,
    pub(crate) keys: fn() -> Vec<Told>,
    pub(crate) read: fn(&mut Context<'_>, &Node) -> Option<StepKind>,
}

macro_rules! steps {
    ($($name:ident),+ $(,)?) => {
        /// Kinds of steps.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum StepKind {
            /// A client does something.
            Client {
                /// Who.
                client: ClientIx,
                /// What.
                action: Action,
                /// Its outcome must come within this time; otherwise the run fails.
                within: Option<Duration>,
                /// `false`: go on at once, whatever becomes of it.
                wait: bool,
            },
            /// All branches run at once; the step is over when each of them is.
            Parallel(Vec<Vec<Step>>),
            /// Steps that begin at given times after this step began; over when each of them is.
            Timeline(Vec<Entry>),
            $(#[doc = concat!("See [`", stringify!($name), "`].")] $name($name),)+
        }

        /// All kinds that are nobody's and hold no other steps.
        pub(crate) const LEAVES: &[Leaf] = &[
            $(Leaf {
                word: $name::WORD,
                meaning: $name::MEANING,
                example: $name::EXAMPLE,
                form: $name::form,
                keys: $name::keys,
                read: |cx, node| $name::read(cx, node).map(StepKind::$name),
            },)+
        ];

        impl StepKind {
            /// Its word and what is written after it; `None` for steps of clients and steps that hold others.
            pub(crate) fn written(&self, names: &[&str]) -> Option<String> {
                match self {
                    $(Self::$name(one) => Some(format!("{}: {}", $name::WORD, one.written(names))),)+
                    _ => None,
                }
            }

            /// In a few words; `None` as for [`Self::written`].
            pub(crate) fn told(&self, names: &[&str]) -> Option<String> {
                match self {
                    $(Self::$name(one) => Some(one.told(names)),)+
                    _ => None,
                }
            }

            /// What it becomes in a plan.
            pub(crate) fn becomes(&self) -> Becomes {
                match self {
                    $(Self::$name(one) => one.becomes(),)+
                    _ => Becomes::default(),
                }
            }
        }
    };
}

steps![Fault, Network, Wait, Settle, Workload];

/// One step of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Milliseconds after the timeline began.
    pub after: Duration,
    /// The step.
    pub step: Step,
}
