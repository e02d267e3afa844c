//! Many runs: scenarios × versions × seeds, on several threads, with results in a fixed order.

use crate::{run::Run, scenario::model::Scenario, world::World};
use rayon::prelude::*;
use squall_protocol::Version;
use squall_reports::{SimResult, Verdict};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Runs of one batch; after each the sweep looks whether it should stop.
const BATCH: usize = 256;

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

/// What came of a sweep.
#[derive(Clone, Debug, Default)]
pub struct Swept {
    /// Results in order of scenario, version and seed.
    pub results: Vec<SimResult>,
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
                let (first, end) = self.seeds.unwrap_or((0, scenario.seeds.into()));
                let versions = scenario
                    .versions
                    .iter()
                    .filter(|v| self.versions.contains(v));
                versions.flat_map(move |version| (first..end).map(move |seed| (i, *version, seed)))
            })
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
            let (first, end) = self.seeds.unwrap_or((0, scenario.seeds.into()));
            versions.saturating_mul(end.saturating_sub(first))
        };
        self.scenarios.iter().map(of).fold(0, u64::saturating_add)
    }

    /// Runs everything. `done` counts finished runs as they finish, for a progress display; set `stop` to end early:
    /// what was found until then is given back.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn run(
        &self,
        done: &AtomicU64,
        stop: &AtomicBool,
    ) -> Result<Swept, rayon::ThreadPoolBuildError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.jobs.max(1))
            .build()?;
        let mut swept = Swept::default();
        let mut runs = self.runs();
        loop {
            let batch: Vec<_> = runs.by_ref().take(BATCH * self.jobs.max(1)).collect();
            if batch.is_empty() {
                return Ok(swept);
            }
            let results: Vec<Option<SimResult>> = pool.install(|| {
                batch
                    .into_par_iter()
                    .map(|(i, version, seed)| {
                        if stop.load(Ordering::Relaxed) {
                            return None;
                        }
                        let run = Run::new(&self.scenarios[i], version, seed).in_world(self.world);
                        let result = run.judge().result;
                        done.fetch_add(1, Ordering::Relaxed);
                        Some(result)
                    })
                    .collect()
            });
            for result in results {
                match result {
                    Some(result) => {
                        swept.virtual_ms += result.virtual_ms;
                        swept.results.push(result);
                    }
                    None => swept.stopped = true,
                }
            }
            if swept.stopped {
                return Ok(swept);
            }
        }
    }
}

impl Swept {
    /// Results that failed.
    pub fn failures(&self) -> impl Iterator<Item = &SimResult> {
        self.results.iter().filter(|r| r.verdict == Verdict::Fail)
    }
}
