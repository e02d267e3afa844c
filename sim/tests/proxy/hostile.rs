//! Peers that do not read, do not close, vanish, speak something else, or never stop.

use crate::stage::{Peer, RESET, ack, connack, connect, connect_as, one, play, watched};
use squall_protocol::{Packet, Role, Version, encode};
use squall_sim::proxy::event::What;
use squall_transport::Memory;
use std::{cell::Cell, rc::Rc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{sleep, timeout},
};

#[test]
fn what_is_no_mqtt_passes_unchanged_and_is_said_once() {
    let seen = play(&["{ fragment: 1 }"], 0, |memory, mut listener| async move {
        let mut client = Peer::client(&memory);
        let mut broker = Peer::broker(&mut listener).await;
        let (ask, answer) = (b"GET / HTTP/1.1\r\n\r\n".repeat(9), b"HTTP/1.1 400\r\n\r\n");
        client.write(&ask).await;
        let mut heard = vec![0; ask.len()];
        broker.stream.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, ask);
        broker.write(answer).await;
        broker.stream.shutdown().await.unwrap();
        let mut heard = Vec::new();
        client.stream.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, answer);
    });
    let said = seen.lines.iter().filter(|l| l.contains("no MQTT"));
    assert_eq!(said.count(), 1, "{}", seen.text());
    assert_eq!(seen.violations(), []);
    assert_eq!(seen.tally.packets, 0);
}

#[test]
fn a_version_that_nobody_knows_is_not_judged() {
    let seen = play(&[], 0, |memory, mut listener| async move {
        let mut client = Peer::client(&memory);
        let mut broker = Peer::broker(&mut listener).await;
        let bytes = b"\x10\x0e\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x00";
        client.write(bytes).await;
        let mut heard = [0; 16];
        broker.stream.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, bytes);
    });
    assert_eq!(seen.violations(), [], "{}", seen.text());
}

#[test]
fn a_broker_that_does_not_read_stops_its_client_and_nobody_else() {
    let seen = play(&[], 0, |memory, mut listener| async move {
        let (mut client, broker) = Peer::met(&memory, &mut listener, false).await;
        let bytes = vec![0; 64 * 1024];
        let mut written = 0;
        // A packet without an end.
        client
            .write(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F, 0, 1, b'a', 0])
            .await;
        while let Ok(Ok(n)) = timeout(Duration::from_secs(60), client.stream.write(&bytes)).await {
            written += n;
            assert!(written < 4 << 20, "what nobody reads is not taken for ever");
        }
        let mut other = Peer::client(&memory);
        let mut served = Peer::broker(&mut listener).await;
        other.say(connect_as("b", None)).await;
        served.hear("CONNECT").await;
        drop(broker);
        client.over(None).await;
    });
    assert_eq!(seen.tally.connections, 2);
}

#[test]
fn a_silent_connection_is_given_up_when_nobody_holds_it() {
    let faults = ["{ cut: all, before: PINGRESP, by: silence }"];
    let seen = play(&faults, 0, |memory, mut listener| async move {
        let (mut client, mut broker) = Peer::met(&memory, &mut listener, false).await;
        client.say(Packet::PingReq).await;
        broker.hear("PINGREQ").await;
        broker.say(Packet::PingResp).await;
        let nothing = timeout(Duration::from_secs(600), client.next()).await;
        assert!(nothing.is_err(), "{nothing:?}");
        client.stream.reset();
        // The broker is told nothing for as long as it believes in the connection; for an hour.
        let nothing = timeout(Duration::from_secs(600), broker.next()).await;
        assert!(nothing.is_err(), "{nothing:?}");
        broker.over(None).await;
    });
    assert!(seen.tally.idle.is_empty());
}

#[test]
fn a_side_that_is_told_of_the_end_and_stays_is_let_go() {
    let faults = ["{ cut: all, after: CONNACK, by: close }"];
    let seen = play(&faults, 0, |memory, mut listener| async move {
        let mut client = Peer::client(&memory);
        let mut broker = Peer::broker(&mut listener).await;
        client.say(connect()).await;
        broker.hear("CONNECT").await;
        broker.say(connack(false)).await;
        // Neither closes.
        sleep(Duration::from_secs(60)).await;
        client.hear("CONNACK").await;
        client.over(None).await;
        broker.over(None).await;
    });
    assert!(
        seen.lines.last().unwrap().ends_with("over"),
        "{}",
        seen.text()
    );
}

#[test]
fn a_half_closed_connection_still_brings_the_answer() {
    play(&[], 0, |memory, mut listener| async move {
        let (mut client, mut broker) = Peer::met(&memory, &mut listener, false).await;
        client.say(one(1)).await;
        client.stream.shutdown().await.unwrap();
        broker.hear("PUBLISH").await;
        broker.over(None).await;
        broker.say(Packet::PubAck(ack(1))).await;
        client.hear("PUBACK").await;
    });
}

#[test]
fn a_broker_that_is_gone_is_said_to_each_client() {
    let seen = play(&[], 0, |memory, listener| async move {
        drop(listener);
        for _ in 0..2 {
            let mut client = Peer::client(&memory);
            client.say(connect()).await;
            client.over(RESET).await;
        }
    });
    assert_eq!((seen.tally.connections, seen.tally.unreached), (2, 2));
    let said = seen
        .lines
        .iter()
        .filter(|l| l.contains("cannot be reached"));
    assert_eq!(said.count(), 2);
}

#[test]
fn many_connections_at_once_are_all_served() {
    let seen = play(
        &["{ latency: 1ms..50ms }"],
        3,
        |memory, mut listener| async move {
            let mut clients = Vec::new();
            for n in 0..500 {
                let mut client = Peer::client(&memory);
                client.say(connect_as(&format!("c{n}"), None)).await;
                clients.push(client);
            }
            let mut brokers = Vec::new();
            for _ in 0..500 {
                let mut broker = Peer::broker(&mut listener).await;
                broker.hear("CONNECT").await;
                broker.say(connack(false)).await;
                brokers.push(broker);
            }
            for mut client in clients {
                client.hear("CONNACK").await;
            }
        },
    );
    assert_eq!((seen.tally.connections, seen.tally.packets), (500, 1000));
    assert_eq!(seen.violations(), []);
}

/// So many messages of QoS 1 go through one connection; the heap's peak in bytes.
fn peak(messages: u32) -> u64 {
    let packets = Rc::new(Cell::new(0));
    let counted = Rc::clone(&packets);
    let memory = allocation_counter::measure(|| {
        let script = move |memory: Memory, mut listener| async move {
            let (mut client, mut broker) = Peer::met(&memory, &mut listener, false).await;
            for n in 0..messages {
                let id = (n % 65_535) as u16 + 1;
                let id = id % 1_000 + 1;
                let publish = encode(&one(id), Version::V5_0).unwrap();
                client.write(&publish).await;
                broker.next().await.unwrap();
                broker.say(Packet::PubAck(ack(id))).await;
                client.next().await.unwrap();
            }
        };
        let tally = watched(&["{ cut: nobody, at: 1h }"], 0, script, move |event| {
            let is_packet = matches!(
                event.what,
                What::Packet {
                    from: Role::Client,
                    ..
                }
            );
            counted.set(counted.get() + u32::from(is_packet));
        });
        assert!(tally.violations.is_empty(), "{tally:?}");
    });
    assert_eq!(packets.get(), messages + 1);
    memory.bytes_max
}

#[test]
fn memory_does_not_grow_with_the_number_of_packets() {
    let (few, many) = (peak(3_000), peak(60_000));
    assert!(many < few + 16 * 1024, "{few} bytes, then {many}");
}
