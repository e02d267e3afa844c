//! A raw connection for checks: sends any bytes, reads strictly, never waits without a stated end.
//!
//! A probe keeps no session, answers nothing by itself and judges nothing. Whatever the peer sends is handed on or
//! recorded: a packet, a [`Violation`] of the standard, or the end of the connection. "Nothing came" is proven by a
//! [`Probe::fence`], a round trip, wherever the order of one connection allows it.
//!
//! No server can fill the memory of a probe or keep it busy: it takes in so many bytes and packets and no more
//! ([`Heard::Flood`]), keeps packets and records within budgets in bytes, looks at its deadline before each read, and
//! lets others run between two handfuls of packets.

mod heard;
mod intake;
mod journal;
mod kept;
mod pace;

pub use heard::{Ending, Fence, Heard, ProbeError};
pub use journal::{Event, Journal, LeftOut, Record};
pub use kept::{Kept, weight};

use bytes::{BufMut, Bytes, BytesMut};
use intake::Intake;
use pace::{PACKETS_AT_A_TIME, Pace};
use squall_protocol::{
    Frame, Packet, PacketType, ReasonCode, Rule, Version, Violation, encode, packet::Disconnect,
};
use squall_transport::{BoxStream, Endpoint, Hangup};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::yield_now,
    time::{Instant, error::Elapsed, timeout, timeout_at},
};

/// One raw connection to a server. Dropping it closes the connection without a DISCONNECT.
#[derive(Debug)]
pub struct Probe {
    stream: BoxStream,
    intake: Intake,
    announced_max: Option<u32>,
    /// Packets and bytes of packets that were handed out.
    packets: u32,
    bytes: usize,
    last_len: usize,
    ended: Option<Hangup>,
    /// What the transport says about that, where it is more than a reset.
    why: Option<String>,
    /// The probe itself has closed its side.
    closed: bool,
    broken: Option<Heard>,
    send_timeout: Duration,
    journal: Journal,
    party: usize,
}

impl Probe {
    /// The longest packet in bytes that a probe takes in; no check provokes one that long.
    pub const LARGEST_PACKET: u32 = Intake::LARGEST_PACKET;
    /// Packets that a probe takes in on one connection; no check provokes nearly as many.
    pub const MOST_PACKETS: u32 = 20_000;
    /// Bytes that a probe takes in on one connection; no check provokes nearly as many.
    pub const MOST_BYTES: usize = 16 * 1024 * 1024;

    /// Opens a connection with a journal of its own; waits at most `limit`, for the connection and later for each
    /// write.
    ///
    /// # Errors
    /// When there is no connection within the time.
    pub async fn connect(to: impl Into<Endpoint>, limit: Duration) -> Result<Self, ProbeError> {
        Self::connect_as(to, limit, &Journal::new(), "client").await
    }

    /// Like [`Self::connect`], writing into `journal` under the party `name`.
    ///
    /// # Errors
    /// When there is no connection within the time.
    pub async fn connect_as(
        to: impl Into<Endpoint>,
        limit: Duration,
        journal: &Journal,
        name: &str,
    ) -> Result<Self, ProbeError> {
        let to = to.into();
        let stream = match timeout(limit, to.dial()).await {
            Err(_) => return Err(ProbeError::ConnectTimeout(to, limit)),
            Ok(Err(error)) => return Err(ProbeError::Connect(to, error)),
            Ok(Ok(stream)) => stream,
        };
        let party = journal.add_party(name);
        journal.write(party, Event::Opened);
        Ok(Self {
            stream,
            intake: Intake::new(Version::V5_0, Self::LARGEST_PACKET),
            announced_max: None,
            packets: 0,
            bytes: 0,
            last_len: 0,
            ended: None,
            why: None,
            closed: false,
            broken: None,
            send_timeout: limit,
            journal: journal.clone(),
            party,
        })
    }

    /// The version in which packets are written and read; [`Self::send`] of a CONNECT sets it.
    pub const fn speak(&mut self, version: Version) {
        self.intake.set_version(version);
    }

