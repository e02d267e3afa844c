//! What has to hold for any bytes whatever: one function for the tests, the exhaustive cases and the fuzz target.
//!
//! Where it can, it judges by code of its own (the length a header claims, what is canonical) and never by asking the
//! codec whether the codec is right.

use bytes::Bytes;
use squall_protocol::{
    Decoder, Frame, Packet, PacketType, Role, Rule, Version, Violation, decode_one, encode, hex,
    inspect, json, layout::Field,
};
use std::{collections::BTreeSet, fmt, sync::OnceLock};

/// What a stream turned out to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The whole packets, in order.
    pub(crate) frames: Vec<Frame>,
    /// What ended the stream, unless it just stops.
    pub(crate) violation: Option<Violation>,
}

/// Checks everything that holds for any bytes `peer` may send on a connection of this version (`None`: not known
/// yet). Gives what they say.
///
/// # Panics
/// When something does not hold; the message names the bytes.
pub(crate) fn check(wire: &[u8], peer: Role, version: Option<Version>) -> Reading {
    let case = Case {
        wire,
        peer,
        version,
    };
    let whole = case.read(Decoder::LARGEST_PACKET, [wire]);
    case.splits(&whole);
    case.limits(&whole);
    case.packets(&whole);
    let mut at = 0;
    let mut known = version;
    for frame in &whole.frames {
        assert_eq!(
            Some(frame.bytes.len()),
            claimed(&wire[at..]),
            "{case}: the frame at {at} is not what its header says"
        );
        case.accepted(frame, at, known);
        at += frame.bytes.len();
        if let (None, Packet::Connect(connect)) = (known, &frame.packet) {
            known = Some(connect.version);
        }
    }
    case.rest(&whole, at, known);
    whole
}

/// How many bytes the packet at the beginning of `wire` takes by its own fixed header; `None` when the Remaining
/// Length is not there or does not end with its fourth byte (the algorithm of section 2.2.3 of 3.1.1, 1.5.5 of 5.0).
pub(crate) fn claimed(wire: &[u8]) -> Option<usize> {
    let mut multiplier = 1;
    let mut value = 0;
    for at in 1..=4 {
        let byte = usize::from(*wire.get(at)?);
        value += byte % 128 * multiplier;
        multiplier *= 128;
        if byte < 128 {
            return Some(1 + at + value);
        }
    }
    None
}

/// Whether a valid packet is written the shortest way: Remaining Length in as few bytes as it needs, and in 5.0 the
/// reason code left out where it is 0x00 and nothing follows, and the Property Length left out where it is 0 and may be
/// (PUBACK, PUBREC, PUBREL, PUBCOMP: 3.4.2.1 and its siblings; DISCONNECT: 3.14.2.1).
pub(crate) fn canonical(wire: &[u8], version: Version) -> bool {
    let length = wire[1..].iter().take_while(|byte| **byte >= 128).count() + 1;
    if length > 1 && wire[length] == 0 {
        return false;
    }
    // What may be left out, the reason code first, after what has to be there.
    let optional = match (version, wire[0] >> 4) {
        (Version::V5_0, 4..=7) => &wire[1 + length + 2..],
        (Version::V5_0, 14) => &wire[1 + length..],
        _ => return true,
    };
    match optional {
        [] => true,
        [reason] => *reason != 0,
        [_, property_length, ..] => *property_length != 0,
    }
}

struct Case<'a> {
    wire: &'a [u8],
    peer: Role,
    version: Option<Version>,
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version.map_or("no version", Version::as_str);
        write!(f, "from a {} in {version}, ", self.peer)?;
        match self.wire {
            [] => f.write_str("nothing"),
            short if short.len() <= 4096 => write!(f, "{}", hex::compact(short)),
            long => write!(f, "{}… ({} bytes)", hex::compact(&long[..4096]), long.len()),
        }
    }
}

