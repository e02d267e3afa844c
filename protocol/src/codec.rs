//! Framing: bytes in any split, packets out, and back.
//!
//! Knows where one control packet ends and the next begins, which end of the connection sends and which version it
//! speaks. Whether a packet may come now is not known here.

use crate::{
    Packet, PacketType, Role, Rule, Version, Violation,
    layout::{self, Inspection},
    packet::{check_publish_flags, fixed_flags, may_send},
    varint,
    wire::{COPIED, Count, Reader},
};
use bytes::{Buf, Bytes, BytesMut};
use std::borrow::Cow;

/// A decoded packet and the bytes it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The packet.
    pub packet: Packet,
    /// The whole control packet as it was on the wire.
    pub bytes: Bytes,
}

/// An incremental, strict decoder for what one peer sends on one connection.
///
/// Call [`Self::push`] with what arrives, then [`Self::next_frame`] or [`Self::next_packet`] until it gives `None`. After a
/// violation the decoder stays broken: MQTT has no way to find the next packet.
#[derive(Debug)]
pub struct Decoder {
    peer: Role,
    version: Option<Version>,
    max_packet_size: u32,
    buffer: BytesMut,
    broken: Option<Violation>,
}

impl Decoder {
    /// The largest packet MQTT can frame, in bytes: 268,435,455 of Remaining Length and 5 of fixed header.
    pub const LARGEST_PACKET: u32 = 268_435_460;

    /// A decoder for a stream that `peer` sends. A server learns the version from the client's CONNECT; a client
    /// knows it and says so with [`Self::set_version`]. What a server sends is read as 5.0 until then.
    #[must_use]
    pub fn new(peer: Role) -> Self {
        let max_packet_size = Self::LARGEST_PACKET;
        Self {
            peer,
            version: None,
            max_packet_size,
            buffer: BytesMut::new(),
            broken: None,
        }
    }

    /// The version of the connection, if known.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.version
    }

    /// Fixes the version; decoding the first CONNECT does so by itself.
    pub fn set_version(&mut self, version: Version) {
        self.version = Some(version);
    }

    /// Refuses packets over `bytes` (whole packet) before room is made for them.
    pub fn set_max_packet_size(&mut self, bytes: u32) {
        self.max_packet_size = bytes;
    }

    /// Adds bytes that arrived. After a violation they are dropped.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.broken.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The buffer that [`Self::push`] adds to, for reading into it directly: append, and leave what is there alone.
    pub fn read_buf(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next whole packet with the bytes it came in, `None` when more bytes are needed.
    ///
    /// # Errors
    /// The rule the peer broke. Every later call gives the same violation.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Violation> {
        let Some(header) = self.next_header()? else {
            return Ok(None);
        };
        let bytes = self.buffer.split_to(header.packet_len()).freeze();
        self.let_go(bytes.len());
        let decoded = header.decode(&bytes, Some(&bytes), self.peer, self.version);
        self.conclude(&decoded);
        Ok(decoded?.map(|packet| Frame { packet, bytes }))
    }

    /// Like [`Self::next_frame`], without the bytes, and faster for it: a packet without long fields is decoded where
    /// it lies and takes no share in the buffer.
    ///
    /// # Errors
    /// The rule the peer broke. Every later call gives the same violation.
    pub fn next_packet(&mut self) -> Result<Option<Packet>, Violation> {
        let Some(header) = self.next_header()? else {
            return Ok(None);
        };
        let len = header.packet_len();
        let taken;
        let (bytes, shared) = if len <= COPIED {
            (&self.buffer[..len], None)
        } else {
            taken = self.buffer.split_to(len).freeze();
            self.let_go(len);
            (&taken[..], Some(&taken))
        };
        let decoded = header.decode(bytes, shared, self.peer, self.version);
        if shared.is_none() {
            self.buffer.advance(len);
        }
        self.conclude(&decoded);
        decoded
    }

    /// The header of the packet in the buffer, if that is there in full.
    #[inline(always)]
    fn next_header(&mut self) -> Result<Option<Header>, Violation> {
        if let Some(violation) = &self.broken {
            // What was read into the buffer since is of no use.
            self.buffer.clear();
            return Err(violation.clone());
        }
        let header = match Header::parse(&self.buffer, self.peer, self.version) {
            Ok(Some(header)) => header,
            Ok(None) => return Ok(None),
            Err(violation) => return Err(self.break_with(violation)),
        };
        if let Err(violation) = header.check_size(self.max_packet_size, self.peer, self.version) {
            return Err(self.break_with(violation));
        }
        Ok((self.buffer.len() >= header.packet_len()).then_some(header))
    }

    /// A large packet of this length was taken: the room that was made for it is not kept for the next one.
    #[inline(always)]
    fn let_go(&mut self, len: usize) {
        if len > ROOM_KEPT && self.buffer.len() < len {
            self.buffer = BytesMut::from(&self.buffer[..]);
        }
    }

    /// Learns the version from a CONNECT, and keeps a violation.
    #[inline(always)]
    fn conclude(&mut self, decoded: &Result<Option<Packet>, Violation>) {
        match decoded {
            Ok(Some(Packet::Connect(connect))) if self.version.is_none() => {
                self.version = Some(connect.version);
            }
            Ok(_) => {}
            Err(violation) => drop(self.break_with(violation.clone())),
        }
    }

    #[cold]
    fn break_with(&mut self, violation: Violation) -> Violation {
        self.broken = Some(violation.clone());
        self.buffer = BytesMut::new();
        violation
    }

    /// Bytes that arrived and are not yet part of a whole packet.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }
}

