//! `squall live`: scenarios told to a running broker.

use super::{conform, ending, files, report};
use crate::{
    args::Live as Args,
    bundled,
    exit::{CliError, Ending, Result},
    interrupt, meaning,
    outputs::Outputs,
    progress::Progress,
    screen,
};
use squall_conformance::{Leftover, Options, Target, Visit, visit};
use squall_protocol::Version;
use squall_reports::{SimResult, Simulation};
use squall_sim::{
    live::{End, Left, Live, Offer},
    replay::quoted,
    world::live::Reach,
};
use std::{collections::BTreeMap, path::Path};
use tokio::runtime::{Builder, Runtime};

pub(crate) fn run(args: &Args) -> Result<Ending> {
    interrupt::flag();
    let scenarios = bundled::scenarios(&args.paths)?;
    let target = Target::parse(&args.broker).map_err(|e| CliError::input(e.to_string()))?;
    let mut report = report(&format!("squall live --broker {target}"));
    let inputs: Vec<&Path> = scenarios.iter().map(|s| Path::new(&s.file)).collect();
    let mut outputs = Outputs::open(args.format, &files(&args.outputs), &inputs, &report)?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| CliError::input(format!("cannot start the runtime: {e}")))?;
    let seen = runtime.block_on(visit(&target, &Options::default()));
    let seen = seen.map_err(conform::useless)?;
    let live = Live {
        scenarios,
        versions: args.mqtt.map_or(Version::ALL.to_vec(), |v| vec![v]),
        seeds: seeds(args)?,
        jobs: args.jobs.into(),
        patience: args.patience,
        tag: seen.run.clone(),
        reach: Reach {
            endpoint: seen.endpoint.clone(),
            login: None,
        },
        offers: offers(&seen, &target)?,
    };
    if live.count() == 0 {
        return Err(CliError::input("no scenario runs with this MQTT version")
            .help("`versions:` in each scenario says which"));
    }
    let mut simulation = Simulation::default();
    let told = tell(&live, &runtime, &target, |mut result| {
        simulation.trim(&mut result);
        outputs.run(&result);
        simulation.add(result);
    });
    simulation.interrupted = told.interrupted(simulation.summary.total, live.count());
    report.simulation = Some(simulation);
    let written = outputs.finish(&report);
    // Whoever has stopped the run waits for the results first.
    let left = runtime.block_on(seen.tidy(told.left, conform::CLEANING));
    for left in left {
        screen::complain(&format!("left on {target}: {left}"));
    }
    if let End::Lost(why) = &told.end {
        screen::complain(&format!("{target} was lost: {why}"));
    }
    Ok(ending(&report, written))
}

/// What became of the stories together.
struct Told {
    end: End,
    left: Vec<Leftover>,
}

impl Told {
    /// Why not all were told.
    fn interrupted(&self, told: u64, of: u64) -> Option<String> {
        let why = match &self.end {
            End::Whole => return None,
            End::Stopped => interrupt::name(),
            End::Lost(why) => why,
        };
        Some(format!("{why}, after {told} of {of} runs"))
    }
}

fn tell(live: &Live, runtime: &Runtime, target: &Target, mut each: impl FnMut(SimResult)) -> Told {
    let progress = Progress::new(&format!("scenarios told to {target}"), live.count());
    let files: BTreeMap<&str, &str> = live
        .scenarios
        .iter()
        .map(|s| (s.name.as_str(), s.file.as_str()))
        .collect();
    let run = live.run(progress.counter(), interrupt::flag(), |mut ended| {
        let result = &mut ended.result;
        meaning::add(ended.version, result);
        if !result.findings.is_empty() {
            let file = files.get(result.scenario.as_str()).unwrap_or(&"");
            result.replay = Some(format!(
                "squall live {} --broker {target} --seed {} --mqtt {}",
                quoted(file),
                result.seed,
                result.version
            ));
        }
        each(ended.result);
    });
    let (end, left) = runtime.block_on(run);
    let left = left.into_iter().map(|left| match left {
        Left::Session(id, version) => Leftover::Session(id.into_bytes().into(), version),
        Left::Retained(topic, version) => Leftover::Retained(topic, version),
    });
    let left = left.collect();
    Told { end, left }
}

/// What the broker offers to clients of each version.
fn offers(
    seen: &Visit,
    target: &Target,
) -> Result<BTreeMap<Version, std::result::Result<Offer, String>>> {
    let offers = seen.answers.iter().map(|(version, answer)| {
        let offer = answer.as_ref().map(Offer::from).map_err(Clone::clone);
        (*version, offer)
    });
    let offers: BTreeMap<_, _> = offers.collect();
    if offers.values().any(std::result::Result::is_ok) {
        return Ok(offers);
    }
    let why = offers.into_values().find_map(std::result::Result::err);
    Err(CliError::unreachable(format!(
        "{target} lets no client in: {}",
        why.unwrap_or_default()
    )))
}

/// The seeds that were asked for: the first, and the one after the last.
fn seeds(args: &Args) -> Result<(u64, u64)> {
    match (args.seed, args.seeds) {
        (Some(u64::MAX), _) => Err(CliError::input(format!(
            "the largest seed is {}",
            u64::MAX - 1
        ))),
        (Some(seed), _) => Ok((seed, seed + 1)),
        (None, Some(range)) => Ok((range.first, range.end)),
        (None, None) => Ok((0, 1)),
    }
}
