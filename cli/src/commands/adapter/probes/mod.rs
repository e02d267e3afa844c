//! What an adapter is tried with, each once in each version of MQTT that it says it knows.

mod connecting;
mod ending;
mod publishing;
mod receiving;

use super::cx::{Cx, Found};
use std::{future::Future, pin::Pin};

/// One thing that is tried.
pub(super) struct Probe {
    /// What it is, in a few words.
    pub(super) title: &'static str,
    /// Whether 3.1.1 has nothing like it.
    pub(super) only_v5: bool,
    pub(super) run: Run,
}

type Run = for<'a> fn(&'a mut Cx) -> Pin<Box<dyn Future<Output = Found> + 'a>>;

macro_rules! probes {
    (@only $only:tt) => { true };
    (@only) => { false };
    ($($title:literal $(($only:tt))? $run:path;)*) => {
        /// All of them, in order.
        pub(super) const PROBES: &[Probe] = &[$(
            Probe { title: $title, only_v5: probes!(@only $($only)?), run: |cx| Box::pin($run(cx)) }
        ),*];
    };
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
    "publish with QoS 0" publishing::qos_0;
    "publish with QoS 1" publishing::qos_1;
    "publish with QoS 2" publishing::qos_2;
    "publish with RETAIN" publishing::retained;
    "publish with properties" (5.0) publishing::with_properties;
    "publish with a Topic Alias" (5.0) publishing::with_a_topic_alias;
    "publish bytes that are not UTF-8" publishing::bytes;
    "publish an empty payload" publishing::nothing;
    "publish 200 KiB" publishing::much;
    "publish 20 messages at once" publishing::many;
    "publish without a connection" publishing::to_nobody;
    "subscribe" receiving::subscribe;
    "subscribe to several filters at once" receiving::several;
    "subscribe with options" (5.0) receiving::with_options;
    "subscribe with a Subscription Identifier" (5.0) receiving::with_an_identifier;
    "unsubscribe" receiving::unsubscribe;
    "receive QoS 0, 1 and 2" receiving::each_qos;
    "receive properties" (5.0) receiving::properties;
    "receive a retained message" receiving::retained;
    "receive bytes that are not UTF-8" receiving::bytes;
    "receive 200 KiB" receiving::much;
    "receive 20 messages in order" receiving::in_order;
    "acknowledge by hand" receiving::acknowledge;
    "disconnect" ending::disconnect;
    "disconnect with a reason" (5.0) ending::with_a_reason;
    "disconnect with a Session Expiry Interval" (5.0) ending::with_session_expiry;
    "drop, and connect again" ending::drop_and_connect;
    "drop, and resume the session" ending::resume;
    "the broker goes away" ending::broker_vanishes;
    "the broker is shut down" ending::broker_shuts_down;
}