/// Room that a decoder keeps for the packets to come, in bytes.
const ROOM_KEPT: usize = 64 << 10;

/// Decodes exactly one packet from the beginning of `bytes`; what stands after it is left alone.
///
/// # Errors
/// The rule that is broken; incomplete input is a violation too (the packet is cut short).
pub fn decode_one(bytes: &Bytes, peer: Role, version: Option<Version>) -> Result<Frame, Violation> {
    let header = whole_header(bytes, peer, version)?;
    let bytes = bytes.slice(..header.packet_len());
    let decoded = header.decode(&bytes, Some(&bytes), peer, version)?;
    let packet = decoded.expect("the packet is whole");
    Ok(Frame { packet, bytes })
}

/// Decodes like [`decode_one`] and keeps every field that could be read, with its place: all of them in a valid
/// packet, those before the fault in another. Slower than decoding; for people who look at bytes.
#[must_use]
pub fn inspect(bytes: &Bytes, peer: Role, version: Option<Version>) -> Inspection {
    let mut fields = layout::header_fields(bytes);
    let result = whole_header(bytes, peer, version).and_then(|header| {
        let bytes = bytes.slice(..header.packet_len());
        let reader = header
            .reader(&bytes, peer, version)
            .sharing(&bytes)
            .noting(&mut fields);
        let packet = header.decode_with(reader)?.expect("the packet is whole");
        Ok(Frame { packet, bytes })
    });
    Inspection { fields, result }
}

/// The header of a packet that is there in full.
fn whole_header(bytes: &Bytes, peer: Role, version: Option<Version>) -> Result<Header, Violation> {
    let cut = |packet, needs: Cow<'static, str>| Violation {
        rule: Rule::Truncated,
        version: version.unwrap_or(Version::V5_0),
        packet,
        offset: bytes.len(),
        message: needs,
    };
    let Some(header) = Header::parse(bytes, peer, version)? else {
        let packet = bytes
            .first()
            .and_then(|first| PacketType::from_number(first >> 4));
        return Err(cut(packet, "the fixed header is cut short".into()));
    };
    let len = header.packet_len();
    if bytes.len() < len {
        let message = format!(
            "the packet takes {} and is cut short after {}",
            Count(len),
            bytes.len()
        );
        return Err(cut(Some(header.packet), message.into()));
    }
    Ok(header)
}

