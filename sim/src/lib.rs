//! Seeded simulation of MQTT systems: what happens to QoS, sessions, wills and retained messages when the network
//! misbehaves, again and again, exactly the same for the same seed.
//!
//! A scenario tells a story in YAML; with a seed it becomes a plan ([`squall_scenarios`]). A [`director`] plays it in a
//! [`world`], the [`net`] model decides when each segment arrives, [`tap`]s cut connections at exact packets, a
//! [`trace`] holds everything that happened, and the [`judge`] says what follows from it. [`run`] is one of these, [`sweep`] many,
//! [`replay`] one again.

pub mod director;
mod faults;
pub mod guest;
pub mod harness;
pub mod judge;
pub mod live;
pub mod net;
mod offer;
mod order;
pub mod panics;
pub mod parity;
pub mod proxy;
pub mod replay;
pub mod run;
pub mod sweep;
pub mod tap;
pub mod trace;
mod wear;
pub mod world;

pub use wear::Wear;
