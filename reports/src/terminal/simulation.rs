//! A sweep on the terminal: one table line per scenario and version, then every failing run.

use super::{Style, count, screen::Screen, verdict_lines};
use crate::{
    grouping::{Story, counts, stories},
    model::{SimResult, Simulation, Verdict},
    quantity::{duration, grouped},
    visible::{columns, ellipsise, line},
};

/// Failing runs of one scenario, version and rule that are told in full; of more, only how to run them again.
const IN_FULL: usize = 3;
/// Columns below which a table has no room for the counts beside a name.
const NARROW: usize = 60;
/// Failing runs of one scenario and version that have a line at all.
const LISTED: usize = 20;

pub(super) fn write(screen: &mut Screen, simulation: &Simulation) {
    let runs = count(simulation.summary.total, "run");
    screen.line(&[
        (Style::Strong, "Simulation"),
        (Style::Faint, &format!("  {runs}{}", speed(simulation))),
    ]);
    if let Some(reason) = &simulation.interrupted {
        screen.paragraph(
            Style::Unknown,
            &format!("Interrupted: {reason}. What follows is what was found so far."),
        );
    }
    verdict_lines(screen, &simulation.summary);
    let stories = stories(&simulation.series);
    if !stories.is_empty() {
        screen.blank();
        table(screen, &stories);
    }
    for story in &stories {
        failures(screen, story);
    }
}

fn speed(simulation: &Simulation) -> String {
    let mut text = String::new();
    if let Some(runs) = simulation.runs_per_second {
        text += &format!(" · {} runs/s", grouped(runs));
    }
    if let Some(seconds) = simulation.virtual_seconds_per_second {
        text += &format!(" · {} virtual s/s", grouped(seconds));
    }
    text
}

fn table(screen: &mut Screen, stories: &[Story<'_>]) {
    // Name, version, seeds and result share the width; the name gives way first. On a narrow screen the result has a
    // line of its own.
    let result = if screen.width < NARROW { 0 } else { 22 };
    let rest = 2 + 2 + 5 + 2 + 8 + 3 + result;
    let longest = stories
        .iter()
        .map(|story| columns(&line(&story.first.scenario)))
        .max()
        .unwrap_or_default();
    let name = longest.clamp(8, screen.width.saturating_sub(rest).max(8));
    screen.line(&[(
        Style::Faint,
        &format!(
            "  {:<name$}  {:<5}  {:>8}   {}",
            "scenario", "MQTT", "runs", "result"
        ),
    )]);
    for story in stories {
        let shown = line(&story.first.scenario);
        let shown = ellipsise(&shown, name);
        let pad = " ".repeat(name - columns(&shown));
        let version = line(&story.first.version);
        let runs = grouped(story.summary.total);
        let verdict = story.summary.verdict();
        screen.line(&[
            (
                Style::Plain,
                &format!(
                    "  {shown}{pad}  {:<5}  {runs:>8}   ",
                    ellipsise(&version, 5)
                ),
            ),
            (
                Style::of(verdict),
                &format!("{} {}", verdict.symbol(), counts(&story.summary)),
            ),
        ]);
    }
}

fn failures(screen: &mut Screen, story: &Story<'_>) {
    let mut told: Vec<(&str, usize)> = Vec::new();
    let failing: Vec<&SimResult> = story.failing().collect();
    for run in failing.iter().take(LISTED) {
        let rule = run
            .findings
            .first()
            .map_or(run.reason.as_deref(), |finding| Some(&finding.rule))
            .unwrap_or_default();
        let before = match told.iter_mut().find(|(known, _)| *known == rule) {
            Some((_, times)) => {
                *times += 1;
                *times - 1
            }
            None => {
                told.push((rule, 1));
                0
            }
        };
        if before < IN_FULL {
            in_full(screen, run)
        } else {
            in_short(screen, run, rule)
        }
    }
    let told = failing.len().min(LISTED) as u64;
    if story.not_passed() > told {
        screen.blank();
        let more = count(story.not_passed() - told, "more run");
        let text = format!(
            "{more} of {} in MQTT {} did not pass.",
            story.first.scenario, story.first.version
        );
        screen.paragraph(Style::Bad, &text);
    }
}

fn head(screen: &mut Screen, run: &SimResult) {
    let place = format!(
        " · MQTT {} · seed {} · {} · {}",
        run.version,
        run.seed,
        run.world,
        duration(run.virtual_ms)
    );
    screen.blank();
    screen.line(&[
        (
            Style::of(run.verdict),
            &format!(
                "{} {}",
                run.verdict.symbol(),
                run.verdict.as_str().to_uppercase()
            ),
        ),
        (Style::Strong, &screen.name(&run.scenario)),
        (Style::Faint, &line(&place)),
    ]);
}

fn in_full(screen: &mut Screen, run: &SimResult) {
    head(screen, run);
    screen.paragraph(Style::Plain, &run.title);
    screen.field(
        "reason",
        Style::of(run.verdict),
        run.reason.as_deref().unwrap_or_default(),
    );
    // What was not played has nothing more to show.
    if run.verdict == Verdict::NotApplicable {
        return;
    }
    if run.findings.is_empty() && run.verdict == Verdict::Fail {
        screen.field(
            "observed",
            Style::Plain,
            "The run failed without a finding.",
        );
    }
    run.findings.iter().for_each(|f| screen.finding(f));
    if let Some(known) = &run.known {
        screen.field("known", Style::Plain, known);
    }
    screen.blank();
    if !run.trace_hash.is_empty() {
        screen.field("hash", Style::Faint, &run.trace_hash);
    }
    if let Some(replay) = &run.replay {
        screen.verbatim("replay", replay);
    }
}

fn in_short(screen: &mut Screen, run: &SimResult, rule: &str) {
    head(screen, run);
    let name = if run.findings.is_empty() {
        "reason"
    } else {
        "rule"
    };
    screen.field(name, Style::Plain, &format!("{rule} (as above)"));
    if let Some(replay) = &run.replay {
        screen.verbatim("replay", replay);
    }
}
