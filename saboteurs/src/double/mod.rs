//! A second MQTT broker, small and slow, written from the OASIS text alone.
//!
//! [`Double`] decides and does no I/O; [`crate::serve`] moves bytes and waits. Every decision of the standard is made in one
//! place, and there asks whether a [`crate::Switch`] spoils it or a [`Decoy`] has it done in an odd and legal way.
//!
//! It takes packets and codec from `squall-protocol`, and nothing else: state, matching and flow are its own.

mod capabilities;
mod connect;
mod core;
mod decoy;
mod deliver;
mod ending;
mod forward;
mod frame;
mod matching;
mod outbound;
mod publish;
mod receive;
mod repair;
mod retained;
mod send;
mod shared;
mod state;
mod subscribe;
mod ways;

pub use self::core::Double;
pub use decoy::Decoy;
