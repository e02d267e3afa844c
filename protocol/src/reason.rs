//! Reason codes of MQTT 5.0 (section 2.4) and return codes of MQTT 3.1.1.
//!
//! A table: which code may stand in which packet, and who may send it there. It does not know when a code is due.

use crate::{
    PacketType::{
        self, Auth, ConnAck, Disconnect, PubAck, PubComp, PubRec, PubRel, SubAck, UnsubAck,
    },
    Role, Version,
};
use std::fmt;

/// A reason code or return code as it stands on the wire. Unknown values survive and print in hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReasonCode(pub u8);

/// One row of the reason code table.
#[derive(Clone, Copy, Debug)]
pub struct ReasonSpec {
    /// The code.
    pub code: ReasonCode,
    /// Name as the standard prints it.
    pub name: &'static str,
    /// Packets of 5.0 it may stand in, with who may send it there.
    pub packets: &'static [(PacketType, &'static [Role])],
}

/// The table of section 2.4 (5.0). One code may have several rows: 0x00 is called differently in each packet.
pub const REASONS: &[ReasonSpec] = &[
    row(
        0x00,
        "Success",
        &[
            (ConnAck, SERVER),
            (PubAck, BOTH),
            (PubRec, BOTH),
            (PubRel, BOTH),
            (PubComp, BOTH),
            (UnsubAck, SERVER),
            (Auth, SERVER),
        ],
    ),
    row(0x00, "Normal disconnection", &[(Disconnect, BOTH)]),
    row(0x00, "Granted QoS 0", &[(SubAck, SERVER)]),
    row(0x01, "Granted QoS 1", &[(SubAck, SERVER)]),
    row(0x02, "Granted QoS 2", &[(SubAck, SERVER)]),
    row(
        0x04,
        "Disconnect with Will Message",
        &[(Disconnect, CLIENT)],
    ),
    row(
        0x10,
        "No matching subscribers",
        &[(PubAck, SERVER), (PubRec, SERVER)],
    ),
    row(0x11, "No subscription existed", &[(UnsubAck, SERVER)]),
    row(0x18, "Continue authentication", &[(Auth, BOTH)]),
    row(0x19, "Re-authenticate", &[(Auth, CLIENT)]),
    row(
        0x80,
        "Unspecified error",
        &[
            (ConnAck, SERVER),
            (PubAck, BOTH),
            (PubRec, BOTH),
            (SubAck, SERVER),
            (UnsubAck, SERVER),
            (Disconnect, BOTH),
        ],
    ),
    row(
        0x81,
        "Malformed Packet",
        &[(ConnAck, SERVER), (Disconnect, BOTH)],
    ),
    row(
        0x82,
        "Protocol Error",
        &[(ConnAck, SERVER), (Disconnect, BOTH)],
    ),
    row(
        0x83,
        "Implementation specific error",
        &[
            (ConnAck, SERVER),
            (PubAck, BOTH),
            (PubRec, BOTH),
            (SubAck, SERVER),
            (UnsubAck, SERVER),
            (Disconnect, BOTH),
        ],
    ),
    row(0x84, "Unsupported Protocol Version", &[(ConnAck, SERVER)]),
    row(0x85, "Client Identifier not valid", &[(ConnAck, SERVER)]),
    row(0x86, "Bad User Name or Password", &[(ConnAck, SERVER)]),
    row(
        0x87,
        "Not authorized",
        &[
            (ConnAck, SERVER),
            (PubAck, BOTH),
            (PubRec, BOTH),
            (SubAck, SERVER),
            (UnsubAck, SERVER),
            (Disconnect, SERVER),
        ],
    ),
    row(0x88, "Server unavailable", &[(ConnAck, SERVER)]),
    row(
        0x89,
        "Server busy",
        &[(ConnAck, SERVER), (Disconnect, SERVER)],
    ),
    row(0x8A, "Banned", &[(ConnAck, SERVER)]),
    row(0x8B, "Server shutting down", &[(Disconnect, SERVER)]),
    // The general table lists DISCONNECT here and section 3.14.2.1 does not; what is arguable is accepted.
    row(
        0x8C,
        "Bad authentication method",
        &[(ConnAck, SERVER), (Disconnect, SERVER)],
    ),
    row(0x8D, "Keep Alive timeout", &[(Disconnect, SERVER)]),
    row(0x8E, "Session taken over", &[(Disconnect, SERVER)]),
    row(
        0x8F,
        "Topic Filter invalid",
        &[(SubAck, SERVER), (UnsubAck, SERVER), (Disconnect, SERVER)],
    ),
    row(
        0x90,
        "Topic Name invalid",
        &[
            (ConnAck, SERVER),
            (PubAck, BOTH),
            (PubRec, BOTH),
            (Disconnect, BOTH),
        ],
    ),
    row(
        0x91,
        "Packet Identifier in use",
        &[
            (PubAck, BOTH),
            (PubRec, BOTH),
            (SubAck, SERVER),
            (UnsubAck, SERVER),
        ],
    ),
    row(
        0x92,
        "Packet Identifier not found",
        &[(PubRel, BOTH), (PubComp, BOTH)],
    ),
    row(0x93, "Receive Maximum exceeded", &[(Disconnect, BOTH)]),
    row(0x94, "Topic Alias invalid", &[(Disconnect, BOTH)]),
    row(
        0x95,
        "Packet too large",
        &[(ConnAck, SERVER), (Disconnect, BOTH)],
    ),
    row(0x96, "Message rate too high", &[(Disconnect, BOTH)]),
    row(
        0x97,
        "Quota exceeded",
        &[
            (ConnAck, SERVER),
            (PubAck, BOTH),
            (PubRec, BOTH),
            (SubAck, SERVER),
            (Disconnect, BOTH),
        ],
    ),
    row(0x98, "Administrative action", &[(Disconnect, BOTH)]),
    row(
        0x99,
        "Payload format invalid",
        &[
            (ConnAck, SERVER),
            (PubAck, BOTH),
            (PubRec, BOTH),
            (Disconnect, BOTH),
        ],
    ),
    row(
        0x9A,
        "Retain not supported",
        &[(ConnAck, SERVER), (Disconnect, SERVER)],
    ),
    // Section 3.14.2.1 gives it to servers, section 3.3.4 lets a client use it; what is arguable is accepted.
    row(
        0x9B,
        "QoS not supported",
        &[(ConnAck, SERVER), (Disconnect, BOTH)],
    ),
    row(
        0x9C,
        "Use another server",
        &[(ConnAck, SERVER), (Disconnect, SERVER)],
    ),
    row(
        0x9D,
        "Server moved",
        &[(ConnAck, SERVER), (Disconnect, SERVER)],
    ),
    row(
        0x9E,
        "Shared Subscriptions not supported",
        &[(SubAck, SERVER), (Disconnect, SERVER)],
    ),
    row(
        0x9F,
        "Connection rate exceeded",
        &[(ConnAck, SERVER), (Disconnect, SERVER)],
    ),
    row(0xA0, "Maximum connect time", &[(Disconnect, SERVER)]),
    row(
        0xA1,
        "Subscription Identifiers not supported",
        &[(SubAck, SERVER), (Disconnect, SERVER)],
    ),
    row(
        0xA2,
        "Wildcard Subscriptions not supported",
        &[(SubAck, SERVER), (Disconnect, SERVER)],
    ),
];

