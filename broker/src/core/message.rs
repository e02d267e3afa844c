//! An application message on its way through the broker, and one subscriber's share of it.
//!
//! Only content and age: who gets it and whether it may be sent now is not known here.

use super::{
    journal::MessageRow,
    ledger::{Charge, Ledger},
    owned,
};
use bytes::Bytes;
use squall_protocol::{
    PacketId, Properties, Property, PropertyId, QoS, Text, Time, Version,
    packet::{Publish, Will},
    topic::TopicFilter,
};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

/// An application message the broker took over.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) topic: Text,
    pub(super) payload: Bytes,
    pub(super) qos: QoS,
    /// RETAIN as it was published.
    pub(super) retain: bool,
    /// What is forwarded unaltered and in order [MQTT-3.3.2-4], [MQTT-3.3.2-15], [MQTT-3.3.2-16], [MQTT-3.3.2-17],
    /// [MQTT-3.3.2-18], [MQTT-3.3.2-20] (5.0), of requests and responses as of any other message [X-5.0-reqresp-3]; the Message
    /// Expiry Interval keeps its place.
    properties: Properties,
    /// Client Identifier of the publisher.
    pub(super) publisher: Text,
    received: Time,
    /// Message Expiry Interval in seconds.
    expiry: Option<u32>,
    /// Its bytes among those of all messages, for as long as anybody keeps it.
    charge: Charge,
    /// Its row, once something refers to it that outlives the broker.
    row: OnceLock<Option<MessageRow>>,
}

/// What a message takes beside its strings and payload.
const MESSAGE_BYTES: usize = 256;
/// What its place in a queue or among the messages in flight takes.
const PLACE_BYTES: usize = 256;

impl Message {
    /// The message of a PUBLISH whose topic is known already.
    pub(super) fn published(
        now: Time,
        publish: Publish,
        topic: Text,
        publisher: Text,
        ledger: &Ledger,
    ) -> Self {
        // QoS 0 is passed on at once and kept by nobody.
        let kept = publish.qos > QoS::AtMostOnce || publish.retain;
        let (publish, topic) = match kept {
            true => (owned::publish(publish), owned::text(&topic)),
            false => (publish, topic),
        };
        let mut properties = publish.properties;
        // Both belong to one connection [MQTT-3.3.2-7] (5.0), [X-5.0-subid-2].
        properties.remove(PropertyId::TOPIC_ALIAS);
        properties.remove(PropertyId::SUBSCRIPTION_IDENTIFIER);
        Self {
            charge: ledger.charge(bytes(&topic, &publish.payload, &properties, &publisher)),
            topic,
            payload: publish.payload,
            qos: publish.qos,
            retain: publish.retain,
            expiry: properties.message_expiry_interval(),
            properties,
            publisher,
            received: now,
            row: OnceLock::new(),
        }
    }

    /// The message of a will; its expiry begins when it is published [X-5.0-will-8].
    pub(super) fn will(now: Time, will: Will, publisher: Text, ledger: &Ledger) -> Self {
        // [X-5.0-will-9], user properties in order [MQTT-3.1.3-10] (5.0)
        let mut properties = will.properties;
        properties.remove(PropertyId::WILL_DELAY_INTERVAL);
        Self {
            charge: ledger.charge(bytes(&will.topic, &will.payload, &properties, &publisher)),
            topic: will.topic,
            payload: will.payload,
            qos: will.qos,
            retain: will.retain,
            expiry: properties.message_expiry_interval(),
            properties,
            publisher,
            received: now,
            row: OnceLock::new(),
        }
    }

    /// A message of a row.
    pub(super) fn restored(
        row: MessageRow,
        publish: Publish,
        publisher: Text,
        received: Time,
        ledger: &Ledger,
    ) -> Self {
        let topic = publish.topic.clone();
        Self {
            row: OnceLock::from(Some(row)),
            ..Self::published(received, publish, topic, publisher, ledger)
        }
    }

    /// The number of its row, which is made by `add` if there is none yet; `None` when nothing is written down.
    pub(super) fn row(&self, add: impl FnOnce(&Self) -> Option<MessageRow>) -> Option<u64> {
        let row = self.row.get_or_init(|| add(self));
        row.as_ref().map(MessageRow::number)
    }

    /// When it was taken over.
    pub(super) const fn received(&self) -> Time {
        self.received
    }

    /// All of it as the PUBLISH that it came in might be.
    pub(super) fn envelope(&self) -> Publish {
        Publish {
            dup: false,
            qos: self.qos,
            retain: self.retain,
            topic: self.topic.clone(),
            packet_id: (self.qos > QoS::AtMostOnce).then_some(PacketId::MIN),
            properties: self.properties.clone(),
            payload: self.payload.clone(),
        }
    }

    /// Bytes it takes.
    pub(super) const fn bytes(&self) -> usize {
        self.charge.bytes()
    }

