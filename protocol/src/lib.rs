//! MQTT 3.1.1 and 5.0 on the wire: packets, a strict incremental codec, topics and QoS flow state.
//!
//! Nothing here does I/O, reads a clock or draws a random number. Everything is a function of the bytes and the
//! time stamps passed in, so the same input gives the same output in a simulation, on a socket and in a fuzzer.
//!
//! * [`packet`] one type per control packet, both versions side by side
//! * [`Decoder`] bytes in, [`Frame`]s out, or a [`Violation`] that names the statement and the byte
//! * [`encode`] the reverse
//! * [`layout`] the fields of a packet and where they stand, also of one that breaks a rule
//! * [`json`] packets as JSON and back
//! * [`topic`] topic names, topic filters and matching
//! * [`flow`] the sender and receiver halves of QoS 1 and 2

mod codec;
pub mod flow;
pub mod hex;
pub mod json;
pub mod layout;
pub mod packet;
mod properties;
mod protocol_error;
mod reason;
mod text;
mod time;
pub mod topic;
mod types;
mod varint;
mod violation;
mod wire;

pub use codec::{Decoder, EncodeError, Frame, decode_one, encode, encode_into, inspect};
pub use packet::Packet;
pub use properties::{PROPERTIES, Properties, Property, PropertyId, PropertySpec, PropertyType};
pub use reason::{REASONS, ReasonCode, ReasonSpec};
pub use text::{Text, TextError};
pub use time::Time;
pub use types::{PacketId, PacketType, QoS, Role, UnknownVersion, Version};
pub use violation::{Citation, RULES, Rule, RuleSpec, Violation, ViolationKind};
