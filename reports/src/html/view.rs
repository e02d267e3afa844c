//! What the templates show, with every text made safe to look at and every number made readable.
//!
//! Here is decided what is unfolded, listed or left out, so the templates only place things.

use super::{
    bar::{bar, class},
    packets::{Evidence, evidence},
};
use crate::{
    conclusion::conclusion,
    grouping::{Group, Story, counts, groups, stories},
    model::{
        CheckResult, Conformance, Exchange, Finding, Report, SimResult, Simulation, StatementRef,
        Summary, Verdict,
    },
    quantity::{count, duration, grouped},
    visible::{block, line, shorten},
};
use askama::Template;

/// Events in the chart of something that needs attention.
const EVENTS: usize = 200;
/// Events in the chart of a check that passed.
const EVENTS_PASSED: usize = 40;
/// Failing runs of one scenario and version with a card, and of these how many are unfolded.
const CARDS: usize = Simulation::MOST_IN_FULL;
const UNFOLDED: usize = 3;
/// Entries of the list at the top.
const ATTENTION: usize = 12;
/// Longest message, in characters.
const LONGEST: usize = 4_000;

#[derive(Template)]
#[template(path = "page.html")]
pub(super) struct Page {
    style: &'static str,
    script: &'static str,
    title: String,
    tool: String,
    generated: Option<String>,
    verdict: Mark,
    conclusion: String,
    tally: Tally,
    attention: Vec<Link>,
    attention_more: usize,
    simulation: Option<SimulationView>,
    targets: Vec<TargetView>,
}

/// A verdict as a chip shows it.
#[derive(Clone, Copy)]
struct Mark {
    class: &'static str,
    symbol: char,
    word: &'static str,
}

impl From<Verdict> for Mark {
    fn from(verdict: Verdict) -> Self {
        Self {
            class: class(verdict),
            symbol: verdict.symbol(),
            word: verdict.as_str(),
        }
    }
}

/// Counts with their bar.
struct Tally {
    bar: String,
    counts: Vec<(Mark, String)>,
}

impl From<&Summary> for Tally {
    fn from(summary: &Summary) -> Self {
        let counts = Verdict::ALL
            .into_iter()
            .filter(|verdict| summary.of(*verdict) > 0);
        Self {
            bar: bar(summary),
            counts: counts
                .map(|verdict| (verdict.into(), grouped(summary.of(verdict))))
                .collect(),
        }
    }
}

struct Link {
    id: String,
    verdict: Mark,
    text: String,
    place: String,
}

struct SimulationView {
    tally: Tally,
    facts: String,
    interrupted: Option<String>,
    rows: Vec<StoryRow>,
    failures: Vec<StoryFailures>,
}

struct StoryRow {
    /// Rows its scenario has from here on; nought in all but the scenario's first row.
    span: usize,
    title: String,
    scenario: String,
    version: String,
    runs: String,
    worlds: String,
    verdict: Mark,
    counts: String,
    seed: u64,
    hash: String,
    failures: Option<String>,
}

struct StoryFailures {
    id: String,
    heading: String,
    version: String,
    cards: Vec<Card>,
    /// Seed and replay command of runs without a card.
    others: Vec<(u64, String)>,
    others_count: String,
    unlisted: Option<String>,
}

struct TargetView {
    id: String,
    target: String,
    facts: String,
    tally: Tally,
    groups: Vec<GroupView>,
}

struct GroupView {
    name: String,
    counts: String,
    tally: Tally,
    open: bool,
    cards: Vec<Card>,
}

