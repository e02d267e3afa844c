//! Many runs in real time, some of them at once, and their results in order.

use crate::world::live::Halt;
use squall_protocol::Version;
use squall_reports::{SimResult, Verdict};
use squall_scenarios::model::Scenario;
use std::{
    collections::BTreeMap,
    future::Future,
    panic::resume_unwind,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
};
use tokio::task::{JoinError, JoinSet};

/// What the world of such runs is called in results.
pub const WORLD: &str = "live";
/// Bytes of packets that all stories together may have taken at a time.
pub(super) const ROOM: u64 = 64 << 20;

/// A run that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// With which version.
    pub version: Version,
    /// What was found.
    pub result: SimResult,
}

/// How it all ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Every story was told.
    Whole,
    /// It was stopped.
    Stopped,
    /// The broker, or what drives the client, is of no more use; why.
    Lost(String),
}

/// One run that is to be played.
pub(super) struct One {
    pub(super) scenario: Rc<Scenario>,
    pub(super) version: Version,
    pub(super) seed: u64,
}

/// What came of a story, and why no more can be told, if so.
pub(super) type Outcome = (Option<Ended>, Option<End>);

/// All runs of these scenarios, in the order of scenario, version and seed.
pub(super) fn of(scenarios: &[Scenario], versions: &[Version], seeds: (u64, u64)) -> Vec<One> {
    let mut runs = Vec::new();
    for scenario in scenarios {
        let scenario = Rc::new(scenario.clone());
        let own = scenario.versions.iter();
        for version in own.filter(|v| versions.contains(v)) {
            for seed in seeds.0..seeds.1 {
                let scenario = Rc::clone(&scenario);
                let version = *version;
                runs.push(One {
                    scenario,
                    version,
                    seed,
                });
            }
        }
    }
    runs
}

/// Tells them all, `jobs` at once, and hands each result on in order. Call it inside of a [`tokio::task::LocalSet`].
pub(super) async fn all<F: Future<Output = Outcome> + 'static>(
    runs: Vec<One>,
    jobs: usize,
    done: &AtomicU64,
    halt: &Halt,
    tell: impl Fn(usize, One) -> F,
    mut each: impl FnMut(Ended),
) -> End {
    let mut waiting = runs.into_iter().enumerate();
    let mut running = JoinSet::new();
    let mut told: BTreeMap<usize, Ended> = BTreeMap::new();
    let mut next = 0;
    let mut end = End::Whole;
    while end == End::Whole {
        while running.len() < jobs.max(1)
            && let Some((n, one)) = waiting.next()
        {
            let telling = tell(n, one);
            running.spawn_local(async move { (n, telling.await) });
        }
        match running.join_next().await {
            None => break,
            Some(joined) => end = ended(joined, done, &mut told).unwrap_or(end),
        }
        while let Some(one) = told.remove(&next) {
            next += 1;
            each(one);
        }
    }
    // What was found counts, whatever became of the rest: who has found something says so soon.
    halt.call();
    while let Some(joined) = running.join_next().await {
        ended(joined, done, &mut told);
    }
    told.into_values().for_each(each);
    end
}

/// Keeps what was found; gives why no more can be told.
fn ended(
    joined: Result<(usize, Outcome), JoinError>,
    done: &AtomicU64,
    told: &mut BTreeMap<usize, Ended>,
) -> Option<End> {
    match joined {
        Ok((n, (one, end))) => {
            if let Some(one) = one {
                done.fetch_add(1, Ordering::Relaxed);
                told.insert(n, one);
            }
            end
        }
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(_) => None,
    }
}

/// The result of a run that is not played.
pub(super) fn not_played(one: &One, reason: String) -> SimResult {
    SimResult {
        scenario: one.scenario.name.clone(),
        title: one.scenario.title.clone(),
        version: one.version.to_string(),
        seed: one.seed,
        world: WORLD.to_owned(),
        verdict: Verdict::NotApplicable,
        reason: Some(reason),
        trace_hash: String::new(),
        virtual_ms: 0,
        findings: Vec::new(),
        known: None,
        replay: None,
    }
}
