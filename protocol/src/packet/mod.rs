//! One type per control packet, both versions side by side.
//!
//! A field that only one version has is documented so; the encoder leaves it out in the other. These types carry
//! whatever a peer can put on the wire within a well-formed packet; rules that need the session's state (may this
//! packet come now?) belong to the cores.

mod ack;
mod auth;
mod connack;
mod connect;
mod disconnect;
mod fields;
mod ping;
mod publish;
mod suback;
mod subscribe;
mod summary;
mod unsuback;
mod unsubscribe;

pub use ack::{Ack, PubAck, PubComp, PubRec, PubRel};
pub use auth::Auth;
pub use connack::ConnAck;
pub use connect::{Connect, Will};
pub use disconnect::Disconnect;
pub use publish::Publish;
pub(crate) use publish::check_flags as check_publish_flags;
pub use suback::SubAck;
pub use subscribe::{RetainHandling, Subscribe, Subscription};
pub use unsuback::UnsubAck;
pub use unsubscribe::Unsubscribe;

use crate::{
    EncodeError, PacketId, PacketType, Role, Version, Violation, varint,
    wire::{Fill, Measure, Reader, Writer},
};
use bytes::BytesMut;

/// Any MQTT control packet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the packet of that name")]
pub enum Packet {
    Connect(Box<Connect>),
    ConnAck(ConnAck),
    Publish(Publish),
    PubAck(PubAck),
    PubRec(PubRec),
    PubRel(PubRel),
    PubComp(PubComp),
    Subscribe(Subscribe),
    SubAck(SubAck),
    Unsubscribe(Unsubscribe),
    UnsubAck(UnsubAck),
    PingReq,
    PingResp,
    Disconnect(Disconnect),
    Auth(Auth),
}

impl Packet {
    /// Which of the fifteen it is.
    #[must_use]
    pub const fn packet_type(&self) -> PacketType {
        match self {
            Self::Connect(_) => PacketType::Connect,
            Self::ConnAck(_) => PacketType::ConnAck,
            Self::Publish(_) => PacketType::Publish,
            Self::PubAck(_) => PacketType::PubAck,
            Self::PubRec(_) => PacketType::PubRec,
            Self::PubRel(_) => PacketType::PubRel,
            Self::PubComp(_) => PacketType::PubComp,
            Self::Subscribe(_) => PacketType::Subscribe,
            Self::SubAck(_) => PacketType::SubAck,
            Self::Unsubscribe(_) => PacketType::Unsubscribe,
            Self::UnsubAck(_) => PacketType::UnsubAck,
            Self::PingReq => PacketType::PingReq,
            Self::PingResp => PacketType::PingResp,
            Self::Disconnect(_) => PacketType::Disconnect,
            Self::Auth(_) => PacketType::Auth,
        }
    }

    /// The packet identifier, for the packets that carry one.
    #[must_use]
    pub const fn packet_id(&self) -> Option<PacketId> {
        match self {
            Self::Publish(p) => p.packet_id,
            Self::PubAck(a) | Self::PubRec(a) | Self::PubRel(a) | Self::PubComp(a) => {
                Some(a.packet_id)
            }
            Self::Subscribe(s) => Some(s.packet_id),
            Self::SubAck(s) => Some(s.packet_id),
            Self::Unsubscribe(u) => Some(u.packet_id),
            Self::UnsubAck(u) => Some(u.packet_id),
            _ => None,
        }
    }
}

/// The flags a packet type has to have in its first byte [MQTT-2.2.2-1] (3.1.1), [MQTT-2.1.3-1] (5.0); `None` for
/// PUBLISH, whose flags say something.
pub(crate) const fn fixed_flags(packet: PacketType) -> Option<u8> {
    match packet {
        PacketType::Publish => None,
        PacketType::PubRel | PacketType::Subscribe | PacketType::Unsubscribe => Some(0x02),
        _ => Some(0),
    }
}

/// Whether this end of a connection may send packets of this type (table 2.1 of 3.1.1, 2-1 of 5.0)
/// [X-3.1.1-type-1], [X-5.0-type-1].
pub(crate) const fn may_send(peer: Role, packet: PacketType, version: Version) -> bool {
    match packet {
        PacketType::Connect
        | PacketType::Subscribe
        | PacketType::Unsubscribe
        | PacketType::PingReq => {
            matches!(peer, Role::Client)
        }
        PacketType::ConnAck | PacketType::SubAck | PacketType::UnsubAck | PacketType::PingResp => {
            matches!(peer, Role::Server)
        }
        PacketType::Disconnect => matches!((peer, version), (Role::Client, _) | (_, Version::V5_0)),
        PacketType::Auth => matches!(version, Version::V5_0),
        _ => true,
    }
}

