//! `squall conform`: a running broker against the standard.

use super::{ending, files, report};
use crate::{
    args::Conform,
    exit::{CliError, Ending, Result},
    interrupt,
    outputs::Outputs,
    progress::Progress,
    screen,
};
use squall_conformance::{Cleaning, RunError, Target};
use squall_protocol::Version;
use squall_reports::Conformance;
use std::{sync::atomic::Ordering, time::Duration};
use tokio::{
    runtime::{Builder, Runtime},
    time,
};

/// How a broker is judged.
pub(crate) struct Options {
    pub(crate) versions: Vec<Version>,
    pub(crate) only: Vec<String>,
    pub(crate) jobs: usize,
    pub(crate) wait: Duration,
    pub(crate) all_evidence: bool,
}

impl Default for Options {
    fn default() -> Self {
        let defaults = squall_conformance::Options::default();
        Self {
            versions: defaults.versions,
            only: defaults.only,
            jobs: defaults.jobs,
            wait: defaults.wait,
            all_evidence: defaults.all_evidence,
        }
    }
}

pub(crate) fn run(args: &Conform) -> Result<Ending> {
    interrupt::flag();
    let mut report = report("squall conform");
    let outputs = Outputs::open(args.format, &files(&args.outputs), &[], &report)?;
    let (url, only) = url_and_checks(args)?;
    let options = Options {
        versions: args.mqtt.map_or(Version::ALL.to_vec(), |v| vec![v]),
        only,
        jobs: args.jobs.into(),
        wait: Duration::from_secs_f64(args.timeout),
        all_evidence: args.all_evidence,
    };
    let Judged {
        mut conformance,
        whole,
        cleaning,
        runtime,
    } = judged(url, &options)?;
    let mute = conformance.summary.inconclusive == conformance.summary.total;
    let clean = || {
        let left = runtime.block_on(cleaning.finish(CLEANING));
        left.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    // Whoever has stopped the run waits for the results first.
    let (written, left) = if whole {
        conformance.leftovers = clean();
        let left = conformance.leftovers.clone();
        report.conformance.push(conformance);
        (outputs.finish(&report), left)
    } else {
        report.conformance.push(conformance);
        (outputs.finish(&report), clean())
    };
    for left in left {
        screen::complain(&format!("left on {url}: {left}"));
    }
    if !whole {
        screen::complain("interrupted: only the checks that were done are reported");
    } else if mute {
        screen::complain(&format!(
            "{url} accepts connections, but nothing it says can be judged as MQTT"
        ));
        return Ok(Ending::Unknown);
    }
    Ok(ending(&report, written))
}

/// The target and the wanted checks. `--only` takes every word after it, the target too if it comes last.
fn url_and_checks(args: &Conform) -> Result<(&str, Vec<String>)> {
    if let Some(url) = &args.url {
        return Ok((url, args.only.clone()));
    }
    match args.only.split_last() {
        Some((url, only)) if url.contains("://") => Ok((url, only.to_vec())),
        _ => Err(CliError::input("no broker is named")
            .help("write its address, such as mqtt://127.0.0.1:1883")),
    }
}

/// What was found out about a broker, and what is to be done still.
struct Judged {
    conformance: Conformance,
    whole: bool,
    cleaning: Cleaning,
    runtime: Runtime,
}

/// The longest time that removing what the checks left may take.
pub(super) const CLEANING: Duration = Duration::from_secs(2);

/// Judges a broker that goes away with this process, so that nothing has to be cleaned. The flag says whether every
/// check was done: Ctrl-C ends it with what was found.
pub(crate) fn judge(url: &str, options: &Options) -> Result<(Conformance, bool)> {
    let judged = judged(url, options)?;
    Ok((judged.conformance, judged.whole))
}

fn judged(url: &str, options: &Options) -> Result<Judged> {
    let target = Target::parse(url).map_err(|e| CliError::input(e.to_string()))?;
    let options = squall_conformance::Options {
        versions: options.versions.clone(),
        only: options.only.clone(),
        jobs: options.jobs,
        wait: options.wait,
        first_answer: options.wait,
        all_evidence: options.all_evidence,
        // Room for a check that has to wait for several answers, one after the other.
        timeout: squall_conformance::Options::default()
            .timeout
            .max(options.wait * 4),
    };
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| CliError::input(format!("cannot start the runtime: {e}")))?;
    let mut progress: Option<Progress> = None;
    let show = |p: squall_conformance::Progress<'_>| {
        let bar = progress
            .get_or_insert_with(|| Progress::new(&format!("checks against {url}"), p.total as u64));
        bar.counter().store(p.done as u64, Ordering::Relaxed);
    };
    let run = runtime.block_on(squall_conformance::run(
        &target,
        &options,
        interrupted(),
        show,
    ));
    drop(progress);
    match run {
        Ok(mut run) => {
            if !run.whole {
                run.conformance.interrupted = Some(interrupt::name().to_owned());
            }
            Ok(Judged {
                conformance: run.conformance,
                whole: run.whole,
                cleaning: run.cleaning,
                runtime,
            })
        }
        Err(error) => Err(useless(error)),
    }
}

/// Why nothing can be found out about a target, and what to do.
pub(super) fn useless(error: RunError) -> CliError {
    match error {
        RunError::Unreachable(e) => CliError::unreachable(e.to_string())
            .help("start the broker, or check the address and the port"),
        e @ RunError::NotMqtt { .. } => CliError::unreachable(e.to_string()).help(
            "name the port where the broker listens for MQTT over TCP, mostly 1883; TLS (mostly 8883) and WebSockets \
             are not supported yet",
        ),
        e @ RunError::Select(_) => {
            CliError::input(e.to_string()).help("`squall list checks` shows every name")
        }
        e => CliError::input(e.to_string()),
    }
}

/// Ready once Ctrl-C was pressed.
async fn interrupted() {
    let flag = interrupt::flag();
    while !flag.load(Ordering::SeqCst) {
        time::sleep(Duration::from_millis(50)).await;
    }
}
