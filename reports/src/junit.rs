//! JUnit XML for CI servers.
//!
//! One test suite per scenario and version. Its runs that passed are one test case a world, however many they are;
//! each run that did not is a test case of its own, and if there are more than a report keeps, one more counts the
//! rest. And one test suite per target and version, one test case per check. How verdicts are told:
//!
//! | verdict | test case |
//! | --- | --- |
//! | pass | success |
//! | fail | `failure` with message, expectation, statements and text ladder |
//! | warn | success; what was seen is in `system-out`, as JUnit has no word for it |
//! | n/a | `skipped` with the reason |
//! | inconclusive | `error`: the check could not do its work. `skipped` would hide it among what was left out on purpose |
//! | fail by a fault of the tool itself | `error` too: what is tested has not failed |
//!
//! Times of test cases are wall time; a simulated run has its virtual time as a property instead.

use crate::{
    grouping::{collect, ids, stories},
    ladder,
    model::{
        CheckResult, Conformance, Exchange, Finding, Report, Series, SimResult, StatementRef,
        Verdict,
    },
    quantity::count,
    sink::{Row, whole},
    visible::{block, line},
};
use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// This format.
pub(crate) const ROW: Row = Row {
    name: "junit",
    ending: "xml",
    what: "JUnit XML",
    begin: |out, _| whole(out, render),
};

/// The report as JUnit XML.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut junit = quick_junit::Report::new(&*line(&report.title));
    junit.timestamp = report
        .generated
        .as_deref()
        .and_then(|generated| generated.parse().ok());
    if let Some(simulation) = &report.simulation {
        for story in stories(&simulation.series) {
            let name = format!("{} (MQTT {})", story.first.scenario, story.first.version);
            let mut suite = TestSuite::new(&*line(&name));
            suite.add_property(property("title", &story.first.title));
            for series in &story.series {
                suite.add_test_cases(passed(series, &name));
                suite.add_test_cases(series.failures.iter().map(|run| simulated(run, &name)));
                suite.add_test_cases(not_kept(series, &name));
            }
            junit.add_test_suite(suite);
        }
        if let Some(reason) = &simulation.interrupted {
            junit.add_test_suite(interrupted("simulation", "sweep ran to its end", reason));
        }
    }
    for conformance in &report.conformance {
        junit.add_test_suites(target(conformance));
        if let Some(reason) = &conformance.interrupted {
            junit.add_test_suite(interrupted(
                &conformance.target,
                "every check was done",
                reason,
            ));
        }
    }
    junit
        .to_string()
        .expect("XML is written to memory, and all text was made fit for XML before")
}

/// What did not end is no success, even if everything so far was one.
fn interrupted(suite: &str, name: &str, reason: &str) -> TestSuite {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type("interrupted").set_message(&*line(reason));
    let mut suite = TestSuite::new(&*line(suite));
    suite.add_test_case(TestCase::new(name, status));
    suite
}

/// The runs of a series that passed, if any did.
fn passed(series: &Series, suite: &str) -> Option<TestCase> {
    let runs = series.summary.pass;
    let name = format!("runs in {}", series.world);
    let mut case = case(&name, Verdict::Pass, "", "", "");
    case.set_classname(&*line(suite));
    case.add_property(property("runs", &runs.to_string()));
    case.add_property(property("world", &series.world));
    case.add_property(property("first_seed", &series.first_seed.to_string()));
    case.add_property(property("first_trace_hash", &series.first_hash));
    (runs > 0).then_some(case)
}

/// The runs that did not pass and were too many to keep.
fn not_kept(series: &Series, suite: &str) -> Option<TestCase> {
    let all = series.summary.total - series.summary.pass;
    let more = all.saturating_sub(series.failures.len() as u64);
    let name = format!("further runs in {}", series.world);
    let message = format!(
        "{} did not pass; the JSON results have each of them",
        count(more, "run")
    );
    let mut case = case(&name, series.summary.verdict(), "", &message, "");
    case.set_classname(&*line(suite));
    (more > 0).then_some(case)
}

