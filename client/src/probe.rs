//! A raw connection for checks: sends any bytes, reads strictly, never waits without a stated end.
//!
//! A probe keeps no session, answers nothing by itself and judges nothing. Whatever the peer sends is handed on or
//! recorded: a packet, a [`Violation`] of the standard, or the end of the connection. "Nothing came" is proven by a
//! [`Probe::fence`], a round trip, wherever the order of one connection allows it.

mod journal;

pub use journal::{Event, Journal, Record};

use bytes::{Bytes, BytesMut};
use squall_protocol::{
    Decoder, EncodeError, Frame, Packet, PacketType, ReasonCode, Role, Rule, Version, Violation,
    encode, packet::Disconnect,
};
use std::{fmt, io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

/// How the peer ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// An orderly end of the stream (FIN).
    Eof,
    /// A reset (RST) or another error of the transport.
    Reset,
}

impl fmt::Display for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Eof => "end of stream",
            Self::Reset => "reset",
        })
    }
}

/// Why a probe could not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// No connection.
    #[error("could not connect to {0}: {1}")]
    Connect(SocketAddr, io::Error),
    /// No connection within the time.
    #[error("could not connect to {0} within {1:?}")]
    ConnectTimeout(SocketAddr, Duration),
    /// The peer has closed the connection.
    #[error("could not send {0}: the connection is closed ({1})")]
    Closed(String, io::Error),
    /// The peer does not read.
    #[error("could not send {0} within {1:?}: the server does not read")]
    SendTimeout(String, Duration),
    /// The packet cannot be written.
    #[error("could not write the packet: {0}")]
    Encode(#[from] EncodeError),
}

/// What a probe heard while it waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A well-formed packet.
    Packet(Packet),
    /// The peer broke the standard. Nothing more can be read from it but the end of the connection.
    Violation(Violation),
    /// The peer closed the connection.
    Closed(Close),
    /// A packet longer than [`Probe::LARGEST_PACKET`] is on its way; the probe does not make room for it.
    TooLong,
    /// Nothing within the time.
    Silence,
}

/// The outcome of [`Probe::fence`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// What arrived in front of the end; at most the first 5,000 packets.
    pub before: Vec<Packet>,
    /// What ended the wait; a `Packet` is the PINGRESP.
    pub end: Heard,
}

impl Fence {
    /// Whether the PINGRESP came.
    #[must_use]
    pub fn reached(&self) -> bool {
        matches!(self.end, Heard::Packet(_))
    }
}

/// The outcome of [`Probe::expect_close`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// What arrived before; at most the first 5,000 packets.
    pub before: Vec<Packet>,
    /// The violation after which nothing could be read any more, if there was one.
    pub violation: Option<Violation>,
    /// How the connection ended; `None` when it did not end within the time.
    pub close: Option<Close>,
}

/// One raw connection to a server. Dropping it closes the connection without a DISCONNECT.
#[derive(Debug)]
pub struct Probe {
    stream: TcpStream,
    decoder: Decoder,
    version: Version,
    announced_max: Option<u32>,
    /// Bytes that arrived behind the last whole packet.
    unread: BytesMut,
    ended: Option<Close>,
    /// The probe itself has closed its side.
    closed: bool,
    broken: Option<Heard>,
    send_timeout: Duration,
    journal: Journal,
    party: usize,
}

impl Probe {
    /// The longest packet in bytes that a probe takes in; no check provokes one that long.
    pub const LARGEST_PACKET: u32 = 1 << 20;

    /// Opens a connection with a journal of its own; waits at most `limit`, for the connection and later for each
    /// write.
    ///
    /// # Errors
    /// When there is no connection within the time.
    pub async fn connect(addr: SocketAddr, limit: Duration) -> Result<Self, ProbeError> {
        Self::connect_as(addr, limit, &Journal::new(), "client").await
    }

    /// Like [`Self::connect`], writing into `journal` under the party `name`.
    ///
    /// # Errors
    /// When there is no connection within the time.
    pub async fn connect_as(
        addr: SocketAddr,
        limit: Duration,
        journal: &Journal,
        name: &str,
    ) -> Result<Self, ProbeError> {
        let stream = match timeout(limit, TcpStream::connect(addr)).await {
            Err(_) => return Err(ProbeError::ConnectTimeout(addr, limit)),
            Ok(Err(error)) => return Err(ProbeError::Connect(addr, error)),
            Ok(Ok(stream)) => stream,
        };
        // One packet is one segment; without it the kernel may hold a small packet back. A socket that refuses the
        // option still works.
        let _ = stream.set_nodelay(true);
        let mut decoder = Decoder::new(Role::Server);
        decoder.set_max_packet_size(Self::LARGEST_PACKET);
        let party = journal.add_party(name);
        journal.write(party, Event::Opened);
        Ok(Self {
            stream,
            decoder,
            version: Version::V5_0,
            announced_max: None,
            unread: BytesMut::new(),
            ended: None,
            closed: false,
            broken: None,
            send_timeout: limit,
            journal: journal.clone(),
            party,
        })
    }

