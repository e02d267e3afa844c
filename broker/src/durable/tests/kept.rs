//! Whose a session is, and what the members of a shared subscription hand over, outlives a loss of power.

use super::*;
use crate::security::Security;

fn with_passwords(allow_anonymous: Option<bool>) -> Config {
    Config {
        security: Security {
            passwords: true,
            allow_anonymous,
            ..Security::default()
        },
        ..Config::default()
    }
}

impl Bench {
    /// What a client of a session that is kept is answered, once that is stored.
    fn answer(&mut self, user: Option<&str>, client_id: &str) -> String {
        let conn = self.dial_as(user, client_id, u32::MAX, None);
        self.stored();
        self.heard(conn).remove(0)
    }
}

#[test]
fn a_session_is_its_users_after_the_power_went() {
    let mut bench = Bench::on(Slow::default(), with_passwords(None), Time::ZERO, 0);
    let mine = bench.answer(Some("alice"), "device");
    assert!(mine.starts_with("connack session present 0"), "{mine}");
    for _ in 0..2 {
        bench = bench.crash();
        for user in [Some("mallory"), None] {
            let told = bench.answer(user, "device");
            assert!(told.contains("0x87"), "{user:?}: {told}");
        }
        let told = bench.answer(Some("alice"), "device");
        assert!(told.starts_with("connack session present 1"), "{told}");
    }
}

#[test]
fn an_owner_that_was_not_stored_is_nobodys_and_was_told_nothing() {
    let mut bench = Bench::on(Slow::default(), with_passwords(None), Time::ZERO, 0);
    let conn = bench.dial_as(Some("alice"), "device", u32::MAX, None);
    assert!(bench.heard(conn).is_empty(), "she is promised nothing");
    bench = bench.crash();
    let told = bench.answer(Some("bob"), "device");
    assert!(told.starts_with("connack session present 0"), "{told}");
    bench = bench.crash();
    assert!(bench.answer(Some("alice"), "device").contains("0x87"));
}

#[test]
fn a_session_from_before_there_were_users_is_that_of_the_first_who_comes() {
    for (allow_anonymous, is_taken) in [(None, true), (Some(false), true), (Some(true), false)] {
        let mut bench = Bench::new();
        let conn = bench.connect("device", u32::MAX);
        bench.subscribe(conn, "t");
        bench.stored();
        bench.config = with_passwords(allow_anonymous);
        bench = bench.crash();
        let told = bench.answer(Some("alice"), "device");
        assert_eq!(
            told.starts_with("connack session present 1"),
            is_taken,
            "{told}"
        );
        assert_eq!(told.contains("0x87"), !is_taken, "{told}");
        bench = bench.crash();
        let told = bench.answer(Some("mallory"), "device");
        assert!(told.contains("0x87"), "{told}");
    }
}

/// Acknowledges everything that a connection gets; gives the payloads in order, without those that came before.
fn takes(bench: &mut Bench, conn: ConnId) -> Vec<String> {
    let mut got = Vec::new();
    while let Some(packets) = bench.inbox.remove(&conn) {
        for packet in packets {
            if let Packet::Publish(publish) = packet {
                got.push(String::from_utf8(publish.payload.to_vec()).unwrap());
                let ack = Ack::success(publish.packet_id.unwrap());
                bench.send(conn, &Packet::PubAck(ack));
            }
        }
        bench.stored();
    }
    got
}

#[test]
fn what_a_member_of_a_group_hands_over_is_the_others_after_the_power_went() {
    // The power goes before anything of the end is stored, or when all of it is.
    for is_stored in [false, true] {
        let mut bench = Bench::new();
        let leaver = bench.connect("leaver", 60);
        bench.subscribe(leaver, "$share/g/t");
        bench.stored();
        let publisher = bench.connect("publisher", 0);
        for n in 1..=4_u16 {
            bench.send(publisher, &publish(&n.to_string(), QoS::AtLeastOnce, n));
            bench.stored();
        }
        let sent = bench.inbox.remove(&leaver).unwrap_or_default();
        let sent = sent.iter().filter(|p| matches!(p, Packet::Publish(_)));
        assert_eq!(sent.count(), 4, "and it acknowledges none");
        let other = bench.connect("other", u32::MAX);
        bench.subscribe(other, "$share/g/t");
        bench.stored();
        bench.machine.handle_closed(bench.now, other, Hangup::Reset);
        bench.drain();
        bench.stored();
        // [MQTT-4.8.2-5]: its session ends with its connection.
        let mut bye = Disconnect::with_reason(ReasonCode::NORMAL_DISCONNECTION);
        bye.properties.push(Property::SessionExpiryInterval(0));
        bench.send(leaver, &Packet::Disconnect(bye));
        if is_stored {
            bench.stored();
            bench.stored();
        }
        bench = bench.crash();
        if !is_stored {
            // Nothing of it has happened: its session ends when its time is over.
            bench.pass(61_000);
        }
        let leaver = bench.answer(None, "leaver");
        assert!(leaver.starts_with("connack session present 0"), "{leaver}");
        bench = bench.crash();
        let other = bench.dial("other", u32::MAX, None);
        bench.stored();
        assert_eq!(
            takes(&mut bench, other),
            ["1", "2", "3", "4"],
            "{is_stored}"
        );
        // Nobody is promised that, so it takes a moment.
        bench.pass(1000);
        bench = bench.crash();
        let other = bench.dial("other", u32::MAX, None);
        bench.stored();
        assert!(
            takes(&mut bench, other).is_empty(),
            "they were acknowledged"
        );
    }
}
