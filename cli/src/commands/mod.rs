//! One file a command.

pub(crate) mod broker;
pub(crate) mod conform;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod explain;
pub(crate) mod list;
pub(crate) mod replay;
pub(crate) mod sim;
pub(crate) mod verify;

use crate::{args::Outputs, exit::Ending, interrupt};
use chrono::{SecondsFormat, Utc};
use squall_reports::{Format, Report};
use std::path::Path;

/// An empty report of this tool, made now.
fn report(title: &str) -> Report {
    let mut report = Report::new(concat!("squall ", env!("CARGO_PKG_VERSION")), title);
    report.generated = Some(Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true));
    report
}

/// The files that were asked for.
fn files(outputs: &Outputs) -> impl Iterator<Item = (Format, &Path)> {
    let wanted = [
        (Format::Json, &outputs.json),
        (Format::Junit, &outputs.junit),
        (Format::Html, &outputs.html),
    ];
    wanted
        .into_iter()
        .filter_map(|(format, path)| Some((format, path.as_deref()?)))
}

/// How a command ends that has given this report; `written` says whether all of its outputs took it.
fn ending(report: &Report, written: bool) -> Ending {
    if interrupt::pressed() {
        return Ending::Interrupted(interrupt::code());
    }
    Ending::of(report.verdict()).if_written(written)
}
