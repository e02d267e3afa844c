//! Shared subscriptions.

use super::*;
use squall_protocol::ReasonCode;

fn member(bench: &mut Bench, name: &str, filter: &str, qos: QoS) -> ConnId {
    let conn = bench.join(hello_again(V5, name));
    bench.subscribe(conn, filter, qos);
    conn
}

#[test]
fn members_take_turns() {
    let mut bench = Bench::new();
    let conns = ["a", "b", "c"].map(|name| member(&mut bench, name, "$share/g/t", Q0));
    let publisher = bench.connect(V3, "p");
    for n in 0..6 {
        bench.publish(publisher, "t", &n.to_string(), Q0);
    }
    let heard = conns.map(|conn| bench.seen(conn));
    assert_eq!(heard[0], ["publish t 0 q0", "publish t 3 q0"]);
    assert_eq!(heard[1], ["publish t 1 q0", "publish t 4 q0"]);
    assert_eq!(heard[2], ["publish t 2 q0", "publish t 5 q0"]);
}

#[test]
fn members_that_are_away_are_skipped_while_another_is_there() {
    let mut bench = Bench::new();
    let [a, b] = ["a", "b"].map(|name| member(&mut bench, name, "$share/g/t", Q1));
    let publisher = bench.connect(V3, "p");
    bench.hang_up(a);
    for payload in ["1", "2"] {
        bench.publish(publisher, "t", payload, Q1);
    }
    assert_eq!(bench.messages(b).len(), 2);
    bench.hang_up(b);
    bench.publish(publisher, "t", "3", Q1);
    let a = bench.join(hello_again(V5, "a"));
    assert_eq!(
        bench.seen(a),
        ["publish t 3 q1 #1"],
        "its turn came while all were away"
    );
}

#[test]
fn groups_and_ordinary_subscriptions_are_served_independently() {
    let mut bench = Bench::new();
    let a = member(&mut bench, "a", "$share/g/t/#", Q0);
    let b = member(&mut bench, "b", "$share/h/t/#", Q0);
    let c = member(&mut bench, "c", "t/+", Q0);
    bench.subscribe(a, "t/x", Q0);
    bench.publish(c, "t/x", "1", Q0);
    assert_eq!(bench.messages(a).len(), 2);
    assert_eq!(bench.messages(b).len(), 1);
    assert_eq!(bench.messages(c).len(), 1);
}

#[test]
fn the_granted_qos_of_the_member_counts() {
    let mut bench = Bench::new();
    let a = member(&mut bench, "a", "$share/g/t", Q0);
    let b = member(&mut bench, "b", "$share/g/t", Q2);
    let publisher = bench.connect(V5, "p");
    bench.publish(publisher, "t", "1", Q1);
    bench.publish(publisher, "t", "2", Q1);
    assert_eq!(bench.seen(a), ["publish t 1 q0"]);
    assert_eq!(bench.seen(b), ["publish t 2 q1 #1"]);
}

#[test]
fn no_retained_message_is_sent() {
    let mut bench = Bench::new();
    let conn = bench.connect(V5, "a");
    bench.publish_retained(conn, "t", "x", Q0);
    bench.subscribe(conn, "$share/g/t", Q0);
    assert_eq!(bench.messages(conn).len(), 0);
}

#[test]
fn nobody_is_a_member_twice() {
    let mut bench = Bench::new();
    let conn = member(&mut bench, "a", "$share/g/t", Q0);
    bench.subscribe(conn, "$share/g/t", Q0);
    bench.publish(conn, "t", "x", Q0);
    assert_eq!(bench.messages(conn).len(), 1);
    bench.unsubscribe(conn, &["$share/g/t"]);
    bench.publish(conn, "t", "x", Q0);
    assert_eq!(bench.seen(conn), ["unsuback #9 00"]);
    assert!(bench.broker.subscriptions.is_empty());
}

#[test]
fn leaving_detaches_one_member() {
    let mut bench = Bench::new();
    let [a, b] = ["a", "b"].map(|name| member(&mut bench, name, "$share/g/t", Q0));
    bench.unsubscribe(a, &["$share/g/t"]);
    bench.publish(a, "t", "1", Q0);
    bench.publish(a, "t", "2", Q0);
    assert_eq!(bench.messages(b).len(), 2);
}

#[test]
fn a_message_unacknowledged_at_qos_1_goes_to_another_member_when_the_session_ends() {
    let mut bench = Bench::new();
    let a = bench.connect(V5, "a");
    bench.subscribe(a, "$share/g/t", Q2);
    let b = member(&mut bench, "b", "$share/g/t", Q2);
    let publisher = bench.connect(V5, "p");
    bench.publish(publisher, "t", "one", Q1);
    bench.publish(publisher, "t", "skip", Q0);
    bench.publish(publisher, "t", "two", Q2);
    bench.send(publisher, pubrel(7));
    assert_eq!(
        bench.seen(a),
        ["publish t one q1 #1", "publish t two q2 #2"]
    );
    bench.packets(b);
    bench.hang_up(a);
    assert_eq!(
        bench.seen(b),
        ["publish t one q1 #1"],
        "a QoS 2 delivery that had begun stays"
    );
}

#[test]
fn a_message_that_was_never_sent_goes_to_another_member_when_the_session_ends() {
    let mut bench = Bench::new();
    let a = bench.join(with_property(hello(V5, "a"), Property::ReceiveMaximum(1)));
    bench.subscribe(a, "$share/g/t", Q2);
    let publisher = bench.connect(V5, "p");
    for payload in ["one", "two"] {
        bench.publish(publisher, "t", payload, Q2);
        bench.send(publisher, pubrel(7));
    }
    let b = member(&mut bench, "b", "$share/g/t", Q1);
    bench.hang_up(a);
    assert_eq!(bench.seen(b), ["publish t two q1 #1"]);
}

#[test]
fn a_refused_message_is_offered_to_no_one_else() {
    let mut bench = Bench::new();
    let [a, b] = ["a", "b"].map(|name| member(&mut bench, name, "$share/g/t", Q1));
    let publisher = bench.connect(V5, "p");
    bench.publish(publisher, "t", "x", Q1);
    bench.send(
        a,
        Packet::PubAck(Ack::with_reason(id(1), ReasonCode::NOT_AUTHORIZED)),
    );
    bench.disconnect(a);
    assert_eq!(bench.messages(b).len(), 0);
}

#[test]
fn only_the_members_own_identifier_is_sent() {
    let mut bench = Bench::new();
    for (name, identifier) in [("a", 1), ("b", 2)] {
        let conn = bench.connect(V5, name);
        let filter = bench.filter(conn, "$share/g/t");
        let mut packet = subscribe(vec![Subscription::new(filter, Q0)]);
        packet
            .properties
            .push(Property::SubscriptionIdentifier(identifier));
        bench.send(conn, Packet::Subscribe(packet));
    }
    let publisher = bench.connect(V5, "p");
    bench.publish(publisher, "t", "x", Q0);
    bench.publish(publisher, "t", "x", Q0);
    for (conn, identifier) in [(ConnId(0), 1), (ConnId(1), 2)] {
        let heard = bench.messages(conn);
        let found: Vec<_> = heard[0].properties.subscription_identifiers().collect();
        assert_eq!(found, [identifier]);
    }
}
