//! The documents for programs, read back: nothing is lost and the verdicts are told as promised.

use crate::sample;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus};
use serde_json::Value;
use squall_reports::{Format, Report, SimResult, Simulation, Summary, Verdict, json, junit};

fn read(report: &Report) -> Value {
    serde_json::from_str(&Format::JSON.render(report)).expect("it is JSON")
}

#[test]
fn json_has_every_check_and_every_run_that_was_kept() {
    let report = sample::report();
    let document = read(&report);
    assert_eq!(document["squall_results"], json::FORMAT);
    assert!(
        Format::JSON
            .render(&report)
            .starts_with("{\n\"squall_results\": 1,\n"),
        "who reads it sees the version first"
    );
    assert_eq!(document["tool"], "squall 0.1.0");
    assert_eq!(document["summary"]["total"], report.summary().total);
    assert_eq!(document["summary"]["n/a"], 1);
    assert_eq!(document["runs_per_second"], 4_210);
    let results = document["results"].as_array().expect("results are a list");
    let checks: usize = report.conformance.iter().map(|c| c.results.len()).sum();
    assert_eq!(results.len(), checks + 3, "three runs failed");
    let series = document["series"].as_array().expect("series are a list");
    assert_eq!(series[2]["summary"]["pass"], 1_000);
    assert_eq!(document["interrupted"], "Ctrl-C after 1,033 of 2,000 runs");
}

#[test]
fn json_has_plain_statement_ids_and_the_packets() {
    let mut report = sample::report();
    let document = read(&report);
    let failed = &document["results"][0];
    let wanted = serde_json::json!(["MQTT-4.3.3-2", "MQTT-4.4.0-1"]);
    assert_eq!(failed["findings"][0]["statements"], wanted);
    assert_eq!(
        failed["replay"],
        "squall replay qos2/door-lock --mqtt 5.0 --seed 3"
    );
    report.simulation = None;
    report.conformance.truncate(1);
    let document = read(&report);
    assert_eq!(document["target"], "mqtt://broker.example:1883");
    assert_eq!(document["duration_ms"], 12_345);
    let results = document["results"].as_array().expect("results are a list");
    let twice = results
        .iter()
        .find(|result| result["verdict"] == "fail")
        .expect("one failed");
    assert_eq!(twice["statements"], serde_json::json!(["MQTT-4.3.3-10"]));
    assert_eq!(twice["evidence"]["events"][7]["highlight"], true);
}

#[test]
fn json_shows_what_a_terminal_would_obey_and_keeps_it() {
    let mut report = sample::report();
    report.title = sample::HOSTILE.to_owned() + "\u{85}\u{2066}\u{feff}\u{e0041}";
    let text = Format::JSON.render(&report);
    let raw = |c: char| {
        c != '\n'
            && (c.is_control()
                || matches!(
                    c,
                    '\u{202a}'..='\u{202e}' | '\u{2066}' | '\u{feff}' | '\u{e0041}'
                ))
    };
    assert!(!text.contains(raw), "{text}");
    assert_eq!(read(&report)["title"], report.title);
}

#[test]
fn junit_read_back_counts_every_result_once() {
    let report = sample::report();
    let back = quick_junit::Report::deserialize_from_str(&junit::render(&report))
        .expect("it is JUnit XML");
    let summary = report.summary();
    // Runs that passed are one test case for each of three series; one more is the sweep that was interrupted.
    let passed: u64 = report.simulation.as_ref().map_or(0, |s| s.summary.pass);
    assert_eq!(back.tests as u64, summary.total - passed + 3 + 1);
    assert_eq!(back.failures as u64, summary.fail);
    assert_eq!(back.errors as u64, summary.inconclusive + 1);
    assert_eq!(back.skipped as u64, summary.not_applicable);
    let names: Vec<&str> = back
        .test_suites
        .iter()
        .map(|suite| suite.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "qos2/door-lock (MQTT 3.1.1)",
            "qos2/door-lock (MQTT 5.0)",
            "will/announced-once (MQTT 5.0)",
            "chaos/storm (MQTT 5.0)",
            "simulation",
            "mqtt://broker.example:1883 (MQTT 3.1.1)",
            "mqtt://broker.example:1883 (MQTT 5.0)",
            "mqtt://127.0.0.1:1884 (MQTT 3.1.1)",
            "mqtt://127.0.0.1:1884 (MQTT 5.0)",
        ]
    );
}

