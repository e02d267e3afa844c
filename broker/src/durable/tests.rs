mod kept;
mod power;

use super::*;
use crate::store::{Key, Redb};
use bytes::Bytes;
use squall_protocol::{
    Packet, PacketId, Properties, Property, QoS, ReasonCode, Role, Version, decode_one, encode,
    packet::{Ack, Connect, Disconnect, Publish, Subscribe, Subscription, Will},
    topic::TopicFilter,
};
use std::{cell::RefCell, collections::BTreeSet, rc::Rc};

const V5: Version = Version::V5_0;

/// A store that stores when it is told to, and forgets the rest when the power goes.
#[derive(Clone, Debug, Default)]
struct Slow(Rc<RefCell<Disk>>);

#[derive(Debug, Default)]
struct Disk {
    rows: BTreeMap<Key, Bytes>,
    under_way: Vec<Batch>,
    stored: usize,
    batches: usize,
    broken: bool,
    /// Says that something is stored when it was only begun, and how much it has said so.
    hasty: bool,
    hasted: usize,
    /// Forgets packet identifiers between PUBREC and PUBREL when it is opened.
    forgetful: bool,
}

impl Slow {
    fn finish(&self) {
        let disk = &mut *self.0.borrow_mut();
        for batch in std::mem::take(&mut disk.under_way) {
            for (key, value) in batch.rows() {
                match value {
                    Some(value) => disk.rows.insert(key.clone(), value.clone()),
                    None => disk.rows.remove(key),
                };
            }
            disk.stored += usize::from(!disk.hasty);
        }
        disk.hasted = 0;
    }
}

impl Store for Slow {
    fn load(&mut self) -> Result<Vec<(Key, Bytes)>, StoreError> {
        let disk = &mut *self.0.borrow_mut();
        disk.under_way.clear();
        disk.stored = 0;
        disk.hasted = 0;
        if disk.forgetful {
            disk.rows.retain(|key, _| !matches!(key, Key::Received(..)));
        }
        Ok(disk.rows.clone().into_iter().collect())
    }

    fn store(&mut self, _: Time, batch: Batch) -> Result<(), StoreError> {
        let disk = &mut *self.0.borrow_mut();
        disk.under_way.push(batch);
        disk.batches += 1;
        Ok(())
    }

    fn stored(&mut self, _: Time) -> Result<usize, StoreError> {
        let disk = &mut *self.0.borrow_mut();
        if disk.hasty {
            let begun = disk.under_way.len() - disk.hasted;
            disk.hasted += begun;
            return Ok(begun);
        }
        match disk.broken {
            true => Err(StoreError::Failed("no space left".to_owned())),
            false => Ok(std::mem::take(&mut disk.stored)),
        }
    }
}

/// A durable broker, its store, and what came out.
struct Bench {
    machine: Durable,
    store: Slow,
    config: Config,
    now: Time,
    opened: u64,
    inbox: BTreeMap<ConnId, Vec<Packet>>,
    closed: BTreeSet<ConnId>,
    events: Vec<Event>,
}

impl Bench {
    fn new() -> Self {
        Self::on(Slow::default(), Config::default(), Time::ZERO, 0)
    }

    fn on(store: Slow, config: Config, now: Time, opened: u64) -> Self {
        let mut machine = Durable::open(config.clone(), store.clone(), now).unwrap();
        machine.observe(true);
        Self {
            machine,
            store,
            config,
            now,
            opened,
            inbox: BTreeMap::new(),
            closed: BTreeSet::new(),
            events: Vec::new(),
        }
    }

    /// The power goes, and comes again.
    fn crash(self) -> Self {
        Self::on(self.store, self.config, self.now, self.opened)
    }

    fn stored(&mut self) {
        self.store.finish();
        self.machine.handle_stored(self.now);
        self.drain();
    }

