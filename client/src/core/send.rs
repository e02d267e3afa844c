//! What the client sends, and when: the queue before the connection, quota, limits and encoding.
//!
//! It does not know what arrives.

use super::{
    Abandonment, Client, ConnectOptions, EndCause, Event, Message, Output, Ticket,
    connection::{Request, RequestKind},
    naming::Name,
    waiting::Item,
};
use bytes::Bytes;
use squall_protocol::{
    Packet, PacketId, PacketType, Properties, Property, PropertyId, QoS, ReasonCode, Role, Text,
    Time, Version, decode_one, encode,
    flow::Resend,
    packet::{Ack, Connect, Publish, Subscribe, Subscription, Unsubscribe},
    topic::TopicFilter,
};

impl Client {
    /// Sends everything that may be sent now: first what a resumed session has to send again. Before CONNACK that is nothing,
    /// so in an exchange that CONNECT has begun there is only AUTH, or DISCONNECT [MQTT-3.1.2-30] (5.0).
    pub(super) fn pump(&mut self, now: Time) {
        if self.has_moved() {
            // What is sent here could come to nothing: whoever has the session has another connection.
            return;
        }
        while self.is_connected() && !self.full && self.resend_one(now) {}
        while self.is_connected() && !self.full {
            let outbound = self.session.outbound();
            // While something has to be sent again there is no room, so nothing new goes before it
            // [MQTT-4.6.0-1].
            let room = outbound.has_room();
            match self.waiting.take(room, outbound.has_free_id()) {
                None => return,
                Some(Item::Message(ticket, message)) => self.send_message(now, ticket, message),
                Some(Item::Subscribe(ticket, subscriptions, properties)) => {
                    self.send_subscribe(now, ticket, subscriptions, properties, false);
                }
                Some(Item::Unsubscribe(ticket, filters, properties)) => {
                    self.send_unsubscribe(now, ticket, filters, properties);
                }
            }
        }
    }

    /// Sends the next packet of a resumed session again; `false` when there is none or it has to wait.
    fn resend_one(&mut self, now: Time) -> bool {
        match self.session.outbound_mut().next_again() {
            None => return false,
            Some(Resend::PubRel(id)) => self.answer(now, Packet::PubRel(Ack::success(id))),
            Some(Resend::Publish(id, _, message)) => {
                let message = message.clone();
                self.resend_publish(now, id, &message);
            }
        }
        true
    }

    /// Under the same identifier, DUP set [MQTT-3.3.1-1]. A message may have become too much for the server since it
    /// was first sent.
    fn resend_publish(&mut self, now: Time, id: PacketId, message: &Message) {
        let connection = self.stage.open();
        let (version, offer) = (connection.version, &connection.offer);
        let packet = Packet::Publish(Publish {
            dup: true,
            packet_id: Some(id),
            ..publish_of(message, version)
        });
        let checked = offer.check_message(message).and_then(|()| {
            let bytes = encode(&packet, version).map_err(Abandonment::NotEncodable)?;
            offer.check_size(bytes.len()).map(|()| bytes)
        });
        match checked {
            Ok(bytes) => self.transmit(now, packet, bytes),
            Err(why) => {
                if let Some(ticket) = self.session.abandon(id) {
                    self.abandon(ticket, why);
                }
            }
        }
    }

    fn send_message(&mut self, now: Time, ticket: Ticket, message: Message) {
        if let Err(why) = self.try_send_message(now, ticket, message) {
            self.abandon(ticket, why);
        }
    }

    fn try_send_message(
        &mut self,
        now: Time,
        ticket: Ticket,
        message: Message,
    ) -> Result<(), Abandonment> {
        let connection = self.stage.open();
        let version = connection.version;
        connection.offer.check_message(&message)?;
        let qos = message.qos;
        let mut publish = publish_of(&message, version);
        if let Some(property) = publish.properties.get(PropertyId::TOPIC_ALIAS) {
            // Aliases are the client's own affair: it knows what each stands for [MQTT-3.2.2-18] (5.0).
            return Err(Abandonment::PropertyNotAllowed(property.id()));
        }
        // [MQTT-4.3.2-1], [MQTT-4.3.3-1]; whoever took it from the queue has seen that there is room.
        publish.packet_id = match qos {
            QoS::AtMostOnce => None,
            _ => self.session.begin(ticket, message),
        };
        let id = publish.packet_id;
        let name = connection.naming.name(&publish.topic);
        let full_name = publish.topic.clone();
        let packet = by_name(publish, name);
        let encoded = match &packet {
            Packet::Publish(publish) if publish.properties.is_empty() => {
                encode(&packet, version).map_err(Abandonment::NotEncodable)
            }
            _ => encode_checked(&packet, version),
        };
        let checked =
            encoded.and_then(|bytes| connection.offer.check_size(bytes.len()).map(|()| bytes));
        if checked.is_ok() {
            self.stage.open_mut().naming.said(&full_name, name);
        }
        match (checked, id) {
            (Err(why), id) => {
                if let Some(id) = id {
                    self.session.give_up(id);
                }
                return Err(why);
            }
            (Ok(bytes), Some(_)) => self.transmit(now, packet, bytes),
            (Ok(bytes), None) => {
                self.transmit(now, packet, bytes);
                let reason = ReasonCode::SUCCESS;
                self.events
                    .push_back(Event::Acknowledged { ticket, reason });
            }
        }
        Ok(())
    }

