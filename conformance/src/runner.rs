//! Runs checks against a target and gives their results in the order of the registry.

use crate::{
    attempt::{millis, unplayed},
    check,
    course::{Course, Job},
    cx::{Cx, Env},
    greet::{Offer, Strange, explore},
    ledger::Leftover,
    naming::run_name,
    options::Options,
    outcome::inconclusive,
    pace::Pace,
    select::{SelectError, select},
    target::{
        address::Target,
        unreachable::{Reason, Unreachable},
    },
};
use squall_client::probe::Probe;
use squall_protocol::{PacketType, Version};
use squall_reports::{CheckResult, Conformance};
use squall_transport::Endpoint;
use std::{
    future::{Future, pending},
    rc::Rc,
    time::Duration,
};
use tokio::{
    task::LocalSet,
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
    /// The target does not let the checks' clients in.
    #[error("{target} {}: CONNACK {reason}", match .with {
        true => "refuses the user name and the password",
        false => "lets no client in without user name and password",
    })]
    Refused {
        /// The target.
        target: String,
        /// Whether clients said credentials.
        with: bool,
        /// The code and its name.
        reason: String,
    },
    /// The runtime could not be started.
    #[error("could not start the runtime: {0}")]
    Runtime(String),
}

/// What came of a run.
#[derive(Debug)]
pub struct Run {
    /// The results, in the order of the registry; of a run that was stopped, those of the checks that were done. Where the
    /// target was lost and did not come back, one result stands for all that were not asked.
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
        if !env.ledger.all().is_empty() && env.gone.get().is_none() {
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

/// The versions that are asked for, and the checks in each.
fn wanted(options: &Options) -> Result<(Vec<Version>, Vec<Job>), RunError> {
    let selected = select(&options.only)?;
    let versions: Vec<Version> = Version::ALL
        .into_iter()
        .filter(|v| options.versions.contains(v))
        .collect();
    let jobs: Vec<Job> = selected
        .iter()
        .flat_map(|check| versions.iter().map(move |version| (*check, *version)))
        .filter(|(check, version)| check.applies_to(*version))
        .collect();
    if jobs.is_empty() {
        let names: Vec<_> = versions.iter().map(|v| v.as_str()).collect();
        return Err(RunError::Nothing(names.join(" and ")));
    }
    Ok((versions, jobs))
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
    let (versions, jobs) = wanted(options)?;
    let mut results: Vec<Option<CheckResult>> = vec![None; jobs.len()];
    let mut env = None;
    let work = async {
        let endpoint = reach(target, options.wait).await?;
        check::prepare();
        let offers = explore(&endpoint, target.credentials.as_ref(), options).await;
        let offers = offers.map_err(|why| unspoken(target, why))?;
        let_in(target, &offers, &versions)?;
        let env = env.insert(Rc::new(made(endpoint, target, options)));
        measure(env, &offers).await;
        let total = jobs.len();
        let mut tell = |done, latest: &CheckResult| {
            progress(Progress {
                done,
                total,
                latest,
            });
        };
        let course = Course::new(env, options, &jobs, &offers, &mut results, &mut tell);
        Ok::<_, RunError>(LocalSet::new().run_until(course.run()).await)
    };
    // A signal is looked at first: a server that keeps the checks busy does not keep the run from ending.
    let ended = tokio::select! {
        biased;
        () = stop => None,
        ended = work => Some(ended),
    };
    let unasked = ended.transpose()?;
    let whole = unasked.is_some();
    let found = jobs.iter().zip(results);
    let results = match unasked {
        Some(unasked) => (0..)
            .zip(found)
            .filter(|(index, _)| !unasked.contains(index))
            .map(|(_, (job, found))| found.unwrap_or_else(|| lost(*job)))
            .collect(),
        None => found.filter_map(|(_, found)| found).collect(),
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

/// Why no MQTT is spoken there.
pub(crate) fn unspoken(target: &Target, why: Strange) -> RunError {
    match why {
        Strange::Below(why) => RunError::Unreachable(target.unreachable(Reason::Handshake(why))),
        Strange::Seems(seems) => RunError::NotMqtt {
            target: target.to_string(),
            seems,
        },
    }
}

/// What all checks of a run share at this target.
fn made(endpoint: Endpoint, target: &Target, options: &Options) -> Env {
    let mut made = Env::new(endpoint, options.wait, run_name());
    made.credentials.clone_from(&target.credentials);
    made.process.clone_from(&target.process);
    made.all_evidence = options.all_evidence;
    made
}

/// The result of a check that has none.
fn lost((check, version): Job) -> CheckResult {
    let outcome =
        inconclusive("the check was lost: its task panicked, which is a defect of the check");
    unplayed(check, version, outcome)
}

/// The first address of the target that accepts a connection.
pub(crate) async fn reach(target: &Target, limit: Duration) -> Result<Endpoint, Unreachable> {
    let mut last = None;
    for endpoint in target.resolve(limit).await? {
        match Probe::connect(endpoint.clone(), limit).await {
            Ok(_) => {
                if let Some(process) = &target.process {
                    process.stands_at(endpoint.clone());
                }
                return Ok(endpoint);
            }
            Err(error) => last = Some(error),
        }
    }
    let none = || Reason::Other("it has no address".to_owned());
    let reason = last.as_ref().map_or_else(none, Reason::of);
    Err(target.unreachable(reason))
}

/// Whether any of the versions lets clients in, or leaves it open.
pub(crate) fn let_in(
    target: &Target,
    offers: &[Offer; 2],
    versions: &[Version],
) -> Result<(), RunError> {
    let mut refusal = None;
    for version in versions {
        match &offers[*version as usize] {
            Offer::Refused(reason) => {
                let name = reason.name_in(PacketType::ConnAck, *version);
                refusal = Some(format!("{reason} {}", name.unwrap_or("undefined code")));
            }
            Offer::Unsupported { .. } => {}
            _ => return Ok(()),
        }
    }
    match refusal {
        None => Ok(()),
        Some(reason) => Err(RunError::Refused {
            target: target.to_string(),
            with: target.credentials.is_some(),
            reason,
        }),
    }
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
