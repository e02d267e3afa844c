//! What is found in journals, and what nobody may be accused of.

use super::rules::{broken, records};
use crate::{
    cx::{Cx, Env},
    message::{Shape, message},
};
use squall_client::probe::Event;
use squall_history::Finding;
use squall_protocol::{
    Packet, PacketId, Properties, Property, QoS, ReasonCode, Text, Version,
    packet::{
        Ack, ConnAck, Connect, Publish, SubAck, Subscribe, Subscription, UnsubAck, Unsubscribe,
    },
    topic::TopicFilter,
};
use std::{rc::Rc, time::Duration};

const V: Version = Version::V5_0;

/// A check whose journal is written by hand.
struct Story {
    cx: Cx,
}

/// A connection in it.
#[derive(Clone, Copy)]
struct Party(usize);

impl Story {
    fn new() -> Self {
        let (nowhere, _) = squall_transport::Memory::listen();
        let env = Env::new(nowhere.into(), Duration::ZERO, "run".to_owned());
        let cx = Cx::new(Rc::new(env), V, 0, "1".to_owned(), "");
        Self { cx }
    }

    /// A connection of this session, accepted.
    fn client(&self, id: &str, session_present: bool) -> Party {
        let party = self.connecting(id, true);
        self.got(party, connack(session_present));
        party
    }

    /// A connection with a CONNECT alone.
    fn connecting(&self, id: &str, clean_start: bool) -> Party {
        self.connects(id, clean_start, Properties::new())
    }

    /// The same with Clean Start 0 and this Session Expiry Interval.
    fn keeping(&self, id: &str, expiry: u32) -> Party {
        let mut properties = Properties::new();
        properties.push(Property::SessionExpiryInterval(expiry));
        self.connects(id, false, properties)
    }

    fn connects(&self, id: &str, clean_start: bool, properties: Properties) -> Party {
        let party = Party(self.cx.journal.add_party("client"));
        let connect = Connect {
            version: V,
            clean_start,
            keep_alive: 0,
            client_id: Text::from(format!("run{id}")),
            will: None,
            user_name: None,
            password: None,
            properties,
        };
        self.sent(party, Packet::Connect(Box::new(connect)));
        party
    }

    fn sent(&self, party: Party, packet: Packet) {
        let event = Event::Sent(packet, V, bytes::Bytes::new());
        self.cx.journal.write(party.0, event);
    }

    fn got(&self, party: Party, packet: Packet) {
        let event = Event::Received(packet, V, bytes::Bytes::new());
        self.cx.journal.write(party.0, event);
    }

    fn topic(&self) -> String {
        self.cx.topic("t")
    }

    fn message(&self, qos: QoS, id: u16, payload: &str) -> Publish {
        let mut publish = message(&self.topic(), qos, payload.as_bytes());
        publish.packet_id = PacketId::new(id);
        publish
    }

    /// Subscribes, and is granted it.
    fn subscribed(&self, party: Party, qos: QoS) {
        self.subscribes(party, &self.topic(), qos);
        self.got(party, suback(qos));
    }

    fn subscribes(&self, party: Party, filter: &str, qos: QoS) {
        let filter = TopicFilter::parse_v5(Text::from(filter)).expect("a filter");
        let subscribe = Subscribe {
            packet_id: PacketId::MIN,
            properties: Properties::new(),
            subscriptions: vec![Subscription::new(filter, qos)],
        };
        self.sent(party, Packet::Subscribe(subscribe));
    }

    fn unsubscribes(&self, party: Party) {
        let unsubscribe = Unsubscribe {
            packet_id: PacketId::MIN,
            properties: Properties::new(),
            filters: vec![TopicFilter::parse_v5(Text::from(self.topic())).expect("a filter")],
        };
        self.sent(party, Packet::Unsubscribe(unsubscribe));
    }

    fn found(&self) -> Vec<Finding> {
        broken(&self.cx, &records(&self.cx))
    }

