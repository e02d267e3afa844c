//! `squall sim`: scenarios over seeds.

use super::{check_outputs, report, write_outputs};
use crate::{
    args::{Format, Sim},
    bundled,
    exit::{CliError, Ending, Result},
    interrupt, meaning,
    progress::Progress,
    screen,
};
use squall_protocol::Version;
use squall_reports::{SimResult, Simulation, json};
use squall_sim::{
    replay::Replay,
    run::Run,
    scenario::model::Scenario,
    sweep::{Sweep, Swept},
    world::World,
};
use std::{collections::BTreeMap, fs, path::Path, thread, time::Instant};

/// Failing runs of one scenario and version for which replay files are written; more would hide the first.
const REPLAY_FILES: usize = 3;

pub(crate) fn run(args: &Sim) -> Result<Ending> {
    check_outputs(&args.outputs)?;
    let scenarios = bundled::scenarios(&args.paths)?;
    let versions = args.mqtt.map_or(Version::ALL.to_vec(), |v| vec![v]);
    let seeds = match (args.seed, args.seeds) {
        (Some(seed), _) => Some((
            seed,
            seed.checked_add(1)
                .ok_or_else(|| CliError::input(format!("the largest seed is {}", u64::MAX - 1)))?,
        )),
        (None, range) => range.map(|r| (r.first, r.end)),
    };
    let sweep = Sweep {
        scenarios: &scenarios,
        versions,
        seeds,
        world: args.world,
        jobs: jobs(args.jobs),
    };
    if sweep.count() == 0 {
        return Err(CliError::input("no scenario runs with this MQTT version")
            .help("`versions:` in each scenario says which"));
    }
    let mut simulation = self::simulate(&sweep, "runs")?;
    let files = write_replays(&scenarios, &mut simulation.results, &args.replays)?;
    let mut report = report("squall sim");
    let interrupted = simulation.interrupted.is_some();
    report.simulation = Some(simulation);
    match (args.format, &report.simulation) {
        (Format::Json, Some(simulation)) => screen::say(&json::simulation_json(simulation))?,
        _ => screen::say(&screen::summary(&report))?,
    }
    write_outputs(&report, &args.outputs)?;
    if files > 0 {
        screen::complain(&format!(
            "replay files in {}: {files}",
            args.replays.display()
        ));
    }
    Ok(if interrupted {
        Ending::Interrupted
    } else {
        Ending::of(report.verdict())
    })
}

/// Threads to use: what was asked for, or every processor.
pub(crate) fn jobs(asked: Option<u16>) -> usize {
    asked.map_or_else(
        || thread::available_parallelism().map_or(1, usize::from),
        usize::from,
    )
}

/// Runs a sweep with progress, until it is done or Ctrl-C is pressed.
pub(crate) fn simulate(sweep: &Sweep<'_>, what: &str) -> Result<Simulation> {
    let total = sweep.count();
    let stop = interrupt::flag();
    let began = Instant::now();
    let progress = Progress::new(what, total);
    let swept: Swept = sweep.run(progress.counter(), stop).map_err(|e| {
        CliError::input(format!("cannot start {} threads: {e}", sweep.jobs))
            .help("use fewer --jobs")
    })?;
    drop(progress);
    let ms = began.elapsed().as_millis().max(1);
    let per_second = |n: u128| u64::try_from(n * 1000 / ms).unwrap_or(u64::MAX);
    let interrupted = swept
        .stopped
        .then(|| format!("Ctrl-C after {} of {total} runs", swept.results.len()));
    let mut simulation = Simulation::new(swept.results);
    meaning::add(&mut simulation.results);
    simulation.runs_per_second = Some(per_second(simulation.results.len() as u128));
    simulation.virtual_seconds_per_second = Some(per_second(u128::from(swept.virtual_ms) / 1000));
    simulation.interrupted = interrupted;
    Ok(simulation)
}

/// Writes a replay file for each of the first failing runs and puts the command into its result. Gives how many.
pub(crate) fn write_replays(
    scenarios: &[Scenario],
    results: &mut [SimResult],
    folder: &Path,
) -> Result<usize> {
    let mut written = 0;
    let mut of_kind: BTreeMap<(String, String), usize> = BTreeMap::new();
    for result in results.iter_mut().filter(|r| !r.findings.is_empty()) {
        let scenario = scenarios.iter().find(|s| s.name == result.scenario);
        let (Some(scenario), Ok(version), Ok(world)) = (
            scenario,
            result.version.parse::<Version>(),
            result.world.parse::<World>(),
        ) else {
            continue;
        };
        let files = of_kind
            .entry((result.scenario.clone(), result.version.clone()))
            .or_default();
        if *files == REPLAY_FILES {
            result.replay = Some(format!(
                "squall sim {} --seed {} --mqtt {version} --world {world}",
                quoted(&scenario.file),
                result.seed
            ));
            continue;
        }
        fs::create_dir_all(folder).map_err(|e| CliError::write(folder, &e))?;
        let judged = Run::new(scenario, version, result.seed)
            .in_world(world)
            .judge();
        let replay = Replay::of(&judged, version, world);
        let path = folder.join(replay.file_name());
        screen::write_file(&path, &replay.to_yaml())?;
        result.replay = Some(format!(
            "squall replay {}",
            quoted(&path.display().to_string())
        ));
        *files += 1;
        written += 1;
    }
    Ok(written)
}

/// A word as a shell takes it back.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(quoted("squall-replays/a.yaml"), "squall-replays/a.yaml");
        assert_eq!(quoted("r p/it's"), "'r p/it'\\''s'");
    }
}
