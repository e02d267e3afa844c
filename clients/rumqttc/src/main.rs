//! An adapter for the MQTT 5.0 client of rumqttc, as clients/README.md says. The event loop, which keeps the session, is polled
//! until it fails, and no longer, so nothing connects again by itself.

use rumqttc::Outgoing::{Publish, Subscribe, Unsubscribe};
use rumqttc::v5::mqttbytes::v5::{self as packets, LastWill, LastWillProperties, PublishProperties};
use rumqttc::v5::mqttbytes::{self, QoS};
use rumqttc::v5::{AsyncClient, ClientError, ConnectionError, Event, EventLoop, Incoming, MqttOptions, StateError};
use squall_clients::{Connect, Delivered, Desk, Doing, Introduction, MessageProperties, Outcome, Subscription};
use squall_protocol::{ReasonCode, Version};
use std::{fmt::Debug, time::Duration};

/// The properties of a message have the same names wherever they stand.
macro_rules! properties {
    ($of:ident as $properties:ident, $($more:tt)*) => {
        $properties {
            payload_format_indicator: $of.payload_format_indicator,
            message_expiry_interval: $of.message_expiry_interval,
            content_type: $of.content_type,
            response_topic: $of.response_topic,
            correlation_data: $of.correlation_data.map(Into::into),
            user_properties: $of.user_properties,
            $($more)*
        }
    };
}

struct Adapter {
    client: AsyncClient,
    events: EventLoop,
    handles: Vec<packets::Publish>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut desk = Desk::new(Introduction::new("rumqttc", "0.25.1", &[Version::V5_0]));
    let mut adapter = None;
    while let Some((id, doing)) = desk.next().await {
        match (doing, &mut adapter) {
            (Doing::Connect(asked), adapter) => match options(*asked) {
                Ok(options) => Adapter::begin(adapter, options, &mut desk).stay(&mut desk).await,
                Err(outcome) => desk.answer(id, outcome),
            },
            (other, Some(adapter)) => desk.ask(id, other, |doing| request(&adapter.client, &adapter.handles, doing)),
            (_, None) => desk.answer(id, Outcome::no_connection()),
        }
    }
}

impl Adapter {
    /// Goes on with the session that these options mean, or begins one.
    fn begin<'a>(kept: &'a mut Option<Self>, options: MqttOptions, desk: &mut Desk) -> &'a mut Self {
        let theirs = |old: &Self| !options.clean_start() && old.events.options.client_id() == options.client_id();
        if let Some(mut old) = kept.take().filter(theirs) {
            old.events.options = options;
            return kept.insert(old);
        }
        desk.session_ended("the session was begun anew");
        let (client, events) = AsyncClient::new(options, 1000);
        kept.insert(Self { client, events, handles: vec![] })
    }

    /// Stays connected as long as that goes.
    async fn stay(&mut self, desk: &mut Desk) {
        let error = loop {
            let request = |doing| request(&self.client, &self.handles, doing);
            match desk.meanwhile(self.events.poll(), request).await {
                Some(Ok(event)) => self.heard(desk, event),
                Some(Err(error)) => break Some(error),
                None => break None,
            }
        };
        self.events.clean();
        while let Some(event) = self.events.state.events.pop_front() {
            self.heard(desk, event); // What it had to tell before that.
        }
        let why = error.as_ref().map_or("the client dropped the connection".to_owned(), ToString::to_string);
        match error {
            Some(ConnectionError::ConnectionRefused(reason)) => desk.refused(code(&reason)),
            Some(ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. })) => {
                desk.ended(&why, Some(ReasonCode(reason_code as u8)));
            }
            _ => desk.ended(&why, None),
        }
    }

    fn heard(&mut self, desk: &mut Desk, event: Event) {
        match event {
            Event::Outgoing(Publish(id) | Subscribe(id) | Unsubscribe(id)) => desk.sent(id),
            Event::Incoming(Incoming::ConnAck(ack)) => desk.connected(code(&ack.code), ack.session_present),
            Event::Incoming(Incoming::PubAck(ack)) => desk.acknowledged(ack.pkid, [code(&ack.reason)]),
            Event::Incoming(Incoming::PubComp(ack)) => desk.acknowledged(ack.pkid, [code(&ack.reason)]),
            Event::Incoming(Incoming::SubAck(ack)) => desk.acknowledged(ack.pkid, ack.return_codes.iter().map(code)),
            Event::Incoming(Incoming::UnsubAck(ack)) => desk.acknowledged(ack.pkid, ack.reasons.iter().map(code)),
            Event::Incoming(Incoming::Publish(message)) => {
                self.handles.push(message.clone());
                let is_by_hand = self.events.options.manual_acks() && message.qos != QoS::AtMostOnce;
                let handle = is_by_hand.then_some(self.handles.len() as u64);
                desk.delivered(Delivered { handle, ..delivered(message) });
            }
            _ => {}
        }
    }
}

