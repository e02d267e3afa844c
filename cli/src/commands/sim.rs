//! `squall sim`: scenarios over seeds.

use super::{ending, files, report};
use crate::{
    args::Sim,
    bundled,
    campaign::{self, Campaign},
    exit::{CliError, Ending, Result},
    interrupt,
    outputs::Outputs,
    replays::Replays,
};
use squall_protocol::Version;
use squall_sim::sweep::Sweep;
use std::path::Path;

pub(crate) fn run(args: &Sim) -> Result<Ending> {
    interrupt::flag();
    let scenarios = bundled::scenarios(&args.paths)?;
    let sweep = Sweep {
        scenarios: &scenarios,
        versions: args.mqtt.map_or(Version::ALL.to_vec(), |v| vec![v]),
        seeds: seeds(args)?,
        world: args.world,
        jobs: campaign::jobs(args.jobs),
    };
    if sweep.count() == 0 {
        return Err(CliError::input("no scenario runs with this MQTT version")
            .help("`versions:` in each scenario says which"));
    }
    let mut report = report("squall sim");
    let inputs: Vec<&Path> = scenarios.iter().map(|s| Path::new(&s.file)).collect();
    let outputs = Outputs::open(args.format, files(&args.outputs), &inputs, &report)?;
    let mut campaign = Campaign::new(outputs, Replays::new(&args.replays));
    campaign.sweep(&sweep, "runs", false)?;
    let Campaign {
        simulation,
        outputs,
        replays,
    } = campaign;
    report.simulation = Some(simulation);
    let written = outputs.finish(&report);
    Ok(ending(&report, written & replays.finish()))
}

/// The seeds that were asked for: the first, and the one after the last.
fn seeds(args: &Sim) -> Result<Option<(u64, u64)>> {
    let Some(seed) = args.seed else {
        return Ok(args.seeds.map(|r| (r.first, r.end)));
    };
    match seed.checked_add(1) {
        Some(end) => Ok(Some((seed, end))),
        None => Err(CliError::input(format!(
            "the largest seed is {}",
            u64::MAX - 1
        ))),
    }
}