    fn drain(&mut self) {
        self.events
            .extend(std::iter::from_fn(|| self.machine.poll_event()));
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Send { conn, bytes } => {
                    let packet = decode_one(&bytes, Role::Server, Some(V5)).unwrap().packet;
                    self.inbox.entry(conn).or_default().push(packet);
                }
                Output::Close { conn } => assert!(self.closed.insert(conn)),
                // Everybody is who it says.
                Output::Verify { conn, .. } => {
                    let machine = &mut self.machine;
                    machine.handle_verified(self.now, conn, Verdict::Right);
                }
            }
        }
    }

    fn send(&mut self, conn: ConnId, packet: &Packet) {
        let bytes = encode(packet, V5).unwrap();
        self.machine.handle_bytes(self.now, conn, &bytes);
        self.drain();
    }

    /// Connects with a session that is kept, without waiting for the store.
    fn dial(&mut self, client_id: &str, expiry: u32, will: Option<Will>) -> ConnId {
        self.dial_as(None, client_id, expiry, will)
    }

    /// The same as this user.
    fn dial_as(
        &mut self,
        user: Option<&str>,
        client_id: &str,
        expiry: u32,
        will: Option<Will>,
    ) -> ConnId {
        let conn = ConnId(self.opened);
        self.opened += 1;
        self.machine.handle_open(self.now, conn);
        let expiry = Property::SessionExpiryInterval(expiry);
        let connect = Connect {
            version: V5,
            clean_start: false,
            keep_alive: 0,
            client_id: client_id.into(),
            will,
            user_name: user.map(Into::into),
            password: None,
            properties: Properties::new().with(expiry),
        };
        self.send(conn, &Packet::Connect(Box::new(connect)));
        conn
    }

    /// The same, accepted and stored.
    fn connect(&mut self, client_id: &str, expiry: u32) -> ConnId {
        let conn = self.dial(client_id, expiry, None);
        self.stored();
        let heard = self.heard(conn);
        assert!(heard[0].starts_with("connack"), "{heard:?}");
        conn
    }

    fn subscribe(&mut self, conn: ConnId, filter: &str) {
        let filter = TopicFilter::parse_v5(filter).unwrap();
        let subscribe = Subscribe {
            packet_id: PacketId::MIN,
            properties: Properties::new(),
            subscriptions: vec![Subscription::new(filter, QoS::ExactlyOnce)],
        };
        self.send(conn, &Packet::Subscribe(subscribe));
    }

    /// Somebody away whose messages are kept.
    fn somebody_away(&mut self) {
        let conn = self.connect("away", u32::MAX);
        self.subscribe(conn, "t");
        self.stored();
        self.machine.handle_closed(self.now, conn, Hangup::Eof);
        self.drain();
        self.pass(1000);
    }

    fn pass(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
        self.machine.handle_timeout(self.now);
        self.drain();
        self.stored();
    }

    /// What a connection got since it was asked last.
    fn heard(&mut self, conn: ConnId) -> Vec<String> {
        let packets = self.inbox.remove(&conn).unwrap_or_default();
        packets
            .iter()
            .map(Packet::summary)
            .map(|s| s.to_lowercase())
            .collect()
    }
}

fn publish(payload: &str, qos: QoS, id: u16) -> Packet {
    Packet::Publish(Publish {
        dup: false,
        qos,
        retain: false,
        topic: "t".into(),
        packet_id: PacketId::new(id).filter(|_| qos > QoS::AtMostOnce),
        properties: Properties::new(),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
    })
}

fn starts(heard: &[String], with: &[&str]) -> bool {
    heard.len() == with.len() && heard.iter().zip(with).all(|(h, w)| h.starts_with(w))
}

#[test]
fn a_promise_waits_until_it_is_stored_and_what_is_behind_it_too() {
    let mut bench = Bench::new();
    bench.somebody_away();
    let (one, other) = (bench.connect("one", 0), bench.connect("other", 0));
    let before = bench.store.0.borrow().batches;
    bench.send(one, &publish("a", QoS::AtLeastOnce, 1));
    bench.send(one, &Packet::PingReq);
    bench.send(other, &Packet::PingReq);
    assert!(starts(&bench.heard(one), &[]));
    assert!(
        starts(&bench.heard(other), &["pingresp"]),
        "nobody else waits"
    );
    // While it is under way the next batch is gathered.
    bench.send(other, &publish("b", QoS::AtLeastOnce, 1));
    bench.send(one, &publish("c", QoS::AtLeastOnce, 2));
    assert_eq!(bench.store.0.borrow().batches, before + 1);
    bench.stored();
    assert!(starts(&bench.heard(one), &["puback", "pingresp"]));
    assert_eq!(
        bench.store.0.borrow().batches,
        before + 2,
        "one sync for both"
    );
    bench.stored();
    let heard = bench.heard(one);
    assert!(starts(&heard, &["puback"]), "{heard:?}");
    assert!(starts(&bench.heard(other), &["puback"]));
    assert_eq!(
        bench.machine.poll_timeout(),
        None,
        "nothing is left to be done"
    );
}

