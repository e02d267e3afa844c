//! A publisher and a subscriber that keep their sessions, and a store whose power goes.

use super::*;
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestError, TestRng, TestRunner},
};

/// What happens to a publisher, a subscriber and the store between them.
#[derive(Clone, Debug)]
enum Step {
    Publish(QoS),
    Stored,
    Crash,
    SubscriberLeaves,
    SubscriberReturns,
    PublisherReturns,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::sample::select(vec![QoS::AtLeastOnce, QoS::ExactlyOnce]).prop_map(Step::Publish),
        4 => Just(Step::Stored),
        1 => Just(Step::Crash),
        1 => Just(Step::SubscriberLeaves),
        1 => Just(Step::SubscriberReturns),
        1 => Just(Step::PublisherReturns),
    ]
}

/// Both ends as clients that keep their sessions do it: the publisher sends again what is not acknowledged, the
/// subscriber acknowledges what it gets.
struct Pair {
    bench: Bench,
    publisher: ConnId,
    /// `None` while it is away.
    subscriber: Option<ConnId>,
    /// Messages that the publisher has in flight: the PUBLISH, and whether PUBREL stands for it.
    flight: BTreeMap<u16, (Packet, bool)>,
    next_id: u16,
    published: u32,
    acknowledged: Vec<(String, QoS)>,
    /// QoS 2 identifiers that the subscriber has taken and not completed.
    taken: BTreeSet<PacketId>,
    got: BTreeMap<String, u32>,
}

impl Pair {
    fn on(store: Slow) -> Self {
        let mut bench = Bench::on(store, Config::default(), Time::ZERO, 0);
        let subscriber = bench.connect("subscriber", u32::MAX);
        bench.subscribe(subscriber, "t");
        bench.stored();
        let publisher = bench.connect("publisher", u32::MAX);
        Self {
            bench,
            publisher,
            subscriber: Some(subscriber),
            flight: BTreeMap::new(),
            next_id: 0,
            published: 0,
            acknowledged: Vec::new(),
            taken: BTreeSet::new(),
            got: BTreeMap::new(),
        }
    }

    fn play(mut self, step: &Step) -> Self {
        match step {
            Step::Publish(qos) => {
                self.next_id += 1;
                self.published += 1;
                let packet = publish(&self.published.to_string(), *qos, self.next_id);
                self.flight.insert(self.next_id, (packet.clone(), false));
                self.bench.send(self.publisher, &packet);
            }
            Step::Stored => self.bench.stored(),
            Step::Crash => {
                // What had left has arrived.
                self.take();
                self.bench = self.bench.crash();
                self.return_publisher();
                if self.subscriber.is_some() {
                    self.return_subscriber();
                }
            }
            Step::SubscriberLeaves => self.hang_up_subscriber(),
            Step::SubscriberReturns => {
                self.hang_up_subscriber();
                self.return_subscriber();
            }
            Step::PublisherReturns => {
                self.bench
                    .machine
                    .handle_closed(self.bench.now, self.publisher, Hangup::Reset);
                self.return_publisher();
            }
        }
        self.take();
        self
    }

    fn return_subscriber(&mut self) {
        self.subscriber = Some(self.bench.dial("subscriber", u32::MAX, None));
    }

    fn hang_up_subscriber(&mut self) {
        if let Some(conn) = self.subscriber.take() {
            let machine = &mut self.bench.machine;
            machine.handle_closed(self.bench.now, conn, Hangup::Reset);
        }
    }

    fn return_publisher(&mut self) {
        self.publisher = self.bench.dial("publisher", u32::MAX, None);
        for (id, (packet, released)) in self.flight.clone() {
            let again = match (packet, released) {
                (_, true) => Packet::PubRel(Ack::success(PacketId::new(id).unwrap())),
                (Packet::Publish(publish), _) => Packet::Publish(Publish {
                    dup: true,
                    ..publish
                }),
                (other, _) => other,
            };
            self.bench.send(self.publisher, &again);
        }
    }

    /// Both ends take what came, until nothing more does.
    fn take(&mut self) {
        loop {
            let to_publisher = self.bench.inbox.remove(&self.publisher).unwrap_or_default();
            let to_subscriber = self.subscriber.and_then(|c| self.bench.inbox.remove(&c));
            let to_subscriber = to_subscriber.unwrap_or_default();
            if to_publisher.is_empty() && to_subscriber.is_empty() {
                return;
            }
            for packet in to_publisher {
                self.publisher_takes(&packet);
            }
            for packet in to_subscriber {
                self.subscriber_takes(packet);
            }
        }
    }

