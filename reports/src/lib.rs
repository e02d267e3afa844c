//! What a run of Squall found, and how it is shown.
//!
//! [`model`] is plain data: one result model for simulations and conformance runs. Everything else turns it into
//! something to read: [`Format`] is the table of all formats, [`terminal`] has the options a screen needs, [`json`]
//! also writes the documents of single commands. Nothing here knows MQTT, brokers or simulators, so any other tool
//! may fill the model in.

mod conclusion;
mod excerpt;
pub mod file;
mod format;
mod grouping;
mod known;
pub mod ladder;
pub mod model;
mod quantity;
pub mod sequence;
mod sink;
pub mod visible;

macro_rules! formats {
    ($($format:ident),+ $(,)?) => {
        $(pub mod $format;)+

        /// All formats, in the order in which help texts list them.
        const TABLE: &[sink::Row] = &[$($format::ROW),+];
    };
}

// Each is a file.
formats! {
    terminal,
    json,
    junit,
    html,
    markdown,
}

pub use format::{Format, UnknownEnding, UnknownFormat};
pub use known::{Comparison, Known};
pub use model::{
    CheckResult, Conformance, Event, EventKind, Exchange, Finding, Product, Report, Series,
    SimResult, Simulation, StatementRef, Summary, Verdict, Window,
};
pub use quantity::in_words;
pub use sink::Sink;