impl Case<'_> {
    /// Packets read without their bytes are the same packets, up to the same fault.
    fn packets(&self, whole: &Reading) {
        let mut decoder = Decoder::new(self.peer);
        if let Some(version) = self.version {
            decoder.set_version(version);
        }
        decoder.read_buf().extend_from_slice(self.wire);
        for frame in &whole.frames {
            assert_eq!(
                decoder.next_packet().as_ref().map(Option::as_ref),
                Ok(Some(&frame.packet)),
                "{self}: another packet"
            );
        }
        for _ in 0..2 {
            assert_eq!(
                decoder.next_packet().err(),
                whole.violation,
                "{self}: another end"
            );
        }
    }

    /// Reads the chunks through a decoder that takes packets of at most `max` bytes.
    fn read<'c>(&self, max: u32, chunks: impl IntoIterator<Item = &'c [u8]>) -> Reading {
        let mut decoder = Decoder::new(self.peer);
        decoder.set_max_packet_size(max);
        if let Some(version) = self.version {
            decoder.set_version(version);
        }
        let mut frames: Vec<Frame> = Vec::new();
        for chunk in chunks {
            decoder.push(chunk);
            loop {
                match decoder.next_frame() {
                    Ok(Some(frame)) => {
                        assert!(frame.bytes.len() <= max as usize, "{self}: over {max}");
                        frames.push(frame);
                    }
                    Ok(None) => break,
                    Err(violation) => {
                        decoder.push(&[0xC0, 0x00]);
                        assert_eq!(
                            (decoder.next_frame(), decoder.buffered()),
                            (Err(violation.clone()), 0),
                            "{self}: not broken for good"
                        );
                        let violation = Some(violation);
                        return Reading { frames, violation };
                    }
                }
            }
            // What waits is a part of a packet within the limit, or a part of a fixed header.
            let waits = decoder.buffered();
            assert!(
                waits < (max as usize).max(5),
                "{self}: {waits} wait with {max}"
            );
        }
        let taken: usize = frames.iter().map(|frame| frame.bytes.len()).sum();
        assert_eq!(
            taken + decoder.buffered(),
            self.wire.len(),
            "{self}: bytes got lost"
        );
        Reading {
            frames,
            violation: None,
        }
    }

    /// The same packets and the same violation however the bytes are cut.
    fn splits(&self, whole: &Reading) {
        let max = Decoder::LARGEST_PACKET;
        for size in [1, 2, 7] {
            let cut = self.read(max, self.wire.chunks(size));
            assert_eq!(&cut, whole, "{self}: cut into pieces of {size}");
        }
        let step = self.wire.len() / 8 + 1;
        for at in (1..self.wire.len()).step_by(step) {
            let (front, back) = self.wire.split_at(at);
            assert_eq!(&self.read(max, [front, back]), whole, "{self}: cut at {at}");
        }
    }

    /// A limit takes what fits and refuses the first packet that does not, by its header.
    fn limits(&self, whole: &Reading) {
        let sizes = whole.frames.iter().map(|frame| frame.bytes.len());
        let taken: usize = sizes.clone().sum();
        let last = claimed(&self.wire[taken..]);
        let borders: BTreeSet<usize> = sizes
            .chain(last)
            .take(4)
            .flat_map(|size| [size - 1, size])
            .chain([0])
            .collect();
        for max in borders {
            let max = u32::try_from(max).expect("less than the largest packet");
            let fits = |size: usize| size <= max as usize;
            let limited = self.read(max, [self.wire]);
            let expected = whole
                .frames
                .iter()
                .take_while(|frame| fits(frame.bytes.len()));
            assert!(
                limited.frames.iter().eq(expected),
                "{self}: other packets with {max}"
            );
            let refused = limited.violation.as_ref().is_some_and(|v| {
                let own = match self.peer {
                    Role::Client => Rule::PacketTooLargeForServer,
                    Role::Server => Rule::PacketTooLargeForClient,
                };
                v.rule == own && v.offset == 1
            });
            let all = limited.frames.len() == whole.frames.len();
            let same = limited.violation == whole.violation;
            match all {
                false => assert!(refused, "{self}: no word about the limit {max}"),
                true if last.is_none_or(fits) => assert!(same, "{self}: other end with {max}"),
                // A fault of the header may come first.
                true => assert!(
                    same && whole.violation.is_some() || refused,
                    "{self}: {max}"
                ),
            }
        }
    }

    /// What was accepted at `at` has one meaning, and comes out as it went in if it was canonical.
    fn accepted(&self, frame: &Frame, at: usize, known: Option<Version>) {
        let Frame { packet, bytes } = frame;
        let spoken = match packet {
            Packet::Connect(connect) => connect.version,
            _ => known.unwrap_or(Version::V5_0),
        };
        assert_eq!(packet.packet_type() as u8, bytes[0] >> 4, "{self}");
        // With what stands after it, and without.
        let input = Bytes::copy_from_slice(&self.wire[at..]);
        let one = decode_one(&input, self.peer, known);
        assert_eq!(one.as_ref(), Ok(frame), "{self}: decode_one at {at}");

        let again = encode(packet, spoken).unwrap_or_else(|e| panic!("{self}: {e}"));
        let back = decode_one(&again, self.peer, known);
        assert_eq!(
            back.map(|frame| frame.packet).as_ref(),
            Ok(packet),
            "{self}: another meaning"
        );
        let canonically = canonical(bytes, spoken);
        assert!(canonical(&again, spoken), "{self}: written as {again:?}");
        assert_eq!(again == bytes, canonically, "{self}: written as {again:?}");
        assert!(again.len() <= bytes.len(), "{self}: written longer");

        let inspection = inspect(&input, self.peer, known);
        assert_eq!(inspection.result, one, "{self}: inspect at {at}");
        let end = self.fields(&inspection.fields);
        assert_eq!(end, bytes.len(), "{self}: {:#?}", inspection.fields);

        let fields = serde_json::Value::Object(json::to_fields(packet, spoken));
        let read = json::from_fields(packet.packet_type(), &fields, spoken);
        assert_eq!(read.as_ref(), Ok(packet), "{self}: through {fields}");

        let mut lines = packet.describe(spoken);
        lines.push(packet.summary());
        let printable = |line: &String| !line.is_empty() && !line.contains(char::is_control);
        assert!(lines.iter().all(printable), "{self}: {lines:?}");
    }

    /// Fields follow each other without gap or overlap; gives where they end.
    fn fields(&self, fields: &[Field]) -> usize {
        fields.iter().fold(0, |end, field| {
            assert_eq!(field.offset, end, "{self}: {fields:#?}");
            end + field.len
        })
    }

    /// What stands after the last whole packet.
    fn rest(&self, whole: &Reading, at: usize, known: Option<Version>) {
        let rest = Bytes::copy_from_slice(&self.wire[at..]);
        let inspection = inspect(&rest, self.peer, known);
        let end = self.fields(&inspection.fields);
        let framed = claimed(&rest).unwrap_or(rest.len()).min(rest.len());
        assert!(end <= framed, "{self}: {:#?}", inspection.fields);
        let one = decode_one(&rest, self.peer, known);
        assert_eq!(inspection.result, one, "{self}: inspect at {at}");
        let found = match (&whole.violation, one) {
            (_, Ok(frame)) => panic!("{self}: decode_one takes {frame:?} at {at}"),
            (Some(violation), Err(found)) => {
                assert_eq!(violation, &found, "{self}: decode_one at {at}");
                found
            }
            (None, Err(found)) => {
                let cut = (found.rule, found.offset);
                assert_eq!(cut, (Rule::Truncated, rest.len()), "{self}: {found}");
                found
            }
        };
        assert!(found.offset <= framed, "{self}: byte {}", found.offset);
        self.described(&found, &rest, known);
    }

    /// A violation is about these bytes, short, printable, and rests on statements that there are.
    fn described(&self, violation: &Violation, bytes: &[u8], known: Option<Version>) {
        let packet = bytes
            .first()
            .and_then(|first| PacketType::from_number(first >> 4));
        assert!(
            violation.packet == packet || violation.rule == Rule::ReservedPacketType,
            "{self}: {violation:?}"
        );
        if let (Some(known), true) = (known, packet != Some(PacketType::Connect)) {
            assert_eq!(violation.version, known, "{self}");
        }
        let words = violation.to_string();
        assert!(!violation.message.is_empty(), "{self}: no message");
        assert!(words.len() <= 300, "{self}: {words}");
        assert!(!words.contains(char::is_control), "{self}: {words:?}");
        let statements = violation.statements();
        assert!(!statements.is_empty(), "{self}: {words} rests on nothing");
        for id in statements {
            assert!(
                catalogue(violation.version).contains(id),
                "{self}: {words}: no {id}"
            );
        }
    }
}

/// The statements of a version.
fn catalogue(version: Version) -> &'static BTreeSet<&'static str> {
    static V3: OnceLock<BTreeSet<&str>> = OnceLock::new();
    static V5: OnceLock<BTreeSet<&str>> = OnceLock::new();
    let cell = match version {
        Version::V3_1_1 => &V3,
        Version::V5_0 => &V5,
    };
    let all = || squall_catalogue::statements(version).iter();
    cell.get_or_init(|| all().map(|statement| statement.id.as_str()).collect())
}
