//! Guarantees at the server's end.

use crate::stage::{
    A, B, P, Tale, What, connack, connect, delivered, down, expiring, id, message, none, ping,
    published, suback, subscribe, told, unsuback, unsubscribe, up,
};
use squall_protocol::{Packet, Properties, ReasonCode, packet::Ack};

/// `a` and `b` share a subscription, `p` publishes.
fn group(more: impl IntoIterator<Item = (u64, usize, What)>) -> Vec<&'static str> {
    let mut tale = Vec::new();
    for client in [A, B] {
        tale.extend([
            (0, client, connect(0)),
            (0, client, connack()),
            (1, client, subscribe("$share/g/t")),
            (1, client, suback()),
        ]);
    }
    tale.extend([
        (2, P, connect(0)),
        (2, P, connack()),
        (3, P, published(none())),
    ]);
    tale.extend(more);
    Tale(tale).broken()
}

#[test]
fn a_message_for_a_group_goes_to_one_member() {
    assert_eq!(
        group([(4, P, up(false)), (5, A, down()), (6, B, down())]),
        ["shared subscription"]
    );
}

#[test]
fn it_may_go_on_when_the_first_member_is_gone() {
    assert!(
        group([
            (4, P, up(false)),
            (5, A, down()),
            (6, A, What::Closed),
            (6, B, down()),
        ])
        .is_empty()
    );
}

/// A server may take a PUBLISH with DUP 1 and QoS 1 for another message.
#[test]
fn sent_again_by_its_publisher_it_may_go_to_each() {
    assert!(
        group([
            (4, P, up(false)),
            (5, A, down()),
            (6, P, up(true)),
            (7, B, down()),
        ])
        .is_empty()
    );
}

/// A publisher's message with an expiry of 10 s, and what `a` is sent of it.
fn expiry(more: impl IntoIterator<Item = (u64, usize, What)>) -> Vec<&'static str> {
    let mut tale = vec![
        (0, A, connect(0)),
        (0, A, connack()),
        (1, A, subscribe("t")),
        (1, A, suback()),
        (2, P, connect(0)),
        (2, P, connack()),
        (3, P, published(expiring(10))),
        (4, P, What::Up(message(false, false, expiring(10)))),
    ];
    tale.extend(more);
    Tale(tale).broken()
}

fn sent(seconds: u32) -> What {
    What::Down(message(false, false, expiring(seconds)))
}

#[test]
fn an_expired_message_is_not_sent() {
    assert_eq!(expiry([(20_000, A, sent(1))]), ["expiry"]);
}

#[test]
fn what_waited_says_so() {
    assert_eq!(expiry([(6_004, A, sent(10))]), ["expiry"]);
    assert!(expiry([(6_004, A, sent(4))]).is_empty());
    // Whole seconds may be cut off or rounded.
    assert!(expiry([(6_004, A, sent(5))]).is_empty());
}

#[test]
fn the_time_of_a_message_that_is_sent_again_begins_anew() {
    let again = What::Up(message(true, false, expiring(10)));
    assert!(expiry([(19_000, P, again), (20_000, A, sent(9))]).is_empty());
}

#[test]
fn an_expiry_does_not_grow() {
    assert_eq!(
        expiry([(5, A, sent(10)), (6, A, delivered(expiring(11))),]),
        ["forwarded"]
    );
}

/// `a` with Keep Alive 10 s.
fn silence(more: impl IntoIterator<Item = (u64, usize, What)>) -> Vec<&'static str> {
    let mut tale = vec![(0, A, connect(10)), (0, A, connack())];
    tale.extend(more);
    Tale(tale).broken()
}

#[test]
fn a_silent_client_is_dropped() {
    assert_eq!(silence([(20_000, A, What::Closed)]), ["keep alive"]);
    assert!(silence([(15_500, A, What::Closed)]).is_empty());
}

/// The client spoke again after a silence that should have been its last.
#[test]
fn a_client_that_was_silent_for_too_long_once_should_be_gone() {
    assert_eq!(
        silence([(20_000, A, ping()), (20_001, A, What::Closed)]),
        ["keep alive"]
    );
}

#[test]
fn keep_alive_timeout_is_no_reason_for_who_was_never_silent() {
    let timeout = || told(ReasonCode::KEEP_ALIVE_TIMEOUT);
    assert_eq!(
        silence([
            (9_000, A, ping()),
            (10_000, A, timeout()),
            (10_000, A, What::Closed),
        ]),
        ["keep alive"]
    );
    // What it says late it decided before the client spoke again.
    assert!(
        silence([
            (15_100, A, ping()),
            (15_300, A, timeout()),
            (15_300, A, What::Closed),
        ])
        .is_empty()
    );
    // It may end a connection whenever it likes.
    assert!(
        silence([
            (9_000, A, told(ReasonCode::SERVER_BUSY)),
            (9_000, A, What::Closed)
        ])
        .is_empty()
    );
}

/// `a` unsubscribes at 10 ms; what comes then.
fn left(more: impl IntoIterator<Item = (u64, usize, What)>) -> Vec<&'static str> {
    let mut tale = vec![
        (0, A, connect(0)),
        (0, A, connack()),
        (1, A, subscribe("t")),
        (1, A, suback()),
        (2, P, connect(0)),
        (2, P, connack()),
        (10, A, unsubscribe("t")),
    ];
    tale.extend(more);
    Tale(tale).broken()
}

#[test]
fn nothing_new_comes_after_unsuback() {
    assert_eq!(
        left([
            (11, A, unsuback()),
            (12, P, published(none())),
            (13, P, up(false)),
            (14, A, down()),
            (15, A, delivered(none())),
        ]),
        ["unsubscribed"]
    );
}

#[test]
fn what_was_published_before_unsuback_may_still_come() {
    assert!(
        left([
            (11, P, published(none())),
            (12, P, up(false)),
            (13, A, unsuback()),
            (14, A, down()),
            (15, A, delivered(none())),
        ])
        .is_empty()
    );
}

/// Two connections of `a`.
fn twice(more: impl IntoIterator<Item = (u64, usize, What)>) -> Vec<&'static str> {
    let mut tale = vec![
        (0, A, connect(0)),
        (0, A, connack()),
        (100, A, connect(0)),
        (100, A, connack()),
    ];
    tale.extend(more);
    Tale(tale).broken()
}

#[test]
fn a_newer_connection_ends_the_older() {
    let ack = || {
        What::Up(Packet::PubAck(Ack {
            packet_id: id(1),
            reason: ReasonCode::SUCCESS,
            properties: Properties::new(),
        }))
    };
    assert_eq!(twice([(9_000, A, ack())]), ["takeover"]);
    assert!(twice([(900, A, ack())]).is_empty());
}
