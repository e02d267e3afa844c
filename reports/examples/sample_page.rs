//! Writes the sample report to a file; the format is that of the file's ending.
//!
//! `cargo run -p squall-reports --example sample_page -- sample.html`

#[path = "../tests/it/sample.rs"]
mod sample;

use squall_reports::Format;
use std::{io, path::PathBuf};

fn main() -> io::Result<()> {
    let path: PathBuf = std::env::args_os()
        .nth(1)
        .unwrap_or_else(|| "sample.html".into())
        .into();
    let ending = path
        .extension()
        .and_then(|ending| ending.to_str())
        .unwrap_or_default();
    let format = Format::from_ending(ending).ok_or_else(|| {
        let endings = Format::ALL.map(Format::ending).join(", .");
        io::Error::other(format!(
            "{}: the file has to end in one of .{endings}",
            path.display()
        ))
    })?;
    std::fs::write(&path, format.render(&sample::report()))
}
