//! Settings of the reference broker.

use crate::{
    kind::{EXPIRY, FLAG, KEEP_ALIVE, Maybe, QOS, at_least, number},
    record::record,
    store::{STORE, StoreSpec},
};
use squall_protocol::QoS;

record! {
    /// Settings of the broker; `None` keeps its default. What 3.1.1 does not know has no effect there.
    #[derive(Default)]
    pub struct BrokerSpec, "the broker" {
        /// it is told what to send and what to withhold, packet by packet, also what is wrong; it keeps no session, no subscription and no message, and only its clients are judged
        scripted: bool = "scripted", usual(false, FLAG);
        // 0 is a Protocol Error for both maxima, section 3.2.2.3 of 5.0.
        /// Receive Maximum it announces
        receive_maximum: Option<u16> = "receive_maximum", usual(None, Maybe(number::<u16>(1, u16::MAX as u64)));
        /// Topic Alias Maximum it announces
        topic_alias_maximum: Option<u16> = "topic_alias_maximum", usual(None, Maybe(number::<u16>(0, u16::MAX as u64)));
        /// largest packet it takes, in bytes
        maximum_packet_size: Option<u32> = "maximum_packet_size", usual(None, Maybe(at_least::<u32>(1)));
        /// Server Keep Alive; 0 in the model is `off`
        server_keep_alive: Option<u16> = "server_keep_alive", usual(None, Maybe(KEEP_ALIVE));
        /// highest QoS it takes and grants: Maximum QoS, where it is below 2
        maximum_qos: Option<QoS> = "maximum_qos", usual(None, Maybe(QOS));
        /// whether it keeps retained messages: Retain Available
        retain_available: Option<bool> = "retain_available", usual(None, Maybe(FLAG));
        /// whether topic filters may hold wildcards: Wildcard Subscription Available
        wildcard_subscriptions: Option<bool> = "wildcard_subscriptions", usual(None, Maybe(FLAG));
        /// whether there are shared subscriptions: Shared Subscription Available
        shared_subscriptions: Option<bool> = "shared_subscriptions", usual(None, Maybe(FLAG));
        /// whether subscriptions may have identifiers: Subscription Identifiers Available
        subscription_identifiers: Option<bool> = "subscription_identifiers", usual(None, Maybe(FLAG));
        /// longest Session Expiry Interval it allows, in the model in seconds
        session_expiry: Option<u32> = "session_expiry", usual(None, Maybe(EXPIRY));
        /// it has a durable store: what it has acknowledged survives a crash; a map says how its disk is
        store: Option<StoreSpec> = "store", usual(None, STORE);
        /// messages kept for one offline session
        max_queued: Option<usize> = "max_queued", usual(None, Maybe(at_least::<usize>(0)));
    }
}
