//! Other MQTT codecs, held against `squall-protocol`.
//!
//! Each module makes one of them answer the same question: what is this packet? Nothing here judges.

use bytes::Bytes;
use squall_protocol::Packet;

/// What a codec made of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It read this packet.
    Read(Box<Packet>),
    /// It refused them, in these words.
    Refused(String),
    /// It has no decoder for this version or direction.
    Cannot(&'static str),
    /// It panicked, with this message.
    Panicked(String),
}

/// A packet as a codec writes it, or why it does not.
pub type Written = Result<Bytes, String>;
