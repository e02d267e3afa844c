//! Many runs in real time, some of them at once, and their results in order.

use crate::{run::Run, world::live::Halt};
use squall_protocol::Version;
use squall_reports::{SimResult, Verdict};
use squall_scenarios::model::Scenario;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, VecDeque},
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

/// So many runs are put in order at a time: no more results than that wait for those before them.
const AHEAD: usize = 512;

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

/// Runs with their numbers, in the order in which they begin: where not all begin at once, those first that take longest,
/// so that none of them is left for the end.
struct Line {
    later: VecDeque<(usize, One)>,
    now: VecDeque<(usize, One)>,
    jobs: usize,
}

impl Line {
    fn of(runs: Vec<One>, jobs: usize) -> Self {
        Self {
            later: runs.into_iter().enumerate().collect(),
            now: VecDeque::new(),
            jobs,
        }
    }

    fn next(&mut self) -> Option<(usize, One)> {
        if self.now.is_empty() {
            let next = self.later.drain(..self.later.len().min(AHEAD));
            self.now = match self.jobs {
                // One after the other, in whatever order, takes the same time.
                1 => next.collect(),
                jobs if next.len() <= jobs => next.collect(),
                _ => longest_first(next).into(),
            };
        }
        self.now.pop_front()
    }
}

/// How long a story takes is seen in virtual time; seeds make little of a difference.
fn longest_first(runs: impl Iterator<Item = (usize, One)>) -> Vec<(usize, One)> {
    let mut before: Option<(Rc<Scenario>, Version, u64)> = None;
    let mut runs: Vec<_> = runs
        .map(|(n, one)| {
            let same = |(story, version, _): &&(Rc<Scenario>, Version, u64)| {
                Rc::ptr_eq(story, &one.scenario) && *version == one.version
            };
            let takes = match before.as_ref().filter(same) {
                Some((.., takes)) => *takes,
                None => {
                    let run = Run::new(&one.scenario, one.version, one.seed);
                    run.judge().result.virtual_ms
                }
            };
            before = Some((Rc::clone(&one.scenario), one.version, takes));
            (Reverse(takes), n, one)
        })
        .collect();
    runs.sort_by_key(|(takes, n, _)| (*takes, *n));
    runs.into_iter().map(|(_, n, one)| (n, one)).collect()
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
    let jobs = jobs.max(1);
    let mut waiting = Line::of(runs, jobs);
    let mut running = JoinSet::new();
    let mut told: BTreeMap<usize, Ended> = BTreeMap::new();
    let mut next = 0;
    let mut end = End::Whole;
    while end == End::Whole {
        while running.len() < jobs
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

#[cfg(test)]
mod tests {
    use super::*;
    use squall_scenarios::load_str;

    /// A story that takes so long.
    fn story(name: &str, wait: &str) -> Scenario {
        let text = format!(
            "title: t\nclients: {{ a: {{}} }}\nsteps:\n- a: connect\n- wait: {wait}\n- a: {{ publish: t, qos: 1 }}\n\
             expect:\n- delivered: {{ topic: t, to: a, never: true }}\n"
        );
        load_str(name, "t.yaml", &text).unwrap_or_else(|p| panic!("{p:#?}"))
    }

    fn order(stories: &[Scenario], jobs: usize) -> Vec<(usize, String, Version)> {
        let mut line = Line::of(of(stories, &Version::ALL, (0, 2)), jobs);
        let next = std::iter::from_fn(|| line.next());
        next.map(|(n, one)| (n, one.scenario.name.clone(), one.version))
            .collect()
    }

    #[test]
    fn the_longest_begin_first_where_not_all_begin_at_once() {
        let stories = [
            story("short", "1s"),
            story("long", "30s"),
            story("middle", "3s"),
        ];
        let numbers = |jobs| order(&stories, jobs).into_iter().map(|(n, ..)| n);
        assert!(numbers(12).eq(0..12));
        assert!(numbers(1).eq(0..12));
        let [long, middle, short] = [4..8, 8..12, 0..4];
        assert!(numbers(3).eq(long.chain(middle).chain(short)));
    }

    #[test]
    fn results_do_not_wait_for_more_than_some_before_them() {
        let stories: Vec<_> = (1..300).map(|n| story("s", &format!("{n}s"))).collect();
        let numbers: Vec<usize> = order(&stories, 3).into_iter().map(|(n, ..)| n).collect();
        let (first, rest) = numbers.split_at(AHEAD);
        assert!(first.iter().all(|n| *n < AHEAD));
        assert!(
            rest.iter()
                .take(AHEAD)
                .all(|n| (AHEAD..2 * AHEAD).contains(n))
        );
        assert_eq!(numbers.len(), 1196);
    }
}
