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
pub mod html;
pub mod json;
pub mod junit;
pub mod ladder;
pub mod markdown;
pub mod model;
mod quantity;
pub mod sequence;
mod sink;
pub mod terminal;
pub mod visible;

pub use format::{Format, UnknownEnding, UnknownFormat};
pub use model::{
    CheckResult, Conformance, Event, EventKind, Exchange, Finding, Report, Series, SimResult,
    Simulation, StatementRef, Summary, Verdict, Window,
};
pub use sink::Sink;
