//! Plays checks against a target, several at once, and gives their results in the order of the registry.
//!
//! Judges nothing but this: a check that is not back within its limit, panics, or passes without having seen anything
//! work is inconclusive.

use crate::{
    catalogue,
    check::{self, Check},
    cx::{Cx, Env},
    evidence,
    outcome::{Outcome, inconclusive, not_applicable},
    party::refused,
    select::{SelectError, select},
    target::{Reason, Target, Unreachable},
};
use squall_client::probe::{Heard, Journal, Probe, ProbeError};
use squall_protocol::{
    Packet, PacketType, Properties, ReasonCode, Text, Version,
    packet::{ConnAck, Connect},
};
use squall_reports::{CheckResult, Conformance, StatementRef, Verdict};
use std::{
    cell::Cell,
    collections::VecDeque,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    task::{JoinSet, LocalSet},
    time::{Instant, timeout},
};

/// How a target is tested.
#[derive(Clone, Debug)]
pub struct Options {
    /// The versions to test; both by default.
    pub versions: Vec<Version>,
    /// Names of checks, `*` for any text; all checks when empty.
    pub only: Vec<String>,
    /// How many checks run at once, at least 1; 16 by default.
    pub jobs: usize,
    /// The longest time one check may take; 12 s by default.
    pub timeout: Duration,
    /// How long a check waits for one thing that has to come; 3 s by default.
    pub wait: Duration,
    /// How long the first CONNECT of a version waits for its answer; 5 s by default.
    pub first_answer: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            versions: Version::ALL.to_vec(),
            only: Vec::new(),
            jobs: 16,
            timeout: Duration::from_secs(12),
            wait: Duration::from_secs(3),
            first_answer: Duration::from_secs(5),
        }
    }
}

/// Where a run stands.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Results so far.
    pub done: usize,
    /// Results there will be.
    pub total: usize,
    /// The newest one; they do not come in the order of the registry.
    pub latest: &'a CheckResult,
}

/// Why nothing was judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// Nobody answers at the address.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// The selection names no check.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// None of the selected checks is about one of the selected versions.
    #[error("none of the selected checks is about {0}")]
    Nothing(String),
    /// The runtime could not be started.
    #[error("could not start the runtime: {0}")]
    Runtime(String),
}

/// Like [`run`], on a runtime of its own.
///
/// # Errors
/// As [`run`], and when the runtime cannot be started.
pub fn run_blocking(
    target: &Target,
    options: &Options,
    progress: impl FnMut(Progress<'_>),
) -> Result<Conformance, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| RunError::Runtime(error.to_string()))?;
    runtime.block_on(run(target, options, progress))
}

