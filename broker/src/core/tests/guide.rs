//! Where clients are sent, and what answers that say no say to people.

use super::*;
use crate::{
    Redirect,
    security::{Access, Security},
};
use squall_protocol::ReasonCode;
use std::sync::Arc;

fn asking(version: Version, client_id: &str) -> Connect {
    match version {
        V3 => hello(V3, client_id),
        V5 => with_property(
            hello(V5, client_id),
            Property::RequestResponseInformation(1),
        ),
    }
}

fn informed(bench: &mut Bench, connect: Connect) -> Option<String> {
    let conn = bench.dial(connect);
    let packets = bench.packets(conn);
    let [Packet::ConnAck(ack)] = &packets[..] else {
        panic!("no CONNACK but {packets:?}");
    };
    let text = ack.properties.response_information();
    text.map(|text| text.to_string())
}

#[test]
fn who_asks_is_told_where_its_responses_go() {
    let mut bench = Bench::with(Config {
        response_information: Some("answers/%c/100%%".into()),
        ..Config::default()
    });
    let told = informed(&mut bench, asking(V5, "a"));
    assert_eq!(told.as_deref(), Some("answers/a/100%"));
    let told = informed(&mut bench, asking(V5, ""));
    assert_eq!(told.as_deref(), Some("answers/squall-1/100%"));
    // [MQTT-3.1.2-28]
    let not = with_property(hello(V5, "b"), Property::RequestResponseInformation(0));
    for connect in [
        not,
        hello(V5, "c"),
        asking(V3, "d"),
        asking(V5, "e/#"),
        asking(V5, "+"),
    ] {
        assert_eq!(informed(&mut bench, connect), None);
    }
    for (text, told) in [
        (None, None),
        (Some("%x"), None),
        (Some("%u"), None),
        (Some("all"), Some("all")),
    ] {
        let mut bench = Bench::with(Config {
            response_information: text.map(str::to_owned),
            ..Config::default()
        });
        assert_eq!(informed(&mut bench, asking(V5, "a")).as_deref(), told);
    }
}

#[test]
fn who_connects_is_sent_elsewhere() {
    for (for_good, code) in [(false, 0x9C), (true, 0x9D)] {
        let mut bench = Bench::with(Config {
            redirect: Some(Redirect {
                to: "other.example:1883".into(),
                for_good,
            }),
            ..Config::default()
        });
        for (maximum, fits) in [(1000, true), (20, false), (4, false)] {
            let conn = bench.dial(with_property(
                hello(V5, "a"),
                Property::MaximumPacketSize(maximum),
            ));
            match &bench.packets(conn)[..] {
                [Packet::ConnAck(ack)] => {
                    assert_eq!(ack.reason.0, code);
                    let to = ack.properties.server_reference();
                    assert_eq!(to.as_deref(), fits.then_some("other.example:1883"));
                }
                other => assert!(other.is_empty() && maximum == 4),
            }
            let cause = bench.cause(conn);
            assert_eq!(cause, Some(CloseCause::Refused(ReasonCode(code))));
        }
        let conn = bench.dial(hello(V3, "a"));
        assert_eq!(bench.seen(conn), ["connack 0 0x03"]);
        assert_eq!(bench.broker.sessions.len(), 0);
    }
}

#[test]
fn who_is_there_when_the_broker_stops_is_sent_elsewhere() {
    let mut bench = Bench::with(Config {
        redirect_at_shutdown: Some(Redirect {
            to: "other.example".into(),
            for_good: false,
        }),
        ..Config::default()
    });
    let conn = bench.connect(V5, "a");
    let narrow = with_property(hello(V5, "b"), Property::MaximumPacketSize(12));
    let narrow = bench.join(narrow);
    let old = bench.connect(V3, "c");
    let silent = bench.open();
    bench.broker.handle_shutdown(bench.now);
    bench.drain();
    for (conn, to) in [(conn, Some("other.example")), (narrow, None)] {
        let packets = bench.packets(conn);
        let [Packet::Disconnect(told)] = &packets[..] else {
            panic!("no DISCONNECT but {packets:?}");
        };
        assert_eq!(told.reason, ReasonCode::USE_ANOTHER_SERVER);
        assert_eq!(told.properties.server_reference().as_deref(), to);
    }
    assert!(bench.packets(old).is_empty() && bench.packets(silent).is_empty());
}

/// What each answer that says no says to people.
fn said(bench: &mut Bench, connect: Connect) -> Vec<(u8, Option<String>)> {
    let conn = bench.join(connect);
    bench.publish(conn, "closed", "x", Q1);
    bench.publish(conn, "closed", "x", Q2);
    bench.publish(conn, "$x", "x", Q1);
    bench.send(conn, pubrel(9));
    bench.send(conn, pubrec(9));
    bench.subscribe_without_check(conn, "closed");
    bench.publish(conn, "open", "x", Q1);
    let packets = bench.packets(conn);
    let each = packets.iter().map(|packet| match packet {
        Packet::PubAck(a) | Packet::PubRec(a) | Packet::PubRel(a) | Packet::PubComp(a) => {
            (a.reason.0, &a.properties)
        }
        Packet::SubAck(a) => (a.reasons[0].0, &a.properties),
        other => panic!("{other:?}"),
    });
    each.map(|(code, properties)| {
        let why = properties.reason_string();
        (code, why.map(|why| why.to_string()))
    })
    .collect()
}

#[test]
fn an_answer_that_says_no_says_why_to_who_wants_to_know_and_has_room() {
    let config = Config {
        dollar_topics: false,
        security: Security {
            allow_anonymous: Some(true),
            access: Some(Arc::new(
                Access::parse("rules", "all allow both open").unwrap(),
            )),
            ..Security::default()
        },
        ..Config::default()
    };
    let codes = [0x87, 0x87, 0x90, 0x92, 0x92, 0x87, 0x10];
    let told = said(&mut Bench::with(config.clone()), hello(V5, "a"));
    assert_eq!(
        told.iter().map(|(code, _)| *code).collect::<Vec<_>>(),
        codes
    );
    assert!(
        told[..6]
            .iter()
            .all(|(_, why)| why.as_ref().is_some_and(|why| !why.is_empty()))
    );
    assert_eq!(told[6].1, None, "it succeeded");
    // [MQTT-3.1.2-29]; [MQTT-3.4.2-2], [MQTT-3.5.2-2], [MQTT-3.6.2-2], [MQTT-3.7.2-2], [MQTT-3.9.2-1]
    for property in [
        Property::RequestProblemInformation(0),
        Property::MaximumPacketSize(30),
    ] {
        let told = said(
            &mut Bench::with(config.clone()),
            with_property(hello(V5, "a"), property),
        );
        assert_eq!(told, codes.map(|code| (code, None)));
    }
}
