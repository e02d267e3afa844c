use super::*;
use squall_protocol::{
    Properties, Property, Text,
    packet::{ConnAck, Connect},
};
use std::{future::Future, net::SocketAddr};
use tokio::net::{TcpListener, TcpStream};

const SOON: Duration = Duration::from_millis(80);
const LONG: Duration = Duration::from_secs(5);

/// Runs a server of a few lines against a probe of a few lines; both have to end.
async fn against<S, F>(server: impl FnOnce(TcpStream) -> S, client: impl FnOnce(Probe) -> F)
where
    S: Future<Output = ()>,
    F: Future<Output = ()>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let serve = async { server(listener.accept().await.unwrap().0).await };
    let probe = async {
        let mut probe = Probe::connect(addr, LONG).await.unwrap();
        probe.speak(Version::V5_0);
        client(probe).await;
    };
    tokio::join!(serve, probe);
}

async fn write(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap();
}

#[tokio::test]
async fn packets_come_whole_however_they_were_cut() {
    against(
        |mut s| async move {
            for byte in [0x20, 0x03, 0x00, 0x00, 0x00, 0xD0] {
                write(&mut s, &[byte]).await;
                tokio::task::yield_now().await;
            }
            write(&mut s, &[0x00]).await;
        },
        |mut probe| async move {
            let connack = probe.expect_packet(PacketType::ConnAck, LONG).await;
            let expected = ConnAck {
                session_present: false,
                reason: ReasonCode::SUCCESS,
                properties: Properties::new(),
            };
            assert_eq!(connack, Ok(Packet::ConnAck(expected)));
            let other = probe.expect_packet(PacketType::SubAck, LONG).await;
            assert_eq!(other, Err(Heard::Packet(Packet::PingResp)));
            assert_eq!(probe.next(LONG).await, Heard::Closed(Hangup::Eof));
        },
    )
    .await;
}

#[tokio::test]
async fn a_fence_gives_what_stood_in_front_of_it() {
    against(
        |mut s| async move {
            let mut request = [0; 2];
            s.read_exact(&mut request).await.unwrap();
            assert_eq!(request, [0xC0, 0x00]);
            write(
                &mut s,
                &[0x30, 0x05, 0x00, 0x01, b'a', 0x00, b'x', 0xD0, 0x00],
            )
            .await;
            let _ = s.read(&mut request).await;
        },
        |mut probe| async move {
            let fence = probe.fence(LONG).await;
            assert!(fence.reached());
            assert!(
                matches!(&fence.before[..], [Packet::Publish(p)] if p.topic == "a" && &p.payload[..] == b"x")
            );
        },
    )
    .await;
}

#[tokio::test]
async fn a_mute_server_reaches_no_fence_and_costs_the_stated_time() {
    against(
        |mut s| async move {
            let mut sink = Vec::new();
            let _ = s.read_to_end(&mut sink).await;
        },
        |mut probe| async move {
            let before = Instant::now();
            let fence = probe.fence(SOON).await;
            assert_eq!(fence.end, Heard::Silence);
            assert!(before.elapsed() >= SOON && before.elapsed() < LONG);
            let ending = probe.expect_close(SOON).await;
            assert_eq!(ending.close, None);
        },
    )
    .await;
}

#[tokio::test]
async fn a_violation_is_kept_with_its_bytes_and_the_end_is_still_seen() {
    against(
        |mut s| async move {
            write(&mut s, &[0xD0, 0x00, 0x00, 0x55]).await;
        },
        |mut probe| async move {
            assert_eq!(probe.next(LONG).await, Heard::Packet(Packet::PingResp));
            let Heard::Violation(violation) = probe.next(LONG).await else {
                panic!("packet type 0 is reserved");
            };
            assert_eq!(violation.rule, Rule::ReservedPacketType);
            assert_eq!(probe.next(LONG).await, Heard::Violation(violation.clone()));
            assert_eq!(probe.unread(), [0x00, 0x55]);
            let ending = probe.expect_close(LONG).await;
            assert_eq!(ending.violation, Some(violation));
            assert_eq!(ending.close, Some(Hangup::Eof));
        },
    )
    .await;
}

