//! Many runs: scenarios × versions × seeds, on several threads. Results are handed on one by one, as they come and in a fixed
//! order, and forgotten; so a sweep of any length takes the same memory.

pub use crate::faults::{ENOUGH_SEEDS, is_of_sweep};

use crate::{faults::Felt, panics, parity, run::Run, world::World};
use squall_protocol::Version;
use squall_reports::{Finding, SimResult, Verdict};
use squall_scenarios::model::Scenario;
use std::{
    collections::BTreeMap,
    io,
    ops::ControlFlow,
    sync::{
        Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// Results of a thread that may wait for an earlier one that still runs.
const AHEAD: u64 = 256;
/// How long the one who hands results on sleeps while the next is not there.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// Results of a thread that may wait so and failed: their packets take memory.
const FAILED_AHEAD: usize = 16;

/// What to sweep over.
#[derive(Clone, Debug)]
pub struct Sweep<'a> {
    /// The scenarios, in order.
    pub scenarios: &'a [Scenario],
    /// Versions to run; a scenario runs with those of them that it names itself.
    pub versions: Vec<Version>,
    /// First and last seed (the last not included); each scenario's own number of seeds from 0 when `None`.
    pub seeds: Option<(u64, u64)>,
    /// Where to play.
    pub world: World,
    /// Whether each run is played in the loop world too: a trace that differs is a finding.
    pub confirm: bool,
    /// Threads; at least 1.
    pub jobs: usize,
}

/// A run that has ended.
#[derive(Clone, Debug)]
pub struct Ended<'a> {
    /// What was played.
    pub scenario: &'a Scenario,
    /// With which version.
    pub version: Version,
    /// In which world.
    pub world: World,
    /// What was found.
    pub result: SimResult,
    /// How often its faults bit.
    pub(crate) felt: Felt,
}

impl Ended<'_> {
    /// Adds what the whole sweep shows.
    fn fail_for(&mut self, findings: Vec<Finding>) {
        if !findings.is_empty() {
            self.result.verdict = Verdict::Fail;
            self.result.findings.extend(findings);
        }
    }
}

/// How far a sweep came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Runs that were handed on.
    pub runs: u64,
    /// Virtual milliseconds simulated.
    pub virtual_ms: u64,
    /// It was stopped before its last run.
    pub stopped: bool,
}

impl<'a> Sweep<'a> {
    /// Every run of the sweep.
    fn runs(&self) -> impl Iterator<Item = Run<'a>> + '_ {
        let scenarios = self.scenarios;
        scenarios.iter().flat_map(move |scenario| {
            let (first, end) = self.seeds_of(scenario);
            let versions = scenario.versions.iter();
            let versions = versions.filter(|v| self.versions.contains(v));
            let run = move |version, seed| Run::new(scenario, version, seed).in_world(self.world);
            versions.flat_map(move |version| (first..end).map(move |seed| run(*version, seed)))
        })
    }

    /// First and last seed of a scenario, the last not included.
    fn seeds_of(&self, scenario: &Scenario) -> (u64, u64) {
        self.seeds.unwrap_or((0, scenario.seeds.into()))
    }

    /// How many runs that is.
    #[must_use]
    pub fn count(&self) -> u64 {
        let of = |scenario: &Scenario| {
            let versions = scenario
                .versions
                .iter()
                .filter(|v| self.versions.contains(v))
                .count() as u64;
            let (first, end) = self.seeds_of(scenario);
            versions.saturating_mul(end.saturating_sub(first))
        };
        self.scenarios.iter().map(of).fold(0, u64::saturating_add)
    }

