//! The rules a codec judges, one table.

use super::{
    Citation, RuleSpec,
    ViolationKind::{Malformed, ProtocolError},
};
use crate::{
    PacketType::{self, *},
    PropertyId, ReasonCode,
};

macro_rules! rules {
    ($(
        $(#[$doc:meta])*
        $name:ident $(($field:ty = $sample:expr))? : $kind:ident $reason:ident
        { $( $([$($packet:ident)*])? $(<$($property:ident)*>)? v3 $v3:tt v5 $v5:tt; )* }
    )*) => {
        /// The rules a codec judges. One table, [`RULES`], gives each its statements, kind and reason code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule { $( $(#[$doc])* $name $(($field))?, )* }

        /// Every rule with what the standard says about it.
        pub const RULES: &[RuleSpec] = &[$( RuleSpec {
            rule: Rule::$name $(($sample))?,
            kind: $kind,
            reason: ReasonCode::$reason,
            citations: &[$( Citation {
                packets: { const P: &[PacketType] = &[$($($packet),*)?]; P },
                properties: { const P: &[PropertyId] = &[$($(PropertyId::$property),*)?]; P },
                v3_1_1: &$v3,
                v5_0: &$v5,
            } ),*],
        } ),*];
    };
}

rules! {
    // -- fixed header --
    /// Packet type 0, or 15 in 3.1.1.
    ReservedPacketType: Malformed MALFORMED_PACKET {
        v3 ["X-3.1.1-type-1"] v5 ["X-5.0-type-1"];
    }
    /// A packet that this end of a connection never sends.
    WrongDirection: ProtocolError PROTOCOL_ERROR {
        v3 ["X-3.1.1-type-1"] v5 ["X-5.0-type-1"];
    }
    /// The first packet of a client is not CONNECT.
    ConnectExpected: ProtocolError PROTOCOL_ERROR {
        v3 ["MQTT-3.1.0-1"] v5 ["MQTT-3.1.0-1"];
    }
    /// The four flag bits are not the fixed ones of this packet type.
    FixedHeaderFlags: Malformed MALFORMED_PACKET {
        [PubRel] v3 ["MQTT-2.2.2-1", "MQTT-2.2.2-2", "MQTT-3.6.1-1"]
            v5 ["MQTT-2.1.3-1", "X-5.0-flags-1", "MQTT-3.6.1-1"];
        [Subscribe] v3 ["MQTT-2.2.2-1", "MQTT-2.2.2-2", "MQTT-3.8.1-1"]
            v5 ["MQTT-2.1.3-1", "X-5.0-flags-1", "MQTT-3.8.1-1"];
        [Unsubscribe] v3 ["MQTT-2.2.2-1", "MQTT-2.2.2-2", "MQTT-3.10.1-1"]
            v5 ["MQTT-2.1.3-1", "X-5.0-flags-1", "MQTT-3.10.1-1"];
        [Disconnect] v3 ["MQTT-2.2.2-1", "MQTT-2.2.2-2", "MQTT-3.14.1-1"]
            v5 ["MQTT-2.1.3-1", "X-5.0-flags-1", "MQTT-3.14.1-1"];
        [Auth] v3 [] v5 ["MQTT-2.1.3-1", "X-5.0-flags-1", "MQTT-3.15.1-1"];
        v3 ["MQTT-2.2.2-1", "MQTT-2.2.2-2"] v5 ["MQTT-2.1.3-1", "X-5.0-flags-1"];
    }
    /// Both QoS bits of a PUBLISH are set.
    PublishQoS3: Malformed MALFORMED_PACKET {
        v3 ["MQTT-3.3.1-4"] v5 ["MQTT-3.3.1-4"];
    }
    /// DUP is set on a PUBLISH with QoS 0.
    DupWithQoS0: Malformed MALFORMED_PACKET {
        v3 ["MQTT-3.3.1-2", "MQTT-4.3.1-1"] v5 ["MQTT-3.3.1-2", "MQTT-4.3.1-1"];
    }
    /// A variable byte integer goes on after its fourth byte.
    VariableByteIntegerTooLong: Malformed MALFORMED_PACKET {
        v3 ["X-3.1.1-remlen-1"] v5 ["X-5.0-vbi-1"];
    }
    /// A variable byte integer takes more bytes than it needs (5.0; 3.1.1 does not forbid it).
    VariableByteIntegerPadded: Malformed MALFORMED_PACKET {
        v3 [] v5 ["MQTT-1.5.5-1"];
    }
    /// A client sent more than the server's Maximum Packet Size (in 3.1.1 a limit of the receiver's own).
    PacketTooLargeForServer: ProtocolError PACKET_TOO_LARGE {
        v3 [] v5 ["MQTT-3.2.2-15", "X-5.0-limit-3"];
    }
    /// A server sent more than the client's Maximum Packet Size (in 3.1.1 a limit of the receiver's own).
    PacketTooLargeForClient: ProtocolError PACKET_TOO_LARGE {
        v3 [] v5 ["MQTT-3.1.2-24", "X-5.0-size-2"];
    }

    // -- lengths --
    /// The packet ends before a field that it has to carry is complete.
    Truncated: Malformed MALFORMED_PACKET {
        [ConnAck PubAck PubRec PubRel PubComp UnsubAck] v3 ["X-3.1.1-length-1", "X-3.1.1-conform-1"]
            v5 ["X-5.0-conform-1"];
        v3 ["X-3.1.1-conform-1"] v5 ["X-5.0-conform-1"];
    }
    /// Bytes are left over after the last field.
    SurplusBytes: Malformed MALFORMED_PACKET {
        [PingReq PingResp] v3 ["X-3.1.1-length-1"] v5 ["X-5.0-ping-1"];
        [ConnAck PubAck PubRec PubRel PubComp UnsubAck Disconnect] v3 ["X-3.1.1-length-1"] v5 ["X-5.0-conform-1"];
        v3 ["X-3.1.1-conform-1"] v5 ["X-5.0-conform-1"];
    }

    // -- common fields --
    /// A string is not well-formed UTF-8.
    NotUtf8: Malformed MALFORMED_PACKET {
        [Publish] v3 ["MQTT-1.5.3-1", "MQTT-3.3.2-1"] v5 ["MQTT-1.5.4-1", "X-5.0-utf8-1"];
        [Subscribe] v3 ["MQTT-1.5.3-1", "MQTT-3.8.3-1"] v5 ["MQTT-1.5.4-1", "X-5.0-utf8-1", "MQTT-3.8.3-1"];
        [Unsubscribe] v3 ["MQTT-1.5.3-1", "MQTT-3.10.3-1"] v5 ["MQTT-1.5.4-1", "X-5.0-utf8-1", "MQTT-3.10.3-1"];
        v3 ["MQTT-1.5.3-1"] v5 ["MQTT-1.5.4-1", "X-5.0-utf8-1"];
    }
    /// A string holds U+0000.
    NullCharacter: Malformed MALFORMED_PACKET {
        [Publish] v3 ["MQTT-1.5.3-2", "MQTT-4.7.3-2"] v5 ["MQTT-1.5.4-2", "X-5.0-utf8-1"];
        [Subscribe Unsubscribe] v3 ["MQTT-1.5.3-2", "MQTT-4.7.3-2"]
            v5 ["MQTT-1.5.4-2", "X-5.0-utf8-1", "MQTT-4.7.3-2"];
        v3 ["MQTT-1.5.3-2"] v5 ["MQTT-1.5.4-2", "X-5.0-utf8-1"];
    }
    /// The name or value of a User Property is not well-formed UTF-8 (5.0).
    UserPropertyNotUtf8: Malformed MALFORMED_PACKET {
        v3 [] v5 ["MQTT-1.5.7-1", "MQTT-1.5.4-1", "X-5.0-utf8-1"];
    }
    /// The name or value of a User Property holds U+0000 (5.0).
    UserPropertyNullCharacter: Malformed MALFORMED_PACKET {
        v3 [] v5 ["MQTT-1.5.7-1", "MQTT-1.5.4-2", "X-5.0-utf8-1"];
    }
    /// Packet identifier 0.
    PacketIdZero: ProtocolError PROTOCOL_ERROR {
        [PubAck PubRec PubRel] v3 ["MQTT-2.3.1-6"] v5 ["MQTT-2.2.1-5"];
        [PubComp] v3 ["MQTT-4.3.3-2"] v5 ["MQTT-2.2.1-5"];
        [SubAck UnsubAck] v3 ["MQTT-2.3.1-7"] v5 ["MQTT-2.2.1-6"];
        [Publish] v3 ["MQTT-2.3.1-1"] v5 ["MQTT-2.2.1-3", "MQTT-2.2.1-4"];
        v3 ["MQTT-2.3.1-1"] v5 ["MQTT-2.2.1-3"];
    }

    // -- properties (5.0) --
    /// Property Length is absent where it has to stand.
    PropertyLengthMissing: Malformed MALFORMED_PACKET {
        v3 [] v5 ["MQTT-2.2.2-1"];
    }
    /// Property Length ends in the middle of a property, or after the end of the packet.
    PropertyLengthWrong: Malformed MALFORMED_PACKET {
        v3 [] v5 ["X-5.0-conform-1"];
    }
    /// No property has this identifier.
    PropertyUnknown(PropertyId = PropertyId(0)): Malformed MALFORMED_PACKET {
        v3 [] v5 ["X-5.0-prop-1"];
    }
    /// The property may not stand in this packet, or not among the will properties.
    PropertyNotAllowed(PropertyId = PropertyId(0)): Malformed MALFORMED_PACKET {
        v3 [] v5 ["X-5.0-prop-1"];
    }
    /// A property that may stand once stands twice.
    PropertyRepeated(PropertyId = PropertyId(0)): ProtocolError PROTOCOL_ERROR {
        [Connect] <SESSION_EXPIRY_INTERVAL> v3 [] v5 ["X-5.0-prop-3", "X-5.0-session-3"];
        [Connect] <RECEIVE_MAXIMUM> v3 [] v5 ["X-5.0-prop-3", "X-5.0-flow-1"];
        [Connect] <MAXIMUM_PACKET_SIZE> v3 [] v5 ["X-5.0-prop-3", "X-5.0-size-1"];
        [Connect] <TOPIC_ALIAS_MAXIMUM> v3 [] v5 ["X-5.0-prop-3", "X-5.0-alias-1"];
        [Connect] <REQUEST_RESPONSE_INFORMATION> v3 [] v5 ["X-5.0-prop-3", "X-5.0-reqresp-1"];
        [Connect] <REQUEST_PROBLEM_INFORMATION> v3 [] v5 ["X-5.0-prop-3", "X-5.0-problem-1"];
        [Connect] <AUTHENTICATION_METHOD AUTHENTICATION_DATA> v3 [] v5 ["X-5.0-prop-3", "X-5.0-auth-1"];
        [ConnAck] v3 [] v5 ["X-5.0-prop-3", "X-5.0-connack-3"];
        [PubAck PubRec PubRel PubComp] v3 [] v5 ["X-5.0-prop-3", "X-5.0-ack-3"];
        [Subscribe] v3 [] v5 ["X-5.0-prop-3", "X-5.0-subid-5"];
        [Disconnect] v3 [] v5 ["X-5.0-prop-3", "X-5.0-disconnect-6"];
        [Auth] v3 [] v5 ["X-5.0-prop-3", "X-5.0-auth-3"];
        v3 [] v5 ["X-5.0-prop-3"];
    }
    /// A will property that may stand once stands twice.
    WillPropertyRepeated(PropertyId = PropertyId(0)): ProtocolError PROTOCOL_ERROR {
        v3 [] v5 ["X-5.0-prop-3", "X-5.0-will-7"];
    }
    /// The value of a property is outside its range.
    PropertyOutOfRange(PropertyId = PropertyId(0)): ProtocolError PROTOCOL_ERROR {
        [Connect] <RECEIVE_MAXIMUM> v3 [] v5 ["X-5.0-flow-1"];
        [Connect] <MAXIMUM_PACKET_SIZE> v3 [] v5 ["X-5.0-size-1"];
        [Connect] <REQUEST_RESPONSE_INFORMATION> v3 [] v5 ["X-5.0-reqresp-1"];
        [Connect] <REQUEST_PROBLEM_INFORMATION> v3 [] v5 ["X-5.0-problem-1"];
        [ConnAck] <RECEIVE_MAXIMUM> v3 [] v5 ["X-5.0-connack-5"];
        [ConnAck] <MAXIMUM_PACKET_SIZE> v3 [] v5 ["X-5.0-connack-7"];
        [ConnAck] v3 [] v5 ["X-5.0-connack-6"];
        <SUBSCRIPTION_IDENTIFIER> v3 [] v5 ["X-5.0-subid-1"];
        v3 [] v5 ["X-5.0-conform-1"];
    }
    /// A client's Payload Format Indicator 1 announces a payload, or will payload, that is not UTF-8. Whether a receiver
    /// looks is up to it.
    PayloadNotUtf8: ProtocolError PAYLOAD_FORMAT_INVALID {
        [Connect] v3 [] v5 ["X-5.0-will-10"];
        v3 [] v5 ["X-5.0-publish-3"];
    }
    /// Topic Alias 0.
    TopicAliasZero: ProtocolError TOPIC_ALIAS_INVALID {
        v3 [] v5 ["MQTT-3.3.2-8", "X-5.0-alias-3"];
    }
    /// A PUBLISH from a client carries a Subscription Identifier.
    SubscriptionIdentifierFromClient: ProtocolError PROTOCOL_ERROR {
        v3 [] v5 ["MQTT-3.3.4-6"];
    }
    /// A DISCONNECT from a server carries a Session Expiry Interval.
    SessionExpiryFromServer: ProtocolError PROTOCOL_ERROR {
        v3 [] v5 ["MQTT-3.14.2-2"];
    }
    /// CONNECT has Authentication Data but no Authentication Method.
    AuthenticationDataWithoutMethod: ProtocolError PROTOCOL_ERROR {
        v3 [] v5 ["X-5.0-auth-1"];
    }
    /// AUTH has no Authentication Method.
    AuthenticationMethodMissing: ProtocolError PROTOCOL_ERROR {
        v3 [] v5 ["X-5.0-auth-3"];
    }
    /// Response Topic holds `+` or `#`.
    ResponseTopicWildcard: ProtocolError PROTOCOL_ERROR {
        v3 [] v5 ["MQTT-3.3.2-14"];
    }

    // -- topics --
    /// A topic name is empty.
    TopicNameEmpty: ProtocolError PROTOCOL_ERROR {
        v3 ["MQTT-4.7.3-1"] v5 ["MQTT-4.7.3-1"];
    }
    /// A topic name holds `+` or `#`.
    TopicNameWildcard: ProtocolError PROTOCOL_ERROR {
        [Publish] v3 ["MQTT-3.3.2-2", "MQTT-4.7.1-1"] v5 ["MQTT-3.3.2-2", "MQTT-4.7.0-1"];
        v3 ["MQTT-4.7.1-1"] v5 ["MQTT-4.7.0-1"];
    }
    /// A PUBLISH has neither a topic name nor a Topic Alias (5.0).
    TopicNameAndAliasMissing: ProtocolError PROTOCOL_ERROR {
        v3 [] v5 ["X-5.0-publish-1"];
    }
    /// A topic filter is empty.
    TopicFilterEmpty: ProtocolError PROTOCOL_ERROR {
        v3 ["MQTT-4.7.3-1"] v5 ["MQTT-4.7.3-1"];
    }
    /// `#` is not the whole last level of a topic filter.
    MultiLevelWildcard: ProtocolError PROTOCOL_ERROR {
        v3 ["MQTT-4.7.1-2"] v5 ["MQTT-4.7.1-1"];
    }
    /// `+` is not a whole level of a topic filter.
    SingleLevelWildcard: ProtocolError PROTOCOL_ERROR {
        v3 ["MQTT-4.7.1-3"] v5 ["MQTT-4.7.1-2"];
    }
    /// A shared subscription has an empty ShareName (5.0).
    ShareNameEmpty: ProtocolError PROTOCOL_ERROR {
        v3 [] v5 ["MQTT-4.8.2-1"];
    }
    /// A ShareName holds a wildcard, or no topic filter follows it (5.0).
    ShareNameInvalid: ProtocolError PROTOCOL_ERROR {
        v3 [] v5 ["MQTT-4.8.2-2"];
    }

    // -- CONNECT --
    /// The protocol name is not `MQTT`.
    UnsupportedProtocolName: ProtocolError UNSUPPORTED_PROTOCOL_VERSION {
        v3 ["MQTT-3.1.2-1"] v5 ["MQTT-3.1.2-1"];
    }
    /// The protocol is MQTT, at a level that is neither 4 nor 5. Carries the level.
    UnsupportedProtocolVersion(u8 = 0): ProtocolError UNSUPPORTED_PROTOCOL_VERSION {
        v3 ["MQTT-3.1.2-2"] v5 ["MQTT-3.1.2-2"];
    }
    /// Bit 0 of the Connect Flags is set.
    ConnectReservedFlag: Malformed MALFORMED_PACKET {
        v3 ["MQTT-3.1.2-3"] v5 ["MQTT-3.1.2-3", "X-5.0-connect-1"];
    }
    /// Will QoS 3.
    WillQoS3: Malformed MALFORMED_PACKET {
        v3 ["MQTT-3.1.2-14"] v5 ["MQTT-3.1.2-12", "X-5.0-will-5"];
    }
    /// A Will QoS although the Will Flag is 0.
    WillQoSWithoutWill: Malformed MALFORMED_PACKET {
        v3 ["MQTT-3.1.2-11", "MQTT-3.1.2-13"] v5 ["MQTT-3.1.2-11"];
    }
    /// Will Retain although the Will Flag is 0.
    WillRetainWithoutWill: Malformed MALFORMED_PACKET {
        v3 ["MQTT-3.1.2-11", "MQTT-3.1.2-15"] v5 ["MQTT-3.1.2-13"];
    }
    /// The Password Flag is set and the User Name Flag is not (3.1.1; 5.0 allows it).
    PasswordWithoutUserName: Malformed MALFORMED_PACKET {
        v3 ["MQTT-3.1.2-22"] v5 [];
    }
    /// The packet ends before the Client Identifier.
    ClientIdMissing: Malformed MALFORMED_PACKET {
        v3 ["MQTT-3.1.3-3"] v5 ["MQTT-3.1.3-3"];
    }
    /// An empty Client Identifier without Clean Session (3.1.1; 5.0 allows it).
    ClientIdEmptyWithoutCleanSession: ProtocolError CLIENT_IDENTIFIER_NOT_VALID {
        v3 ["MQTT-3.1.3-7", "MQTT-3.1.3-8"] v5 [];
    }
    /// The packet ends before the fields that the Will Flag announces.
    WillMissing: Malformed MALFORMED_PACKET {
        v3 ["MQTT-3.1.2-9"] v5 ["MQTT-3.1.2-9"];
    }
    /// The packet ends before the User Name that its flag announces.
    UserNameMissing: Malformed MALFORMED_PACKET {
        v3 ["MQTT-3.1.2-19"] v5 ["MQTT-3.1.2-17"];
    }
    /// The packet ends before the Password that its flag announces.
    PasswordMissing: Malformed MALFORMED_PACKET {
        v3 ["MQTT-3.1.2-21"] v5 ["MQTT-3.1.2-19"];
    }

    // -- CONNACK and reason codes --
    /// Bits 7 to 1 of the Connect Acknowledge Flags are not 0.
    ConnAckReservedFlags: Malformed MALFORMED_PACKET {
        v3 ["X-3.1.1-connack-2"] v5 ["MQTT-3.2.2-1"];
    }
    /// Session Present in a CONNACK that refuses the connection.
    SessionPresentWithError: ProtocolError PROTOCOL_ERROR {
        v3 ["MQTT-3.2.2-4"] v5 ["MQTT-3.2.2-6"];
    }
    /// The reason code or return code is not in the table of this packet.
    ReasonCodeNotAllowed: ProtocolError PROTOCOL_ERROR {
        [ConnAck] v3 ["X-3.1.1-connack-3"] v5 ["MQTT-3.2.2-8"];
        [PubAck] v3 [] v5 ["MQTT-3.4.2-1"];
        [PubRec] v3 [] v5 ["MQTT-3.5.2-1"];
        [PubRel] v3 [] v5 ["MQTT-3.6.2-1"];
        [PubComp] v3 [] v5 ["MQTT-3.7.2-1"];
        [SubAck] v3 ["MQTT-3.9.3-2"] v5 ["MQTT-3.9.3-2"];
        [UnsubAck] v3 [] v5 ["MQTT-3.11.3-2"];
        [Disconnect] v3 [] v5 ["MQTT-3.14.2-1"];
        [Auth] v3 [] v5 ["MQTT-3.15.2-1"];
    }
    /// The reason code belongs to this packet, but not from this end of the connection (5.0).
    ReasonCodeDirection: ProtocolError PROTOCOL_ERROR {
        [PubAck] v3 [] v5 ["MQTT-3.4.2-1"];
        [PubRec] v3 [] v5 ["MQTT-3.5.2-1"];
        [Disconnect] v3 [] v5 ["MQTT-3.14.2-1"];
        [Auth] v3 [] v5 ["MQTT-3.15.2-1"];
    }
    /// A SUBACK or UNSUBACK (5.0) without a single reason code.
    ReasonCodesMissing: Malformed MALFORMED_PACKET {
        [UnsubAck] v3 [] v5 ["MQTT-3.11.3-2"];
        v3 ["MQTT-3.8.4-5"] v5 ["MQTT-3.8.4-6"];
    }

    // -- SUBSCRIBE and UNSUBSCRIBE --
    /// A SUBSCRIBE without a topic filter.
    SubscribeEmpty: ProtocolError PROTOCOL_ERROR {
        v3 ["MQTT-3.8.3-3"] v5 ["MQTT-3.8.3-2"];
    }
    /// An UNSUBSCRIBE without a topic filter.
    UnsubscribeEmpty: ProtocolError PROTOCOL_ERROR {
        v3 ["MQTT-3.10.3-2"] v5 ["MQTT-3.10.3-2"];
    }
    /// Reserved bits of the Requested QoS (3.1.1) or Subscription Options (5.0) byte are set.
    SubscriptionReservedBits: Malformed MALFORMED_PACKET {
        v3 ["MQTT-3.8.3-4"] v5 ["MQTT-3.8.3-5"];
    }
    /// A subscription asks for QoS 3 (3.1.1, which calls it malformed).
    RequestedQoS3: Malformed MALFORMED_PACKET {
        v3 ["MQTT-3.8.3-4"] v5 [];
    }
    /// A subscription asks for QoS 3 (5.0).
    SubscriptionQoS3: ProtocolError PROTOCOL_ERROR {
        v3 [] v5 ["X-5.0-subopt-1"];
    }
    /// Retain Handling 3 (5.0).
    RetainHandling3: ProtocolError PROTOCOL_ERROR {
        v3 [] v5 ["X-5.0-subopt-2"];
    }
    /// No Local on a shared subscription (5.0).
    NoLocalShared: ProtocolError PROTOCOL_ERROR {
        v3 [] v5 ["MQTT-3.8.3-4"];
    }
}
