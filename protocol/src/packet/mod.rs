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
    EncodeError, PacketId, PacketType, Properties, ReasonCode, Role, Rule, Text, Version,
    Violation,
    text::Shown,
    topic::{self, TopicError, TopicFilter},
    varint,
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

/// Reads a reason code or return code that belongs to this packet and sender.
fn decode_reason(r: &mut Reader<'_>) -> Result<ReasonCode, Violation> {
    let at = r.offset();
    let reason = ReasonCode(r.u8(reason_field(r.version))?);
    explain_reason(r, reason);
    check_reason(r, reason, at)?;
    Ok(reason)
}

/// What the byte is called: 3.1.1 has return codes.
const fn reason_field(version: Version) -> &'static str {
    match version {
        Version::V3_1_1 => "Return Code",
        Version::V5_0 => "Reason Code",
    }
}

fn explain_reason(r: &mut Reader<'_>, reason: ReasonCode) {
    let (packet, version) = (r.packet, r.version);
    r.explain(|| {
        let name = reason.name_in(packet, version).unwrap_or("(unknown)");
        format!("{reason} {name}")
    });
}

fn check_reason(r: &Reader<'_>, reason: ReasonCode, at: usize) -> Result<(), Violation> {
    if reason.name_in(r.packet, r.version).is_none() {
        // [MQTT-3.2.2-8], [MQTT-3.4.2-1], [MQTT-3.9.3-2], [MQTT-3.14.2-1] and so on (5.0)
        let code = match r.version {
            Version::V3_1_1 => "return code",
            Version::V5_0 => "reason code",
        };
        let message = format!("{} has no {code} {reason}", r.packet);
        return Err(r.violation(Rule::ReasonCodeNotAllowed, at, message));
    }
    if r.version == Version::V5_0 && !reason.senders_in(r.packet).contains(&r.peer) {
        // [MQTT-3.14.2-1], [MQTT-3.15.2-1] (5.0)
        let message = format!(
            "reason code {reason} in {} never comes from a {}",
            r.packet, r.peer
        );
        return Err(r.violation(Rule::ReasonCodeDirection, at, message));
    }
    Ok(())
}

/// The reason codes of SUBACK and UNSUBACK: all that is left, at least one.
fn decode_reasons(r: &mut Reader<'_>) -> Result<Vec<ReasonCode>, Violation> {
    let mut reasons = Vec::with_capacity(r.remaining());
    while r.remaining() > 0 {
        reasons.push(decode_reason(r)?);
    }
    if reasons.is_empty() {
        // [MQTT-3.8.4-5] (3.1.1), [MQTT-3.8.4-6], [MQTT-3.11.3-2] (5.0)
        return Err(r.violation(Rule::ReasonCodesMissing, r.offset(), "no reason code"));
    }
    Ok(reasons)
}

/// A topic name, into an empty text; where it `may_be_empty` a Topic Alias has to stand for it.
#[inline]
fn fill_topic_name(
    r: &mut Reader<'_>,
    name: &mut Text,
    field: &'static str,
    may_be_empty: bool,
) -> Result<(), Violation> {
    let at = r.offset();
    let bytes = r.fill_text(name, field)?;
    match topic::check_name_bytes(bytes) {
        Err(TopicError::Empty) if may_be_empty => Ok(()),
        Err(e) => Err(topic_violation(r, field, name, e, at)),
        Ok(()) => Ok(()),
    }
}

/// A payload that its Payload Format Indicator calls text has to be UTF-8; U+0000 may stand in it. `at` is its first
/// byte. Only its publisher is to blame: a server passes on what it got [MQTT-3.3.2-4] and need not look.
fn check_payload_format(
    r: &Reader<'_>,
    properties: &Properties,
    payload: &[u8],
    at: usize,
) -> Result<(), Violation> {
    if r.peer == Role::Server || properties.payload_format_indicator() != Some(1) {
        return Ok(());
    }
    // [X-5.0-publish-3], [X-5.0-will-10]
    std::str::from_utf8(payload).map(drop).map_err(|e| {
        let message = "the Payload Format Indicator is 1 and the payload is not UTF-8";
        r.violation(Rule::PayloadNotUtf8, at + e.valid_up_to(), message)
    })
}

/// A topic filter, with shared subscriptions in 5.0, into one that is empty.
#[inline]
fn fill_filter(r: &mut Reader<'_>, filter: &mut TopicFilter) -> Result<(), Violation> {
    let at = r.offset();
    // [MQTT-3.8.3-1], [MQTT-3.10.3-1]
    let bytes = r.fill_text(filter.text_mut(), "Topic Filter")?;
    match filter.check(bytes, r.version) {
        Ok(()) => Ok(()),
        Err(e) => Err(topic_violation(r, "Topic Filter", filter.text_mut(), e, at)),
    }
}

#[cold]
fn topic_violation(
    r: &Reader<'_>,
    field: &str,
    text: &Text,
    error: TopicError,
    at: usize,
) -> Violation {
    let (rule, inner) = match error {
        TopicError::Empty if field == "Topic Filter" => (Rule::TopicFilterEmpty, 0),
        TopicError::Empty => (Rule::TopicNameEmpty, 0),
        TopicError::WildcardInName(i) => (Rule::TopicNameWildcard, i),
        TopicError::MultiLevel(i) => (Rule::MultiLevelWildcard, i),
        TopicError::SingleLevel(i) => (Rule::SingleLevelWildcard, i),
        TopicError::Share(i) if error.is_empty_share_name(text) => (Rule::ShareNameEmpty, i),
        TopicError::Share(i) => (Rule::ShareNameInvalid, i),
    };
    r.violation(
        rule,
        at + 2 + inner,
        format!("{field} {}: {error}", Shown(text, Shown::SHORT)),
    )
}
