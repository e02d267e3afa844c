//! A sender and a receiver, a wire between them that can be cut at any packet, and random steps.
//!
//! Whatever happens: QoS 2 exactly once and QoS 1 at least once, first deliveries in order, the receiver's quota
//! never exceeded, no packet identifier in use twice, no acknowledgement of the wrong kind, and an end. A message
//! that is too large for the receiver, now or when it is sent again, may be lost, but no other is lost with it, even
//! when only few packet identifiers are left and each is used again at once.

use proptest::prelude::*;
use squall_protocol::{
    PacketId, QoS, ReasonCode, Version,
    flow::{Inbound, Outbound, ReceiveQuota, Resend, receiver, sender},
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::LazyLock,
};

/// A message is its number, in the order of sending.
type Message = usize;

/// What one side sends the other.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wire {
    Publish {
        id: PacketId,
        qos: QoS,
        dup: bool,
        message: Message,
    },
    PubAck(PacketId),
    PubRec(PacketId, ReasonCode),
    PubRel(PacketId),
    PubComp(PacketId),
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The application publishes; the receiver will refuse it if `refuse` (5.0, QoS 2).
    Publish { qos: QoS, refuse: bool, size: u8 },
    /// A SUBSCRIBE takes a packet identifier.
    Request,
    /// The oldest open request is answered.
    Answer,
    /// The next packet to the receiver arrives.
    Forward,
    /// The next packet to the sender arrives.
    Back,
    /// The connection is lost with all that is on its way, and the session resumed under new limits.
    Reconnect {
        receive_maximum: u16,
        /// The size of the largest message that the receiver takes from here on.
        largest: u8,
        /// The receiver repeats the PUBRECs of messages that the sender has abandoned, as it may.
        late_pubrecs: bool,
    },
}

/// What the application published.
#[derive(Clone, Copy, Debug)]
struct Published {
    qos: QoS,
    /// The receiver refuses it.
    refuse: bool,
    size: u8,
    /// The sender dropped it as too large; it may have arrived before.
    dropped: bool,
}

struct Pair {
    version: Version,
    /// What the sender writes into DUP when it sends again; no receiver may rely on it.
    dup: bool,
    out: Outbound<Message>,
    /// The message that was sent again last on this connection.
    again: Message,
    waiting: VecDeque<(QoS, Message)>,
    requests: VecDeque<PacketId>,
    forward: VecDeque<Wire>,
    inbound: Inbound,
    watch: ReceiveQuota,
    back: VecDeque<Wire>,
    published: Vec<Published>,
    /// The size of the largest message that the receiver takes.
    largest: u8,
    /// How often each message was delivered.
    delivered: BTreeMap<Message, usize>,
    first_deliveries: Vec<Message>,
    /// Identifiers in use by the sender, kept beside `Outbound`.
    in_use: BTreeSet<PacketId>,
}

impl Pair {
    fn new(version: Version, dup: bool, receive_maximum: u16, mut out: Outbound<Message>) -> Self {
        out.set_receive_maximum(receive_maximum);
        Self {
            version,
            dup,
            out,
            again: 0,
            waiting: VecDeque::new(),
            requests: VecDeque::new(),
            forward: VecDeque::new(),
            inbound: Inbound::new(),
            watch: ReceiveQuota::new(receive_maximum),
            back: VecDeque::new(),
            published: Vec::new(),
            largest: u8::MAX,
            delivered: BTreeMap::new(),
            first_deliveries: Vec::new(),
            in_use: BTreeSet::new(),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Publish { qos, refuse, size } => {
                let refuse = refuse && qos == QoS::ExactlyOnce && self.version == Version::V5_0;
                self.waiting.push_back((qos, self.published.len()));
                self.published.push(Published {
                    qos,
                    refuse,
                    size,
                    dropped: false,
                });
                self.pump();
            }
            Step::Request => {
                if let Some(id) = self.out.reserve() {
                    assert!(self.in_use.insert(id), "{id} is in use");
                    self.requests.push_back(id);
                } else {
                    assert!(!self.out.has_free_id());
                }
            }
            Step::Answer => {
                if let Some(id) = self.requests.pop_front() {
                    let outcome = self.out.handle_answer(self.version, id);
                    assert_eq!(outcome.action, sender::Action::Finish);
                    assert!(self.in_use.remove(&id));
                    self.pump();
                }
            }
            Step::Forward => {
                if let Some(packet) = self.forward.pop_front() {
                    self.receive(packet);
                }
            }
            Step::Back => {
                if let Some(packet) = self.back.pop_front() {
                    self.acknowledged(packet);
                }
            }
            Step::Reconnect {
                receive_maximum,
                largest,
                late_pubrecs,
            } => {
                self.largest = largest;
                self.reconnect(receive_maximum);
                if late_pubrecs {
                    let late = self.abandoned();
                    let late = late.map(|id| Wire::PubRec(id, ReasonCode::SUCCESS));
                    self.back.extend(late.collect::<Vec<_>>());
                }
            }
        }
    }