/// A result that can be unfolded.
struct Card {
    id: String,
    verdict: Mark,
    name: String,
    place: String,
    title: String,
    open: bool,
    findings: Vec<FindingView>,
    facts: Vec<(&'static str, String)>,
    replay: Option<String>,
}

struct FindingView {
    rule: Option<String>,
    message: String,
    expected: String,
    location: Option<String>,
    statements: Vec<StatementView>,
    evidence: Option<Evidence>,
}

struct StatementView {
    id: String,
    says: String,
}

impl Page {
    pub(super) fn new(report: &Report) -> Self {
        let simulation = report.simulation.as_ref().map(SimulationView::new);
        let targets: Vec<TargetView> = report
            .conformance
            .iter()
            .enumerate()
            .map(|(number, target)| TargetView::new(number, target))
            .collect();
        let mut attention = attention(simulation.as_ref(), &targets);
        let attention_more = attention.len().saturating_sub(ATTENTION);
        attention.truncate(ATTENTION);
        let summary = report.summary();
        Self {
            style: include_str!("../../templates/page.css"),
            script: include_str!("../../templates/page.js"),
            title: text(&report.title),
            tool: text(&report.tool),
            generated: report.generated.as_deref().map(text),
            verdict: report.verdict().into(),
            conclusion: conclusion(report.verdict(), &summary),
            tally: Tally::from(&summary),
            attention,
            attention_more,
            simulation,
            targets,
        }
    }
}

/// Everything that failed or could not be decided, failures first.
fn attention(simulation: Option<&SimulationView>, targets: &[TargetView]) -> Vec<Link> {
    let runs = simulation
        .into_iter()
        .flat_map(|simulation| &simulation.failures)
        .filter_map(|failures| {
            let card = failures.cards.first()?;
            let place = format!("MQTT {}", failures.version);
            Some(Link {
                id: failures.id.clone(),
                verdict: card.verdict,
                text: failures.heading.clone(),
                place,
            })
        });
    let checks = targets.iter().flat_map(|target| {
        let cards = target.groups.iter().flat_map(|group| &group.cards);
        cards.map(|card| Link {
            id: card.id.clone(),
            verdict: card.verdict,
            text: card.name.clone(),
            place: format!("{} · {}", card.place, target.target),
        })
    });
    let (mut links, undecided): (Vec<Link>, Vec<Link>) = runs
        .chain(checks)
        .filter(|link| matches!(link.verdict.class, "fail" | "inconclusive"))
        .partition(|link| link.verdict.class == "fail");
    links.extend(undecided);
    links
}

impl SimulationView {
    fn new(simulation: &Simulation) -> Self {
        let stories = stories(&simulation.series);
        let mut facts = vec![count(simulation.summary.total, "run")];
        facts.extend(
            simulation
                .runs_per_second
                .map(|runs| format!("{} runs per second", grouped(runs))),
        );
        let speed = simulation.virtual_seconds_per_second;
        facts.extend(
            speed.map(|seconds| format!("{} virtual seconds per second", grouped(seconds))),
        );
        let failures: Vec<Option<StoryFailures>> = stories
            .iter()
            .enumerate()
            .map(|(number, story)| StoryFailures::new(number, story))
            .collect();
        let rows = stories
            .iter()
            .zip(&failures)
            .enumerate()
            .map(|(number, (story, failures))| {
                let same = |other: &&Story<'_>| other.first.scenario == story.first.scenario;
                let follows = number > 0 && stories.get(number - 1).as_ref().is_some_and(same);
                let span = if follows {
                    0
                } else {
                    stories[number..].iter().take_while(same).count()
                };
                StoryRow::new(story, span, failures.as_ref())
            });
        Self {
            tally: Tally::from(&simulation.summary),
            facts: facts.join(" · "),
            interrupted: simulation.interrupted.as_deref().map(text),
            rows: rows.collect(),
            failures: failures.into_iter().flatten().collect(),
        }
    }
}

impl StoryRow {
    fn new(story: &Story<'_>, span: usize, failures: Option<&StoryFailures>) -> Self {
        let first = story.first;
        Self {
            span,
            title: text(&first.title),
            scenario: text(&first.scenario),
            version: text(&first.version),
            runs: grouped(story.summary.total),
            worlds: text(&story.worlds()),
            verdict: story.summary.verdict().into(),
            counts: counts(&story.summary),
            seed: first.first_seed,
            hash: text(&first.first_hash),
            failures: failures.map(|failures| failures.id.clone()),
        }
    }
}

impl StoryFailures {
    fn new(number: usize, story: &Story<'_>) -> Option<Self> {
        let failing: Vec<&SimResult> = story.failing().collect();
        let (with_card, others) = failing.split_at(failing.len().min(CARDS));
        if with_card.is_empty() {
            return None;
        }
        let id = format!("story-{number}");
        let cards = with_card.iter().enumerate();
        let cards = cards
            .map(|(place, run)| Card::of_run(format!("{id}-{place}"), run, place < UNFOLDED))
            .collect();
        let listed = others.iter();
        let more = story.not_passed() - with_card.len() as u64;
        let unlisted = more - listed.len() as u64;
        Some(Self {
            id,
            heading: text(&story.first.scenario),
            version: text(&story.first.version),
            cards,
            others: listed
                .clone()
                .map(|run| (run.seed, text(run.replay.as_deref().unwrap_or_default())))
                .collect(),
            others_count: count(more, "more run"),
            unlisted: (unlisted > 0).then(|| grouped(unlisted)),
        })
    }
}

impl TargetView {
    fn new(number: usize, conformance: &Conformance) -> Self {
        let id = format!("target-{number}");
        let groups = groups(&conformance.results);
        let groups = groups
            .iter()
            .enumerate()
            .map(|(place, group)| GroupView::new(&id, place, group))
            .collect();
        let results = count(conformance.summary.total, "result");
        let mut facts = format!("{results} in {}", duration(conformance.duration_ms));
        if let Some(reason) = &conformance.interrupted {
            facts += &format!(" · interrupted: {}", text(reason));
        }
        for left in &conformance.leftovers {
            facts += &format!(" · left on the target: {}", text(left));
        }
        Self {
            id,
            target: text(&conformance.whose()),
            facts,
            tally: Tally::from(&conformance.summary),
            groups,
        }
    }
}

impl GroupView {
    fn new(target: &str, place: usize, group: &Group<'_>) -> Self {
        // What needs attention stands first; the order is kept otherwise.
        let (first, rest): (Vec<&CheckResult>, Vec<&CheckResult>) = group
            .results
            .iter()
            .partition(|result| result.verdict.needs_attention());
        let cards = first.into_iter().chain(rest).enumerate();
        Self {
            name: text(group.name),
            counts: counts(&group.summary),
            tally: Tally::from(&group.summary),
            open: group.summary.verdict().needs_attention(),
            cards: cards
                .map(|(number, result)| {
                    Card::of_check(format!("{target}-{place}-{number}"), result)
                })
                .collect(),
        }
    }
}

/// What is to be known of a run beside its findings.
fn run_facts(run: &SimResult) -> Vec<(&'static str, String)> {
    let reason = run.reason.as_deref().map(|why| ("Reason", text(why)));
    let known = run.known.as_deref();
    let known = known.map(|why| ("Known about this target", text(why)));
    // A story that was not told has neither.
    let told = !run.trace_hash.is_empty();
    let facts = [
        ("Time of the story", duration(run.virtual_ms)),
        ("Trace hash", text(&run.trace_hash)),
    ];
    let facts = facts.into_iter().filter(|_| told);
    let world = ("World", text(&run.world));
    let known = known.into_iter();
    let first = reason.into_iter().chain(known).chain([world]);
    first.chain(facts).collect()
}

impl Card {
    fn of_run(id: String, run: &SimResult, open: bool) -> Self {
        let chart = format!(
            "Packets of {} in MQTT {}, seed {}",
            run.scenario, run.version, run.seed
        );
        let findings = run.findings.iter().map(|f| FindingView::of(f, &chart));
        Self {
            id,
            verdict: run.verdict.into(),
            name: format!("Seed {}", run.seed),
            place: format!("MQTT {}", text(&run.version)),
            title: text(
                run.findings
                    .first()
                    .map(|finding| &finding.message)
                    .or(run.reason.as_ref())
                    .unwrap_or(&run.title),
            ),
            open,
            findings: findings.collect(),
            facts: run_facts(run),
            replay: run.replay.as_deref().map(text),
        }
    }