    /// The version in which packets are written and read.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.intake.version()
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
                self.intake
                    .set_max_packet_size(max.min(Self::LARGEST_PACKET));
            }
        }
        let bytes = encode(packet, self.version())?;
        self.journal.write(
            self.party,
            Event::Sent(packet.clone(), self.version(), bytes.clone()),
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
        let write = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match timeout(self.send_timeout, write).await {
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

    /// Why nothing more can be read, where the transport has words for it: an alert of TLS, a frame that is none.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// Bytes on the wire of the packet that [`Self::next`] gave last.
    #[must_use]
    pub const fn last_len(&self) -> usize {
        self.last_len
    }

    async fn next_until(&mut self, deadline: Instant) -> Heard {
        let mut pace = Pace::new(deadline);
        loop {
            if let Some(found) = self.decoded() {
                if self.packets.is_multiple_of(PACKETS_AT_A_TIME) {
                    // Packets that are there already cost no waiting, and nobody else would come to run.
                    yield_now().await;
                }
                return found;
            }
            if let Some(close) = self.ended {
                return Heard::Closed(close);
            }
            if !pace.go_on().await || !self.fill(deadline).await {
                return Heard::Silence;
            }
        }
    }

    /// What the bytes that have arrived say.
    fn decoded(&mut self) -> Option<Heard> {
        if let Some(heard) = &self.broken {
            return Some(heard.clone());
        }
        match self.intake.next() {
            Ok(None) => None,
            Ok(Some(Frame { packet, bytes })) => {
                let len = bytes.len();
                if self.packets == Self::MOST_PACKETS || self.bytes + len > Self::MOST_BYTES {
                    self.note(format!(
                        "the server floods: {} packets of {} bytes have come, and no more is read",
                        self.packets, self.bytes
                    ));
                    self.broken = Some(Heard::Flood);
                    return Some(Heard::Flood);
                }
                self.packets += 1;
                self.bytes += len;
                self.last_len = len;
                let event = Event::Received(packet.clone(), self.version(), bytes);
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
            let unread = self.unread();
            let bytes = Bytes::copy_from_slice(&unread[..unread.len().min(Journal::FIRST_BYTES)]);
            self.journal
                .write(self.party, Event::Broken(violation.clone(), bytes));
            Heard::Violation(violation)
        };
        self.broken = Some(heard.clone());
        heard
    }

    /// Reads once; `false` when nothing came in time.
    async fn fill(&mut self, deadline: Instant) -> bool {
        let mut chunk = self.intake.buffer().limit(Intake::CHUNK);
        let read = timeout_at(deadline, self.stream.read_buf(&mut chunk)).await;
        self.arrived(read).is_some()
    }

    /// What came of a read: the number of bytes, 0 at the end of the connection; `None` when nothing came in time.
    fn arrived(&mut self, read: Result<io::Result<usize>, Elapsed>) -> Option<usize> {
        let close = match read {
            Err(_) => return None,
            Ok(Ok(0)) => Hangup::Eof,
            Ok(Ok(n)) => return Some(n),
            Ok(Err(error)) => {
                // TLS and WebSocket have words for what went wrong; sockets say that it is over.
                if error.kind() == io::ErrorKind::InvalidData {
                    self.note(format!("could not read on: {error}"));
                    self.why = Some(error.to_string());
                }
                Hangup::Reset
            }
        };
        self.ended = Some(close);
        if !self.closed {
            self.journal.write(self.party, Event::PeerClosed(close));
        }
        Some(0)
    }

    /// Waits at most `limit` until at least `count` bytes are there that belong to no packet that was handed out, or
    /// no more can come. Leaves them unread. More than [`Self::LARGEST_PACKET`] never come together.
    pub async fn peek(&mut self, count: usize, limit: Duration) {
        let count = count.min(Self::LARGEST_PACKET as usize);
        let deadline = Instant::now() + limit;
        let mut pace = Pace::new(deadline);
        while self.unread().len() < count && self.ended.is_none() {
            if !pace.go_on().await || !self.fill(deadline).await {
                return;
            }
        }
    }

    /// Bytes that arrived and are not part of a whole, well-formed packet: what a violation was found in.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        self.intake.unread()
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

    /// Sends PINGREQ and collects what arrives before the PINGRESP. When it comes, the server has handled all
    /// that was sent before it, and nothing that it had put on this connection is still under way.
    ///
    /// Waits at most `limit` for the whole; a connection that cannot be written to is read to its end.
    pub async fn fence(&mut self, limit: Duration) -> Fence {
        let deadline = Instant::now() + limit;
        // A failed write shows when reading: the end of the connection is what comes then.
        let _ = self.send(&Packet::PingReq).await;
        let mut before = Kept::new();
        loop {
            match self.next_until(deadline).await {
                Heard::Packet(packet) if packet != Packet::PingResp => {
                    before.keep(packet, self.last_len);
                }
                end => {
                    let before = before.into_packets();
                    return Fence { before, end };
                }
            }
        }
    }

    /// Waits at most `limit` for the peer to close the connection; tells how it did and what it sent before.
    pub async fn expect_close(&mut self, limit: Duration) -> Ending {
        let deadline = Instant::now() + limit;
        let mut before = Kept::new();
        let mut ending = Ending {
            before: Vec::new(),
            violation: None,
            beyond_measure: false,
            close: None,
        };
        loop {
            match self.next_until(deadline).await {
                Heard::Packet(packet) => {
                    before.keep(packet, self.last_len);
                    continue;
                }
                Heard::Closed(close) => ending.close = Some(close),
                Heard::Silence => {}
                Heard::Violation(violation) => {
                    ending.violation = Some(violation);
                    ending.close = self.read_to_end(deadline).await;
                }
                Heard::TooLong | Heard::Flood => {
                    ending.beyond_measure = true;
                    ending.close = self.read_to_end(deadline).await;
                }
            }
            ending.before = before.into_packets();
            return ending;
        }
    }

    /// Waits until the peer closes or the time is over. What comes until then is dropped, and its bytes are counted.
    async fn read_to_end(&mut self, deadline: Instant) -> Option<Hangup> {
        let mut pace = Pace::new(deadline);
        let mut sink = BytesMut::with_capacity(Intake::CHUNK);
        let mut dropped: u64 = 0;
        while self.ended.is_none() && pace.go_on().await {
            sink.clear();
            let mut chunk = (&mut sink).limit(Intake::CHUNK);
            let read = timeout_at(deadline, self.stream.read_buf(&mut chunk)).await;
            match self.arrived(read) {
                None => break,
                Some(n) => dropped += n as u64,
            }
        }
        if dropped > 0 {
            self.journal.write(self.party, Event::Dropped(dropped));
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

impl Drop for Probe {
    fn drop(&mut self) {
        if self.ended.is_none() && !self.closed {
            self.journal.write(self.party, Event::Closed);
        }
    }
}

#[cfg(test)]
mod tests;
