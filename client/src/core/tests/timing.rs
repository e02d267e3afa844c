//! Time-outs, keep alive and dialing again.

use super::*;

fn keep_alive(version: Version, seconds: u16) -> ConnectOptions {
    ConnectOptions {
        keep_alive: seconds,
        ..Rig::options(version)
    }
}

const fn backoff(first: u64, max: u64) -> Option<Backoff> {
    Some(Backoff::new(
        Duration::from_millis(first),
        Duration::from_millis(max),
    ))
}

#[test]
fn the_connect_timeout_covers_dial_and_connack() {
    both(|version| {
        let options = ConnectOptions {
            connect_timeout: Duration::from_secs(5),
            ..Rig::options(version)
        };
        let mut rig = Rig::new(version);
        rig.client.connect(Time::ZERO, options.clone());
        rig.pass_until(60_000);
        rig.expect(&["5000 ended ConnectTimeout", "5000 dial", "5000 close"]);
        rig.client.connect(rig.now, options);
        rig.pass_until(63_000);
        rig.dialed();
        rig.lines.clear();
        rig.pass_until(90_000);
        rig.expect(&["65000 ended ConnectTimeout", "65000 close"]);
    });
}

#[test]
fn zero_time_outs_wait_for_ever() {
    both(|version| {
        let zero = Duration::ZERO;
        let options = ConnectOptions {
            connect_timeout: zero,
            ping_timeout: zero,
            keep_alive: 1,
            ..Rig::options(version)
        };
        let mut rig = Rig::new(version);
        rig.client.connect(Time::ZERO, options);
        assert_eq!(rig.client.poll_timeout(), None);
        rig.dialed();
        assert_eq!(rig.client.poll_timeout(), None);
        rig.feed(Packet::ConnAck(connack(false)));
        rig.lines.clear();
        rig.pass_until(3_500);
        rig.expect(&["1000 > PINGREQ", "2000 > PINGREQ", "3000 > PINGREQ"]);
    });
}

#[test]
fn without_keep_alive_nothing_is_ever_due() {
    both(|version| {
        let rig = Rig::online(version);
        assert_eq!(rig.client.poll_timeout(), None);
    });
}

#[test]
fn a_silent_client_pings() {
    both(|version| {
        let mut rig = Rig::online_with(version, keep_alive(version, 10), connack(false));
        rig.pass_until(9_999);
        rig.expect(&[]);
        rig.pass_until(10_000);
        rig.expect(&["10000 > PINGREQ"]);
        rig.feed(Packet::PingResp);
        rig.lines.clear();
        // What it sends counts, what it gets does not.
        rig.pass_until(15_000);
        rig.publish(1, "a", QoS::AtMostOnce);
        rig.pass_until(20_000);
        rig.feed(Packet::Publish(incoming("b", QoS::AtMostOnce, 0)));
        rig.lines.clear();
        rig.pass_until(26_000);
        rig.expect(&["25000 > PINGREQ"]);
    });
}

#[test]
fn an_unanswered_ping_ends_the_connection() {
    both(|version| {
        let mut rig = Rig::online_with(version, keep_alive(version, 4), connack(false));
        rig.pass_until(60_000);
        // It goes on pinging, but the first unanswered one counts.
        rig.expect(&[
            "4000 > PINGREQ",
            "8000 > PINGREQ",
            "12000 > PINGREQ",
            "14000 ended PingTimeout",
            "14000 close",
        ]);
    });
}

#[test]
fn the_servers_keep_alive_counts() {
    let mut rig = Rig::online_with(
        V5,
        keep_alive(V5, 60),
        connack_with(false, [Property::ServerKeepAlive(2)]),
    );
    rig.pass_until(3_000);
    rig.expect(&["2000 > PINGREQ"]);
    let off = Rig::online_with(
        V5,
        keep_alive(V5, 60),
        connack_with(false, [Property::ServerKeepAlive(0)]),
    );
    assert_eq!(off.client.poll_timeout(), None);
}