    fn publisher_takes(&mut self, packet: &Packet) {
        let (Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubComp(ack)) = packet else {
            return;
        };
        let id = ack.packet_id.get();
        let Some((Packet::Publish(publish), _)) = self.flight.get(&id).cloned() else {
            return;
        };
        let payload = String::from_utf8(publish.payload.to_vec()).unwrap();
        match packet {
            Packet::PubRec(_) => {
                self.acknowledged.push((payload, QoS::ExactlyOnce));
                self.flight.get_mut(&id).unwrap().1 = true;
                self.bench
                    .send(self.publisher, &Packet::PubRel(Ack::success(ack.packet_id)));
            }
            Packet::PubAck(_) => {
                self.acknowledged.push((payload, QoS::AtLeastOnce));
                self.flight.remove(&id);
            }
            _ => {
                self.flight.remove(&id);
            }
        }
    }

    fn subscriber_takes(&mut self, packet: Packet) {
        let answer = match packet {
            Packet::Publish(publish) => {
                let id = publish.packet_id.unwrap();
                let payload = String::from_utf8(publish.payload.to_vec()).unwrap();
                let two = publish.qos == QoS::ExactlyOnce;
                if !two || self.taken.insert(id) {
                    *self.got.entry(payload).or_default() += 1;
                }
                match two {
                    true => Packet::PubRec(Ack::success(id)),
                    false => Packet::PubAck(Ack::success(id)),
                }
            }
            Packet::PubRel(ack) => {
                self.taken.remove(&ack.packet_id);
                Packet::PubComp(Ack::with_reason(ack.packet_id, ReasonCode::SUCCESS))
            }
            _ => return,
        };
        if let Some(conn) = self.subscriber {
            self.bench.send(conn, &answer);
        }
    }
}

/// What comes of these steps, and of everything after them: what was promised and not kept.
fn fate(store: Slow, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut pair = Pair::on(store);
    for step in steps {
        pair = pair.play(step);
    }
    for _ in 0..3 {
        pair = pair
            .play(&Step::PublisherReturns)
            .play(&Step::SubscriberReturns);
        for _ in 0..20 {
            pair = pair.play(&Step::Stored);
        }
    }
    prop_assert!(pair.flight.is_empty(), "{:?}", pair.flight);
    for (payload, qos) in &pair.acknowledged {
        let times = pair.got.get(payload).copied().unwrap_or_default();
        match qos {
            QoS::ExactlyOnce => prop_assert_eq!(times, 1, "message {} at QoS 2", payload),
            _ => prop_assert!(times >= 1, "message {}", payload),
        }
    }
    let acknowledged: BTreeSet<_> = pair.acknowledged.iter().map(|(p, _)| p).collect();
    prop_assert_eq!(acknowledged.len(), pair.published as usize);
    Ok(())
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..60)
}

/// The same cases each time.
fn runner() -> TestRunner {
    TestRunner::new_with_rng(
        ProptestConfig {
            cases: 500,
            failure_persistence: None,
            ..ProptestConfig::default()
        },
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// However often the power goes: what was acknowledged comes, and QoS 2 once.
    #[test]
    fn nothing_that_was_promised_is_lost_and_nothing_comes_twice_at_qos_2(steps in steps()) {
        fate(Slow::default(), &steps)?;
    }
}

/// What is wrong with a store that is wrong on purpose.
fn caught(change: fn(&mut Disk)) -> String {
    let found = runner().run(&steps(), |steps| {
        let store = Slow::default();
        change(&mut store.0.borrow_mut());
        fate(store, &steps)
    });
    match found {
        Err(TestError::Fail(reason, _)) => reason.to_string(),
        other => panic!("nobody found it: {other:?}"),
    }
}

#[test]
fn who_acknowledges_before_the_sync_is_caught() {
    let reason = caught(|disk| disk.hasty = true);
    assert!(reason.contains("message 1"), "{reason}");
}

#[test]
fn who_forgets_packet_identifiers_over_a_restart_is_caught() {
    let reason = caught(|disk| disk.forgetful = true);
    assert!(reason.contains("at QoS 2"), "{reason}");
}
