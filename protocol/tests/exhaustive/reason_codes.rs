//! Every reason code in every packet from both ends, against the tables of the packets' own sections.

use crate::{
    check::check,
    framing::{fault, framed},
};
use squall_protocol::{Role, Rule, Version};

/// A packet of 5.0 with a reason code: first byte, what stands before the code and after it; the codes that both
/// ends send, those that only a client sends, those that only a server sends.
struct Row {
    name: &'static str,
    first: u8,
    front: &'static [u8],
    back: &'static [u8],
    both: &'static [u8],
    client: &'static [u8],
    server: &'static [u8],
    senders: &'static [Role],
}

const SERVER: &[Role] = &[Role::Server];
const BOTH: &[Role] = &[Role::Client, Role::Server];

/// 3.4.2.1 and 3.5.2.1.
const PUBACK: &[u8] = &[0x00, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];

const V5: &[Row] = &[
    Row {
        name: "CONNACK (3.2.2.2)",
        first: 0x20,
        front: &[0],
        back: &[0],
        both: &[],
        client: &[],
        server: &[
            0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90,
            0x95, 0x97, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F,
        ],
        senders: SERVER,
    },
    Row {
        name: "PUBACK (3.4.2.1)",
        first: 0x40,
        front: &[0, 1],
        back: &[],
        both: PUBACK,
        client: &[],
        server: &[0x10],
        senders: BOTH,
    },
    Row {
        name: "PUBREC (3.5.2.1)",
        first: 0x50,
        front: &[0, 1],
        back: &[],
        both: PUBACK,
        client: &[],
        server: &[0x10],
        senders: BOTH,
    },
    Row {
        name: "PUBREL (3.6.2.1)",
        first: 0x62,
        front: &[0, 1],
        back: &[],
        both: &[0x00, 0x92],
        client: &[],
        server: &[],
        senders: BOTH,
    },
    Row {
        name: "PUBCOMP (3.7.2.1)",
        first: 0x70,
        front: &[0, 1],
        back: &[],
        both: &[0x00, 0x92],
        client: &[],
        server: &[],
        senders: BOTH,
    },
    Row {
        name: "SUBACK (3.9.3)",
        first: 0x90,
        front: &[0, 1, 0],
        back: &[],
        both: &[],
        client: &[],
        server: &[
            0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2,
        ],
        senders: SERVER,
    },
    Row {
        name: "UNSUBACK (3.11.3)",
        first: 0xB0,
        front: &[0, 1, 0],
        back: &[],
        both: &[],
        client: &[],
        server: &[0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91],
        senders: SERVER,
    },
    Row {
        name: "DISCONNECT (3.14.2.1)",
        first: 0xE0,
        front: &[],
        back: &[],
        both: &[
            0x00, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
            // Section 3.14.2.1 gives 0x9B to servers and section 3.3.4 lets a client use it.
            0x9B,
        ],
        client: &[0x04],
        server: &[
            0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x9A, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2,
            // Table 2-6 lists DISCONNECT for 0x8C and section 3.14.2.1 does not.
            0x8C,
        ],
        senders: BOTH,
    },
    Row {
        name: "AUTH (3.15.2.1)",
        first: 0xF0,
        front: &[],
        back: &[4, 0x15, 0, 1, b'm'],
        both: &[0x18],
        client: &[0x19],
        server: &[0x00],
        senders: BOTH,
    },
];

#[test]
fn every_reason_code_of_5_0() {
    for row in V5 {
        for from in row.senders {
            let (own, other) = match from {
                Role::Client => (row.client, row.server),
                Role::Server => (row.server, row.client),
            };
            for code in 0..=u8::MAX {
                let wire = framed(row.first, &[row.front, &[code], row.back].concat());
                check(&wire, *from, Some(Version::V5_0));
                let expected = if row.both.contains(&code) || own.contains(&code) {
                    None
                } else if other.contains(&code) && row.senders.len() == 2 {
                    Some(Rule::ReasonCodeDirection)
                } else {
                    Some(Rule::ReasonCodeNotAllowed)
                };
                let found = fault(&wire, *from, Version::V5_0);
                assert_eq!(found, expected, "{} 0x{code:02X} from a {from}", row.name);
            }
        }
    }
}

/// Table 3.1 and section 3.9.3 of 3.1.1.
#[test]
fn every_return_code_of_3_1_1() {
    for code in 0..=u8::MAX {
        for (first, front, codes) in [
            (0x20, &[0][..], &[0, 1, 2, 3, 4, 5][..]),
            (0x90, &[0, 1], &[0, 1, 2, 0x80]),
        ] {
            let wire = framed(first, &[front, &[code]].concat());
            check(&wire, Role::Server, Some(Version::V3_1_1));
            let found = fault(&wire, Role::Server, Version::V3_1_1);
            let expected = (!codes.contains(&code)).then_some(Rule::ReasonCodeNotAllowed);
            assert_eq!(found, expected, "0x{first:02X} 0x{code:02X}");
        }
    }
}

/// All Connect Acknowledge Flags with a success and with a refusal [MQTT-3.2.2-1], [MQTT-3.2.2-6].
#[test]
fn every_connect_acknowledge_flags_byte() {
    for version in Version::ALL {
        for (code, success) in [
            (0, true),
            (if version == Version::V5_0 { 0x87 } else { 5 }, false),
        ] {
            for flags in 0..=u8::MAX {
                let mut body = vec![flags, code];
                if version == Version::V5_0 {
                    body.push(0);
                }
                let wire = framed(0x20, &body);
                let expected = match flags {
                    0 => None,
                    1 if success => None,
                    1 => Some(Rule::SessionPresentWithError),
                    _ => Some(Rule::ConnAckReservedFlags),
                };
                let found = fault(&wire, Role::Server, version);
                assert_eq!(found, expected, "{version} 0x{flags:02X} 0x{code:02X}");
            }
        }
    }
}
