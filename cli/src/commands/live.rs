//! `squall live`: scenarios told to a running broker.

use super::{
    client, conform, ending, files, report, seeds,
    servers::Servers,
    stories::{Note, Stories},
};
use crate::{
    args::{Live as Args, Tls},
    bundled,
    campaign::tell_of,
    exit::{CliError, Ending, Result},
    interrupt, meaning,
    outputs::Outputs,
    progress::Progress,
    screen,
    target::{self, Judgeable},
};
use bytes::Bytes;
use squall_conformance::{Lack, Leftover, Need, Options, Target, TargetFile, Visit, visit};
use squall_protocol::{QoS, Version};
use squall_reports::{Comparison, Report, SimResult, Simulation, Verdict};
use squall_sim::{
    live::{End, Left, Live, Offer},
    replay::{Folder, Place},
    world::live::{Login, Reach},
};
use squall_transport::is_address;
use std::{collections::BTreeMap, path::Path};
use tokio::runtime::Runtime;

/// Scenarios that are told to a broker at once, unless somebody says otherwise.
const JOBS: u16 = 64;

pub(crate) fn run(args: &Args) -> Result<Ending> {
    interrupt::flag();
    if let Some(client) = &args.client {
        return client::run(args, client);
    }
    let scenarios = bundled::scenarios(&args.paths)?;
    let broker = match (&args.target, args.broker.as_deref()) {
        (Some(name), url) => Judgeable::of(target::named(name)?, url, &args.tls)?,
        (None, url) => Judgeable::at(url.unwrap_or_default(), &args.tls)?,
    };
    let name = args.target.as_ref().filter(|_| broker.process.is_some());
    let place = match name {
        Some(name) => Place::Live(name.clone()),
        None => Place::Live(broker.target.to_string()),
    };
    let report = report(&format!("squall live, {}", called(&broker)));
    let inputs: Vec<&Path> = scenarios.iter().map(|s| Path::new(&s.file)).collect();
    let outputs = Outputs::open(args.format, &files(&args.outputs), &inputs, &report)?;
    let stories = Stories {
        versions: args.mqtt.map_or(Version::ALL.to_vec(), |v| vec![v]),
        seeds: seeds(&args.seeds)?.unwrap_or((0, 1)),
        jobs: args.jobs.unwrap_or_else(|| jobs(&broker)).into(),
        patience: args.patience,
        scenarios: scenarios.clone(),
    };
    let mut replays = Folder::new(&args.replays);
    let ending = told(
        stories,
        (broker, &args.tls),
        args.known,
        report,
        outputs,
        &mut |name, version, result| {
            let story = scenarios.iter().find(|s| s.name == name);
            if let Some(story) = story {
                replays.note(story, version, &place, result);
                let command = result.replay.as_mut();
                command
                    .into_iter()
                    .for_each(|c| c.push_str(&args.tls.again()));
            }
        },
    )?;
    Ok(ending.if_written(tell_of(&replays)))
}

/// Stories at once where nobody says how many: no more than it bears, where it runs already.
fn jobs(broker: &Judgeable) -> u16 {
    let bears = broker.file.as_ref().and_then(|file| file.jobs);
    match broker.process {
        Some(_) => JOBS,
        None => bears.unwrap_or(JOBS),
    }
}

/// What a broker is called in a title.
fn called(broker: &Judgeable) -> String {
    match &broker.file {
        Some(file) => format!("{} {}", file.product, file.version),
        None => broker.target.to_string(),
    }
}

/// The broker of a live run that was written down: an address, or the name of a target that is started.
pub(super) fn again(broker: &str, tls: &Tls) -> Result<Judgeable> {
    match is_address(broker) {
        true => Judgeable::at(broker, tls),
        false => Judgeable::of(target::named(broker)?, None, tls),
    }
}

