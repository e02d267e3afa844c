//! Who may come in: before that is known nothing else happens, and who may not is told so.

use super::*;
use crate::{
    Peer,
    security::{Security, Verdict},
};
use squall_protocol::packet::ConnAck;

fn with_passwords() -> Bench {
    secured(Security {
        passwords: true,
        ..Security::default()
    })
}

fn secured(security: Security) -> Bench {
    Bench::with(Config {
        security,
        ..Config::default()
    })
}

fn named(version: Version, client_id: &str, user: &str, password: &str) -> Connect {
    Connect {
        user_name: Some(user.into()),
        password: Some(Bytes::copy_from_slice(password.as_bytes())),
        ..hello(version, client_id)
    }
}

impl Bench {
    /// Opens a connection from this peer and sends CONNECT on it.
    fn dial_from(&mut self, peer: Peer, connect: Connect) -> ConnId {
        let conn = self.open();
        self.broker.handle_peer(self.now, conn, peer);
        self.versions.insert(conn, connect.version);
        self.send(conn, Packet::Connect(Box::new(connect)));
        conn
    }

    fn verified(&mut self, conn: ConnId, verdict: Verdict) {
        self.broker.handle_verified(self.now, conn, verdict);
        self.drain();
    }

    /// The only packet that a client was sent, which refuses it, and what it was refused with.
    fn refusal(&mut self, conn: ConnId) -> u8 {
        let packets = self.packets(conn);
        let [
            Packet::ConnAck(ConnAck {
                session_present: false,
                reason,
                ..
            }),
        ] = &packets[..]
        else {
            panic!("no refusal but {packets:?}");
        };
        assert!(matches!(self.cause(conn), Some(CloseCause::Refused(_))));
        reason.0
    }

    fn is_in(&mut self, conn: ConnId) -> bool {
        self.seen(conn) == ["connack 0 0x00"]
    }
}

fn from_elsewhere() -> Peer {
    Peer {
        address: Some(([192, 0, 2, 1], 4711).into()),
        ..Peer::default()
    }
}

fn from_here() -> Peer {
    Peer {
        local: true,
        ..Peer::default()
    }
}

/// What refuses in this version: `five` or `three`.
const fn either(version: Version, five: u8, three: u8) -> u8 {
    match version {
        V3 => three,
        V5 => five,
    }
}

#[test]
fn a_broker_that_was_told_nothing_serves_this_machine_alone() {
    for version in Version::ALL {
        let mut bench = Bench::new();
        let near = bench.dial_from(from_here(), hello(version, "a"));
        assert!(bench.is_in(near));
        let named = bench.dial_from(from_here(), named(version, "b", "any", "thing"));
        assert!(
            bench.is_in(named),
            "nothing is known that it could be held against"
        );
        let far = bench.dial_from(from_elsewhere(), hello(version, "c"));
        assert_eq!(bench.refusal(far), either(version, 0x87, 5));
        assert!(bench.asked.is_empty());
    }
}

#[test]
fn anonymous_clients_come_in_where_that_is_said_and_only_there() {
    for version in Version::ALL {
        for (said, peer) in [(true, from_elsewhere()), (true, from_here())] {
            let mut bench = secured(Security {
                allow_anonymous: Some(said),
                ..Security::default()
            });
            let conn = bench.dial_from(peer, hello(version, "a"));
            assert!(bench.is_in(conn));
        }
        for allow_anonymous in [None, Some(false)] {
            let mut bench = secured(Security {
                allow_anonymous,
                passwords: true,
                ..Security::default()
            });
            let conn = bench.dial_from(from_here(), hello(version, "a"));
            assert_eq!(bench.refusal(conn), either(version, 0x87, 5));
        }
        let mut bench = secured(Security {
            allow_anonymous: Some(false),
            ..Security::default()
        });
        let conn = bench.dial(named(version, "a", "who", "cares"));
        assert_eq!(
            bench.refusal(conn),
            either(version, 0x87, 5),
            "nobody looks at passwords"
        );
    }
}

#[test]
fn a_user_is_let_in_once_that_is_found_out_and_nothing_happens_before() {
    for version in Version::ALL {
        let mut bench = with_passwords();
        let watcher = bench.dial(named(version, "w", "w", "w"));
        bench.verified(watcher, Verdict::Right);
        bench.packets(watcher);
        bench.subscribe_without_check(watcher, "t");
        bench.packets(watcher);
        let conn = bench.dial(named(version, "a", "alice", "secret"));
        let (asked, credentials) = bench.asked.pop().unwrap();
        assert_eq!((asked, credentials.user_name.as_str()), (conn, "alice"));
        assert_eq!(credentials.password.unwrap().reveal(), b"secret");
        // What comes early waits [MQTT-3.1.4-5] (3.1.1), [MQTT-3.1.4-6] (5.0).
        bench.publish(conn, "t", "early", Q1);
        bench.send(conn, Packet::PingReq);
        bench.pass(29_000);
        assert!(bench.packets(conn).is_empty() && bench.packets(watcher).is_empty());
        bench.verified(conn, Verdict::Right);
        assert_eq!(
            bench.seen(conn),
            ["connack 0 0x00", "puback #7", "pingresp"]
        );
        assert_eq!(bench.seen(watcher), ["publish t early q0"]);
        assert_eq!(bench.broker.unfinished, 0);
        // A second answer is nobody's.
        bench.verified(conn, Verdict::Wrong);
        assert_eq!(bench.cause(conn), None);
    }
}

