//! One run: a scenario, a version and a seed played in a world and judged.

use crate::{
    faults,
    judge::{self, STEP, Sight, undone},
    trace::{Trace, exchange},
    world::{Fallen, Play, Played, Stranger, World, play},
};
use squall_catalogue as catalogue;
use squall_history::{Finding as Broken, form};
use squall_protocol::Version;
use squall_reports::{Exchange, Finding, SimResult, StatementRef, Verdict, Window};
use squall_scenarios::{
    model::{Scenario, Source},
    plan::plan,
};
use std::sync::atomic::AtomicBool;

/// Events a chart shows at the most.
const CHART_EVENTS: usize = 80;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The scenario, or a plan made from it.
    pub scenario: &'a Scenario,
    /// MQTT version.
    pub version: Version,
    /// Seed.
    pub seed: u64,
    /// Where to play it.
    pub world: World,
    /// A broker in place of the reference broker or of a part of it, or a client in place of the reference client, in the
    /// world that it plays in.
    pub stranger: Option<Stranger<'a>>,
    /// How the verdict looks at it.
    pub sight: Sight,
}

/// A run and everything behind its verdict.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The result as reports show it.
    pub result: SimResult,
    /// The plan that was played.
    pub plan: Scenario,
    /// Everything that happened.
    pub played: Played,
}

impl<'a> Run<'a> {
    /// A run in the loop world, with the reference broker.
    #[must_use]
    pub fn new(scenario: &'a Scenario, version: Version, seed: u64) -> Self {
        Self {
            scenario,
            version,
            seed,
            world: World::Loop,
            stranger: None,
            sight: Sight::WHOLE,
        }
    }

    /// The same in another world.
    #[must_use]
    pub fn in_world(mut self, world: World) -> Self {
        self.world = world;
        self
    }

    /// Plays and judges it.
    #[must_use]
    pub fn judge(&self) -> Judged {
        self.judge_unless(&AtomicBool::new(false))
            .expect("nobody stops it")
    }

    /// Plays and judges it, but for when `stop` is set before it was played to its end: then it is given up.
    #[must_use]
    pub fn judge_unless(&self, stop: &AtomicBool) -> Option<Judged> {
        let plan = plan(self.scenario, self.seed);
        if let Some(why) = untold(&plan).filter(|_| self.brings_a_broker()) {
            return Some(self.not_told(plan, why));
        }
        let played = play(
            self.world,
            &Play {
                plan: &plan,
                version: self.version,
                seed: self.seed,
                stranger: self.stranger,
                stop,
            },
        )?;
        let case = Case {
            plan: &plan,
            version: self.version,
            seed: self.seed,
            world: self.world.as_str(),
            sight: self.sight,
        };
        let result = case.verdict(&played).result;
        Some(Judged {
            result,
            plan,
            played,
        })
    }
}

impl Run<'_> {
    fn brings_a_broker(&self) -> bool {
        matches!(
            self.stranger,
            Some(Stranger::Machine(_) | Stranger::Guest(_))
        )
    }

    /// A story that cannot be told to somebody's broker.
    fn not_told(&self, plan: Scenario, why: &str) -> Judged {
        let played = Played::default();
        let result = SimResult {
            scenario: plan.name.clone(),
            title: plan.title.clone(),
            version: self.version.to_string(),
            seed: self.seed,
            world: self.world.as_str().to_owned(),
            verdict: Verdict::NotApplicable,
            reason: Some(why.into()),
            trace_hash: String::new(),
            virtual_ms: 0,
            findings: Vec::new(),
            known: None,
            replay: None,
        };
        Judged {
            result,
            plan,
            played,
        }
    }
}

/// Why a story is not told to somebody's broker, if so.
pub(crate) fn untold(plan: &Scenario) -> Option<&'static str> {
    let scripted = plan.broker.scripted.then_some(SCRIPTED_BROKER);
    scripted.or_else(|| plan.crashes().then_some(CRASHES))
}

const SCRIPTED_BROKER: &str =
    "the story says itself what the broker sends, packet by packet: it is about clients";
/// Why a story in which the broker goes down is told in virtual time alone.
pub(crate) const CRASHES: &str = "the broker cannot be crashed from here";

/// What was played, and how it is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case<'a> {
    pub(crate) plan: &'a Scenario,
    pub(crate) version: Version,
    pub(crate) seed: u64,
    pub(crate) world: &'a str,
    pub(crate) sight: Sight,
}

/// The verdict on a run.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) result: SimResult,
    /// By finding: whether it is that something did not happen.
    pub(crate) absences: Vec<bool>,
}

