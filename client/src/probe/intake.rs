//! What arrives on a connection, cut into packets.
//!
//! A packet that is handed out owns its bytes and nothing more: it shares no buffer with what came before or after it,
//! so whoever keeps it knows what it costs. It does not know where the bytes come from.

use bytes::{Buf, BytesMut};
use squall_protocol::{Decoder, Frame, Role, Version, Violation};

/// Bytes of the longest fixed header: the type and flags, and four of Remaining Length.
const HEADER: usize = 5;

/// The bytes that have arrived and are not part of a packet that was handed out.
#[derive(Debug)]
pub(super) struct Intake {
    version: Version,
    max_packet_size: u32,
    unread: BytesMut,
}

impl Intake {
    /// The longest packet in bytes that any probe takes in.
    pub(super) const LARGEST_PACKET: u32 = 64 * 1024;
    /// Room that is made for one read, in bytes.
    pub(super) const CHUNK: usize = 16 * 1024;

    pub(super) fn new(version: Version, max_packet_size: u32) -> Self {
        let unread = BytesMut::new();
        Self {
            version,
            max_packet_size,
            unread,
        }
    }

    pub(super) const fn version(&self) -> Version {
        self.version
    }

    pub(super) const fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// Packets over `bytes` (whole packet) are refused as soon as their fixed header is there.
    pub(super) const fn set_max_packet_size(&mut self, bytes: u32) {
        self.max_packet_size = bytes;
    }

    /// The buffer to read into: append at most [`Self::CHUNK`], and leave what is there alone.
    pub(super) fn buffer(&mut self) -> &mut BytesMut {
        let missing = packet_len(&self.unread).map_or(0, |len| {
            len.min(self.max_packet_size as usize)
                .saturating_sub(self.unread.len())
        });
        self.unread.reserve(missing.max(Self::CHUNK));
        &mut self.unread
    }

    pub(super) fn unread(&self) -> &[u8] {
        &self.unread
    }

    /// The next whole packet, `None` when more bytes are needed. What is wrong with a fixed header is said before the
    /// rest of its packet has arrived.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, Violation> {
        let here = self.unread.len();
        let piece = match packet_len(&self.unread) {
            Some(len) if len <= here => len,
            _ => here.min(HEADER),
        };
        if piece == 0 {
            return Ok(None);
        }
        // A decoder of its own for each packet: one that lives on may hand out a short packet in the buffer of a long
        // one.
        let mut decoder = Decoder::new(Role::Server);
        decoder.set_version(self.version);
        decoder.set_max_packet_size(self.max_packet_size);
        decoder.push(&self.unread[..piece]);
        let frame = decoder.next_frame()?;
        if let Some(frame) = &frame {
            self.unread.advance(frame.bytes.len());
        }
        Ok(frame)
    }
}

/// The length of the first packet by its fixed header; `None` when that is not whole, or has no end.
fn packet_len(bytes: &[u8]) -> Option<usize> {
    let mut remaining = 0;
    for (index, byte) in bytes.iter().skip(1).take(HEADER - 1).enumerate() {
        remaining |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Some(2 + index + remaining);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_protocol::{Packet, PacketType, Rule};

    fn intake(bytes: &[u8]) -> Intake {
        let mut intake = Intake::new(Version::V5_0, 64 * 1024);
        intake.buffer().extend_from_slice(bytes);
        intake
    }

    #[test]
    fn lengths_are_those_of_the_fixed_header() {
        assert_eq!(packet_len(&[]), None);
        assert_eq!(packet_len(&[0xD0]), None);
        assert_eq!(packet_len(&[0xD0, 0]), Some(2));
        assert_eq!(packet_len(&[0x30, 0x80, 0x01]), Some(131));
        assert_eq!(
            packet_len(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F]),
            Some(268_435_460)
        );
        assert_eq!(packet_len(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]), None);
    }

    #[test]
    fn packets_and_what_is_left_over() {
        let mut intake = intake(&[0xD0, 0x00, 0x20, 0x03, 0x00, 0x00]);
        let first = intake.next().unwrap().unwrap();
        assert_eq!(first.packet, Packet::PingResp);
        assert_eq!(intake.next(), Ok(None));
        assert_eq!(intake.unread(), [0x20, 0x03, 0x00, 0x00]);
        intake.buffer().extend_from_slice(&[0x00]);
        let second = intake.next().unwrap().unwrap();
        assert_eq!(second.packet.packet_type(), PacketType::ConnAck);
        assert_eq!(intake.next(), Ok(None));
    }

    #[test]
    fn a_fault_of_the_header_is_found_before_the_body_is_there() {
        let rule = |bytes: &[u8]| intake(bytes).next().unwrap_err().rule;
        assert_eq!(rule(&[0x00]), Rule::ReservedPacketType);
        assert_eq!(
            rule(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]),
            Rule::VariableByteIntegerTooLong
        );
        assert_eq!(
            rule(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F]),
            Rule::PacketTooLargeForClient
        );
    }

    #[test]
    fn no_room_is_made_for_what_is_only_announced() {
        let mut intake = intake(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F]);
        assert!(intake.buffer().capacity() <= 64 * 1024 + Intake::CHUNK);
    }
}