    fn of_check(id: String, result: &CheckResult) -> Self {
        let chart = format!("Packets of {} in MQTT {}", result.check, result.version);
        let open = result.verdict.needs_attention();
        let events = if open { EVENTS } else { EVENTS_PASSED };
        let own = FindingView::new(
            &result.message,
            &result.expected_and_known(),
            &result.statements,
            &result.evidence,
            &chart,
            events,
        );
        let beside = result.findings.iter();
        let beside = beside.map(|f| FindingView::of(f, &chart));
        Self {
            id,
            verdict: result.verdict.into(),
            name: text(&result.check),
            place: format!("MQTT {}", text(&result.version)),
            title: text(&result.title),
            open,
            findings: [own].into_iter().chain(beside).collect(),
            facts: vec![("Took", duration(result.duration_ms))],
            replay: None,
        }
    }
}

impl FindingView {
    fn of(finding: &Finding, chart: &str) -> Self {
        Self {
            rule: Some(text(&finding.rule)),
            location: finding.location.as_deref().map(text),
            ..Self::new(
                &finding.message,
                &finding.expected,
                &finding.statements,
                &finding.evidence,
                chart,
                EVENTS,
            )
        }
    }

    fn new(
        message: &str,
        expected: &str,
        statements: &[StatementRef],
        exchange: &Exchange,
        chart: &str,
        events: usize,
    ) -> Self {
        let statements = statements.iter().map(|statement| StatementView {
            id: text(&statement.id),
            says: text(&statement.says),
        });
        Self {
            rule: None,
            message: text(message),
            expected: text(expected),
            location: None,
            statements: statements.collect(),
            evidence: evidence(exchange, chart, events),
        }
    }
}

/// Text from outside: visible, and not endless.
fn text(text: &str) -> String {
    let shown = block(text);
    shorten(&line(&shown), LONGEST).into_owned()
}
