//! `squall replay`: one run again.

use super::{ending, files, report};
use crate::{
    args,
    exit::{CliError, Ending, Result},
    interrupt, meaning,
    outputs::Outputs,
    replays::quoted,
    screen::{self, Printer},
};
use squall_reports::{Simulation, visible::line};
use squall_sim::{
    replay::Replay,
    run::{Judged, Run},
    trace::Trace,
};

pub(crate) fn run(args: &args::Replay) -> Result<Ending> {
    let stop = interrupt::flag();
    let replay = Replay::read(&args.file).map_err(CliError::from_diagnostics)?;
    let mut report = report("squall replay");
    let inputs = [args.file.as_path()];
    let mut outputs = Outputs::open(args.format, files(&args.outputs), &inputs, &report)?;
    let world = args.world.unwrap_or(replay.world);
    let run = Run::new(&replay.plan, replay.version, replay.seed).in_world(world);
    let mut simulation = Simulation::default();
    let judged = run.judge_unless(stop);
    match &judged {
        Some(judged) => {
            let mut result = judged.result.clone();
            let file = quoted(&args.file.display().to_string());
            result.replay = Some(format!("squall replay {file}"));
            meaning::add(replay.version, &mut result);
            outputs.run(&result);
            simulation.add(result);
        }
        None => simulation.interrupted = Some(format!("{} before its end", interrupt::name())),
    }
    report.simulation = Some(simulation);
    let written = match &judged {
        Some(judged) if args.trace => {
            outputs.without_summary().finish(&report) & self::trace(judged)
        }
        _ => outputs.finish(&report),
    };
    if let Some(judged) = &judged {
        compare(judged, &replay);
    }
    Ok(ending(&report, written))
}

/// Prints the trace; false when standard output did not take it.
fn trace(judged: &Judged) -> bool {
    let print = || {
        let mut printer = Printer::new();
        for record in judged.played.trace.records() {
            if !printer.line(&line(&Trace::line(record)))? {
                return Ok(());
            }
        }
        printer.finish()
    };
    let printed: Result<()> = print();
    if let Err(error) = &printed {
        screen::complain(&format!("error: {}", error.message));
    }
    printed.is_ok()
}

/// Says whether the run is the one that was recorded.
fn compare(judged: &Judged, replay: &Replay) {
    let hash = &judged.result.trace_hash;
    if *hash == replay.trace_hash {
        screen::complain("the trace is the recorded one, record for record");
    } else {
        screen::complain(&format!(
            "the trace differs from the recorded one: this run has {hash}, the file {} (made by squall {})",
            line(&replay.trace_hash),
            line(&replay.squall)
        ));
    }
    if judged.result.verdict != replay.verdict {
        screen::complain(&format!(
            "the verdict was {} when the file was written",
            replay.verdict
        ));
    }
}
