//! What is told, and who is accused.

use crate::stage::{Peer, RESET, Seen, ack, connack, connect, connect_as, one, play, publish, two};
use squall_protocol::{Packet, QoS, Role};
use squall_transport::{Memory, MemoryListener};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A QoS 2 message that is cut off after PUBREC and brought to its end on a second connection.
async fn resumed(memory: Memory, mut listener: MemoryListener) {
    let (mut client, mut broker) = Peer::met(&memory, &mut listener, false).await;
    client.say(two(1)).await;
    broker.hear("PUBLISH").await;
    broker.say(Packet::PubRec(ack(1))).await;
    client.hear("PUBREC").await;
    client.over(RESET).await;
    broker.over(RESET).await;
    let (mut client, mut broker) = Peer::met(&memory, &mut listener, true).await;
    client.say(Packet::PubRel(ack(1))).await;
    broker.hear("PUBREL").await;
    broker.say(Packet::PubComp(ack(1))).await;
    client.hear("PUBCOMP").await;
    client.say(two(1)).await;
    broker.hear("PUBLISH").await;
    broker.say(Packet::PubRec(ack(1))).await;
    client.hear("PUBREC").await;
}

#[test]
fn a_cut_strikes_once_and_the_conversation_goes_on() {
    let seen = play(&["{ cut: all, after: PUBREC, from: broker }"], 0, resumed);
    insta::assert_snapshot!(seen.text());
    let wide = |l: &&String| squall_reports::visible::columns(l) > 80;
    assert_eq!(seen.lines.iter().find(wide), None);
    assert!(!seen.text().contains("secret"));
}

#[test]
fn a_fault_that_never_struck_is_said() {
    let faults = [
        "{ cut: app, after: PUBREC, from: broker }",
        "{ cut: somebody, before: CONNECT }",
        "{ partition: all, at: 1h }",
        "{ stall: all, at: 1h, for: 1s }",
    ];
    let seen = play(&faults, 0, resumed);
    assert_eq!(seen.tally.idle, faults[1..].to_vec());
    assert_eq!(seen.violations(), []);
}

#[test]
fn a_named_client_is_cut_and_others_are_not() {
    let seen = play(
        &["{ cut: b, half: CONNECT }"],
        0,
        |memory, mut listener| async move {
            let mut one = Peer::client(&memory);
            let mut at_broker = Peer::broker(&mut listener).await;
            one.say(connect_as("a", None)).await;
            at_broker.hear("CONNECT").await;
            let mut two = Peer::client(&memory);
            let mut cut = Peer::broker(&mut listener).await;
            two.say(connect_as("b", None)).await;
            two.over(RESET).await;
            cut.over(RESET).await;
            // Once is enough.
            let mut again = Peer::client(&memory);
            let mut served = Peer::broker(&mut listener).await;
            again.say(connect_as("b", None)).await;
            served.hear("CONNECT").await;
        },
    );
    assert!(seen.tally.idle.is_empty(), "{}", seen.text());
    assert!(
        seen.lines
            .iter()
            .any(|l| l.contains("only some of it passed on")),
        "{}",
        seen.text()
    );
}

/// What is said by a broker and a client after a first CONNACK.
fn after(present: bool, script: impl AsyncFnOnce(&mut Peer, &mut Peer) + 'static) -> Seen {
    play(&[], 0, move |memory, mut listener| async move {
        let (mut client, mut broker) = Peer::met(&memory, &mut listener, present).await;
        script(&mut client, &mut broker).await;
    })
}

#[test]
fn a_broker_that_breaks_a_statement_is_found() {
    let seen = after(false, async |client, broker| {
        client.say(one(1)).await;
        broker.hear("PUBLISH").await;
        broker.say(Packet::PubAck(ack(2))).await;
        client.hear("PUBACK").await;
    });
    assert_eq!(
        seen.violations(),
        [(Role::Server, "MQTT-4.3.2-4, MQTT-4.3.3-8", 1)],
        "{}",
        seen.text()
    );
    insta::assert_snapshot!(seen.text());
    let seen = after(false, async |client, broker| {
        // A reserved bit of the Fixed Header.
        broker.write(&[0x41, 2, 0, 1]).await;
        let mut bytes = [0; 4];
        use tokio::io::AsyncReadExt;
        client.stream.read_exact(&mut bytes).await.unwrap();
        assert_eq!(bytes, [0x41, 2, 0, 1], "they are passed on all the same");
    });
    assert_eq!(
        seen.violations(),
        [(
            Role::Server,
            "MQTT-2.1.3-1, X-5.0-flags-1, X-5.0-conform-1",
            1
        )]
    );
}

