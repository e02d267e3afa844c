//! Oracles judge a whole history against what MQTT guarantees. They stand outside the system: they see only the
//! trace, keep their own model of sessions, subscriptions and retained messages, and never ask the broker.
//!
//! Each takes a time that grows with the history alone (and its logarithm), and answers with the records that prove
//! it. Some listen always; [`expectation`] judges what a scenario asks for in particular.

mod delivery;
mod expectation;
mod findings;
mod flow;
mod history;
mod keep_alive;
mod levels;
mod reader;
mod retained;
mod session;
mod subscriptions;
mod will;

pub use history::History;

use crate::trace::Trace;
use findings::Findings;
use squall_protocol::Version;
use squall_scenarios::model::{Scenario, Source};

/// A guarantee that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The oracle or expectation that speaks, such as `exactly once`.
    pub rule: &'static str,
    /// Statements behind it, in the version of the run.
    pub statements: Vec<&'static str>,
    /// What happened, in one sentence.
    pub message: String,
    /// What should have happened.
    pub expected: String,
    /// Where the scenario asks for it, if it does.
    pub source: Option<Source>,
    /// Indices of the records that prove it, in order.
    pub witness: Vec<usize>,
    /// Something did not happen. In a story that was not told to its end, this proves nothing: it might have happened
    /// later.
    pub absence: bool,
}

/// How far a story was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// To its end.
    Whole,
    /// To a step that could not be done.
    ToFailedStep,
    /// To a limit, in the middle of what was going on. What had not happened yet is not judged.
    ToLimit,
}

/// Statement numbers of a rule: those of 3.1.1 and those of 5.0.
type Cite = (&'static [&'static str], &'static [&'static str]);

fn cited(version: Version, (v3, v5): Cite) -> Vec<&'static str> {
    match version {
        Version::V3_1_1 => v3.to_vec(),
        Version::V5_0 => v5.to_vec(),
    }
}

/// Judges a run. Empty when every guarantee was kept; the first ten findings when many were not.
#[must_use]
pub fn judge(plan: &Scenario, version: Version, trace: &Trace, told: Told) -> Vec<Broken> {
    let history = History::of(plan, version, trace, told == Told::Whole);
    let mut broken = Findings::new(told != Told::ToLimit);
    flow::judge(&history, &mut broken);
    delivery::judge(&history, &mut broken);
    session::judge(&history, &mut broken);
    retained::judge(&history, &mut broken);
    will::judge(&history, &mut broken);
    keep_alive::judge(&history, &mut broken);
    expectation::judge(&history, &mut broken);
    broken.into_list()
}
