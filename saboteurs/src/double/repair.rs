//! How faults make packets acceptable that are not: each repair takes one violation out of a packet.

use super::ways::Ways;
use crate::Switch;
use bytes::{BufMut, Bytes, BytesMut};
use squall_protocol::{PacketType, Rule, Violation};

/// What becomes of a packet that breaks a rule.
pub(super) enum Repair {
    /// It is judged again in this form.
    Fixed(Bytes),
    /// It is passed over.
    Skip,
    /// It is refused, as the standard asks.
    Refuse,
}

/// Whether a fault lets this violation pass.
pub(super) fn tolerated(violation: &Violation, ways: Ways) -> bool {
    use Rule as R;
    use Switch as S;
    let wrong = |switch| ways.wrong(switch);
    if wrong(S::ErrorTolerated) && violation.packet != Some(PacketType::Connect) {
        return !matches!(violation.rule, R::ConnectExpected);
    }
    match violation.rule {
        R::FixedHeaderFlags => wrong(match violation.packet {
            Some(PacketType::PubRel) => S::PubRelFlagsTolerated,
            Some(PacketType::Subscribe) => S::SubscribeFlagsTolerated,
            Some(PacketType::Unsubscribe) => S::UnsubscribeFlagsTolerated,
            Some(PacketType::Disconnect) => S::DisconnectFlagsTolerated,
            Some(PacketType::Auth) => S::AuthFlagsTolerated,
            _ => S::FlagsTolerated,
        }),
        R::PublishQoS3 => wrong(S::Qos3Tolerated),
        R::DupWithQoS0 => wrong(S::DupWithQos0Tolerated),
        R::ReservedPacketType | R::WrongDirection => wrong(S::PacketTypeTolerated),
        R::NotUtf8 => {
            wrong(S::TextNotUtf8Tolerated)
                || wrong(S::SurrogatesTolerated) && violation.packet.is_some()
        }
        R::NullCharacter => wrong(S::NullTolerated),
        R::UserPropertyNotUtf8 | R::UserPropertyNullCharacter => {
            wrong(S::UserPropertyTextTolerated)
        }
        R::SurplusBytes => match violation.packet {
            Some(PacketType::Connect) => wrong(S::InvalidConnectAccepted),
            _ => wrong(S::SurplusBytesTolerated),
        },
        R::PropertyUnknown(_) | R::PropertyNotAllowed(_) => wrong(S::ForeignPropertyTolerated),
        R::PropertyRepeated(_) => wrong(S::RepeatedPropertyTolerated),
        R::TopicAliasZero => wrong(S::AliasZeroTolerated),
        R::ResponseTopicWildcard => wrong(S::ResponseTopicWildcardTolerated),
        R::TopicNameEmpty | R::TopicNameAndAliasMissing => wrong(S::EmptyTopicTolerated),
        R::TopicNameWildcard => wrong(S::WildcardTopicTolerated),
        R::PropertyOutOfRange(_) => wrong(S::SubscriptionIdZeroTolerated),
        R::SubscriptionReservedBits => wrong(S::SubscribeBitsTolerated),
        R::RequestedQoS3 | R::SubscriptionQoS3 => wrong(S::SubscribeQos3Tolerated),
        R::UnsupportedProtocolName => wrong(S::ProtocolNameTolerated),
        R::UnsupportedProtocolVersion(_) => wrong(S::UnknownLevelAccepted),
        R::ConnectReservedFlag => wrong(S::ConnectReservedFlagTolerated),
        R::WillQoS3
        | R::WillQoSWithoutWill
        | R::WillRetainWithoutWill
        | R::PasswordWithoutUserName => wrong(S::InvalidConnectAccepted),
        R::ClientIdEmptyWithoutCleanSession => wrong(S::EmptyClientIdKept),
        _ => false,
    }
}