#[test]
fn a_client_that_breaks_a_statement_is_found() {
    let seen = after(false, async |client, broker| {
        client.say(Packet::PubAck(ack(7))).await;
        broker.hear("PUBACK").await;
        client.say(two(1)).await;
        broker.hear("PUBLISH").await;
        client.say(Packet::PubRel(ack(1))).await;
        broker.hear("PUBREL").await;
        client.say(connect()).await;
        broker.hear("CONNECT").await;
    });
    assert_eq!(
        seen.violations(),
        [
            (Role::Client, "MQTT-3.1.0-2", 1),
            (Role::Client, "MQTT-4.3.2-4, MQTT-4.3.3-8", 1),
            (Role::Client, "MQTT-4.3.3-4", 1),
        ],
        "{}",
        seen.text()
    );
    let seen = play(&[], 0, |memory, mut listener| async move {
        let mut client = Peer::client(&memory);
        let mut broker = Peer::broker(&mut listener).await;
        client.say(Packet::PingReq).await;
        broker.hear("PINGREQ").await;
    });
    assert_eq!(seen.violations(), [(Role::Client, "MQTT-3.1.0-1", 1)]);
}

#[test]
fn a_client_that_has_shown_that_it_knows_the_window_is_held_to_it() {
    let window = |client: &mut Peer| {
        let _ = client;
        let Packet::ConnAck(mut ack) = connack(false) else {
            unreachable!()
        };
        let property = squall_protocol::Property::ReceiveMaximum(2);
        ack.properties.push(property);
        Packet::ConnAck(ack)
    };
    // Three at once, before CONNACK was read: nothing of it is wrong.
    let script = |overruns: bool| {
        play(&[], 0, move |memory, mut listener| async move {
            let mut client = Peer::client(&memory);
            let mut broker = Peer::broker(&mut listener).await;
            client.say(connect()).await;
            broker.hear("CONNECT").await;
            broker.say(window(&mut client)).await;
            client.hear("CONNACK").await;
            for id in 1..=3 {
                client.say(one(id)).await;
                broker.hear("PUBLISH").await;
            }
            for id in 1..=3 {
                broker.say(Packet::PubAck(ack(id))).await;
                client.hear("PUBACK").await;
            }
            let last = if overruns { 3 } else { 2 };
            for id in 1..=last {
                client.say(one(id)).await;
                broker.hear("PUBLISH").await;
            }
        })
    };
    assert_eq!(script(false).violations(), []);
    let seen = script(true);
    assert_eq!(
        seen.violations(),
        [(Role::Client, "MQTT-3.3.4-7, MQTT-3.3.4-9", 1)]
    );
}

#[test]
fn what_is_odd_and_legal_is_not_accused() {
    // Everything at once before there is an answer, with what was under way before the proxy began.
    let seen = play(&[], 0, |memory, mut listener| async move {
        let mut client = Peer::client(&memory);
        let mut broker = Peer::broker(&mut listener).await;
        client.say(connect()).await;
        client.say(publish(9, QoS::ExactlyOnce, true)).await;
        client.say(Packet::PubRel(ack(8))).await;
        client.say(Packet::PubAck(ack(7))).await;
        client.say(one(1)).await;
        for packet in ["CONNECT", "PUBLISH", "PUBREL", "PUBACK", "PUBLISH"] {
            broker.hear(packet).await;
        }
        broker.say(connack(true)).await;
        broker.say(publish(5, QoS::AtLeastOnce, true)).await;
        broker.say(Packet::PubComp(ack(8))).await;
        broker.say(Packet::PubRec(ack(9))).await;
        broker.say(Packet::PubAck(ack(1))).await;
        for packet in ["CONNACK", "PUBLISH", "PUBCOMP", "PUBREC", "PUBACK"] {
            client.hear(packet).await;
        }
        client.say(Packet::PubAck(ack(5))).await;
        client.say(Packet::PubRel(ack(9))).await;
        broker.hear("PUBACK").await;
        broker.hear("PUBREL").await;
    });
    assert_eq!(seen.violations(), [], "{}", seen.text());
    // The server has lost the session, and the client, which cannot know it yet, goes on with it.
    let seen = play(&[], 0, |memory, mut listener| async move {
        let (mut client, mut broker) = Peer::met(&memory, &mut listener, false).await;
        broker.say(one(3)).await;
        client.hear("PUBLISH").await;
        client.say(one(1)).await;
        broker.hear("PUBLISH").await;
        drop((client, broker));
        sleep(Duration::from_secs(1)).await;
        let mut client = Peer::client(&memory);
        let mut broker = Peer::broker(&mut listener).await;
        client.say(connect()).await;
        broker.hear("CONNECT").await;
        broker.say(connack(false)).await;
        client.say(publish(1, QoS::AtLeastOnce, true)).await;
        client.say(Packet::PubAck(ack(3))).await;
        broker.hear("PUBLISH").await;
        broker.hear("PUBACK").await;
    });
    assert_eq!(seen.violations(), [], "{}", seen.text());
}

