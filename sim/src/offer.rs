//! What a broker offers, and which settings of a story's broker it does not have.

use squall_protocol::{QoS, packet::ConnAck};
use squall_scenarios::model::BrokerSpec;

/// What a broker's CONNACK announces; what it does not say is as the standard has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Maximum QoS.
    pub qos: QoS,
    /// Retain Available.
    pub retain: bool,
    /// Wildcard Subscription Available.
    pub wildcards: bool,
    /// Shared Subscription Available.
    pub shared: bool,
    /// Subscription Identifier Available.
    pub identifiers: bool,
    /// Receive Maximum.
    pub receive_maximum: u16,
    /// Topic Alias Maximum.
    pub topic_alias_maximum: u16,
    /// Maximum Packet Size.
    pub maximum_packet_size: Option<u32>,
    /// Server Keep Alive.
    pub server_keep_alive: Option<u16>,
}

impl From<&ConnAck> for Offer {
    fn from(connack: &ConnAck) -> Self {
        let p = &connack.properties;
        // 0 is the only other value that may stand there.
        let available = |flag: Option<u8>| flag != Some(0);
        Self {
            qos: match p.maximum_qos() {
                Some(0) => QoS::AtMostOnce,
                Some(1) => QoS::AtLeastOnce,
                _ => QoS::ExactlyOnce,
            },
            retain: available(p.retain_available()),
            wildcards: available(p.wildcard_subscription_available()),
            shared: available(p.shared_subscription_available()),
            identifiers: available(p.subscription_identifiers_available()),
            receive_maximum: p.receive_maximum().unwrap_or(u16::MAX),
            topic_alias_maximum: p.topic_alias_maximum().unwrap_or(0),
            maximum_packet_size: p.maximum_packet_size(),
            server_keep_alive: p.server_keep_alive(),
        }
    }
}

/// A setting of the story's broker that this one does not have.
pub(crate) fn lacks(asked: &BrokerSpec, offer: Option<&Offer>) -> Option<String> {
    let number = |n: Option<u16>| n.map(u32::from);
    let settings = [
        (
            "Receive Maximum",
            number(asked.receive_maximum),
            offer.map(|o| o.receive_maximum.into()),
        ),
        (
            "Topic Alias Maximum",
            number(asked.topic_alias_maximum),
            offer.map(|o| o.topic_alias_maximum.into()),
        ),
        (
            "Maximum Packet Size",
            asked.maximum_packet_size,
            offer.and_then(|o| o.maximum_packet_size),
        ),
        (
            "Server Keep Alive",
            number(asked.server_keep_alive),
            offer.and_then(|o| number(o.server_keep_alive)),
        ),
    ];
    let differs = settings.into_iter().find_map(|(name, asked, has)| {
        let asked = asked.filter(|asked| has != Some(*asked))?;
        Some(format!("{name} {asked}"))
    });
    differs
        .or_else(|| offer_differs(asked, offer))
        .or_else(|| {
            let kept = asked.max_queued?;
            Some(format!("room for {kept} messages of an absent session"))
        })
        .or_else(|| {
            let longest = asked.session_expiry?;
            Some(format!(
                "a Session Expiry Interval of {longest} s at the most"
            ))
        })
}

/// What the story's broker offers or does not offer, where this one is otherwise.
fn offer_differs(asked: &BrokerSpec, offer: Option<&Offer>) -> Option<String> {
    if let Some(most) = asked.maximum_qos
        && offer.map(|o| o.qos) != Some(most)
    {
        return Some(format!("Maximum QoS {most}"));
    }
    let flags = [
        (
            asked.retain_available,
            offer.map(|o| o.retain),
            "retained messages",
        ),
        (
            asked.wildcard_subscriptions,
            offer.map(|o| o.wildcards),
            "wildcard subscriptions",
        ),
        (
            asked.shared_subscriptions,
            offer.map(|o| o.shared),
            "shared subscriptions",
        ),
        (
            asked.subscription_identifiers,
            offer.map(|o| o.identifiers),
            "Subscription Identifiers",
        ),
    ];
    let (asked, _, name) = flags
        .into_iter()
        .find(|(asked, has, _)| asked.is_some() && asked != has)?;
    let with = if asked == Some(true) { "" } else { "no " };
    Some(format!("{with}{name}"))
}
