//! The language in which stories about MQTT systems are told, beside the stories.
//!
//! A YAML text is [read](load_str) into a [`model::Scenario`], or refused with every problem underlined. A seed makes it
//! a [plan](plan::plan) in which everything random is written out, and a scenario or plan is [written](write()) as YAML
//! again. Whoever plays a plan is not known here: no network, no clock, no async.

pub mod action;
mod broker;
pub mod client;
mod construct;
mod constructs;
pub mod describe;
pub mod diagnostic;
pub mod expect;
mod find;
mod judge;
mod keys;
mod kind;
mod lives;
mod load;
pub mod model;
mod moved;
pub mod packet;
pub mod plan;
pub mod random;
pub mod raw;
mod reader;
mod record;
mod reference;
mod schema;
mod source;
mod statements;
pub mod step;
mod steps;
mod store;
mod story;
mod suggest;
mod top;
mod values;
pub mod wire;
mod word;
mod write;
mod written;
mod yaml;

pub use find::find;
pub use judge::judge;
pub use load::{load_file, load_file_in, load_str, load_str_in};
pub use moved::moved;
pub use reader::{MAX_STEPS, Room};
pub use reference::sections;
pub use schema::schema;
pub use step::fault;
pub use suggest::{did_you_mean, nearest};
pub use word::{Key, Meaning, explain, words};
pub use write::write;
pub use yaml::{MAX_BYTES, MAX_DEPTH, MAX_NODES, parse as parse_yaml};

/// Reads a duration as the language writes it: `250ms`, `5s`, `10m` or `1h`.
///
/// # Errors
/// What is wrong with it, and what to write.
pub fn duration(text: &str) -> Result<std::time::Duration, String> {
    values::duration(text).map_err(|wrong| match wrong.help {
        Some(help) => format!("{}; {help}", wrong.message),
        None => wrong.message,
    })
}

#[cfg(test)]
mod tests;
