//! Packets as they stream in: what one end sent, taken apart packet by packet without holding more than one of them.

use crate::{exit::Result, input::Source};
use bytes::Bytes;
use squall_protocol::{
    Frame, Packet, PacketType, Role, Rule, Version, inspect,
    layout::{FieldValue, Inspection},
};

/// Packets that are shown and judged whole, in bytes with their fixed header. Of a longer PUBLISH the payload is cut.
pub(super) const WHOLE: usize = 1 << 20;

/// The packets one peer sent, one after the other. A packet that breaks a rule does not end it as long as its length
/// is known: whoever reads a capture wants to see the rest too.
pub(super) struct Stream {
    source: Source,
    pub(super) at: usize,
    from: Role,
    version: Version,
    /// Nobody said the version.
    assumed: bool,
}

/// How much of a packet is there to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// All but the end of the payload, which no rule depends on; or up to a fault in its header.
    Cut,
    /// Too little to be judged.
    Unjudged,
}

/// One packet of a stream.
pub(super) struct Decoded {
    /// Offset in the stream.
    pub(super) at: usize,
    /// Its bytes as far as they are shown; all that is left of the stream where its length is not known.
    pub(super) bytes: Bytes,
    /// How many bytes it has in the stream; `None` if its length is not known and many follow.
    pub(super) there: Option<usize>,
    pub(super) part: Part,
    pub(super) from: Role,
    pub(super) version: Version,
    /// Nobody said the version.
    pub(super) assumed: bool,
    /// The version that this packet, a CONNECT, says.
    pub(super) connect: Option<Version>,
    /// Whether to say what else it may have been.
    pub(super) hinting: bool,
    pub(super) inspection: Inspection,
}

impl Stream {
    /// Who sends is told from the first packet if nobody says; 5.0 is assumed until a CONNECT says otherwise. The first
    /// two bytes are there, or all there are.
    pub(super) fn new(source: Source, from: Option<Role>, version: Option<Version>) -> Self {
        let bytes = source.buffered();
        let first = PacketType::from_number(bytes[0] >> 4);
        let from = from.unwrap_or(match first {
            Some(
                PacketType::ConnAck
                | PacketType::SubAck
                | PacketType::UnsubAck
                | PacketType::PingResp,
            ) => Role::Server,
            _ => Role::Client,
        });
        // A CONNACK of two bytes has no room for the properties of 5.0.
        let told = version.or_else(|| bytes.starts_with(&[0x20, 2]).then_some(Version::V3_1_1));
        Self {
            source,
            at: 0,
            from,
            version: told.unwrap_or(Version::V5_0),
            assumed: told.is_none(),
        }
    }

    /// Whether the next packet can be read without waiting for input.
    pub(super) fn has_packet(&self) -> bool {
        let len = header_len(self.source.buffered()).map_or(5, |(len, _)| len);
        self.source.has(len.min(WHOLE))
    }

    /// Whether nothing more comes.
    pub(super) fn is_over(&mut self) -> Result<bool> {
        self.source.fill(1)?;
        Ok(self.source.buffered().is_empty())
    }

    pub(super) fn next(&mut self) -> Result<Option<Decoded>> {
        // No further than the header goes: what follows may be a while in coming.
        for wanted in 1..=HEADER {
            self.source.fill(wanted)?;
            if header_len(self.source.buffered()).is_some() {
                break;
            }
        }
        if self.source.buffered().is_empty() {
            return Ok(None);
        }
        let len = header_len(self.source.buffered());
        let whole = len.map_or(usize::MAX, |(len, _)| len);
        self.source.fill(whole.min(WHOLE + 1))?;
        let here = self.source.buffered().len().min(whole);
        let bytes = self.source.take(here.min(WHOLE));
        let mut there = Some(bytes.len());
        if here > WHOLE {
            there = match len {
                Some(_) => Some(bytes.len() + self.source.skip(whole - bytes.len())?),
                None => None,
            };
        }
        let (inspection, part) = match (len, there) {
            (Some((whole, header)), Some(there)) if there > bytes.len() => {
                self.inspect_part(&bytes, header, whole, there)
            }
            _ => {
                let inspection = inspect(&bytes, self.from, Some(self.version));
                (inspection, Part::Whole)
            }
        };
        // A CONNECT has a version of its own, and so has what follows it.
        let connect = connect_version(&inspection).filter(|_| self.from == Role::Client);
        if let Some(version) = connect {
            self.version = version;
            self.assumed = false;
        }
        let at = self.at;
        self.at += there.unwrap_or(bytes.len());
        if there.is_none() {
            // Nobody knows where the next packet begins, and the input may have no end.
            self.source = Source::of(Vec::new());
        }
        Ok(Some(Decoded {
            at,
            bytes,
            there,
            part,
            from: self.from,
            version: self.version,
            assumed: self.assumed,
            connect,
            hinting: true,
            inspection,
        }))
    }

