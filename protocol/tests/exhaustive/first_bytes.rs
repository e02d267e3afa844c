//! Every first byte, from both ends, in every state of the connection, against tables 2.1 and 2.2 of 3.1.1 (2-1 and 2-2
//! of 5.0).

use squall_protocol::{Decoder, Role, Rule, Version};

const CLIENT: &[Role] = &[Role::Client];
const SERVER: &[Role] = &[Role::Server];
const BOTH: &[Role] = &[Role::Client, Role::Server];
const NOBODY: &[Role] = &[];

/// Who sends the type in 3.1.1 and in 5.0, and the flags it may have. By type, from 0.
const TABLE: [(&[Role], &[Role], &[u8]); 16] = [
    (NOBODY, NOBODY, &[]),       // reserved
    (CLIENT, CLIENT, &[0b0000]), // CONNECT
    (SERVER, SERVER, &[0b0000]), // CONNACK
    (BOTH, BOTH, PUBLISH),       // PUBLISH
    (BOTH, BOTH, &[0b0000]),     // PUBACK
    (BOTH, BOTH, &[0b0000]),     // PUBREC
    (BOTH, BOTH, &[0b0010]),     // PUBREL
    (BOTH, BOTH, &[0b0000]),     // PUBCOMP
    (CLIENT, CLIENT, &[0b0010]), // SUBSCRIBE
    (SERVER, SERVER, &[0b0000]), // SUBACK
    (CLIENT, CLIENT, &[0b0010]), // UNSUBSCRIBE
    (SERVER, SERVER, &[0b0000]), // UNSUBACK
    (CLIENT, CLIENT, &[0b0000]), // PINGREQ
    (SERVER, SERVER, &[0b0000]), // PINGRESP
    (CLIENT, BOTH, &[0b0000]),   // DISCONNECT
    (NOBODY, BOTH, &[0b0000]),   // AUTH
];

/// DUP, two bits of QoS, RETAIN: no QoS 3 [MQTT-3.3.1-4], no DUP with QoS 0 [MQTT-3.3.1-2].
const PUBLISH: &[u8] = &[
    0b0000, 0b0001, 0b0010, 0b0011, 0b1010, 0b1011, 0b0100, 0b0101, 0b1100, 0b1101,
];

fn expected(first: u8, from: Role, version: Option<Version>) -> Option<Rule> {
    let (kind, flags) = (first >> 4, first & 0x0F);
    let (v3, v5, allowed) = TABLE[usize::from(kind)];
    let senders = match version {
        Some(Version::V3_1_1) => v3,
        Some(Version::V5_0) | None => v5,
    };
    if senders.is_empty() {
        Some(Rule::ReservedPacketType)
    } else if from == Role::Client && version.is_none() && kind != 1 {
        Some(Rule::ConnectExpected)
    } else if !senders.contains(&from) {
        Some(Rule::WrongDirection)
    } else if allowed.contains(&flags) {
        None
    } else {
        Some(match (kind, flags & 0b0110) {
            (3, 0b0110) => Rule::PublishQoS3,
            (3, _) => Rule::DupWithQoS0,
            _ => Rule::FixedHeaderFlags,
        })
    }
}

#[test]
fn the_first_byte_alone_decides() {
    for first in 0..=u8::MAX {
        for from in [Role::Client, Role::Server] {
            for version in [None, Some(Version::V3_1_1), Some(Version::V5_0)] {
                let mut decoder = Decoder::new(from);
                if let Some(version) = version {
                    decoder.set_version(version);
                }
                decoder.push(&[first]);
                let found = decoder.next_frame().err();
                assert!(found.iter().all(|v| v.offset == 0), "{found:?}");
                assert_eq!(
                    found.map(|v| v.rule),
                    expected(first, from, version),
                    "0x{first:02X} from a {from}, {version:?}"
                );
            }
        }
    }
}