#[tokio::test]
async fn the_announced_maximum_packet_size_is_held_against_the_server() {
    against(
        |mut s| async move {
            let mut sink = [0; 64];
            let _ = s.read(&mut sink).await.unwrap();
            write(&mut s, &[0x30, 0x20]).await;
        },
        |mut probe| async move {
            let connect = Connect {
                version: Version::V5_0,
                clean_start: true,
                keep_alive: 0,
                client_id: Text::from("c"),
                will: None,
                user_name: None,
                password: None,
                properties: Properties::new().with(Property::MaximumPacketSize(20)),
            };
            probe
                .send(&Packet::Connect(Box::new(connect)))
                .await
                .unwrap();
            let Heard::Violation(violation) = probe.next(LONG).await else {
                panic!("34 bytes are more than 20");
            };
            assert!(violation.statements().contains(&"MQTT-3.1.2-24"));
        },
    )
    .await;
}

#[tokio::test]
async fn a_packet_beyond_the_probes_own_limit_is_not_blamed_on_the_server() {
    against(
        |mut s| async move {
            write(&mut s, &[0x30, 0xFF, 0xFF, 0xFF, 0x7F]).await;
        },
        |mut probe| async move {
            assert_eq!(probe.next(LONG).await, Heard::TooLong);
        },
    )
    .await;
}

#[tokio::test]
async fn refused_connections_are_errors_that_name_the_address() {
    // Bound but not listening: nobody else can take the port, and whoever dials it is refused.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = socket.local_addr().unwrap();
    let error = Probe::connect(addr, LONG).await.unwrap_err();
    assert!(matches!(&error, ProbeError::Connect(Endpoint::Tcp(a), _) if *a == addr));
    assert!(error.to_string().contains(&addr.to_string()));
}

#[tokio::test]
async fn the_journal_has_every_event_in_order_and_parties_have_names_of_their_own() {
    let journal = Journal::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let mut one = Probe::connect_as(addr, LONG, &journal, "client")
        .await
        .unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    let two = Probe::connect_as(addr, LONG, &journal, "client")
        .await
        .unwrap();
    assert_eq!(journal.parties(), ["client", "client 2"]);
    one.speak(Version::V3_1_1);
    one.send(&Packet::PingReq).await.unwrap();
    one.send_raw("half a packet", &[0x10]).await.unwrap();
    write(&mut server, &[0xD0, 0x00]).await;
    assert_eq!(one.next(LONG).await, Heard::Packet(Packet::PingResp));
    drop(two);
    one.disconnect(SOON).await;
    let kinds: Vec<_> = journal
        .records()
        .into_iter()
        .map(|r| match r.event {
            Event::Opened => format!("{} opened", r.party),
            Event::Sent(p, ..) => format!("{} sent {}", r.party, p.summary()),
            Event::SentRaw(what, _) => format!("{} sent {what}", r.party),
            Event::Received(p, ..) => format!("{} received {}", r.party, p.summary()),
            Event::Closed => format!("{} closed", r.party),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "0 opened",
            "1 opened",
            "0 sent PINGREQ",
            "0 sent half a packet",
            "0 received PINGRESP",
            "1 closed",
            "0 sent DISCONNECT reason 0x00",
            "0 closed",
        ]
    );
}

/// What a peer floods with.
#[derive(Clone, Copy, Debug)]
enum Flood {
    Pings,
    Publishes,
    Properties,
    Garbage,
}

impl Flood {
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Pings => [0xD0, 0x00].repeat(8_000),
            Self::Publishes => {
                let mut one = vec![0x30, 0x84, 0x08, 0x00, 0x01, b'a', 0x00];
                one.resize(3 + 0x404, b'x');
                one.repeat(16)
            }
            // A PUBLISH that is nearly all Subscription Identifiers, which take far more room when they are read.
            Self::Properties => {
                let mut one = vec![0x30, 0xA6, 0x9C, 0x01, 0x00, 0x01, b'a', 0xA0, 0x9C, 0x01];
                one.extend([0x0B, 0x01].repeat(10_000));
                one
            }
            Self::Garbage => vec![0xFF; 16_000],
        }
    }
}

