//! The bytes that a proxy passes on, as a pcap file: connections with made-up TCP headers, so that tools for captures
//! read them.
//!
//! The file is what was passed on, when it was: what a fault has swallowed is not in it. Clients have their own
//! addresses; the other end is the proxy's, with MQTT's own port so that it is recognised.

use super::event::{Ends, Event, What};
use squall_protocol::Role;
use std::{
    collections::BTreeMap,
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

/// Numbers in the file are in little-endian order, and times in microseconds.
const MAGIC: u32 = 0xA1B2_C3D4;
/// Records begin with an IPv4 or IPv6 header.
const LINKTYPE_RAW: u32 = 101;
/// The longest record.
const SNAPLEN: u32 = 65_535;
/// Bytes of a segment; with its headers it stays below what a length in IPv4 can say.
const SEGMENT: usize = 32 * 1024;
/// The port of MQTT over TCP.
const MQTT: u16 = 1883;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// Writes a pcap file.
#[derive(Debug)]
pub struct Capture<W> {
    out: W,
    open: BTreeMap<u64, Conversation>,
}

#[derive(Debug)]
struct Conversation {
    client: SocketAddr,
    server: SocketAddr,
    /// The next sequence numbers of client and server.
    next: [u32; 2],
}

impl<W: Write> Capture<W> {
    /// Begins the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(mut out: W) -> io::Result<Self> {
        let mut head = Vec::with_capacity(24);
        head.extend(MAGIC.to_le_bytes());
        head.extend(2_u16.to_le_bytes());
        head.extend(4_u16.to_le_bytes());
        head.extend([0; 8]);
        head.extend(SNAPLEN.to_le_bytes());
        head.extend(LINKTYPE_RAW.to_le_bytes());
        out.write_all(&head)?;
        out.flush()?;
        Ok(Self {
            out,
            open: BTreeMap::new(),
        })
    }

    /// Writes what there is of an event, which happened so long after the beginning of 1970. When this returns the file
    /// is whole as far as it goes.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn event(&mut self, since_1970: Duration, event: &Event<'_>) -> io::Result<()> {
        match event.what {
            What::Opened(ends) => self.begin(since_1970, event.conn, ends)?,
            What::Passed { from, bytes } => {
                for piece in bytes.chunks(SEGMENT) {
                    self.segment(since_1970, event.conn, from, PSH | ACK, piece)?;
                }
            }
            What::Over { reset } => {
                let last = if reset { RST } else { FIN };
                self.segment(since_1970, event.conn, Role::Client, last | ACK, &[])?;
                if !reset {
                    self.segment(since_1970, event.conn, Role::Server, FIN | ACK, &[])?;
                    self.segment(since_1970, event.conn, Role::Client, ACK, &[])?;
                }
                self.open.remove(&event.conn);
            }
            _ => return Ok(()),
        }
        self.out.flush()
    }

    fn begin(&mut self, at: Duration, conn: u64, ends: Ends) -> io::Result<()> {
        let conversation = Conversation {
            client: ends.client,
            server: SocketAddr::new(ends.here.ip(), MQTT),
            next: [0, 0],
        };
        self.open.insert(conn, conversation);
        self.segment(at, conn, Role::Client, SYN, &[])?;
        self.segment(at, conn, Role::Server, SYN | ACK, &[])?;
        self.segment(at, conn, Role::Client, ACK, &[])
    }

    fn segment(
        &mut self,
        at: Duration,
        conn: u64,
        from: Role,
        flags: u8,
        payload: &[u8],
    ) -> io::Result<()> {
        let Some(conversation) = self.open.get_mut(&conn) else {
            return Ok(());
        };
        let packet = conversation.segment(from, flags, payload);
        let seconds = u32::try_from(at.as_secs()).unwrap_or(u32::MAX);
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        let mut record = Vec::with_capacity(16 + packet.len());
        for number in [seconds, at.subsec_micros(), length, length] {
            record.extend(number.to_le_bytes());
        }
        record.extend(packet);
        // One write is one record: whoever is killed between two has written whole ones.
        self.out.write_all(&record)
    }
}

