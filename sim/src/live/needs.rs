//! What a story asks of a broker beyond what every broker has to give.

use crate::{
    offer::{Offer, lacks},
    run::Judged,
    trace::What,
};
use squall_client::Event;
use squall_protocol::Packet;

/// What the broker does not give that the story needs, in words; `None` when nothing is missing. Without an offer it is
/// the clients that find out.
pub(super) fn needs(judged: &Judged, offer: Option<&Offer>) -> Option<String> {
    if let Some(setting) = lacks(&judged.plan.broker, offer) {
        return Some(format!("the story needs a broker with {setting}"));
    }
    let offer = offer?;
    let records = judged.played.trace.records().iter();
    let sent = records.filter_map(|record| match &record.what {
        What::Client(Event::Sent(frame)) => Some(&frame.packet),
        _ => None,
    });
    let missing = sent.filter_map(|packet| missing(packet, offer)).next()?;
    Some(format!("the broker offers no {missing}"))
}

/// What a packet makes use of that is not offered.
fn missing(packet: &Packet, offer: &Offer) -> Option<&'static str> {
    let used = match packet {
        Packet::Connect(connect) => {
            let will = connect.will.as_ref();
            [
                (
                    will.is_some_and(|w| w.retain && !offer.retain),
                    "retained messages",
                ),
                (will.is_some_and(|w| w.qos > offer.qos), "QoS this high"),
                (false, ""),
            ]
        }
        Packet::Publish(publish) => [
            (publish.retain && !offer.retain, "retained messages"),
            (publish.qos > offer.qos, "QoS this high"),
            (false, ""),
        ],
        Packet::Subscribe(subscribe) => {
            let filters = || subscribe.subscriptions.iter().map(|s| s.filter.as_str());
            let shared = filters().any(|f| f.starts_with("$share/"));
            let wild = filters().any(|f| f.contains(['#', '+']));
            let identified = subscribe
                .properties
                .subscription_identifiers()
                .next()
                .is_some();
            [
                (shared && !offer.shared, "shared subscriptions"),
                (wild && !offer.wildcards, "wildcard subscriptions"),
                (identified && !offer.identifiers, "Subscription Identifiers"),
            ]
        }
        _ => return None,
    };
    used.into_iter().find(|(is, _)| *is).map(|(_, what)| what)
}
