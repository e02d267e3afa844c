//! The verdict of a check, and what the server broke beside: one finding for each cause, and none that the verdict names
//! already.

use super::rules::{broken, records};
use crate::{cx::Cx, outcome::Outcome};
use squall_client::probe::{Event, Record};
use squall_history::{Finding, Fingerprint};
use squall_protocol::Packet;
use squall_reports::Verdict;

/// An outcome, with what else was found.
#[derive(Debug)]
pub(crate) struct Weighed {
    /// The worse of what the check says and what the rules say.
    pub(crate) outcome: Outcome,
    /// What the server broke beside, in words that say when there is doubt.
    pub(crate) beside: Vec<Finding>,
}

/// Weighs what the check says, which is graded, against what the packets of its clients show; `own` are the statements
/// that it is about. What packets prove stands, whatever the check was about and however far it came.
pub(crate) fn weigh(outcome: Outcome, cx: &Cx, own: &[&'static str]) -> Weighed {
    let records = records(cx);
    let mut found: Vec<(Finding, Outcome)> = broken(cx, &records)
        .into_iter()
        .filter_map(|finding| {
            let graded = graded(cx, &records, &finding)?;
            Some((finding, graded))
        })
        .collect();
    let names = names(&outcome, own, &records);
    found.retain(|(finding, graded)| {
        badness(graded.verdict) > badness(outcome.verdict)
            || !finding.fingerprint().same_cause(&names)
    });
    // The first of the worst.
    let worst = (0..found.len())
        .rev()
        .max_by_key(|n| badness(found[*n].1.verdict));
    let leads = worst.filter(|n| badness(found[*n].1.verdict) > badness(outcome.verdict));
    let outcome = match leads {
        None => outcome,
        Some(n) => leading(found.remove(n), &outcome),
    };
    let beside = found.into_iter().map(|(finding, graded)| Finding {
        message: graded.message,
        ..finding
    });
    Weighed {
        beside: beside.collect(),
        outcome,
    }
}

/// How bad a verdict is for the server.
const fn badness(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Fail => 2,
        Verdict::Warn => 1,
        Verdict::Pass | Verdict::Inconclusive | Verdict::NotApplicable => 0,
    }
}

/// What a verdict names: its statements, and the packet it shows. One that accuses nobody names nothing.
fn names<'f>(outcome: &'f Outcome, own: &'f [&'static str], records: &[Record]) -> Fingerprint<'f> {
    let accuses = badness(outcome.verdict) > 0;
    let statements = match outcome.cites.is_empty() {
        _ if !accuses => &[],
        true => own,
        false => &outcome.cites[..],
    };
    let is = |r: &Record| match (&r.event, &outcome.guilty) {
        (Event::Received(packet, ..), Some(guilty)) => *packet == **guilty,
        _ => false,
    };
    Fingerprint {
        rule: "check",
        statements,
        guilty: records.iter().rposition(is).filter(|_| accuses),
    }
}

/// A finding as an outcome: doubt about its statements makes it a warning here too. One that breaks none is for the check
/// that asks about it; a server that adds a User Property to each message would get the same warning from every check.
fn graded(cx: &Cx, records: &[Record], finding: &Finding) -> Option<Outcome> {
    let guilty = guilty(records, finding)?;
    if finding.statements.is_empty() {
        return None;
    }
    let outcome = Outcome::new(Verdict::Fail, &finding.message).citing(&finding.statements);
    Some(outcome.showing(guilty).graded(cx.version, &[]))
}

fn guilty<'r>(records: &'r [Record], finding: &Finding) -> Option<&'r Packet> {
    match &records.get(*finding.witness.last()?)?.event {
        Event::Received(packet, ..) => Some(packet),
        _ => None,
    }
}

/// What was found becomes the outcome; what the check itself says is told with it, unless all was well.
fn leading((finding, mut found): (Finding, Outcome), own: &Outcome) -> Outcome {
    found.message += &format!("; expected: {}", finding.expected);
    if own.verdict != Verdict::Pass {
        found.message += &format!("; the check itself says {}: {}", own.verdict, own.message);
    }
    found
}
