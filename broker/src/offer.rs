//! What CONNACK says of the settings.

use crate::Config;
use squall_protocol::{Decoder, Properties, Property, QoS};

/// What is not offered in full; what CONNACK does not mention is [X-5.0-connack-5], [X-5.0-connack-6],
/// [X-5.0-connack-7].
pub(crate) fn announce(config: &Config, properties: &mut Properties) {
    if config.receive_maximum < u16::MAX {
        properties.push(Property::ReceiveMaximum(config.receive_maximum));
    }
    if config.maximum_qos < QoS::ExactlyOnce {
        // [MQTT-3.2.2-9] (5.0)
        properties.push(Property::MaximumQoS(config.maximum_qos.as_u8()));
    }
    if !config.retain_available {
        properties.push(Property::RetainAvailable(0));
    }
    if config.maximum_packet_size < Decoder::LARGEST_PACKET {
        properties.push(Property::MaximumPacketSize(config.maximum_packet_size));
    }
    if config.topic_alias_maximum > 0 {
        properties.push(Property::TopicAliasMaximum(config.topic_alias_maximum));
    }
    if !config.wildcard_subscriptions {
        properties.push(Property::WildcardSubscriptionAvailable(0));
    }
    if !config.subscription_identifiers {
        properties.push(Property::SubscriptionIdentifiersAvailable(0));
    }
    if !config.shared_subscriptions {
        properties.push(Property::SharedSubscriptionAvailable(0));
    }
}

/// The Keep Alive that a client is told in the place of the one it asks for, in seconds; `None` where it has its own.
pub(crate) fn server_keep_alive(config: &Config, asked: u16) -> Option<u16> {
    let limit = config.server_keep_alive?;
    (asked != limit && (asked == 0 || asked > limit)).then_some(limit)
}
