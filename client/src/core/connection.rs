//! What ends with a connection: decoder, the server's limits, Topic Aliases, quota, timers, requests under way.
//!
//! It does not know what a packet leads to.

use super::{
    authentication::Exchange,
    command::{Acknowledgement, ConnectOptions},
    event::Abandonment,
    fault::ProtocolError,
    message::{Message, Ticket},
    naming::Naming,
};
use squall_protocol::{
    Decoder, Packet, PacketId, Properties, PropertyId, QoS, Role, Time, Version,
    flow::ReceiveQuota,
    packet::{ConnAck, Publish, Subscription},
    topic::{TopicAliasError, TopicAliases, TopicNamed},
};
use std::{collections::BTreeMap, time::Duration};

/// A connection on which CONNECT was sent.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) version: Version,
    pub(super) decoder: Decoder,
    /// Whether CONNACK came and accepted it.
    pub(super) accepted: bool,
    /// Whether CONNECT asked for a clean start.
    pub(super) clean_start: bool,
    /// Whether there was a session before this CONNECT.
    pub(super) had_session: bool,
    /// Session Expiry Interval in seconds, as it stands.
    pub(super) expiry: u32,
    pub(super) offer: Offer,
    pub(super) requests: BTreeMap<PacketId, Request>,
    pub(super) timers: Timers,
    /// The Topic Aliases of what is sent: none of [`Self::aliases`] [X-5.0-alias-5].
    pub(super) naming: Naming,
    /// Enhanced authentication, if CONNECT named a method.
    pub(super) exchange: Option<Exchange>,
    receiving: ReceiveQuota,
    aliases: TopicAliases,
    /// Messages are acknowledged by hand.
    pub(super) by_hand: bool,
}

/// A SUBSCRIBE or UNSUBSCRIBE that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) ticket: Ticket,
    pub(super) kind: RequestKind,
    /// How many topic filters it has.
    pub(super) filters: usize,
    /// The client makes a subscription again that the server has lost.
    pub(super) renews: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestKind {
    Subscribe,
    Unsubscribe,
}

impl Connection {
    /// `connect_by` is the end of the connect timeout.
    pub(super) fn new(
        options: &ConnectOptions,
        connect_by: Option<Time>,
        had_session: bool,
    ) -> Self {
        let version = options.version;
        let mut decoder = Decoder::new(Role::Server);
        decoder.set_version(version);
        if let Some(bytes) = options.maximum_packet_size {
            decoder.set_max_packet_size(bytes);
        }
        Self {
            version,
            decoder,
            accepted: false,
            clean_start: options.clean_start,
            had_session,
            expiry: match (version, options.clean_start) {
                // [MQTT-3.1.2-4], [MQTT-3.1.2-6] (3.1.1)
                (Version::V3_1_1, true) => 0,
                (Version::V3_1_1, false) => u32::MAX,
                // [X-5.0-session-1]
                (Version::V5_0, _) => options.session_expiry.unwrap_or(0),
            },
            offer: Offer::default(),
            requests: BTreeMap::new(),
            timers: Timers {
                connect_by,
                ..Timers::default()
            },
            // [X-5.0-flow-2]; 3.1.1 has no such limit.
            receiving: ReceiveQuota::new(
                options
                    .receive_maximum
                    .filter(|_| version == Version::V5_0)
                    .unwrap_or(u16::MAX),
            ),
            aliases: TopicAliases::new(options.topic_alias_maximum.unwrap_or(0)),
            naming: Naming::default(),
            exchange: Exchange::of(options.authentication.as_ref(), version),
            by_hand: options.acknowledgement == Acknowledgement::ByHand,
        }
    }

    /// Takes over what an accepting CONNACK says.
    pub(super) fn accept(&mut self, options: &ConnectOptions, ack: &ConnAck) {
        self.accepted = true;
        self.offer = Offer::of(ack);
        // [MQTT-3.2.2-17], [MQTT-3.2.2-18] (5.0)
        let aliases = ack.properties.topic_alias_maximum().unwrap_or(0);
        self.naming = Naming::new(aliases.min(options.topic_aliases));
        // [X-5.0-connack-4]
        self.expiry = ack
            .properties
            .session_expiry_interval()
            .unwrap_or(self.expiry);
        // [MQTT-3.1.2-21], [MQTT-3.2.2-21] (5.0)
        let keep_alive = ack
            .properties
            .server_keep_alive()
            .unwrap_or(options.keep_alive);
        self.timers.accept(keep_alive, options.ping_timeout);
    }

