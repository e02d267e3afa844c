//! One target on the terminal: counts, a table of groups, then everything that needs a look.

use super::{Style, count, screen::Screen, verdict_lines};
use crate::{
    grouping::{Group, groups, ids},
    model::{CheckResult, Conformance, Verdict},
    quantity::{duration, grouped},
    visible::{columns, ellipsise, line},
};

pub(super) fn write(screen: &mut Screen, conformance: &Conformance) {
    let checks = count(conformance.summary.total, "result");
    screen.line(&[
        (
            Style::Strong,
            &format!("Conformance of {}", line(&conformance.target)),
        ),
        (
            Style::Faint,
            &format!("  {checks} in {}", duration(conformance.duration_ms)),
        ),
    ]);
    if let Some(reason) = &conformance.interrupted {
        screen.paragraph(
            Style::Unknown,
            &format!("Interrupted: {reason}. What follows is what was found so far."),
        );
    }
    for left in &conformance.leftovers {
        screen.paragraph(Style::Doubtful, &format!("Left on the target: {left}"));
    }
    verdict_lines(screen, &conformance.summary);
    let groups = groups(&conformance.results);
    if !groups.is_empty() {
        screen.blank();
        table(screen, &groups);
    }
    for verdict in [Verdict::Fail, Verdict::Inconclusive, Verdict::Warn] {
        for result in conformance
            .results
            .iter()
            .filter(|result| result.verdict == verdict)
        {
            tell(screen, result);
        }
    }
}

/// A line for each group, a column for each verdict.
fn table(screen: &mut Screen, groups: &[Group<'_>]) {
    let longest = groups
        .iter()
        .map(|group| columns(&line(group.name)))
        .max()
        .unwrap_or_default();
    let name = longest.clamp(8, screen.width.saturating_sub(60).max(8));
    let mut head = format!("  {:<name$}", "group");
    for verdict in Verdict::ALL {
        head += &format!("  {:>w$}", verdict.as_str(), w = column(verdict));
    }
    screen.line(&[(Style::Faint, &head)]);
    for group in groups {
        let shown = line(group.name);
        let shown = ellipsise(&shown, name);
        let mut cells = vec![(
            Style::Plain,
            format!("  {shown}{}", " ".repeat(name - columns(&shown))),
        )];
        for verdict in Verdict::ALL {
            let number = group.summary.of(verdict);
            let (style, text) = if number == 0 {
                (Style::Faint, "·".to_owned())
            } else {
                (Style::of(verdict), grouped(number))
            };
            cells.push((style, format!("  {text:>w$}", w = column(verdict))));
        }
        let pieces: Vec<(Style, &str)> = cells
            .iter()
            .map(|(style, text)| (*style, text.as_str()))
            .collect();
        screen.line(&pieces);
    }
}

/// Columns of a verdict's numbers.
fn column(verdict: Verdict) -> usize {
    verdict.as_str().len().max(6)
}

fn tell(screen: &mut Screen, result: &CheckResult) {
    screen.blank();
    screen.line(&[
        (
            Style::of(result.verdict),
            &format!(
                "{} {}",
                result.verdict.symbol(),
                result.verdict.as_str().to_uppercase()
            ),
        ),
        (Style::Strong, &screen.name(&result.check)),
        (
            Style::Faint,
            &line(&format!(
                " · MQTT {} · {}",
                result.version,
                duration(result.duration_ms)
            )),
        ),
    ]);
    screen.paragraph(Style::Plain, &result.title);
    screen.field("observed", Style::of(result.verdict), &result.message);
    screen.field("expected", Style::Plain, &result.expected);
    if result.verdict == Verdict::Fail {
        screen.statements(&result.statements);
    } else {
        screen.field("statement", Style::Plain, &ids(&result.statements));
    }
    screen.evidence(&result.evidence);
    result.findings.iter().for_each(|f| screen.finding(f));
}
