//! Scenarios: what they mean ([`model`]), how they are read and written, and how they are told to people.

pub mod describe;
mod find;
mod load;
pub mod model;
mod raw;
mod resolve;
mod suggest;
mod values;
mod write;
mod yaml;

pub use find::find;
pub use load::{load_file, load_str};
pub use resolve::MAX_STEPS;
pub use suggest::nearest;
pub use write::write;
pub use yaml::{MAX_BYTES, MAX_DEPTH, MAX_NODES};

#[cfg(test)]
mod tests;