    /// Runs everything and hands each result on, in the order of scenario, version and seed, as soon as it and all
    /// before it are there; nothing is kept. `done` counts finished runs as they finish, for a progress display. Set
    /// `stop`, or break from `each`, to end early: runs under way are given up.
    ///
    /// A run in which Squall panics is a result that fails and says so. Faults that never bit in any of
    /// [`ENOUGH_SEEDS`] or more seeds are findings of the last run of their scenario and version.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn run(
        &self,
        done: &AtomicU64,
        stop: &AtomicBool,
        mut each: impl FnMut(Ended<'a>) -> ControlFlow<()>,
    ) -> io::Result<Swept> {
        let line = Line::new(self.runs(), self.jobs);
        thread::scope(|threads| {
            // However this ends, nobody waits for work any more.
            let _over = Over(&line);
            for _ in 0..self.jobs.max(1) {
                let work = || {
                    while let Some((number, run)) = line.next() {
                        line.put(number, self.one(&run, stop));
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                };
                thread::Builder::new().spawn_scoped(threads, work)?;
            }
            let mut swept = Swept::default();
            let mut felt = Felt::default();
            for number in 0..self.count() {
                let Some(mut ended) = line.take(number) else {
                    swept.stopped = true;
                    break;
                };
                felt.add(std::mem::take(&mut ended.felt));
                if ended.result.seed + 1 == self.seeds_of(ended.scenario).1 {
                    ended.fail_for(std::mem::take(&mut felt).unbitten(ended.scenario));
                }
                swept.runs += 1;
                swept.virtual_ms = swept.virtual_ms.saturating_add(ended.result.virtual_ms);
                if each(ended).is_break() {
                    swept.stopped = true;
                    break;
                }
            }
            Ok(swept)
        })
    }

    /// One run; `None` when it was given up.
    fn one(&self, run: &Run<'a>, stop: &AtomicBool) -> Option<Ended<'a>> {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        let played = panics::caught(|| {
            let judged = run.judge_unless(stop)?;
            let mut result = judged.result;
            if self.confirm {
                parity::confirm(run, &mut result);
            }
            Some((result, Felt::in_run(&judged.played.faults)))
        });
        let (result, felt) = match played {
            Ok(found) => found?,
            Err(panic) => (panics::result(run, &panic), Felt::default()),
        };
        Some(Ended {
            scenario: run.scenario,
            version: run.version,
            world: run.world,
            result,
            felt,
        })
    }
}

/// Runs that wait to be played, and results that wait to be handed on.
struct Line<'a, R> {
    state: Mutex<State<'a, R>>,
    /// A result was put.
    put: Condvar,
    /// A result was taken, or all is over.
    taken: Condvar,
    jobs: usize,
}

struct State<'a, R> {
    runs: R,
    /// The number of the next run to be played.
    next: u64,
    /// Results that were taken.
    taken: u64,
    waiting: BTreeMap<u64, Option<Ended<'a>>>,
    /// Of those that wait, how many failed.
    failed: usize,
    over: bool,
}

impl<'a, R: Iterator<Item = Run<'a>>> Line<'a, R> {
    fn new(runs: R, jobs: usize) -> Self {
        let state = State {
            runs,
            next: 0,
            taken: 0,
            waiting: BTreeMap::new(),
            failed: 0,
            over: false,
        };
        Self {
            state: Mutex::new(state),
            put: Condvar::new(),
            taken: Condvar::new(),
            jobs: jobs.max(1),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<'a, R>> {
        self.state.lock().expect("nobody panics while holding it")
    }

    /// The next run to be played, once there is room for its result; `None` when there is nothing more to do.
    fn next(&self) -> Option<(u64, Run<'a>)> {
        let is_full = |s: &mut State<'a, R>| {
            let ahead = s.next - s.taken >= AHEAD * self.jobs as u64;
            !s.over && (ahead || s.failed >= FAILED_AHEAD * self.jobs)
        };
        let mut state = self
            .taken
            .wait_while(self.lock(), is_full)
            .expect("as above");
        if state.over {
            return None;
        }
        let run = state.runs.next()?;
        state.next += 1;
        Some((state.next - 1, run))
    }

    fn put(&self, number: u64, ended: Option<Ended<'a>>) {
        let mut state = self.lock();
        state.failed += usize::from(has_failed(ended.as_ref()));
        state.waiting.insert(number, ended);
        // Who waits for it looks again soon; to be woken for each of thousands of short runs would cost more than they do.
        if state.waiting.len() as u64 >= AHEAD / 2 {
            self.put.notify_one();
        }
    }

    /// The result with this number, once it is there; `None` when the run was given up.
    fn take(&self, number: u64) -> Option<Ended<'a>> {
        let is_missing = |s: &mut State<'a, R>| !s.waiting.contains_key(&number);
        let mut state = self.lock();
        while is_missing(&mut state) {
            let waited = self.put.wait_timeout_while(state, LOOK_AGAIN, is_missing);
            (state, _) = waited.expect("as above");
        }
        let ended = state.waiting.remove(&number).flatten();
        state.failed -= usize::from(has_failed(ended.as_ref()));
        state.taken += 1;
        self.taken.notify_all();
        ended
    }
}

