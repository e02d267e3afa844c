//! Subscriptions that are made again, and sessions that a clean start began.

use super::*;

fn renewing(version: Version) -> ConnectOptions {
    ConnectOptions {
        resubscribe: true,
        ..Rig::options(version)
    }
}

fn subscribes(rig: &mut Rig) -> Vec<String> {
    let lines = rig.out().into_iter();
    lines.filter(|line| line.contains("SUBSCRIBE")).collect()
}

#[test]
fn what_was_granted_is_asked_for_again_where_the_session_is_gone() {
    both(|version| {
        let mut rig = Rig::online_with(version, renewing(version), connack(false));
        rig.subscribe(1, &["a", "b", "c"]);
        rig.feed(suback(1, &[1, 0x80, 2]));
        rig.subscribe(2, &["d"]);
        rig.feed(suback(2, &[2]));
        // A newer one takes the place of an older one [MQTT-3.8.4-3].
        rig.subscribe(3, &["a"]);
        rig.feed(suback(3, &[2]));
        rig.client.unsubscribe(
            rig.now,
            Ticket(4),
            vec![TopicFilter::parse_v5("d").unwrap()],
            Properties::new(),
        );
        rig.subscribe(5, &["never/answered"]);
        rig.hang_up();
        rig.publish(6, "x", QoS::AtMostOnce);
        rig.out();
        rig.connect(renewing(version), connack(true));
        assert_eq!(subscribes(&mut rig), [""; 0], "the server has them");
        rig.hang_up();
        rig.publish(7, "x", QoS::AtMostOnce);
        rig.out();
        rig.connect(renewing(version), connack(false));
        let out = rig.out();
        assert_eq!(
            out[4..],
            [
                "> SUBSCRIBE id 6 c QoS 2",
                "> SUBSCRIBE id 7 a QoS 2",
                "> PUBLISH x QoS 0 1 byte",
                "acknowledged 7 0x00",
            ],
            "before anything that they could have to do with"
        );
        // The outcome has the ticket of the first time, and nobody is told that a request of his was lost.
        rig.feed(suback(6, &[2]));
        assert_eq!(rig.out()[1], "subscribed 1 [0x02]");
        rig.hang_up();
        assert!(!rig.out().iter().any(|line| line.contains("abandoned")));
        rig.connect(renewing(version), connack(false));
        assert_eq!(subscribes(&mut rig).len(), 2);
    });
}

#[test]
fn what_the_server_takes_back_is_told_once() {
    let mut rig = Rig::online_with(V5, renewing(V5), connack(false));
    rig.subscribe(1, &["a/#"]);
    rig.feed(suback(1, &[2]));
    rig.hang_up();
    rig.out();
    let poorer = connack_with(false, [Property::WildcardSubscriptionAvailable(0)]);
    rig.connect(renewing(V5), poorer);
    let last = rig.out();
    assert_eq!(
        last.last().unwrap(),
        "abandoned 1: the server has no wildcard subscriptions"
    );
}

#[test]
fn a_client_that_dials_by_itself_asks_for_the_session_that_a_clean_start_began() {
    for (version, resume, clean) in [(V5, true, false), (V5, false, true), (V3, true, true)] {
        let options = ConnectOptions {
            clean_start: true,
            resume,
            ..Rig::options(version)
        };
        let mut rig = Rig::online_with(version, options.clone(), connack(false));
        let second = Duration::from_secs(1);
        rig.client.set_backoff(Some(Backoff::new(second, second)));
        rig.publish(1, "a", QoS::AtLeastOnce);
        rig.hang_up();
        rig.out();
        rig.pass_until(1_000);
        rig.client.handle_dialed(rig.now);
        let connect =
            std::iter::from_fn(|| rig.client.poll_event()).find_map(|event| match event {
                Event::Sent(Frame {
                    packet: Packet::Connect(connect),
                    ..
                }) => Some(connect),
                _ => None,
            });
        assert_eq!(connect.unwrap().clean_start, clean, "{version} {resume}");
        while rig.client.poll_output().is_some() {}
        if !clean {
            rig.feed(Packet::ConnAck(connack(true)));
            assert_eq!(
                rig.out().last().unwrap(),
                "> PUBLISH a QoS 1 id 1 DUP 1 byte"
            );
        }
        // By hand it starts clean again.
        rig.connect(options, connack(false));
        assert!(rig.client.is_connected(), "{:?}", rig.lines);
    }
}