    /// A PUBLISH arrived: checks the Receive Maximum and puts the topic in place of its alias.
    pub(super) fn admit(&mut self, publish: &mut Publish) -> Result<(), ProtocolError> {
        self.resolve(publish)?;
        let admitted = publish.packet_id.map_or(Ok(()), |id| {
            // One that is acknowledged by hand counts until then, whatever its QoS.
            let held = self.by_hand && publish.qos == QoS::AtLeastOnce;
            let qos = if held { QoS::ExactlyOnce } else { publish.qos };
            self.receiving.admit(id, qos)
        });
        // [MQTT-3.3.4-9], [X-5.0-flow-4] (5.0)
        admitted.map_err(|_| ProtocolError::ReceiveMaximumExceeded)
    }

    /// [MQTT-3.3.2-10]; the property itself concerns this hop only and is taken out.
    fn resolve(&mut self, publish: &mut Publish) -> Result<(), ProtocolError> {
        let named = self.aliases.look_up(publish);
        let named = named.map_err(|error| match error {
            TopicAliasError::NotAllowed => ProtocolError::TopicAliasNotAllowed,
            TopicAliasError::TooLarge => ProtocolError::TopicAliasTooLarge,
            TopicAliasError::Unknown => ProtocolError::TopicAliasUnknown,
        })?;
        match named {
            TopicNamed::Plainly => return Ok(()),
            TopicNamed::ByAlias(topic) => publish.topic = topic,
            TopicNamed::AndAliased(alias) => self.aliases.set(alias, publish.topic.clone(), ()),
        }
        publish.properties.remove(PropertyId::TOPIC_ALIAS);
        Ok(())
    }

    /// PUBCOMP, a PUBACK by hand or a PUBREC that refuses is about to be sent [X-5.0-flow-5].
    pub(super) fn release(&mut self, id: PacketId) {
        self.receiving.complete(id);
    }
}

/// What the server takes on this connection: CONNACK's limits in 5.0, everything in 3.1.1.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) receive_maximum: u16,
    pub(super) maximum_packet_size: u32,
    maximum_qos: QoS,
    retain: bool,
    wildcard_subscriptions: bool,
    pub(super) subscription_identifiers: bool,
    shared_subscriptions: bool,
}

impl Default for Offer {
    fn default() -> Self {
        Self {
            receive_maximum: u16::MAX,
            maximum_packet_size: Decoder::LARGEST_PACKET,
            maximum_qos: QoS::ExactlyOnce,
            retain: true,
            wildcard_subscriptions: true,
            subscription_identifiers: true,
            shared_subscriptions: true,
        }
    }
}

impl Offer {
    /// Absent means full support [X-5.0-connack-5], [X-5.0-connack-6], [X-5.0-connack-7].
    fn of(ack: &ConnAck) -> Self {
        let p = &ack.properties;
        let available = |value: Option<u8>| value != Some(0);
        let all = Self::default();
        Self {
            receive_maximum: p.receive_maximum().unwrap_or(all.receive_maximum),
            maximum_packet_size: p.maximum_packet_size().unwrap_or(all.maximum_packet_size),
            maximum_qos: p
                .maximum_qos()
                .and_then(QoS::from_bits)
                .unwrap_or(all.maximum_qos),
            retain: available(p.retain_available()),
            wildcard_subscriptions: available(p.wildcard_subscription_available()),
            subscription_identifiers: available(p.subscription_identifiers_available()),
            shared_subscriptions: available(p.shared_subscription_available()),
        }
    }

