//! Steps: what can happen.

use crate::{
    action::Action,
    construct::{Becomes, Happen, listed},
    kind::{Form, Kind},
    raw::Node,
    reader::Context,
    record::Told,
    source::{ClientIx, Source},
};
use squall_protocol::Role;
use std::time::Duration;

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it stands.
    pub source: Source,
    /// What it is.
    pub kind: StepKind,
}

impl Step {
    /// The step, and all that it holds, at any depth, each before what it holds itself.
    pub fn all(&self) -> Box<dyn Iterator<Item = &Self> + '_> {
        let inside = self.kind.inside().flat_map(Self::all);
        Box::new(std::iter::once(self).chain(inside))
    }

    /// The client that does something, or to whom the broker does, if it is a step of either.
    #[must_use]
    pub const fn client(&self) -> Option<ClientIx> {
        match &self.kind {
            StepKind::Client { client, .. } | StepKind::Broker { client, .. } => Some(*client),
            _ => None,
        }
    }
}

impl Step {
    /// Which end of a client's connection does it: the server's, if it is a scripted broker's step.
    #[must_use]
    pub const fn side(&self) -> Role {
        match &self.kind {
            StepKind::Broker { .. } => Role::Server,
            _ => Role::Client,
        }
    }
}

impl StepKind {
    /// The steps that it holds, in the order of the file.
    pub fn inside(&self) -> impl Iterator<Item = &Step> {
        let (branches, entries): (&[Vec<Step>], &[Entry]) = match self {
            Self::Parallel(branches) => (branches, &[]),
            Self::Timeline(entries) => (&[], entries),
            _ => (&[], &[]),
        };
        let timed = entries.iter().map(|entry| &entry.step);
        branches.iter().flatten().chain(timed)
    }
}

/// One step of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Milliseconds after the timeline began.
    pub after: Duration,
    /// The step.
    pub step: Step,
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

/// The list of all kinds that are nobody's and hold no other steps. A line declares the file of one.
macro_rules! steps {
    (($d:tt) $($file:ident: $name:ident;)+) => {
        $(pub mod $file;
        pub use $file::$name;)+

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
            /// A scripted broker does something to a client.
            Broker {
                /// To whom.
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
                form: || $name::VALUE.form(),
                keys: $name::keys,
                read: |cx, node| $name::VALUE.read(cx, node).map(StepKind::$name),
            },)+
        ];

        impl StepKind {
            /// Its word and what is written after it; `None` for steps of clients and steps that hold others.
            pub(crate) fn written(&self, names: &[&str]) -> Option<String> {
                match self {
                    $(Self::$name(one) => Some(format!("{}: {}", $name::WORD, $name::VALUE.show(one, names))),)+
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

        listed! { ($d) for_each_step { $($file: $name;)+ } }
    };
}

steps! {
    ($)
    fault: Fault;
    network: Network;
    wait: Wait;
    settle: Settle;
    workload: Workload;
    life: Life;
}
