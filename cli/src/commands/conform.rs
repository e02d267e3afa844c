//! `squall conform`: a running broker against the standard.

use super::{ending, files, report};
use crate::{
    args::{Conform, Tls},
    exit::{CliError, Ending, Result},
    interrupt,
    outputs::Outputs,
    progress::Progress,
    screen,
    target::{self, Judgeable},
};
use squall_conformance::{Cleaning, Lack, RunError, Target, TargetFile, without_password};
use squall_protocol::Version;
use squall_reports::{Comparison, Conformance, Product, Report};
use squall_transport::is_address;
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
    /// What need not be asked.
    pub(crate) lacks: Vec<Lack>,
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
            lacks: defaults.lacks,
        }
    }
}

pub(crate) fn run(args: &Conform) -> Result<Ending> {
    interrupt::flag();
    let report = report("squall conform");
    let outputs = Outputs::open(args.format, &files(&args.outputs), &[], &report)?;
    let (broker, only) = broker_and_checks(args)?;
    let file = broker.file.as_ref();
    let options = Options {
        versions: args.mqtt.map_or(Version::ALL.to_vec(), |v| vec![v]),
        only,
        jobs: args
            .jobs
            .or(file.and_then(|file| file.jobs))
            .map_or(Options::default().jobs, usize::from),
        wait: Duration::from_secs_f64(args.timeout),
        all_evidence: args.all_evidence,
        lacks: file.map_or_else(Vec::new, |file| file.lacks.clone()),
    };
    let runtime = runtime()?;
    if !started(&runtime, &broker)? {
        return Ok(Ending::Interrupted(interrupt::code()));
    }
    match judged(&runtime, &broker.target, &options) {
        Ok(judged) => Ok(told(args, &runtime, &broker, judged, outputs, report)),
        Err(error) => {
            stop(&runtime, &broker);
            Err(error)
        }
    }
}

/// Gives the results out, cleans up, and says what else there is to say.
fn told(
    args: &Conform,
    runtime: &Runtime,
    broker: &Judgeable,
    judged: Judged,
    outputs: Outputs,
    mut report: Report,
) -> Ending {
    let Judged {
        mut conformance,
        whole,
        cleaning,
    } = judged;
    let compared = known(broker.file.as_ref(), &mut conformance);
    let mute = conformance.summary.inconclusive == conformance.summary.total;
    let clean = || match broker.process {
        // What was started here keeps nothing after its end.
        Some(_) => {
            stop(runtime, broker);
            Vec::new()
        }
        None => {
            let left = runtime.block_on(cleaning.finish(CLEANING));
            left.iter().map(ToString::to_string).collect::<Vec<_>>()
        }
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
        screen::complain(&format!("left on {}: {left}", broker.target));
    }
    if !whole {
        screen::complain("interrupted: only the checks that were done are reported");
    } else if mute {
        screen::complain(&format!(
            "{} accepts connections, but nothing it says can be judged as MQTT",
            broker.target
        ));
        return Ending::Unknown;
    }
    let ending = ending(&report, written);
    match compared {
        Some(compared) => differing((&compared, "target"), args.known && whole, ending, written),
        None => ending,
    }
}

/// Starts the broker if it is to be started; false when a signal came first.
pub(super) fn started(runtime: &Runtime, broker: &Judgeable) -> Result<bool> {
    let Some(process) = &broker.process else {
        return Ok(true);
    };
    let product = broker.file.as_ref().map_or("the target", |f| &f.product);
    let start = runtime.block_on(async {
        tokio::select! {
            biased;
            () = interrupted() => None,
            started = broker.target.start(process) => Some(started),
        }
    });
    match start {
        None => Ok(false),
        Some(Ok(())) => Ok(true),
        Some(Err(error)) => {
            let install = broker.file.as_ref().and_then(|f| f.install.as_deref());
            let help = install.map_or_else(
                || "see `start` in the target's file".to_owned(),
                |install| format!("is it installed? {}", install.trim()),
            );
            Err(CliError::unreachable(format!("{product} does not start: {error}")).help(help))
        }
    }
}

pub(super) fn stop(runtime: &Runtime, broker: &Judgeable) {
    if let Some(process) = &broker.process {
        runtime.block_on(process.stop());
    }
}

/// Holds the results against what is known about the target.
fn known(file: Option<&TargetFile>, conformance: &mut Conformance) -> Option<Comparison> {
    let file = file?;
    conformance.product = Some(Product {
        name: file.product.clone(),
        version: file.version.clone(),
    });
    Some(file.compare(&mut conformance.results))
}

