//! One measurement: publishers publish for a while, subscribers take and acknowledge.

use crate::{house::House, peer::Peer};
use squall_protocol::{
    Packet, PacketId, Properties, QoS,
    packet::{Ack, Publish},
};
use std::{
    fmt, io,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

/// Bytes of a payload.
const PAYLOAD: usize = 64;
/// Messages of QoS 0 that a publisher writes at once.
const BURST: usize = 64;
/// Quiet after which nothing more is expected of QoS 0.
const QUIET: Duration = Duration::from_millis(300);

/// What is measured.
pub(crate) struct Case {
    pub(crate) qos: QoS,
    /// Messages of QoS 1 and 2 that a publisher has in flight.
    pub(crate) window: usize,
    pub(crate) publishers: usize,
    pub(crate) subscribers: usize,
}

impl Case {
    pub(crate) const fn new(qos: QoS, window: usize) -> Self {
        Self {
            qos,
            window,
            publishers: 1,
            subscribers: 1,
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (publishers, subscribers) = (self.publishers, self.subscribers);
        if publishers * subscribers > 1 {
            write!(f, "{publishers} to {subscribers}, ")?;
        }
        write!(f, "QoS {}", self.qos.as_u8())?;
        match self.qos {
            QoS::AtMostOnce => Ok(()),
            _ => write!(f, ", window {}", self.window),
        }
    }
}

/// What was measured.
pub(crate) struct Outcome {
    published: u64,
    delivered: u64,
    expected: u64,
    elapsed: Duration,
    /// Microseconds from before the message was written until it was read.
    pub(crate) p50: u32,
    pub(crate) p99: u32,
    ticks: u64,
    stores: Option<u64>,
}

impl Outcome {
    /// Deliveries a second.
    pub(crate) fn rate(&self) -> f64 {
        self.delivered as f64 / self.elapsed.as_secs_f64()
    }

    /// Microseconds of a processor for each delivery.
    pub(crate) fn cpu(&self) -> f64 {
        self.ticks as f64 * 10_000.0 / self.delivered as f64
    }

    /// How often was stored, by messages that were published.
    pub(crate) fn syncs(&self) -> Option<f64> {
        Some(self.stores? as f64 / self.published as f64)
    }

    pub(crate) const fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.delivered)
    }
}

/// What a subscriber has seen.
struct Taken {
    latencies: Vec<u32>,
    last: Duration,
}

pub(crate) fn play(house: &House, case: &Case, length: Duration) -> io::Result<Outcome> {
    let mut subscribers = Vec::new();
    for n in 0..case.subscribers {
        let mut peer = house.join(&format!("subscriber-{n}"))?;
        peer.subscribe("load/+", case.qos)?;
        subscribers.push(peer);
    }
    let publishers = (0..case.publishers).map(|n| house.join(&format!("publisher-{n}")));
    let publishers = publishers.collect::<io::Result<Vec<_>>>()?;
    let (ticks, stores) = (house.ticks(), house.stores()?);
    let base = Instant::now();
    // How many messages each subscriber will have seen at the end.
    let total = AtomicU64::new(u64::MAX);
    let (published, taken) = thread::scope(|scope| {
        let takers: Vec<_> = (subscribers.into_iter())
            .map(|peer| scope.spawn(|| take(peer, base, &total)))
            .collect();
        let givers: Vec<_> = (publishers.into_iter().enumerate())
            .map(|(n, peer)| scope.spawn(move || give(peer, n, case, base, length)))
            .collect();
        let given: io::Result<u64> = givers.into_iter().map(joined).sum();
        total.store(*given.as_ref().unwrap_or(&0), SeqCst);
        let taken: io::Result<Vec<Taken>> = takers.into_iter().map(joined).collect();
        Ok::<_, io::Error>((given?, taken?))
    })?;
    let mut latencies: Vec<u32> = taken.iter().flat_map(|t| t.latencies.clone()).collect();
    latencies.sort_unstable();
    let at = |part: usize| latencies.get(latencies.len() * part / 100).copied();
    Ok(Outcome {
        published,
        delivered: latencies.len() as u64,
        expected: published * case.subscribers as u64,
        elapsed: taken.iter().map(|t| t.last).max().unwrap_or_default(),
        p50: at(50).unwrap_or(0),
        p99: at(99).unwrap_or(0),
        ticks: house.ticks() - ticks,
        stores: stores.and_then(|before| Some(house.stores().ok()?? - before)),
    })
}

