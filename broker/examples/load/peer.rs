//! A client without a driver: it says and hears packets, many at a time.

use squall_protocol::{
    Decoder, Packet, PacketId, Properties, Property, QoS, Role, Version, encode,
    packet::{Connect, Subscribe, Subscription},
    topic::TopicFilter,
};
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// A client that was accepted.
pub(crate) struct Peer {
    stream: TcpStream,
    decoder: Decoder,
    waiting: Vec<u8>,
    buffer: Box<[u8]>,
}

impl Peer {
    pub(crate) fn join(address: SocketAddr, client_id: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut decoder = Decoder::new(Role::Server);
        decoder.set_version(Version::V5_0);
        let mut peer = Self {
            stream,
            decoder,
            waiting: Vec::new(),
            buffer: vec![0; 1 << 16].into(),
        };
        peer.say(&Packet::Connect(Box::new(Connect {
            version: Version::V5_0,
            clean_start: true,
            keep_alive: 0,
            client_id: client_id.into(),
            will: None,
            user_name: None,
            password: None,
            properties: Properties::new().with(Property::SessionExpiryInterval(3600)),
        })))?;
        peer.flush()?;
        match peer.hear()? {
            Packet::ConnAck(ack) if !ack.reason.is_error() => Ok(peer),
            other => Err(io::Error::other(format!("{other:?}"))),
        }
    }

    pub(crate) fn subscribe(&mut self, filter: &str, qos: QoS) -> io::Result<()> {
        let filter = TopicFilter::parse_v5(filter).map_err(io::Error::other)?;
        self.say(&Packet::Subscribe(Subscribe {
            packet_id: PacketId::MIN,
            properties: Properties::new(),
            subscriptions: vec![Subscription::new(filter, qos)],
        }))?;
        self.flush()?;
        match self.hear()? {
            Packet::SubAck(_) => Ok(()),
            other => Err(io::Error::other(format!("{other:?}"))),
        }
    }

    /// Puts a packet to those that leave together.
    pub(crate) fn say(&mut self, packet: &Packet) -> io::Result<()> {
        let bytes = encode(packet, Version::V5_0).map_err(io::Error::other)?;
        self.waiting.extend_from_slice(&bytes);
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.waiting)?;
        self.waiting.clear();
        Ok(())
    }

    /// Waits for the next packet.
    pub(crate) fn hear(&mut self) -> io::Result<Packet> {
        loop {
            match self.next()? {
                Some(packet) => return Ok(packet),
                None => self.read()?,
            }
        }
    }

    /// The next packet of what was read.
    pub(crate) fn next(&mut self) -> io::Result<Option<Packet>> {
        self.decoder.next_packet().map_err(io::Error::other)
    }

    /// Waits for bytes.
    pub(crate) fn read(&mut self) -> io::Result<()> {
        match self.stream.read(&mut self.buffer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            n => {
                self.decoder.push(&self.buffer[..n]);
                Ok(())
            }
        }
    }

    /// How long [`Self::read_if_any`] waits.
    pub(crate) fn be_patient_for(&self, limit: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(limit))
    }

    /// [`Self::read`], not for ever: false when nothing came.
    pub(crate) fn read_if_any(&mut self) -> io::Result<bool> {
        match self.read() {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(e) => Err(e),
        }
    }
}
