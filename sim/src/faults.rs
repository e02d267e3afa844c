//! What is said about faults that never bit: a green with such a fault in it means nothing.
//!
//! A cut at a packet is the story's own doing, so each run answers for it. Everything else depends on what goes on at its
//! time, which seeds decide, so a sweep answers for it, and only when it is long enough. `optional: true` lifts both.

use crate::{
    director::{Fate, Order, Tied},
    trace::{Record, Trace, What, exchange},
    world::Played,
};
use squall_protocol::Version;
use squall_reports::{Exchange, Finding, Window};
use squall_scenarios::{
    describe,
    model::{Scenario, Source, Step},
};
use std::collections::BTreeMap;

/// Fewer seeds than this say nothing about a fault that chance decides. It is how many a scenario is tried with unless
/// it says otherwise.
pub const ENOUGH_SEEDS: u64 = 8;

/// The rule in findings.
const RULE: &str = "fault";
/// Events a chart shows at the most.
const CHART_EVENTS: usize = 80;

/// Cuts at packets that never came to pass in a run. Nothing is said of a run that a limit ended: they might have yet.
pub(crate) fn unbitten(plan: &Scenario, version: Version, played: &Played) -> Vec<Finding> {
    let failure = played.failure.as_ref();
    if failure.is_some_and(|f| f.at_limit) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for fate in &played.faults {
        let Some(mut message) = unbitten_cut(plan, fate) else {
            continue;
        };
        if failure.is_some() {
            message.push_str(", up to the step that failed");
        }
        let witness: Vec<usize> = armed(&played.trace, fate).into_iter().collect();
        let window = Window {
            witness: &witness,
            events: CHART_EVENTS,
        };
        findings.push(Finding {
            rule: RULE.into(),
            statements: Vec::new(),
            message,
            expected: "a cut at a packet happens; `optional: true` in it says that it may not"
                .into(),
            location: location(plan, fate.source),
            evidence: exchange(plan, version, played.trace.records(), window),
            internal: false,
        });
    }
    findings
}

/// What to say about a cut at a packet that never came to pass.
fn unbitten_cut(plan: &Scenario, fate: &Fate) -> Option<String> {
    let Tied::Packet {
        client,
        packet,
        waited,
        disarmed,
    } = fate.tied
    else {
        return None;
    };
    if !fate.never_bit() {
        return None;
    }
    let until = match disarmed {
        Some(at) => format!("until it was disarmed at {at}"),
        None => "until the end of the story".into(),
    };
    let went_by = match (waited.seen, waited.packets) {
        (0, 0) => {
            let name = &plan.clients[client].name;
            format!("no packet of {name} went by at all: it had no connection, or nothing to say")
        }
        (0, n) => format!("no {packet} went by, and {n} other packets"),
        (seen, _) => format!("{seen} {packet} went by"),
    };
    let (told, at) = (&fate.told, fate.at);
    Some(format!(
        "`{told}` never bit: it waited from {at} {until}, and {went_by}"
    ))
}

/// The record in which the cut was armed.
fn armed(trace: &Trace, fate: &Fate) -> Option<usize> {
    let arms = |record: &Record| {
        record.at == fate.at && matches!(record.what, What::Order(Order::Arm(..)))
    };
    trace.records().iter().position(arms)
}

fn location(plan: &Scenario, source: Source) -> Option<String> {
    let file = &plan.file;
    let of_file = Some(source).filter(|s| s.line > 0);
    of_file.map(|s| format!("{file}:{}:{}", s.line, s.column))
}

/// What faults did in one run, or in several: those that one place of a story began are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Felt {
    faults: BTreeMap<(Source, Aspect), Sum>,
}

#[derive(Clone, Debug)]
struct Sum {
    told: String,
    /// Runs in which it began.
    runs: u64,
    bites: u64,
}

/// What of it, where one place says several things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Aspect {
    Itself,
    Latency,
    Loss,
}

impl Felt {
    /// In one run. Left out is what may come to nothing, and what the run itself answers for.
    pub(crate) fn in_run(fates: &[Fate]) -> Self {
        let mut felt = Self::default();
        for fate in fates.iter().filter(|fate| !fate.optional) {
            let aspect = match fate.tied {
                Tied::Packet { .. } => continue,
                Tied::Time => Aspect::Itself,
                Tied::Latency => Aspect::Latency,
                Tied::Loss => Aspect::Loss,
            };
            let sum = felt.faults.entry((fate.source, aspect));
            let new = || Sum {
                told: fate.told.clone(),
                runs: 1,
                bites: 0,
            };
            sum.or_insert_with(new).bites += fate.bites;
        }
        felt
    }

    /// And in another run.
    pub(crate) fn add(&mut self, more: Self) {
        for (key, more) in more.faults {
            match self.faults.get_mut(&key) {
                Some(sum) => {
                    sum.runs += more.runs;
                    sum.bites += more.bites;
                }
                None => {
                    self.faults.insert(key, more);
                }
            }
        }
    }

    /// Those that never bit, although there were seeds enough.
    pub(crate) fn unbitten(&self, scenario: &Scenario) -> Vec<Finding> {
        let never = |sum: &Sum| sum.bites == 0 && sum.runs >= ENOUGH_SEEDS;
        let never = self.faults.iter().filter(|(_, sum)| never(sum));
        never
            .map(|((source, aspect), sum)| {
                // A flap is many cuts in a plan.
                let mut steps = scenario.steps.iter().flat_map(Step::all);
                let step = steps.find(|step| step.source == *source && *aspect == Aspect::Itself);
                let told = step.map_or_else(|| sum.told.clone(), |s| describe::step(s, scenario));
                let runs = sum.runs;
                Finding {
                    rule: RULE.into(),
                    statements: Vec::new(),
                    message: format!("`{told}` never bit, in none of the {runs} seeds of this sweep"),
                    expected: format!(
                        "in {ENOUGH_SEEDS} seeds or more it bites at least once; make it stronger, give it something to \
                         bite, or say `optional: true` in it"
                    ),
                    location: location(scenario, *source),
                    evidence: Exchange::default(),
                    internal: false,
                }
            })
            .collect()
    }
}

/// Whether a finding is about a whole sweep: the run that carries it says nothing about it when it is run again.
#[must_use]
pub fn is_of_sweep(finding: &Finding) -> bool {
    finding.rule == RULE && finding.evidence == Exchange::default()
}