    /// Makes the subscriptions again that the server has lost.
    pub(super) fn renew(&mut self, now: Time) {
        for (ticket, subscriptions, mut properties) in self.renewal.again() {
            if self.is_connected() {
                if !self.stage.open().offer.subscription_identifiers {
                    properties.remove(PropertyId::SUBSCRIPTION_IDENTIFIER);
                }
                self.send_subscribe(now, ticket, subscriptions, properties, true);
            }
        }
    }

    fn send_subscribe(
        &mut self,
        now: Time,
        ticket: Ticket,
        subscriptions: Vec<Subscription>,
        properties: Properties,
        renews: bool,
    ) {
        let connection = self.stage.open();
        if let Err(why) = connection
            .offer
            .check_subscribe(&subscriptions, &properties)
        {
            self.abandon(ticket, why);
            return;
        }
        let version = connection.version;
        let request = Request {
            ticket,
            kind: RequestKind::Subscribe,
            filters: subscriptions.len(),
            renews,
        };
        if !renews && self.options.as_ref().is_some_and(|o| o.resubscribe) {
            self.renewal.asked(ticket, &subscriptions, &properties);
        }
        self.send_request(now, request, |packet_id| {
            let properties = of_version(properties, version);
            Packet::Subscribe(Subscribe {
                packet_id,
                properties,
                subscriptions,
            })
        });
    }

    fn send_unsubscribe(
        &mut self,
        now: Time,
        ticket: Ticket,
        filters: Vec<TopicFilter>,
        properties: Properties,
    ) {
        let connection = self.stage.open();
        let version = connection.version;
        let request = Request {
            ticket,
            kind: RequestKind::Unsubscribe,
            filters: filters.len(),
            renews: false,
        };
        self.renewal.forget(filters.iter());
        self.send_request(now, request, |packet_id| {
            let properties = of_version(properties, version);
            Packet::Unsubscribe(Unsubscribe {
                packet_id,
                properties,
                filters,
            })
        });
    }

    fn send_request(
        &mut self,
        now: Time,
        request: Request,
        packet: impl FnOnce(PacketId) -> Packet,
    ) {
        let connection = self.stage.open_mut();
        // Whoever took it from the queue has seen that an identifier is free.
        let Some(id) = self.session.outbound_mut().reserve() else {
            return;
        };
        let packet = packet(id);
        let checked = encode_checked(&packet, connection.version)
            .and_then(|bytes| connection.offer.check_size(bytes.len()).map(|()| bytes));
        match checked {
            Ok(bytes) => {
                connection.requests.insert(id, request);
                self.transmit(now, packet, bytes);
            }
            Err(why) => {
                self.session.outbound_mut().give_up(id);
                self.abandon(request.ticket, why);
            }
        }
    }

    /// Sends a packet the standard asks for. Where it does not fit into what the server takes, or cannot be made, the
    /// connection cannot go on [MQTT-4.8.0-2] (3.1.1), [MQTT-3.2.2-15] (5.0).
    pub(super) fn answer(&mut self, now: Time, packet: Packet) {
        if !self.send_if_it_fits(now, packet) {
            self.end(now, EndCause::AnswerTooLarge, true);
        }
    }

    /// `false` when it cannot be sent.
    pub(super) fn send_if_it_fits(&mut self, now: Time, packet: Packet) -> bool {
        let connection = self.stage.open();
        let encoded = match &packet {
            // The caller had a say in it.
            Packet::Disconnect(_) => encode_checked(&packet, connection.version),
            _ => encode(&packet, connection.version).map_err(Abandonment::NotEncodable),
        };
        match encoded {
            Ok(bytes) if connection.offer.check_size(bytes.len()).is_ok() => {
                self.transmit(now, packet, bytes);
                true
            }
            _ => false,
        }
    }

