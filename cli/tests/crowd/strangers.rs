//! Those who connect and never go on, and those who send without end.

use crate::served::{Served, TCP, TLS, WS, WSS};
use squall_protocol::{
    Packet, PacketId, Properties, QoS, Version, encode,
    packet::{Connect, Publish, Subscribe, Subscription},
    topic::TopicFilter,
};
use std::{
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};

/// How one of them begins: where, and with what.
struct Kind {
    way: usize,
    says: Vec<u8>,
    /// How many of a hundred are so.
    share: usize,
}

/// Half of a ClientHello that says that it is 512 bytes long.
const HALF_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03squall";
const HALF_REQUEST: &[u8] = b"GET /mqtt HTTP/1.1\r\nHost: h\r\nUpgrade: webso";
const REQUEST: &[u8] = b"GET /mqtt HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
/// A CONNECT of 1,000,000 bytes, of which not many come.
const HALF_CONNECT: &[u8] = b"\x10\xC0\x84\x3D\x00\x04MQTT\x05\xC2";
/// The head of a frame of a client that is to be the longest there is.
const LONGEST_FRAME: &[u8] = b"\x82\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x00\x00\x00";

fn kinds() -> Vec<Kind> {
    let kind = |share, way, says: &[&[u8]]| Kind {
        way,
        says: says.concat(),
        share,
    };
    vec![
        kind(10, TCP, &[b""]),
        kind(55, TCP, &[HALF_CONNECT]),
        kind(2, TCP, &[HALF_CONNECT, &[b'x'; 100_000]]),
        kind(8, TLS, &[HALF_HELLO]),
        kind(2, WSS, &[HALF_HELLO]),
        kind(10, WS, &[HALF_REQUEST]),
        kind(13, WS, &[REQUEST]),
    ]
}

/// Connects from one of the many addresses of loopback, as one has not enough ports.
async fn dial(to: SocketAddr, number: usize) -> io::Result<TcpStream> {
    let from = Ipv4Addr::new(127, 0, 0, 2 + (number % 50) as u8);
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(to).await
}

/// So many connect, a hundred at a time, and stop where they are. They are there as long as what is given.
pub(crate) async fn gather(served: &Served, count: usize) -> Vec<TcpStream> {
    let kinds = kinds();
    let kind_of = |n: usize| {
        let mut place = n * 37 % 100;
        kinds.iter().find(|kind| {
            let found = place < kind.share;
            place = place.saturating_sub(kind.share);
            found
        })
    };
    let mut joining = JoinSet::new();
    let mut held = Vec::new();
    for n in 0..count {
        let kind = kind_of(n).expect("the shares are a hundred");
        let (to, says) = (served.port(kind.way), kind.says.clone());
        joining.spawn_local(async move {
            let mut stream = dial(to, n).await.expect("it is let in");
            stream.write_all(&says).await.expect("it is taken");
            if says == REQUEST {
                // One frame has begun after the handshake, and never ends.
                let answered = stream.read(&mut [0; 512]).await.expect("it is answered");
                assert!(answered > 0);
                let begun = [LONGEST_FRAME, HALF_CONNECT, &[b'x'; 5_000]].concat();
                stream.write_all(&begun).await.expect("it is taken");
            }
            stream
        });
        if joining.len() == 100 {
            held.push(
                joining
                    .join_next()
                    .await
                    .expect("some")
                    .expect("it is well"),
            );
        }
    }
    while let Some(one) = joining.join_next().await {
        held.push(one.expect("it is well"));
    }
    held
}

const MB: usize = 1_000_000;
const MUCH: usize = 256 << 20;

