//! Properties on the wire: decode and encode, both driven by the table.

use super::{Properties, Property, PropertyId, PropertySpec, PropertyType};
use crate::{
    EncodeError, PacketType, Role, Rule, Text, Version, Violation,
    layout::Group,
    text::Shown,
    topic, varint,
    wire::{Reader, Writer},
};

/// Whose properties they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The packet's own.
    Packet,
    /// The will's, in the payload of CONNECT.
    Will,
}

impl Properties {
    /// Property Length and properties (5.0); nothing in 3.1.1.
    #[inline]
    pub(crate) fn decode(r: &mut Reader<'_>, owner: Owner) -> Result<Self, Violation> {
        if r.version == Version::V3_1_1 {
            return Ok(Self::new());
        }
        if r.remaining() == 0 {
            // [MQTT-2.2.2-1] (5.0)
            return Err(r.violation(
                Rule::PropertyLengthMissing,
                r.offset(),
                "Property Length is absent",
            ));
        }
        let at = r.offset();
        let len = r.varint("Property Length")? as usize;
        if len == 0 {
            return Ok(Self::new());
        }
        Self::decode_list(r, owner, len, at)
    }

    /// `len` bytes of properties; their Property Length stands at `at`.
    fn decode_list(
        r: &mut Reader<'_>,
        owner: Owner,
        len: usize,
        at: usize,
    ) -> Result<Self, Violation> {
        let group = match owner {
            Owner::Packet => Group::Properties,
            Owner::Will => Group::WillProperties,
        };
        let outer = r.enter_properties(group, len, at)?;
        // Integers take 2 to 5 bytes, strings more; one allocation is enough for most lists.
        let mut list = Vec::with_capacity((len / 8 + 1).min(8));
        // In any order [X-5.0-prop-2].
        let mut seen = 0u64;
        while r.remaining() > 0 {
            if list.len() == list.capacity() {
                // Twice the room, but no more than what is left can fill: a property takes two bytes or more.
                list.reserve_exact(list.len().min(r.remaining() / 2).max(1));
            }
            let at = r.offset();
            let spec = identify(r, owner, &mut seen)?;
            list.push(decode_value(r, spec)?);
            r.join(spec.name, at);
            let property = list.last().expect("pushed above");
            explain_seconds(r, property);
            judge(r, spec, property, at)?;
        }
        r.leave_properties(outer);
        Ok(Self(list))
    }

    /// Writes Property Length and properties.
    pub(crate) fn encode(&self, w: &mut impl Writer) -> Result<(), EncodeError> {
        let len = self.wire_len();
        w.varint(u32::try_from(len).map_err(|_| EncodeError::PacketTooLong(len))?)?;
        self.iter().try_for_each(|p| encode_one(p, w))
    }

    /// Bytes the properties take, Property Length not counted.
    pub(crate) fn wire_len(&self) -> usize {
        self.iter().map(|p| 1 + value_len(p)).sum()
    }
}

/// Reads a property identifier and decides whether it may stand here.
#[inline]
fn identify(
    r: &mut Reader<'_>,
    owner: Owner,
    seen: &mut u64,
) -> Result<&'static PropertySpec, Violation> {
    let at = r.offset();
    // The identifier is a variable byte integer; all that exist take one byte.
    let number = r.varint("Property Identifier")?;
    let id = u8::try_from(number).map(PropertyId);
    r.explain(|| {
        let name = id.ok().and_then(PropertyId::name).unwrap_or("(unknown)");
        format!("0x{number:02X} {name}")
    });
    let Some(spec) = id.ok().and_then(PropertyId::spec) else {
        // [X-5.0-prop-1]
        let id = id.unwrap_or(PropertyId(u8::MAX));
        let message = format!("no property has the identifier 0x{number:02X}");
        return Err(r.violation(Rule::PropertyUnknown(id), at, message));
    };
    let allowed = match owner {
        Owner::Packet => spec.packets.contains(&r.packet),
        Owner::Will => spec.in_will,
    };
    if !allowed {
        // [X-5.0-prop-1]
        let place = if owner == Owner::Will {
            "the will properties"
        } else {
            r.packet.name()
        };
        let message = format!("{} (0x{number:02X}) may not stand in {place}", spec.name);
        return Err(r.violation(Rule::PropertyNotAllowed(spec.id), at, message));
    }
    // [X-5.0-prop-3]
    let bit = 1u64 << spec.id.0;
    if *seen & bit != 0 && !spec.repeats_in(r.packet) {
        let rule = if owner == Owner::Will {
            Rule::WillPropertyRepeated
        } else {
            Rule::PropertyRepeated
        };
        return Err(r.violation(rule(spec.id), at, format!("{} stands twice", spec.name)));
    }
    *seen |= bit;
    Ok(spec)
}

