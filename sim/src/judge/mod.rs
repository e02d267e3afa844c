//! The verdict on a run: the trace is translated into a [`squall_history`] and judged there by monitors and oracles;
//! [`squall_scenarios::judge()`] judges what the scenario asks for in particular.

mod grade;
mod seen;

pub use seen::{Ends, Sight};

use crate::{
    director::{Fate, Order},
    trace::{Trace, What},
    world::Played,
};
use seen::Translator;
use squall_history::{
    Finding, Findings, Monitors, Scene,
    model::{Model, Reader, Setting},
    oracle,
};
use squall_protocol::{Role, Time, Version};
use squall_scenarios::{
    model::{ClientIx, Scenario, Settle, Step, StepKind},
    plan::OBSERVER,
};
use std::{collections::BTreeSet, time::Duration};

/// How far a story was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// To its end.
    Whole,
    /// To a step that could not be done.
    ToFailedStep,
    /// To a limit, in the middle of what was going on. What had not happened yet is not judged.
    ToLimit,
}

impl Told {
    fn of(played: &Played) -> Self {
        match &played.failure {
            None => Self::Whole,
            Some(failure) if failure.at_limit => Self::ToLimit,
            Some(_) => Self::ToFailedStep,
        }
    }
}

/// How late a stranger may be with what is due at a time.
const PATIENCE: Duration = Duration::from_secs(5);
/// The reference broker acts in the millisecond in which it has to, or in the next.
const EXACT: Duration = Duration::from_millis(1);

/// What the broker is called in findings.
const BROKER: &str = "the broker";

/// What is said of a run.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// Guarantees that were not kept, the first ten. A finding's demand is the number of the expectation that was not
    /// met.
    pub findings: Vec<Finding>,
    /// What a stranger does otherwise than the standard describes, without demanding it: at most a warning.
    pub described: Vec<Finding>,
    /// Why what the story expects was not judged, if it was not: the broker gave less than the story counts on, as it
    /// may, or the story came to no end.
    pub doubt: Option<String>,
}

/// Judges a run.
#[must_use]
pub fn judge(plan: &Scenario, version: Version, played: &Played, sight: Sight) -> Judgement {
    let Sight { ends, stranger } = sight;
    let (trace, told) = (&played.trace, Told::of(played));
    let sessions = seen::sessions(plan);
    let mut broken = Findings::new(told != Told::ToLimit);
    let name = |client: usize| plan.clients[client].name.clone();
    let scene = |own_topics| Scene {
        version,
        name: &name,
        server: BROKER,
        own_topics,
        buffers: stranger,
    };
    // Nobody but the clients of the story publishes.
    let mut of_broker = Monitors::of(Role::Server, scene(Some("")));
    let mut of_clients = Monitors::of(Role::Client, scene(None));
    let settled = settled(plan, trace).filter(|_| told == Told::Whole);
    let mut reader = Reader::new(setting(plan, version, &sessions, sight, settled));
    let mut translator = Translator::new(ends, &sessions);
    for (ix, written) in trace.records().iter().enumerate() {
        let Some(record) = translator.translate(ix, written) else {
            continue;
        };
        reader.see(&record);
        let mut found = |finding| broken.push(finding);
        let (broker, clients) = watchers(ends, record.end.side);
        if broker {
            of_broker.see(&record, &mut found);
        }
        if clients {
            of_clients.see(&record, &mut found);
        }
    }
    let model = reader.finish(played.end);
    match ends {
        Ends::Broker => oracle::judge_clients(&model, &mut broken),
        Ends::Both | Ends::Clients => oracle::judge(&model, &mut broken),
    }
    // No statement gives a server a time to deliver in.
    if stranger && !model.is_over() {
        broken.break_off();
    }
    let doubt = stranger.then(|| doubt(&model, played)).flatten();
    if doubt.is_none() {
        squall_scenarios::judge(plan, &model, stranger, &mut broken);
    }
    let findings = once(broken.into_list());
    let (findings, described) = match stranger {
        true => findings
            .into_iter()
            .partition(|f| grade::demands(version, f)),
        false => (findings, Vec::new()),
    };
    Judgement {
        findings,
        described,
        doubt,
    }
}

/// Whether the broker's monitors are shown what was seen at this side, and the clients'.
const fn watchers(ends: Ends, side: Role) -> (bool, bool) {
    match (ends, side) {
        // Each party is watched on its own side of the wire, where that is seen.
        (Ends::Both, Role::Server) => (true, false),
        (Ends::Both, Role::Client) => (false, true),
        (Ends::Clients, Role::Server) => (false, false),
        (Ends::Clients, Role::Client) => (true, true),
        // A client that is no reference client is seen by the reference broker, of which there is nothing to be said.
        (Ends::Broker, Role::Server) => (false, true),
        (Ends::Broker, Role::Client) => (false, false),
    }
}

/// What is said in the same words is said once, with its first witness.
fn once(mut findings: Vec<Finding>) -> Vec<Finding> {
    let mut said = BTreeSet::new();
    findings.retain(|f| said.insert((f.rule, f.message.clone(), f.demand)));
    findings
}

/// What the model has to know beside the records.
fn setting<'a>(
    plan: &'a Scenario,
    version: Version,
    sessions: &[ClientIx],
    Sight { ends, stranger }: Sight,
    settled: Option<Time>,
) -> Setting<'a> {
    Setting {
        version,
        names: plan.clients.iter().map(|c| c.name.as_str()).collect(),
        sessions: sessions.to_vec(),
        server: BROKER,
        watched: ends.watched(),
        settled,
        drops: plan.broker.max_queued.is_some(),
        keeps_sessions: !stranger,
        buffers: stranger,
        slack: if stranger { PATIENCE } else { EXACT },
    }
}

/// Why a story proves nothing about a stranger beyond what the standard says of every packet.
fn doubt(model: &Model<'_>, played: &Played) -> Option<String> {
    if let Some((_, what)) = &model.less {
        return Some(format!("the story counts on more: {what}"));
    }
    // No statement gives a server a time to answer in.
    if let Some(failure) = &played.failure {
        return Some(format!("`{}`: {}", failure.step, failure.message));
    }
    // The story may have gone another way than it is meant to.
    let never = played.faults.iter().any(Fate::never_bit);
    never.then(|| "a cut of the story found nothing to cut".to_owned())
}

/// The middle of the settle that ends the story itself (without the observer's part), if one does.
fn settled(plan: &Scenario, trace: &Trace) -> Option<Time> {
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