const CLIENT: &[Role] = &[Role::Client];
const SERVER: &[Role] = &[Role::Server];
const BOTH: &[Role] = &[Role::Client, Role::Server];

const fn row(
    code: u8,
    name: &'static str,
    packets: &'static [(PacketType, &'static [Role])],
) -> ReasonSpec {
    ReasonSpec {
        code: ReasonCode(code),
        name,
        packets,
    }
}

macro_rules! codes {
    ($($name:ident = $code:literal;)*) => {
        #[expect(missing_docs, reason = "the names of section 2.4")]
        impl ReasonCode { $(pub const $name: Self = Self($code);)* }
    };
}

codes! {
    SUCCESS = 0x00;
    NORMAL_DISCONNECTION = 0x00;
    GRANTED_QOS_0 = 0x00;
    GRANTED_QOS_1 = 0x01;
    GRANTED_QOS_2 = 0x02;
    DISCONNECT_WITH_WILL_MESSAGE = 0x04;
    NO_MATCHING_SUBSCRIBERS = 0x10;
    NO_SUBSCRIPTION_EXISTED = 0x11;
    CONTINUE_AUTHENTICATION = 0x18;
    RE_AUTHENTICATE = 0x19;
    UNSPECIFIED_ERROR = 0x80;
    MALFORMED_PACKET = 0x81;
    PROTOCOL_ERROR = 0x82;
    IMPLEMENTATION_SPECIFIC_ERROR = 0x83;
    UNSUPPORTED_PROTOCOL_VERSION = 0x84;
    CLIENT_IDENTIFIER_NOT_VALID = 0x85;
    BAD_USER_NAME_OR_PASSWORD = 0x86;
    NOT_AUTHORIZED = 0x87;
    SERVER_UNAVAILABLE = 0x88;
    SERVER_BUSY = 0x89;
    BANNED = 0x8A;
    SERVER_SHUTTING_DOWN = 0x8B;
    BAD_AUTHENTICATION_METHOD = 0x8C;
    KEEP_ALIVE_TIMEOUT = 0x8D;
    SESSION_TAKEN_OVER = 0x8E;
    TOPIC_FILTER_INVALID = 0x8F;
    TOPIC_NAME_INVALID = 0x90;
    PACKET_IDENTIFIER_IN_USE = 0x91;
    PACKET_IDENTIFIER_NOT_FOUND = 0x92;
    RECEIVE_MAXIMUM_EXCEEDED = 0x93;
    TOPIC_ALIAS_INVALID = 0x94;
    PACKET_TOO_LARGE = 0x95;
    MESSAGE_RATE_TOO_HIGH = 0x96;
    QUOTA_EXCEEDED = 0x97;
    ADMINISTRATIVE_ACTION = 0x98;
    PAYLOAD_FORMAT_INVALID = 0x99;
    RETAIN_NOT_SUPPORTED = 0x9A;
    QOS_NOT_SUPPORTED = 0x9B;
    USE_ANOTHER_SERVER = 0x9C;
    SERVER_MOVED = 0x9D;
    SHARED_SUBSCRIPTIONS_NOT_SUPPORTED = 0x9E;
    CONNECTION_RATE_EXCEEDED = 0x9F;
    MAXIMUM_CONNECT_TIME = 0xA0;
    SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED = 0xA1;
    WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED = 0xA2;
    // Connect Return codes of 3.1.1 (table 3.1 there); 0 is SUCCESS.
    V3_UNACCEPTABLE_PROTOCOL_VERSION = 0x01;
    V3_IDENTIFIER_REJECTED = 0x02;
    V3_SERVER_UNAVAILABLE = 0x03;
    V3_BAD_USER_NAME_OR_PASSWORD = 0x04;
    V3_NOT_AUTHORIZED = 0x05;
    // SUBACK return code of 3.1.1.
    V3_SUBSCRIBE_FAILURE = 0x80;
}