/// The fixed header of a packet (section 2.2 of 3.1.1, 2.1 of 5.0), checked as far as it can be by itself.
#[derive(Clone, Copy, Debug)]
struct Header {
    packet: PacketType,
    flags: u8,
    remaining: u32,
    len: usize,
    minimal: bool,
}

impl Header {
    /// `None` while the header is not complete. What is wrong with the first byte is said before more arrives.
    #[inline(always)]
    fn parse(
        bytes: &[u8],
        peer: Role,
        version: Option<Version>,
    ) -> Result<Option<Self>, Violation> {
        let Some(&first) = bytes.first() else {
            return Ok(None);
        };
        let packet = check_first_byte(first, peer, version)?;
        match varint::scan(&bytes[1..]) {
            varint::Scan::Incomplete => Ok(None),
            varint::Scan::TooLong => {
                // [X-3.1.1-remlen-1], [X-5.0-vbi-1]
                let message = "Remaining Length does not end with its fourth byte";
                Err(violation(
                    Rule::VariableByteIntegerTooLong,
                    version,
                    packet,
                    1,
                    message,
                ))
            }
            varint::Scan::Whole {
                value,
                len,
                minimal,
            } => {
                let header = Self {
                    packet,
                    flags: first & 0x0F,
                    remaining: value,
                    len: 1 + len,
                    minimal,
                };
                // Which version a CONNECT has to obey stands in its body.
                if packet != PacketType::Connect {
                    header.check_minimal(version.unwrap_or(Version::V5_0))?;
                }
                Ok(Some(header))
            }
        }
    }

    const fn packet_len(self) -> usize {
        self.len + self.remaining as usize
    }

    /// [MQTT-1.5.5-1] (5.0); 3.1.1 does not ask for the shortest form.
    fn check_minimal(self, version: Version) -> Result<(), Violation> {
        if self.minimal || version == Version::V3_1_1 {
            return Ok(());
        }
        let message = format!(
            "Remaining Length {} is written in {} bytes and fits in {}",
            self.remaining,
            self.len - 1,
            varint::len(self.remaining)
        );
        Err(violation(
            Rule::VariableByteIntegerPadded,
            Some(version),
            self.packet,
            1,
            message,
        ))
    }

    /// [MQTT-3.1.2-24], [MQTT-3.2.2-15] (5.0); the whole packet counts [X-5.0-size-4].
    fn check_size(self, max: u32, peer: Role, version: Option<Version>) -> Result<(), Violation> {
        if self.packet_len() <= max as usize {
            return Ok(());
        }
        let rule = match peer {
            Role::Client => Rule::PacketTooLargeForServer,
            Role::Server => Rule::PacketTooLargeForClient,
        };
        let message = format!(
            "the packet takes {} where at most {max} are allowed",
            Count(self.packet_len())
        );
        Err(violation(rule, version, self.packet, 1, message))
    }

    /// Decodes the body; `bytes` are the whole packet, in the `shared` buffer if there is one.
    #[inline(always)]
    fn decode(
        self,
        bytes: &[u8],
        shared: Option<&Bytes>,
        peer: Role,
        version: Option<Version>,
    ) -> Result<Option<Packet>, Violation> {
        let reader = self.reader(bytes, peer, version);
        self.decode_with(match shared {
            Some(shared) => reader.sharing(shared),
            None => reader,
        })
    }

    #[inline]
    fn reader<'a>(self, bytes: &'a [u8], peer: Role, version: Option<Version>) -> Reader<'a> {
        let version = version.unwrap_or(Version::V5_0);
        Reader::new(bytes, self.len, version, self.packet, peer)
    }

    #[inline(always)]
    fn decode_with(self, mut reader: Reader<'_>) -> Result<Option<Packet>, Violation> {
        if self.minimal {
            Packet::decode(&mut reader, self.flags)
        } else {
            self.decode_padded(reader)
        }
    }

    #[cold]
    fn decode_padded(self, mut reader: Reader<'_>) -> Result<Option<Packet>, Violation> {
        let decoded = Packet::decode(&mut reader, self.flags);
        // What version a CONNECT has to obey is known only now.
        if let Ok(Some(Packet::Connect(connect))) = &decoded {
            self.check_minimal(connect.version)?;
        }
        decoded
    }
}