/// All who send without end, at once, until they have sent it or were sent away.
pub(crate) async fn rage(served: &Served) {
    let mut raging: JoinSet<()> = JoinSet::new();
    for n in 0..12 {
        let to = served.port(n % 4);
        raging.spawn_local(async move {
            let stream = dial(to, n).await.expect("it is let in");
            send(stream, &garbage(n as u64), 1).await;
        });
    }
    let (tcp, ws) = (served.port(TCP), served.port(WS));
    let chunk = vec![b'x'; 1 << 20];
    let (one, frame, many) = (chunk.clone(), chunk.clone(), chunk);
    // A packet of 256 MiB, the longest that there can be.
    raging.spawn_local(async move {
        let mut stream = client(tcp, "one", 1).await;
        let begun = stream.write_all(b"\x30\xFF\xFF\xFF\x7F\x00\x01t\x00").await;
        begun.expect("it is taken");
        send(stream, &one, MUCH >> 20).await;
    });
    // A frame of 256 MiB, in which is nothing of MQTT.
    raging.spawn_local(async move {
        let mut stream = dial(ws, 2).await.expect("it is let in");
        stream.write_all(REQUEST).await.expect("it is taken");
        let answered = stream.read(&mut [0; 512]).await;
        assert!(answered.expect("it is answered") > 0);
        stream.write_all(LONGEST_FRAME).await.expect("it is taken");
        send(stream, &frame, MUCH >> 20).await;
    });
    // 256 MiB in packets that are right, which nobody wants.
    raging.spawn_local(async move {
        let stream = client(tcp, "many", 3).await;
        send(stream, &publish("nobody", &many), MUCH >> 20).await;
    });
    raging.spawn_local(silent_reader(tcp));
    // One who asks without end, and does not read the answers.
    raging.spawn_local(async move {
        let stream = client(tcp, "asks", 6).await;
        send(stream, &[0xC0, 0].repeat(MB / 2), 100).await;
    });
    while let Some(over) = raging.join_next().await {
        over.expect("it is well");
    }
}

/// A client that subscribes and never reads, and two that have much for it.
async fn silent_reader(to: SocketAddr) {
    let mut reader = client(to, "reader", 4).await;
    let filter = TopicFilter::parse_v5("flood").expect("a filter");
    let subscribe = Packet::Subscribe(Subscribe {
        packet_id: PacketId::MIN,
        properties: Properties::new(),
        subscriptions: vec![Subscription::new(filter, QoS::AtLeastOnce)],
    });
    let bytes = encode(&subscribe, Version::V5_0).expect("it can be written");
    reader.write_all(&bytes).await.expect("it is taken");
    sleep(Duration::from_millis(100)).await;
    let flood = publish("flood", &vec![b'x'; 100_000]);
    send(client(to, "publisher", 5).await, &flood, 640).await;
    drop(reader);
}

/// Sends the same so often, until the connection is gone; also one that is not read for a while has sent enough.
async fn send(mut stream: TcpStream, bytes: &[u8], times: usize) {
    for _ in 0..times {
        match timeout(Duration::from_secs(3), stream.write_all(bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

/// A client that was let in.
fn client(to: SocketAddr, name: &'static str, number: usize) -> impl Future<Output = TcpStream> {
    let connect = Packet::Connect(Box::new(Connect {
        version: Version::V5_0,
        clean_start: true,
        keep_alive: 0,
        client_id: name.into(),
        will: None,
        user_name: None,
        password: None,
        properties: Properties::new(),
    }));
    let bytes = encode(&connect, Version::V5_0).expect("it can be written");
    async move {
        let mut stream = dial(to, number).await.expect("it is let in");
        stream.write_all(&bytes).await.expect("it is taken");
        let answered = stream.read(&mut [0; 512]).await.expect("it is answered");
        assert!(answered > 4);
        stream
    }
}

fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
    let publish = Packet::Publish(Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: topic.into(),
        packet_id: None,
        properties: Properties::new(),
        payload: payload.to_vec().into(),
    });
    encode(&publish, Version::V5_0)
        .expect("it can be written")
        .to_vec()
}

/// A million bytes that mean nothing (xorshift).
fn garbage(seed: u64) -> Vec<u8> {
    let mut state = seed + 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(MB).collect()
}