    /// When it expires; without a Message Expiry Interval never [X-5.0-expiry-1].
    pub(super) fn expires_at(&self) -> Option<Time> {
        let secs = self.expiry?;
        Some(self.received + Duration::from_secs(secs.into()))
    }

    /// When a retained message is thrown away: a millisecond after its arrival at the earliest, so that a deadline
    /// never lies in the present.
    pub(super) fn discard_at(&self) -> Option<Time> {
        let earliest = self.received + Duration::from_millis(1);
        self.expires_at().map(|at| at.max(earliest))
    }

    /// Whether its time has passed. In the instant of its arrival nothing has.
    pub(super) fn is_expired(&self, now: Time) -> bool {
        // [MQTT-3.3.2-5] (5.0)
        now > self.received && self.expires_at().is_some_and(|at| now >= at)
    }

    /// The lower of the two [MQTT-3.8.4-6] (3.1.1), [MQTT-3.8.4-8], [MQTT-4.8.2-3] (5.0).
    pub(super) fn delivery_qos(&self, granted: QoS) -> QoS {
        self.qos.min(granted)
    }

    /// The properties a subscriber is sent now.
    fn properties(&self, now: Time) -> Properties {
        let mut properties = self.properties.clone();
        if let Some(secs) = self.expiry {
            // [MQTT-3.3.2-6] (5.0): whole seconds it has waited here
            let waited = u32::try_from(now.since(self.received).as_secs()).unwrap_or(u32::MAX);
            properties.set(Property::MessageExpiryInterval(secs.saturating_sub(waited)));
        }
        properties
    }
}

fn bytes(topic: &str, payload: &[u8], properties: &Properties, publisher: &str) -> usize {
    let strings = topic.len() + payload.len() + publisher.len();
    MESSAGE_BYTES + strings + owned::properties_bytes(properties)
}

/// A will that is kept until it is published or deleted.
#[derive(Debug)]
pub(super) struct KeptWill {
    pub(super) will: Will,
    /// Its bytes among those of all messages.
    _charge: Charge,
}

impl KeptWill {
    pub(super) fn new(will: &Will, ledger: &Ledger) -> Self {
        Self {
            _charge: ledger.charge(will_bytes(will)),
            will: owned::will(will.clone()),
        }
    }

    /// The will, kept no longer.
    pub(super) fn into_will(self) -> Will {
        self.will
    }
}

/// Bytes a will takes.
pub(super) fn will_bytes(will: &Will) -> usize {
    bytes(&will.topic, &will.payload, &will.properties, "")
}

/// One subscriber's share of a message.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) message: Arc<Message>,
    /// The lower of the published and the granted QoS.
    pub(super) qos: QoS,
    /// RETAIN as this subscriber sees it.
    pub(super) retain: bool,
    /// Subscription Identifiers of the subscriptions that caused it.
    pub(super) identifiers: Vec<u32>,
    /// The shared subscription that caused it, if one did.
    pub(super) shared: Option<TopicFilter>,
    /// Set while a session keeps it.
    pub(super) kept: Option<Kept>,
}

/// What a session that keeps a delivery is charged.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// The whole message, among the session's.
    _session: Charge,
    /// Its place, among those of all.
    _place: Charge,
}

impl Delivery {
    /// Bytes it takes in its session.
    pub(super) fn bytes(&self) -> usize {
        self.place_bytes() + self.message.bytes()
    }

    /// Bytes it takes beside the message.
    pub(super) fn place_bytes(&self) -> usize {
        PLACE_BYTES + size_of::<u32>() * self.identifiers.len()
    }

    /// From now on a session keeps it.
    pub(super) fn keep(&mut self, session: &Ledger, messages: &Ledger) {
        self.kept = Some(Kept {
            _session: session.charge(self.bytes()),
            _place: messages.charge(self.place_bytes()),
        });
    }

    /// The same for somebody who keeps it no longer than the session does.
    pub(super) fn borrowed(&self) -> Self {
        Self {
            message: Arc::clone(&self.message),
            identifiers: self.identifiers.clone(),
            shared: self.shared.clone(),
            kept: None,
            ..*self
        }
    }

    /// The PUBLISH for a subscriber that speaks `version`.
    pub(super) fn packet(
        &self,
        now: Time,
        version: Version,
        packet_id: Option<PacketId>,
        dup: bool,
    ) -> Publish {
        let properties = match version {
            Version::V3_1_1 => Properties::new(),
            Version::V5_0 => {
                let mut properties = self.message.properties(now);
                // [MQTT-3.3.4-3], [MQTT-3.3.4-4] (5.0)
                for id in &self.identifiers {
                    properties.push(Property::SubscriptionIdentifier(*id));
                }
                properties
            }
        };
        Publish {
            dup,
            qos: self.qos,
            retain: self.retain,
            topic: self.message.topic.clone(),
            packet_id,
            properties,
            payload: self.message.payload.clone(),
        }
    }
}
