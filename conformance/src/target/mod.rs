//! Where the broker under test is, who may come in, and what is known about it: addresses, credentials, target files and
//! the processes that they start.

pub(crate) mod address;
pub(crate) mod bundled;
pub(crate) mod credentials;
pub(crate) mod deviation;
pub(crate) mod file;
mod groups;
pub(crate) mod known;
pub(crate) mod problem;
pub(crate) mod process;
mod reader;
pub(crate) mod recipe;
pub(crate) mod unreachable;
mod written;
