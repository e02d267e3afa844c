//! Shared subscriptions, takeovers, Keep Alive and No Local, seen from the clients' ends.

use crate::stage::{
    A, B, P, T, What, accepted, asks, come_back, connack, connect, gets, goodbye, ping, pong,
    puback, publish, resuming, said, suback, subscribe, subscribing, subscription, tale, there,
    told, unsuback, unsubscribe,
};
use squall_protocol::{Packet, QoS, ReasonCode, packet::Publish};

type Lines = Vec<(u64, usize, What)>;

fn alive(at: u64, client: usize) -> Lines {
    vec![(at, client, ping()), (at + 1, client, pong())]
}

/// `a` and `b` share a subscription; both are sent what `p` says, with some QoS, and do `more`.
fn group(qos: QoS, more: impl IntoIterator<Item = Lines>) -> Vec<&'static str> {
    let member = |client| {
        let asks = vec![(2, client, subscribe("$share/g/t")), (3, client, suback())];
        [there(0, client), asks].concat()
    };
    let one = Publish {
        qos,
        ..publish("m")
    };
    let mut parts = vec![member(A), member(B), there(4, P), said(5, publish("m"))];
    parts.extend([gets(10, A, one.clone()), gets(11, B, one)]);
    parts.extend(more);
    tale(parts).at_clients()
}

#[test]
fn a_message_for_a_group_goes_to_one_member() {
    let one = QoS::AtLeastOnce;
    assert_eq!(
        group(one, [alive(20, A), alive(20, B)])[0],
        "shared subscription"
    );
    // Either of them may have been gone when the other one was chosen.
    assert!(group(one, [alive(20, A)]).is_empty());
    assert!(group(one, [alive(20, B)]).is_empty());
}

/// The lower grant is what it is sent with, so the rule about QoS speaks too.
#[test]
fn what_was_begun_with_qos_2_stays_with_its_member() {
    let found = group(QoS::ExactlyOnce, []);
    assert!(found.contains(&"shared subscription"), "{found:?}");
}

/// `a` is alone in a group, `b` does something `before` a message is published, and more happens after it: the rules that
/// are broken once all has settled.
fn settled_group(before: Lines, after: Lines) -> Vec<&'static str> {
    let joins = vec![(1, A, subscribe("$share/g/t")), (2, A, suback())];
    let mut parts = vec![there(0, A), joins, there(2, B), before];
    parts.extend([there(9, P), said(10, publish("m")), after, alive(3_000, A)]);
    tale(parts).settled(100)
}

#[test]
fn a_message_for_a_group_reaches_a_member() {
    assert_eq!(settled_group(vec![], vec![]), ["at least once"]);
    assert!(settled_group(vec![], gets(20, A, publish("m"))).is_empty());
    let joins = |filter| vec![(3, B, subscribe(filter)), (4, B, suback())];
    let of_both = joins("$share/g/t");
    assert_eq!(settled_group(of_both.clone(), vec![]), ["at least once"]);
    assert!(settled_group(of_both.clone(), gets(20, B, publish("m"))).is_empty());
    // A group of another name has a message of its own.
    let other = settled_group(joins("$share/h/t"), gets(20, B, publish("m")));
    assert_eq!(other, ["at least once"]);
    // Who has left may have had it on its way, and so may somebody who was perhaps let in.
    let leaves = vec![(20, B, unsubscribe("$share/g/t")), (21, B, unsuback())];
    assert!(settled_group(of_both.clone(), leaves).is_empty());
    let gone = vec![(20, B, goodbye()), (21, B, What::Closed)];
    assert!(settled_group(of_both, gone).is_empty());
    let perhaps = vec![(3, B, subscribe("$share/g/t"))];
    assert!(settled_group(perhaps, vec![]).is_empty());
}

/// `a` and its twin, and what happens then.
fn twins(more: impl IntoIterator<Item = Lines>) -> Vec<&'static str> {
    let mut parts = vec![there(0, A), there(100, T)];
    parts.extend(more);
    tale(parts).at_clients()
}

#[test]
fn a_newer_connection_ends_the_older() {
    assert_eq!(twins([alive(2_000, A)]), ["takeover"]);
    // A server may take its time.
    assert!(twins([alive(900, A)]).is_empty());
    assert!(twins([vec![(2_000, A, ping())]]).is_empty());
    assert!(twins([alive(2_000, T)]).is_empty());
    // Which of two CONNECTs came first is not known.
    let crossing = vec![
        (0, A, connect(0)),
        (0, T, connect(0)),
        (10, A, connack()),
        (10, T, connack()),
    ];
    assert!(tale([crossing, alive(2_000, A)]).at_clients().is_empty());
}

#[test]
fn an_older_connection_is_sent_nothing_that_was_published_later() {
    let hears = || vec![asks(50, A), there(100, T), there(100, P)];
    let mut late = vec![there(0, A)];
    late.extend(hears());
    late.extend([said(3_000, publish("m")), gets(3_010, A, publish("m"))]);
    let found = tale(late).at_clients();
    assert!(found.contains(&"takeover"), "{found:?}");
}