    /// The version in which packets are written and read; [`Self::send`] of a CONNECT sets it.
    pub fn speak(&mut self, version: Version) {
        self.version = version;
        self.decoder.set_version(version);
    }

    /// The version in which packets are written and read.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Index of this connection's party in the journal.
    #[must_use]
    pub const fn party(&self) -> usize {
        self.party
    }

    /// Writes a remark into the journal.
    pub fn note(&self, text: impl Into<String>) {
        self.journal.write(self.party, Event::Note(text.into()));
    }

    /// Sends a packet. A CONNECT fixes the version, and its Maximum Packet Size is held against the server.
    ///
    /// # Errors
    /// When the packet cannot be written or the peer has closed the connection or does not read.
    pub async fn send(&mut self, packet: &Packet) -> Result<(), ProbeError> {
        if let Packet::Connect(connect) = packet {
            self.speak(connect.version);
            if let Some(max) = connect.properties.maximum_packet_size() {
                self.announced_max = Some(max);
                self.decoder
                    .set_max_packet_size(max.min(Self::LARGEST_PACKET));
            }
        }
        let bytes = encode(packet, self.version)?;
        self.journal.write(
            self.party,
            Event::Sent(packet.clone(), self.version, bytes.clone()),
        );
        self.write(&bytes, packet.packet_type().name()).await
    }

    /// Sends any bytes; `what` says in the journal what they are meant to be.
    ///
    /// # Errors
    /// When the peer has closed the connection or does not read.
    pub async fn send_raw(&mut self, what: &str, bytes: &[u8]) -> Result<(), ProbeError> {
        let copy = Bytes::copy_from_slice(bytes);
        self.journal
            .write(self.party, Event::SentRaw(what.to_owned(), copy));
        self.write(bytes, what).await
    }