#[test]
fn a_late_timer_does_everything_that_is_due() {
    let mut rig = Rig::online_with(V5, keep_alive(V5, 10), connack(false));
    rig.client.handle_timeout(Time::from_millis(11_000));
    rig.expect(&["> PINGREQ"]);
    rig.client.handle_timeout(Time::from_millis(20_999));
    rig.expect(&[]);
    rig.client.handle_timeout(Time::from_millis(21_000));
    rig.expect(&["ended PingTimeout", "close"]);
    assert_eq!(rig.client.poll_timeout(), None);
}

#[test]
fn dials_again_after_an_unwanted_end_and_waits_longer_each_time() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.client.set_backoff(backoff(100, 350));
        rig.hang_up();
        rig.lines.clear();
        for at in [100, 300, 650, 1_000, 1_350] {
            rig.pass_until(at - 1);
            rig.expect(&[]);
            rig.pass_until(at);
            rig.expect(&[&format!("{at} dial")]);
            rig.client.handle_dial_failed(rig.now, "no".to_owned());
            rig.lines.clear();
            rig.drain();
            rig.lines.clear();
        }
        rig.pass_until(1_700);
        rig.dialed();
        rig.feed(Packet::ConnAck(connack(true)));
        rig.lines.clear();
        // It was accepted: from the beginning.
        rig.hang_up();
        rig.lines.clear();
        rig.pass_until(2_000);
        rig.expect(&["1800 dial"]);
    });
}

#[test]
fn dials_again_with_the_same_options_and_resumes() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.client.set_backoff(backoff(1, 1));
        rig.publish(1, "a", QoS::AtLeastOnce);
        rig.hang_up();
        rig.pass_until(1);
        rig.dialed();
        rig.lines.clear();
        rig.feed(Packet::ConnAck(connack(true)));
        assert_eq!(
            rig.out()[1..],
            [
                "connected, session kept",
                "> PUBLISH a QoS 1 id 1 DUP 1 byte"
            ]
        );
    });
}

#[test]
fn does_not_dial_again_after_an_end_that_was_wanted() {
    both(|version| {
        let ends: [fn(&mut Rig); 2] = [
            |rig| rig.disconnect(ReasonCode::SUCCESS, Properties::new()),
            |rig| rig.client.drop_connection(rig.now),
        ];
        for end in ends {
            let mut rig = Rig::online(version);
            rig.client.set_backoff(backoff(1, 1));
            end(&mut rig);
            assert_eq!(rig.client.poll_timeout(), None);
            // Nor when it was waiting to dial again.
            rig.connect(Rig::options(version), connack(true));
            rig.hang_up();
            assert!(rig.client.poll_timeout().is_some());
            end(&mut rig);
            assert_eq!(rig.client.poll_timeout(), None);
        }
    });
}

#[test]
fn dials_again_after_ends_the_server_caused() {
    let ends: [fn(&mut Rig); 3] = [
        |rig| {
            rig.feed(Packet::Disconnect(Disconnect::with_reason(
                ReasonCode::SERVER_BUSY,
            )))
        },
        |rig| rig.feed(suback(9, &[0])),
        |rig| rig.feed_bytes(&[0]),
    ];
    for end in ends {
        let mut rig = Rig::online(V5);
        rig.client.set_backoff(backoff(7, 7));
        end(&mut rig);
        assert_eq!(
            rig.client.poll_timeout(),
            Some(Time::from_millis(7)),
            "{:?}",
            rig.lines
        );
    }
}

#[test]
fn connecting_by_hand_replaces_the_dial_that_was_due() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.client.set_backoff(backoff(10, 10));
        rig.hang_up();
        rig.lines.clear();
        rig.client.connect(
            rig.now,
            ConnectOptions {
                connect_timeout: Duration::ZERO,
                ..Rig::options(version)
            },
        );
        rig.pass_until(100);
        rig.expect(&["dial"]);
    });
}

#[test]
fn without_backoff_a_dial_that_is_due_is_not_made() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.client.set_backoff(backoff(10, 10));
        rig.hang_up();
        rig.client.set_backoff(None);
        assert_eq!(rig.client.poll_timeout(), None);
    });
}

#[test]
fn a_backoff_of_nothing_still_lets_time_pass() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.client.set_backoff(backoff(0, 0));
        rig.hang_up();
        assert_eq!(rig.client.poll_timeout(), Some(Time::from_millis(1)));
    });
}