#[test]
fn who_is_not_who_it_says_is_refused_and_what_it_sent_is_ignored() {
    for version in Version::ALL {
        for (verdict, five, three) in [(Verdict::Wrong, 0x86, 4), (Verdict::Unknown, 0x88, 3)] {
            let mut bench = with_passwords();
            let conn = bench.dial(named(version, "a", "alice", "guess"));
            bench.send(conn, Packet::PingReq);
            bench.verified(conn, verdict);
            // [MQTT-3.1.4-2], [MQTT-3.2.2-7] (5.0), [X-3.1.1-connect-2]
            assert_eq!(bench.refusal(conn), either(version, five, three));
            assert_eq!((bench.broker.unfinished, bench.broker.verifying), (0, 0));
            assert_eq!(bench.broker.sessions.len(), 0);
        }
    }
}

#[test]
fn a_password_without_a_user_is_wrong_and_a_user_without_a_password_is_asked_about() {
    let mut bench = with_passwords();
    let mut connect = named(V5, "a", "", "secret");
    connect.user_name = None;
    let conn = bench.dial(connect);
    assert_eq!(bench.refusal(conn), 0x86);
    for version in Version::ALL {
        let mut connect = named(version, "a", "alice", "");
        connect.password = None;
        bench.dial(connect);
        let (_, credentials) = bench.asked.pop().unwrap();
        assert_eq!(credentials.password, None);
    }
}

#[test]
fn the_name_in_a_certificate_is_the_user_where_that_is_said() {
    let peer = Peer {
        encrypted: true,
        certificate: Some("lock-7".into()),
        ..from_elsewhere()
    };
    for version in Version::ALL {
        let mut bench = secured(Security {
            certificate_is_user: true,
            passwords: true,
            ..Security::default()
        });
        let conn = bench.dial_from(peer.clone(), named(version, "a", "other", "x"));
        assert!(bench.is_in(conn) && bench.asked.is_empty());
        let user = |bench: &Bench, id: &str| {
            let session = bench.broker.sessions.find(id).unwrap();
            bench.broker.sessions[session].user.clone()
        };
        assert_eq!(user(&bench, "a").as_deref(), Some("lock-7"));
        // Without a certificate a password is asked for.
        let conn = bench.dial_from(from_elsewhere(), hello(version, "b"));
        assert_eq!(bench.refusal(conn), either(version, 0x87, 5));
        let conn = bench.dial_from(from_elsewhere(), named(version, "c", "carol", "x"));
        bench.verified(conn, Verdict::Right);
        assert_eq!(user(&bench, "c").as_deref(), Some("carol"));
        // A certificate is nobody where it is not said.
        let mut bench = with_passwords();
        let conn = bench.dial_from(peer.clone(), hello(version, "a"));
        assert_eq!(bench.refusal(conn), either(version, 0x87, 5));
    }
}

#[test]
fn a_session_belongs_to_the_user_who_began_it() {
    for version in Version::ALL {
        let mut bench = with_passwords();
        let mut mine = hello_again(version, "a");
        mine.user_name = Some("alice".into());
        let alice = bench.dial(mine.clone());
        bench.verified(alice, Verdict::Right);
        assert!(bench.is_in(alice));
        for clean_start in [false, true] {
            let thief = bench.dial(Connect {
                user_name: Some("mallory".into()),
                clean_start,
                ..mine.clone()
            });
            bench.verified(thief, Verdict::Right);
            assert_eq!(bench.refusal(thief), either(version, 0x87, 5));
        }
        assert_eq!(bench.cause(alice), None, "she is not disturbed");
        let again = bench.dial(mine);
        bench.verified(again, Verdict::Right);
        assert_eq!(bench.seen(again), ["connack 1 0x00"]);
        assert_eq!(bench.cause(alice), Some(CloseCause::TakenOver));
    }
}

