//! Plays checks against a target, several at once, and gives their results in the order of the registry.
//!
//! Judges nothing but this: a check that is not back within its limit, panics, or passes without having seen anything
//! work is inconclusive.

use crate::{
    catalogue,
    check::{self, Check},
    cx::{Cx, Env, GONE},
    evidence,
    greet::{Offer, explore},
    ledger::Leftover,
    monitored,
    naming::{base36, run_name},
    options::Options,
    outcome::{Outcome, inconclusive, not_applicable},
    pace::Pace,
    select::{SelectError, select},
    target::{Reason, Target, Unreachable},
};
use squall_client::probe::{Heard, Journal, Probe, ProbeError};
use squall_protocol::{Properties, ReasonCode, Version, packet::ConnAck};
use squall_reports::{CheckResult, Conformance, Exchange, StatementRef, Verdict};
use squall_transport::Endpoint;
use std::{
    collections::VecDeque,
    future::{Future, pending},
    rc::Rc,
    time::Duration,
};
use tokio::{
    task::{JoinSet, LocalSet},
    time::{Instant, sleep, timeout},
};

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
    /// Something answers at the address that is no MQTT server, so there is nothing to judge.
    #[error("{target} is no MQTT server: {seems}")]
    NotMqtt {
        /// The target.
        target: String,
        /// What it does instead, with the beginning of what it said.
        seems: String,
    },
    /// The runtime could not be started.
    #[error("could not start the runtime: {0}")]
    Runtime(String),
}

/// What came of a run.
#[derive(Debug)]
pub struct Run {
    /// The results, in the order of the registry; of a run that was stopped, those of the checks that were done.
    pub conformance: Conformance,
    /// Whether every selected check was done.
    pub whole: bool,
    /// What is to be done still, best after the results were given out.
    pub cleaning: Cleaning,
}

/// What a run may have left in the target, and the way to remove it.
#[derive(Debug)]
pub struct Cleaning {
    /// Nothing was sent without it.
    env: Option<Rc<Env>>,
    /// Checks were stopped in the middle.
    stopped: bool,
}

/// Packets of checks that were stopped are still on their way to the server when it is cleaned at once.
const ON_THE_WAY: Duration = Duration::from_millis(150);

impl Cleaning {
    /// Removes what the checks left, for at most `limit`, and gives what is perhaps still there after that.
    pub async fn finish(self, limit: Duration) -> Vec<Leftover> {
        let Some(env) = self.env else {
            return Vec::new();
        };
        if !env.ledger.all().is_empty() && !env.gone.get() {
            let clean = async {
                if self.stopped {
                    sleep(ON_THE_WAY).await;
                }
                env.broom(limit).tidy(&env.ledger, None).await;
            };
            // What was not done in time is still in the ledger.
            let _ = timeout(limit, LocalSet::new().run_until(clean)).await;
        }
        env.ledger.all()
    }
}

/// Like [`run`], on a runtime of its own, to the end, and with up to 2 s of cleaning.
///
/// # Errors
/// As [`run`], and when the runtime cannot be started.
pub fn run_blocking(
    target: &Target,
    options: &Options,
    progress: impl FnMut(Progress<'_>),
) -> Result<(Conformance, Vec<Leftover>), RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| RunError::Runtime(error.to_string()))?;
    runtime.block_on(async {
        let run = run(target, options, pending(), progress).await?;
        let left = run.cleaning.finish(Duration::from_secs(2)).await;
        Ok((run.conformance, left))
    })
}

