//! The documents for programs, read back: nothing is lost and the verdicts are told as promised.

use crate::sample;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus};
use squall_reports::{Report, Summary, Verdict, json, junit};

#[test]
fn json_read_back_is_the_same_report() {
    let report = sample::report();
    let back: Report =
        serde_json::from_str(&json::render(&report)).expect("it is JSON of the model");
    assert_eq!(back, report);
}

#[test]
fn documents_of_commands_have_plain_statement_ids() {
    let report = sample::report();
    let document: serde_json::Value =
        serde_json::from_str(&json::conformance_json(&report.conformance[0])).expect("it is JSON");
    assert_eq!(document["target"], "mqtt://broker.example:1883");
    assert_eq!(document["summary"]["n/a"], 1);
    let results = document["results"].as_array().expect("results are a list");
    assert_eq!(results.len() as u64, report.conformance[0].summary.total);
    let twice = results
        .iter()
        .find(|result| result["verdict"] == "fail")
        .expect("one failed");
    assert_eq!(twice["statements"], serde_json::json!(["MQTT-4.3.3-10"]));
    assert_eq!(twice["evidence"]["events"][7]["highlight"], true);

    let simulation = report.simulation.expect("the sample has a simulation");
    let document: serde_json::Value =
        serde_json::from_str(&json::simulation_json(&simulation)).expect("it is JSON");
    assert_eq!(document["runs_per_second"], 4_210);
    let failed = document["results"]
        .as_array()
        .expect("results are a list")
        .iter()
        .find(|run| run["verdict"] == "fail");
    let failed = failed.expect("one failed");
    assert_eq!(
        failed["findings"][0]["statements"],
        serde_json::json!(["MQTT-4.3.3-2", "MQTT-4.4.0-1"])
    );
    assert_eq!(
        failed["replay"],
        "squall replay qos2/door-lock --mqtt 5.0 --seed 3"
    );
}

#[test]
fn junit_read_back_counts_every_result_once() {
    let report = sample::report();
    let back = quick_junit::Report::deserialize_from_str(&junit::render(&report))
        .expect("it is JUnit XML");
    let summary = report.summary();
    // One more: the sweep that was interrupted.
    assert_eq!(back.tests as u64, summary.total + 1);
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
    let simulation = report
        .simulation
        .as_mut()
        .expect("the sample has a simulation");
    simulation.results.retain(|run| run.verdict == Pass);
    simulation.summary = simulation.results.iter().map(|run| run.verdict).collect();
    assert_eq!(
        report.verdict(),
        Inconclusive,
        "an interrupted sweep has not shown that all is well"
    );
    report.simulation.as_mut().expect("still there").interrupted = None;
    assert_eq!(report.verdict(), Pass);
}
