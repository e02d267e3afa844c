//! How far a story was told, what a judge has to know of it, and what is said in the end.

use super::seen::Sight;
use crate::{
    director::Order,
    trace::{Trace, What},
    world::Played,
};
use squall_history::{Finding, model::Setting};
use squall_protocol::{Time, Version};
use squall_scenarios::{
    model::{ClientIx, Scenario, Settle, Step, StepKind},
    plan::OBSERVER,
};
use std::{collections::BTreeSet, time::Duration};

/// How far a story was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// To its end.
    Whole,
    /// To a step that could not be done.
    ToFailedStep,
    /// To a limit, in the middle of what was going on. What had not happened yet is not judged.
    ToLimit,
}

impl Told {
    pub(super) fn of(played: &Played) -> Self {
        match &played.failure {
            None => Self::Whole,
            Some(failure) if failure.at_limit => Self::ToLimit,
            Some(_) => Self::ToFailedStep,
        }
    }
}

/// How late a stranger may be with what is due at a time.
const PATIENCE: Duration = Duration::from_secs(5);
/// The reference broker acts in the millisecond in which it has to, or in the next, where it waits for nothing.
const EXACT: Duration = Duration::from_millis(1);

/// How late the reference broker may be: what it does may have to wait for its disk, which may be busy already.
fn late(plan: &Scenario) -> Duration {
    EXACT + plan.longest_sync().unwrap_or_default() * 2
}

/// What the broker is called in findings.
pub(super) const BROKER: &str = "the broker";

/// What is said of a run.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// Guarantees that were not kept, the first ten. A finding's demand is the number of the expectation that was not
    /// met.
    pub findings: Vec<Finding>,
    /// What a stranger does otherwise than the standard describes, or the story expects, where nobody demands it: at most
    /// a warning.
    pub described: Vec<Finding>,
    /// Why what the story expects was not judged, if it was not: the broker gave less than the story counts on, as it
    /// may, or the story came to no end.
    pub doubt: Option<String>,
}

/// What is said in the same words is said once, with its first witness.
pub(super) fn once(mut findings: Vec<Finding>) -> Vec<Finding> {
    let mut said = BTreeSet::new();
    findings.retain(|f| said.insert((f.rule, f.message.clone(), f.demand)));
    findings
}

/// What the model has to know beside the records.
pub(super) fn setting<'a>(
    plan: &'a Scenario,
    version: Version,
    sessions: &[ClientIx],
    Sight { ends, stranger }: Sight,
    settled: Option<Time>,
) -> Setting<'a> {
    Setting {
        version,
        others: others(plan, version).collect(),
        names: plan.clients.iter().map(|c| c.name.as_str()).collect(),
        sessions: sessions.to_vec(),
        unruly: unruly(plan, sessions),
        server: BROKER,
        watched: ends.watched(),
        settled,
        drops: plan.broker.max_queued.is_some(),
        keeps_sessions: !stranger,
        buffers: stranger,
        slack: if stranger { PATIENCE } else { late(plan) },
    }
}

/// Clients that do not speak the version of the run.
pub(super) fn others(
    plan: &Scenario,
    version: Version,
) -> impl Iterator<Item = (ClientIx, Version)> {
    let own = plan.clients.iter().enumerate();
    own.filter_map(move |(client, spec)| Some((client, spec.version.filter(|v| *v != version)?)))
}

/// By session: whether one of its clients is scripted.
fn unruly(plan: &Scenario, sessions: &[ClientIx]) -> Vec<bool> {
    let mut unruly = vec![false; sessions.len()];
    for (client, spec) in plan.clients.iter().enumerate() {
        unruly[sessions[client]] |= spec.scripted;
    }
    unruly
}

/// The middle of the settle that ends the story itself (without the observer's part), if one does.
pub(super) fn settled(plan: &Scenario, trace: &Trace) -> Option<Time> {
    let StepKind::Settle(Settle(time)) = own_steps(plan).last()?.kind else {
        return None;
    };
    // A settle begins by sending again whatever waits.
    let begins = |what: &What| matches!(what, What::Order(Order::Nudge(_)));
    let mut records = trace.records().iter().rev();
    let began = records.find(|r| begins(&r.what))?.at;
    Some(began + time / 2)
}

/// The steps without what a plan adds at the end for the observer: a connect, a subscribe and a wait.
fn own_steps(plan: &Scenario) -> &[Step] {
    let Some(observer) = plan.clients.iter().position(|c| c.name == OBSERVER) else {
        return &plan.steps;
    };
    let by_observer = |s: &Step| s.client() == Some(observer);
    let added = |s: &Step| by_observer(s) || matches!(s.kind, StepKind::Wait(_));
    let own = plan
        .steps
        .iter()
        .rposition(|s| !added(s))
        .map_or(0, |n| n + 1);
    // Waits of the story itself may stand before what was added.
    let first_added = plan.steps[own..].iter().position(by_observer);
    &plan.steps[..first_added.map_or(plan.steps.len(), |n| own + n)]
}