    fn rules(&self) -> Vec<&'static str> {
        self.found().iter().map(|finding| finding.rule).collect()
    }
}

fn connack(session_present: bool) -> Packet {
    Packet::ConnAck(ConnAck {
        session_present,
        reason: ReasonCode::SUCCESS,
        properties: Properties::new(),
    })
}

fn suback(qos: QoS) -> Packet {
    Packet::SubAck(SubAck {
        packet_id: PacketId::MIN,
        properties: Properties::new(),
        reasons: vec![ReasonCode(qos.as_u8())],
    })
}

fn unsuback(reason: ReasonCode) -> Packet {
    Packet::UnsubAck(UnsubAck {
        packet_id: PacketId::MIN,
        properties: Properties::new(),
        reasons: vec![reason],
    })
}

fn ack(id: u16) -> Ack {
    Ack::success(PacketId::new(id).expect("not 0"))
}

/// A publisher and a subscriber with this QoS.
fn pair(qos: QoS) -> (Story, Party, Party) {
    let story = Story::new();
    let publisher = story.client("p", false);
    let subscriber = story.client("s", false);
    story.subscribed(subscriber, qos);
    (story, publisher, subscriber)
}

/// Three QoS 0 messages that were published come in this order.
fn in_order(order: [&str; 3]) -> (Story, Party, Party) {
    let (story, publisher, subscriber) = pair(QoS::AtMostOnce);
    for payload in ["a", "b", "c"] {
        let publish = story.message(QoS::AtMostOnce, 0, payload);
        story.sent(publisher, Packet::Publish(publish));
    }
    for payload in order {
        let publish = story.message(QoS::AtMostOnce, 0, payload);
        story.got(subscriber, Packet::Publish(publish));
    }
    (story, publisher, subscriber)
}

#[test]
fn order_that_is_lost_is_found() {
    let (story, ..) = in_order(["a", "b", "c"]);
    assert!(story.rules().is_empty());
    let (story, ..) = in_order(["a", "c", "b"]);
    assert_eq!(story.rules(), ["order"]);
}

#[test]
fn a_message_that_nobody_subscribed_to_is_found_unless_the_session_is_a_stranger() {
    for (present, rules) in [(false, vec!["no invention"]), (true, vec!["session"])] {
        let story = Story::new();
        let publisher = story.client("p", false);
        let other = story.client("s", present);
        let publish = Packet::Publish(story.message(QoS::AtMostOnce, 0, "m"));
        story.sent(publisher, publish.clone());
        story.got(other, publish);
        assert_eq!(story.rules(), rules);
    }
}

#[test]
fn another_message_at_qos_2_is_found_and_one_that_is_sent_again_is_none() {
    let (story, publisher, subscriber) = pair(QoS::ExactlyOnce);
    story.sent(
        publisher,
        Packet::Publish(story.message(QoS::ExactlyOnce, 7, "m")),
    );
    let first = story.message(QoS::ExactlyOnce, 1, "m");
    story.got(subscriber, Packet::Publish(first.clone()));
    story.sent(subscriber, Packet::PubRec(ack(1)));
    story.got(subscriber, Packet::PubRel(ack(1)));
    story.sent(subscriber, Packet::PubComp(ack(1)));
    assert!(story.rules().is_empty());
    story.got(
        subscriber,
        Packet::Publish(story.message(QoS::ExactlyOnce, 2, "m")),
    );
    assert_eq!(story.rules(), ["exactly once"]);
    // Before its PUBREL it is the same message.
    let (story, publisher, subscriber) = pair(QoS::ExactlyOnce);
    story.sent(
        publisher,
        Packet::Publish(story.message(QoS::ExactlyOnce, 7, "m")),
    );
    story.got(subscriber, Packet::Publish(first.clone()));
    let resumed = story.connecting("s", false);
    story.got(resumed, connack(true));
    let again = Publish { dup: true, ..first };
    story.got(resumed, Packet::Publish(again));
    assert_eq!(story.rules(), ["session"], "it had no expiry");
}

