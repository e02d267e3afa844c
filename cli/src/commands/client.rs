//! `squall live --client`: scenarios told to a client that somebody else wrote.

use super::{
    conform, ending, files,
    known::Known,
    report, seeds,
    stories::{Note, Stories},
};
use crate::{
    args::Live as Args,
    bundled,
    campaign::tell_of,
    clients,
    exit::{CliError, Ending, Result},
    interrupt, meaning,
    outputs::Outputs,
    progress::Progress,
    screen,
};
use squall_clients::AdapterError;
use squall_protocol::Version;
use squall_reports::{Report, Simulation, Verdict};
use squall_sim::{
    live::{Clients, End},
    replay::{Folder, Place},
    world::turned::Adapters,
};
use std::{path::Path, rc::Rc};
use tokio::runtime::Runtime;

/// Scenarios that are told at once, unless somebody says otherwise: each starts a process for each of its clients.
const JOBS: u16 = 12;

pub(super) fn run(args: &Args, client: &str) -> Result<Ending> {
    let scenarios = bundled::scenarios(&args.paths)?;
    let place = Place::Client(client.to_owned());
    let report = report(&format!("squall live, client {client}"));
    let inputs: Vec<&Path> = scenarios.iter().map(|s| Path::new(&s.file)).collect();
    let outputs = Outputs::open(args.format, &files(&args.outputs), &inputs, &report)?;
    let stories = Stories {
        versions: args.mqtt.map_or(Version::ALL.to_vec(), |v| vec![v]),
        seeds: seeds(&args.seeds)?.unwrap_or((0, 1)),
        jobs: args.jobs.unwrap_or(JOBS).into(),
        patience: args.patience,
        scenarios: scenarios.clone(),
    };
    let known = Known::about(client, &scenarios, args.known)?;
    let mut replays = Folder::new(&args.replays);
    let note: &mut Note<'_> = &mut |name, version, result| {
        if let Some(story) = scenarios.iter().find(|s| s.name == name) {
            replays.note(story, version, &place, result);
        }
    };
    let ending = told(stories, client, known, report, outputs, note)?;
    Ok(ending.if_written(tell_of(&replays)))
}

/// Tells stories to a client, and reports. What is known of it may decide the exit code.
pub(super) fn told(
    stories: Stories,
    client: &str,
    mut known: Option<Known>,
    mut report: Report,
    mut outputs: Outputs,
    note: &mut Note<'_>,
) -> Result<Ending> {
    let command = clients::command(&[client.to_owned()])?;
    let runtime = conform::runtime()?;
    let adapters = runtime.block_on(Adapters::meet(command)).map_err(useless)?;
    let introduction = adapters.introduction();
    let name = format!("{} {}", introduction.name, introduction.version);
    screen::complain(&format!("the adapter drives {name}"));
    let live = Clients {
        scenarios: stories.scenarios,
        versions: stories.versions,
        seeds: stories.seeds,
        jobs: stories.jobs,
        patience: stories.patience,
        troupe: Rc::new(adapters),
    };
    if live.count() == 0 {
        return Err(CliError::input("no scenario runs with this MQTT version")
            .help("`versions:` in each scenario says which"));
    }
    let to = &mut (&mut outputs, note, known.as_mut());
    let (simulation, end) = tell(&live, &runtime, &name, to);
    report.simulation = Some(simulation);
    let written = outputs.finish(&report);
    if let End::Lost(why) = &end {
        screen::complain(&format!("the client was lost: {why}"));
        screen::complain(
            "this says nothing about the client; `squall adapter check` tests an adapter",
        );
        return Ok(match ending(&report, written) {
            Ending::Good => Ending::Unknown,
            worse => worse,
        });
    }
    match report.verdict() {
        Verdict::NotApplicable => {
            screen::complain("nothing was told, so nothing is known; each result says why");
            Ok(Ending::Unknown)
        }
        _ => {
            let ending = ending(&report, written);
            let known = known.filter(|_| end == End::Whole);
            Ok(known.map_or(ending, |known| known.decide(ending, written)))
        }
    }
}

/// Where results go: what writes them, what notes them, and what is known.
type To<'t, 'n> = (&'t mut Outputs, &'t mut Note<'n>, Option<&'t mut Known>);

fn tell(
    clients: &Clients,
    runtime: &Runtime,
    name: &str,
    (outputs, note, known): &mut To<'_, '_>,
) -> (Simulation, End) {
    let mut simulation = Simulation::default();
    let progress = Progress::new(&format!("scenarios told to {name}"), clients.count());
    let run = clients.run(progress.counter(), interrupt::flag(), |mut ended| {
        meaning::add(ended.version, &mut ended.result);
        let mut result = ended.result;
        if let Some(known) = known {
            known.compare(&mut result);
        }
        if !result.findings.is_empty() {
            let story = result.scenario.clone();
            note(&story, ended.version, &mut result);
        }
        simulation.trim(&mut result);
        outputs.run(&result);
        simulation.add(result);
    });
    let end = runtime.block_on(run);
    drop(progress);
    let why = match &end {
        End::Whole => None,
        End::Stopped => Some(interrupt::name()),
        // The last lines of the adapter stand elsewhere.
        End::Lost(_) => Some("the client was lost"),
    };
    let of = clients.count();
    simulation.interrupted = why.map(|why| {
        let told = simulation.summary.total;
        format!("{why}, after {told} of {of} runs")
    });
    (simulation, end)
}

/// An adapter with which no story can be told.
fn useless(error: AdapterError) -> CliError {
    CliError::unreachable(error.to_string()).help(error.trouble.advice())
}
