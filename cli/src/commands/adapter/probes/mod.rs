//! What an adapter is tried with, each once in each version of MQTT that it says it knows.

mod connecting;
mod ending;
mod publishing;
mod receiving;

use super::cx::{Cx, Found, TOPIC};
use squall_clients::{MessageKind, Part, Subscribe, Subscription};
use squall_protocol::QoS;
use std::{future::Future, pin::Pin};

/// One thing that is tried.
pub(super) struct Probe {
    /// What it is, in a few words.
    pub(super) title: &'static str,
    /// Whether 3.1.1 has nothing like it.
    pub(super) only_v5: bool,
    /// What it asks of the client, for adapters that have to know it beforehand.
    pub(super) part: fn() -> Part,
    pub(super) run: Run,
}

type Run = for<'a> fn(&'a mut Cx) -> Pin<Box<dyn Future<Output = Found> + 'a>>;

macro_rules! probes {
    (@only $only:tt) => { true };
    (@only) => { false };
    (@part $part:expr) => { || $part };
    (@part) => { Part::default };
    ($($title:literal $(($only:tt))? $run:path $(, $part:expr)?;)*) => {
        /// All of them, in order.
        pub(super) const PROBES: &[Probe] = &[$(
            Probe {
                title: $title,
                only_v5: probes!(@only $($only)?),
                part: probes!(@part $($part)?),
                run: |cx| Box::pin($run(cx)),
            }
        ),*];
    };
}

fn publishes(qos: QoS) -> Part {
    let topic = TOPIC.to_owned();
    Part {
        publishes: vec![MessageKind {
            topic,
            qos,
            retain: false,
        }],
        ..Part::default()
    }
}

fn keeps() -> Part {
    let mut part = publishes(QoS::AtLeastOnce);
    part.publishes[0].retain = true;
    part
}

/// Messages with each QoS.
fn publishes_all() -> Part {
    let kinds = [QoS::AtLeastOnce, QoS::AtMostOnce, QoS::ExactlyOnce].map(publishes);
    Part {
        publishes: kinds.into_iter().flat_map(|part| part.publishes).collect(),
        ..Part::default()
    }
}

fn subscribes(filters: &[(&str, QoS)]) -> Part {
    let filters = filters.iter();
    Part {
        subscribes: vec![Subscribe {
            subscriptions: filters
                .map(|(f, qos)| Subscription::new(*f, *qos))
                .collect(),
            subscription_identifier: None,
            user_properties: Vec::new(),
        }],
        ..Part::default()
    }
}

fn receives() -> Part {
    subscribes(&[(TOPIC, QoS::ExactlyOnce)])
}

probes! {
    "connect" connecting::plainly;
    "connect with an option that does not exist" connecting::with_an_invented_option;
    "connect where nobody listens" connecting::to_nobody;
    "connect, and be refused" connecting::and_be_refused;
    "connect while there is a connection" connecting::twice;
    "connect with a user name and a password" connecting::with_credentials;
    "connect with a will" connecting::with_a_will;
    "connect with a will and its properties" (5.0) connecting::with_a_rich_will;
    "connect with a Session Expiry Interval" (5.0) connecting::with_session_expiry;
    "connect with a Receive Maximum" (5.0) connecting::with_receive_maximum;
    "connect with a Maximum Packet Size" (5.0) connecting::with_maximum_packet_size;
    "connect with a Topic Alias Maximum" (5.0) connecting::with_topic_alias_maximum;
    "connect with User Properties" (5.0) connecting::with_user_properties;
    "publish with QoS 0" publishing::qos_0, publishes(QoS::AtMostOnce);
    "publish with QoS 1" publishing::qos_1, publishes(QoS::AtLeastOnce);
    "publish with QoS 2" publishing::qos_2, publishes(QoS::ExactlyOnce);
    "publish with RETAIN" publishing::retained, keeps();
    "publish with properties" (5.0) publishing::with_properties, publishes(QoS::AtLeastOnce);
    "publish with a Topic Alias" (5.0) publishing::with_a_topic_alias, publishes(QoS::AtLeastOnce);
    "publish bytes that are not UTF-8" publishing::bytes, publishes(QoS::AtLeastOnce);
    "publish an empty payload" publishing::nothing, publishes(QoS::AtLeastOnce);
    "publish 200 KiB" publishing::much, publishes(QoS::AtLeastOnce);
    "publish 20 messages at once" publishing::many, publishes_all();
    "publish without a connection" publishing::to_nobody, publishes(QoS::AtMostOnce);
    "subscribe" receiving::subscribe, receives();
    "subscribe to several filters at once" receiving::several, subscribes(&receiving::SEVERAL);
    "subscribe with options" (5.0) receiving::with_options, subscribes(&[(TOPIC, QoS::AtLeastOnce)]);
    "subscribe with a Subscription Identifier" (5.0) receiving::with_an_identifier, subscribes(&[(TOPIC, QoS::AtLeastOnce)]);
    "unsubscribe" receiving::unsubscribe, receives();
    "receive QoS 0, 1 and 2" receiving::each_qos, receives();
    "receive properties" (5.0) receiving::properties, receives();
    "receive a retained message" receiving::retained, receives();
    "receive bytes that are not UTF-8" receiving::bytes, receives();
    "receive 200 KiB" receiving::much, receives();
    "receive 20 messages in order" receiving::in_order, receives();
    "acknowledge by hand" receiving::acknowledge, receives();
    "disconnect" ending::disconnect;
    "disconnect with a reason" (5.0) ending::with_a_reason, receives();
    "disconnect with a Session Expiry Interval" (5.0) ending::with_session_expiry;
    "drop, and connect again" ending::drop_and_connect;
    "drop, and resume the session" ending::resume, receives();
    "the broker goes away" ending::broker_vanishes;
    "the broker is shut down" ending::broker_shuts_down;
}