    /// Why this message may not be sent, if so [MQTT-3.2.2-11], [MQTT-3.2.2-14] (5.0).
    pub(super) fn check_message(&self, message: &Message) -> Result<(), Abandonment> {
        if message.qos > self.maximum_qos {
            return Err(Abandonment::QosNotSupported(self.maximum_qos));
        }
        if message.retain && !self.retain {
            return Err(Abandonment::RetainNotSupported);
        }
        Ok(())
    }

    /// Why a packet of this size may not be sent, if so [MQTT-3.2.2-15] (5.0).
    pub(super) fn check_size(&self, size: usize) -> Result<(), Abandonment> {
        let maximum = self.maximum_packet_size;
        if size <= maximum as usize {
            return Ok(());
        }
        Err(Abandonment::PacketTooLarge { size, maximum })
    }

    /// Why this SUBSCRIBE would be a Protocol Error, if so [X-5.0-limit-4], [X-5.0-limit-5], [X-5.0-limit-6].
    pub(super) fn check_subscribe(
        &self,
        subscriptions: &[Subscription],
        properties: &Properties,
    ) -> Result<(), Abandonment> {
        let any = |test: fn(&Subscription) -> bool| subscriptions.iter().any(test);
        if !self.wildcard_subscriptions && any(|s| s.filter.has_wildcard()) {
            return Err(Abandonment::WildcardSubscriptionsNotSupported);
        }
        if !self.shared_subscriptions && any(|s| s.filter.is_shared()) {
            return Err(Abandonment::SharedSubscriptionsNotSupported);
        }
        if !self.subscription_identifiers && properties.subscription_identifier().is_some() {
            return Err(Abandonment::SubscriptionIdentifiersNotSupported);
        }
        Ok(())
    }
}

/// What is due next on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// CONNACK has not come.
    Connect,
    /// PINGRESP has not come.
    PingAnswer,
    /// Nothing was sent for the Keep Alive.
    KeepAlive,
}

/// The deadlines of a connection.
#[derive(Debug, Default)]
pub(super) struct Timers {
    connect_by: Option<Time>,
    keep_alive: Option<Duration>,
    last_sent: Time,
    ping_timeout: Option<Duration>,
    answer_by: Option<Time>,
    /// Nothing is read: an answer that has come is not seen.
    deaf: bool,
    /// A PINGREQ has no answer.
    pinged: bool,
}

impl Timers {
    fn accept(&mut self, keep_alive: u16, ping_timeout: Duration) {
        self.connect_by = None;
        // 0 turns it off [X-5.0-keepalive-3].
        self.keep_alive = (keep_alive > 0).then(|| Duration::from_secs(keep_alive.into()));
        self.ping_timeout = (!ping_timeout.is_zero()).then_some(ping_timeout);
    }

    /// A packet was sent; what counts for the Keep Alive is what the client sends, not what it gets.
    pub(super) fn sent(&mut self, now: Time, packet: &Packet) {
        self.last_sent = now;
        if matches!(packet, Packet::PingReq) && !std::mem::replace(&mut self.pinged, true) {
            self.listen(now);
        }
    }

    /// Whether what arrives is read. While it is not, an answer is not missed.
    pub(super) fn set_deaf(&mut self, now: Time, deaf: bool) {
        self.deaf = deaf;
        self.listen(now);
    }

    /// The time for the answer to a PINGREQ begins, or does not run.
    fn listen(&mut self, now: Time) {
        let timeout = self.ping_timeout.filter(|_| self.pinged && !self.deaf);
        self.answer_by = timeout.map(|timeout| now + timeout);
    }

    /// PINGRESP arrived.
    pub(super) fn answered(&mut self) {
        self.pinged = false;
        self.answer_by = None;
    }

    /// The next deadline and what it is for; of two at one instant the one that ends the connection.
    pub(super) fn next(&self) -> Option<(Time, Due)> {
        let deadlines = [
            (self.connect_by, Due::Connect),
            (self.answer_by, Due::PingAnswer),
            (self.keep_alive.map(|k| self.last_sent + k), Due::KeepAlive),
        ];
        let deadlines = deadlines
            .into_iter()
            .filter_map(|(at, due)| Some((at?, due)));
        deadlines.min_by_key(|(at, _)| *at)
    }
}
