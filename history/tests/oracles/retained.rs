//! Retained messages, seen from the clients' ends.

use crate::stage::{
    A, B, P, Tale, What, accepted, asks, begun, come_back, connect, gets, granted, handling, ping,
    pong, puback, publish, retained, said, suback, subscribe, subscribing, subscription, tale,
    there, will,
};
use squall_protocol::{
    Packet, QoS, ReasonCode, Role, Version,
    packet::{Publish, RetainHandling},
};

type Lines = Vec<(u64, usize, What)>;

/// `p` has retained `old` on `t` and then does `more`.
fn after_old(more: impl IntoIterator<Item = Lines>) -> Tale {
    let mut parts = vec![there(0, P), there(0, A), said(1, retained("old"))];
    parts.extend(more);
    tale(parts)
}

#[test]
fn what_was_displaced_before_a_subscription_does_not_come() {
    for new in ["new", ""] {
        let tale = after_old([
            said(10, retained(new)),
            asks(20, A),
            gets(30, A, retained("old")),
        ]);
        assert_eq!(tale.at_clients(), ["retained"], "{new:?}");
    }
}

#[test]
fn what_may_have_been_displaced_later_comes() {
    // The newer one is acknowledged after SUBSCRIBE.
    let late = after_old([
        begun(10, retained("new")),
        asks(20, A),
        vec![(25, P, What::Down(puback(1)))],
        gets(30, A, retained("old")),
    ]);
    assert!(late.at_clients().is_empty());
    // It is never acknowledged, whatever a PINGRESP seems to say.
    let mut zero = retained("");
    (zero.qos, zero.packet_id) = (QoS::AtMostOnce, None);
    let fenced = after_old([
        begun(10, zero),
        vec![(12, P, ping()), (13, P, pong())],
        asks(20, A),
        gets(30, A, retained("old")),
    ]);
    assert!(fenced.at_clients().is_empty());
    // The older one is sent again after it, and may have come then.
    let again = Publish {
        dup: true,
        ..retained("old")
    };
    let twice = after_old([
        said(10, retained("new")),
        vec![(15, P, What::Up(Packet::Publish(again)))],
        asks(20, A),
        gets(30, A, retained("old")),
    ]);
    assert!(twice.at_clients().is_empty());
    // An older request found it, and brings it late.
    let slow = after_old([
        asks(5, A),
        said(10, retained("new")),
        asks(20, A),
        gets(30, A, retained("old")),
        gets(31, A, retained("new")),
    ]);
    assert!(slow.at_clients().is_empty());
    // Bytes of which nothing is known may be a message.
    let raw = after_old([
        said(10, retained("new")),
        vec![(15, B, connect(0)), (16, B, What::Raw)],
        asks(20, A),
        gets(30, A, retained("old")),
    ]);
    assert!(raw.at_clients().is_empty());
    // It is somebody's will as well.
    let mut gone = will(0);
    gone.retain = true;
    gone.payload = retained("old").payload;
    let of_will = after_old([
        vec![(5, B, come_back(Some(gone))), (6, B, accepted(false))],
        said(10, retained("new")),
        asks(20, A),
        gets(30, A, retained("old")),
    ]);
    assert!(of_will.at_clients().is_empty());
}

/// In 3.1.1 a message that is not authorised is acknowledged as well.
#[test]
fn in_3_1_1_only_who_was_obeyed_before_displaces() {
    let by = |client: usize| {
        let mut newer = said(10, retained("new"));
        newer.iter_mut().for_each(|line| line.1 = client);
        after_old([
            there(8, B),
            newer,
            asks(20, A),
            gets(30, A, retained("old")),
        ])
    };
    let judged = |tale: &Tale| tale.judged(Role::Client, Version::V3_1_1, None);
    assert_eq!(judged(&by(P)), ["retained"]);
    assert!(judged(&by(B)).is_empty());
}

/// What an older session had asked for comes no more.
#[test]
fn a_new_session_finds_what_there_is() {
    let session = |present| {
        after_old([
            vec![(3, A, come_back(None)), (4, A, accepted(false))],
            asks(5, A),
            said(10, retained("new")),
            vec![
                (12, A, What::Closed),
                (13, A, come_back(None)),
                (14, A, accepted(present)),
            ],
            asks(20, A),
            gets(30, A, retained("old")),
        ])
    };
    assert_eq!(session(false).at_clients(), ["retained"]);
    assert!(session(true).at_clients().is_empty());
}

fn with_handling(retain_handling: RetainHandling) -> Lines {
    vec![
        (10, A, subscribing(handling("t", retain_handling), None)),
        (11, A, suback()),
    ]
}