/// Has `client` talk to a server that floods whoever connects.
fn flooded<F: Future<Output = ()>>(flood: Flood, client: impl FnOnce(SocketAddr) -> F) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            use std::io::Write as _;
            let (mut stream, _) = listener.accept().unwrap();
            let bytes = flood.bytes();
            while stream.write_all(&bytes).is_ok() {}
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(client(addr));
    });
}

/// The heap in bytes that `client` takes at most against a server that floods, and the time it takes.
fn taken<F: Future<Output = ()>>(flood: Flood, client: impl FnOnce(Probe) -> F) -> (u64, Duration) {
    let start = Instant::now();
    let taken = allocation_counter::measure(|| {
        flooded(flood, |addr| async move {
            let mut probe = Probe::connect(addr, LONG).await.unwrap();
            probe.speak(Version::V5_0);
            client(probe).await;
        });
    });
    (taken.bytes_max, start.elapsed())
}

/// Journal, kept packets, one packet in the making and what the runtime takes.
const ROOM: u64 = 3 * 1024 * 1024;

#[test]
fn a_flood_fills_no_memory_whatever_the_probe_waits_for() {
    for flood in [
        Flood::Pings,
        Flood::Publishes,
        Flood::Properties,
        Flood::Garbage,
    ] {
        let limit = Duration::from_millis(300);
        let (goodbye, a) = taken(flood, |probe| probe.disconnect(limit));
        let (fence, b) = taken(flood, |mut probe| async move {
            probe.fence(limit).await;
        });
        let (close, c) = taken(flood, |mut probe| async move {
            probe.expect_close(limit).await;
        });
        let (peek, d) = taken(flood, |mut probe| async move {
            probe.peek(usize::MAX, limit).await;
            assert!(probe.unread().len() <= 2 * Probe::LARGEST_PACKET as usize);
        });
        for (bytes, took) in [(goodbye, a), (fence, b), (close, c), (peek, d)] {
            assert!(bytes < ROOM, "{flood:?}: {bytes} bytes");
            assert!(took < Duration::from_secs(20), "{flood:?}: {took:?}");
        }
    }
}

#[test]
fn packets_that_nobody_takes_end_in_a_flood_and_leave_a_word() {
    let journal = Journal::new();
    flooded(Flood::Publishes, |addr| {
        let journal = &journal;
        async move {
            let mut probe = Probe::connect_as(addr, LONG, journal, "client")
                .await
                .unwrap();
            let mut packets = 0;
            let end = loop {
                match probe.next(LONG).await {
                    Heard::Packet(_) => packets += 1,
                    other => break other,
                }
            };
            assert_eq!(end, Heard::Flood);
            assert_eq!(probe.next(LONG).await, Heard::Flood);
            assert!(packets <= Probe::MOST_PACKETS);
            let ending = probe.expect_close(SOON).await;
            assert!(ending.beyond_measure && ending.close.is_none());
        }
    });
    assert!(journal.left_out().events > 1000);
    let said = journal.records().into_iter().any(
        |record| matches!(&record.event, Event::Note(text) if text.contains("the server floods")),
    );
    assert!(said);
}

#[tokio::test]
async fn a_peek_waits_for_as_many_bytes_as_it_was_told() {
    against(
        |mut s| async move {
            for byte in [0x20, 0x02, 0x00, 0x01] {
                write(&mut s, &[byte]).await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let _ = s.read(&mut [0; 1]).await;
        },
        |mut probe| async move {
            probe.peek(4, LONG).await;
            assert_eq!(probe.unread(), [0x20, 0x02, 0x00, 0x01]);
        },
    )
    .await;
}
