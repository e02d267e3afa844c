//! Scenarios: what they mean ([`model`]), how they are read and written, and how they are told to people.

pub mod describe;
mod find;
mod load;
pub mod model;
pub(crate) mod raw;
mod resolve;
mod suggest;
mod values;
mod write;
mod yaml;

pub use find::find;
pub use load::{load_file, load_file_in, load_str, load_str_in};
pub use resolve::{MAX_STEPS, Room};
pub(crate) use suggest::did_you_mean;
pub use suggest::nearest;
pub(crate) use values::MAX_MS;
pub use write::write;
pub(crate) use yaml::parse as parse_yaml;
pub use yaml::{MAX_BYTES, MAX_DEPTH, MAX_NODES};

#[cfg(test)]
mod tests;
