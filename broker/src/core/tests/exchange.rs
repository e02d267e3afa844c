//! Enhanced authentication: who proves who it is comes in, and may do so again.

use super::*;
use crate::security::{
    Access, Passwords, Scram, Security,
    scram::{METHOD, Record, prove},
};
use squall_protocol::{
    ReasonCode,
    packet::{Auth, ConnAck},
};
use std::sync::Arc;

use ReasonCode as R;

fn house() -> Bench {
    Bench::with(Config {
        security: security(),
        ..Config::default()
    })
}

fn security() -> Security {
    let line = |user, password| {
        let record = Record::new(password, b"0123456789abcdef", Record::FEWEST_ITERATIONS);
        record.unwrap().line(user)
    };
    let file = format!("{}\n{}", line("alice", "pencil"), line("bob", "ink"));
    let users = Passwords::parse("users", &file).unwrap().scram();
    let rules = "users allow both home/%u/#";
    Security {
        scram: Some(Arc::new(Scram::new(users, [7; 32]))),
        access: Some(Arc::new(Access::parse("rules", rules).unwrap())),
        ..Security::default()
    }
}

fn with_data(properties: Properties, method: &str, data: &str) -> Properties {
    properties
        .with(Property::AuthenticationMethod(method.into()))
        .with(Property::AuthenticationData(data.to_owned().into()))
}

fn asks(user: &str) -> Connect {
    let mut connect = hello(V5, user);
    connect.properties = with_data(connect.properties, METHOD, &first(user));
    connect
}

fn first(user: &str) -> String {
    format!("n,,n={user},r=abc")
}

fn auth(reason: R, data: &str) -> Packet {
    Packet::Auth(Auth {
        reason,
        properties: with_data(Properties::new(), METHOD, data),
    })
}

impl Bench {
    /// The only packet that a client was sent: AUTH with this reason; gives its data.
    fn asked_on(&mut self, conn: ConnId, reason: R) -> String {
        let packets = self.packets(conn);
        let [Packet::Auth(auth)] = &packets[..] else {
            panic!("no AUTH but {packets:?}");
        };
        assert_eq!(auth.reason, reason);
        data(&auth.properties)
    }

    /// Comes in as somebody.
    fn prove(&mut self, user: &str, password: &str) -> ConnId {
        let conn = self.dial(asks(user));
        let answer = self.asked_on(conn, R::CONTINUE_AUTHENTICATION);
        let proof = prove(password, &first(user), &answer);
        self.send(conn, auth(R::CONTINUE_AUTHENTICATION, &proof));
        conn
    }

    fn told(&mut self, conn: ConnId) -> (u8, Option<String>) {
        match &self.packets(conn)[..] {
            [
                Packet::ConnAck(ConnAck {
                    reason, properties, ..
                }),
            ] => {
                let proven = properties.authentication_method().is_some();
                (reason.0, proven.then(|| data(properties)))
            }
            other => panic!("no CONNACK but {other:?}"),
        }
    }
}

/// What an exchange says; its method is always the one of CONNECT [MQTT-4.12.0-5].
fn data(properties: &Properties) -> String {
    assert_eq!(properties.authentication_method().unwrap(), METHOD);
    let data = properties.authentication_data().unwrap();
    String::from_utf8(data.to_vec()).unwrap()
}

#[test]
fn who_proves_who_it_is_comes_in_as_that_user() {
    let mut bench = house();
    let conn = bench.prove("alice", "pencil");
    let (reason, proof) = bench.told(conn);
    assert_eq!(reason, 0);
    assert!(proof.unwrap().starts_with("v="));
    bench.publish(conn, "home/alice/x", "x", Q1);
    bench.publish(conn, "home/bob/x", "x", Q1);
    assert_eq!(bench.seen(conn), ["puback #7 0x10", "puback #7 0x87"]);
    assert_eq!(bench.broker.unfinished, 0);
}

#[test]
fn who_does_not_is_refused() {
    for (user, password) in [("alice", "ink"), ("bob", "pencil"), ("carol", "pencil")] {
        let mut bench = house();
        let conn = bench.prove(user, password);
        // [MQTT-4.12.0-4]
        assert_eq!(bench.told(conn), (0x87, None));
        assert_eq!(
            bench.cause(conn),
            Some(CloseCause::Refused(R::NOT_AUTHORIZED))
        );
        assert_eq!(bench.broker.sessions.len(), 0);
    }
    let mut bench = house();
    for data in [None, Some("p=x,,n=alice,r=abc"), Some("")] {
        let mut connect = with_property(
            hello(V5, "alice"),
            Property::AuthenticationMethod(METHOD.into()),
        );
        if let Some(data) = data {
            let data = Bytes::copy_from_slice(data.as_bytes());
            connect.properties.push(Property::AuthenticationData(data));
        }
        let conn = bench.dial(connect);
        assert_eq!(bench.told(conn), (0x87, None), "{data:?}");
    }
}

