//! How a report is written while its runs happen.

use crate::model::{Report, SimResult};
use std::io;

/// A report that is being written while its runs happen.
pub trait Sink {
    /// One run has ended. They come in the order of scenario, version and seed.
    ///
    /// # Errors
    /// When what it writes to does not take it.
    fn run(&mut self, run: &SimResult) -> io::Result<()>;

    /// Everything has ended: writes the rest and flushes.
    ///
    /// # Errors
    /// When what it writes to does not take it.
    fn finish(self: Box<Self>, report: &Report) -> io::Result<()>;
}