impl Case<'_> {
    pub(crate) fn verdict(&self, played: &Played) -> Said {
        let plan = self.plan;
        let (broken, described, mut doubt) = self.broken(played);
        let mut absences: Vec<bool> = broken.iter().map(|b| b.absence).collect();
        let shown = broken.into_iter().map(|b| {
            let asked = b.demand.map(|n| plan.expect[n].source);
            let failed = played.failure.as_ref().filter(|_| b.rule == STEP);
            let source = asked.or_else(|| failed.map(|f| f.source));
            self.finding(&played.trace, b, source)
        });
        let mut findings: Vec<Finding> = shown.collect();
        let unbitten = faults::unbitten(plan, self.version, played);
        // With a stranger the story may go another way, and then it proves less; why stands in the doubt.
        if self.sight.knows_both() {
            absences.extend(unbitten.iter().map(|_| true));
            findings.extend(unbitten);
        } else if let (None, Some(first)) = (&doubt, unbitten.first()) {
            doubt = Some(first.message.clone());
        }
        let mut lacks = None;
        match &played.fallen {
            Some(Fallen::Lacks(what)) => lacks = Some(format!("the client lacks {what}")),
            Some(Fallen::Broker(why)) => {
                absences.insert(0, false);
                findings.insert(0, fallen("broker", why));
            }
            Some(Fallen::Client(why)) => {
                absences.insert(0, false);
                findings.insert(0, fallen("client", why));
            }
            None => {}
        }
        let (verdict, reason) = match (findings.is_empty(), described.first(), doubt) {
            (true, ..) if lacks.is_some() => (Verdict::NotApplicable, lacks),
            (false, ..) => (Verdict::Fail, None),
            (true, Some(first), _) => (Verdict::Warn, Some(warning(first))),
            (true, None, Some(doubt)) => (Verdict::Inconclusive, Some(doubt)),
            (true, None, None) => (Verdict::Pass, None),
        };
        let result = SimResult {
            scenario: plan.name.clone(),
            title: plan.title.clone(),
            version: self.version.to_string(),
            seed: self.seed,
            world: self.world.to_owned(),
            verdict,
            reason,
            trace_hash: played.trace.hash(),
            virtual_ms: played.end.as_millis(),
            findings,
            known: None,
            replay: None,
        };
        Said { result, absences }
    }

    /// What was broken, and why there is doubt about the rest, if there is.
    fn broken(&self, played: &Played) -> (Vec<Broken>, Vec<Broken>, Option<String>) {
        let sight = self.sight;
        let judgement = judge::judge(self.plan, self.version, played, sight);
        let mut broken = judgement.findings;
        if let Some(failure) = played.failure.as_ref().filter(|_| sight.knows_both()) {
            let step = Broken {
                // That it is the step which failed is certain.
                absence: false,
                ..undone(failure, &played.trace)
            };
            // What happened explains why the story stopped, so it stands first, but nothing explains a limit. What
            // did not happen may merely follow from the stop.
            let (mut follows, mut explains): (Vec<_>, _) =
                broken.into_iter().partition(|b| b.absence);
            let place = if failure.at_limit { 0 } else { explains.len() };
            explains.insert(place, step);
            for b in &mut follows {
                b.message.push_str(", up to the step that failed");
            }
            explains.append(&mut follows);
            broken = explains;
        }
        (broken, judgement.described, judgement.doubt)
    }

    fn finding(&self, trace: &Trace, broken: Broken, source: Option<Source>) -> Finding {
        let plan = self.plan;
        let window = Window {
            witness: &broken.witness,
            events: CHART_EVENTS,
        };
        // What has no statement of its own is about the story's.
        let statements: Vec<String> = match broken.statements.as_slice() {
            [] => {
                let all = plan.statements.iter();
                let known = all.filter_map(|s| s.in_version(self.version));
                known.map(str::to_owned).collect()
            }
            own => own.iter().map(|id| (*id).to_owned()).collect(),
        };
        // A client with a version of its own has statements of its own.
        let other = broken.version.filter(|v| *v != self.version);
        let refer = |id: String| match other {
            None => StatementRef {
                id,
                says: String::new(),
            },
            Some(version) => StatementRef {
                says: catalogue::find(version, &id).map_or_else(String::new, |s| s.says.clone()),
                id: format!("{id} of {version}"),
            },
        };
        Finding {
            rule: broken.rule.to_owned(),
            statements: statements.into_iter().map(refer).collect(),
            message: broken.message,
            expected: broken.expected,
            location: source.filter(|s| s.line > 0).map(|s| location(plan, s)),
            internal: false,
            evidence: exchange(plan, self.version, trace.records(), window),
        }
    }
}

/// What is said of a stranger that does otherwise than is described.
fn warning(described: &Broken) -> String {
    let message = &described.message;
    match described.demand {
        _ if described.rule == form::CONTENTS => {
            format!("{message}; the standard says so without a MUST, or leaves room")
        }
        None => format!("{message}; the standard describes it otherwise, and demands nothing"),
        Some(_) => {
            format!("{message}; the story expects otherwise, and the standard demands nothing")
        }
    }
}

/// A broker or client that somebody brought along has ended.
fn fallen(who: &str, why: &str) -> Finding {
    Finding {
        rule: who.into(),
        statements: Vec::new(),
        message: format!("the {who} under test ended: {why}"),
        expected: "it goes on until the story is over".into(),
        location: None,
        internal: false,
        evidence: Exchange::default(),
    }
}

fn location(plan: &Scenario, source: Source) -> String {
    format!("{}:{}:{}", plan.file, source.line, source.column)
}
