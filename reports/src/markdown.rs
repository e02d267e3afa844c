//! A summary in Markdown, for pull requests and the summaries of CI servers: counts as tables, and the first of what
//! needs a look with its packets.
//!
//! All text from outside is escaped, so that it is neither markup nor HTML; only packets and commands stand in code.

use crate::{
    conclusion::conclusion,
    grouping::{counts, groups, ids, stories},
    ladder,
    model::{CheckResult, Conformance, Exchange, Finding, Report, SimResult, Simulation, Verdict},
    quantity::{count, duration, grouped},
    sink::{Row, whole},
    visible::{line, shorten},
};

/// This format.
pub(crate) const ROW: Row = Row {
    name: "markdown",
    ending: "md",
    what: "a summary in Markdown",
    begin: |out, _| whole(out, render),
};

/// Runs and checks that are told one by one, of the sweep and of each target. Summaries have narrow limits.
const TOLD: usize = 20;
/// Events of the packets that are shown of one.
const EVENTS: usize = 20;
/// Columns of the packets.
const WIDTH: usize = 100;
/// Longest text from outside, in characters.
const LONGEST: usize = 1_000;

/// The report as Markdown (CommonMark with tables).
#[must_use]
pub fn render(report: &Report) -> String {
    let verdict = report.verdict();
    let mut text = format!(
        "# {}\n\n{} **{verdict}**: {}.\n",
        plain(&report.title),
        verdict.symbol(),
        conclusion(verdict, &report.summary())
    );
    if let Some(simulation) = &report.simulation {
        text += &sweep(simulation);
    }
    for target in &report.conformance {
        text += &conformance(target);
    }
    text += &format!("\nMade by {}", plain(&report.tool));
    if let Some(generated) = &report.generated {
        text += &format!(", {}", plain(generated));
    }
    text + "\n"
}

fn sweep(simulation: &Simulation) -> String {
    let runs = count(simulation.summary.total, "run");
    let mut text = format!(
        "\n## Simulation\n\n{runs}: {}.\n",
        counts(&simulation.summary)
    );
    text += &interrupted(simulation.interrupted.as_deref());
    text += "\n| scenario | MQTT | runs | world | result |\n| --- | --- | ---: | --- | --- |\n";
    let stories = stories(&simulation.series);
    for story in &stories {
        text += &format!(
            "| {} | {} | {} | {} | {} {} |\n",
            plain(&story.first.scenario),
            plain(&story.first.version),
            grouped(story.summary.total),
            plain(&story.worlds()),
            story.summary.verdict().symbol(),
            counts(&story.summary)
        );
    }
    let failing = stories.iter().flat_map(|story| story.failing());
    let told: Vec<String> = failing.take(TOLD).map(run).collect();
    let not_passed = simulation.summary.total - simulation.summary.pass;
    text + &told.concat() + &further(not_passed - told.len() as u64, "run")
}

fn run(run: &SimResult) -> String {
    let mut text = heading(
        run.verdict,
        &[
            &run.scenario,
            &format!("MQTT {}", run.version),
            &format!("seed {}", run.seed),
            &run.world,
        ],
    );
    if let Some(reason) = &run.reason {
        text += &format!("\n{}\n", plain(reason));
    }
    for finding in &run.findings {
        text += &self::finding(finding);
    }
    if let Some(known) = &run.known {
        text += &format!("\nKnown about this target: {}\n", plain(known));
    }
    if let Some(replay) = &run.replay {
        text += &format!("\nRun it again: {}\n", code(replay));
    }
    text
}

fn finding(finding: &Finding) -> String {
    let mut text = format!(
        "\n**{}**: {}\n\nExpected: {}\n",
        plain(&finding.rule),
        plain(&finding.message),
        plain(&finding.expected)
    );
    if !finding.statements.is_empty() {
        text += &format!("\nStatements: {}\n", plain(&ids(&finding.statements)));
    }
    if let Some(location) = &finding.location {
        text += &format!("\nAsked for at {}\n", plain(location));
    }
    text + &packets(&finding.evidence)
}