#[test]
fn a_session_is_taken_over_and_its_old_connection_is_nobodys_fault() {
    let seen = play(&[], 0, |memory, mut listener| async move {
        let (mut old, mut old_broker) = Peer::met(&memory, &mut listener, false).await;
        old.say(one(1)).await;
        old_broker.hear("PUBLISH").await;
        let (mut new, mut broker) = Peer::met(&memory, &mut listener, true).await;
        // What was under way crosses the takeover.
        old_broker.say(Packet::PubAck(ack(1))).await;
        old.hear("PUBACK").await;
        new.say(publish(1, QoS::AtLeastOnce, true)).await;
        broker.hear("PUBLISH").await;
        broker.say(Packet::PubAck(ack(1))).await;
        new.hear("PUBACK").await;
        drop((old, old_broker));
        new.say(one(1)).await;
        broker.hear("PUBLISH").await;
    });
    assert_eq!(seen.violations(), [], "{}", seen.text());
}

#[test]
fn faults_of_time_come_at_their_time() {
    let seconds = Duration::from_secs;
    let faults = [
        "{ partition: all, way: up, at: 10s, for: 20s }",
        "{ stall: app, from: broker, at: 40s, for: 5s }",
        "{ cut: all, at: 60s, by: close }",
    ];
    let seen = play(&faults, 0, move |memory, mut listener| async move {
        let start = Instant::now();
        let (mut client, mut broker) = Peer::met(&memory, &mut listener, false).await;
        sleep(seconds(15)).await;
        client.say(Packet::PingReq).await;
        let heard = broker.hear("PINGREQ").await - start;
        assert!(heard >= seconds(30) && heard < seconds(31), "{heard:?}");
        sleep(seconds(42) - heard).await;
        broker.say(Packet::PingResp).await;
        let heard = client.hear("PINGRESP").await - start;
        assert!(heard >= seconds(45) && heard < seconds(46), "{heard:?}");
        client.over(None).await;
        broker.over(None).await;
        let over = start.elapsed();
        assert!(over >= seconds(60) && over < seconds(61), "{over:?}");
    });
    assert!(seen.tally.idle.is_empty(), "{}", seen.text());
}

/// A conversation of which every packet is answered, written in pieces of this size.
fn chatted(faults: &[&str], seed: u64, size: usize) -> Seen {
    play(faults, seed, move |memory, mut listener| async move {
        let (mut client, mut broker) = Peer::met(&memory, &mut listener, false).await;
        let bytes = squall_protocol::encode(&one(1), squall_protocol::Version::V5_0).unwrap();
        for _ in 0..40 {
            for piece in bytes.chunks(size) {
                client.write(piece).await;
                tokio::task::yield_now().await;
            }
            broker.hear("PUBLISH").await;
            broker.say(Packet::PubAck(ack(1))).await;
            client.hear("PUBACK").await;
        }
    })
}

#[test]
fn the_same_conversation_gets_the_same_faults() {
    let faults = ["{ latency: 5ms..400ms, loss: 10% }"];
    let seen = chatted(&faults, 7, 1000);
    assert_eq!(seen, chatted(&faults, 7, 1000));
    assert_eq!(seen, chatted(&faults, 7, 1), "whatever the pieces");
    assert_ne!(seen, chatted(&faults, 8, 1000));
    assert!(seen.tally.idle.is_empty());
    assert_eq!(seen.violations(), []);
}

#[test]
fn pieces_change_nothing_of_what_is_said() {
    let faults = [
        "{ fragment: 1, from: broker }",
        "{ coalesce: 50ms, from: client }",
    ];
    let seen = chatted(&faults, 0, 3);
    assert_eq!(seen.tally.packets, 82);
    assert_eq!(seen.violations(), []);
    assert_eq!(seen.tally.idle, [faults[1]], "each packet waits for itself");
}

#[test]
fn random_cuts_are_the_seeds() {
    let faults = ["{ flap: all, every: 1s..9s, for: 1h, by: close }"];
    let times = |seed| {
        let seen = play(&faults, seed, |memory, mut listener| async move {
            for _ in 0..5 {
                let (mut client, mut broker) = Peer::met(&memory, &mut listener, false).await;
                client.over(None).await;
                broker.over(None).await;
            }
        });
        let cuts = seen.lines.iter().filter(|l| l.contains("cut app by close"));
        let cuts: Vec<String> = cuts.cloned().collect();
        assert_eq!(cuts.len(), 5, "{}", seen.text());
        cuts
    };
    assert_eq!(times(1), times(1));
    assert_ne!(times(1), times(2));
}