#[test]
fn junit_tells_each_verdict_its_way() {
    let back = quick_junit::Report::deserialize_from_str(&junit::render(&sample::report()))
        .expect("it is JUnit XML");
    let cases: Vec<&TestCase> = back
        .test_suites
        .iter()
        .flat_map(|suite| &suite.test_cases)
        .collect();
    let case = |name: &str| {
        *cases
            .iter()
            .find(|case| case.name.as_str() == name)
            .expect("the check has a test case")
    };

    let TestCaseStatus::NonSuccess {
        kind,
        message,
        description,
        ty,
        ..
    } = &case("publish/qos2-duplicate").status
    else {
        panic!("a failed check is a failure")
    };
    assert_eq!(*kind, NonSuccessKind::Failure);
    assert_eq!(ty.as_deref(), Some("MQTT-4.3.3-10"));
    assert!(
        message
            .as_deref()
            .is_some_and(|message| message.contains("handed the message on twice"))
    );
    let text = description.as_deref().expect("it is described");
    assert!(
        text.contains("Expected: Exactly one PUBLISH") && text.contains("▸ 0.032 s"),
        "{text}"
    );

    let TestCaseStatus::NonSuccess { kind, ty, .. } = &case("will/delay").status else {
        panic!("an inconclusive check is an error")
    };
    assert_eq!(
        (*kind, ty.as_deref()),
        (NonSuccessKind::Error, Some("inconclusive"))
    );

    let TestCaseStatus::Skipped { message, .. } = &case("shared/balance").status else {
        panic!("a check that does not apply is skipped")
    };
    assert!(
        message
            .as_deref()
            .is_some_and(|message| message.contains("no shared subscriptions"))
    );

    let warned = case("connect/reason-on-bad-protocol");
    assert!(matches!(warned.status, TestCaseStatus::Success { .. }));
    assert!(
        warned
            .system_out
            .as_ref()
            .is_some_and(|text| text.as_str().starts_with("warning: The broker closed"))
    );
}

#[test]
fn junit_has_the_time_of_the_report() {
    let mut report = sample::report();
    report.generated = Some("2026-11-21T08:00:00Z".to_owned());
    assert!(junit::render(&report).contains("timestamp=\"2026-11-21T08:00:00"));
    report.generated = Some("yesterday".to_owned());
    assert!(!junit::render(&report).contains("timestamp"));
}

#[test]
fn the_worst_verdict_speaks_for_all() {
    use Verdict::{Fail, Inconclusive, NotApplicable, Pass, Warn};
    let of = |verdicts: &[Verdict]| verdicts.iter().copied().collect::<Summary>().verdict();
    assert_eq!(of(&[Pass, Warn, Inconclusive, Fail, NotApplicable]), Fail);
    assert_eq!(of(&[Pass, Warn, Inconclusive]), Inconclusive);
    assert_eq!(of(&[Pass, Warn, NotApplicable]), Warn);
    assert_eq!(of(&[Pass, NotApplicable]), Pass);
    assert_eq!(of(&[NotApplicable]), NotApplicable);
    assert_eq!(of(&[]), Inconclusive);

    let mut report = sample::report();
    assert_eq!(report.verdict(), Fail);
    report.conformance.clear();
    let mut runs = sample::runs();
    runs.retain(|run| run.verdict == Pass);
    let interrupted = report.simulation.and_then(|s| s.interrupted);
    let mut simulation = Simulation::new(runs);
    simulation.interrupted = interrupted;
    report.simulation = Some(simulation);
    assert_eq!(
        report.verdict(),
        Inconclusive,
        "an interrupted sweep has not shown that all is well"
    );
    report.simulation.as_mut().expect("still there").interrupted = None;
    assert_eq!(report.verdict(), Pass);
}