/// Runs the selected checks against a target until `stop` is ready. Needs a current-thread runtime with network and
/// time.
///
/// However the target behaves, the run ends: after at most `first_answer` when it answers no CONNECT, else when
/// every check has had its `timeout`, and `wait` to tidy up, `jobs` at a time; both are longer at a target whose round
/// trips are (see [`Options`]). Each check takes in a bounded number of
/// bytes, whatever the target sends, and so does the run.
///
/// # Errors
/// When the target cannot be reached at all or is no MQTT server, or the selection selects nothing. Whatever else a
/// reachable target does is a result.
pub async fn run(
    target: &Target,
    options: &Options,
    stop: impl Future<Output = ()>,
    mut progress: impl FnMut(Progress<'_>),
) -> Result<Run, RunError> {
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
    let mut results: Vec<Option<CheckResult>> = vec![None; jobs.len()];
    let mut env = None;
    let work = async {
        let endpoint = reach(target, options.wait).await?;
        check::prepare();
        let offers = explore(&endpoint, options).await;
        let offers = offers.map_err(|seems| RunError::NotMqtt {
            target: target.to_string(),
            seems,
        })?;
        let mut made = Env::new(endpoint, options.wait, run_name());
        made.all_evidence = options.all_evidence;
        let env = env.insert(Rc::new(made));
        measure(env, &offers).await;
        LocalSet::new()
            .run_until(play(
                env,
                options,
                &jobs,
                &offers,
                &mut results,
                &mut progress,
            ))
            .await;
        Ok::<_, RunError>(())
    };
    // A signal is looked at first: a server that keeps the checks busy does not keep the run from ending.
    let ended = tokio::select! {
        biased;
        () = stop => None,
        ended = work => Some(ended),
    };
    let whole = ended.transpose()?.is_some();
    let found = jobs.iter().zip(results);
    let results = match whole {
        true => found
            .map(|(job, found)| found.unwrap_or_else(|| lost(*job)))
            .collect(),
        false => found.filter_map(|(_, found)| found).collect(),
    };
    Ok(Run {
        conformance: Conformance::new(target.to_string(), results, millis(start.elapsed())),
        whole,
        cleaning: Cleaning {
            env,
            stopped: !whole,
        },
    })
}

/// The result of a check that has none.
fn lost((check, version): (&'static Check, Version)) -> CheckResult {
    let outcome =
        inconclusive("the check was lost: its task panicked, which is a defect of the check");
    unplayed(check, version, outcome)
}

/// The first address of the target that accepts a connection.
async fn reach(target: &Target, limit: Duration) -> Result<Endpoint, Unreachable> {
    let mut last = None;
    for endpoint in target.resolve(limit).await? {
        match Probe::connect(endpoint.clone(), limit).await {
            Ok(_) => return Ok(endpoint),
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

/// Round trips that are timed in each version before the checks.
const ROUND_TRIPS: u32 = 3;

/// Times some round trips, one after the other; where none comes to an end, waits stay what the options say.
async fn measure(env: &Rc<Env>, offers: &[Offer; 2]) {
    let mut longest = Duration::ZERO;
    for version in Version::ALL {
        if !matches!(offers[version as usize], Offer::Accepted(_)) {
            continue;
        }
        let cx = Cx::new(
            Rc::clone(env),
            version,
            0,
            format!("p{}", version.level()),
            "",
        );
        let began = Instant::now();
        let Ok(mut client) = cx.client("round trips").await else {
            continue;
        };
        longest = longest.max(began.elapsed());
        for _ in 0..ROUND_TRIPS {
            let began = Instant::now();
            if client.fence().await.is_err() {
                break;
            }
            longest = longest.max(began.elapsed());
        }
        client.bye().await;
    }
    env.pace.set(Pace::new(env.wait, longest));
}

/// Keeps `options.jobs` checks running until all are done.
async fn play(
    env: &Rc<Env>,
    options: &Options,
    jobs: &[(&'static Check, Version)],
    offers: &[Offer; 2],
    results: &mut [Option<CheckResult>],
    progress: &mut impl FnMut(Progress<'_>),
) {
    let total = jobs.len();
    let mut queue: VecDeque<usize> = (0..total).collect();
    let mut running: JoinSet<(usize, CheckResult)> = JoinSet::new();
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
        Offer::Unsupported { how, .. } => {
            return unplayed(check, version, not_applicable(how));
        }
        // One check goes on, to be the one that fails; all others would only fail for the same reason.
        Offer::Broken(_) if check.id == "connect/accepted" => Rc::new(ConnAck {
            session_present: false,
            reason: ReasonCode::SUCCESS,
            properties: Properties::new(),
        }),
        Offer::Broken(how) => {
            let outcome = inconclusive(format!("the answer to CONNECT breaks the standard: {how}"));
            return unplayed(check, version, outcome);
        }
        Offer::Useless(outcome) | Offer::Nothing(outcome) => {
            return unplayed(check, version, outcome);
        }
    };
    if let Some(reason) = check.needs.iter().find_map(|need| need.lacking(&connack)) {
        return unplayed(check, version, not_applicable(reason));
    }
    let (pace, shared) = (env.pace.get(), Rc::clone(&env));
    let (wait, limit) = (pace.answer(), pace.check(limit));
    let main = check
        .statements(version)
        .first()
        .copied()
        .unwrap_or_default();
    let cx = Cx::new(env, version, index, base36(index as u64), main);
    let outcome = match timeout(limit, (check.run)(&cx)).await {
        Ok(Ok(outcome) | Err(outcome)) => outcome,
        Err(_) => inconclusive(format!("the check did not come to an end within {limit:?}")),
    };
    let outcome = match outcome.verdict {
        Verdict::Pass if !cx.controlled() => {
            inconclusive("nothing beyond CONNACK was seen to work, so nothing was proven")
        }
        _ => outcome,
    };
    let outcome = watched(outcome, &cx).graded(version, check.statements(version));
    // A server that has died broke no rule by closing, and one that has fallen silent none by what it left unsaid.
    let outcome = match outcome.verdict {
        Verdict::Fail | Verdict::Warn => match lost_target(&cx).await {
            Some(how) => inconclusive(format!("{how}; before that: {}", outcome.message)),
            None => outcome,
        },
        _ => outcome,
    };
    let evidence = kept(&outcome, &cx.journal, &shared);
    let found = result(check, version, outcome, evidence, start.elapsed());
    // The evidence is complete; what tidying up does is not part of it.
    // What cannot be done in time stays in the ledger.
    let _ = timeout(wait, cx.tidy()).await;
    found
}

/// How the target is lost to everybody, if it is: it takes no connection any more, or says nothing to a new client.
async fn lost_target(cx: &Cx) -> Option<&'static str> {
    // A connection of its own, which is no part of the evidence.
    let asked = cx.again();
    let Ok(mut probe) = Probe::connect(cx.env.endpoint.clone(), cx.wait()).await else {
        return Some(GONE);
    };
    // A connection that ends at once is an answer too.
    asked.dial("asked again").send(&mut probe).await.ok()?;
    match probe.next(cx.wait()).await {
        Heard::Silence => Some("the target has fallen silent"),
        _ => None,
    }
}

/// The outcome of a check, unless the server broke another rule on the way: what packets prove stands, whatever the
/// check was about and however far it came.
fn watched(outcome: Outcome, cx: &Cx) -> Outcome {
    if outcome.verdict == Verdict::Fail {
        return outcome;
    }
    match monitored::broken(cx) {
        None => outcome,
        Some((finding, guilty)) => {
            let text = format!("{}; expected: {}", finding.message, finding.expected);
            let verdict = match finding.statements.is_empty() {
                true => Verdict::Warn,
                false => Verdict::Fail,
            };
            Outcome::new(verdict, text)
                .citing(&finding.statements)
                .showing(&guilty)
        }
    }
}

/// The result of a check that sent nothing.
fn unplayed(check: &'static Check, version: Version, outcome: Outcome) -> CheckResult {
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
    evidence::exchange(journal, blame, outcome.guilty.as_deref(), &env.room)
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
    let statements = ids.into_iter().map(|id| StatementRef {
        id: id.to_owned(),
        says: catalogue::find(version, id).map_or_else(String::new, |s| s.says.clone()),
    });
    CheckResult {
        check: check.id.to_owned(),
        title: check.title.to_owned(),
        statements: statements.collect(),
        version: version.to_string(),
        verdict: outcome.verdict,
        message: evidence::cut(outcome.message, MOST_MESSAGE),
        expected: check.expected.to_owned(),
        evidence,
        duration_ms: millis(took),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