fn joined<T>(handle: thread::ScopedJoinHandle<'_, io::Result<T>>) -> io::Result<T> {
    match handle.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn message(topic: &str, qos: QoS, packet_id: Option<PacketId>, base: Instant) -> Packet {
    let mut payload = [b'x'; PAYLOAD];
    let now = u64::try_from(base.elapsed().as_nanos()).unwrap_or(u64::MAX);
    payload[..8].copy_from_slice(&now.to_be_bytes());
    Packet::Publish(Publish {
        dup: false,
        qos,
        retain: false,
        topic: topic.into(),
        packet_id,
        properties: Properties::new(),
        payload: payload.to_vec().into(),
    })
}

/// Publishes until the time is over, and waits until all of it is acknowledged.
fn give(mut peer: Peer, n: usize, case: &Case, base: Instant, length: Duration) -> io::Result<u64> {
    let topic = format!("load/{n}");
    let mut given = 0;
    if case.qos == QoS::AtMostOnce {
        while base.elapsed() < length {
            for _ in 0..BURST {
                peer.say(&message(&topic, case.qos, None, base))?;
            }
            given += BURST as u64;
            peer.flush()?;
        }
        peer.say(&Packet::PingReq)?;
        peer.flush()?;
        peer.hear()?;
        return Ok(given);
    }
    let window = u16::try_from(case.window).unwrap_or(u16::MAX);
    let mut free: Vec<PacketId> = (1..=window).rev().filter_map(PacketId::new).collect();
    loop {
        if base.elapsed() < length {
            given += free.len() as u64;
            for packet_id in free.drain(..) {
                peer.say(&message(&topic, case.qos, Some(packet_id), base))?;
            }
        } else if free.len() == case.window {
            return Ok(given);
        }
        peer.flush()?;
        peer.read()?;
        while let Some(packet) = peer.next()? {
            match packet {
                Packet::PubAck(ack) | Packet::PubComp(ack) => free.push(ack.packet_id),
                Packet::PubRec(ack) => peer.say(&Packet::PubRel(Ack::success(ack.packet_id)))?,
                other => return Err(io::Error::other(format!("{other:?}"))),
            }
        }
    }
}

/// Takes and acknowledges until all have come, or with QoS 0 no more do.
fn take(mut peer: Peer, base: Instant, total: &AtomicU64) -> io::Result<Taken> {
    let mut taken = Taken {
        latencies: Vec::new(),
        last: Duration::ZERO,
    };
    peer.be_patient_for(QUIET)?;
    while (taken.latencies.len() as u64) < total.load(SeqCst) {
        if !peer.read_if_any()? {
            match total.load(SeqCst) {
                u64::MAX => continue,
                _ => break,
            }
        }
        let now = base.elapsed();
        while let Some(packet) = peer.next()? {
            match packet {
                Packet::Publish(publish) => {
                    let sent = publish
                        .payload
                        .first_chunk()
                        .copied()
                        .map(u64::from_be_bytes);
                    let sent = Duration::from_nanos(sent.unwrap_or(0));
                    let latency = now.saturating_sub(sent).as_micros();
                    (taken.latencies).push(u32::try_from(latency).unwrap_or(u32::MAX));
                    taken.last = now;
                    match (publish.packet_id, publish.qos) {
                        (Some(id), QoS::AtLeastOnce) => {
                            peer.say(&Packet::PubAck(Ack::success(id)))?
                        }
                        (Some(id), _) => peer.say(&Packet::PubRec(Ack::success(id)))?,
                        (None, _) => {}
                    }
                }
                Packet::PubRel(ack) => peer.say(&Packet::PubComp(Ack::success(ack.packet_id)))?,
                other => return Err(io::Error::other(format!("{other:?}"))),
            }
        }
        peer.flush()?;
    }
    Ok(taken)
}
