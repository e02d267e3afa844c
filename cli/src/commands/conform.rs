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
use squall_conformance::{RunError, Target};
use squall_protocol::Version;
use squall_reports::{CheckResult, Conformance};
use std::{
    cell::RefCell,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};
use tokio::{runtime::Builder, time};

/// How a broker is judged.
pub(crate) struct Options {
    pub(crate) versions: Vec<Version>,
    pub(crate) only: Vec<String>,
    pub(crate) jobs: usize,
    pub(crate) wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        let defaults = squall_conformance::Options::default();
        Self {
            versions: defaults.versions,
            only: defaults.only,
            jobs: defaults.jobs,
            wait: defaults.wait,
        }
    }
}

pub(crate) fn run(args: &Conform) -> Result<Ending> {
    interrupt::flag();
    let mut report = report("squall conform");
    let outputs = Outputs::open(args.format, files(&args.outputs), &[], &report)?;
    let (url, only) = url_and_checks(args)?;
    let options = Options {
        versions: args.mqtt.map_or(Version::ALL.to_vec(), |v| vec![v]),
        only,
        jobs: args.jobs.into(),
        wait: Duration::from_secs_f64(args.timeout),
    };
    let (conformance, whole) = judge(url, &options)?;
    let mute = conformance.summary.pass + conformance.summary.fail == 0;
    report.conformance.push(conformance);
    let written = outputs.finish(&report);
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

/// The target and the wanted checks. `--only` takes every word behind it, the target too if it comes last.
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

/// Judges the broker at `url`. The flag says whether every check was done: Ctrl-C ends it with what was found.
pub(crate) fn judge(url: &str, options: &Options) -> Result<(Conformance, bool)> {
    let target = Target::parse(url).map_err(|e| CliError::input(e.to_string()))?;
    let options = squall_conformance::Options {
        versions: options.versions.clone(),
        only: options.only.clone(),
        jobs: options.jobs,
        wait: options.wait,
        first_answer: options.wait,
        // Room for a check that has to wait for several answers, one after the other.
        timeout: squall_conformance::Options::default()
            .timeout
            .max(options.wait * 4),
    };
    let began = Instant::now();
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| CliError::input(format!("cannot start the runtime: {e}")))?;
    let progress: RefCell<Option<Progress>> = RefCell::new(None);
    let done: RefCell<Vec<CheckResult>> = RefCell::new(Vec::new());
    let judged = runtime.block_on(async {
        let show = |p: squall_conformance::Progress<'_>| {
            let mut progress = progress.borrow_mut();
            let bar = progress.get_or_insert_with(|| {
                Progress::new(&format!("checks against {url}"), p.total as u64)
            });
            bar.counter().store(p.done as u64, Ordering::Relaxed);
            done.borrow_mut().push(p.latest.clone());
        };
        tokio::select! {
            biased;
            () = interrupted() => None,
            judged = squall_conformance::run(&target, &options, show) => Some(judged),
        }
    });
    drop(progress.take());
    match judged {
        None => {
            let results = done.take();
            if results.is_empty() {
                screen::complain("interrupted: the broker was not judged");
            }
            let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let mut conformance = Conformance::new(target.to_string(), results, ms);
            conformance.interrupted = Some(interrupt::name().to_owned());
            Ok((conformance, false))
        }
        Some(Ok(conformance)) => Ok((conformance, true)),
        Some(Err(RunError::Unreachable(e))) => Err(CliError::unreachable(e.to_string())
            .help("start the broker, or check the address and the port")),
        Some(Err(e @ RunError::Select(_))) => {
            Err(CliError::input(e.to_string()).help("`squall list checks` shows every name"))
        }
        Some(Err(e)) => Err(CliError::input(e.to_string())),
    }
}

/// Ready once Ctrl-C was pressed.
async fn interrupted() {
    let flag = interrupt::flag();
    while !flag.load(Ordering::SeqCst) {
        time::sleep(Duration::from_millis(50)).await;
    }
}
