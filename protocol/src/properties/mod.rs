//! Properties of MQTT 5.0 (section 2.2.2): one table, one list type.
//!
//! The list keeps what a peer put on the wire, in its order, and does not know whether it may stand there: that is
//! decided while decoding, from the table.

mod table;
mod wire;

pub use table::{PROPERTIES, PropertyId, PropertySpec, PropertyType};
pub(crate) use wire::Owner;

use crate::Text;
use bytes::Bytes;
use wire::Value;

/// One property with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each is the property of that name in section 2.2.2.2"
)]
pub enum Property {
    PayloadFormatIndicator(u8),
    MessageExpiryInterval(u32),
    ContentType(Text),
    ResponseTopic(Text),
    CorrelationData(Bytes),
    SubscriptionIdentifier(u32),
    SessionExpiryInterval(u32),
    AssignedClientIdentifier(Text),
    ServerKeepAlive(u16),
    AuthenticationMethod(Text),
    AuthenticationData(Bytes),
    RequestProblemInformation(u8),
    WillDelayInterval(u32),
    RequestResponseInformation(u8),
    ResponseInformation(Text),
    ServerReference(Text),
    ReasonString(Text),
    ReceiveMaximum(u16),
    TopicAliasMaximum(u16),
    TopicAlias(u16),
    MaximumQoS(u8),
    RetainAvailable(u8),
    UserProperty(Text, Text),
    MaximumPacketSize(u32),
    WildcardSubscriptionAvailable(u8),
    SubscriptionIdentifiersAvailable(u8),
    SharedSubscriptionAvailable(u8),
}

impl Property {
    /// The identifier on the wire.
    #[must_use]
    pub const fn id(&self) -> PropertyId {
        match self {
            Self::PayloadFormatIndicator(..) => PropertyId::PAYLOAD_FORMAT_INDICATOR,
            Self::MessageExpiryInterval(..) => PropertyId::MESSAGE_EXPIRY_INTERVAL,
            Self::ContentType(..) => PropertyId::CONTENT_TYPE,
            Self::ResponseTopic(..) => PropertyId::RESPONSE_TOPIC,
            Self::CorrelationData(..) => PropertyId::CORRELATION_DATA,
            Self::SubscriptionIdentifier(..) => PropertyId::SUBSCRIPTION_IDENTIFIER,
            Self::SessionExpiryInterval(..) => PropertyId::SESSION_EXPIRY_INTERVAL,
            Self::AssignedClientIdentifier(..) => PropertyId::ASSIGNED_CLIENT_IDENTIFIER,
            Self::ServerKeepAlive(..) => PropertyId::SERVER_KEEP_ALIVE,
            Self::AuthenticationMethod(..) => PropertyId::AUTHENTICATION_METHOD,
            Self::AuthenticationData(..) => PropertyId::AUTHENTICATION_DATA,
            Self::RequestProblemInformation(..) => PropertyId::REQUEST_PROBLEM_INFORMATION,
            Self::WillDelayInterval(..) => PropertyId::WILL_DELAY_INTERVAL,
            Self::RequestResponseInformation(..) => PropertyId::REQUEST_RESPONSE_INFORMATION,
            Self::ResponseInformation(..) => PropertyId::RESPONSE_INFORMATION,
            Self::ServerReference(..) => PropertyId::SERVER_REFERENCE,
            Self::ReasonString(..) => PropertyId::REASON_STRING,
            Self::ReceiveMaximum(..) => PropertyId::RECEIVE_MAXIMUM,
            Self::TopicAliasMaximum(..) => PropertyId::TOPIC_ALIAS_MAXIMUM,
            Self::TopicAlias(..) => PropertyId::TOPIC_ALIAS,
            Self::MaximumQoS(..) => PropertyId::MAXIMUM_QOS,
            Self::RetainAvailable(..) => PropertyId::RETAIN_AVAILABLE,
            Self::UserProperty(..) => PropertyId::USER_PROPERTY,
            Self::MaximumPacketSize(..) => PropertyId::MAXIMUM_PACKET_SIZE,
            Self::WildcardSubscriptionAvailable(..) => PropertyId::WILDCARD_SUBSCRIPTION_AVAILABLE,
            Self::SubscriptionIdentifiersAvailable(..) => {
                PropertyId::SUBSCRIPTION_IDENTIFIERS_AVAILABLE
            }
            Self::SharedSubscriptionAvailable(..) => PropertyId::SHARED_SUBSCRIPTION_AVAILABLE,
        }
    }

