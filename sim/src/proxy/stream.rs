//! What one side of a connection sends, taken apart: pieces that are passed on, and the packets in them.

use bytes::{Bytes, BytesMut};
use squall_protocol::{Packet, PacketType, Role, Version, Violation, decode_one};

/// Longest packet that is kept until it is whole before it is passed on, where it has to be, in bytes; of longer ones
/// pieces of this length are passed on.
const HELD: usize = 64 * 1024;
/// Longest packet that is looked into, in bytes.
const READ: usize = 1 << 20;
/// The most bytes of a Fixed Header.
const HEADER: usize = 5;

/// Bytes to be passed on, and what ends with them.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) bytes: Bytes,
    pub(super) done: Option<Done>,
}

/// What ends with a piece.
#[derive(Debug)]
pub(super) enum Done {
    /// A packet, or what should be one.
    Packet {
        read: Result<Packet, Violation>,
        length: usize,
    },
    /// A packet that is too long to be looked into.
    Unread {
        kind: Option<PacketType>,
        length: usize,
    },
    /// Where packets begin and end is not known any more.
    Lost,
}

impl Done {
    /// Bytes of the packet that is over; 0 where that is not known.
    pub(super) const fn length(&self) -> usize {
        match self {
            Self::Packet { length, .. } | Self::Unread { length, .. } => *length,
            Self::Lost => 0,
        }
    }
}

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct Stream {
    from: Role,
    version: Option<Version>,
    /// Packets are passed on whole, so that what happens to them does not depend on the pieces in which they came.
    whole: bool,
    /// What came and was not passed on yet.
    waiting: BytesMut,
    /// What was passed on of the packet under way: all of it, or its header.
    copy: BytesMut,
    /// How much that was.
    passed: usize,
    /// No packets are looked for.
    raw: bool,
}

impl Stream {
    pub(super) fn new(from: Role, whole: bool) -> Self {
        Self {
            from,
            version: None,
            whole,
            waiting: BytesMut::new(),
            copy: BytesMut::new(),
            passed: 0,
            raw: false,
        }
    }

    /// The client has said the version.
    pub(super) const fn set_version(&mut self, version: Version) {
        self.version = Some(version);
    }