/// Packet type, direction and flags.
#[inline(always)]
fn check_first_byte(
    first: u8,
    peer: Role,
    version: Option<Version>,
) -> Result<PacketType, Violation> {
    let number = first >> 4;
    let exists = PacketType::from_number(number)
        .filter(|packet| (*packet, version) != (PacketType::Auth, Some(Version::V3_1_1)));
    let Some(packet) = exists else {
        // [X-3.1.1-type-1], [X-5.0-type-1]
        let version = version.unwrap_or(Version::V5_0);
        let message = format!("packet type {number} is reserved in MQTT {version}").into();
        return Err(Violation {
            rule: Rule::ReservedPacketType,
            version,
            packet: None,
            offset: 0,
            message,
        });
    };
    if peer == Role::Client && version.is_none() && packet != PacketType::Connect {
        // [MQTT-3.1.0-1]
        let message = "the first packet of a client has to be CONNECT";
        return Err(violation(
            Rule::ConnectExpected,
            version,
            packet,
            0,
            message,
        ));
    }
    let spoken = version.unwrap_or(Version::V5_0);
    if !may_send(peer, packet, spoken) {
        // [X-3.1.1-type-1], [X-5.0-type-1]
        let message = format!("a {peer} never sends {packet} in MQTT {spoken}");
        return Err(violation(Rule::WrongDirection, version, packet, 0, message));
    }
    let flags = first & 0x0F;
    match fixed_flags(packet) {
        // [MQTT-2.2.2-2] (3.1.1), [MQTT-2.1.3-1] (5.0)
        Some(fixed) if flags != fixed => {
            let message = format!("flags {flags:04b} where {fixed:04b} is fixed");
            Err(violation(
                Rule::FixedHeaderFlags,
                version,
                packet,
                0,
                message,
            ))
        }
        Some(_) => Ok(packet),
        None => match check_publish_flags(flags) {
            Ok(()) => Ok(packet),
            Err((rule, message)) => Err(violation(rule, version, packet, 0, message)),
        },
    }
}

#[cold]
fn violation(
    rule: Rule,
    version: Option<Version>,
    packet: PacketType,
    offset: usize,
    message: impl Into<Cow<'static, str>>,
) -> Violation {
    let version = version.unwrap_or(Version::V5_0);
    Violation {
        rule,
        version,
        packet: Some(packet),
        offset,
        message: message.into(),
    }
}

/// Why a packet cannot be put on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A string or binary field is longer than 65,535 bytes.
    #[error("a field of {0} bytes is longer than the 65,535 that two bytes can say")]
    FieldTooLong(usize),
    /// A Subscription Identifier is larger than a variable byte integer can say.
    #[error("{0} is larger than 268,435,455, the most a variable byte integer can say")]
    IntegerTooLarge(u32),
    /// The Remaining Length would exceed 268,435,455.
    #[error("a packet of {0} bytes is longer than MQTT can frame")]
    PacketTooLong(usize),
    /// The packet does not exist in this version.
    #[error("{0} does not exist in MQTT {1}")]
    NotInVersion(PacketType, Version),
}

/// The bytes of a packet. Only what cannot be written is refused: a packet that breaks other rules is encoded as
/// it is, because a test harness has to send those as well. What the version does not have (properties and reason
/// codes in 3.1.1) is left out; a CONNECT is written in its own version.
///
/// # Errors
/// See [`EncodeError`].
pub fn encode(packet: &Packet, version: Version) -> Result<Bytes, EncodeError> {
    let mut out = BytesMut::new();
    packet.encode(version, &mut out)?;
    Ok(out.freeze())
}

/// Like [`encode`], appended to `out`, which a connection can use again for each packet.
///
/// # Errors
/// See [`EncodeError`]; `out` is then as it was.
pub fn encode_into(
    packet: &Packet,
    version: Version,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    packet.encode(version, out)
}
