//! One check played once: what it found, unless the target was lost meanwhile or broke another rule on the way.

use crate::{
    catalogue,
    check::Check,
    cx::{Cx, Env, GONE},
    evidence,
    greet::Offer,
    judge::weigh,
    naming::base36,
    outcome::{Outcome, inconclusive, interrupted, not_applicable},
    party::refused,
    target::{credentials::Secret, known::MISSING},
};
use squall_client::probe::{Event, Heard, Journal, Probe};
use squall_protocol::{Properties, ReasonCode, Version, packet::ConnAck};
use squall_reports::{CheckResult, Exchange, Finding, StatementRef, Verdict};
use std::{rc::Rc, time::Duration};
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// What came of it.
pub(crate) struct Attempt {
    pub(crate) found: CheckResult,
    /// The target was lost, or ended a connection in the middle: the check may be asked again.
    pub(crate) interrupted: bool,
    /// Asking again would say nothing else: it was judged, or there was nothing to ask.
    pub(crate) settled: bool,
}

impl Attempt {
    /// Of a check that was not played.
    const fn of(found: CheckResult) -> Self {
        Self {
            found,
            interrupted: false,
            settled: true,
        }
    }
}

/// One check in one version, with its limit. `missing` says why the target need not be asked at all.
pub(crate) async fn one(
    env: Rc<Env>,
    (check, version): (&'static Check, Version),
    number: usize,
    offer: Offer,
    missing: Option<String>,
    limit: Duration,
) -> Attempt {
    let start = Instant::now();
    if let Some(reason) = missing {
        let outcome = not_applicable(format!("{MISSING}{reason}"));
        return Attempt::of(unplayed(check, version, outcome));
    }
    let connack = match accepted(offer, check, version) {
        Ok(connack) => connack,
        Err(outcome) => return Attempt::of(unplayed(check, version, outcome)),
    };
    if let Some(reason) = check.needs.iter().find_map(|need| need.lacking(&connack)) {
        return Attempt::of(unplayed(check, version, not_applicable(reason)));
    }
    let (pace, shared) = (env.pace.get(), Rc::clone(&env));
    let (wait, limit) = (pace.answer(), pace.check(limit));
    let main = check
        .statements(version)
        .first()
        .copied()
        .unwrap_or_default();
    let cx = Cx::new(env, version, number, base36(number as u64), main);
    let outcome = limited(&cx, check, limit).await;
    let outcome = match outcome.verdict {
        Verdict::Pass if !cx.controlled() => {
            inconclusive("nothing beyond CONNACK was seen to work, so nothing was proven")
        }
        _ => outcome,
    };
    let outcome = outcome.graded(version, check.statements(version));
    let outcome = while_it_lasts(outcome, check, &cx).await;
    // What packets prove stands, whatever became of the target.
    let mut weighed = weigh(outcome, &cx, check.statements(version));
    let interrupted = weighed.outcome.interrupted;
    let evidence = kept(&weighed.outcome, &cx.journal, &shared);
    let beside = beside(weighed.beside, &cx.journal, &shared, version);
    if let Some(secret) = &shared.credentials {
        // A server may repeat what it was told.
        weighed.outcome.message = secret.without_text(weighed.outcome.message);
    }
    let mut found = result(check, version, weighed.outcome, evidence, start.elapsed());
    found.findings = beside;
    // The evidence is complete; what tidying up does is not part of it.
    // What cannot be done in time stays in the ledger.
    let _ = timeout(wait, cx.tidy()).await;
    Attempt {
        settled: found.verdict != Verdict::Inconclusive,
        found,
        interrupted,
    }
}

/// The CONNACK with which the target let a client of this version in; without one, what that means for a check.
fn accepted(offer: Offer, check: &Check, version: Version) -> Result<Rc<ConnAck>, Outcome> {
    match offer {
        Offer::Accepted(connack) => Ok(connack),
        Offer::Unsupported { how, .. } => Err(not_applicable(how)),
        // One check goes on, to be the one that fails; all others would only fail for the same reason.
        Offer::Broken(_) if check.id == "connect/accepted" => Ok(Rc::new(ConnAck {
            session_present: false,
            reason: ReasonCode::SUCCESS,
            properties: Properties::new(),
        })),
        Offer::Broken(how) => Err(inconclusive(format!(
            "the answer to CONNECT breaks the standard: {how}"
        ))),
        Offer::Useless(outcome) | Offer::Nothing(outcome) => Err(outcome),
        Offer::Refused(reason) => Err(refused(version, reason)),
    }
}

/// The check to its end, or to the end of its time.
async fn limited(cx: &Cx, check: &'static Check, limit: Duration) -> Outcome {
    let start = Instant::now();
    let mut running = (check.run)(cx);
    loop {
        let deadline = start + limit + cx.extra();
        match timeout_at(deadline, &mut running).await {
            Ok(Ok(outcome) | Err(outcome)) => return outcome,
            // It was given more time meanwhile.
            Err(_) if start + limit + cx.extra() > deadline => {}
            Err(_) => {
                let limit = limit + cx.extra();
                return inconclusive(format!("the check did not come to an end within {limit:?}"));
            }
        }
    }
}

/// The outcome of a check whose target may be lost to everybody by now: a server that has died broke no rule by closing,
/// nor did it keep one, and one that has fallen silent broke none by what it left unsaid. What its packets show stands.
async fn while_it_lasts(outcome: Outcome, check: &Check, cx: &Cx) -> Outcome {
    let doubtful = match outcome.verdict {
        Verdict::Fail | Verdict::Warn => true,
        Verdict::Pass => check.disturbs() || was_closed(cx),
        Verdict::NotApplicable | Verdict::Inconclusive => outcome.interrupted,
    };
    if !doubtful {
        return outcome;
    }
    let how = match cx.env.gone.get() {
        Some(how) if outcome.interrupted => Some(how),
        _ => lost_target(cx).await,
    };
    let Some(how) = how else {
        return outcome;
    };
    cx.env.gone.set(Some(how));
    match outcome.proven || outcome.message.starts_with(how) {
        true => outcome,
        false => interrupted(format!("{how}; before that: {}", outcome.message)),
    }
}

/// Whether the server closed a connection, which dying does too.
fn was_closed(cx: &Cx) -> bool {
    let records = cx.journal.records();
    records
        .iter()
        .any(|r| matches!(r.event, Event::PeerClosed(_)))
}

/// Between the last two looks at a target that may be about to end: its connections end before its door does.
const LAST_LOOK: Duration = Duration::from_millis(100);

/// Says that nobody is let in.
const SHUT: &str = "the target ends the connection of every new client";

/// How the target is lost to everybody, if it is: it takes no connection any more, or says nothing to a new client. One that
/// ends the connection of each is lost where it can be started anew; where it can't, that is its answer.
async fn lost_target(cx: &Cx) -> Option<&'static str> {
    match lost_now(cx).await {
        // A connection that ends at once is an answer too, of one that lives.
        Look::Hangup => {
            sleep(LAST_LOOK).await;
            match lost_now(cx).await {
                Look::Lost(how) => Some(how),
                Look::Hangup => cx.env.process.is_some().then_some(SHUT),
                Look::Answer => None,
            }
        }
        Look::Lost(how) => Some(how),
        Look::Answer => None,
    }
}