impl ReasonCode {
    /// 0x80 and above say that something failed (5.0); also the failure code of a 3.1.1 SUBACK.
    #[must_use]
    pub const fn is_error(self) -> bool {
        self.0 >= 0x80
    }

    /// What the code is called in this packet and version; `None` when it may not stand there. A 3.1.1 packet other
    /// than CONNACK and SUBACK carries no code.
    #[must_use]
    pub fn name_in(self, packet: PacketType, version: Version) -> Option<&'static str> {
        match (version, packet) {
            (Version::V5_0, _) => REASONS
                .iter()
                .find(|spec| spec.code == self && spec.packets.iter().any(|(p, _)| *p == packet))
                .map(|spec| spec.name),
            (Version::V3_1_1, ConnAck) => V3_CONNACK.get(usize::from(self.0)).copied(),
            (Version::V3_1_1, SubAck) => match self.0 {
                0x00 => Some("Success - Maximum QoS 0"),
                0x01 => Some("Success - Maximum QoS 1"),
                0x02 => Some("Success - Maximum QoS 2"),
                0x80 => Some("Failure"),
                _ => None,
            },
            (Version::V3_1_1, _) => None,
        }
    }

    /// Who may send the code in this packet (5.0); empty when it may not stand there.
    #[must_use]
    pub fn senders_in(self, packet: PacketType) -> &'static [Role] {
        REASONS
            .iter()
            .filter(|spec| spec.code == self)
            .find_map(|spec| spec.packets.iter().find(|(p, _)| *p == packet))
            .map_or(&[], |(_, roles)| roles)
    }
}

