//! Members of shared subscriptions that go, stall or have no room: what they were not sent is another's work.

use super::*;

fn member(bench: &mut Bench, name: &str, filter: &str, qos: QoS) -> ConnId {
    let conn = bench.join(hello_again(V5, name));
    bench.subscribe(conn, filter, qos);
    conn
}

/// A member that takes one message at a time.
fn slow_member(bench: &mut Bench, name: &str, filter: &str) -> ConnId {
    let hello = with_property(hello_again(V5, name), Property::ReceiveMaximum(1));
    let conn = bench.join(hello);
    bench.subscribe(conn, filter, Q2);
    conn
}

/// Publishes these payloads on `t`.
fn publish_all(bench: &mut Bench, publisher: ConnId, payloads: &[&str], qos: QoS) {
    for (n, payload) in (1..).zip(payloads) {
        let mut publish = message("t", payload, qos);
        publish.packet_id = (qos > Q0).then(|| id(n));
        bench.send(publisher, Packet::Publish(publish));
        if qos == Q2 {
            bench.send(publisher, pubrel(n));
        }
    }
}

#[test]
fn a_member_that_would_have_to_wait_is_passed_by() {
    for qos in [Q1, Q2] {
        let mut bench = Bench::new();
        let slow = ["a", "b"].map(|name| slow_member(&mut bench, name, "$share/g/t"));
        let free = member(&mut bench, "c", "$share/g/t", Q2);
        let publisher = bench.connect(V5, "p");
        publish_all(&mut bench, publisher, &["1", "2", "3", "4", "5", "6"], qos);
        assert_eq!(slow.map(|conn| bench.messages(conn).len()), [1, 1]);
        assert_eq!(
            bench.messages(free).len(),
            4,
            "they wait for acknowledgements"
        );
    }
}

#[test]
fn a_member_whose_line_is_full_is_passed_by_at_any_qos() {
    for qos in [Q0, Q1] {
        let mut bench = Bench::new();
        let [a, b] = ["a", "b"].map(|name| member(&mut bench, name, "$share/g/t", Q1));
        bench.broker.handle_room(bench.now, a, 0);
        let publisher = bench.connect(V3, "p");
        publish_all(&mut bench, publisher, &["1", "2"], qos);
        assert_eq!((bench.messages(a).len(), bench.messages(b).len()), (0, 2));
        // When nobody takes it, QoS 1 waits.
        bench.broker.handle_room(bench.now, b, 0);
        publish_all(&mut bench, publisher, &["3"], qos);
        assert_eq!((bench.messages(a).len(), bench.messages(b).len()), (0, 0));
        let dropped = bench.broker.counters().dropped_line_full;
        assert_eq!(dropped, u64::from(qos == Q0));
    }
}

#[test]
fn a_member_whose_queue_is_full_is_passed_by() {
    let mut bench = Bench::with(Config {
        max_queued: 1,
        ..Config::default()
    });
    for name in ["a", "b"] {
        let conn = member(&mut bench, name, "$share/g/t", Q1);
        bench.hang_up(conn);
    }
    let publisher = bench.connect(V5, "p");
    publish_all(&mut bench, publisher, &["1", "2", "3"], Q1);
    assert_eq!(
        bench.seen(publisher),
        ["puback #1", "puback #2", "puback #3 0x97"]
    );
    assert_eq!(bench.broker.counters().dropped_queue_full, 1);
}

#[test]
fn what_was_not_sent_goes_to_another_when_a_member_goes_and_what_was_sent_stays() {
    for qos in [Q1, Q2] {
        for breaks in [true, false] {
            let mut bench = Bench::new();
            let a = slow_member(&mut bench, "a", "$share/g/t");
            let publisher = bench.connect(V5, "p");
            publish_all(&mut bench, publisher, &["1", "2", "3"], qos);
            assert_eq!(bench.messages(a).len(), 1);
            // Somebody who is busy elsewhere, so that nothing moves before.
            let b = slow_member(&mut bench, "b", "x");
            bench.publish(publisher, "x", "hold", Q1);
            assert_eq!(bench.messages(b).len(), 1);
            bench.subscribe(b, "$share/g/t", Q2);
            match breaks {
                true => bench.hang_up(a),
                false => bench.unsubscribe(a, &["$share/g/t"]),
            }
            bench.packets(a);
            let session = bench.broker.sessions.find("b").unwrap();
            assert_eq!(bench.broker.sessions[session].queue.len(), 2);
            bench.send(b, puback(1));
            assert_eq!(bench.seen(b), [format!("publish t 2 q{qos} #2")]);
            bench.send(
                b,
                match qos {
                    Q1 => puback(2),
                    _ => pubrec(2),
                },
            );
            if qos == Q2 {
                bench.send(b, pubcomp(2));
                assert_eq!(bench.seen(b)[0], "pubrel #2");
            }
            // [MQTT-4.8.2-4] (5.0)
            let back = bench.join(hello_again(V5, "a"));
            assert_eq!(bench.seen(back), [format!("publish t 1 q{qos} #1 dup")]);
        }
    }
}