#[test]
fn an_end_that_waits_for_the_store_is_told_when_the_client_is_faster() {
    let mut bench = Bench::new();
    let conn = bench.connect("one", 60);
    let ends = |bench: &Bench| {
        let closed = |event: &&Event| matches!(event, Event::Closed { .. });
        bench.events.iter().filter(closed).count()
    };
    let bye = Disconnect::with_reason(ReasonCode::NORMAL_DISCONNECTION);
    bench.send(conn, &Packet::Disconnect(bye));
    assert_eq!(ends(&bench), 0, "how long the session lasts is not stored");
    bench.machine.handle_closed(bench.now, conn, Hangup::Eof);
    bench.drain();
    assert_eq!(ends(&bench), 1);
    bench.stored();
    assert_eq!(ends(&bench), 1);
    assert!(bench.closed.is_empty(), "there is nothing to be closed");
}

#[test]
fn what_nobody_keeps_is_acknowledged_at_once() {
    let mut bench = Bench::new();
    let hearer = bench.connect("hearer", 0);
    bench.subscribe(hearer, "t");
    let conn = bench.connect("one", 0);
    bench.heard(hearer);
    bench.send(conn, &publish("a", QoS::ExactlyOnce, 1));
    assert!(starts(&bench.heard(conn), &["pubrec"]));
    assert!(starts(&bench.heard(hearer), &["publish"]));
    assert_eq!(bench.store.0.borrow().batches, 0);
}

#[test]
fn who_hangs_up_is_sent_nothing_that_was_kept_back() {
    let mut bench = Bench::new();
    bench.somebody_away();
    let conn = bench.connect("one", 0);
    bench.send(conn, &publish("a", QoS::AtLeastOnce, 1));
    bench.machine.handle_closed(bench.now, conn, Hangup::Reset);
    bench.drain();
    bench.stored();
    let of_it = bench.events.iter().filter(|e| e.conn() == Some(conn));
    let of_it: Vec<_> = of_it.collect();
    assert!(
        matches!(of_it.last(), Some(Event::Closed { .. })),
        "{of_it:?}"
    );
    assert!(starts(&bench.heard(conn), &[]));
}

#[test]
fn what_was_kept_back_from_who_hung_up_comes_for_the_first_time() {
    let mut bench = Bench::new();
    let conn = bench.connect("away", 60);
    bench.subscribe(conn, "t");
    bench.stored();
    bench.heard(conn);
    let one = bench.connect("one", 0);
    bench.send(one, &publish("a", QoS::AtLeastOnce, 1));
    bench.machine.handle_closed(bench.now, conn, Hangup::Reset);
    bench.drain();
    bench.stored();
    assert!(bench.heard(conn).is_empty(), "it was not there any more");
    let back = bench.dial("away", 60, None);
    bench.stored();
    let heard = bench.heard(back);
    assert!(starts(&heard, &["connack", "publish"]), "{heard:?}");
    assert!(!heard[1].contains("dup"), "{heard:?}");
    // Now it was sent, and is sent again as what it is.
    bench.machine.handle_closed(bench.now, back, Hangup::Reset);
    bench.stored();
    let again = bench.dial("away", 60, None);
    bench.stored();
    let heard = bench.heard(again);
    assert!(starts(&heard, &["connack", "publish"]), "{heard:?}");
    assert!(heard[1].contains("dup"), "{heard:?}");
}

#[test]
fn what_nobody_waits_for_is_stored_soon() {
    let mut bench = Bench::new();
    bench.somebody_away();
    let conn = bench.connect("one", 0);
    bench.send(conn, &publish("a", QoS::AtLeastOnce, 1));
    bench.stored();
    let away = bench.connect("away", u32::MAX);
    bench.stored();
    let before = bench.store.0.borrow().batches;
    bench.send(away, &Packet::PubAck(Ack::success(PacketId::MIN)));
    assert_eq!(bench.store.0.borrow().batches, before);
    assert_eq!(
        bench.machine.poll_timeout(),
        Some(bench.now + Durable::UNPROMISED)
    );
    bench.pass(200);
    assert_eq!(bench.store.0.borrow().batches, before + 1);
    assert!(
        !bench
            .store
            .0
            .borrow()
            .rows
            .keys()
            .any(|k| matches!(k, Key::Message(_)))
    );
}

