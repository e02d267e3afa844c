//! A broker and a client that are not ours, under Squall: what somebody has to write for it.

pub mod broker;
pub mod client;
mod core;
mod router;