/// Says what differs from what is known about somebody, a target or a client. If `decides`, that is what the exit code is about.
pub(super) fn differing(
    (compared, about): (&Comparison, &str),
    decides: bool,
    ending: Ending,
    written: bool,
) -> Ending {
    let fails = compared.known_fails;
    screen::complain(&format!("{fails} fails are known about this {about}"));
    for unknown in &compared.unknown {
        screen::complain(&format!("not known: {unknown}"));
    }
    for unseen in &compared.unseen {
        screen::complain(&format!("known otherwise: {unseen}"));
    }
    match decides {
        false => ending,
        true if compared.is_equal() => Ending::Good.if_written(written),
        true => Ending::Failed,
    }
}

pub(super) fn runtime() -> Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| CliError::input(format!("cannot start the runtime: {e}")))
}

/// The broker and the wanted checks. `--only` takes every word after it, the address too if it comes last.
fn broker_and_checks(args: &Conform) -> Result<(Judgeable, Vec<String>)> {
    let mut only = args.only.clone();
    let mut url = args.url.clone().or_else(|| args.broker.clone());
    if url.is_none() && only.last().is_some_and(|last| is_address(last)) {
        url = only.pop();
    }
    let broker = match (&args.target, url) {
        (Some(name), url) => Judgeable::of(target::named(name)?, url.as_deref(), &args.tls)?,
        (None, Some(url)) => Judgeable::at(&url, &args.tls)?,
        (None, None) => {
            return Err(CliError::input("no broker is named").help(
                "write its address, such as mqtt://127.0.0.1:1883, or --target and a name of `squall list targets`",
            ));
        }
    };
    Ok((broker, only))
}

/// What was found out about a broker, and what is to be done still.
struct Judged {
    conformance: Conformance,
    whole: bool,
    cleaning: Cleaning,
}

/// The longest time that removing what the checks left may take.
pub(super) const CLEANING: Duration = Duration::from_secs(2);

/// Judges a broker that goes away with this process, so that nothing has to be cleaned. The flag says whether every
/// check was done: Ctrl-C ends it with what was found.
pub(crate) fn judge(url: &str, options: &Options) -> Result<(Conformance, bool)> {
    let broker = Judgeable::at(url, &Tls::default())?;
    let judged = judged(&runtime()?, &broker.target, options)?;
    Ok((judged.conformance, judged.whole))
}

fn judged(runtime: &Runtime, target: &Target, options: &Options) -> Result<Judged> {
    let options = squall_conformance::Options {
        versions: options.versions.clone(),
        only: options.only.clone(),
        jobs: options.jobs,
        wait: options.wait,
        first_answer: options.wait,
        lacks: options.lacks.clone(),
        all_evidence: options.all_evidence,
        // Room for a check that has to wait for several answers, one after the other.
        timeout: squall_conformance::Options::default()
            .timeout
            .max(options.wait * 4),
    };
    let mut progress: Option<Progress> = None;
    let show = |p: squall_conformance::Progress<'_>| {
        let bar = progress.get_or_insert_with(|| {
            Progress::new(&format!("checks against {target}"), p.total as u64)
        });
        bar.counter().store(p.done as u64, Ordering::Relaxed);
    };
    let run = runtime.block_on(squall_conformance::run(
        target,
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
            })
        }
        Err(error) => Err(useless(error)),
    }
}

/// Why nothing was judged, and what to do about it.
pub(super) fn useless(error: RunError) -> CliError {
    let message = error.to_string();
    match error {
        RunError::Unreachable(why) if why.says_what_to_do() => CliError::unreachable(message),
        RunError::Unreachable(_) => CliError::unreachable(message)
            .help("start the broker, or check the address and the port"),
        RunError::NotMqtt { .. } => CliError::unreachable(message).help(
            "name the port where the broker listens for what the address says: mqtt:// (mostly 1883), mqtts:// for TLS \
             (mostly 8883), ws:// or wss:// for WebSocket",
        ),
        RunError::Refused { with: true, .. } => {
            CliError::unreachable(message).help("check the user name and the password")
        }
        RunError::Refused { with: false, .. } => {
            CliError::unreachable(message).help("write them into the address: mqtt://USER:PASSWORD@HOST")
        }
        // Somebody may have written an address where a check was expected.
        RunError::Select(_) => CliError::input(without_password(&message))
            .help("`squall list checks` shows every name"),
        _ => CliError::input(message),
    }
}

/// Ready once Ctrl-C was pressed.
pub(super) async fn interrupted() {
    let flag = interrupt::flag();
    while !flag.load(Ordering::SeqCst) {
        time::sleep(Duration::from_millis(50)).await;
    }
}
