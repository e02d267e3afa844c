//! One file a command.

pub(crate) mod adapter;
pub(crate) mod broker;
mod caller;
pub(crate) mod client;
pub(crate) mod conform;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod explain;
mod known;
pub(crate) mod list;
pub(crate) mod live;
pub(crate) mod passwd;
pub(crate) mod proxy;
pub(crate) mod publish;
pub(crate) mod replay;
mod servers;
pub(crate) mod sim;
mod stories;
pub(crate) mod subscribe;
pub(crate) mod verify;

use crate::{
    args::{Outputs, Seeds},
    exit::{CliError, Ending, Result},
    interrupt,
};
use chrono::{SecondsFormat, Utc};
use squall_reports::{Format, Report};
use std::path::PathBuf;

/// An empty report of this tool, made now.
fn report(title: &str) -> Report {
    let mut report = Report::new(concat!("squall ", env!("CARGO_PKG_VERSION")), title);
    report.generated = Some(Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true));
    report
}

/// The files that were asked for, with their formats.
fn files(outputs: &Outputs) -> Vec<(Format, PathBuf)> {
    let named = [
        (Format::JSON, &outputs.json),
        (Format::JUNIT, &outputs.junit),
        (Format::HTML, &outputs.html),
    ];
    let named = named
        .into_iter()
        .filter_map(|(format, path)| Some((format, path.clone()?)));
    let reports = outputs.report.iter().map(|r| (r.format, r.path.clone()));
    named.chain(reports).collect()
}

/// How a command ends that has given this report; `written` says whether all of its outputs took it.
fn ending(report: &Report, written: bool) -> Ending {
    if interrupt::pressed() {
        return Ending::Interrupted(interrupt::code());
    }
    if report.simulation.as_ref().is_some_and(|s| s.internal > 0) {
        return Ending::Internal;
    }
    Ending::of(report.verdict()).if_written(written)
}

/// The seeds that were asked for: the first, and the one after the last.
fn seeds(args: &Seeds) -> Result<Option<(u64, u64)>> {
    let Some(seed) = args.seed else {
        return Ok(args.seeds.map(|r| (r.first, r.end)));
    };
    match seed.checked_add(1) {
        Some(end) => Ok(Some((seed, end))),
        None => Err(CliError::input(format!(
            "the largest seed is {}",
            u64::MAX - 1
        ))),
    }
}
