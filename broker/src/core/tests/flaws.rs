//! Each deliberate defect changes what it says it changes: one short story, told with and without it.

use super::*;
use crate::Flaw;

/// What the clients of a story saw, in short.
fn tell(flaw: Option<Flaw>, story: fn(&mut Bench) -> Vec<String>) -> Vec<String> {
    let mut bench = Bench::new();
    if let Some(flaw) = flaw {
        bench.broker.sabotage(flaw);
    }
    story(&mut bench)
}

/// A subscriber at QoS 2 that keeps its session, and a publisher.
fn pair(bench: &mut Bench) -> (ConnId, ConnId) {
    let subscriber = bench.join(hello_again(V5, "s"));
    bench.subscribe(subscriber, "t", Q2);
    (subscriber, bench.connect(V5, "p"))
}

fn come_back(bench: &mut Bench) -> Vec<String> {
    let conn = bench.dial(hello_again(V5, "s"));
    bench.seen(conn)
}

/// Two messages in flight, and the client comes back.
fn resumption(bench: &mut Bench) -> Vec<String> {
    let (subscriber, publisher) = pair(bench);
    bench.publish(publisher, "t", "a", Q1);
    bench.publish(publisher, "t", "b", Q1);
    bench.hang_up(subscriber);
    come_back(bench)
}

/// Two messages wait, and the client comes back.
fn queueing(bench: &mut Bench) -> Vec<String> {
    let (subscriber, publisher) = pair(bench);
    bench.hang_up(subscriber);
    bench.publish(publisher, "t", "a", Q1);
    bench.publish(publisher, "t", "b", Q1);
    come_back(bench)
}

fn patient() -> Connect {
    with_will(hello_again(V5, "s"), delayed(will("w", "x"), 10))
}

fn watcher(bench: &mut Bench) -> ConnId {
    let watcher = bench.connect(V5, "watcher");
    bench.subscribe(watcher, "#", Q0);
    watcher
}

fn story(flaw: Flaw) -> fn(&mut Bench) -> Vec<String> {
    match flaw {
        Flaw::ForgetDup | Flaw::ResendOutOfOrder | Flaw::NoResendOnResume => resumption,
        Flaw::LoseOfflineQueue | Flaw::ReverseOrder => queueing,
        Flaw::SessionPresentAlwaysZero => queueing,
        Flaw::WillAfterDisconnect => |bench| {
            let watcher = watcher(bench);
            let conn = bench.join(with_will(hello(V5, "s"), will("w", "x")));
            bench.disconnect(conn);
            bench.seen(watcher)
        },
        Flaw::FreeQos2IdEarly => |bench| {
            let (subscriber, publisher) = pair(bench);
            bench.publish(publisher, "t", "a", Q2);
            bench.send(
                publisher,
                Packet::Publish(Publish {
                    dup: true,
                    ..message("t", "a", Q2)
                }),
            );
            bench.seen(subscriber)
        },
        Flaw::KeepClearedRetained => |bench| {
            let conn = bench.connect(V5, "a");
            bench.publish_retained(conn, "t", "old", Q0);
            bench.publish_retained(conn, "t", "", Q0);
            bench.subscribe_without_check(conn, "t");
            bench.seen(conn)
        },
        Flaw::NoTakeover => |bench| {
            let old = bench.connect(V5, "a");
            bench.connect(V5, "a");
            bench.send(old, Packet::PingReq);
            bench.seen(old)
        },
        Flaw::IgnoreKeepAlive | Flaw::KeepAliveTooEarly => |bench| {
            let conn = bench.join(Connect {
                keep_alive: 2,
                ..hello(V5, "a")
            });
            bench.pass(2999);
            let early = format!("{:?}", bench.cause(conn));
            bench.pass(1);
            vec![early, format!("{:?}", bench.cause(conn))]
        },
        Flaw::DeliverAtPublishQos => |bench| {
            let conn = bench.connect(V5, "a");
            bench.subscribe(conn, "t", Q0);
            bench.publish(conn, "t", "x", Q2);
            bench.seen(conn)
        },
        Flaw::WildcardMatchesDollar => |bench| {
            let conn = watcher(bench);
            bench.publish(conn, "$SYS/x", "x", Q0);
            bench.seen(conn)
        },
        Flaw::RetainFlagOnLiveDelivery => |bench| {
            let conn = watcher(bench);
            bench.publish_retained(conn, "t", "x", Q0);
            bench.seen(conn)
        },
        Flaw::WillIgnoresDelay | Flaw::NoWill => |bench| {
            let watcher = watcher(bench);
            let conn = bench.join(patient());
            bench.hang_up(conn);
            bench.pass(9_999);
            let mut seen = bench.seen(watcher);
            bench.pass(1);
            seen.push("later".into());
            seen.extend(bench.seen(watcher));
            seen
        },
        Flaw::WillSurvivesReconnect => |bench| {
            let watcher = watcher(bench);
            let conn = bench.join(patient());
            bench.hang_up(conn);
            bench.join(hello_again(V5, "s"));
            bench.pass(100_000);
            bench.seen(watcher)
        },
        Flaw::SubAckWrongCount => |bench| {
            let conn = bench.connect(V5, "a");
            bench.subscribe_without_check(conn, "t");
            bench.seen(conn)
        },
        Flaw::ReuseQos2AfterPubRec => |bench| {
            let (subscriber, publisher) = pair(bench);
            bench.publish(publisher, "t", "a", Q2);
            bench.send(subscriber, pubrec(1));
            bench.seen(subscriber)
        },
        Flaw::IgnoreReceiveMaximum => |bench| {
            let conn = bench.join(with_property(hello(V5, "a"), Property::ReceiveMaximum(1)));
            bench.subscribe(conn, "t", Q1);
            bench.publish(conn, "t", "a", Q1);
            bench.publish(conn, "t", "b", Q1);
            bench.seen(conn)
        },
        Flaw::IgnoreNoLocal => |bench| {
            let conn = bench.connect(V5, "a");
            bench.subscribe_with(conn, "t", Q0, |s| s.no_local = true);
            bench.publish(conn, "t", "a", Q0);
            bench.seen(conn)
        },
        Flaw::ExpiryNotReduced | Flaw::DropUserProperties => |bench| {
            let (subscriber, publisher) = pair(bench);
            bench.hang_up(subscriber);
            let mut publish = message("t", "a", Q1);
            publish.properties.push(Property::MessageExpiryInterval(10));
            publish
                .properties
                .push(Property::UserProperty(text("k"), text("v")));
            bench.send(publisher, Packet::Publish(publish));
            bench.pass(5000);
            let conn = bench.join(hello_again(V5, "s"));
            vec![format!("{:?}", bench.messages(conn)[0].properties)]
        },
        Flaw::DuplicateQos0 => |bench| {
            let conn = watcher(bench);
            bench.publish(conn, "t", "a", Q0);
            bench.seen(conn)
        },
        Flaw::SharedToAll => |bench| {
            let conns = ["a", "b"].map(|name| bench.connect(V5, name));
            for conn in conns {
                bench.subscribe(conn, "$share/g/t", Q0);
            }
            bench.publish(conns[0], "t", "a", Q0);
            conns.map(|conn| bench.seen(conn)).concat()
        },
        Flaw::KeepSessionOnCleanStart => |bench| {
            let (subscriber, publisher) = pair(bench);
            bench.hang_up(subscriber);
            let conn = bench.connect(V5, "s");
            bench.publish(publisher, "t", "a", Q0);
            bench.seen(conn)
        },
        Flaw::UnsubscribeIgnored => |bench| {
            let conn = bench.connect(V5, "a");
            bench.subscribe(conn, "t", Q0);
            bench.unsubscribe(conn, &["t"]);
            bench.publish(conn, "t", "a", Q0);
            bench.seen(conn)
        },
        Flaw::PingUnanswered => |bench| {
            let conn = bench.connect(V5, "a");
            bench.send(conn, Packet::PingReq);
            bench.seen(conn)
        },
    }
}