#[test]
fn retain_handling_is_kept_to() {
    let retained = || retained("old");
    let two = after_old([
        with_handling(RetainHandling::DoNotSend),
        gets(20, A, retained()),
    ]);
    assert_eq!(two.at_clients(), ["retained"]);
    let one_again = after_old([
        asks(5, A),
        gets(6, A, retained()),
        with_handling(RetainHandling::SendIfNew),
        gets(20, A, retained()),
    ]);
    assert_eq!(one_again.at_clients(), ["retained"]);
    let one = after_old([
        with_handling(RetainHandling::SendIfNew),
        gets(20, A, retained()),
    ]);
    assert!(one.at_clients().is_empty());
    // What the first request found may come after the second one.
    let late = after_old([
        asks(5, A),
        with_handling(RetainHandling::SendIfNew),
        gets(20, A, retained()),
    ]);
    assert!(late.at_clients().is_empty());
    // A SUBSCRIBE that was not answered may have been heard.
    let open = after_old([
        vec![(5, A, subscribe("t"))],
        with_handling(RetainHandling::DoNotSend),
        gets(20, A, retained()),
    ]);
    assert!(open.at_clients().is_empty());
    let shared = after_old([
        vec![(5, A, subscribe("$share/g/t")), (6, A, suback())],
        gets(20, A, retained()),
    ]);
    assert_eq!(shared.at_clients(), ["retained"]);
}

#[test]
fn a_live_message_has_retain_0_unless_it_was_asked_for() {
    let live = || said(20, retained("new"));
    let plain = after_old([
        asks(5, A),
        gets(6, A, retained("old")),
        live(),
        gets(23, A, retained("new")),
    ]);
    assert_eq!(plain.at_clients(), ["retained"]);
    assert_eq!(plain.broken(), ["retained"]);
    let mut as_published = subscription("t");
    as_published.retain_as_published = true;
    let asked = after_old([
        vec![(5, A, subscribing(as_published, None)), (6, A, suback())],
        gets(6, A, retained("old")),
        live(),
        gets(23, A, retained("new")),
    ]);
    assert!(asked.at_clients().is_empty());
}

#[test]
fn retain_as_published_keeps_the_flag() {
    let mut as_published = subscription("t");
    as_published.retain_as_published = true;
    let asks_so = || {
        let subscribing = subscribing(as_published.clone(), None);
        vec![(5, A, subscribing), (6, A, suback())]
    };
    let live = |retain| Publish {
        retain,
        ..publish("new")
    };
    let told = |first, retain| {
        tale([
            there(0, P),
            there(0, A),
            asks_so(),
            first,
            said(20, live(true)),
            gets(30, A, live(retain)),
        ])
    };
    assert_eq!(told(vec![], false).at_clients(), ["retained"]);
    assert_eq!(told(vec![], false).broken(), ["retained"]);
    assert!(told(vec![], true).at_clients().is_empty());
    // Another subscription, without it, may bring a copy.
    let other = vec![(7, A, subscribe("+")), (8, A, suback())];
    assert!(told(other, false).at_clients().is_empty());
    // Somebody says the same without RETAIN.
    let same = vec![
        (9, B, connect(0)),
        (10, B, What::Up(Packet::Publish(live(false)))),
    ];
    assert!(told(same, false).at_clients().is_empty());
}

#[test]
fn what_was_there_long_before_has_retain_1() {
    let plain = || publish("old");
    let long = after_old([asks(2_000, A), gets(2_010, A, plain())]);
    assert_eq!(long.at_clients(), ["retained"]);
    // A server that takes its time may send it as a live one to who has subscribed since.
    let soon = after_old([asks(500, A), gets(510, A, plain())]);
    assert!(soon.at_clients().is_empty());
    // It waited for a member of a shared subscription.
    let shared = after_old([
        vec![(2_000, A, subscribe("$share/g/t")), (2_001, A, suback())],
        gets(2_010, A, plain()),
    ]);
    assert!(shared.at_clients().is_empty());
}

/// `a` asks at 20 ms, and everything settles at 3 s.
fn waits(first: Lines, asks: Lines, more: Lines) -> Vec<&'static str> {
    let mut parts = vec![there(0, P), there(0, A), first, asks, more];
    parts.push(vec![(9_000, B, ping())]);
    let mut found = tale(parts).settled(3_000);
    // An open flow is another matter.
    found.retain(|rule| *rule != "liveness");
    found
}

#[test]
fn what_is_retained_comes_to_who_asks() {
    let kept = || said(1, retained("old"));
    assert_eq!(waits(kept(), asks(20, A), vec![]), ["retained"]);
    assert!(waits(kept(), asks(20, A), gets(30, A, retained("old"))).is_empty());
    // The acknowledgement may have come before the message was there, for all that is known of an open one.
    assert!(waits(begun(1, retained("old")), asks(20, A), vec![]).is_empty());
    // With QoS 0 it may be lost on the way.
    let at_0 = vec![
        (20, A, subscribe("t")),
        (21, A, granted(ReasonCode::GRANTED_QOS_0)),
    ];
    assert!(waits(kept(), at_0, vec![]).is_empty());
    let zero = with_handling(RetainHandling::DoNotSend);
    assert!(waits(kept(), zero, vec![]).is_empty());
    // Something else may have taken its place.
    assert!(waits(kept(), asks(20, A), begun(40, retained("new"))).is_empty());
}
