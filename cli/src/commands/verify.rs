//! `squall verify`: everything Squall does, once, on what it brings along.

use super::{conform, ending, report};
use crate::{
    args::Verify,
    bundled,
    campaign::{self, Campaign},
    embedded::Embedded,
    exit::{Ending, Result},
    interrupt,
    outputs::Outputs,
    replays::Replays,
    screen,
};
use squall_protocol::Version;
use squall_reports::{Conformance, Format};
use squall_sim::{sweep::Sweep, world::World};
use std::path::Path;

pub(crate) fn run(args: &Verify) -> Result<Ending> {
    interrupt::flag();
    let scenarios = bundled::scenarios(&args.paths)?;
    let jobs = campaign::jobs(args.jobs);
    let mut report = report("squall verify");
    let files = [
        (Format::Json, args.json.as_deref()),
        (Format::Junit, args.junit.as_deref()),
        (Format::Html, Some(args.html.as_path())),
    ];
    let files = files.into_iter().filter_map(|(f, path)| Some((f, path?)));
    let inputs: Vec<&Path> = scenarios.iter().map(|s| Path::new(&s.file)).collect();
    let outputs = Outputs::open(args.format, files, &inputs, &report)?;
    let mut campaign = Campaign::new(outputs, Replays::new(Path::new("squall-replays")));

    let searched = Sweep {
        scenarios: &scenarios,
        versions: Version::ALL.to_vec(),
        seeds: args.seeds.map(|r| (r.first, r.end)),
        world: World::Loop,
        jobs,
    };
    campaign.sweep(&searched, "runs in the loop world", false)?;
    if args.confirm > 0 && campaign.simulation.interrupted.is_none() {
        let confirmed = Sweep {
            seeds: Some((0, args.confirm)),
            world: World::Turmoil,
            ..searched
        };
        campaign.sweep(&confirmed, "runs in the turmoil world", true)?;
    }
    let Campaign {
        simulation,
        outputs,
        replays,
    } = campaign;
    let whole = simulation.interrupted.is_none();
    report.simulation = Some(simulation);
    if whole {
        report
            .conformance
            .push(conformance_of_the_embedded_broker()?);
    }
    let written = outputs.finish(&report);
    let written = written & replays.finish();
    if written {
        screen::complain(&format!("report: {}", args.html.display()));
    }
    Ok(ending(&report, written))
}

fn conformance_of_the_embedded_broker() -> Result<Conformance> {
    let broker = Embedded::start()?;
    let (mut conformance, _) = conform::judge(&broker.url(), &conform::Options::default())?;
    conformance.target = format!("{} (the embedded reference broker)", conformance.target);
    Ok(conformance)
}