    async fn write(&mut self, bytes: &[u8], what: &str) -> Result<(), ProbeError> {
        match timeout(self.send_timeout, self.stream.write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                self.note(format!("could not send {what}: {error}"));
                Err(ProbeError::Closed(what.to_owned(), error))
            }
            Err(_) => {
                self.note(format!(
                    "could not send {what}: the server does not read what it is sent"
                ));
                Err(ProbeError::SendTimeout(what.to_owned(), self.send_timeout))
            }
        }
    }

    /// The next thing that comes, within `limit`. After a violation or the end of the connection it is the same
    /// answer for ever.
    pub async fn next(&mut self, limit: Duration) -> Heard {
        self.next_until(Instant::now() + limit).await
    }

    async fn next_until(&mut self, deadline: Instant) -> Heard {
        loop {
            if let Some(heard) = self.decoded() {
                return heard;
            }
            if let Some(close) = self.ended {
                return Heard::Closed(close);
            }
            if !self.fill(deadline).await {
                return Heard::Silence;
            }
        }
    }

    /// What the bytes that have arrived say.
    fn decoded(&mut self) -> Option<Heard> {
        if let Some(heard) = &self.broken {
            return Some(heard.clone());
        }
        match self.decoder.next_frame() {
            Ok(None) => None,
            Ok(Some(Frame { packet, bytes })) => {
                let _ = self.unread.split_to(bytes.len().min(self.unread.len()));
                let event = Event::Received(packet.clone(), self.version, bytes);
                self.journal.write(self.party, event);
                Some(Heard::Packet(packet))
            }
            Err(violation) => Some(self.broken_by(violation)),
        }
    }

    fn broken_by(&mut self, violation: Violation) -> Heard {
        let too_long = violation.rule == Rule::PacketTooLargeForClient;
        let heard = if too_long
            && self
                .announced_max
                .is_none_or(|max| max > Self::LARGEST_PACKET)
        {
            self.note(format!(
                "the server is sending a packet of more than {} bytes",
                Self::LARGEST_PACKET
            ));
            Heard::TooLong
        } else {
            let bytes = Bytes::copy_from_slice(&self.unread);
            self.journal
                .write(self.party, Event::Broken(violation.clone(), bytes));
            Heard::Violation(violation)
        };
        self.broken = Some(heard.clone());
        heard
    }

    /// Reads once; `false` when nothing came in time.
    async fn fill(&mut self, deadline: Instant) -> bool {
        let mut buffer = [0; 16 * 1024];
        let close = match timeout_at(deadline, self.stream.read(&mut buffer)).await {
            Err(_) => return false,
            Ok(Ok(0)) => Close::Eof,
            Ok(Ok(n)) => {
                self.decoder.push(&buffer[..n]);
                if self.broken.is_none() {
                    self.unread.extend_from_slice(&buffer[..n]);
                }
                return true;
            }
            Ok(Err(_)) => Close::Reset,
        };
        self.ended = Some(close);
        if !self.closed {
            self.journal.write(self.party, Event::PeerClosed(close));
        }
        true
    }

    /// Waits at most `limit` until something has arrived that was not looked at yet, and leaves it unread.
    pub async fn peek(&mut self, limit: Duration) {
        if self.unread.is_empty() && self.ended.is_none() {
            self.fill(Instant::now() + limit).await;
        }
    }

    /// Bytes that arrived and are not part of a whole, well-formed packet: what a violation was found in.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        &self.unread
    }

    /// The next packet, if it is of type `expected`.
    ///
    /// # Errors
    /// What came instead: another packet, a violation, the end, or silence for `limit`.
    pub async fn expect_packet(
        &mut self,
        expected: PacketType,
        limit: Duration,
    ) -> Result<Packet, Heard> {
        match self.next(limit).await {
            Heard::Packet(packet) if packet.packet_type() == expected => Ok(packet),
            other => Err(other),
        }
    }

    /// Sends PINGREQ and collects what arrives in front of the PINGRESP. When it comes, the server has handled all
    /// that was sent before it, and nothing that it had put on this connection is still under way.
    ///
    /// Waits at most `limit` for the whole; a connection that cannot be written to is read to its end.
    pub async fn fence(&mut self, limit: Duration) -> Fence {
        let deadline = Instant::now() + limit;
        // A failed write shows when reading: the end of the connection is what comes then.
        let _ = self.send(&Packet::PingReq).await;
        let mut before = Vec::new();
        loop {
            match self.next_until(deadline).await {
                Heard::Packet(packet) if packet != Packet::PingResp => keep(&mut before, packet),
                end => return Fence { before, end },
            }
        }
    }

    /// Waits at most `limit` for the peer to close the connection; tells how it did and what it sent before.
    pub async fn expect_close(&mut self, limit: Duration) -> Ending {
        let deadline = Instant::now() + limit;
        let mut ending = Ending {
            before: Vec::new(),
            violation: None,
            close: None,
        };
        loop {
            match self.next_until(deadline).await {
                Heard::Packet(packet) => keep(&mut ending.before, packet),
                Heard::Closed(close) => {
                    ending.close = Some(close);
                    return ending;
                }
                Heard::Silence => return ending,
                broken @ (Heard::Violation(_) | Heard::TooLong) => {
                    if let Heard::Violation(violation) = broken {
                        ending.violation = Some(violation);
                    }
                    ending.close = self.read_to_end(deadline).await;
                    return ending;
                }
            }
        }
    }

    /// Reads without looking at the bytes until the peer closes or the time is over.
    async fn read_to_end(&mut self, deadline: Instant) -> Option<Close> {
        while self.ended.is_none() {
            if !self.fill(deadline).await {
                return None;
            }
        }
        self.ended
    }

    /// Says goodbye: DISCONNECT with reason 0x00, then ends the stream and waits at most `limit` for the peer to close
    /// too, so that it has handled the end when this returns. A connection that is gone already is closed all the
    /// same.
    pub async fn disconnect(mut self, limit: Duration) {
        let goodbye = Disconnect::with_reason(ReasonCode::NORMAL_DISCONNECTION);
        if self.send(&Packet::Disconnect(goodbye)).await.is_ok() {
            self.end(limit).await;
        }
    }

    /// Ends the connection without a DISCONNECT, as a crash of the client would, and waits at most `limit` for the
    /// peer to close too.
    pub async fn cut(mut self, limit: Duration) {
        self.end(limit).await;
    }

    async fn end(&mut self, limit: Duration) {
        if self.ended.is_none() {
            self.journal.write(self.party, Event::Closed);
            self.closed = true;
        }
        // The peer may close at the same moment; either way the connection is over.
        let _ = self.stream.shutdown().await;
        self.read_to_end(Instant::now() + limit).await;
    }
}

/// Packets that [`Probe::fence`] and [`Probe::expect_close`] give back; a peer that floods fills no memory.
const MOST_KEPT: usize = 5_000;

fn keep(packets: &mut Vec<Packet>, packet: Packet) {
    if packets.len() < MOST_KEPT {
        packets.push(packet);
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        if self.ended.is_none() && !self.closed {
            self.journal.write(self.party, Event::Closed);
        }
    }
}

#[cfg(test)]
mod tests;
