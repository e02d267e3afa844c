//! Sweeps whose results are counted, written and forgotten as they come.

use crate::{
    exit::{CliError, Result},
    interrupt, meaning,
    outputs::Outputs,
    progress::Progress,
    replays::Replays,
    screen,
};
use squall_protocol::Version;
use squall_reports::{SimResult, Simulation};
use squall_sim::{
    parity,
    run::Run,
    sweep::{Sweep, Swept},
};
use std::{
    ops::ControlFlow,
    thread,
    time::{Duration, Instant},
};

/// What several sweeps found together, and where it goes.
pub(crate) struct Campaign<'a> {
    pub(crate) simulation: Simulation,
    pub(crate) outputs: Outputs,
    pub(crate) replays: Replays<'a>,
}

impl<'a> Campaign<'a> {
    pub(crate) fn new(outputs: Outputs, replays: Replays<'a>) -> Self {
        Self {
            simulation: Simulation::default(),
            outputs,
            replays,
        }
    }

    /// Runs a sweep with progress, until it is done, a signal comes, or nobody reads the results any more. With
    /// `confirmed`, every trace is compared with the one of the loop world.
    pub(crate) fn sweep(&mut self, sweep: &Sweep<'_>, what: &str, confirmed: bool) -> Result<()> {
        let total = sweep.count();
        let before = self.simulation.summary.total;
        let began = Instant::now();
        let progress = Progress::new(what, total);
        let mut unread = false;
        let swept = sweep.run(progress.counter(), interrupt::flag(), |mut result| {
            self.take(sweep, &mut result, confirmed);
            self.simulation.add(result);
            unread = self.outputs.is_unread();
            if unread {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        drop(progress);
        let swept = swept.map_err(|e| {
            CliError::input(format!("cannot start {} threads: {e}", sweep.jobs))
                .help("use fewer --jobs")
        })?;
        if before == 0 {
            self.measure(swept, began.elapsed());
        }
        // Where nobody reads the results, nobody reads why there are no more.
        if swept.stopped && !unread {
            let interrupted = format!(
                "{} after {} of {total} {what}",
                interrupt::name(),
                swept.runs
            );
            self.simulation.interrupted.get_or_insert(interrupted);
        }
        Ok(())
    }

    /// Completes a result and hands it on.
    fn take(&mut self, sweep: &Sweep<'_>, result: &mut SimResult, confirmed: bool) {
        let scenario = sweep.scenarios.iter().find(|s| s.name == result.scenario);
        if let (Some(scenario), Ok(version)) = (scenario, result.version.parse::<Version>()) {
            if confirmed {
                let run = Run::new(scenario, version, result.seed).in_world(sweep.world);
                parity::confirm(&run, result);
            }
            meaning::add(version, result);
            self.replays.note(scenario, version, sweep.world, result);
        }
        self.simulation.trim(result);
        self.outputs.run(result);
    }

    fn measure(&mut self, swept: Swept, took: Duration) {
        let ms = took.as_millis().max(1);
        let per_second = |n: u64| u64::try_from(u128::from(n) * 1000 / ms).unwrap_or(u64::MAX);
        self.simulation.runs_per_second = Some(per_second(swept.runs));
        self.simulation.virtual_seconds_per_second = Some(per_second(swept.virtual_ms) / 1000);
    }
}

/// Threads to use: what was asked for, or every processor, and never more.
pub(crate) fn jobs(asked: Option<u16>) -> usize {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    match asked.map(usize::from) {
        Some(asked) if asked > processors => {
            screen::complain(&format!(
                "{asked} jobs were asked for; {processors} are used, one for each processor"
            ));
            processors
        }
        asked => asked.unwrap_or(processors),
    }
}
