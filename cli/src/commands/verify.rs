//! `squall verify`: everything Squall does, once, on what it brings along.

use super::{report, sim, write_output};
use crate::{
    args::{Format, Verify},
    bundled,
    embedded::Embedded,
    exit::{Ending, Result},
    interrupt, screen,
};
use squall_protocol::Version;
use squall_reports::{
    Conformance, Exchange, Finding, Report, SimResult, Simulation, Verdict, json,
};
use squall_sim::{scenario::model::Scenario, sweep::Sweep, world::World};
use std::{collections::BTreeMap, path::Path};

pub(crate) fn run(args: &Verify) -> Result<Ending> {
    for path in [Some(&args.html), args.json.as_ref(), args.junit.as_ref()]
        .into_iter()
        .flatten()
    {
        screen::check_file(path)?;
    }
    let scenarios = bundled::scenarios(&args.paths)?;
    let jobs = sim::jobs(args.jobs);
    let seeds = args.seeds.map(|r| (r.first, r.end));
    let mut report = report("squall verify");

    let searched = Sweep {
        scenarios: &scenarios,
        versions: Version::ALL.to_vec(),
        seeds,
        world: World::Loop,
        jobs,
    };
    let mut simulation = sim::simulate(&searched, "runs in the loop world")?;
    if !interrupt::pressed() && args.confirm > 0 {
        confirm(&scenarios, args.confirm, jobs, &mut simulation)?;
    }
    sim::write_replays(
        &scenarios,
        &mut simulation.results,
        Path::new("squall-replays"),
    )?;
    report.simulation = Some(simulation);
    if !interrupt::pressed() {
        report
            .conformance
            .push(conformance_of_the_embedded_broker()?);
    }

    show(args.format, &report)?;
    write_output(&report, &args.html, squall_reports::Format::Html)?;
    for (path, format) in [
        (&args.json, squall_reports::Format::Json),
        (&args.junit, squall_reports::Format::Junit),
    ] {
        if let Some(path) = path {
            write_output(&report, path, format)?;
        }
    }
    screen::complain(&format!("report: {}", args.html.display()));
    Ok(if interrupt::pressed() {
        Ending::Interrupted
    } else {
        Ending::of(report.verdict())
    })
}

fn show(format: Format, report: &Report) -> Result<()> {
    match format {
        Format::Text => screen::say(&screen::summary(report)),
        Format::Json => screen::say(&json::render(report)),
    }
}

/// Plays some seeds of everything in the turmoil world too, and compares the traces.
fn confirm(
    scenarios: &[Scenario],
    seeds: u64,
    jobs: usize,
    simulation: &mut Simulation,
) -> Result<()> {
    let sweep = |world| Sweep {
        scenarios,
        versions: Version::ALL.to_vec(),
        seeds: Some((0, seeds)),
        world,
        jobs,
    };
    let confirmed = sim::simulate(&sweep(World::Turmoil), "runs in the turmoil world")?;
    let searched = sim::simulate(&sweep(World::Loop), "the same runs in the loop world")?;
    let key = |r: &SimResult| (r.scenario.clone(), r.version.clone(), r.seed);
    let hashes: BTreeMap<_, _> = searched
        .results
        .iter()
        .map(|r| (key(r), r.trace_hash.clone()))
        .collect();
    let interrupted = confirmed
        .interrupted
        .clone()
        .or_else(|| simulation.interrupted.clone());
    let (runs, virtual_seconds) = (
        simulation.runs_per_second,
        simulation.virtual_seconds_per_second,
    );
    let mut results = std::mem::take(&mut simulation.results);
    for mut result in confirmed.results {
        if let Some(other) = hashes
            .get(&key(&result))
            .filter(|h| **h != result.trace_hash)
        {
            result.verdict = Verdict::Fail;
            result.findings.push(parity(other, &result.trace_hash));
        }
        results.push(result);
    }
    *simulation = Simulation::new(results);
    (
        simulation.runs_per_second,
        simulation.virtual_seconds_per_second,
    ) = (runs, virtual_seconds);
    simulation.interrupted = interrupted;
    Ok(())
}

fn parity(in_loop: &str, in_turmoil: &str) -> Finding {
    Finding {
        rule: "parity".into(),
        statements: Vec::new(),
        message: format!("the loop world's trace is {in_loop}, the turmoil world's {in_turmoil}"),
        expected:
            "both worlds give the same trace; this is a defect of Squall itself, please report it"
                .into(),
        location: None,
        evidence: Exchange::default(),
    }
}

fn conformance_of_the_embedded_broker() -> Result<Conformance> {
    let broker = Embedded::start()?;
    let (mut conformance, _) =
        super::conform::judge(&broker.url(), &super::conform::Options::default())?;
    conformance.target = format!("{} (the embedded reference broker)", conformance.target);
    Ok(conformance)
}