#[test]
fn when_the_store_fails_nobody_is_promised_anything_and_everybody_is_sent_away() {
    let mut bench = Bench::new();
    bench.somebody_away();
    let (one, other) = (bench.connect("one", 0), bench.connect("other", 0));
    bench.send(one, &publish("a", QoS::AtLeastOnce, 1));
    bench.store.0.borrow_mut().broken = true;
    bench.machine.handle_stored(bench.now);
    bench.drain();
    for conn in [one, other] {
        let heard = bench.heard(conn);
        assert!(
            starts(&heard, &["disconnect"]) && heard[0].contains("8b"),
            "{heard:?}"
        );
    }
    assert_eq!(bench.closed, BTreeSet::from([one, other]));
    let mut events = bench.events.iter();
    let failed = events.position(|e| matches!(e, Event::Failed(_)));
    let ends = |e: &Event| matches!(e, Event::Closed { .. });
    let after = &bench.events[failed.expect("it is told")..];
    assert_eq!(after.iter().filter(|e| ends(e)).count(), 2, "{after:?}");
    let why = bench.machine.failure().unwrap();
    assert_eq!(why, "the store takes nothing any more: no space left");
    let late = bench.dial("late", 0, None);
    assert!(bench.closed.contains(&late) && bench.heard(late).is_empty());
    bench.pass(10_000);
}

#[test]
fn who_was_not_answered_when_the_store_fails_is_told_nothing() {
    let mut bench = Bench::new();
    let conn = bench.dial("one", 60, None);
    bench.store.0.borrow_mut().broken = true;
    bench.machine.handle_stored(bench.now);
    bench.drain();
    let heard = bench.heard(conn);
    assert!(heard.is_empty(), "CONNACK comes first: {heard:?}");
    assert!(bench.closed.contains(&conn));
}

#[test]
fn a_broker_that_is_stopped_stores_what_it_knows_and_keeps_wills_for_the_next_one() {
    let mut bench = Bench::new();
    bench.somebody_away();
    let will = Will {
        topic: "t".into(),
        payload: Bytes::from_static(b"gone"),
        qos: QoS::AtLeastOnce,
        retain: true,
        properties: Properties::new(),
    };
    bench.dial("one", 0, Some(will));
    bench.stored();
    bench.machine.handle_shutdown(bench.now);
    bench.drain();
    bench.store.finish();
    let mut again = bench.crash();
    again.stored();
    let conn = again.dial("away", u32::MAX, None);
    again.stored();
    let heard = again.heard(conn);
    assert!(starts(&heard, &["connack", "publish"]), "{heard:?}");
    let rows = again.store.0.borrow().rows.clone();
    assert!(rows.contains_key(&Key::Retained("t".to_owned())));
    assert!(
        !rows.keys().any(|key| matches!(key, Key::Will(_))),
        "{:?}",
        rows.keys()
    );
}

#[test]
fn a_damaged_store_is_refused() {
    let store = Slow::default();
    let row = (Key::Session(1), Bytes::from_static(b"?"));
    store.0.borrow_mut().rows.insert(row.0.clone(), row.1);
    let error = Durable::open(Config::default(), store, Time::ZERO).unwrap_err();
    assert_eq!(error, StoreError::Damaged(row.0));
}

#[test]
fn a_store_of_redb_is_stored_at_once() {
    let mut machine =
        Durable::open(Config::default(), Redb::in_memory().unwrap(), Time::ZERO).unwrap();
    machine.handle_open(Time::ZERO, ConnId(0));
    let connect = Connect {
        version: V5,
        clean_start: false,
        keep_alive: 0,
        client_id: "a".into(),
        will: None,
        user_name: None,
        password: None,
        properties: Properties::new().with(Property::SessionExpiryInterval(9)),
    };
    let bytes = encode(&Packet::Connect(Box::new(connect)), V5).unwrap();
    machine.handle_bytes(Time::ZERO, ConnId(0), &bytes);
    assert!(matches!(machine.poll_output(), Some(Output::Send { .. })));
}