/// Connect Return codes of 3.1.1 (table 3.1 there), by value.
const V3_CONNACK: [&str; 6] = [
    "Connection Accepted",
    "Connection Refused, unacceptable protocol version",
    "Connection Refused, identifier rejected",
    "Connection Refused, Server unavailable",
    "Connection Refused, bad user name or password",
    "Connection Refused, not authorized",
];

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:02X}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER_ACK: &[u8] = &[0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
    const CLIENT_ACK: &[u8] = &[0x00, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];

    /// The reason code tables of the packets' own sections, by sender.
    const SECTIONS: &[(PacketType, Role, &[u8])] = &[
        (
            ConnAck,
            Role::Server,
            &[
                0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90,
                0x95, 0x97, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F,
            ],
        ),
        (ConnAck, Role::Client, &[]),
        (PubAck, Role::Server, SERVER_ACK),
        (PubAck, Role::Client, CLIENT_ACK),
        (PubRec, Role::Server, SERVER_ACK),
        (PubRec, Role::Client, CLIENT_ACK),
        (PubRel, Role::Server, &[0x00, 0x92]),
        (PubRel, Role::Client, &[0x00, 0x92]),
        (PubComp, Role::Server, &[0x00, 0x92]),
        (PubComp, Role::Client, &[0x00, 0x92]),
        (
            SubAck,
            Role::Server,
            &[
                0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2,
            ],
        ),
        (
            UnsubAck,
            Role::Server,
            &[0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91],
        ),
        (
            Disconnect,
            Role::Client,
            &[
                0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
                0x9B,
            ],
        ),
        (
            Disconnect,
            Role::Server,
            &[
                0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8C, 0x8D, 0x8E, 0x8F, 0x90, 0x93,
                0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1,
                0xA2,
            ],
        ),
        (Auth, Role::Client, &[0x18, 0x19]),
        (Auth, Role::Server, &[0x00, 0x18]),
        (PacketType::Publish, Role::Client, &[]),
    ];

    #[test]
    fn the_table_by_code_agrees_with_the_sections_by_packet() {
        for (packet, role, codes) in SECTIONS {
            let listed: Vec<u8> = (0..=u8::MAX)
                .filter(|code| ReasonCode(*code).senders_in(*packet).contains(role))
                .collect();
            assert_eq!(&listed, codes, "{packet} from a {role}");
        }
    }

    #[test]
    fn a_code_has_one_name_in_a_packet() {
        for code in (0..=u8::MAX).map(ReasonCode) {
            for packet in PacketType::ALL {
                let stands = |spec: &&ReasonSpec| spec.packets.iter().any(|(p, _)| *p == packet);
                let rows = REASONS
                    .iter()
                    .filter(|spec| spec.code == code)
                    .filter(stands);
                let names: Vec<_> = rows.map(|spec| spec.name).collect();
                assert!(names.len() <= 1, "{packet} {code}: {names:?}");
                assert_eq!(code.name_in(packet, Version::V5_0), names.first().copied());
            }
        }
        assert_eq!(
            ReasonCode(0).name_in(Disconnect, Version::V5_0),
            Some("Normal disconnection")
        );
        assert_eq!(
            ReasonCode(0).name_in(SubAck, Version::V5_0),
            Some("Granted QoS 0")
        );
    }

    #[test]
    fn return_codes_of_3_1_1_are_their_own() {
        let connack = |code| ReasonCode(code).name_in(ConnAck, Version::V3_1_1);
        assert_eq!(
            connack(4),
            Some("Connection Refused, bad user name or password")
        );
        assert_eq!(
            (connack(5).is_some(), connack(6), connack(0x80)),
            (true, None, None)
        );
        let suback = |code: &u8| ReasonCode(*code).name_in(SubAck, Version::V3_1_1).is_some();
        assert_eq!(
            (0..=u8::MAX).filter(suback).collect::<Vec<u8>>(),
            [0x00, 0x01, 0x02, 0x80]
        );
        assert_eq!(ReasonCode(0).name_in(PubAck, Version::V3_1_1), None);
    }

    #[test]
    fn unknown_codes_print_in_hex() {
        assert_eq!(ReasonCode(0xEE).to_string(), "0xEE");
    }
}