/// Runs the selected checks against a target. Needs a current-thread runtime with network and time.
///
/// However the target behaves, the run ends: after at most `first_answer` when it answers no CONNECT, else when
/// every check has had its `timeout`, and `wait` to tidy up, `jobs` at a time.
///
/// # Errors
/// When the target cannot be reached at all, or the selection selects nothing. Whatever a reachable target does is
/// a result.
pub async fn run(
    target: &Target,
    options: &Options,
    mut progress: impl FnMut(Progress<'_>),
) -> Result<Conformance, RunError> {
    let start = Instant::now();
    let selected = select(&options.only)?;
    let versions: Vec<Version> = Version::ALL
        .into_iter()
        .filter(|v| options.versions.contains(v))
        .collect();
    let jobs: Vec<(&'static Check, Version)> = selected
        .iter()
        .flat_map(|check| versions.iter().map(move |version| (*check, *version)))
        .filter(|(check, version)| check.applies_to(*version))
        .collect();
    if jobs.is_empty() {
        let names: Vec<_> = versions.iter().map(|v| v.as_str()).collect();
        return Err(RunError::Nothing(names.join(" and ")));
    }
    let addr = reach(target, options.wait).await?;
    check::prepare();
    let offers = explore(addr, options).await;
    let env = Rc::new(Env {
        addr,
        wait: options.wait,
        run: run_name(),
        gone: Cell::new(false),
    });
    let results = LocalSet::new()
        .run_until(play(&env, options, &jobs, &offers, &mut progress))
        .await;
    Ok(Conformance::new(
        target.to_string(),
        results,
        millis(start.elapsed()),
    ))
}

/// The first address of the target that accepts a connection.
async fn reach(target: &Target, limit: Duration) -> Result<SocketAddr, Unreachable> {
    let mut last = None;
    for addr in target.resolve(limit).await? {
        match Probe::connect(addr, limit).await {
            Ok(_) => return Ok(addr),
            Err(error) => last = Some(error),
        }
    }
    Err(target.unreachable(match last {
        Some(ProbeError::Connect(_, error)) => Reason::of(&error),
        Some(ProbeError::ConnectTimeout(_, limit)) => Reason::Timeout(limit),
        Some(other) => Reason::Other(other.to_string()),
        None => Reason::Other("it has no address".to_owned()),
    }))
}

/// What the target says to a CONNECT of a version.
#[derive(Clone, Debug)]
enum Offer {
    /// It lets clients in.
    Accepted(ConnAck),
    /// It says, or shows by closing, that it does not speak the version.
    Unsupported(String),
    /// Its CONNACK breaks the standard.
    Broken(String),
    /// Nothing can be found out; the outcome says why.
    Useless(Outcome),
}

/// Tries every version of [`Version::ALL`] beside each other: whether a refusal is about the version shows only by
/// the other one.
async fn explore(addr: SocketAddr, options: &Options) -> [Offer; 2] {
    let [old, new] = Version::ALL;
    let (a, b) = tokio::join!(greet(addr, old, options), greet(addr, new, options));
    let works = |offer: &Offer| matches!(offer, Offer::Accepted(_));
    // A server of one version alone may simply hang up on the other.
    let settle = |offer: Offer, other_works: bool| match offer {
        Offer::Unsupported(reason) if !other_works => Offer::Useless(inconclusive(reason)),
        offer => offer,
    };
    let (a_works, b_works) = (works(&a), works(&b));
    [settle(a, b_works), settle(b, a_works)]
}

async fn greet(addr: SocketAddr, version: Version, options: &Options) -> Offer {
    let useless = |text: String| Offer::Useless(inconclusive(text));
    let mut probe = match Probe::connect(addr, options.first_answer).await {
        Ok(probe) => probe,
        Err(error) => return useless(error.to_string()),
    };
    let connect = Connect {
        version,
        clean_start: true,
        keep_alive: 60,
        client_id: Text::from(format!("{}v{}", run_name(), version.level())),
        will: None,
        user_name: None,
        password: None,
        properties: Properties::new(),
    };
    if let Err(error) = probe.send(&Packet::Connect(Box::new(connect))).await {
        return Offer::Unsupported(format!(
            "the target closed the connection on a CONNECT of {version} ({error})"
        ));
    }
    match probe.next(options.first_answer).await {
        Heard::Packet(Packet::ConnAck(connack)) if connack.reason == ReasonCode::SUCCESS => {
            probe.disconnect(options.wait / 2).await;
            Offer::Accepted(connack)
        }
        Heard::Packet(Packet::ConnAck(connack)) => {
            let other = match version {
                Version::V3_1_1 => ReasonCode::V3_UNACCEPTABLE_PROTOCOL_VERSION,
                Version::V5_0 => ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
            };
            match connack.reason == other {
                true => Offer::Unsupported(format!(
                    "the target answers a CONNECT of {version} with {}",
                    connack.reason
                )),
                false => Offer::Useless(refused(version, connack.reason)),
            }
        }
        // A server of 3.1.1 alone answers in its own format [MQTT-3.1.2-2] (3.1.1).
        Heard::Violation(_)
            if version == Version::V5_0
                && probe.unread().starts_with(&[0x20, 0x02, 0x00, 0x01]) =>
        {
            Offer::Unsupported(
                "the target answers a CONNECT of 5.0 with the 3.1.1 code 0x01".to_owned(),
            )
        }
        Heard::Violation(violation) => Offer::Broken(violation.to_string()),
        Heard::Packet(other) => useless(format!(
            "the target answers CONNECT with {}",
            other.packet_type()
        )),
        Heard::Closed(close) => Offer::Unsupported(format!(
            "the target closed the connection on a CONNECT of {version} without an answer ({close})"
        )),
        Heard::TooLong => {
            useless("the target answers CONNECT with a packet of more than 1 MiB".to_owned())
        }
        Heard::Silence => useless(format!(
            "the target accepts connections and did not answer {} within {:?}",
            PacketType::Connect,
            options.first_answer
        )),
    }
}

/// Keeps `options.jobs` checks running until all are done.
async fn play(
    env: &Rc<Env>,
    options: &Options,
    jobs: &[(&'static Check, Version)],
    offers: &[Offer; 2],
    progress: &mut impl FnMut(Progress<'_>),
) -> Vec<CheckResult> {
    let total = jobs.len();
    let mut queue: VecDeque<usize> = (0..total).collect();
    let mut running: JoinSet<(usize, CheckResult)> = JoinSet::new();
    let mut results: Vec<Option<CheckResult>> = vec![None; total];
    let mut done = 0;
    let mut disturbing = false;
    loop {
        while running.len() < options.jobs.max(1) {
            let Some(&index) = queue.front() else {
                break;
            };
            let (check, version) = jobs[index];
            if check.disturbs() && !disturbing && !running.is_empty() {
                break;
            }
            disturbing = check.disturbs();
            queue.pop_front();
            let offer = offers[version as usize].clone();
            let (env, limit) = (env.clone(), options.timeout);
            running.spawn_local(async move {
                (index, one(env, check, version, index, offer, limit).await)
            });
        }
        match running.join_next().await {
            None => break,
            // The panic of a check is caught inside its task; what is left here is a task that was cancelled.
            Some(Err(_)) => continue,
            Some(Ok((index, result))) => {
                done += 1;
                progress(Progress {
                    done,
                    total,
                    latest: &result,
                });
                results[index] = Some(result);
            }
        }
    }
    let lost = |(check, version): (&'static Check, Version)| {
        let outcome =
            inconclusive("the check was lost: its task panicked, which is a defect of the check");
        result(check, version, outcome, &Journal::new(), Duration::ZERO)
    };
    jobs.iter()
        .zip(results)
        .map(|(job, found)| found.unwrap_or_else(|| lost(*job)))
        .collect()
}

/// One check in one version, with its limit.
async fn one(
    env: Rc<Env>,
    check: &'static Check,
    version: Version,
    index: usize,
    offer: Offer,
    limit: Duration,
) -> CheckResult {
    let start = Instant::now();
    let connack = match offer {
        Offer::Accepted(connack) => connack,
        Offer::Unsupported(reason) => {
            return result(
                check,
                version,
                not_applicable(reason),
                &Journal::new(),
                Duration::ZERO,
            );
        }
        // One check goes on, to be the one that fails; all others would only fail for the same reason.
        Offer::Broken(_) if check.id == "connect/accepted" => ConnAck {
            session_present: false,
            reason: ReasonCode::SUCCESS,
            properties: Properties::new(),
        },
        Offer::Broken(how) => {
            let outcome = inconclusive(format!("the answer to CONNECT breaks the standard: {how}"));
            return result(check, version, outcome, &Journal::new(), Duration::ZERO);
        }
        Offer::Useless(outcome) => {
            return result(check, version, outcome, &Journal::new(), Duration::ZERO);
        }
    };
    if let Some(reason) = check.needs.iter().find_map(|need| need.lacking(&connack)) {
        return result(
            check,
            version,
            not_applicable(reason),
            &Journal::new(),
            Duration::ZERO,
        );
    }
    let (wait, addr) = (env.wait, env.addr);
    let main = check
        .statements(version)
        .first()
        .copied()
        .unwrap_or_default();
    let cx = Cx::new(env, version, base36(index as u64), main);
    let outcome = match timeout(limit, (check.run)(&cx)).await {
        Ok(Ok(outcome) | Err(outcome)) => outcome,
        Err(_) => inconclusive(format!("the check did not come to an end within {limit:?}")),
    };
    let outcome = match outcome.verdict {
        Verdict::Pass if !cx.controlled() => {
            inconclusive("nothing beyond CONNACK was seen to work, so nothing was proven")
        }
        _ => outcome.graded(version, check.statements(version)),
    };
    let outcome = match outcome.verdict {
        // A server that has died broke no rule by closing.
        Verdict::Fail | Verdict::Warn if Probe::connect(addr, wait).await.is_err() => {
            inconclusive(format!(
                "the target stopped accepting connections; before that: {}",
                outcome.message
            ))
        }
        _ => outcome,
    };
    let found = result(check, version, outcome, &cx.journal, start.elapsed());
    // The evidence is complete; what tidying up does is not part of it.
    let _ = timeout(wait, cx.tidy()).await;
    found
}

fn result(
    check: &'static Check,
    version: Version,
    outcome: Outcome,
    journal: &Journal,
    took: Duration,
) -> CheckResult {
    let mut ids: Vec<&'static str> = outcome.cites.clone();
    ids.extend(
        check
            .statements(version)
            .iter()
            .filter(|id| !outcome.cites.contains(id)),
    );
    let statements = ids.into_iter().map(|id| StatementRef {
        id: id.to_owned(),
        says: catalogue::find(version, id).map_or_else(String::new, |s| s.says.clone()),
    });
    let blame = matches!(outcome.verdict, Verdict::Fail | Verdict::Warn);
    CheckResult {
        check: check.id.to_owned(),
        title: check.title.to_owned(),
        statements: statements.collect(),
        version: version.to_string(),
        verdict: outcome.verdict,
        message: outcome.message,
        expected: check.expected.to_owned(),
        evidence: evidence::exchange(journal, blame),
        duration_ms: millis(took),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A name that no other run has had for a long time: eight characters from the clock and the process.
fn run_name() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_micros());
    let mixed = (now as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(std::process::id());
    let mut name = format!("sq{:0>8}", base36(mixed));
    name.truncate(10);
    name
}

fn base36(mut n: u64) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(b"0123456789abcdefghijklmnopqrstuvwxyz"[(n % 36) as usize]);
        n /= 36;
        if n == 0 {
            break;
        }
    }
    digits.reverse();
    String::from_utf8_lossy(&digits).into_owned()
}