/// Says what a time means.
#[inline]
fn explain_seconds(r: &mut Reader<'_>, property: &Property) {
    match property {
        Property::SessionExpiryInterval(u32::MAX) => r.explain(|| "never".to_owned()),
        Property::SessionExpiryInterval(n)
        | Property::MessageExpiryInterval(n)
        | Property::WillDelayInterval(n) => r.explain(|| format!("{n} s")),
        Property::ServerKeepAlive(n) => r.explain(|| format!("{n} s")),
        _ => {}
    }
}

/// The rules about a property's value, and about who may send it.
fn judge(
    r: &Reader<'_>,
    spec: &PropertySpec,
    property: &Property,
    at: usize,
) -> Result<(), Violation> {
    match property {
        // [MQTT-3.3.2-8] (5.0)
        Property::TopicAlias(0) => Err(r.violation(Rule::TopicAliasZero, at, "Topic Alias 0")),
        // Only its publisher is to blame: a server passes it on unaltered [MQTT-3.3.2-15].
        Property::ResponseTopic(name) if r.peer == Role::Client => match topic::check_name(name) {
            Ok(()) => Ok(()),
            Err(topic::TopicError::Empty) => {
                // It is used as a topic name [MQTT-4.7.3-1].
                Err(r.violation(Rule::TopicNameEmpty, at, "Response Topic is empty"))
            }
            // [MQTT-3.3.2-14] (5.0)
            Err(e) => Err(r.violation(
                Rule::ResponseTopicWildcard,
                at,
                format!("Response Topic {}: {e}", Shown(name, Shown::SHORT)),
            )),
        },
        // [MQTT-3.3.4-6] (5.0)
        Property::SubscriptionIdentifier(_)
            if r.packet == PacketType::Publish && r.peer == Role::Client =>
        {
            Err(r.violation(
                Rule::SubscriptionIdentifierFromClient,
                at,
                "a client's PUBLISH carries a Subscription Identifier",
            ))
        }
        // [MQTT-3.14.2-2] (5.0)
        Property::SessionExpiryInterval(_)
            if r.packet == PacketType::Disconnect && r.peer == Role::Server =>
        {
            Err(r.violation(
                Rule::SessionExpiryFromServer,
                at,
                "a server's DISCONNECT carries a Session Expiry Interval",
            ))
        }
        _ => match property.as_integer() {
            Some(value) if !(spec.min..=spec.max).contains(&value) => Err(r.violation(
                Rule::PropertyOutOfRange(spec.id),
                at,
                format!(
                    "{} {value} is outside {} to {}",
                    spec.name, spec.min, spec.max
                ),
            )),
            _ => Ok(()),
        },
    }
}

