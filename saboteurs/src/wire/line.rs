//! The wire of one connection over bytes: where packets begin and end, and what becomes of them.

use super::{Direction, Passed, Tamper, Wire};
use bytes::{Bytes, BytesMut};
use squall_protocol::{Packet, Role, Version, decode_one, encode};

/// An unfinished packet of more bytes than this is passed on as it comes, in bytes.
const HELD_BACK: usize = 64 << 10;

/// One direction of a connection: bytes in, packets out, as far as they can be read.
#[derive(Debug, Default)]
struct Reading {
    buffer: BytesMut,
    /// Where packets begin cannot be told any more: bytes go on as they are.
    is_lost: bool,
}

/// What was read: a packet, or bytes that are none.
enum Read {
    Packet(Packet),
    Bytes(Bytes),
}

impl Reading {
    fn next(&mut self, peer: Role, version: Option<Version>) -> Option<Read> {
        if self.buffer.is_empty() {
            return None;
        }
        match packet_len(&self.buffer) {
            _ if self.is_lost => Some(Read::Bytes(self.buffer.split().freeze())),
            Some(Ok(len)) if self.buffer.len() >= len => {
                let bytes = self.buffer.split_to(len).freeze();
                Some(match decode_one(&bytes, peer, version) {
                    Ok(frame) => Read::Packet(frame.packet),
                    Err(_) => Read::Bytes(bytes),
                })
            }
            Some(Ok(len)) if len <= HELD_BACK => None,
            None => None,
            Some(_) => {
                self.is_lost = true;
                self.next(peer, version)
            }
        }
    }
}

/// How long the packet at the beginning is: `None` while that cannot be told, an error when it never can.
fn packet_len(bytes: &[u8]) -> Option<Result<usize, ()>> {
    let mut remaining = 0;
    for (i, byte) in bytes.iter().skip(1).take(4).enumerate() {
        remaining |= usize::from(byte & 0x7F) << (7 * i);
        if byte & 0x80 == 0 {
            return Some(Ok(2 + i + remaining));
        }
    }
    (bytes.len() > 4).then_some(Err(()))
}

/// Both directions of one connection.
#[derive(Debug)]
pub(super) struct Line {
    wire: Wire,
    up: Reading,
    down: Reading,
    version: Option<Version>,
}

impl Line {
    pub(super) fn new(tamper: Tamper) -> Self {
        Self {
            wire: Wire::new(tamper),
            up: Reading::default(),
            down: Reading::default(),
            version: None,
        }
    }

    /// What reaches the server of what the client sent. What cannot be read as a packet goes on byte for byte, and so
    /// does everything, at once, unless the tamper is about it.
    pub(super) fn up(&mut self, bytes: &[u8]) -> Bytes {
        let at_once = self.wire.tamper().direction() == Direction::ToClient;
        let mut out = BytesMut::new();
        if at_once {
            out.extend_from_slice(bytes);
        }
        self.up.buffer.extend_from_slice(bytes);
        while let Some(read) = self.up.next(Role::Client, self.version) {
            if let Read::Packet(Packet::Connect(connect)) = &read {
                self.version = self.version.or(Some(connect.version));
            }
            if !at_once {
                let all = passed(&mut self.wire, Direction::ToServer, self.version, read);
                out.extend_from_slice(&all);
            }
        }
        out.freeze()
    }

    /// What reaches the client of what the server sent.
    pub(super) fn down(&mut self, bytes: &[u8]) -> Bytes {
        let mut out = BytesMut::new();
        self.down.buffer.extend_from_slice(bytes);
        while let Some(read) = self.down.next(Role::Server, self.version) {
            let all = passed(&mut self.wire, Direction::ToClient, self.version, read);
            out.extend_from_slice(&all);
        }
        out.freeze()
    }

    /// What still reaches the server when the client has ended: half a packet.
    pub(super) fn client_ends(&mut self) -> Bytes {
        match self.wire.tamper().direction() {
            Direction::ToClient => Bytes::new(),
            Direction::ToServer => self.up.buffer.split().freeze(),
        }
    }

    /// What still reaches the client when the server has ended: what was held back, and half a packet.
    pub(super) fn server_ends(&mut self) -> Bytes {
        let mut out = BytesMut::new();
        if let (Some(held), Some(version)) = (self.wire.finish(), self.version) {
            out.extend_from_slice(&encoded(&held, version));
        }
        out.extend_from_slice(&self.down.buffer.split());
        out.freeze()
    }
}

/// What goes on of what was read.
fn passed(wire: &mut Wire, direction: Direction, version: Option<Version>, read: Read) -> BytesMut {
    let mut out = BytesMut::new();
    match (read, version) {
        (Read::Packet(packet), Some(version)) => {
            for passed in wire.pass(direction, version, packet) {
                match passed {
                    Passed::Packet(packet) => out.extend_from_slice(&encoded(&packet, version)),
                    Passed::Raw(bytes) => out.extend_from_slice(&bytes),
                }
            }
        }
        (Read::Packet(packet), None) => out.extend_from_slice(&encoded(&packet, Version::V5_0)),
        (Read::Bytes(bytes), _) => out.extend_from_slice(&bytes),
    }
    out
}

/// A packet's bytes; none if a tamper made it longer than MQTT can say.
fn encoded(packet: &Packet, version: Version) -> Bytes {
    encode(packet, version).unwrap_or_default()
}
