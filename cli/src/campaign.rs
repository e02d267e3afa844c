//! Sweeps whose results are counted, written and forgotten as they come.

use crate::{
    exit::{CliError, Result},
    interrupt, meaning,
    outputs::Outputs,
    progress::Progress,
    screen,
};
use squall_reports::Simulation;
use squall_sim::{
    replay::{Folder, Place},
    sweep::{Sweep, Swept},
};
use std::{
    ops::ControlFlow,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// What several sweeps found together, and where it goes.
pub(crate) struct Campaign {
    simulation: Simulation,
    outputs: Outputs,
    replays: Folder,
}

impl Campaign {
    /// With replay files of failing runs in this folder.
    pub(crate) fn new(outputs: Outputs, replays: &Path) -> Self {
        Self {
            simulation: Simulation::default(),
            outputs,
            replays: Folder::new(replays),
        }
    }

    /// Whether every sweep so far came to its end.
    pub(crate) const fn is_whole(&self) -> bool {
        self.simulation.interrupted.is_none()
    }

    /// Runs a sweep with progress, until it is done, a signal comes, or nobody reads the results any more.
    pub(crate) fn sweep(&mut self, sweep: &Sweep<'_>, what: &str) -> Result<()> {
        let total = sweep.count();
        let before = self.simulation.summary.total;
        let began = Instant::now();
        let progress = Progress::new(what, total);
        let mut unread = false;
        let swept = sweep.run(progress.counter(), interrupt::flag(), |mut ended| {
            meaning::add(ended.version, &mut ended.result);
            let place = Place::In(ended.world);
            let result = &mut ended.result;
            self.replays
                .note(ended.scenario, ended.version, &place, result);
            self.simulation.trim(&mut ended.result);
            self.outputs.run(&ended.result);
            self.simulation.add(ended.result);
            unread = self.outputs.is_unread();
            match unread {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
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

    /// Everything has been swept: what was found, where the rest of it goes, and what is still to be said about replay
    /// files.
    pub(crate) fn end(self) -> (Simulation, Outputs, Folder) {
        (self.simulation, self.outputs, self.replays)
    }

    fn measure(&mut self, swept: Swept, took: Duration) {
        let ms = took.as_millis().max(1);
        let per_second = |n: u64| u64::try_from(u128::from(n) * 1000 / ms).unwrap_or(u64::MAX);
        self.simulation.runs_per_second = Some(per_second(swept.runs));
        self.simulation.virtual_seconds_per_second = Some(per_second(swept.virtual_ms) / 1000);
    }
}

/// Says where the replay files are, or why there are none; false when they could not be written.
pub(crate) fn tell_of(replays: &Folder) -> bool {
    let folder = replays.path().display();
    if replays.written() > 0 {
        screen::complain(&format!("replay files in {folder}: {}", replays.written()));
    }
    let Some(error) = replays.failed() else {
        return true;
    };
    screen::complain(&format!(
        "error: cannot write replay files to {folder}: {error}"
    ));
    screen::complain(
        "help: name a folder that can be written to with --replays; the commands above repeat the runs too",
    );
    false
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
