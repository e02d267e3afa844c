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

use crate::{args::Outputs, exit::Result, screen};
use chrono::{SecondsFormat, Utc};
use squall_reports::{Format, Report};
use std::path::Path;

/// An empty report of this tool, made now.
fn report(title: &str) -> Report {
    let mut report = Report::new(concat!("squall ", env!("CARGO_PKG_VERSION")), title);
    report.generated = Some(Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true));
    report
}

/// Refuses files that cannot be written, before any work is done.
fn check_outputs(outputs: &Outputs) -> Result<()> {
    let files = [&outputs.json, &outputs.junit, &outputs.html];
    files
        .into_iter()
        .flatten()
        .try_for_each(|path| screen::check_file(path))
}

/// Writes the files that were asked for.
fn write_outputs(report: &Report, outputs: &Outputs) -> Result<()> {
    let wanted = [
        (&outputs.json, Format::Json),
        (&outputs.junit, Format::Junit),
        (&outputs.html, Format::Html),
    ];
    for (path, format) in wanted {
        if let Some(path) = path {
            write_output(report, path, format)?;
        }
    }
    Ok(())
}

fn write_output(report: &Report, path: &Path, format: Format) -> Result<()> {
    screen::write_file(path, &format.render(report))
}
