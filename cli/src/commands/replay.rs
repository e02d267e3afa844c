//! `squall replay`: one run again.

use super::{check_outputs, report, write_outputs};
use crate::{
    args::{self, Format},
    exit::{CliError, Ending, Result},
    meaning, screen,
};
use squall_reports::{Simulation, json};
use squall_sim::{replay::Replay, run::Run, trace::Trace};

pub(crate) fn run(args: &args::Replay) -> Result<Ending> {
    check_outputs(&args.outputs)?;
    let replay = Replay::read(&args.file).map_err(CliError::from_diagnostics)?;
    let world = args.world.unwrap_or(replay.world);
    let mut judged = Run::new(&replay.plan, replay.version, replay.seed)
        .in_world(world)
        .judge();
    let same = judged.result.trace_hash == replay.trace_hash;
    if args.trace {
        for record in judged.played.trace.records() {
            screen::say(&Trace::line(record))?;
        }
    }
    judged.result.replay = Some(format!(
        "squall replay {}",
        super::sim::quoted(&args.file.display().to_string())
    ));
    let verdict = judged.result.verdict;
    let mut report = report("squall replay");
    let mut simulation = Simulation::new(vec![judged.result]);
    meaning::add(&mut simulation.results);
    report.simulation = Some(simulation.clone());
    match args.format {
        Format::Json => screen::say(&json::simulation_json(&simulation))?,
        Format::Text if args.trace => {}
        Format::Text => screen::say(&screen::summary(&report))?,
    }
    write_outputs(&report, &args.outputs)?;
    if same {
        screen::complain("the trace is the recorded one, record for record");
    } else {
        screen::complain(&format!(
            "the trace differs from the recorded one: this run has {}, the file {} (made by squall {})",
            simulation.results[0].trace_hash, replay.trace_hash, replay.squall
        ));
    }
    if verdict != replay.verdict {
        screen::complain(&format!(
            "the verdict was {} when the file was written",
            replay.verdict
        ));
    }
    Ok(Ending::of(verdict))
}
