//! `squall verify`: everything Squall does, once, on what it brings along.

use super::{conform, ending, files, report};
use crate::{
    args::Verify,
    bundled,
    campaign::{self, Campaign, tell_of},
    embedded::Embedded,
    exit::{Ending, Result},
    interrupt,
    outputs::Outputs,
    screen,
};
use squall_protocol::Version;
use squall_reports::{Conformance, Format};
use squall_sim::{sweep::Sweep, world::World};
use std::path::{Path, PathBuf};

/// Where the web page goes if nobody names another place.
const PAGE: &str = "squall-report.html";

pub(crate) fn run(args: &Verify) -> Result<Ending> {
    interrupt::flag();
    let scenarios = bundled::scenarios(&args.paths)?;
    let jobs = campaign::jobs(args.jobs);
    let mut report = report("squall verify");
    let mut files = files(&args.outputs);
    let is_page = |(format, _): &&(Format, PathBuf)| *format == Format::HTML;
    let page = match files.iter().find(is_page) {
        Some((_, path)) => path.clone(),
        None => {
            files.push((Format::HTML, PathBuf::from(PAGE)));
            PathBuf::from(PAGE)
        }
    };
    let inputs: Vec<&Path> = scenarios.iter().map(|s| Path::new(&s.file)).collect();
    let outputs = Outputs::open(args.format, &files, &inputs, &report)?;
    let mut campaign = Campaign::new(outputs, Path::new("squall-replays"));

    let searched = Sweep {
        scenarios: &scenarios,
        versions: Version::ALL.to_vec(),
        seeds: args.seeds.map(|r| (r.first, r.end)),
        world: World::Loop,
        confirm: false,
        jobs,
    };
    campaign.sweep(&searched, "runs in the loop world")?;
    if args.confirm > 0 && campaign.is_whole() {
        let confirmed = Sweep {
            seeds: Some((0, args.confirm)),
            world: World::Turmoil,
            confirm: true,
            ..searched
        };
        campaign.sweep(&confirmed, "runs in the turmoil world")?;
    }
    let whole = campaign.is_whole();
    let (simulation, outputs, replays) = campaign.end();
    report.simulation = Some(simulation);
    if whole {
        report
            .conformance
            .push(conformance_of_the_embedded_broker()?);
    }
    let written = outputs.finish(&report);
    let written = written & tell_of(&replays);
    if written {
        screen::complain(&format!("report: {}", page.display()));
    }
    Ok(ending(&report, written))
}

fn conformance_of_the_embedded_broker() -> Result<Conformance> {
    let broker = Embedded::start()?;
    let (mut conformance, _) = conform::judge(&broker.url(), &conform::Options::default())?;
    conformance.target = format!("{} (the embedded reference broker)", conformance.target);
    Ok(conformance)
}
