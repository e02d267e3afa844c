//! Odd brokers: the reference broker, and before it a proxy that rewrites, delays, reorders or swallows packets.

use crate::house::House;
use squall_broker::{Broker, Config, Server};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::spawn_local,
    time::{Instant, sleep, sleep_until},
};

/// Who sent a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    Client,
    Broker,
}

/// What one connection does with each packet: nothing is handed on but what the rule hands on.
pub(crate) type Rule = Box<dyn FnMut(From, &[u8], &mut Hands)>;

/// What a rule can do.
pub(crate) struct Hands {
    /// Whether the connection speaks 5.0.
    pub(crate) five: bool,
    client: Line,
    broker: Line,
}

#[derive(Clone)]
pub(crate) struct Line(UnboundedSender<Item>);

enum Item {
    Bytes(Instant, Vec<u8>),
    /// Byte by byte.
    Dribble(Vec<u8>),
    Close,
}

impl Line {
    /// Sends now.
    pub(crate) fn send(&self, bytes: &[u8]) {
        let _ = self.0.send(Item::Bytes(Instant::now(), bytes.to_vec()));
    }

    /// Sends after a while; others overtake it.
    pub(crate) fn send_late(&self, after: Duration, bytes: &[u8]) {
        let (line, bytes) = (self.clone(), bytes.to_vec());
        spawn_local(async move {
            sleep(after).await;
            line.send(&bytes);
        });
    }

    /// Sends byte by byte.
    pub(crate) fn dribble(&self, bytes: &[u8]) {
        let _ = self.0.send(Item::Dribble(bytes.to_vec()));
    }
}

impl Hands {
    pub(crate) fn client(&self) -> &Line {
        &self.client
    }

    /// Hands it on as it is.
    pub(crate) fn pass(&self, from: From, bytes: &[u8]) {
        match from {
            From::Client => self.broker.send(bytes),
            From::Broker => self.client.send(bytes),
        }
    }

    /// Ends both sides.
    pub(crate) fn close(&self) {
        let _ = self.client.0.send(Item::Close);
        let _ = self.broker.0.send(Item::Close);
    }
}

/// The type in the first byte.
pub(crate) fn kind(packet: &[u8]) -> u8 {
    packet[0] >> 4
}

/// Everything after the fixed header.
pub(crate) fn body(packet: &[u8]) -> &[u8] {
    let len = packet[1..].iter().take_while(|b| **b & 0x80 != 0).count() + 1;
    &packet[1 + len..]
}

/// The same packet with another body.
pub(crate) fn with_body(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut left = body.len();
    while left > 0x7F {
        bytes.push(left as u8 & 0x7F | 0x80);
        left >>= 7;
    }
    bytes.push(left as u8);
    bytes.extend(body);
    bytes
}

/// Whether the bytes hold these.
pub(crate) fn holds(packet: &[u8], bytes: &[u8]) -> bool {
    packet.windows(bytes.len()).any(|w| w == bytes)
}

/// Topic and payload of a PUBLISH without properties, or with them in what is called payload.
pub(crate) fn topic(publish: &[u8]) -> &[u8] {
    let body = body(publish);
    let len = usize::from(body[0]) << 8 | usize::from(body[1]);
    &body[2..2 + len]
}

/// The packet identifier of a PUBLISH with QoS 1 or 2.
pub(crate) fn publish_id(publish: &[u8]) -> [u8; 2] {
    let at = 2 + topic(publish).len();
    [body(publish)[at], body(publish)[at + 1]]
}

/// The QoS of a PUBLISH.
pub(crate) fn qos(publish: &[u8]) -> u8 {
    publish[0] >> 1 & 3
}

impl House {
    /// An odd broker, with a rule for each connection.
    pub(crate) fn odd(make: impl FnOnce() -> Box<dyn Fn() -> Rule> + Send + 'static) -> Self {
        Self::odder(Duration::ZERO, make)
    }

    /// An odd broker whose connections have nothing in common.
    pub(crate) fn each(rule: impl Fn(From, &[u8], &mut Hands) + Send + Clone + 'static) -> Self {
        Self::odd(move || {
            Box::new(move || {
                let rule = rule.clone();
                Box::new(move |from: From, packet: &[u8], hands: &mut Hands| {
                    rule(from, packet, hands);
                })
            })
        })
    }

    /// The reference broker, `latency` away in both directions.
    pub(crate) fn far(latency: Duration) -> Self {
        Self::odder(latency, || {
            Box::new(|| {
                Box::new(|from: From, packet: &[u8], hands: &mut Hands| hands.pass(from, packet))
            })
        })
    }

    fn odder(
        latency: Duration,
        make: impl FnOnce() -> Box<dyn Fn() -> Rule> + Send + 'static,
    ) -> Self {
        Self::open(move |listener| async move {
            let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let addr = inner.local_addr().unwrap();
            let broker = Broker::new(Config::default());
            spawn_local(async move { Server::new(broker).run(inner).await.unwrap() });
            let make = make();
            while let Ok((stream, _)) = listener.accept().await {
                spawn_local(carry(stream, addr, latency, make()));
            }
        })
    }
}

async fn carry(client: TcpStream, addr: SocketAddr, latency: Duration, mut rule: Rule) {
    let Ok(server) = TcpStream::connect(addr).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut from_client, to_client) = client.into_split();
    let (mut from_broker, to_broker) = server.into_split();
    let (client_line, rest) = unbounded_channel();
    let client_writer = spawn_local(write(to_client, rest, latency));
    let (broker_line, rest) = unbounded_channel();
    spawn_local(write(to_broker, rest, latency));
    let mut hands = Hands {
        five: false,
        client: Line(client_line),
        broker: Line(broker_line),
    };
    let (mut up, mut down) = (Vec::new(), Vec::new());
    let mut open = true;
    loop {
        let (from, alive, buffer) = tokio::select! {
            biased;
            alive = read(&mut from_client, &mut up), if open => (From::Client, alive, &mut up),
            alive = read(&mut from_broker, &mut down) => (From::Broker, alive, &mut down),
        };
        while let Some(packet) = frame(buffer) {
            if from == From::Client && kind(&packet) == 1 {
                hands.five = body(&packet).get(6) == Some(&5);
            }
            rule(from, &packet, &mut hands);
        }
        match (from, alive) {
            (_, true) => {}
            (From::Client, false) => {
                open = false;
                let _ = hands.broker.0.send(Item::Close);
            }
            (From::Broker, false) => break,
        }
    }
    let _ = hands.client.0.send(Item::Close);
    let _ = client_writer.await;
}

async fn read(half: &mut OwnedReadHalf, buffer: &mut Vec<u8>) -> bool {
    matches!(half.read_buf(buffer).await, Ok(1..))
}

/// One packet from the front, or everything when its length cannot be read.
fn frame(buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut len = 0;
    for index in 0..4 {
        let byte = *buffer.get(1 + index)?;
        len |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            let whole = 2 + index + len;
            return (buffer.len() >= whole).then(|| buffer.drain(..whole).collect());
        }
    }
    Some(std::mem::take(buffer))
}

async fn write(mut half: OwnedWriteHalf, mut rest: UnboundedReceiver<Item>, latency: Duration) {
    while let Some(item) = rest.recv().await {
        match item {
            Item::Bytes(at, bytes) => {
                sleep_until(at + latency).await;
                if half.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Item::Dribble(bytes) => {
                for byte in bytes {
                    let _ = half.write_all(&[byte]).await;
                    sleep(Duration::from_millis(3)).await;
                }
            }
            Item::Close => {
                sleep(latency).await;
                return;
            }
        }
    }
}