impl Packet {
    /// Reads the body of the packet the reader stands in, to its end. Always `Some`: this is what the decoder gives
    /// out, and a packet is too large to be moved from one result into another.
    pub(crate) fn decode(r: &mut Reader<'_>, flags: u8) -> Result<Option<Self>, Violation> {
        Ok(Some(match r.packet {
            PacketType::Publish => Self::Publish(Publish::decode(r, flags)?),
            PacketType::Connect => {
                let mut connect = Box::new(Connect::empty());
                connect.fill(r)?;
                Self::Connect(connect)
            }
            PacketType::ConnAck => Self::ConnAck(ConnAck::decode(r)?),
            PacketType::PubAck => Self::PubAck(Ack::decode(r)?),
            PacketType::PubRec => Self::PubRec(Ack::decode(r)?),
            PacketType::PubRel => Self::PubRel(Ack::decode(r)?),
            PacketType::PubComp => Self::PubComp(Ack::decode(r)?),
            PacketType::Subscribe => Self::Subscribe(Subscribe::decode(r)?),
            PacketType::SubAck => Self::SubAck(SubAck::decode(r)?),
            PacketType::Unsubscribe => Self::Unsubscribe(Unsubscribe::decode(r)?),
            PacketType::UnsubAck => Self::UnsubAck(UnsubAck::decode(r)?),
            PacketType::PingReq => ping::decode(r).map(|()| Self::PingReq)?,
            PacketType::PingResp => ping::decode(r).map(|()| Self::PingResp)?,
            PacketType::Disconnect => Self::Disconnect(Disconnect::decode(r)?),
            PacketType::Auth => Self::Auth(Auth::decode(r)?),
        }))
    }

    /// Appends the whole packet to `out`, or nothing; a CONNECT decides by itself in which version.
    pub(crate) fn encode(&self, version: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
        let packet = self.packet_type();
        if packet == PacketType::Auth && version == Version::V3_1_1 {
            return Err(EncodeError::NotInVersion(packet, version));
        }
        let (flags, payload) = match self {
            Self::Publish(p) => (p.flags(), &p.payload[..]),
            _ => (fixed_flags(packet).unwrap_or(0), &[][..]),
        };
        let mut measure = Measure::default();
        self.encode_fields(version, &mut measure)?;
        let Measure(fields) = measure;
        let body = fields + payload.len();
        let remaining = u32::try_from(body).ok().filter(|n| *n <= varint::MAX);
        let remaining = remaining.ok_or(EncodeError::PacketTooLong(body))?;

        let start = out.len();
        let head = 1 + varint::len(remaining) + fields;
        out.reserve(head + payload.len());
        out.resize(start + head, 0);
        let mut fill = Fill(&mut out[start..]);
        fill.u8((packet as u8) << 4 | flags);
        fill.varint(remaining)?;
        self.encode_fields(version, &mut fill)?;
        debug_assert!(fill.0.is_empty(), "{packet} is shorter than measured");
        out.extend_from_slice(payload);
        Ok(())
    }

    /// Everything between the fixed header and the payload of a PUBLISH.
    fn encode_fields(&self, version: Version, w: &mut impl Writer) -> Result<(), EncodeError> {
        match self {
            Self::Connect(p) => p.encode(w),
            Self::ConnAck(p) => p.encode(w, version),
            Self::Publish(p) => p.encode(w, version),
            Self::PubAck(p) | Self::PubRec(p) | Self::PubRel(p) | Self::PubComp(p) => {
                p.encode(w, version)
            }
            Self::Subscribe(p) => p.encode(w, version),
            Self::SubAck(p) => p.encode(w, version),
            Self::Unsubscribe(p) => p.encode(w, version),
            Self::UnsubAck(p) => p.encode(w, version),
            Self::PingReq | Self::PingResp => Ok(()),
            Self::Disconnect(p) => p.encode(w, version),
            Self::Auth(p) => p.encode(w),
        }
    }
}
