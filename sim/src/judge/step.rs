//! A step that could not be done.

use crate::{
    director::StepFailure,
    trace::{Record, Trace, What},
};
use squall_catalogue as catalogue;
use squall_client::Event;
use squall_history::Finding;

/// The rule of a step that could not be done.
pub(crate) const STEP: &str = "step";

/// What is said of a step that could not be done. It cites the statements that the story says ask for it, as far as the
/// version of its client has them.
pub(crate) fn undone(failure: &StepFailure, trace: &Trace) -> Finding {
    let demand = failure.demand.as_deref();
    let ids = demand
        .iter()
        .flat_map(|d| d.statements.iter().map(|id| (d.version, id)));
    let known = ids.filter_map(|(version, id)| catalogue::find(version, id));
    let statements = known.filter(|s| s.gradable()).map(|s| s.id.as_str());
    Finding {
        rule: STEP,
        statements: statements.collect(),
        message: format!(
            "`{}`: {}{}",
            failure.step,
            failure.message,
            instead(failure, trace)
        ),
        expected: failure.expected.clone(),
        witness: last_of(trace, failure),
        absence: demand.is_none_or(|d| d.waited.is_some()),
        demand: None,
        version: demand.map(|d| d.version),
    }
}

/// What came to its client and is no packet, in words: it may have been meant to be what was waited for.
fn instead(failure: &StepFailure, trace: &Trace) -> String {
    let about = |record: &&Record| failure.client.is_none() || record.client() == failure.client;
    let came = trace.records().iter().rev().filter(about);
    let violation = came.filter_map(|record| match &record.what {
        What::Client(Event::Violation(violation)) => Some(violation),
        _ => None,
    });
    let words = violation.map(|v| format!("; something came that is no packet: {v}"));
    words.take(1).collect()
}

/// The last record about its client (or of all), as the witness of a step that waited in vain.
fn last_of(trace: &Trace, failure: &StepFailure) -> Vec<usize> {
    let about = |record: &Record| failure.client.is_none() || record.client() == failure.client;
    let last = trace.records().iter().rposition(about);
    last.into_iter().collect()
}
