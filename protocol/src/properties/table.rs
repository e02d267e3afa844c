//! The property table of section 2.2.2.2 (5.0). Encoder, decoder and reports are driven by it; nothing else knows
//! where a property may stand.

use crate::PacketType::{self, *};

/// The identifier of a property on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyId(pub u8);

/// How a property's value is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the type names of section 2.2.2.2")]
pub enum PropertyType {
    Byte,
    TwoByteInteger,
    FourByteInteger,
    VariableByteInteger,
    BinaryData,
    Utf8String,
    Utf8StringPair,
}

/// One row of the property table.
#[derive(Clone, Copy, Debug)]
pub struct PropertySpec {
    /// Identifier on the wire.
    pub id: PropertyId,
    /// Name as the standard prints it.
    pub name: &'static str,
    /// How the value is encoded.
    pub value: PropertyType,
    /// Packets it may stand in (a will property is listed by `in_will`).
    pub packets: &'static [PacketType],
    /// Whether it may stand among the will properties of CONNECT.
    pub in_will: bool,
    /// Whether it may stand more than once; Subscription Identifier only in PUBLISH, see [`Self::repeats_in`].
    pub repeatable: bool,
    /// Smallest value of an integer.
    pub min: u32,
    /// Largest value of an integer.
    pub max: u32,
    /// What an absent integer means, where the standard gives a value. Session Expiry Interval and Server Keep
    /// Alive in CONNACK, and Session Expiry Interval in DISCONNECT, have no default: absence leaves the client's
    /// earlier value standing.
    pub default: Option<u32>,
}

impl PropertySpec {
    /// Whether it may stand more than once in this packet [X-5.0-prop-3], [X-5.0-subid-5]: User Property in every packet
    /// that may have it, also under the same name [X-5.0-prop-4], Subscription Identifier in PUBLISH, also with the same
    /// value [X-5.0-subid-3].
    #[must_use]
    pub fn repeats_in(&self, packet: PacketType) -> bool {
        self.repeatable && (self.id != PropertyId::SUBSCRIPTION_IDENTIFIER || packet == Publish)
    }
}

impl PropertyId {
    /// The row of the table, `None` when the standard defines no such property.
    #[must_use]
    pub fn spec(self) -> Option<&'static PropertySpec> {
        let row = *ROW_OF_ID.get(usize::from(self.0))?;
        PROPERTIES.get(usize::from(row))
    }

    /// The name as the standard prints it, if there is such a property.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        self.spec().map(|spec| spec.name)
    }
}

/// Row in [`PROPERTIES`] by identifier; 255 where there is none.
const ROW_OF_ID: [u8; 64] = {
    let mut rows = [u8::MAX; 64];
    let mut i = 0;
    while i < PROPERTIES.len() {
        rows[PROPERTIES[i].id.0 as usize] = i as u8;
        i += 1;
    }
    rows
};

macro_rules! properties {
    ($( $id:literal $constant:ident $name:literal $value:ident $(($min:literal..=$max:literal))?
        in [$($packet:ident)*] $(will $will:literal)? $(repeats $repeats:literal)? $(default $default:literal)? ;)*) => {
        #[expect(missing_docs, reason = "the names of section 2.2.2.2")]
        impl PropertyId { $(pub const $constant: Self = Self($id);)* }

        /// The table of section 2.2.2.2.
        pub const PROPERTIES: &[PropertySpec] = &[$({
            let spec = PropertySpec {
                id: PropertyId($id),
                name: $name,
                value: PropertyType::$value,
                packets: &[$($packet),*],
                in_will: false,
                repeatable: false,
                min: 0,
                max: PropertyType::$value.largest(),
                default: None,
            };
            $( let spec = PropertySpec { min: $min, max: $max, ..spec }; )?
            $( let spec = PropertySpec { in_will: $will, ..spec }; )?
            $( let spec = PropertySpec { repeatable: $repeats, ..spec }; )?
            $( let spec = PropertySpec { default: Some($default), ..spec }; )?
            spec
        }),*];
    };
}