    /// Reads a packet of which only the beginning is at hand. A PUBLISH is read as if its payload ended there.
    fn inspect_part(
        &self,
        bytes: &Bytes,
        header: usize,
        whole: usize,
        there: usize,
    ) -> (Inspection, Part) {
        let version = Some(self.version);
        let mut inspection = inspect(bytes, self.from, version);
        let Err(violation) = &mut inspection.result else {
            return (inspection, Part::Unjudged);
        };
        if violation.rule != Rule::Truncated {
            // A fault in the fixed header.
            return (inspection, Part::Cut);
        }
        if there < whole {
            violation.offset = there;
            violation.message = format!(
                "the packet takes {} and is cut short after {there}",
                count(whole)
            )
            .into();
            return (inspection, Part::Cut);
        }
        if PacketType::from_number(bytes[0] >> 4) != Some(PacketType::Publish) {
            return (inspection, Part::Unjudged);
        }
        let body = bytes.len() - header;
        let mut short = vec![bytes[0]];
        short.extend(remaining_length(body));
        let shift = header - short.len();
        short.extend(&bytes[header..]);
        let mut cut = inspect(&Bytes::from(short), self.from, version);
        // What it says of the header is not about this packet.
        for (field, own) in cut.fields.iter_mut().zip(&inspection.fields) {
            *field = own.clone();
        }
        for field in cut.fields.iter_mut().skip(inspection.fields.len()) {
            field.offset += shift;
            if field.name == PAYLOAD {
                field.len = whole - field.offset;
            }
        }
        let judged = match &cut.result {
            // The end of the payload may not be what the Payload Format Indicator says.
            Ok(Frame { packet, .. }) => match packet {
                Packet::Publish(p) => p.properties.payload_format_indicator() != Some(1),
                _ => false,
            },
            // Where the properties end is after what is at hand, perhaps.
            Err(_) => false,
        };
        match judged {
            true => (cut, Part::Cut),
            false => (cut, Part::Unjudged),
        }
    }
}

/// The longest fixed header.
const HEADER: usize = 5;
/// Name of the field.
pub(super) const PAYLOAD: &str = "Payload";

/// How long a packet and its fixed header are, if that says so.
pub(super) fn header_len(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut remaining = 0;
    for (n, byte) in bytes.iter().skip(1).take(HEADER - 1).enumerate() {
        remaining |= usize::from(byte & 0x7F) << (7 * n);
        if byte & 0x80 == 0 {
            return Some((2 + n + remaining, 2 + n));
        }
    }
    None
}

/// A Remaining Length in its shortest form.
pub(super) fn remaining_length(mut len: usize) -> impl Iterator<Item = u8> {
    let mut over = false;
    std::iter::from_fn(move || {
        if over {
            return None;
        }
        let low = (len & 0x7F) as u8;
        len >>= 7;
        over = len == 0;
        Some(if over { low } else { low | 0x80 })
    })
}

/// The version that a CONNECT says, also one that is broken further on.
fn connect_version(inspection: &Inspection) -> Option<Version> {
    let level = inspection
        .fields
        .iter()
        .find(|f| f.name == "Protocol Version")?;
    Version::ALL
        .into_iter()
        .find(|v| level.value == FieldValue::Integer(v.level().into()))
}

impl Decoded {
    pub(super) fn packet_type(&self) -> Option<PacketType> {
        match &self.inspection.result {
            Ok(frame) => Some(frame.packet.packet_type()),
            Err(violation) => violation.packet,
        }
    }
}

/// A number of bytes in words.
pub(super) fn count(bytes: usize) -> String {
    format!("{bytes} {}", if bytes == 1 { "byte" } else { "bytes" })
}
