//! `squall replay`: one run again.

use super::{client, ending, files, live, report, stories::Stories};
use crate::{
    args,
    exit::{CliError, Ending, Result},
    interrupt, meaning,
    outputs::Outputs,
    screen::{self, Printer},
};
use squall_reports::{Report, SimResult, Simulation, visible::line};
use squall_sim::{
    panics,
    replay::{Place, Replay, command},
    run::Run,
    trace::Trace,
};
use std::time::Duration;

pub(crate) fn run(args: &args::Replay) -> Result<Ending> {
    let stop = interrupt::flag();
    let replay = Replay::read(&args.file).map_err(CliError::from_diagnostics)?;
    let mut report = report("squall replay");
    let inputs = [args.file.as_path()];
    let mut outputs = Outputs::open(args.format, &files(&args.outputs), &inputs, &report)?;
    let world = match (&args.broker, args.world, &replay.place) {
        (Some(broker), ..) | (None, None, Place::Live(broker)) => {
            return again(&replay, &Stranger::Broker(broker), args, report, outputs);
        }
        (None, None, Place::Client(client)) => {
            return again(&replay, &Stranger::Client(client), args, report, outputs);
        }
        (None, Some(world), _) => world,
        (None, None, Place::In(world)) => *world,
    };
    let run = Run::new(&replay.plan, replay.version, replay.seed).in_world(world);
    let mut simulation = Simulation::default();
    let played = panics::judge(&run, stop);
    let result = match &played {
        Some(Ok(judged)) => Some(&judged.result),
        Some(Err(panicked)) => Some(&**panicked),
        None => None,
    };
    match result.cloned() {
        Some(mut result) => {
            result.replay = Some(command(&args.file));
            meaning::add(replay.version, &mut result);
            outputs.run(&result);
            simulation.add(result);
        }
        None => simulation.interrupted = Some(format!("{} before its end", interrupt::name())),
    }
    report.simulation = Some(simulation);
    let written = match &played {
        Some(Ok(judged)) if args.trace => {
            outputs.without_summary().finish(&report) & print(&judged.played.trace)
        }
        _ => outputs.finish(&report),
    };
    if let Some(Ok(judged)) = &played {
        compare(&replay, &judged.result);
    }
    Ok(ending(&report, written))
}

/// With whom a story is told live.
enum Stranger<'s> {
    Broker(&'s str),
    Client(&'s str),
}

/// Plays it live.
fn again(
    replay: &Replay,
    stranger: &Stranger<'_>,
    args: &args::Replay,
    report: Report,
    outputs: Outputs,
) -> Result<Ending> {
    if args.trace {
        return Err(CliError::input("the trace of a live run cannot be printed")
            .help("`--world loop` plays the same with the reference broker"));
    }
    let Some(end) = replay.seed.checked_add(1) else {
        return Err(CliError::input("this seed is too large"));
    };
    let stories = Stories {
        scenarios: vec![replay.plan.clone()],
        versions: vec![replay.version],
        seeds: (replay.seed, end),
        // A finding is confirmed at once.
        jobs: 3,
        patience: LONGEST,
    };
    let note = &mut |_: &str, _, result: &mut SimResult| {
        result.replay = Some(command(&args.file) + &args.tls.again());
    };
    match stranger {
        Stranger::Broker(broker) => {
            let broker = live::again(broker, &args.tls)?;
            live::told(stories, (broker, &args.tls), false, report, outputs, note)
        }
        Stranger::Client(client) => client::told(stories, client, None, report, outputs, note),
    }
}

/// Who replays a story waits for it.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// Prints the trace; false when standard output did not take it.
fn print(trace: &Trace) -> bool {
    let print = || {
        let mut printer = Printer::new();
        for record in trace.records() {
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
fn compare(replay: &Replay, result: &SimResult) {
    let comparison = replay.compare(result);
    if comparison.same_trace {
        screen::complain("the trace is the recorded one, record for record");
    } else {
        screen::complain(&format!(
            "the trace differs from the recorded one: this run has {}, the file {} (made by squall {})",
            result.trace_hash,
            line(&replay.trace_hash),
            line(&replay.squall)
        ));
    }
    if !comparison.same_verdict {
        screen::complain(&format!(
            "the verdict was {} when the file was written",
            replay.verdict
        ));
    }
}
