//! A session that moves from client to client.

use super::*;

#[test]
fn a_session_that_another_client_began_is_taken_over_when_asked() {
    for version in Version::ALL {
        let mut rig = Rig::new(version);
        let options = ConnectOptions {
            shared: Some(SharedSession::new()),
            ..Rig::options(version)
        };
        rig.connect(options, connack(true));
        assert!(rig.client.is_connected());
    }
}

/// Two clients that have one session in turn, the first with a connection of its own.
fn in_turn(version: Version) -> (Rig, Rig, ConnectOptions) {
    let options = ConnectOptions {
        shared: Some(SharedSession::new()),
        ..Rig::options(version)
    };
    let old = Rig::online_with(version, options.clone(), connack(false));
    (old, Rig::new(version), options)
}

#[test]
fn who_takes_a_session_over_goes_on_with_what_is_unfinished() {
    both(|version| {
        let (mut old, mut new, options) = in_turn(version);
        old.publish(1, "a", QoS::ExactlyOnce);
        old.publish(2, "b", QoS::ExactlyOnce);
        old.feed(pubrec(1));
        new.connect(options, connack(true));
        assert_eq!((old.client.unfinished(), new.client.unfinished()), (0, 2));
        assert_eq!(
            new.out()[4..],
            ["> PUBREL id 1", "> PUBLISH b QoS 2 id 2 DUP 1 byte"]
        );
        new.publish(3, "c", QoS::ExactlyOnce);
        new.feed(pubcomp(1));
        new.expect(&[
            "> PUBLISH c QoS 2 id 3 1 byte",
            "< PUBCOMP id 1",
            "acknowledged 1 0x00",
        ]);
    });
}

#[test]
fn whose_session_has_moved_says_nothing_more_of_its_own() {
    both(|version| {
        let (mut old, mut new, options) = in_turn(version);
        old.publish(1, "a", QoS::ExactlyOnce);
        new.connect(options.clone(), connack(true));
        old.lines.clear();
        old.feed(pubrec(1));
        old.publish(2, "b", QoS::AtLeastOnce);
        old.expect(&["< PUBREC id 1"]);
        // It comes back, to what is unfinished then and to what has waited.
        old.hang_up();
        old.lines.clear();
        old.connect(options, connack(true));
        assert_eq!(
            old.out()[4..],
            [
                "> PUBLISH a QoS 2 id 1 DUP 1 byte",
                "> PUBLISH b QoS 1 id 2 1 byte"
            ]
        );
        assert_eq!((old.client.unfinished(), new.client.unfinished()), (2, 0));
    });
}

#[test]
fn a_session_has_moved_even_if_nothing_came_of_the_connection() {
    both(|version| {
        let (mut old, mut new, options) = in_turn(version);
        old.publish(1, "a", QoS::ExactlyOnce);
        new.client.connect(Time::ZERO, options.clone());
        new.dialed();
        new.hang_up();
        old.lines.clear();
        old.feed(pubrec(1));
        old.expect(&["< PUBREC id 1"]);
        new.lines.clear();
        new.connect(options, connack(true));
        assert_eq!(new.out()[4..], ["> PUBLISH a QoS 2 id 1 DUP 1 byte"]);
    });
}

#[test]
fn a_clean_start_in_place_of_another_client_begins_anew() {
    both(|version| {
        let (mut old, mut new, options) = in_turn(version);
        old.publish(1, "a", QoS::AtLeastOnce);
        let clean = ConnectOptions {
            clean_start: true,
            ..options
        };
        new.connect(clean, connack(false));
        new.publish(2, "b", QoS::AtLeastOnce);
        let out = new.out();
        let lost = "abandoned 1: the session ended before it was acknowledged";
        assert!(out.contains(&lost.to_owned()), "{out:?}");
        assert_eq!(out.last().unwrap(), "> PUBLISH b QoS 1 id 1 1 byte");
    });
}