#[test]
fn another_method_is_refused_and_none_is_needed_where_others_come_in() {
    let mut connect = asks("alice");
    connect.properties = with_data(Properties::new(), "SCRAM-SHA-1", &first("alice"));
    // [MQTT-4.12.0-1]
    let mut bench = house();
    let conn = bench.dial(connect.clone());
    assert_eq!(bench.told(conn), (0x8C, None));
    let conn = Bench::new().dial(asks("alice"));
    let mut plain = Bench::new();
    assert_eq!(plain.dial(asks("alice")), conn);
    assert_eq!(plain.told(conn), (0x8C, None), "nobody was told of users");
    let conn = bench.dial(hello(V5, "alice"));
    assert_eq!(bench.told(conn), (0x87, None));
    let mut bench = Bench::with(Config {
        security: Security {
            allow_anonymous: Some(true),
            ..security()
        },
        ..Config::default()
    });
    let conn = bench.dial(hello(V5, "a"));
    // [MQTT-4.12.0-6]
    assert_eq!(bench.told(conn), (0, None));
    bench.send(conn, auth(R::RE_AUTHENTICATE, &first("alice")));
    let error = crate::ProtocolError::AuthNotExpected;
    assert_eq!(bench.cause(conn), Some(CloseCause::ProtocolError(error)));
}

#[test]
fn before_connack_only_auth_and_disconnect_may_come() {
    for packet in [
        Packet::PingReq,
        Packet::Publish(message("home/alice/x", "x", Q0)),
        Packet::Connect(Box::new(asks("alice"))),
        auth(R::RE_AUTHENTICATE, "x"),
        Packet::Auth(Auth {
            reason: R::CONTINUE_AUTHENTICATION,
            properties: with_data(Properties::new(), "other", "x"),
        }),
    ] {
        let mut bench = house();
        let mut connect = asks("alice");
        connect.will = Some(will("home/alice/will", "x"));
        let conn = bench.dial(connect);
        bench.packets(conn);
        bench.send(conn, packet);
        // [MQTT-3.1.2-30]
        assert_eq!(bench.told(conn), (0x82, None));
        assert_eq!(bench.broker.sessions.len(), 0);
    }
    let mut bench = house();
    let conn = bench.dial(asks("alice"));
    bench.packets(conn);
    bench.disconnect(conn);
    assert_eq!(bench.seen(conn).len(), 0);
    assert_eq!(
        bench.cause(conn),
        Some(CloseCause::Disconnected(R::SUCCESS))
    );
    // One that says nothing more has as long as any.
    let conn = bench.dial(asks("alice"));
    bench.pass(30_000);
    assert_eq!(bench.cause(conn), Some(CloseCause::ConnectTimeout));
}

#[test]
fn an_auth_that_does_not_fit_is_not_sent() {
    let mut bench = house();
    let conn = bench.dial(with_property(
        asks("alice"),
        Property::MaximumPacketSize(60),
    ));
    assert_eq!(bench.seen(conn).len(), 0);
    assert_eq!(bench.cause(conn), Some(CloseCause::AnswerTooLarge));
}

#[test]
fn a_client_may_prove_again_who_it_is_and_everything_goes_on() {
    let mut bench = house();
    let conn = bench.prove("alice", "pencil");
    bench.packets(conn);
    for _ in 0..2 {
        bench.send(conn, auth(R::RE_AUTHENTICATE, &first("alice")));
        let answer = bench.asked_on(conn, R::CONTINUE_AUTHENTICATION);
        bench.publish(conn, "home/alice/x", "x", Q1);
        assert_eq!(bench.seen(conn), ["puback #7 0x10"]);
        let proof = prove("pencil", &first("alice"), &answer);
        bench.send(conn, auth(R::CONTINUE_AUTHENTICATION, &proof));
        assert!(bench.asked_on(conn, R::SUCCESS).starts_with("v="));
    }
    assert_eq!(bench.cause(conn), None);
}

#[test]
fn who_does_not_prove_it_again_is_disconnected() {
    let failed = crate::ProtocolError::ReauthenticationFailed;
    let turn = crate::ProtocolError::AuthOutOfTurn;
    let changed = crate::ProtocolError::AuthMethodChanged;
    let begin = auth(R::RE_AUTHENTICATE, &first("alice"));
    let other_method = Packet::Auth(Auth {
        reason: R::RE_AUTHENTICATE,
        properties: with_data(Properties::new(), "other", "x"),
    });
    for (packets, error, told) in [
        // [MQTT-4.12.1-2]
        (
            vec![begin.clone(), auth(R::CONTINUE_AUTHENTICATION, "x")],
            failed,
            0x87,
        ),
        (vec![auth(R::RE_AUTHENTICATE, &first("bob"))], failed, 0x87),
        (vec![auth(R::RE_AUTHENTICATE, "x")], failed, 0x87),
        (vec![auth(R::CONTINUE_AUTHENTICATION, "x")], turn, 0x82),
        (vec![begin.clone(), begin], turn, 0x82),
        // [MQTT-4.12.1-1]
        (vec![other_method], changed, 0x82),
    ] {
        let mut bench = house();
        let conn = bench.prove("alice", "pencil");
        for packet in packets {
            bench.packets(conn);
            bench.send(conn, packet);
        }
        assert_eq!(bench.seen(conn), [format!("disconnect 0x{told:02x}")]);
        assert_eq!(bench.cause(conn), Some(CloseCause::ProtocolError(error)));
    }
}
