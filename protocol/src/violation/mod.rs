//! What a decoder says about bytes that break the standard.
//!
//! One table gives each rule its statements in both versions, its kind and its reason code. Nothing here reads
//! bytes or decides what happens to the connection.

mod table;

pub use table::{RULES, Rule};

use crate::{PacketType, PropertyId, ReasonCode, Version};
use std::{borrow::Cow, fmt};

/// How the standard names the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ViolationKind {
    /// Malformed Packet: the bytes cannot be parsed by the rules.
    Malformed,
    /// Protocol Error: the packet parses but says something it may not.
    ProtocolError,
}

impl fmt::Display for ViolationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Malformed => "Malformed Packet",
            Self::ProtocolError => "Protocol Error",
        })
    }
}

/// One row of the rule table [`RULES`].
#[derive(Clone, Copy, Debug)]
pub struct RuleSpec {
    /// The rule; its data, where it has some, is a sample.
    pub rule: Rule,
    /// Malformed Packet or Protocol Error, in the words of 5.0; 3.1.1 makes no such difference.
    pub kind: ViolationKind,
    /// The reason code 5.0 names for it, or the general one where it names none.
    pub reason: ReasonCode,
    /// Statements by packet and property; the first row that applies counts.
    pub citations: &'static [Citation],
}

/// The statements a rule breaks in some packets.
#[derive(Clone, Copy, Debug)]
pub struct Citation {
    /// The packets it applies to; empty for all.
    pub packets: &'static [PacketType],
    /// The properties it applies to; empty for all.
    pub properties: &'static [PropertyId],
    /// Statements of 3.1.1; empty where the rule does not exist there.
    pub v3_1_1: &'static [&'static str],
    /// Statements of 5.0; empty where the rule does not exist there.
    pub v5_0: &'static [&'static str],
}

impl Citation {
    fn applies(&self, packet: Option<PacketType>, property: Option<PropertyId>) -> bool {
        (self.packets.is_empty() || packet.is_some_and(|p| self.packets.contains(&p)))
            && (self.properties.is_empty()
                || property.is_some_and(|p| self.properties.contains(&p)))
    }
}

impl Rule {
    /// The row of the table.
    #[must_use]
    pub fn spec(self) -> &'static RuleSpec {
        let row = RULES
            .iter()
            .find(|spec| std::mem::discriminant(&spec.rule) == std::mem::discriminant(&self));
        row.expect("the table is generated together with the enum")
    }

    /// The property the rule was broken by, for rules that say so.
    #[must_use]
    pub const fn property(self) -> Option<PropertyId> {
        match self {
            Self::PropertyUnknown(id)
            | Self::PropertyNotAllowed(id)
            | Self::PropertyRepeated(id)
            | Self::WillPropertyRepeated(id)
            | Self::PropertyOutOfRange(id) => Some(id),
            _ => None,
        }
    }

    /// The statements this rule rests on when it is broken in `packet`.
    #[must_use]
    pub fn statements(
        self,
        version: Version,
        packet: Option<PacketType>,
    ) -> &'static [&'static str] {
        let row = self
            .spec()
            .citations
            .iter()
            .find(|c| c.applies(packet, self.property()));
        match (row, version) {
            (None, _) => &[],
            (Some(c), Version::V3_1_1) => c.v3_1_1,
            (Some(c), Version::V5_0) => c.v5_0,
        }
    }
}

/// A packet that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Violation {
    /// Which rule; of several, the one that is found first [X-5.0-error-5].
    pub rule: Rule,
    /// The version the connection speaks (5.0 while it is not known yet).
    pub version: Version,
    /// The packet it was found in, when its type could be read.
    pub packet: Option<PacketType>,
    /// Offset in bytes from the first byte of the packet.
    pub offset: usize,
    /// What was found, in words.
    pub message: Cow<'static, str>,
}

impl Violation {
    /// Malformed Packet or Protocol Error.
    #[must_use]
    pub fn kind(&self) -> ViolationKind {
        self.rule.spec().kind
    }

    /// The statements it breaks in this version, such as `MQTT-2.2.2-2`; `X-…` for unnumbered rules.
    #[must_use]
    pub fn statements(&self) -> &'static [&'static str] {
        self.rule.statements(self.version, self.packet)
    }

    /// The reason code 5.0 names for it.
    #[must_use]
    pub fn reason(&self) -> ReasonCode {
        self.rule.spec().reason
    }
}

impl fmt::Display for Violation {
    /// `PUBLISH, byte 0: QoS bits 11 [MQTT-3.3.1-4]`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.packet {
            Some(packet) => write!(f, "{packet}, byte {}: {}", self.offset, self.message)?,
            None => write!(f, "byte {}: {}", self.offset, self.message)?,
        }
        for (i, id) in self.statements().iter().enumerate() {
            write!(f, "{}{id}", if i == 0 { " [" } else { ", " })?;
        }
        f.write_str(if self.statements().is_empty() {
            ""
        } else {
            "]"
        })
    }
}