/// What becomes of a new client.
enum Look {
    Answer,
    Hangup,
    Lost(&'static str),
}

async fn lost_now(cx: &Cx) -> Look {
    // A connection of its own, which is no part of the evidence.
    let asked = cx.again();
    if cx.env.process.as_ref().is_some_and(|p| p.ended().is_some()) {
        return Look::Lost(GONE);
    }
    let Ok(mut probe) = Probe::connect(cx.env.endpoint.clone(), cx.wait()).await else {
        return Look::Lost(GONE);
    };
    if asked.dial("asked again").send(&mut probe).await.is_err() {
        return Look::Hangup;
    }
    match probe.next(cx.wait()).await {
        Heard::Silence => Look::Lost("the target has fallen silent"),
        Heard::Closed(_) => Look::Hangup,
        _ => Look::Answer,
    }
}

/// The result of a check that sent nothing.
pub(crate) fn unplayed(check: &'static Check, version: Version, outcome: Outcome) -> CheckResult {
    result(check, version, outcome, Exchange::default(), Duration::ZERO)
}

/// Bytes of a message, which may quote what the server sent.
const MOST_MESSAGE: usize = 8 * 1024;

/// The packets that a result keeps: all of those that somebody has to look at, none of the others if not asked for.
fn kept(outcome: &Outcome, journal: &Journal, env: &Env) -> Exchange {
    if !(env.all_evidence || outcome.verdict.needs_attention()) {
        return Exchange::default();
    }
    let blame = matches!(outcome.verdict, Verdict::Fail | Verdict::Warn);
    let secret = env.credentials.as_ref();
    evidence::exchange(journal, blame, outcome.guilty.as_deref(), secret, &env.room)
}

/// A statement with what it says.
pub(crate) fn statement(version: Version, id: &str) -> StatementRef {
    StatementRef {
        id: id.to_owned(),
        says: catalogue::find(version, id).map_or_else(String::new, |s| s.says.clone()),
    }
}

/// What the server broke beside, with the packets that show it.
fn beside(
    findings: Vec<squall_history::Finding>,
    journal: &Journal,
    env: &Env,
    version: Version,
) -> Vec<Finding> {
    let all = findings.into_iter().map(|finding| Finding {
        rule: finding.rule.to_owned(),
        statements: finding
            .statements
            .iter()
            .map(|id| statement(version, id))
            .collect(),
        evidence: evidence::witnessed(
            journal,
            &finding.witness,
            env.credentials.as_ref(),
            &env.room,
        ),
        message: evidence::cut(finding.message, MOST_MESSAGE),
        expected: evidence::cut(finding.expected, MOST_MESSAGE),
        location: None,
        internal: false,
    });
    all.collect()
}

fn result(
    check: &'static Check,
    version: Version,
    outcome: Outcome,
    evidence: Exchange,
    took: Duration,
) -> CheckResult {
    let mut ids: Vec<&'static str> = outcome.cites.clone();
    ids.extend(
        check
            .statements(version)
            .iter()
            .filter(|id| !outcome.cites.contains(id)),
    );
    let statements = ids.into_iter().map(|id| statement(version, id));
    CheckResult {
        check: check.id.to_owned(),
        title: check.title.to_owned(),
        statements: statements.collect(),
        version: version.to_string(),
        verdict: outcome.verdict,
        message: evidence::cut(outcome.message, MOST_MESSAGE),
        expected: check.expected.to_owned(),
        findings: Vec::new(),
        known: None,
        evidence,
        duration_ms: millis(took),
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