impl Conversation {
    /// An IP packet with a TCP segment in it.
    fn segment(&mut self, from: Role, flags: u8, payload: &[u8]) -> Vec<u8> {
        let (own, peer) = match from {
            Role::Client => (0, 1),
            Role::Server => (1, 0),
        };
        let (source, target) = match from {
            Role::Client => (self.client, self.server),
            Role::Server => (self.server, self.client),
        };
        let acknowledged = if flags & ACK == 0 { 0 } else { self.next[peer] };
        let mut tcp = Vec::with_capacity(20 + payload.len());
        tcp.extend(source.port().to_be_bytes());
        tcp.extend(target.port().to_be_bytes());
        tcp.extend(self.next[own].to_be_bytes());
        tcp.extend(acknowledged.to_be_bytes());
        tcp.extend([5 << 4, flags]);
        tcp.extend(u16::MAX.to_be_bytes());
        tcp.extend([0; 4]);
        tcp.extend(payload);
        let counted = payload.len() + usize::from(flags & (SYN | FIN) != 0);
        let counted = u32::try_from(counted).unwrap_or(0);
        self.next[own] = self.next[own].wrapping_add(counted);
        let length = u16::try_from(tcp.len()).unwrap_or(u16::MAX);
        match (source.ip(), target.ip()) {
            (IpAddr::V4(source), IpAddr::V4(target)) => {
                let ends = [source.octets(), target.octets()].concat();
                seal(&mut tcp, &ends, length);
                let mut ip = vec![0x45, 0];
                ip.extend((20 + length).to_be_bytes());
                ip.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
                ip.extend(ends);
                let sum = checksum(&ip).to_be_bytes();
                ip[10..12].copy_from_slice(&sum);
                [ip, tcp].concat()
            }
            (source, target) => {
                let ends = [wide(source), wide(target)].concat();
                seal(&mut tcp, &ends, length);
                let mut ip = vec![0x60, 0, 0, 0];
                ip.extend(length.to_be_bytes());
                ip.extend([6, 64]);
                ip.extend(ends);
                [ip, tcp].concat()
            }
        }
    }
}

fn wide(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// Writes the checksum of a segment, which counts the addresses, too.
fn seal(tcp: &mut [u8], ends: &[u8], length: u16) {
    let pseudo = [ends, &[0, 6], &length.to_be_bytes(), tcp].concat();
    let sum = checksum(&pseudo).to_be_bytes();
    tcp[16..18].copy_from_slice(&sum);
}

/// The checksum of IP and TCP.
fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | pair.get(1).copied().map_or(0, u32::from);
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(address: &str, events: &[What<'_>]) -> Vec<u8> {
        let mut capture = Capture::new(Vec::new()).unwrap();
        let ends = Ends {
            client: address.parse().unwrap(),
            here: address.parse().unwrap(),
        };
        let all = [&[What::Opened(ends)], events].concat();
        for (n, what) in all.into_iter().enumerate() {
            let event = Event {
                at: 0,
                conn: 1,
                what,
            };
            let at = Duration::from_millis(1_000_000 + n as u64);
            capture.event(at, &event).unwrap();
        }
        capture.out
    }

    /// The records: time, flags, sequence number, what is acknowledged, payload.
    fn read(file: &[u8]) -> Vec<(u32, u8, u32, u32, Vec<u8>)> {
        let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
        assert_eq!(number(&file[..4]), MAGIC);
        assert_eq!(number(&file[20..24]), LINKTYPE_RAW);
        let mut rest = &file[24..];
        let mut records = Vec::new();
        while !rest.is_empty() {
            let length = number(&rest[8..12]) as usize;
            let (packet, next) = rest[16..].split_at(length);
            let (ip, tcp) = packet.split_at(if packet[0] >> 4 == 4 { 20 } else { 40 });
            if ip.len() == 20 {
                assert_eq!(checksum(ip), 0, "a header with its checksum adds up");
                assert_eq!(usize::from(u16::from_be_bytes([ip[2], ip[3]])), length);
            }
            let ends = if ip.len() == 20 { &ip[12..] } else { &ip[8..] };
            let pseudo = [ends, &[0, 6], &(tcp.len() as u16).to_be_bytes(), tcp].concat();
            assert_eq!(checksum(&pseudo), 0, "a segment with its checksum adds up");
            let big = |at: usize| u32::from_be_bytes(tcp[at..at + 4].try_into().unwrap());
            records.push((
                number(&rest[..4]),
                tcp[13],
                big(4),
                big(8),
                tcp[20..].to_vec(),
            ));
            rest = next;
        }
        records
    }

    #[test]
    fn a_conversation_is_a_capture_with_numbers_that_fit() {
        let passed = |from, bytes| What::Passed { from, bytes };
        for address in ["127.0.0.1:4000", "[::1]:4000"] {
            let file = captured(
                address,
                &[
                    passed(Role::Client, b"ping"),
                    passed(Role::Server, b"pong!"),
                    What::Over { reset: false },
                ],
            );
            let told: Vec<_> = read(&file)
                .into_iter()
                .map(|r| (r.1, r.2, r.3, r.4))
                .collect();
            assert_eq!(
                told,
                [
                    (SYN, 0, 0, vec![]),
                    (SYN | ACK, 0, 1, vec![]),
                    (ACK, 1, 1, vec![]),
                    (PSH | ACK, 1, 1, b"ping".to_vec()),
                    (PSH | ACK, 1, 5, b"pong!".to_vec()),
                    (FIN | ACK, 5, 6, vec![]),
                    (FIN | ACK, 6, 6, vec![]),
                    (ACK, 6, 7, vec![]),
                ]
            );
        }
    }

    #[test]
    fn what_is_too_long_for_a_segment_becomes_several() {
        let bytes = vec![7; SEGMENT * 2 + 1];
        let from = Role::Client;
        let file = captured(
            "127.0.0.1:4000",
            &[What::Passed {
                from,
                bytes: &bytes,
            }],
        );
        let sizes: Vec<_> = read(&file).iter().skip(3).map(|r| r.4.len()).collect();
        assert_eq!(sizes, [SEGMENT, SEGMENT, 1]);
    }
}