    fn reconnect(&mut self, receive_maximum: u16) {
        self.forward.clear();
        self.back.clear();
        // `resume` frees what is left of the requests; an owner that wants its identifiers sooner gives them up.
        for (n, id) in std::mem::take(&mut self.requests).into_iter().enumerate() {
            if n % 2 == 0 {
                assert_eq!(self.out.give_up(id).action, sender::Action::Finish);
            }
            assert!(self.in_use.remove(&id));
        }
        self.out.set_receive_maximum(receive_maximum);
        self.watch = ReceiveQuota::new(receive_maximum);
        self.out.resume();
        self.again = 0;
        self.pump();
    }

    /// The identifiers that the receiver remembers and the sender has abandoned.
    fn abandoned(&self) -> impl Iterator<Item = PacketId> {
        let ids = self.in_use.iter().copied();
        ids.filter(|id| self.inbound.is_open(*id))
            .filter(|id| self.out.state(*id) == sender::State::AbandonedQoS2)
    }

    fn fits(&mut self, message: Message) -> bool {
        let published = &mut self.published[message];
        let fits = published.size <= self.largest;
        published.dropped |= !fits;
        fits
    }

    /// Sends what the quota lets go: first again, then new.
    fn pump(&mut self) {
        loop {
            let again = match self.out.next_again() {
                None => None,
                Some(Resend::Publish(id, qos, &message)) => Some((id, qos, message)),
                Some(Resend::PubRel(id)) => {
                    self.forward.push_back(Wire::PubRel(id));
                    continue;
                }
            };
            let (id, qos, dup, message) = if let Some((id, qos, message)) = again {
                assert!(message >= self.again, "in the order of first sending");
                self.again = message;
                if !self.fits(message) {
                    // The identifier stays in `in_use`.
                    let outcome = self.out.abandon(id);
                    assert_eq!(outcome.action, sender::Action::Drop);
                    assert_eq!(outcome.message, Some(message));
                    continue;
                }
                (id, qos, self.dup, message)
            } else if self.out.has_room()
                && let Some((qos, message)) = self.waiting.pop_front()
            {
                let id = self.out.begin(qos, message).expect("there is room");
                assert!(self.in_use.insert(id), "{id} is in use");
                if !self.fits(message) {
                    assert_eq!(self.out.give_up(id).action, sender::Action::Finish);
                    self.in_use.remove(&id);
                    continue;
                }
                (id, qos, false, message)
            } else {
                return;
            };
            self.forward.push_back(Wire::Publish {
                id,
                qos,
                dup,
                message,
            });
        }
    }

    fn receive(&mut self, packet: Wire) {
        use receiver::Action;
        let version = self.version;
        match packet {
            Wire::Publish {
                id,
                qos,
                dup,
                message,
            } => {
                self.watch
                    .admit(id, qos)
                    .expect("the sender keeps to the Receive Maximum");
                let action = self.inbound.handle_publish(version, id, qos, dup);
                let refuse = self.published[message].refuse;
                if action.delivers() && refuse {
                    // It comes again when the PUBREC is lost, and is refused again.
                    assert_eq!(self.inbound.refuse(id), Action::SendPubRecError);
                    self.watch.complete(id);
                    self.back
                        .push_back(Wire::PubRec(id, ReasonCode::NOT_AUTHORIZED));
                    return;
                }
                if action.delivers() {
                    if !self.delivered.contains_key(&message) {
                        self.first_deliveries.push(message);
                    }
                    *self.delivered.entry(message).or_default() += 1;
                }
                self.back.push_back(match action {
                    Action::DeliverThenPubAck => Wire::PubAck(id),
                    _ => Wire::PubRec(id, ReasonCode::SUCCESS),
                });
            }
            Wire::PubRel(id) => {
                self.inbound.handle_pubrel(version, id);
                self.watch.complete(id);
                self.back.push_back(Wire::PubComp(id));
            }
            other => panic!("{other:?} is not for the receiver"),
        }
    }