#[test]
fn every_flaw_makes_a_difference() {
    for flaw in Flaw::ALL {
        let story = story(*flaw);
        let (right, wrong) = (tell(None, story), tell(Some(*flaw), story));
        assert_ne!(right, wrong, "{} changes nothing", flaw.name());
    }
}

/// The exact meaning of those that reports and tests elsewhere rely on.
#[test]
fn the_flaws_mean_what_they_say() {
    let expected: [(Flaw, &[&str]); 12] = [
        (
            Flaw::ForgetDup,
            &["connack 1 0x00", "publish t a q1 #1", "publish t b q1 #2"],
        ),
        (Flaw::WillAfterDisconnect, &["publish w x q0"]),
        (
            Flaw::FreeQos2IdEarly,
            &["publish t a q2 #1", "publish t a q2 #2"],
        ),
        (Flaw::LoseOfflineQueue, &["connack 1 0x00"]),
        (
            Flaw::KeepClearedRetained,
            &["suback #9 00", "publish t old q0 retain"],
        ),
        (Flaw::NoTakeover, &["pingresp"]),
        (
            Flaw::ResendOutOfOrder,
            &[
                "connack 1 0x00",
                "publish t b q1 #2 dup",
                "publish t a q1 #1 dup",
            ],
        ),
        (Flaw::NoResendOnResume, &["connack 1 0x00"]),
        (
            Flaw::KeepAliveTooEarly,
            &["Some(KeepAlive)", "Some(KeepAlive)"],
        ),
        (Flaw::IgnoreKeepAlive, &["None", "None"]),
        (Flaw::SubAckWrongCount, &["suback #9 00 00"]),
        (
            Flaw::ReuseQos2AfterPubRec,
            &["publish t a q2 #1", "publish t a q2 #1 dup"],
        ),
    ];
    for (flaw, seen) in expected {
        assert_eq!(tell(Some(flaw), story(flaw)), seen, "{}", flaw.name());
    }
}

#[test]
fn names_are_kebab_case_unique_and_found_again() {
    for flaw in Flaw::ALL {
        let name = flaw.name();
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(name.chars().all(good), "{name}");
        assert_eq!(Flaw::from_name(name), Some(*flaw));
        assert!(flaw.description().ends_with('.'), "{name}");
    }
    assert_eq!(Flaw::from_name("nothing"), None);
}