    /// Hands a packet to the transport.
    pub(super) fn transmit(&mut self, now: Time, packet: Packet, bytes: Bytes) {
        self.stage.open_mut().timers.sent(now, &packet);
        self.outputs.push_back(Output::Send(bytes.clone()));
        self.events
            .push_back(Event::Sent(squall_protocol::Frame { packet, bytes }));
    }
}

/// The CONNECT of these options, checked; or what is wrong with them.
///
/// `exchange` is what an Authentication Method says first (5.0).
pub(crate) fn connect_packet(
    options: &ConnectOptions,
    exchange: Vec<Property>,
) -> Result<(Packet, Bytes), String> {
    let version = options.version;
    let five = version == Version::V5_0;
    if !five && options.client_id.is_empty() && !options.clean_start {
        return Err(
            "an empty Client Identifier needs Clean Session 1 in MQTT 3.1.1 [MQTT-3.1.3-7]"
                .to_owned(),
        );
    }
    if !five && options.maximum_packet_size == Some(0) {
        return Err("a Maximum Packet Size of 0 lets nothing pass".to_owned());
    }
    let will = options.will.clone().map(|mut will| {
        will.properties = of_version(will.properties, version);
        will
    });
    let packet = Packet::Connect(Box::new(Connect {
        version,
        clean_start: options.clean_start,
        keep_alive: options.keep_alive,
        client_id: options.client_id.clone(),
        will,
        user_name: options.user_name.clone(),
        password: options.password.clone(),
        properties: if five {
            connect_properties(options, exchange)
        } else {
            Properties::new()
        },
    }));
    let bytes = encode_checked(&packet, version).map_err(|why| why.to_string())?;
    Ok((packet, bytes))
}

fn connect_properties(options: &ConnectOptions, exchange: Vec<Property>) -> Properties {
    let asks = options.request_response_information;
    let limits = [
        options.session_expiry.map(Property::SessionExpiryInterval),
        options.receive_maximum.map(Property::ReceiveMaximum),
        options.maximum_packet_size.map(Property::MaximumPacketSize),
        options.topic_alias_maximum.map(Property::TopicAliasMaximum),
        asks.then_some(Property::RequestResponseInformation(1)),
    ];
    let user = options.user_properties.iter().cloned();
    let user = user.map(|(name, value)| Property::UserProperty(name, value));
    let limits = limits.into_iter().flatten();
    limits.chain(exchange).chain(user).collect()
}

/// Encodes a packet of our own and reads it as the server will: what its decoder would refuse is not sent.
fn encode_checked(packet: &Packet, version: Version) -> Result<Bytes, Abandonment> {
    let bytes = encode(packet, version).map_err(Abandonment::NotEncodable)?;
    decode_one(&bytes, Role::Client, Some(version)).map_err(Abandonment::InvalidRequest)?;
    Ok(bytes)
}

/// The reason code a client's DISCONNECT may carry that says most of this one [MQTT-3.14.2-1] (5.0).
pub(super) fn disconnect_reason(reason: ReasonCode) -> ReasonCode {
    if reason
        .senders_in(PacketType::Disconnect)
        .contains(&Role::Client)
    {
        reason
    } else if reason.is_error() {
        ReasonCode::UNSPECIFIED_ERROR
    } else {
        ReasonCode::NORMAL_DISCONNECTION
    }
}

/// The first transmission of a message, without its packet identifier.
pub(crate) fn publish_of(message: &Message, version: Version) -> Publish {
    Publish {
        dup: false,
        qos: message.qos,
        retain: message.retain,
        topic: message.topic.clone(),
        packet_id: None,
        properties: of_version(message.properties.clone(), version),
        payload: message.payload.clone(),
    }
}

/// The packet in which the topic is said so.
fn by_name(mut publish: Publish, name: Name) -> Packet {
    let (Name::New(alias) | Name::Known(alias)) = name else {
        return Packet::Publish(publish);
    };
    publish.properties.push(Property::TopicAlias(alias));
    if let Name::Known(_) = name {
        publish.topic = Text::new();
    }
    Packet::Publish(publish)
}

/// The message a PUBLISH carries.
pub(super) fn message_of(publish: &Publish) -> Message {
    Message {
        topic: publish.topic.clone(),
        payload: publish.payload.clone(),
        qos: publish.qos,
        retain: publish.retain,
        properties: publish.properties.clone(),
    }
}

/// 3.1.1 has no properties.
fn of_version(properties: Properties, version: Version) -> Properties {
    match version {
        Version::V3_1_1 => Properties::new(),
        Version::V5_0 => properties,
    }
}
