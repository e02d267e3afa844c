//! The sample report in every format. Changes of these files are to be read before they are accepted.

use crate::sample;
use squall_reports::{
    Exchange, Format, Report, SimResult, Simulation, html, junit, ladder, sequence, terminal,
};

fn screen(colour: bool, width: usize) -> String {
    terminal::render(
        &sample::report(),
        &terminal::Options {
            colour,
            width,
            events: 20,
        },
    )
}

#[test]
fn terminal_40() {
    insta::assert_snapshot!(screen(false, 40));
}

#[test]
fn terminal_80() {
    insta::assert_snapshot!(screen(false, 80));
}

#[test]
fn terminal_120() {
    insta::assert_snapshot!(screen(false, 120));
}

#[test]
fn colour_changes_nothing_but_colour() {
    let plain = screen(false, 100);
    let mut coloured = screen(true, 100);
    assert!(coloured.contains("\x1b[31m✗ FAIL\x1b[0m\x1b[1m: 5 of 1,182 results failed"));
    for code in ["1", "2", "31", "32", "33", "35", "0"] {
        coloured = coloured.replace(&format!("\x1b[{code}m"), "");
    }
    let trimmed = |text: &str| {
        text.lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(trimmed(&coloured), trimmed(&plain));
}

#[test]
fn a_short_summary_stays_short() {
    let mut report = sample::report();
    report.conformance.clear();
    let mut runs = sample::runs();
    runs.retain(|run| run.findings.is_empty());
    report.simulation = Some(Simulation::new(runs));
    insta::assert_snapshot!(terminal::render(&report, &terminal::Options::default()));
}

#[test]
fn a_target_that_was_left_early_says_so() {
    let mut report = Report::new("squall 0.1.0", "squall conform");
    let mut target = sample::report().conformance.remove(1);
    target.interrupted = Some("SIGTERM".to_owned());
    target.leftovers = vec!["session squall\u{1b}1".to_owned()];
    report.conformance.push(target);
    let screen = Format::TERMINAL.render(&report);
    for part in [
        "Interrupted: SIGTERM.",
        "Left on the target: session squall␛1",
    ] {
        assert!(screen.contains(part), "{screen}");
    }
    assert!(screen.contains("INCONCLUSIVE"), "{screen}");
    let page = Format::HTML.render(&report);
    assert!(page.contains("interrupted: SIGTERM"));
    assert!(page.contains("left on the target: session squall␛1"));
    let json = Format::JSON.render(&report);
    assert!(json.contains("\"interrupted\": \"SIGTERM\"") && json.contains("leftovers"));
}

#[test]
fn nothing_was_run() {
    let report = Report::new("squall 0.1.0", "squall sim");
    insta::assert_snapshot!(Format::TERMINAL.render(&report), @r"
    squall sim  squall 0.1.0

    ? INCONCLUSIVE: nothing was run
    ");
}

/// The runs of the sample with fewer of those that passed.
fn few_runs() -> Vec<SimResult> {
    let mut runs = sample::runs();
    runs.retain(|run| run.seed < 2 || !run.findings.is_empty());
    for run in runs.iter_mut().filter(|run| run.seed == 77) {
        run.findings[0].evidence.events.truncate(3);
    }
    runs
}

/// The sample with fewer of the runs and checks that passed, for the formats that list each.
fn thinned() -> Report {
    let mut report = sample::report();
    let whole = report
        .simulation
        .take()
        .expect("the sample has a simulation");
    let mut simulation = Simulation::new(few_runs());
    simulation.runs_per_second = whole.runs_per_second;
    simulation.virtual_seconds_per_second = whole.virtual_seconds_per_second;
    simulation.interrupted = whole.interrupted;
    report.simulation = Some(simulation);
    for target in &mut report.conformance {
        target
            .results
            .retain(|result| !result.check.contains("rule-") || result.check.ends_with("rule-1"));
        target.summary = target.results.iter().map(|result| result.verdict).collect();
        for event in target
            .results
            .iter_mut()
            .flat_map(|result| &mut result.evidence.events)
        {
            event.label.truncate(
                event
                    .label
                    .char_indices()
                    .nth(200)
                    .map_or(usize::MAX, |(at, _)| at)
                    .min(event.label.len()),
            );
        }
        for party in target
            .results
            .iter_mut()
            .flat_map(|result| &mut result.evidence.parties)
        {
            party.truncate(party.len().min(300));
        }
    }
    report
}

/// The document of a report, with every run written as it came.
fn document(report: &Report, runs: &[SimResult]) -> String {
    let mut text = Vec::new();
    let mut sink = Format::JSON
        .begin(Box::new(&mut text), report)
        .expect("memory takes it");
    for run in runs {
        sink.run(run).expect("memory takes it");
    }
    sink.finish(report).expect("memory takes it");
    String::from_utf8(text).expect("JSON is UTF-8")
}

#[test]
fn json() {
    insta::assert_snapshot!(document(&thinned(), &few_runs()));
}

#[test]
fn conformance_json() {
    let mut report = thinned();
    report.simulation = None;
    report.conformance.truncate(1);
    insta::assert_snapshot!(document(&report, &[]));
}

#[test]
fn junit() {
    insta::assert_snapshot!(junit::render(&thinned()));
}

#[test]
fn markdown() {
    insta::assert_snapshot!(
        Format::of_file("a.md".as_ref())
            .expect("it is a format")
            .render(&thinned())
    );
}

#[test]
fn html() {
    insta::assert_snapshot!(html::render(&thinned()));
}

fn door() -> Exchange {
    let mut runs = sample::runs().into_iter();
    let run = runs
        .find(|run| !run.findings.is_empty())
        .expect("a run failed");
    run.findings
        .into_iter()
        .next()
        .expect("it has a finding")
        .evidence
}

#[test]
fn sequence_chart() {
    let options = sequence::Options {
        title: "Packets of seed 3",
        events: 200,
    };
    insta::assert_snapshot!(sequence::svg(&door(), &options).replace("><", ">\n<"));
}

#[test]
fn sequence_chart_of_an_excerpt() {
    let options = sequence::Options {
        title: "",
        events: 3,
    };
    insta::assert_snapshot!(sequence::svg(&door(), &options).replace("><", ">\n<"));
}

#[test]
fn ladder_that_is_too_narrow_for_lifelines() {
    let mut exchange = door();
    exchange
        .parties
        .extend((0..9).map(|number| format!("bystander-{number}")));
    insta::assert_snapshot!(ladder::render(
        &exchange,
        &ladder::Options {
            width: 60,
            events: 8
        }
    ));
}

#[test]
fn ladder_without_events() {
    insta::assert_snapshot!(ladder::render(&Exchange::default(), &ladder::Options::default()), @"  (no packets were recorded)");
}

#[test]
fn ladder_at_the_end_of_time() {
    let mut exchange = door();
    exchange.parties.push("watcher".to_owned());
    exchange
        .events
        .iter_mut()
        .for_each(|event| event.at_ms = u64::MAX);
    let ladder = ladder::render(
        &exchange,
        &ladder::Options {
            width: 0,
            events: 4,
        },
    );
    assert!(
        ladder.lines().all(|line| line.chars().count() <= 40),
        "{ladder}"
    );
    insta::assert_snapshot!(ladder);
}