/// `a` with Keep Alive 10 s, which is accepted at 0.
fn silent(more: impl IntoIterator<Item = Lines>) -> Vec<&'static str> {
    let mut parts = vec![vec![(0, A, connect(10)), (0, A, connack())]];
    parts.extend(more);
    tale(parts).at_clients()
}

#[test]
fn a_silent_client_is_dropped() {
    assert_eq!(silent([alive(16_001, A)]), ["keep alive"]);
    assert!(silent([alive(15_900, A)]).is_empty());
    assert!(silent([vec![(16_001, A, ping())]]).is_empty());
    // When that came is not known: it may have been in between.
    let acknowledges = vec![(1, A, What::Up(puback(1)))];
    assert!(silent([acknowledges, alive(16_001, A)]).is_empty());
    // It was published after so long a silence, and still sent on here.
    let parts = [
        vec![(0, A, connect(10)), (0, A, connack())],
        asks(1, A),
        there(1, P),
        said(17_000, publish("m")),
        gets(17_010, A, publish("m")),
    ];
    assert_eq!(tale(parts).at_clients(), ["keep alive"]);
}

#[test]
fn keep_alive_timeout_is_no_reason_for_who_was_heard() {
    let timeout = |at| vec![(at, A, told(ReasonCode::KEEP_ALIVE_TIMEOUT))];
    assert_eq!(silent([alive(5_000, A), timeout(18_000)]), ["keep alive"]);
    // Whole seconds may be cut off.
    assert!(silent([alive(5_000, A), timeout(19_500)]).is_empty());
    // That this was heard is not known.
    assert!(silent([vec![(15_000, A, ping())], timeout(18_000)]).is_empty());
    let off = [there(0, A), timeout(90_000)];
    assert_eq!(tale(off).at_clients(), ["keep alive"]);
}

/// `p` subscribes with No Local to what it publishes itself, and gets it.
fn echo(more: impl IntoIterator<Item = Lines>) -> Vec<&'static str> {
    let mut own = subscription("t");
    own.no_local = true;
    let mut parts = vec![
        there(0, P),
        vec![(1, P, subscribing(own, None)), (2, P, suback())],
    ];
    parts.extend(more);
    parts.extend([said(100, publish("m")), gets(110, P, publish("m"))]);
    tale(parts).at_clients()
}

#[test]
fn no_local_brings_nothing_of_its_own() {
    assert_eq!(echo([]), ["no local"]);
    // Another subscription brings it.
    let other = vec![(5, P, subscribe("+")), (6, P, suback())];
    assert!(echo([other]).is_empty());
    // One that was never answered may.
    assert!(echo([vec![(5, P, subscribe("+"))]]).is_empty());
    // Somebody else says the same.
    let by_a = vec![(50, A, What::Up(Packet::Publish(publish("m"))))];
    let other = [
        there(40, A),
        vec![(50, A, What::Published(publish("m")))],
        by_a,
    ];
    assert!(echo(other).is_empty());
}

/// With the same Client Identifier it is the same client.
#[test]
fn no_local_is_about_the_client_identifier() {
    let mut own = subscription("t");
    own.no_local = true;
    let first = vec![(0, A, come_back(None)), (0, A, accepted(false))];
    let asks = vec![(1, A, subscribing(own, None)), (2, A, suback())];
    let twin = vec![
        (10, A, What::Closed),
        (11, T, come_back(None)),
        (12, T, accepted(true)),
        (13, T, What::Published(publish("m"))),
        (14, T, What::Up(Packet::Publish(publish("m")))),
    ];
    let found = tale([first, asks, twin, gets(20, T, publish("m"))]).at_clients();
    assert!(found.contains(&"no local"), "{found:?}");
}

/// A session that lasts 10 s; the server ends its connection at 1 s, and the client comes back at a time.
fn expired(before: What, back: u64) -> Vec<&'static str> {
    let there = |at, present| vec![(at, A, resuming(10, 0, None)), (at, A, accepted(present))];
    tale([
        there(0, false),
        vec![(1_000, A, before), (1_000, A, What::Closed)],
        there(back, true),
    ])
    .at_clients()
}

#[test]
fn a_session_is_over_when_nobody_can_have_missed_its_end() {
    assert_eq!(expired(ping(), 12_500), ["session"]);
    assert!(expired(ping(), 11_500).is_empty());
    // A DISCONNECT that may have crossed may have said another interval.
    assert!(expired(crate::stage::goodbye(), 60_000).is_empty());
}

/// Section 4.7.2: topics that begin with `$` are for the server's own messages.
#[test]
fn what_a_server_says_of_itself_is_its_own() {
    let heard = |topic: &'static str| {
        let message = Publish {
            topic: topic.into(),
            qos: QoS::AtMostOnce,
            ..publish("m")
        };
        let asks = vec![(2, A, subscribe(topic)), (3, A, suback())];
        tale([there(0, A), asks, gets(10, A, message)]).at_clients()
    };
    assert!(heard("$SYS/uptime").is_empty());
    assert_eq!(heard("uptime"), ["no invention"]);
}