fn conformance(target: &Conformance) -> String {
    let mut text = format!(
        "\n## Conformance of {}\n\n{} in {}: {}.\n",
        plain(&target.whose()),
        count(target.summary.total, "result"),
        duration(target.duration_ms),
        counts(&target.summary)
    );
    text += &interrupted(target.interrupted.as_deref());
    for left in &target.leftovers {
        text += &format!("\nLeft on the target: {}\n", plain(left));
    }
    let names = Verdict::ALL.map(Verdict::as_str).join(" | ");
    text += &format!(
        "\n| group | {names} |\n| --- |{}\n",
        " ---: |".repeat(Verdict::ALL.len())
    );
    for group in groups(&target.results) {
        let numbers = Verdict::ALL.map(|verdict| grouped(group.summary.of(verdict)));
        text += &format!("| {} | {} |\n", plain(group.name), numbers.join(" | "));
    }
    let worst_first = [Verdict::Fail, Verdict::Inconclusive, Verdict::Warn];
    let results = worst_first
        .iter()
        .flat_map(|verdict| target.results.iter().filter(move |r| r.verdict == *verdict));
    let told: Vec<String> = results.clone().take(TOLD).map(check).collect();
    text + &told.concat() + &further((results.count() - told.len()) as u64, "result")
}

fn check(result: &CheckResult) -> String {
    let head = heading(
        result.verdict,
        &[&result.check, &format!("MQTT {}", result.version)],
    );
    format!(
        "{head}\nAsked: {}\n\nObserved: {}\n\nExpected: {}\n\nStatements: {}\n{}{}",
        plain(&result.title),
        plain(&result.message),
        plain(&result.expected_and_known()),
        plain(&ids(&result.statements)),
        packets(&result.evidence),
        result.findings.iter().map(finding).collect::<String>()
    )
}

fn heading(verdict: Verdict, parts: &[&str]) -> String {
    let parts: Vec<String> = parts.iter().map(|part| plain(part)).collect();
    format!(
        "\n### {} {verdict}: {}\n",
        verdict.symbol(),
        parts.join(" · ")
    )
}

fn interrupted(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| {
        format!(
            "\n**Interrupted**: {}. What follows is what was found so far.\n",
            plain(reason)
        )
    })
}

fn further(number: u64, noun: &str) -> String {
    match number {
        0 => String::new(),
        _ => format!(
            "\n{} did not pass and are not told here.\n",
            count(number, &format!("more {noun}"))
        ),
    }
}

fn packets(exchange: &Exchange) -> String {
    if exchange.is_empty() {
        return String::new();
    }
    let options = ladder::Options {
        width: WIDTH,
        events: EVENTS,
    };
    let ladder = ladder::render(exchange, &options);
    let fence = "`".repeat(longest_run(&ladder).max(2) + 1);
    format!("\n{fence}text\n{ladder}{fence}\n")
}

/// Text from outside on one line, visible, not endless, and without any markup.
fn plain(text: &str) -> String {
    let text = line(text);
    let mut out = String::with_capacity(text.len());
    for c in shorten(&text, LONGEST).chars() {
        // Every sign that may begin or end markup in the middle of a line; nothing of it stands at the start of one.
        if "\\`*_[]<>|~&!#".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Text in a code span: its fence is longer than any in it.
fn code(text: &str) -> String {
    let text = line(text);
    let fence = "`".repeat(longest_run(&text) + 1);
    match text.starts_with('`') || text.ends_with('`') {
        true => format!("{fence} {text} {fence}"),
        false => format!("{fence}{text}{fence}"),
    }
}

/// The longest run of backticks in a text.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_no_markup() {
        assert_eq!(
            plain("a_b|c `d` <e>\n# f"),
            "a\\_b\\|c \\`d\\` \\<e\\>␊\\# f"
        );
        assert_eq!(code("a `b`` c"), "```a `b`` c```");
        assert_eq!(code("`a`"), "`` `a` ``");
        assert_eq!(code("squall replay a"), "`squall replay a`");
    }
}