/// Asks the library, if it can do that.
fn request(client: &AsyncClient, handles: &[packets::Publish], doing: Doing) -> Result<(), Outcome> {
    let taken: Result<(), ClientError> = match doing {
        Doing::Publish(asked) => {
            let of = asked.properties;
            let (topic_alias, subscription_identifiers) = (of.topic_alias, vec![]);
            let properties = properties!(of as PublishProperties, topic_alias, subscription_identifiers);
            client.try_publish_with_properties(asked.topic, qos(asked.qos), asked.retain, asked.payload.0, properties)
        }
        Doing::Subscribe(asked) => {
            let (id, user_properties) = (asked.subscription_identifier.map(|id| id as usize), asked.user_properties);
            let properties = packets::SubscribeProperties { id, user_properties };
            client.try_subscribe_many_with_properties(asked.subscriptions.into_iter().map(filter), properties)
        }
        Doing::Unsubscribe(mut asked) if asked.topic_filters.len() == 1 => {
            let properties = packets::UnsubscribeProperties { user_properties: asked.user_properties };
            client.try_unsubscribe_with_properties(asked.topic_filters.remove(0), properties)
        }
        Doing::Acknowledge(asked) => match handles.get((asked.handle as usize).wrapping_sub(1)) {
            Some(message) => client.try_ack(message),
            None => return Err(Outcome::failed("no such handle")),
        },
        Doing::Disconnect(asked) if asked == Default::default() => client.try_disconnect(),
        other => return Err(Outcome::unsupported(format!("this `{}`", other.name()))),
    };
    taken.map_err(|error| Outcome::failed(error.to_string()))
}

fn options(asked: Connect) -> Result<MqttOptions, Outcome> {
    if asked.keep_alive < 5 {
        return Err(Outcome::unsupported("a Keep Alive below 5 s"));
    }
    let mut options = MqttOptions::new(asked.client_identifier, asked.host, asked.port);
    options
        .set_keep_alive(Duration::from_secs(asked.keep_alive.into()))
        .set_clean_start(asked.clean_start)
        .set_session_expiry_interval(asked.session_expiry_interval)
        .set_receive_maximum(asked.receive_maximum)
        .set_max_packet_size(asked.maximum_packet_size)
        .set_topic_alias_max(asked.topic_alias_maximum)
        .set_user_properties(asked.user_properties)
        .set_manual_acks(asked.manual_acknowledgement);
    match (asked.user_name, asked.password.map(|bytes| String::from_utf8(bytes.0.into()))) {
        (None, None) => {}
        (name, Some(Ok(password))) => drop(options.set_credentials(name.unwrap_or_default(), password)),
        _ => return Err(Outcome::unsupported("a user name without a password that is text")),
    }
    if let Some(will) = asked.will {
        let of = will.properties;
        let properties = Some(properties!(of as LastWillProperties, delay_interval: will.will_delay_interval));
        options.set_last_will(LastWill::new(will.topic, will.payload.0, qos(will.qos), will.retain, properties));
    }
    Ok(options)
}

fn filter(one: Subscription) -> packets::Filter {
    packets::Filter {
        nolocal: one.no_local,
        preserve_retain: one.retain_as_published,
        retain_forward_rule: match one.retain_handling {
            None | Some(0) => packets::RetainForwardRule::OnEverySubscribe,
            Some(1) => packets::RetainForwardRule::OnNewSubscribe,
            Some(_) => packets::RetainForwardRule::Never,
        },
        ..packets::Filter::new(one.topic_filter, qos(one.qos))
    }
}

fn qos(qos: squall_protocol::QoS) -> QoS {
    mqttbytes::qos(qos.as_u8()).unwrap_or_default()
}

/// The library has names where MQTT has numbers.
fn code(reason: &impl Debug) -> ReasonCode {
    match format!("{reason:?}").as_str() {
        "Success(AtMostOnce)" => ReasonCode::GRANTED_QOS_0,
        "Success(AtLeastOnce)" => ReasonCode::GRANTED_QOS_1,
        "Success(ExactlyOnce)" => ReasonCode::GRANTED_QOS_2,
        "BadUserNamePassword" => ReasonCode::BAD_USER_NAME_OR_PASSWORD,
        "PkidInUse" => ReasonCode::PACKET_IDENTIFIER_IN_USE,
        "SubscriptionIdNotSupported" => ReasonCode::SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED,
        name => squall_clients::reason_called(name).unwrap_or(ReasonCode::UNSPECIFIED_ERROR),
    }
}

fn delivered(message: packets::Publish) -> Delivered {
    let of = message.properties.unwrap_or_default();
    let identifiers = of.subscription_identifiers.into_iter().filter_map(|id| id.try_into().ok());
    let (topic_alias, subscription_identifiers) = (of.topic_alias, identifiers.collect());
    let properties = properties!(of as MessageProperties, topic_alias, subscription_identifiers);
    let (topic, flags) = (String::from_utf8_lossy(&message.topic), (message.retain, message.dup));
    let qos = squall_protocol::QoS::from_bits(message.qos as u8).unwrap_or_default();
    Delivered::new(&topic, message.payload, qos, flags, properties)
}