    /// The row of the table.
    #[must_use]
    pub fn spec(&self) -> &'static PropertySpec {
        self.id().spec().expect("every variant has a row")
    }

    /// The value of a property that is an integer.
    #[must_use]
    pub fn as_integer(&self) -> Option<u32> {
        match self.value() {
            Value::Integer(value) => Some(value),
            Value::Binary(_) | Value::Pair(..) => None,
        }
    }

    /// The value of a property that is one string; a User Property is two.
    #[must_use]
    pub const fn as_text(&self) -> Option<&Text> {
        match self {
            Self::ContentType(text)
            | Self::ResponseTopic(text)
            | Self::AssignedClientIdentifier(text)
            | Self::AuthenticationMethod(text)
            | Self::ResponseInformation(text)
            | Self::ServerReference(text)
            | Self::ReasonString(text) => Some(text),
            _ => None,
        }
    }

    fn value(&self) -> Value<'_> {
        match self {
            Self::PayloadFormatIndicator(v)
            | Self::RequestProblemInformation(v)
            | Self::RequestResponseInformation(v)
            | Self::MaximumQoS(v)
            | Self::RetainAvailable(v)
            | Self::WildcardSubscriptionAvailable(v)
            | Self::SubscriptionIdentifiersAvailable(v)
            | Self::SharedSubscriptionAvailable(v) => Value::Integer(u32::from(*v)),
            Self::ServerKeepAlive(v)
            | Self::ReceiveMaximum(v)
            | Self::TopicAliasMaximum(v)
            | Self::TopicAlias(v) => Value::Integer(u32::from(*v)),
            Self::MessageExpiryInterval(v)
            | Self::SubscriptionIdentifier(v)
            | Self::SessionExpiryInterval(v)
            | Self::WillDelayInterval(v)
            | Self::MaximumPacketSize(v) => Value::Integer(*v),
            Self::ContentType(v)
            | Self::ResponseTopic(v)
            | Self::AssignedClientIdentifier(v)
            | Self::AuthenticationMethod(v)
            | Self::ResponseInformation(v)
            | Self::ServerReference(v)
            | Self::ReasonString(v) => Value::Binary(v.as_bytes()),
            Self::CorrelationData(v) | Self::AuthenticationData(v) => Value::Binary(v),
            Self::UserProperty(key, value) => Value::Pair(key, value),
        }
    }
}

/// Properties in the order they stand on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties(Vec<Property>);

impl Properties {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Appends a property; does not check that it may stand there.
    pub fn push(&mut self, property: Property) {
        self.0.push(property);
    }

    /// The list with one more property.
    #[must_use]
    pub fn with(mut self, property: Property) -> Self {
        self.push(property);
        self
    }

    /// All, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Property> {
        self.0.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are, repetitions counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Puts `property` in the place of the first one with its identifier and drops further ones; appends it when
    /// there was none.
    pub fn set(&mut self, property: Property) {
        let id = property.id();
        match self.0.iter().position(|p| p.id() == id) {
            None => self.push(property),
            Some(first) => {
                self.0[first] = property;
                let mut index = 0;
                self.0.retain(|p| {
                    let keep = index <= first || p.id() != id;
                    index += 1;
                    keep
                });
            }
        }
    }

    /// Removes all properties with this identifier; gives how many there were.
    pub fn remove(&mut self, id: PropertyId) -> usize {
        let before = self.0.len();
        self.0.retain(|p| p.id() != id);
        before - self.0.len()
    }