/// Tells stories to a broker, and reports. If `known`, the exit code is about what differs from what its file knows.
pub(super) fn told(
    stories: Stories,
    (broker, tls): (Judgeable, &Tls),
    known: bool,
    report: Report,
    outputs: Outputs,
    note: &mut Note<'_>,
) -> Result<Ending> {
    let runtime = conform::runtime()?;
    if !conform::started(&runtime, &broker)? {
        return Ok(Ending::Interrupted(interrupt::code()));
    }
    let servers = Servers::beside(&broker, stories.jobs, tls)?;
    let ending = match servers.start(&runtime, &called(&broker)) {
        Ok(true) => with(
            &runtime,
            stories,
            (&broker, &servers, known),
            report,
            outputs,
            note,
        ),
        Ok(false) => Ok(Ending::Interrupted(interrupt::code())),
        Err(error) => Err(error),
    };
    servers.stop(&runtime);
    conform::stop(&runtime, &broker);
    ending
}

fn with(
    runtime: &Runtime,
    stories: Stories,
    (broker, servers, known): (&Judgeable, &Servers, bool),
    mut report: Report,
    mut outputs: Outputs,
    note: &mut Note<'_>,
) -> Result<Ending> {
    let target = &broker.target;
    let seen = runtime.block_on(visit(target, &Options::default()));
    let seen = seen.map_err(conform::useless)?;
    let live = live(stories, &seen, broker, servers)?;
    if live.count() == 0 {
        return Err(CliError::input("no scenario runs with this MQTT version")
            .help("`versions:` in each scenario says which"));
    }
    let mut simulation = Simulation::default();
    let mut compared = Comparison::default();
    let told = tell(&live, runtime, target, |version, mut result| {
        if let Some(file) = &broker.file {
            file.compare_story(&mut result, &mut compared);
        }
        if !result.findings.is_empty() {
            let name = result.scenario.clone();
            note(&name, version, &mut result);
        }
        simulation.trim(&mut result);
        outputs.run(&result);
        simulation.add(result);
    });
    simulation.interrupted = told.interrupted(simulation.summary.total, live.count());
    let whole = told.end == End::Whole;
    report.simulation = Some(simulation);
    let written = outputs.finish(&report);
    clean(told, runtime, seen, broker);
    let ending = match report.verdict() {
        Verdict::NotApplicable => {
            screen::complain("nothing was told, so nothing is known; each result says why");
            return Ok(Ending::Unknown);
        }
        _ => ending(&report, written),
    };
    let Some(file) = &broker.file else {
        return Ok(ending);
    };
    compared.unknown.extend(refused(&live, file));
    Ok(conform::differing(
        (&compared, "target"),
        known && whole,
        ending,
        written,
    ))
}

/// What is told to whom.
fn live(stories: Stories, seen: &Visit, broker: &Judgeable, servers: &Servers) -> Result<Live> {
    Ok(Live {
        scenarios: stories.scenarios,
        versions: stories.versions,
        seeds: stories.seeds,
        jobs: stories.jobs,
        patience: stories.patience,
        tag: seen.run.clone(),
        others: others(seen, servers),
        bears: bears(broker, servers),
        reach: reach(seen),
        offers: offers(seen, broker)?,
    })
}

/// Removes what the stories have left, and says what had to be left. Whoever has stopped the run waits for the results first.
fn clean(told: Told, runtime: &Runtime, seen: Visit, broker: &Judgeable) {
    let target = &broker.target;
    // What is started here keeps nothing after its end.
    let started = broker.process.is_some();
    if let End::Lost(why) = &told.end {
        screen::complain(&format!("{target} was lost: {why}"));
        if !started {
            screen::complain("sessions and retained messages of the scenarios may be left on it");
        }
    } else if !started {
        for left in runtime.block_on(seen.tidy(told.left, conform::CLEANING)) {
            screen::complain(&format!("left on {target}: {left}"));
        }
    }
}

/// Versions that the target does not let in, although its file does not say so.
fn refused(live: &Live, file: &TargetFile) -> Vec<String> {
    let missing = |version: &Version| {
        let why = live.offers.get(version)?.as_ref().err()?;
        let known = file.lacks_version(*version) || !live.versions.contains(version);
        (!known).then(|| format!("MQTT {version} is not spoken: {why}"))
    };
    Version::ALL.iter().filter_map(missing).collect()
}