#[test]
fn what_was_not_sent_stays_when_there_is_nobody_to_take_it() {
    let mut bench = Bench::new();
    let a = slow_member(&mut bench, "a", "$share/g/t");
    let b = member(&mut bench, "b", "$share/g/t", Q1);
    bench.hang_up(b);
    let publisher = bench.connect(V5, "p");
    publish_all(&mut bench, publisher, &["1", "2", "3"], Q1);
    bench.hang_up(a);
    let a = bench.join(hello_again(V5, "a"));
    let heard = bench.seen(a);
    assert_eq!(heard[0], "publish t 1 q1 #1 dup");
    let mut rest = heard[1..].to_vec();
    rest.sort();
    assert_eq!(rest, ["publish t 2 q1 #2", "publish t 3 q1 #3"]);
}

#[test]
fn who_has_nothing_to_do_takes_what_waits_for_others() {
    let mut bench = Bench::new();
    let a = slow_member(&mut bench, "a", "$share/g/t");
    let publisher = bench.connect(V5, "p");
    publish_all(&mut bench, publisher, &["1", "2", "3", "4"], Q1);
    assert_eq!(bench.seen(a), ["publish t 1 q1 #1"]);
    // It stalls: another member takes them one by one as it comes to have time.
    let b = slow_member(&mut bench, "b", "$share/g/t");
    bench.broker.handle_room(bench.now, b, usize::MAX);
    bench.drain();
    assert_eq!(bench.seen(b), ["publish t 2 q1 #1"]);
    bench.send(b, puback(1));
    assert_eq!(bench.seen(b), ["publish t 3 q1 #2"]);
    // What is left is the first one's when that has time again.
    bench.send(a, puback(1));
    assert_eq!(bench.seen(a), ["publish t 4 q1 #2"]);
    bench.send(b, puback(2));
    assert_eq!(bench.seen(b).len(), 0);
    assert!(bench.broker.waiting_shares.is_empty());
}

#[test]
fn what_waits_for_members_that_are_away_goes_to_the_first_that_comes_back() {
    let mut bench = Bench::new();
    for name in ["a", "b"] {
        let conn = member(&mut bench, name, "$share/g/t", Q1);
        bench.hang_up(conn);
    }
    let publisher = bench.connect(V3, "p");
    publish_all(&mut bench, publisher, &["1", "2", "3"], Q1);
    let b = bench.join(hello_again(V5, "b"));
    assert_eq!(
        bench.seen(b),
        [
            "publish t 2 q1 #1",
            "publish t 1 q1 #2",
            "publish t 3 q1 #3"
        ]
    );
    let a = bench.join(hello_again(V5, "a"));
    assert_eq!(bench.seen(a).len(), 0);
}

#[test]
fn a_session_that_ended_is_no_member_any_more() {
    let mut bench = Bench::new();
    let a = slow_member(&mut bench, "a", "$share/g/t");
    let publisher = bench.connect(V5, "p");
    publish_all(&mut bench, publisher, &["1", "2"], Q1);
    bench.packets(a);
    bench.hang_up(a);
    let a = bench.connect(V5, "a");
    assert_eq!(bench.seen(a).len(), 0, "its clean start ends the old one");
    let b = member(&mut bench, "b", "$share/g/t", Q1);
    publish_all(&mut bench, publisher, &["3"], Q1);
    assert_eq!(bench.seen(b), ["publish t 3 q1 #1"]);
    bench.send(b, puback(1));
    assert!(bench.broker.waiting_shares.is_empty());
}