    /// The first property with this identifier.
    #[must_use]
    pub fn get(&self, id: PropertyId) -> Option<&Property> {
        self.0.iter().find(|p| p.id() == id)
    }

    /// Every Subscription Identifier, in order.
    pub fn subscription_identifiers(&self) -> impl Iterator<Item = u32> {
        self.0.iter().filter_map(|p| match p {
            Property::SubscriptionIdentifier(id) => Some(*id),
            _ => None,
        })
    }

    /// Name and value of every User Property, in order.
    pub fn user_properties(&self) -> impl Iterator<Item = (&Text, &Text)> {
        self.0.iter().filter_map(|p| match p {
            Property::UserProperty(name, value) => Some((name, value)),
            _ => None,
        })
    }
}

impl FromIterator<Property> for Properties {
    fn from_iter<I: IntoIterator<Item = Property>>(iter: I) -> Self {
        Self(iter.into_iter().collect())
    }
}

impl<'a> IntoIterator for &'a Properties {
    type Item = &'a Property;
    type IntoIter = std::slice::Iter<'a, Property>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident: $variant:ident -> $ty:ty;)*) => {
        impl Properties {$(
            $(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> Option<$ty> {
                self.0.iter().find_map(|p| match p {
                    Property::$variant(v) => Some(v.clone()),
                    _ => None,
                })
            }
        )*}
    };
}

getters! {
    /// Payload Format Indicator.
    payload_format_indicator: PayloadFormatIndicator -> u8;
    /// Message Expiry Interval in seconds.
    message_expiry_interval: MessageExpiryInterval -> u32;
    /// Content Type.
    content_type: ContentType -> Text;
    /// Response Topic.
    response_topic: ResponseTopic -> Text;
    /// Correlation Data.
    correlation_data: CorrelationData -> Bytes;
    /// Subscription Identifier (the first, where several may stand).
    subscription_identifier: SubscriptionIdentifier -> u32;
    /// Session Expiry Interval in seconds; 0xFFFFFFFF means never.
    session_expiry_interval: SessionExpiryInterval -> u32;
    /// Assigned Client Identifier.
    assigned_client_identifier: AssignedClientIdentifier -> Text;
    /// Server Keep Alive in seconds.
    server_keep_alive: ServerKeepAlive -> u16;
    /// Authentication Method.
    authentication_method: AuthenticationMethod -> Text;
    /// Authentication Data.
    authentication_data: AuthenticationData -> Bytes;
    /// Request Problem Information.
    request_problem_information: RequestProblemInformation -> u8;
    /// Will Delay Interval in seconds.
    will_delay_interval: WillDelayInterval -> u32;
    /// Request Response Information.
    request_response_information: RequestResponseInformation -> u8;
    /// Response Information.
    response_information: ResponseInformation -> Text;
    /// Server Reference.
    server_reference: ServerReference -> Text;
    /// Reason String.
    reason_string: ReasonString -> Text;
    /// Receive Maximum.
    receive_maximum: ReceiveMaximum -> u16;
    /// Topic Alias Maximum.
    topic_alias_maximum: TopicAliasMaximum -> u16;
    /// Topic Alias.
    topic_alias: TopicAlias -> u16;
    /// Maximum QoS.
    maximum_qos: MaximumQoS -> u8;
    /// Retain Available.
    retain_available: RetainAvailable -> u8;
    /// Maximum Packet Size in bytes.
    maximum_packet_size: MaximumPacketSize -> u32;
    /// Wildcard Subscription Available.
    wildcard_subscription_available: WildcardSubscriptionAvailable -> u8;
    /// Subscription Identifiers Available.
    subscription_identifiers_available: SubscriptionIdentifiersAvailable -> u8;
    /// Shared Subscription Available.
    shared_subscription_available: SharedSubscriptionAvailable -> u8;
}

#[cfg(test)]
mod tests;
