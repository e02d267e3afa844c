//! Subscription Identifiers.

use crate::stage::{
    A, P, What, accepted, asks, come_back, connect, gets, publish, said, suback, subscribing,
    subscription, tale, there,
};
use squall_protocol::{
    Packet, Property, ReasonCode,
    packet::{ConnAck, Publish},
};

type Lines = Vec<(u64, usize, What)>;

fn with(identifiers: &[u32]) -> Publish {
    let mut publish = publish("m");
    for one in identifiers {
        let property = Property::SubscriptionIdentifier(*one);
        publish.properties.push(property);
    }
    publish
}

fn asks_with(at: u64, filter: &str, identifier: u32) -> Lines {
    vec![
        (at, A, subscribing(subscription(filter), Some(identifier))),
        (at + 1, A, suback()),
    ]
}

/// `a` asks, `p` says something, and `a` is sent that.
fn brought(asked: impl IntoIterator<Item = Lines>, more: Lines) -> Vec<&'static str> {
    let mut parts = vec![there(0, A), there(0, P)];
    parts.extend(asked);
    parts.extend([said(100, publish("m")), more]);
    tale(parts).at_clients()
}

#[test]
fn a_message_has_the_identifier_of_its_subscription() {
    let asked = || [asks_with(1, "t", 7)];
    assert!(brought(asked(), gets(110, A, with(&[7]))).is_empty());
    let foreign = brought(asked(), gets(110, A, with(&[8])));
    assert_eq!(foreign, ["subscription identifiers"]);
    let missing = brought(asked(), gets(110, A, with(&[])));
    assert_eq!(missing, ["subscription identifiers"]);
    let plain = brought([asks(1, A)], gets(110, A, with(&[7])));
    assert_eq!(plain, ["subscription identifiers"]);
    // One of the two has none, and brings a copy of its own.
    let both = || [asks_with(1, "t", 7), asks(5, A)];
    let replaced = brought(both(), gets(110, A, with(&[7])));
    assert_eq!(replaced, ["subscription identifiers"]);
    assert!(brought(both(), gets(110, A, with(&[]))).is_empty());
}

/// It may overlook one that comes all the same.
#[test]
fn a_server_that_offers_no_identifiers_owes_none() {
    let greeting = |offers: Option<u8>| {
        let offers = offers.map(Property::SubscriptionIdentifiersAvailable);
        let ack = ConnAck {
            session_present: false,
            reason: ReasonCode::SUCCESS,
            properties: offers.into_iter().collect(),
        };
        vec![(0, A, connect(0)), (0, A, What::Down(Packet::ConnAck(ack)))]
    };
    let told = |offers| {
        tale([
            greeting(offers),
            there(0, P),
            asks_with(1, "t", 7),
            said(100, publish("m")),
            gets(110, A, with(&[])),
        ])
        .at_clients()
    };
    assert!(told(Some(0)).is_empty());
    assert_eq!(told(None), ["subscription identifiers"]);
}

#[test]
fn a_subscription_that_is_replaced_while_a_message_is_under_way_may_bring_it() {
    let mut lines = asks(105, A);
    lines.extend(gets(110, A, with(&[7])));
    assert!(brought([asks_with(1, "t", 7)], lines).is_empty());
}

#[test]
fn a_session_that_began_where_nobody_looked_may_have_any() {
    let stranger = vec![(0, A, come_back(None)), (0, A, accepted(true))];
    let parts = [
        stranger,
        there(0, P),
        asks_with(1, "t", 7),
        said(100, publish("m")),
        gets(110, A, with(&[8])),
    ];
    let found = tale(parts).at_clients();
    assert!(!found.contains(&"subscription identifiers"), "{found:?}");
}

#[test]
fn every_identifier_comes_with_one_copy_or_another() {
    let settled = |copies: &[&[u32]]| {
        let mut parts = vec![
            there(0, A),
            there(0, P),
            asks_with(1, "t", 7),
            asks_with(5, "+", 8),
            said(100, publish("m")),
        ];
        parts.extend(copies.iter().map(|ids| gets(110, A, with(ids))));
        parts.push(vec![(9_000, P, crate::stage::ping())]);
        tale(parts).settled(3_000)
    };
    assert!(settled(&[&[7, 8]]).is_empty());
    assert!(settled(&[&[7], &[8]]).is_empty());
    assert_eq!(settled(&[&[8]]), ["subscription identifiers"]);
}