/// Takes a tolerated violation out of a packet.
pub(super) fn repair(bytes: &Bytes, violation: &Violation, ways: Ways) -> Repair {
    if !tolerated(violation, ways) {
        return Repair::Refuse;
    }
    let at = violation.offset;
    let surrogates_only = ways.wrong(Switch::SurrogatesTolerated)
        && !ways.wrong(Switch::TextNotUtf8Tolerated)
        && violation.rule == Rule::NotUtf8;
    if surrogates_only && bytes.get(at) != Some(&0xED) && bytes.get(at).is_some_and(|b| *b >= 0xC0)
    {
        return Repair::Refuse;
    }
    let changed = |at: usize, change: &dyn Fn(u8) -> u8| {
        let mut copy = BytesMut::from(&bytes[..]);
        match copy.get_mut(at) {
            Some(byte) => {
                *byte = change(*byte);
                Repair::Fixed(copy.freeze())
            }
            None => Repair::Skip,
        }
    };
    let flags_at = header_len(bytes) + 7;
    match violation.rule {
        Rule::FixedHeaderFlags if violation.packet != Some(PacketType::Auth) => {
            changed(0, &|b| match b >> 4 {
                6 | 8 | 10 => b & 0xF0 | 2,
                _ => b & 0xF0,
            })
        }
        Rule::PublishQoS3 => changed(0, &|b| b & !2),
        Rule::DupWithQoS0 => changed(0, &|b| b & !8),
        Rule::NotUtf8
        | Rule::NullCharacter
        | Rule::UserPropertyNotUtf8
        | Rule::UserPropertyNullCharacter => changed(at, &|_| b'?'),
        Rule::TopicNameWildcard | Rule::ResponseTopicWildcard => changed(at, &|_| b'_'),
        Rule::SubscriptionReservedBits => {
            let five = violation.version == squall_protocol::Version::V5_0;
            changed(at, &|b| b & if five { 0x3F } else { 3 })
        }
        Rule::RequestedQoS3 | Rule::SubscriptionQoS3 => changed(at, &|b| b & !1),
        Rule::SurplusBytes => Repair::Fixed(packet(bytes[0], &bytes[header_len(bytes)..at])),
        Rule::PropertyRepeated(id) => match id.spec().map(|spec| spec.value) {
            // An empty User Property takes just as many bytes.
            Some(squall_protocol::PropertyType::FourByteInteger) => {
                let mut copy = BytesMut::from(&bytes[..]);
                let Some(property) = copy.get_mut(at..at + 5) else {
                    return Repair::Refuse;
                };
                property.copy_from_slice(&[0x26, 0, 0, 0, 0]);
                Repair::Fixed(copy.freeze())
            }
            _ => Repair::Skip,
        },
        Rule::PropertyOutOfRange(_) => {
            // Subscription Identifier 0; the offset is that of the property or of its value.
            let at = if bytes.get(at) == Some(&0x0B) {
                at + 1
            } else {
                at
            };
            changed(at, &|b| if b == 0 { 127 } else { b })
        }
        Rule::UnsupportedProtocolName => {
            let body = &bytes[header_len(bytes)..];
            let [high, low, ..] = *body else {
                return Repair::Refuse;
            };
            let len = usize::from(u16::from_be_bytes([high, low]));
            let mut named = BytesMut::from(&b"\0\x04MQTT"[..]);
            named.extend_from_slice(body.get(2 + len..).unwrap_or_default());
            Repair::Fixed(packet(bytes[0], &named))
        }
        Rule::UnsupportedProtocolVersion(level) => {
            changed(flags_at - 1, &|_| if level < 4 { 4 } else { 5 })
        }
        Rule::ConnectReservedFlag => changed(flags_at, &|b| b & !1),
        Rule::WillQoS3 => changed(flags_at, &|b| b & !0x08),
        Rule::WillQoSWithoutWill => changed(flags_at, &|b| b & !0x18),
        Rule::WillRetainWithoutWill => changed(flags_at, &|b| b & !0x20),
        Rule::PasswordWithoutUserName => changed(flags_at, &|b| b & !0x40),
        Rule::ClientIdEmptyWithoutCleanSession => changed(flags_at, &|b| b | 2),
        _ => Repair::Skip,
    }
}

/// How long the fixed header of a whole packet is.
fn header_len(bytes: &[u8]) -> usize {
    let rest = bytes[1..].iter().take(4);
    2 + rest.take_while(|byte| **byte & 0x80 != 0).count()
}

/// A packet of this first byte and body.
pub(super) fn packet(first: u8, body: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(body.len() + 5);
    out.put_u8(first);
    let mut rest = body.len();
    loop {
        let more = if rest > 127 { 0x80 } else { 0 };
        out.put_u8((rest & 0x7F) as u8 | more);
        rest >>= 7;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(body);
    out.freeze()
}
