//! How a report is written while its runs happen.

use crate::model::{Report, SimResult};
use std::io::{self, Write};

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

/// A format of reports: one of its table. A file of its own declares it.
pub(crate) struct Row {
    /// On command lines.
    pub(crate) name: &'static str,
    /// Of its files, without the dot.
    pub(crate) ending: &'static str,
    /// In a few words, for help texts.
    pub(crate) what: &'static str,
    pub(crate) begin: Begin,
}

/// Begins a report that goes to `out`.
type Begin = for<'w> fn(Box<dyn Write + 'w>, &Report) -> Begun<'w>;

/// A report that was begun, unless its place did not take it.
pub(crate) type Begun<'w> = io::Result<Box<dyn Sink + 'w>>;

/// A format that shows what a report kept, and is written in the end.
struct Whole<'w> {
    out: Box<dyn Write + 'w>,
    render: fn(&Report) -> String,
}

/// Begins a report that is written in the end.
pub(crate) fn whole<'w>(out: Box<dyn Write + 'w>, render: fn(&Report) -> String) -> Begun<'w> {
    Ok(Box::new(Whole { out, render }))
}

impl Sink for Whole<'_> {
    fn run(&mut self, _: &SimResult) -> io::Result<()> {
        Ok(())
    }

    fn finish(mut self: Box<Self>, report: &Report) -> io::Result<()> {
        self.out.write_all((self.render)(report).as_bytes())?;
        self.out.flush()
    }
}
