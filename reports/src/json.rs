//! JSON for programs.
//!
//! [`render`] is the whole result model as it is; reading it back gives the same report. [`conformance_json`] and
//! [`simulation_json`] are the documents of one command each: flatter, with statements as plain ids. Texts are not
//! altered, whatever they contain; JSON escapes what needs it.

use crate::model::{
    CheckResult, Conformance, Exchange, Finding, Report, SimResult, Simulation, StatementRef,
    Summary, Verdict,
};
use serde::Serialize;

/// The report as pretty JSON, ending in a line break.
#[must_use]
pub fn render(report: &Report) -> String {
    pretty(report)
}

/// What `squall conform --format json` prints: `target`, `summary`, `duration_ms` and `results`, each with its
/// statements as plain ids. Durations are wall time in milliseconds.
#[must_use]
pub fn conformance_json(conformance: &Conformance) -> String {
    let Conformance {
        target,
        summary,
        results,
        duration_ms,
    } = conformance;
    pretty(&ConformanceDocument {
        target,
        summary,
        duration_ms: *duration_ms,
        results: results.iter().map(CheckDocument::from).collect(),
    })
}

/// What `squall sim --format json` prints: `summary`, speeds, `interrupted` if it was, and `results`, each with its
/// findings; statements are plain ids. Times in results are virtual, in milliseconds.
#[must_use]
pub fn simulation_json(simulation: &Simulation) -> String {
    let Simulation {
        summary,
        results,
        runs_per_second,
        virtual_seconds_per_second,
        interrupted,
    } = simulation;
    pretty(&SimulationDocument {
        summary,
        runs_per_second: *runs_per_second,
        virtual_seconds_per_second: *virtual_seconds_per_second,
        interrupted: interrupted.as_deref(),
        results: results.iter().map(RunDocument::from).collect(),
    })
}

fn pretty(document: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(document)
        .expect("strings, numbers and lists always have a JSON form");
    text.push('\n');
    text
}

fn plain(statements: &[StatementRef]) -> Vec<&str> {
    statements
        .iter()
        .map(|statement| statement.id.as_str())
        .collect()
}

#[derive(Serialize)]
struct ConformanceDocument<'a> {
    target: &'a str,
    summary: &'a Summary,
    duration_ms: u64,
    results: Vec<CheckDocument<'a>>,
}

#[derive(Serialize)]
struct CheckDocument<'a> {
    check: &'a str,
    title: &'a str,
    statements: Vec<&'a str>,
    version: &'a str,
    verdict: Verdict,
    message: &'a str,
    expected: &'a str,
    evidence: &'a Exchange,
    duration_ms: u64,
}

impl<'a> From<&'a CheckResult> for CheckDocument<'a> {
    fn from(result: &'a CheckResult) -> Self {
        let CheckResult {
            check,
            title,
            statements,
            version,
            verdict,
            message,
            expected,
            evidence,
            duration_ms,
        } = result;
        Self {
            check,
            title,
            statements: plain(statements),
            version,
            verdict: *verdict,
            message,
            expected,
            evidence,
            duration_ms: *duration_ms,
        }
    }
}

#[derive(Serialize)]
struct SimulationDocument<'a> {
    summary: &'a Summary,
    runs_per_second: Option<u64>,
    virtual_seconds_per_second: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interrupted: Option<&'a str>,
    results: Vec<RunDocument<'a>>,
}

#[derive(Serialize)]
struct RunDocument<'a> {
    scenario: &'a str,
    title: &'a str,
    version: &'a str,
    seed: u64,
    world: &'a str,
    verdict: Verdict,
    trace_hash: &'a str,
    virtual_ms: u64,
    findings: Vec<FindingDocument<'a>>,
    replay: Option<&'a str>,
}

impl<'a> From<&'a SimResult> for RunDocument<'a> {
    fn from(run: &'a SimResult) -> Self {
        Self {
            scenario: &run.scenario,
            title: &run.title,
            version: &run.version,
            seed: run.seed,
            world: &run.world,
            verdict: run.verdict,
            trace_hash: &run.trace_hash,
            virtual_ms: run.virtual_ms,
            findings: run.findings.iter().map(FindingDocument::from).collect(),
            replay: run.replay.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct FindingDocument<'a> {
    rule: &'a str,
    statements: Vec<&'a str>,
    message: &'a str,
    expected: &'a str,
    location: Option<&'a str>,
    evidence: &'a Exchange,
}

impl<'a> From<&'a Finding> for FindingDocument<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            rule: &finding.rule,
            statements: plain(&finding.statements),
            message: &finding.message,
            expected: &finding.expected,
            location: finding.location.as_deref(),
            evidence: &finding.evidence,
        }
    }
}
