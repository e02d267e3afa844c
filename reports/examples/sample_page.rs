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
    let format = Format::of_file(&path).map_err(io::Error::other)?;
    std::fs::write(&path, format.render(&sample::report()))
}