    /// From now on no packets are looked for.
    pub(super) fn give_up(&mut self) {
        self.raw = true;
        self.copy = BytesMut::new();
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// The next piece; `None` until more comes.
    pub(super) fn next(&mut self) -> Option<Piece> {
        if self.waiting.is_empty() {
            return None;
        }
        if self.raw {
            return self.part(self.waiting.len());
        }
        let length = match self.length() {
            Length::Unknown if self.whole => return None,
            Length::Unknown => return self.part(self.waiting.len()),
            Length::None => {
                self.raw = true;
                let piece = self.part(self.waiting.len())?;
                return Some(Piece {
                    done: Some(Done::Lost),
                    ..piece
                });
            }
            Length::Of(length) => length,
        };
        let left = length - self.passed;
        if self.waiting.len() >= left {
            return Some(self.end(length, left));
        }
        match self.whole {
            true if length <= HELD => None,
            // Where pieces end depends on nothing but the packet.
            true => {
                let block = HELD - self.passed % HELD;
                (self.waiting.len() >= block).then(|| self.part(block))?
            }
            false => self.part(self.waiting.len()),
        }
    }

    /// Nothing more comes: what was kept of a packet that is not whole.
    pub(super) fn rest(&mut self) -> Option<Piece> {
        (!self.waiting.is_empty()).then(|| self.part(self.waiting.len()))?
    }

    /// So many bytes, with which nothing ends.
    fn part(&mut self, count: usize) -> Option<Piece> {
        let bytes = self.waiting.split_to(count).freeze();
        if !self.raw {
            let known = matches!(self.length(), Length::Of(length) if length > READ);
            self.passed += bytes.len();
            if !known || self.copy.len() < HEADER {
                self.copy.extend_from_slice(&bytes);
            }
        }
        Some(Piece { bytes, done: None })
    }

    /// The rest of a packet.
    fn end(&mut self, length: usize, left: usize) -> Piece {
        let bytes = self.waiting.split_to(left).freeze();
        let first = self.copy.first().or(bytes.first()).copied();
        let done = if length > READ {
            self.copy.clear();
            Done::Unread {
                kind: first.and_then(|first| PacketType::from_number(first >> 4)),
                length,
            }
        } else {
            let packet = match self.copy.is_empty() {
                true => bytes.clone(),
                false => {
                    let mut packet = std::mem::take(&mut self.copy);
                    packet.extend_from_slice(&bytes);
                    packet.freeze()
                }
            };
            let read = self.read(&packet);
            Done::Packet { read, length }
        };
        self.passed = 0;
        Piece {
            bytes,
            done: Some(done),
        }
    }

    /// A packet before CONNECT has no version; it is one if it is one in either.
    fn read(&self, packet: &Bytes) -> Result<Packet, Violation> {
        let read = |version| decode_one(packet, self.from, version).map(|frame| frame.packet);
        let is_connect = packet.first().is_some_and(|first| first >> 4 == 1);
        match self.version {
            None if self.from == Role::Client && !is_connect => {
                read(Some(Version::V5_0)).or_else(|_| read(Some(Version::V3_1_1)))
            }
            version => read(version),
        }
    }

    /// The length of the packet under way, with its header.
    fn length(&self) -> Length {
        let head = self.copy.iter().chain(&self.waiting).copied();
        let mut length = 0;
        for (place, byte) in head.skip(1).take(HEADER - 1).enumerate() {
            length |= usize::from(byte & 0x7F) << (7 * place);
            if byte & 0x80 == 0 {
                return Length::Of(2 + place + length);
            }
            if place == HEADER - 2 {
                return Length::None;
            }
        }
        Length::Unknown
    }
}

enum Length {
    Of(usize),
    /// More bytes are needed.
    Unknown,
    /// It is none.
    None,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is passed on, and the packets that were seen, as words.
    fn told(chunks: &[&[u8]], whole: bool) -> (Vec<u8>, Vec<String>) {
        let mut stream = Stream::new(Role::Client, whole);
        stream.set_version(Version::V5_0);
        let (mut passed, mut seen) = (Vec::new(), Vec::new());
        let mut take = |piece: Piece| {
            passed.extend_from_slice(&piece.bytes);
            seen.extend(piece.done.map(|done| match done {
                Done::Packet { read: Ok(p), .. } => p.summary(),
                Done::Packet { read: Err(v), .. } => v.to_string(),
                other => format!("{other:?}"),
            }));
        };
        for chunk in chunks {
            stream.push(chunk);
            while let Some(piece) = stream.next() {
                take(piece);
            }
        }
        stream.rest().into_iter().for_each(take);
        (passed, seen)
    }

    fn publish(payload: usize) -> Vec<u8> {
        let mut body = vec![0, 1, b'a', 0];
        body.resize(4 + payload, 7);
        let mut bytes = vec![0x30];
        let mut left = body.len();
        while left > 0x7F {
            bytes.push((left & 0x7F) as u8 | 0x80);
            left >>= 7;
        }
        bytes.push(left as u8);
        bytes.extend(body);
        bytes
    }

    #[test]
    fn long_packets_are_passed_on_in_pieces_and_looked_into_up_to_a_mebibyte() {
        for (size, word) in [(100_000, "PUBLISH a QoS 0"), (READ, "Unread")] {
            let bytes = [publish(size), vec![0xC0, 0]].concat();
            for whole in [true, false] {
                let chunks: Vec<_> = bytes.chunks(10_000).collect();
                let (passed, seen) = told(&chunks, whole);
                assert!(passed == bytes, "nothing is lost of {size}");
                assert!(seen[0].starts_with(word), "{seen:?}");
                assert_eq!(seen[1], "PINGREQ");
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_pass_unchanged_and_say_the_same_in_any_pieces(
            mut bytes in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..200),
                (0usize..300).prop_map(publish),
            ],
            more in proptest::collection::vec(any::<u8>(), 0..20),
            size in 1usize..40,
        ) {
            bytes.extend(more);
            let whole = told(&[&bytes], true);
            let chunks: Vec<_> = bytes.chunks(size).collect();
            for held in [true, false] {
                let pieces = told(&chunks, held);
                prop_assert_eq!(&pieces.0, &bytes);
                prop_assert_eq!(&pieces.1, &whole.1);
            }
        }
    }
}