fn simulated(run: &SimResult, suite: &str) -> TestCase {
    let message = match run.findings.as_slice() {
        [] => run
            .reason
            .clone()
            .unwrap_or_else(|| "the run did not pass; it has no finding".to_owned()),
        [finding] => format!("{}: {}", finding.rule, finding.message),
        [finding, more @ ..] => format!(
            "{}: {} (and {} more)",
            finding.rule,
            finding.message,
            more.len()
        ),
    };
    let mut text: String = run.findings.iter().map(describe_finding).collect();
    if let Some(known) = &run.known {
        text += &format!("Known about this target: {known}\n");
    }
    if let Some(replay) = &run.replay {
        text += &format!("Replay: {replay}\n");
    }
    let name = format!("seed {} in {}", run.seed, run.world);
    let rule = run
        .findings
        .first()
        .map_or("", |finding| finding.rule.as_str());
    // A fault of the tool itself is no failure of what is tested.
    let internal = run.findings.iter().any(|finding| finding.internal);
    let mut case = match internal {
        true => error(&name, rule, &message, &text),
        false => case(&name, run.verdict, rule, &message, &text),
    };
    case.set_classname(&*line(suite));
    case.add_property(property("seed", &run.seed.to_string()));
    case.add_property(property("world", &run.world));
    case.add_property(property("virtual_ms", &run.virtual_ms.to_string()));
    case.add_property(property("trace_hash", &run.trace_hash));
    case
}

fn target(conformance: &Conformance) -> impl Iterator<Item = TestSuite> {
    collect(&conformance.results, |result| result.version.as_str())
        .into_iter()
        .map(|results| {
            let version = results.first().map_or("", |result| result.version.as_str());
            let name = format!("{} (MQTT {version})", conformance.target);
            let mut suite = TestSuite::new(&*line(&name));
            suite.set_time(Duration::from_millis(
                results.iter().map(|result| result.duration_ms).sum(),
            ));
            suite.add_test_cases(results.iter().map(|result| checked(result, &name)));
            suite
        })
}

fn checked(result: &CheckResult, suite: &str) -> TestCase {
    let mut text = describe(
        &result.title,
        &result.message,
        &result.expected_and_known(),
        &result.statements,
        &result.evidence,
    );
    for finding in &result.findings {
        text += &format!("\nBeside: {}", describe_finding(finding));
    }
    let ids = ids(&result.statements);
    let mut case = case(&result.check, result.verdict, &ids, &result.message, &text);
    case.set_classname(&*line(suite));
    case.set_time(Duration::from_millis(result.duration_ms));
    if !ids.is_empty() {
        case.add_property(property("statements", &ids));
    }
    case
}

/// A test case whose status tells the verdict. `kind` classifies a failure.
fn case(name: &str, verdict: Verdict, kind: &str, message: &str, text: &str) -> TestCase {
    let (message, text) = (line(message), block(text));
    let failed = NonSuccessKind::Failure;
    let status = match verdict {
        Verdict::Pass | Verdict::Warn => TestCaseStatus::success(),
        Verdict::Fail => non_success(failed, kind, &message, &text),
        Verdict::Inconclusive => return error(name, "inconclusive", &message, &text),
        Verdict::NotApplicable => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(&*message);
            status
        }
    };
    let mut case = TestCase::new(&*line(name), status);
    if verdict == Verdict::Warn {
        case.set_system_out(format!("warning: {message}\n{text}"));
    }
    case
}

/// A test case that could not do its work.
fn error(name: &str, class: &str, message: &str, text: &str) -> TestCase {
    let (message, text) = (line(message), block(text));
    let status = non_success(NonSuccessKind::Error, class, &message, &text);
    TestCase::new(&*line(name), status)
}

fn non_success(kind: NonSuccessKind, class: &str, message: &str, text: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status
        .set_type(&*line(class))
        .set_message(message)
        .set_description(text);
    status
}

fn describe_finding(finding: &Finding) -> String {
    let mut text = describe(
        &finding.rule,
        &finding.message,
        &finding.expected,
        &finding.statements,
        &finding.evidence,
    );
    if let Some(location) = &finding.location {
        text += &format!("Asked for at {location}\n");
    }
    text
}

fn describe(
    title: &str,
    message: &str,
    expected: &str,
    statements: &[StatementRef],
    evidence: &Exchange,
) -> String {
    let mut text = format!("{title}\nObserved: {message}\nExpected: {expected}\n");
    for StatementRef { id, says } in statements {
        text += &if says.is_empty() {
            format!("[{id}]\n")
        } else {
            format!("[{id}] {says}\n")
        };
    }
    text + &ladder::render(
        evidence,
        &ladder::Options {
            width: 110,
            events: 60,
        },
    )
}

fn property(name: &str, value: &str) -> Property {
    Property::new(name, &*line(value))
}