impl PropertyType {
    /// The largest integer of this type; 0 for what is not an integer.
    const fn largest(self) -> u32 {
        match self {
            Self::Byte => u8::MAX as u32,
            Self::TwoByteInteger => u16::MAX as u32,
            Self::FourByteInteger => u32::MAX,
            Self::VariableByteInteger => crate::varint::MAX,
            Self::BinaryData | Self::Utf8String | Self::Utf8StringPair => 0,
        }
    }
}

properties! {
    0x01 PAYLOAD_FORMAT_INDICATOR "Payload Format Indicator" Byte (0..=1) in [Publish] will true default 0;
    0x02 MESSAGE_EXPIRY_INTERVAL "Message Expiry Interval" FourByteInteger in [Publish] will true;
    0x03 CONTENT_TYPE "Content Type" Utf8String in [Publish] will true;
    0x08 RESPONSE_TOPIC "Response Topic" Utf8String in [Publish] will true;
    0x09 CORRELATION_DATA "Correlation Data" BinaryData in [Publish] will true;
    0x0B SUBSCRIPTION_IDENTIFIER "Subscription Identifier" VariableByteInteger (1..=268_435_455)
        in [Publish Subscribe] repeats true;
    0x11 SESSION_EXPIRY_INTERVAL "Session Expiry Interval" FourByteInteger in [Connect ConnAck Disconnect];
    0x12 ASSIGNED_CLIENT_IDENTIFIER "Assigned Client Identifier" Utf8String in [ConnAck];
    0x13 SERVER_KEEP_ALIVE "Server Keep Alive" TwoByteInteger in [ConnAck];
    0x15 AUTHENTICATION_METHOD "Authentication Method" Utf8String in [Connect ConnAck Auth];
    0x16 AUTHENTICATION_DATA "Authentication Data" BinaryData in [Connect ConnAck Auth];
    0x17 REQUEST_PROBLEM_INFORMATION "Request Problem Information" Byte (0..=1) in [Connect] default 1;
    0x18 WILL_DELAY_INTERVAL "Will Delay Interval" FourByteInteger in [] will true default 0;
    0x19 REQUEST_RESPONSE_INFORMATION "Request Response Information" Byte (0..=1) in [Connect] default 0;
    0x1A RESPONSE_INFORMATION "Response Information" Utf8String in [ConnAck];
    0x1C SERVER_REFERENCE "Server Reference" Utf8String in [ConnAck Disconnect];
    0x1F REASON_STRING "Reason String" Utf8String
        in [ConnAck PubAck PubRec PubRel PubComp SubAck UnsubAck Disconnect Auth];
    0x21 RECEIVE_MAXIMUM "Receive Maximum" TwoByteInteger (1..=65_535) in [Connect ConnAck] default 65_535;
    0x22 TOPIC_ALIAS_MAXIMUM "Topic Alias Maximum" TwoByteInteger in [Connect ConnAck] default 0;
    0x23 TOPIC_ALIAS "Topic Alias" TwoByteInteger (1..=65_535) in [Publish];
    0x24 MAXIMUM_QOS "Maximum QoS" Byte (0..=1) in [ConnAck] default 2;
    0x25 RETAIN_AVAILABLE "Retain Available" Byte (0..=1) in [ConnAck] default 1;
    0x26 USER_PROPERTY "User Property" Utf8StringPair
        in [Connect ConnAck Publish PubAck PubRec PubRel PubComp Subscribe SubAck Unsubscribe UnsubAck Disconnect Auth]
        will true repeats true;
    0x27 MAXIMUM_PACKET_SIZE "Maximum Packet Size" FourByteInteger (1..=4_294_967_295) in [Connect ConnAck];
    0x28 WILDCARD_SUBSCRIPTION_AVAILABLE "Wildcard Subscription Available" Byte (0..=1) in [ConnAck] default 1;
    0x29 SUBSCRIPTION_IDENTIFIERS_AVAILABLE "Subscription Identifiers Available" Byte (0..=1) in [ConnAck] default 1;
    0x2A SHARED_SUBSCRIPTION_AVAILABLE "Shared Subscription Available" Byte (0..=1) in [ConnAck] default 1;
}