#[test]
fn a_sweep_keeps_a_bounded_number_of_failures() {
    let failed: SimResult = sample::runs()
        .into_iter()
        .find(|run| !run.findings.is_empty())
        .expect("one failed");
    let mut simulation = Simulation::default();
    for seed in 0..10_000 {
        let mut run = SimResult {
            seed,
            ..failed.clone()
        };
        run.findings = vec![run.findings[0].clone(); 5];
        simulation.trim(&mut run);
        assert!(
            !run.findings.is_empty(),
            "a run that failed always says why"
        );
        let whole = run.findings.iter().all(|f| !f.evidence.events.is_empty());
        assert_eq!(whole, seed < Simulation::MOST_IN_FULL as u64);
        simulation.add(run);
    }
    assert_eq!(simulation.summary.fail, 10_000);
    assert_eq!(simulation.series[0].failures.len(), Simulation::MOST_KEPT);
}

#[test]
fn the_packets_of_a_sweep_have_a_budget_in_bytes() {
    let mut failed = sample::runs()
        .into_iter()
        .find(|run| !run.findings.is_empty())
        .expect("one failed");
    failed.findings[0].evidence.events[0].detail = "x".repeat(1 << 20);
    let mut simulation = Simulation::default();
    let mut kept = 0;
    for number in 0..200 {
        let mut run = SimResult {
            scenario: format!("story-{number}"),
            ..failed.clone()
        };
        simulation.trim(&mut run);
        kept += run.findings[0].evidence.bytes();
        simulation.add(run);
    }
    assert!(
        kept <= Simulation::MOST_EVIDENCE_BYTES + (2 << 20),
        "{kept} bytes were kept"
    );
    assert_eq!(simulation.summary.fail, 200);
}

#[test]
fn a_fault_of_the_tool_itself_is_no_failure_of_what_is_tested() {
    let mut run = sample::runs()
        .into_iter()
        .find(|run| !run.findings.is_empty())
        .expect("one failed");
    let mut findings = vec![run.findings[0].clone(); 3];
    findings[2].internal = true;
    run.findings = findings;
    let mut report = Report::new("squall 0.1.0", "squall sim");
    report.simulation = Some(Simulation::new(vec![run.clone()]));
    let document = read(&report);
    assert!(
        document["results"][0]["findings"][0]
            .get("internal")
            .is_none()
    );
    assert_eq!(document["results"][0]["findings"][2]["internal"], true);
    let back = quick_junit::Report::deserialize_from_str(&junit::render(&report))
        .expect("it is JUnit XML");
    assert_eq!((back.errors, back.failures), (1, 0));
    // It is never among what is left out.
    let mut simulation = Simulation::default();
    for seed in 0..40 {
        let mut run = SimResult {
            seed,
            ..run.clone()
        };
        simulation.trim(&mut run);
        assert!(run.findings.iter().any(|f| f.internal));
        simulation.add(run);
    }
    assert_eq!(simulation.internal, 40);
}

#[test]
fn what_is_known_about_a_target_is_told_with_its_runs() {
    let mut run = sample::runs()
        .into_iter()
        .find(|run| !run.findings.is_empty())
        .expect("one failed");
    run.known = Some("it forgets the will".to_owned());
    let mut report = Report::new("squall 0.1.0", "squall live");
    report.simulation = Some(Simulation::new(vec![run]));
    assert_eq!(read(&report)["results"][0]["known"], "it forgets the will");
    for format in Format::all() {
        let shown = format.render(&report);
        assert!(shown.contains("it forgets the will"), "{shown}");
    }
}