    fn acknowledged(&mut self, packet: Wire) {
        use sender::Action;
        let version = self.version;
        let (id, outcome) = match packet {
            Wire::PubAck(id) => (id, self.out.handle_puback(version, id)),
            Wire::PubRec(id, reason) => (id, self.out.handle_pubrec(version, id, reason)),
            Wire::PubComp(id) => (id, self.out.handle_pubcomp(version, id)),
            other => panic!("{other:?} is not for the sender"),
        };
        match outcome.action {
            Action::SendPubRel => self.forward.push_back(Wire::PubRel(id)),
            Action::Finish => {
                assert!(self.in_use.remove(&id), "{id} was free");
            }
            // The receiver acknowledges only what was sent, once for each time it came.
            action => panic!("{packet:?} led to {action:?}"),
        }
        self.pump();
    }

    /// Lets everything arrive. Each packet brings its message on, so a bound is known beforehand.
    fn settle(&mut self) {
        let mut left = 20 + self.published.len() * 4 + self.forward.len() + self.back.len();
        while !(self.forward.is_empty() && self.back.is_empty()) {
            left = left.checked_sub(1).expect("it comes to an end");
            self.take(Step::Forward);
            self.take(Step::Back);
        }
    }

    fn check(&self) {
        assert!(self.out.is_empty(), "everything is acknowledged");
        let exhausted = !self.out.has_free_id();
        assert!(exhausted || self.waiting.is_empty());
        let waiting: BTreeSet<Message> = self.waiting.iter().map(|(_, message)| *message).collect();
        let remembered = self.abandoned().count();
        assert_eq!(self.inbound.len(), remembered, "the rest is released");
        for (message, published) in self.published.iter().enumerate() {
            let times = self.delivered.get(&message).copied().unwrap_or(0);
            match (published.qos, published.refuse) {
                (_, true) => assert_eq!(times, 0, "message {message} was refused"),
                _ if waiting.contains(&message) => assert_eq!(times, 0, "message {message}"),
                (QoS::AtLeastOnce, _) => {
                    assert!(times >= 1 || published.dropped, "message {message}");
                }
                _ if published.dropped => assert!(times <= 1, "message {message}"),
                _ => assert_eq!(times, 1, "message {message}"),
            }
        }
        assert!(
            self.first_deliveries.is_sorted(),
            "{:?}",
            self.first_deliveries
        );
    }
}

fn step() -> impl Strategy<Value = Step> {
    let qos = prop_oneof![Just(QoS::AtLeastOnce), Just(QoS::ExactlyOnce)];
    prop_oneof![
        4 => (qos, proptest::bool::weighted(0.2), 0_u8..4)
            .prop_map(|(qos, refuse, size)| Step::Publish { qos, refuse, size }),
        1 => Just(Step::Request),
        1 => Just(Step::Answer),
        6 => Just(Step::Forward),
        6 => Just(Step::Back),
        // More often than not everything fits.
        1 => (1_u16..5, 0_u8..8, any::<bool>()).prop_map(
            |(receive_maximum, largest, late_pubrecs)| Step::Reconnect {
                receive_maximum,
                largest,
                late_pubrecs,
            }
        ),
    ]
}

/// A sender on which nearly all packet identifiers are taken by messages it abandoned long ago.
static NEARLY_EXHAUSTED: LazyLock<Outbound<Message>> = LazyLock::new(|| {
    let mut out = Outbound::new(1);
    for _ in 0..u16::MAX - 8 {
        let id = out.begin(QoS::AtLeastOnce, 0).expect("a free identifier");
        out.abandon(id);
    }
    out
});

fn walk(mut pair: Pair, steps: Vec<Step>) {
    for step in steps {
        pair.take(step);
    }
    pair.settle();
    pair.check();
}

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::V3_1_1), Just(Version::V5_0)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn nothing_is_lost_or_doubled_whatever_the_wire_does(
        version in version(),
        dup: bool,
        receive_maximum in 1_u16..5,
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        walk(Pair::new(version, dup, receive_maximum, Outbound::new(1)), steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn nothing_is_lost_or_doubled_when_identifiers_are_used_again_at_once(
        version in version(),
        dup: bool,
        receive_maximum in 1_u16..5,
        steps in proptest::collection::vec(step(), 0..240),
    ) {
        walk(Pair::new(version, dup, receive_maximum, NEARLY_EXHAUSTED.clone()), steps);
    }
}
