//! What a PUBLISH to a subscriber looks like.

use super::{
    core::Double,
    state::{ConnectionId, Delivery},
};
use crate::{Decoy, Switch};
use bytes::Bytes;
use squall_protocol::{
    Packet, PacketId, Properties, Property, PropertyId, QoS, Text, Version, encode, packet::Publish,
};

impl Double {
    /// What is left of a message's Message Expiry Interval, in seconds, at least 1 while it has not passed; 0 once it
    /// has [MQTT-3.3.2-5] (5.0), `None` without one [X-5.0-expiry-1]. After the first sending it does not count
    /// [MQTT-4.3.3-7] (5.0), and is not `Some(0)` unless a fault looks `in_flight`.
    pub(super) fn left(&self, delivery: &Delivery, in_flight: bool) -> Option<u32> {
        let interval = delivery.message.expiry?;
        let waited = self.now.saturating_sub(delivery.message.received);
        let is_over = waited > 0 && waited >= u64::from(interval) * 1_000;
        if is_over {
            let never = self.wrong(Switch::ExpiryNeverDeletes) && !in_flight;
            return Some(u32::from(never));
        }
        // [MQTT-3.3.2-6] (5.0)
        let seconds = u32::try_from(waited / 1_000).unwrap_or(u32::MAX);
        if self.wrong(Switch::ExpiryNotReduced) {
            return Some(interval.max(1));
        }
        if self.wrong(Switch::ExpiryCountedTwice) {
            return Some(interval.saturating_sub(seconds.saturating_mul(2)).max(1));
        }
        Some(interval.saturating_sub(seconds).max(1))
    }

    pub(super) fn publish_packet(
        &self,
        id: ConnectionId,
        delivery: &Delivery,
        number: u16,
        again: bool,
    ) -> Publish {
        let message = &delivery.message;
        let five = self.version(id) == Version::V5_0;
        let wrong = |switch| self.wrong(switch);
        let is_qos0 = delivery.qos == QoS::AtMostOnce;
        // [MQTT-3.3.1-1] to [MQTT-3.3.1-3]
        let dup = again && !wrong(Switch::ForgetDup)
            || !is_qos0 && message.dup && wrong(Switch::DupPropagated)
            || !is_qos0 && delivery.waited && wrong(Switch::DupOnQueued)
            || is_qos0 && (delivery.waited || delivery.retain) && wrong(Switch::Qos0WithDup);
        let topic = if wrong(Switch::TopicNameIsFilter) {
            delivery.filter.as_str().into()
        } else if wrong(Switch::TopicNameCut) && message.topic.len() > 64 {
            let cut = message.topic.floor_char_boundary(64);
            Text::from(&message.topic[..cut])
        } else {
            message.topic.clone()
        };
        let mut properties = Properties::new();
        if five {
            properties = self.forwarded(delivery, again);
        }
        Publish {
            dup,
            qos: delivery.qos,
            retain: delivery.retain,
            topic,
            packet_id: PacketId::new(number).filter(|_| !is_qos0),
            properties,
            payload: message.payload.clone(),
        }
    }