#[test]
fn the_time_for_connecting_goes_on_while_it_is_found_out() {
    let mut bench = with_passwords();
    let conn = bench.dial(named(V5, "a", "alice", "x"));
    bench.pass(29_999);
    assert_eq!(bench.cause(conn), None);
    bench.pass(1);
    assert_eq!(bench.cause(conn), Some(CloseCause::ConnectTimeout));
    assert_eq!((bench.broker.unfinished, bench.broker.verifying), (0, 0));
    bench.verified(conn, Verdict::Right);
    assert!(bench.packets(conn).is_empty());
    assert_eq!(bench.broker.sessions.len(), 0);
    assert_eq!(bench.broker.poll_timeout(), None);
}

#[test]
fn a_client_that_leaves_before_is_forgotten() {
    let mut bench = with_passwords();
    let mut connect = named(V5, "a", "alice", "x");
    connect.will = Some(will("t", "gone"));
    let conn = bench.dial(connect);
    bench.hang_up(conn);
    assert_eq!((bench.broker.unfinished, bench.broker.verifying), (0, 0));
    bench.verified(conn, Verdict::Right);
    assert_eq!(bench.broker.sessions.len(), 0);
    // So is one that is there when the broker is stopped.
    bench.dial(named(V5, "b", "bob", "x"));
    bench.broker.handle_shutdown(bench.now);
    bench.drain();
    assert_eq!((bench.broker.unfinished, bench.broker.verifying), (0, 0));
}

#[test]
fn so_many_may_wait_and_the_next_is_told_that_the_broker_is_busy() {
    for version in Version::ALL {
        let mut bench = secured(Security {
            passwords: true,
            max_verifying: 2,
            ..Security::default()
        });
        let waiting = ["a", "b"].map(|name| bench.dial(named(version, name, name, "x")));
        let surplus = bench.dial(named(version, "c", "c", "x"));
        assert_eq!(bench.refusal(surplus), either(version, 0x89, 3));
        bench.verified(waiting[0], Verdict::Wrong);
        bench.hang_up(waiting[1]);
        for name in ["d", "e"] {
            let conn = bench.dial(named(version, name, name, "x"));
            bench.verified(conn, Verdict::Right);
            assert!(bench.is_in(conn));
        }
    }
}

#[test]
fn what_comes_early_is_bounded() {
    for version in Version::ALL {
        let mut bench = with_passwords();
        let conn = bench.dial(named(version, "a", "alice", "x"));
        bench.raw(conn, &vec![0xC0; Security::EARLY_BYTES]);
        assert_eq!(bench.cause(conn), None);
        bench.raw(conn, &[0]);
        assert_eq!(bench.refusal(conn), either(version, 0x97, 3));
        assert_eq!((bench.broker.unfinished, bench.broker.verifying), (0, 0));
        bench.verified(conn, Verdict::Right);
        assert_eq!(bench.broker.sessions.len(), 0);
    }
}

#[test]
fn what_waits_counts_among_unfinished_packets() {
    let mut bench = Bench::with(Config {
        security: Security {
            passwords: true,
            ..Security::default()
        },
        maximum_packet_size: 1_000,
        max_unfinished_bytes: 3_000,
        ..Config::default()
    });
    let small = bench.dial(named(V5, "a", "alice", "x"));
    let large = bench.dial(named(V5, "b", "bob", "x"));
    bench.raw(large, &[0; 2_900]);
    assert_eq!(
        bench.cause(large),
        Some(CloseCause::ProtocolError(
            crate::ProtocolError::QuotaExceeded
        ))
    );
    assert_eq!(bench.cause(small), None);
    bench.verified(small, Verdict::Right);
    assert!(bench.is_in(small));
    assert_eq!(bench.broker.unfinished, 0);
}

#[test]
fn room_is_asked_for_again_when_it_is_known_who_it_is() {
    let mut bench = Bench::with(Config {
        security: Security {
            passwords: true,
            ..Security::default()
        },
        max_sessions: 1,
        ..Config::default()
    });
    let both = ["a", "b"].map(|name| bench.dial(named(V5, name, name, "x")));
    for conn in both {
        bench.verified(conn, Verdict::Right);
    }
    assert!(bench.is_in(both[0]));
    assert_eq!(bench.refusal(both[1]), 0x97);
}

#[test]
fn no_password_is_shown() {
    let mut bench = with_passwords();
    let conn = bench.dial(named(V5, "a", "alice", "hunter2"));
    let shown = format!("{:?} {:?} {:?}", bench.broker, bench.asked, bench.log);
    bench.verified(conn, Verdict::Right);
    let after = format!("{:?} {:?}", bench.broker, bench.log);
    let bytes = format!("{:?}", Bytes::from_static(b"hunter2"));
    for text in [&shown, &after] {
        assert!(text.contains("alice"), "the search finds what is there");
        assert!(!text.contains("hunter2") && !text.contains(bytes.trim_matches(['b', '"'])));
    }
}