#[test]
fn a_publisher_that_repeats_a_qos_2_message_has_published_it_once() {
    let (story, publisher, subscriber) = pair(QoS::AtLeastOnce);
    let publish = story.message(QoS::ExactlyOnce, 7, "m");
    story.sent(publisher, Packet::Publish(publish.clone()));
    let again = Publish {
        dup: true,
        ..publish
    };
    story.sent(publisher, Packet::Publish(again.clone()));
    for id in 1..=2 {
        let got = story.message(QoS::AtLeastOnce, id, "m");
        story.got(subscriber, Packet::Publish(got));
    }
    assert_eq!(story.rules(), ["at least once"]);
    // After its PUBREL the identifier is free, and it is another message.
    let (story, publisher, subscriber) = pair(QoS::AtLeastOnce);
    let first = Publish {
        dup: false,
        ..again.clone()
    };
    story.sent(publisher, Packet::Publish(first));
    story.sent(publisher, Packet::PubRel(ack(7)));
    story.sent(publisher, Packet::Publish(again));
    for id in 1..=2 {
        let got = story.message(QoS::AtLeastOnce, id, "m");
        story.got(subscriber, Packet::Publish(got));
    }
    assert!(story.rules().is_empty());
}

#[test]
fn pubrels_in_another_order_leave_no_order() {
    let (story, publisher, subscriber) = pair(QoS::AtMostOnce);
    for (id, payload) in [(1, "a"), (2, "b")] {
        let publish = story.message(QoS::ExactlyOnce, id, payload);
        story.sent(publisher, Packet::Publish(publish));
    }
    for id in [2, 1] {
        story.sent(publisher, Packet::PubRel(ack(id)));
    }
    for payload in ["b", "a"] {
        let publish = story.message(QoS::AtMostOnce, 0, payload);
        story.got(subscriber, Packet::Publish(publish));
    }
    assert!(story.rules().is_empty());
}

#[test]
fn after_bytes_of_which_nothing_is_known_nothing_is_concluded() {
    let raw = || Event::SentRaw("anything".to_owned(), Default::default());
    let (story, publisher, subscriber) = pair(QoS::AtMostOnce);
    story.cx.journal.write(publisher.0, raw());
    let publish = story.message(QoS::AtMostOnce, 0, "of the raw bytes");
    story.got(subscriber, Packet::Publish(publish));
    assert!(story.rules().is_empty());
}

#[test]
fn what_one_client_did_not_look_at_hides_nothing_that_others_got() {
    let (story, publisher, subscriber) = pair(QoS::AtLeastOnce);
    let other = story.client("o", false);
    story.cx.journal.write(other.0, Event::Dropped(195));
    let publish = story.message(QoS::AtMostOnce, 0, "m");
    story.sent(publisher, Packet::Publish(publish));
    let raised = story.message(QoS::AtLeastOnce, 1, "m");
    story.got(subscriber, Packet::Publish(raised));
    let found = story.found();
    assert_eq!(
        found.len(),
        1,
        "the monitor's and the oracle's are one: {found:#?}"
    );
}

#[test]
fn retain_1_on_a_message_that_was_published_with_0_is_found() {
    let (story, publisher, subscriber) = pair(QoS::AtMostOnce);
    let publish = story.message(QoS::AtMostOnce, 0, "m");
    story.sent(publisher, Packet::Publish(publish.clone()));
    story.got(subscriber, Packet::Publish(publish.retained()));
    assert_eq!(story.rules(), ["message"]);
}

#[test]
fn a_subscription_that_was_never_answered_may_bring_a_copy() {
    let (story, publisher, subscriber) = pair(QoS::AtMostOnce);
    story.subscribes(subscriber, &story.cx.topic("#"), QoS::AtMostOnce);
    let publish = Packet::Publish(story.message(QoS::AtMostOnce, 0, "m"));
    story.sent(publisher, publish.clone());
    story.got(subscriber, publish.clone());
    story.got(subscriber, publish.clone());
    assert!(story.rules().is_empty());
    story.got(subscriber, publish);
    assert_eq!(story.rules(), ["at most once"]);
}