    /// The properties of a message, unaltered but for Message Expiry Interval and Subscription Identifiers.
    fn forwarded(&self, delivery: &Delivery, again: bool) -> Properties {
        let wrong = |switch| self.wrong(switch);
        let message = &delivery.message;
        let mut properties = message.properties.clone();
        let lost = [
            (Switch::DropUserProperties, PropertyId::USER_PROPERTY),
            (Switch::ContentTypeLost, PropertyId::CONTENT_TYPE),
            (Switch::ResponseTopicLost, PropertyId::RESPONSE_TOPIC),
            (Switch::CorrelationDataLost, PropertyId::CORRELATION_DATA),
            (
                Switch::PayloadFormatLost,
                PropertyId::PAYLOAD_FORMAT_INDICATOR,
            ),
        ];
        for (switch, property) in lost {
            if wrong(switch) {
                properties.remove(property);
            }
        }
        if wrong(Switch::UserPropertiesReversed) {
            properties = properties.iter().rev().cloned().collect();
        }
        if wrong(Switch::UserPropertiesMerged) {
            properties = merged(&properties);
        }
        if wrong(Switch::CorrelationDataCut)
            && let Some(data) = properties.correlation_data()
        {
            let end = data.iter().position(|b| *b == 0).unwrap_or(data.len());
            properties.set(Property::CorrelationData(Bytes::copy_from_slice(
                &data[..end],
            )));
        }
        if wrong(Switch::PayloadFormatGuessed) && std::str::from_utf8(&message.payload).is_ok() {
            properties.set(Property::PayloadFormatIndicator(1));
        }
        if wrong(Switch::UserPropertyAdded) {
            properties.push(Property::UserProperty("via".into(), "double".into()));
        }
        if wrong(Switch::PropertiesLostOnResend) && again {
            properties = Properties::new();
        }
        match self.left(delivery, false) {
            Some(left) if !wrong(Switch::ExpiryLost) => {
                properties.push(Property::MessageExpiryInterval(left.max(1)));
            }
            None if wrong(Switch::ExpiryInvented) => {
                properties.push(Property::MessageExpiryInterval(86_400));
            }
            _ => {}
        }
        for id in &delivery.subscription_ids {
            properties.push(Property::SubscriptionIdentifier(*id));
        }
        if self.odd(Decoy::PropertiesReversed) {
            let is_user = |p: &&Property| p.id() == PropertyId::USER_PROPERTY;
            let others = properties.iter().rev().filter(|p| !is_user(p));
            let users = properties.iter().filter(is_user);
            properties = users.chain(others).cloned().collect();
        }
        properties
    }

    /// Topic Aliases toward a client; without an oddity none are used [MQTT-3.1.2-27] (5.0).
    pub(super) fn use_alias(
        &mut self,
        id: ConnectionId,
        delivery: &Delivery,
        publish: &mut Publish,
    ) {
        let ways = self.ways;
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.version != Some(Version::V5_0) {
            return;
        }
        let maximum = connection.alias_maximum;
        let topic = publish.topic.to_string();
        let set =
            |publish: &mut Publish, alias| publish.properties.push(Property::TopicAlias(alias));
        if ways.wrong(Switch::AliasForwarded)
            && let Some(alias) = delivery.message.alias
        {
            set(publish, alias);
        }
        if ways.wrong(Switch::AliasAboveMaximum) && maximum > 0 && maximum < u16::MAX {
            set(publish, maximum + 1);
        }
        if ways.wrong(Switch::AliasTablesMixed) && maximum > 0 {
            let mut known = connection.aliases_in.iter();
            let own = known.find(|(alias, name)| **alias <= maximum && name.as_str() == topic);
            if let Some((alias, _)) = own {
                publish.topic = Text::new();
                publish.properties.push(Property::TopicAlias(*alias));
            }
        }
        if maximum == 0 {
            return;
        }
        let mut aliased = publish.clone();
        if ways.odd(Decoy::AliasWithTopic) {
            set(&mut aliased, 1);
        } else if ways.odd(Decoy::OutboundAliases) {
            let count = u16::try_from(connection.aliases_out.len()).unwrap_or(u16::MAX);
            if let Some(alias) = connection.aliases_out.get(&topic) {
                aliased.topic = Text::new();
                set(&mut aliased, *alias);
            } else if count < maximum {
                set(&mut aliased, count + 1);
            } else {
                return;
            }
        } else {
            return;
        }
        let len = encode(&Packet::Publish(aliased.clone()), Version::V5_0).map_or(0, |b| b.len());
        if len > 0 && self.fits(id, len) {
            let alias = aliased.properties.topic_alias().unwrap_or(0);
            let connection = self.connections.get_mut(&id).expect("seen above");
            connection.aliases_out.entry(topic).or_insert(alias);
            *publish = aliased;
        }
    }
}

/// Of User Properties with the same name the last.
fn merged(properties: &Properties) -> Properties {
    let all: Vec<_> = properties.iter().cloned().collect();
    let mut kept = Properties::new();
    for (i, property) in all.iter().enumerate() {
        let again = all[i + 1..].iter().any(|later| match (property, later) {
            (Property::UserProperty(a, _), Property::UserProperty(b, _)) => a == b,
            _ => false,
        });
        if !again {
            kept.push(property.clone());
        }
    }
    kept
}
