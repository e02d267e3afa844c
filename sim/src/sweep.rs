//! Many runs: scenarios × versions × seeds, on several threads, with results in a fixed order.

pub use crate::faults::{ENOUGH_SEEDS, is_of_sweep};
use crate::{faults::Felt, run::Run, world::World};
use rayon::prelude::*;
use squall_protocol::Version;
use squall_reports::{Exchange, Finding, SimResult, Verdict};
use squall_scenarios::model::Scenario;
use std::{
    any::Any,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

/// Runs a thread has in one batch, at first and while there are failures, whose packets take memory.
const SMALL_BATCH: usize = 16;
/// Runs a thread has in one batch at the most.
const LARGE_BATCH: usize = 256;

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
    /// Threads; at least 1.
    pub jobs: usize,
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

impl Sweep<'_> {
    /// Every run of the sweep: scenario, version, seed.
    fn runs(&self) -> impl Iterator<Item = (usize, Version, u64)> + '_ {
        self.scenarios
            .iter()
            .enumerate()
            .flat_map(move |(i, scenario)| {
                let (first, end) = self.seeds_of(scenario);
                let versions = scenario
                    .versions
                    .iter()
                    .filter(|v| self.versions.contains(v));
                versions.flat_map(move |version| (first..end).map(move |seed| (i, *version, seed)))
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

    /// Runs everything and hands each result on, in the order of scenario, version and seed, soon after it was found;
    /// nothing is kept. `done` counts finished runs as they finish, for a progress display. Set `stop`, or break from
    /// `each`, to end early: runs under way are given up.
    ///
    /// A run in which Squall panics is a result that fails and says so. Faults that never bit in any of
    /// [`ENOUGH_SEEDS`] or more seeds are findings of the last run of their scenario and version.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn run(
        &self,
        done: &AtomicU64,
        stop: &AtomicBool,
        mut each: impl FnMut(SimResult) -> ControlFlow<()>,
    ) -> Result<Swept, rayon::ThreadPoolBuildError> {
        let jobs = self.jobs.max(1);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build()?;
        let mut swept = Swept::default();
        let mut runs = self.runs();
        let mut size = SMALL_BATCH;
        let mut felt = Felt::default();
        loop {
            let batch: Vec<_> = runs.by_ref().take(size * jobs).collect();
            if batch.is_empty() {
                return Ok(swept);
            }
            let results: Vec<Option<(SimResult, Felt)>> = pool.install(|| {
                let one = |(scenario, version, seed)| {
                    let result = self.one(scenario, version, seed, stop);
                    done.fetch_add(1, Ordering::Relaxed);
                    result
                };
                batch.par_iter().copied().map(one).collect()
            });
            size = (size * 2).min(LARGE_BATCH);
            for ((scenario, _, seed), result) in batch.into_iter().zip(results) {
                let Some((mut result, more)) = result else {
                    swept.stopped = true;
                    break;
                };
                felt.add(more);
                let scenario = &self.scenarios[scenario];
                if seed + 1 == self.seeds_of(scenario).1 {
                    let unbitten = std::mem::take(&mut felt).unbitten(scenario);
                    if !unbitten.is_empty() {
                        result.verdict = Verdict::Fail;
                        result.findings.extend(unbitten);
                    }
                }
                if result.verdict == Verdict::Fail {
                    size = SMALL_BATCH;
                }
                swept.runs += 1;
                swept.virtual_ms = swept.virtual_ms.saturating_add(result.virtual_ms);
                if each(result).is_break() {
                    swept.stopped = true;
                    break;
                }
            }
            if swept.stopped {
                return Ok(swept);
            }
        }
    }

    /// One run; `None` when it was given up.
    fn one(
        &self,
        scenario: usize,
        version: Version,
        seed: u64,
        stop: &AtomicBool,
    ) -> Option<(SimResult, Felt)> {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        let run = Run::new(&self.scenarios[scenario], version, seed).in_world(self.world);
        match catch_unwind(AssertUnwindSafe(|| run.judge_unless(stop))) {
            Ok(judged) => judged.map(|j| (j.result, Felt::in_run(&j.played.faults))),
            Err(panic) => Some((panicked(&run, &*panic), Felt::default())),
        }
    }
}

/// The result of a run in which something of ours panicked.
fn panicked(run: &Run<'_>, panic: &(dyn Any + Send)) -> SimResult {
    let said = panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it did not say why".to_owned());
    SimResult {
        scenario: run.scenario.name.clone(),
        title: run.scenario.title.clone(),
        version: run.version.to_string(),
        seed: run.seed,
        world: run.world.to_string(),
        verdict: Verdict::Fail,
        trace_hash: String::new(),
        virtual_ms: 0,
        findings: vec![Finding {
            rule: "panic".to_owned(),
            statements: Vec::new(),
            message: format!("Squall panicked: {said}"),
            expected:
                "no story makes Squall panic; this is a defect of Squall itself, please report it"
                    .to_owned(),
            location: None,
            evidence: Exchange::default(),
        }],
        replay: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_scenarios::load_str;

    const STORY: &str = "\
title: Somebody comes and goes
clients: { a: {} }
steps:
  - a: connect
  - a: disconnect
";

    #[test]
    fn results_come_in_order_and_may_end_early() {
        let scenario = load_str("story", "story.yaml", STORY).expect("it is a story");
        let scenarios = [scenario];
        let sweep = Sweep {
            scenarios: &scenarios,
            versions: vec![Version::V5_0],
            seeds: Some((0, 1_000)),
            world: World::Loop,
            jobs: 2,
        };
        let (done, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let mut seeds = Vec::new();
        let swept = sweep.run(&done, &stop, |result| {
            seeds.push(result.seed);
            match result.seed {
                700 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        });
        let swept = swept.expect("two threads can be started");
        assert_eq!(seeds, (0..=700).collect::<Vec<u64>>());
        assert_eq!((swept.runs, swept.stopped), (701, true));
        stop.store(true, Ordering::Relaxed);
        let swept = sweep.run(&done, &stop, |_| ControlFlow::Continue(()));
        assert_eq!(swept.map(|s| (s.runs, s.stopped)).ok(), Some((0, true)));
    }

    #[test]
    fn a_panic_is_a_result_that_says_where() {
        let scenario = load_str("story", "story.yaml", STORY).expect("it is a story");
        let run = Run::new(&scenario, Version::V3_1_1, 17);
        let panic = catch_unwind(|| panic!("a message of {} bytes", 3)).expect_err("it panics");
        let result = panicked(&run, &*panic);
        assert_eq!((result.verdict, result.seed), (Verdict::Fail, 17));
        assert_eq!(
            result.findings[0].message,
            "Squall panicked: a message of 3 bytes"
        );
    }
}
