//! What the broker knows about one network connection, and nothing that outlives it.

use super::{
    ConnId, Output, admit::Early, alias::OutgoingAliases, exchange::Proven, ledger::Charge,
    session::SessionId,
};
use squall_protocol::{Decoder, Role, Time, Version, flow::ReceiveQuota, topic::TopicAliases};
use squall_transport::Peer;
use std::{
    collections::BTreeMap,
    ops::{Deref, DerefMut},
    time::Duration,
};

/// The connections that are open. Boxed, as a tree keeps room for more than it holds.
#[derive(Debug, Default)]
pub(super) struct Connections(BTreeMap<ConnId, Box<Connection>>);

/// Who sent a packet: a client that was accepted. Its connection and session are there until the packet was handled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    pub(super) conn: ConnId,
    pub(super) session: SessionId,
    pub(super) version: Version,
}

impl Connections {
    /// The client on a connection; `None` before CONNECT was accepted.
    pub(super) fn client(&self, conn: ConnId) -> Option<Client> {
        let link = self.get(&conn)?.link.as_ref()?;
        Some(Client {
            conn,
            session: link.session,
            version: link.version,
        })
    }

    /// Whether the transport of a connection takes a message now.
    pub(super) fn has_room(&self, conn: ConnId) -> bool {
        self.get(&conn).is_some_and(|c| c.room != Some(0))
    }

    /// The link of a connection on which CONNECT was accepted.
    pub(super) fn link(&self, conn: ConnId) -> &Link {
        let link = self.get(&conn).and_then(|c| c.link.as_ref());
        link.expect(ACCEPTED)
    }

    /// [`Self::link`], to be changed.
    pub(super) fn link_mut(&mut self, conn: ConnId) -> &mut Link {
        let link = self.get_mut(&conn).and_then(|c| c.link.as_mut());
        link.expect(ACCEPTED)
    }
}

/// Why a connection has a link.
const ACCEPTED: &str = "a session lets its connection go when that ends";

impl Deref for Connections {
    type Target = BTreeMap<ConnId, Box<Connection>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Connections {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) decoder: Decoder,
    /// The first bytes of CONNECT, as far as its Protocol Level, until it was accepted.
    pub(super) head: Vec<u8>,
    /// When CONNECT or the next packet has to be here.
    pub(super) deadline: Option<Time>,
    /// Whether it is more than the broker has room for: CONNECT is refused.
    pub(super) surplus: bool,
    /// Bytes that wait, as they were counted last.
    pub(super) unfinished: usize,
    /// Bytes that its transport takes now; `None` for any number of them.
    pub(super) room: Option<usize>,
    /// Who is at the other end, if the driver said so.
    pub(super) peer: Option<Box<Peer>>,
    /// A CONNECT of which is not known yet who sent it.
    pub(super) early: Option<Box<Early>>,
    /// Set once CONNACK said yes.
    pub(super) link: Option<Link>,
}

/// A connection on which CONNECT was accepted.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) session: SessionId,
    pub(super) version: Version,
    /// How long the client may be silent.
    pub(super) silence: Option<Duration>,
    /// Largest packet the client takes, in bytes.
    pub(super) maximum_packet_size: usize,
    /// Whether Reason Strings are wanted.
    pub(super) problem_information: bool,
    /// How the client has proven who it is, if it has.
    pub(super) proven: Option<Box<Proven>>,
    /// Whether CONNECT set a Session Expiry Interval above 0.
    pub(super) expiry_set: bool,
    /// Topic Aliases that the client is sent: none of [`Self::aliases`] [X-5.0-alias-5].
    pub(super) outgoing: OutgoingAliases,
    /// Topics behind the client's Topic Aliases, with the room they take.
    pub(super) aliases: TopicAliases<Charge>,
    /// QoS 2 messages of this connection without PUBCOMP: they count against our Receive Maximum.
    pub(super) unfinished: ReceiveQuota,
}

impl Connection {
    pub(super) fn new(maximum_packet_size: u32, surplus: bool) -> Self {
        let mut decoder = Decoder::new(Role::Client);
        decoder.set_max_packet_size(maximum_packet_size);
        Self {
            decoder,
            head: Vec::new(),
            deadline: None,
            surplus,
            unfinished: 0,
            room: None,
            peer: None,
            early: None,
            link: None,
        }
    }

    /// A packet of so many bytes was handed to the transport.
    pub(super) fn sent(&mut self, packet: usize) {
        if let Some(room) = &mut self.room {
            *room = room.saturating_sub(packet + Output::PACKET_BYTES);
        }
    }

    /// Bytes that wait: of an unfinished packet, and of a CONNECT of which is not known who sent it, with what came
    /// after it.
    pub(super) fn waiting(&self) -> usize {
        self.decoder.buffered() + self.early.as_ref().map_or(0, |early| early.bytes)
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.link.is_none() {
            let room = HEAD.saturating_sub(self.head.len());
            self.head.extend(bytes.iter().take(room));
        }
        self.decoder.push(bytes);
    }

    /// The version that the CONNECT under way says it is in, if a fault at `offset` lies behind that byte. What was
    /// found before it must not depend on how much has arrived.
    pub(super) fn announced_version(&self, offset: usize) -> Option<Version> {
        let remaining_length = self.head.get(1..)?;
        let header = 2 + remaining_length.iter().position(|b| b & 0x80 == 0)?;
        let level_at = header + PROTOCOL_NAME.len();
        let level = *self.head.get(level_at)?;
        let named = self.head[header..].starts_with(PROTOCOL_NAME);
        let known = Version::ALL.into_iter().find(|v| v.level() == level);
        known.filter(|_| named && offset > level_at)
    }
}

const PROTOCOL_NAME: &[u8] = b"\x00\x04MQTT";
/// A fixed header of at most five bytes, the protocol name, the Protocol Level.
const HEAD: usize = 5 + PROTOCOL_NAME.len() + 1;