fn has_failed(ended: Option<&Ended<'_>>) -> bool {
    ended.is_some_and(|e| e.result.verdict == Verdict::Fail)
}

/// Sends everybody home when it goes.
struct Over<'l, 'a, R: Iterator<Item = Run<'a>>>(&'l Line<'a, R>);

impl<'a, R: Iterator<Item = Run<'a>>> Drop for Over<'_, 'a, R> {
    fn drop(&mut self) {
        self.0.lock().over = true;
        self.0.taken.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_scenarios::{load_str, model::StepKind};

    const STORY: &str = "\
title: Somebody comes and goes
clients: { a: {} }
steps:
  - a: connect
  - a: disconnect
";

    fn story(name: &str) -> Scenario {
        load_str(name, "story.yaml", STORY).expect("it is a story")
    }

    fn sweep(scenarios: &[Scenario], end: u64, jobs: usize) -> Sweep<'_> {
        Sweep {
            scenarios,
            versions: vec![Version::V5_0],
            seeds: Some((0, end)),
            world: World::Loop,
            confirm: false,
            jobs,
        }
    }

    #[test]
    fn results_come_in_order_and_may_end_early() {
        let scenarios = [story("story")];
        let sweep = sweep(&scenarios, 10_000, 2);
        let (done, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let mut seeds = Vec::new();
        let swept = sweep.run(&done, &stop, |ended| {
            seeds.push(ended.result.seed);
            match ended.result.seed {
                700 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        });
        let swept = swept.expect("two threads can be started");
        assert_eq!(seeds, (0..=700).collect::<Vec<u64>>());
        assert_eq!((swept.runs, swept.stopped), (701, true));
        let ahead = 701 + 2 * AHEAD;
        assert!(done.into_inner() <= ahead, "no more than was asked for");
        stop.store(true, Ordering::Relaxed);
        let swept = sweep.run(&AtomicU64::new(0), &stop, |_| ControlFlow::Continue(()));
        assert_eq!(swept.map(|s| (s.runs, s.stopped)).ok(), Some((0, true)));
    }

    /// Nobody waits for the others of a batch: results come while a much longer run before the next of them is played,
    /// and no more of them wait than have room.
    #[test]
    fn what_was_found_is_handed_on_before_much_more_is_done() {
        let scenarios = [story("story")];
        let sweep = sweep(&scenarios, 100_000, 3);
        let (done, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let mut handed = 0;
        let swept = sweep.run(&done, &stop, |_| {
            handed += 1;
            let ahead = done.load(Ordering::Relaxed).saturating_sub(handed);
            assert!(ahead <= 3 * AHEAD, "{ahead} wait");
            match handed {
                2_000 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        });
        assert_eq!(swept.map(|s| s.runs).ok(), Some(2_000));
    }

    #[test]
    fn a_run_in_which_squall_panics_is_a_result_and_all_others_go_on() {
        let mut broken = story("broken");
        // A client that the story does not have: nobody who reads a file gets so far.
        if let StepKind::Client { client, .. } = &mut broken.steps[1].kind {
            *client = 7;
        }
        let scenarios = [story("one"), broken, story("two")];
        for (world, confirm) in [(World::Loop, false), (World::Turmoil, true)] {
            let sweep = Sweep {
                world,
                confirm,
                ..sweep(&scenarios, 20, 2)
            };
            let mut told = Vec::new();
            let swept = sweep.run(&AtomicU64::new(0), &AtomicBool::new(false), |ended| {
                told.push(ended.result);
                ControlFlow::Continue(())
            });
            assert_eq!(swept.map(|s| (s.runs, s.stopped)).ok(), Some((60, false)));
            for result in told {
                let fails = result.scenario == "broken";
                assert_eq!(result.verdict == Verdict::Fail, fails, "{result:?}");
                if fails {
                    let message = &result.findings[0].message;
                    let seed = format!("broken with MQTT 5.0 and seed {}: ", result.seed);
                    assert!(message.contains(&seed), "{message}");
                    assert!(message.contains(".rs:"), "{message}");
                }
            }
        }
    }
}