/// How the clients of the stories reach the broker.
fn reach(seen: &Visit) -> Reach {
    let login = seen.credentials.as_ref().map(|c| Login {
        user: c.user_name().clone(),
        password: c.password().map(Bytes::copy_from_slice),
    });
    Reach {
        endpoint: seen.endpoint.clone(),
        login,
    }
}

/// How they reach the servers beyond the first.
fn others(seen: &Visit, servers: &Servers) -> Vec<Reach> {
    let reach = |endpoint| Reach {
        endpoint,
        ..reach(seen)
    };
    servers.endpoints().map(reach).collect()
}

/// How many stories each server is told at once, where there are several.
fn bears(broker: &Judgeable, servers: &Servers) -> Option<usize> {
    let bears = broker.file.as_ref()?.jobs?;
    (servers.count() > 1).then_some(bears.into())
}

/// What the broker offers to clients of each version, or why it does not let them in.
type Offers = BTreeMap<Version, std::result::Result<Offer, String>>;

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

/// What is to be removed: a broker that keeps no retained messages has none.
fn leftover(left: Left, offers: &Offers) -> Option<Leftover> {
    match left {
        Left::Session(id, version) => Some(Leftover::Session(id.into_bytes().into(), version)),
        Left::Retained(topic, version) => {
            let kept = offers
                .get(&version)
                .is_none_or(|o| o.as_ref().is_ok_and(|o| o.retain));
            kept.then_some(Leftover::Retained(topic, version))
        }
    }
}

fn tell(
    live: &Live,
    runtime: &Runtime,
    target: &Target,
    mut each: impl FnMut(Version, SimResult),
) -> Told {
    let progress = Progress::new(&format!("scenarios told to {target}"), live.count());
    let run = live.run(progress.counter(), interrupt::flag(), |mut ended| {
        meaning::add(ended.version, &mut ended.result);
        each(ended.version, ended.result);
    });
    let (end, left) = runtime.block_on(run);
    let left = left.into_iter();
    let left = left.filter_map(|l| leftover(l, &live.offers)).collect();
    Told { end, left }
}

/// What the broker offers to clients of each version. What is documented as missing is not asked for.
fn offers(seen: &Visit, broker: &Judgeable) -> Result<Offers> {
    let lacks = broker.file.as_ref().map_or(&[][..], |file| &file.lacks);
    let offers = seen.answers.iter().map(|(version, answer)| {
        let offer = answer.as_ref().map(Offer::from).map_err(Clone::clone);
        (*version, offer.and_then(|o| without(o, *version, lacks)))
    });
    let offers: BTreeMap<_, _> = offers.collect();
    if offers.values().any(std::result::Result::is_ok) {
        return Ok(offers);
    }
    let why = offers.into_values().find_map(std::result::Result::err);
    Err(CliError::unreachable(format!(
        "{} lets no client in: {}",
        broker.target,
        why.unwrap_or_default()
    )))
}

/// An offer without what is documented as missing; why there is none where that is the whole version.
fn without(
    mut offer: Offer,
    version: Version,
    lacks: &[Lack],
) -> std::result::Result<Offer, String> {
    let here = |l: &&Lack| l.versions.is_empty() || l.versions.contains(&version);
    for lack in lacks.iter().filter(|l| l.checks.is_empty()).filter(here) {
        match lack.feature {
            None => return Err(format!("documented as missing: {}", lack.reason)),
            Some(Need::Qos1) => offer.qos = QoS::AtMostOnce,
            Some(Need::Qos2) => offer.qos = offer.qos.min(QoS::AtLeastOnce),
            Some(Need::Retain) => offer.retain = false,
            Some(Need::Wildcard) => offer.wildcards = false,
            Some(Need::SubscriptionIdentifiers) => offer.identifiers = false,
            Some(Need::Shared) => offer.shared = false,
            Some(Need::TopicAlias) => offer.topic_alias_maximum = 0,
        }
    }
    Ok(offer)
}
