//! From bytes to packets, and what happens to packets that break a rule.

use super::{core::Double, repair, state::ConnectionId};
use crate::Switch;
use bytes::Bytes;
use squall_protocol::{Packet, Role, Rule, Version, Violation, decode_one};

/// The largest packet the server takes from a client of 5.0, in bytes; CONNACK says so.
pub(super) const MAXIMUM_PACKET_SIZE: u32 = 1 << 20;

/// What stands at the beginning of the buffer.
enum Next {
    Nothing,
    Packet(Packet),
    Skipped,
    Broken(Violation),
}

impl Double {
    /// Handles every whole packet that has arrived.
    pub(super) fn read(&mut self, id: ConnectionId) {
        loop {
            match self.next(id) {
                Next::Nothing => return,
                Next::Skipped => {}
                Next::Packet(packet) => self.handle(id, packet),
                Next::Broken(violation) => self.refuse_packet(id, &violation),
            }
        }
    }

    fn next(&mut self, id: ConnectionId) -> Next {
        let ways = self.ways;
        let limit = self.own_maximum_packet_size();
        let Some(connection) = self.connections.get_mut(&id) else {
            return Next::Nothing;
        };
        if connection.deaf {
            connection.buffer.clear();
            return Next::Nothing;
        }
        let version = connection.version;
        let Some(&first) = connection.buffer.first() else {
            return Next::Nothing;
        };
        // What is wrong with the first byte is seen before the rest is there.
        let probe = Bytes::copy_from_slice(&[first, 0]);
        if let Err(violation) = decode_one(&probe, Role::Client, version)
            && violation.offset == 0
            && is_about_first_byte(violation.rule)
            && !repair::tolerated(&violation, ways)
        {
            return Next::Broken(violation);
        }
        let (remaining, header) = match remaining_length(&connection.buffer[1..]) {
            Length::Incomplete => return Next::Nothing,
            Length::Whole(value, len) => (value, 1 + len),
            Length::TooLong(value, len) => {
                if !ways.wrong(Switch::LongLengthTolerated) {
                    return Next::Broken(broken(Rule::VariableByteIntegerTooLong, version));
                }
                match value {
                    Some(value) => (value, 1 + len),
                    None => return Next::Nothing,
                }
            }
        };
        let total = header + remaining;
        if version != Some(Version::V3_1_1)
            && total > limit as usize
            && !ways.wrong(Switch::OwnMaximumPacketSizeNotHeld)
        {
            return Next::Broken(broken(Rule::PacketTooLargeForServer, version));
        }
        if connection.buffer.len() < total {
            return Next::Nothing;
        }
        let frame = connection.buffer.split_to(total).freeze();
        let mut bytes = if header > 5 {
            repair::packet(first, &frame[header..])
        } else {
            frame
        };
        // Each repair takes one fault away.
        for _ in 0..10_000 {
            match decode_one(&bytes, Role::Client, version) {
                Ok(frame) => return Next::Packet(frame.packet),
                Err(violation) => match repair::repair(&bytes, &violation, ways) {
                    repair::Repair::Fixed(fixed) => bytes = fixed,
                    repair::Repair::Skip if version.is_some() => return Next::Skipped,
                    _ => return Next::Broken(violation),
                },
            }
        }
        Next::Skipped
    }

    pub(super) fn own_maximum_packet_size(&self) -> u32 {
        if self.odd(crate::Decoy::SmallPackets) {
            2_048
        } else {
            MAXIMUM_PACKET_SIZE
        }
    }
}

enum Length {
    Incomplete,
    /// The value and how many bytes it took.
    Whole(usize, usize),
    /// More than four bytes; with the value of five, if they are there.
    TooLong(Option<usize>, usize),
}

fn remaining_length(bytes: &[u8]) -> Length {
    let mut value = 0;
    for (i, byte) in bytes.iter().enumerate().take(4) {
        value |= usize::from(byte & 0x7F) << (7 * i);
        if byte & 0x80 == 0 {
            return Length::Whole(value, i + 1);
        }
    }
    match bytes.get(4) {
        _ if bytes.len() < 4 => Length::Incomplete,
        // The fourth byte says that more follow [X-3.1.1-remlen-1], [X-5.0-vbi-1].
        Some(fifth) => Length::TooLong(Some(value | usize::from(fifth & 0x7F) << 28), 5),
        None => Length::TooLong(None, 5),
    }
}

const fn is_about_first_byte(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::ReservedPacketType
            | Rule::WrongDirection
            | Rule::ConnectExpected
            | Rule::FixedHeaderFlags
            | Rule::PublishQoS3
            | Rule::DupWithQoS0
    )
}

fn broken(rule: Rule, version: Option<Version>) -> Violation {
    Violation {
        rule,
        version: version.unwrap_or(Version::V5_0),
        packet: None,
        offset: 1,
        message: "the packet is too long".into(),
    }
}