#[inline]
fn decode_value(r: &mut Reader<'_>, spec: &PropertySpec) -> Result<Property, Violation> {
    use PropertyId as Id;
    let name = spec.name;
    Ok(match spec.id {
        Id::PAYLOAD_FORMAT_INDICATOR => Property::PayloadFormatIndicator(r.u8(name)?),
        Id::MESSAGE_EXPIRY_INTERVAL => Property::MessageExpiryInterval(r.u32(name)?),
        // [MQTT-3.3.2-19] (5.0)
        Id::CONTENT_TYPE => Property::ContentType(r.text(name)?),
        // [MQTT-3.3.2-13] (5.0)
        Id::RESPONSE_TOPIC => Property::ResponseTopic(r.text(name)?),
        Id::CORRELATION_DATA => Property::CorrelationData(r.binary(name)?),
        Id::SUBSCRIPTION_IDENTIFIER => Property::SubscriptionIdentifier(r.varint(name)?),
        Id::SESSION_EXPIRY_INTERVAL => Property::SessionExpiryInterval(r.u32(name)?),
        Id::ASSIGNED_CLIENT_IDENTIFIER => Property::AssignedClientIdentifier(r.text(name)?),
        Id::SERVER_KEEP_ALIVE => Property::ServerKeepAlive(r.u16(name)?),
        Id::AUTHENTICATION_METHOD => Property::AuthenticationMethod(r.text(name)?),
        Id::AUTHENTICATION_DATA => Property::AuthenticationData(r.binary(name)?),
        Id::REQUEST_PROBLEM_INFORMATION => Property::RequestProblemInformation(r.u8(name)?),
        Id::WILL_DELAY_INTERVAL => Property::WillDelayInterval(r.u32(name)?),
        Id::REQUEST_RESPONSE_INFORMATION => Property::RequestResponseInformation(r.u8(name)?),
        Id::RESPONSE_INFORMATION => Property::ResponseInformation(r.text(name)?),
        Id::SERVER_REFERENCE => Property::ServerReference(r.text(name)?),
        Id::REASON_STRING => Property::ReasonString(r.text(name)?),
        Id::RECEIVE_MAXIMUM => Property::ReceiveMaximum(r.u16(name)?),
        Id::TOPIC_ALIAS_MAXIMUM => Property::TopicAliasMaximum(r.u16(name)?),
        Id::TOPIC_ALIAS => Property::TopicAlias(r.u16(name)?),
        Id::MAXIMUM_QOS => Property::MaximumQoS(r.u8(name)?),
        Id::RETAIN_AVAILABLE => Property::RetainAvailable(r.u8(name)?),
        Id::MAXIMUM_PACKET_SIZE => Property::MaximumPacketSize(r.u32(name)?),
        Id::WILDCARD_SUBSCRIPTION_AVAILABLE => Property::WildcardSubscriptionAvailable(r.u8(name)?),
        Id::SUBSCRIPTION_IDENTIFIERS_AVAILABLE => {
            Property::SubscriptionIdentifiersAvailable(r.u8(name)?)
        }
        Id::SHARED_SUBSCRIPTION_AVAILABLE => Property::SharedSubscriptionAvailable(r.u8(name)?),
        _ => {
            // [MQTT-1.5.7-1] (5.0)
            let (utf8, null) = (Rule::UserPropertyNotUtf8, Rule::UserPropertyNullCharacter);
            let mut property = Property::UserProperty(Text::new(), Text::new());
            if let Property::UserProperty(key, value) = &mut property {
                r.fill_text_or(key, "User Property name", utf8, null)?;
                r.fill_text_or(value, "User Property value", utf8, null)?;
            }
            property
        }
    })
}

fn encode_one(property: &Property, w: &mut impl Writer) -> Result<(), EncodeError> {
    w.u8(property.id().0);
    match property.value() {
        Value::Integer(value) => match property.spec().value {
            // The variants hold integers of exactly these widths.
            PropertyType::Byte => w.u8(value as u8),
            PropertyType::TwoByteInteger => w.u16(value as u16),
            PropertyType::VariableByteInteger => w.varint(value)?,
            _ => w.u32(value),
        },
        Value::Binary(bytes) => w.binary(bytes)?,
        Value::Pair(key, value) => {
            w.binary(key.as_bytes())?;
            w.binary(value.as_bytes())?;
        }
    }
    Ok(())
}

fn value_len(property: &Property) -> usize {
    match property.value() {
        Value::Integer(value) => match property.spec().value {
            PropertyType::Byte => 1,
            PropertyType::TwoByteInteger => 2,
            PropertyType::VariableByteInteger => varint::len(value),
            _ => 4,
        },
        Value::Binary(bytes) => 2 + bytes.len(),
        Value::Pair(key, value) => 4 + key.len() + value.len(),
    }
}

/// A property's value, by how it is written.
pub(super) enum Value<'a> {
    Integer(u32),
    Binary(&'a [u8]),
    Pair(&'a crate::Text, &'a crate::Text),
}
