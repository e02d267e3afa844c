//! A wire between two streams.

use super::{Direction, Passed, Tamper, Wire};
use bytes::{Bytes, BytesMut};
use squall_protocol::{Packet, Role, Version, decode_one, encode};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

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

/// Carries a connection between a client's and a server's stream, and tampers, until the server's end or both.
///
/// What cannot be read as a packet goes on byte for byte, and so does whatever the client sends, at once, unless the
/// tamper is about that.
///
/// # Errors
/// When one of the streams can be read or written no more.
pub async fn relay(
    tamper: Tamper,
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    mut server: impl AsyncRead + AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut wire = Wire::new(tamper);
    let (mut up, mut down) = (Reading::default(), Reading::default());
    let (mut from_client, mut from_server) = (BytesMut::new(), BytesMut::new());
    let mut version = None;
    let mut client_ended = false;
    loop {
        tokio::select! {
            biased;
            read = client.read_buf(&mut from_client), if !client_ended => {
                if read? == 0 {
                    client_ended = true;
                    server.write_all(&up.buffer).await?;
                    server.shutdown().await?;
                    continue;
                }
                let at_once = tamper.direction() == Direction::ToClient;
                let bytes = from_client.split();
                if at_once {
                    server.write_all(&bytes).await?;
                }
                up.buffer.extend_from_slice(&bytes);
                while let Some(read) = up.next(Role::Client, version) {
                    if let Read::Packet(Packet::Connect(connect)) = &read {
                        version = version.or(Some(connect.version));
                    }
                    if !at_once {
                        let all = passed(&mut wire, Direction::ToServer, version, read);
                        server.write_all(&all).await?;
                    }
                }
            }
            read = server.read_buf(&mut from_server) => {
                if read? == 0 {
                    if let (Some(held), Some(version)) = (wire.finish(), version) {
                        client.write_all(&encoded(&held, version)).await?;
                    }
                    client.write_all(&down.buffer).await?;
                    return client.shutdown().await;
                }
                down.buffer.extend_from_slice(&from_server.split());
                while let Some(read) = down.next(Role::Server, version) {
                    let all = passed(&mut wire, Direction::ToClient, version, read);
                    client.write_all(&all).await?;
                }
            }
        }
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