#[test]
fn messages_after_unsuback_are_found_unless_it_refuses() {
    for (reason, rules) in [
        (ReasonCode::SUCCESS, vec!["unsubscribed"]),
        (ReasonCode::NOT_AUTHORIZED, vec![]),
    ] {
        let (story, publisher, subscriber) = pair(QoS::AtMostOnce);
        story.unsubscribes(subscriber);
        story.got(subscriber, unsuback(reason));
        let publish = Packet::Publish(story.message(QoS::AtMostOnce, 0, "m"));
        story.sent(publisher, publish.clone());
        story.got(subscriber, publish);
        assert_eq!(story.rules(), rules);
    }
}

#[test]
fn of_connections_that_overtake_one_another_nothing_is_concluded() {
    let story = Story::new();
    let first = story.connecting("s", false);
    let second = story.connecting("s", false);
    story.got(second, connack(true));
    story.got(first, connack(false));
    assert!(story.rules().is_empty());
}

#[test]
fn a_kept_session_with_session_present_0_is_not_taken_for_a_discarded_one() {
    for (expiry, rules) in [(60, vec![]), (0, vec!["unsubscribed"])] {
        let story = Story::new();
        let publisher = story.client("p", false);
        let first = story.keeping("s", expiry);
        story.got(first, connack(false));
        story.subscribed(first, QoS::AtMostOnce);
        let second = story.keeping("s", expiry);
        story.got(second, connack(false));
        let publish = Packet::Publish(story.message(QoS::AtMostOnce, 0, "m"));
        story.sent(publisher, publish.clone());
        story.got(second, publish);
        assert_eq!(story.rules(), rules);
    }
}

#[test]
fn a_retained_message_without_its_flag_is_no_copy_of_a_live_one() {
    let (story, publisher, subscriber) = pair(QoS::AtMostOnce);
    let publish = story.message(QoS::AtMostOnce, 0, "m");
    story.sent(publisher, Packet::Publish(publish.clone().retained()));
    story.got(subscriber, Packet::Publish(publish.clone()));
    story.subscribed(subscriber, QoS::AtMostOnce);
    story.got(subscriber, Packet::Publish(publish.clone()));
    assert!(story.rules().is_empty());
    story.got(subscriber, Packet::Publish(publish));
    assert_eq!(story.rules(), ["at most once"]);
}

#[test]
fn what_an_older_connection_brings_late_is_no_second_message() {
    let (story, publisher, subscriber) = pair(QoS::ExactlyOnce);
    story.sent(
        publisher,
        Packet::Publish(story.message(QoS::ExactlyOnce, 7, "m")),
    );
    let newer = story.client("s", false);
    story.subscribed(newer, QoS::ExactlyOnce);
    let first = story.message(QoS::ExactlyOnce, 1, "m");
    story.got(newer, Packet::Publish(first.clone()));
    story.got(newer, Packet::PubRel(ack(1)));
    story.got(subscriber, Packet::Publish(first));
    let rules = story.rules();
    assert!(!rules.contains(&"exactly once"), "{rules:?}");
}

#[test]
fn topics_of_others_prove_nothing() {
    let (story, _, subscriber) = pair(QoS::AtMostOnce);
    for topic in ["squall/run/10/t", "squall/other/1/t", "$SYS/uptime"] {
        let publish = message(topic, QoS::AtMostOnce, b"m");
        story.got(subscriber, Packet::Publish(publish));
    }
    assert!(story.rules().is_empty());
    let cut = message("squall/run/1", QoS::AtMostOnce, b"m");
    story.got(subscriber, Packet::Publish(cut));
    assert_eq!(story.rules(), ["no invention"]);
}
