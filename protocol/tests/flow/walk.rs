//! A sender and a receiver, a wire between them that can be cut at any packet, and random steps.
//!
//! Whatever happens: QoS 2 exactly once and QoS 1 at least once, first deliveries in order, the receiver's quota
//! never exceeded, no packet identifier in use twice, no acknowledgement of the wrong kind, and an end.

use proptest::prelude::*;
use squall_protocol::{
    PacketId, QoS, ReasonCode, Version,
    flow::{Inbound, Outbound, ReceiveQuota, Resend, SendQuota, receiver, sender},
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

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
    Publish { qos: QoS, refuse: bool },
    /// A SUBSCRIBE takes a packet identifier.
    Request,
    /// The oldest open request is answered.
    Answer,
    /// The next packet to the receiver arrives.
    Forward,
    /// The next packet to the sender arrives.
    Back,
    /// The connection is lost with all that is on its way, and the session resumed under a new Receive Maximum.
    Reconnect { receive_maximum: u16 },
}

struct Pair {
    version: Version,
    /// What the sender writes into DUP when it sends again; no receiver may rely on it.
    dup: bool,
    out: Outbound<Message>,
    quota: SendQuota,
    resend: VecDeque<(PacketId, QoS, Message)>,
    waiting: VecDeque<(QoS, Message)>,
    requests: VecDeque<PacketId>,
    forward: VecDeque<Wire>,
    inbound: Inbound,
    watch: ReceiveQuota,
    back: VecDeque<Wire>,
    /// What was published: its QoS, and whether the receiver refuses it.
    published: Vec<(QoS, bool)>,
    /// How often each message was delivered.
    delivered: BTreeMap<Message, usize>,
    first_deliveries: Vec<Message>,
    /// Identifiers in use by the sender, kept beside `Outbound`.
    in_use: BTreeSet<PacketId>,
}

impl Pair {
    fn new(version: Version, dup: bool, receive_maximum: u16) -> Self {
        Self {
            version,
            dup,
            out: Outbound::new(receive_maximum),
            quota: SendQuota::new(receive_maximum),
            resend: VecDeque::new(),
            waiting: VecDeque::new(),
            requests: VecDeque::new(),
            forward: VecDeque::new(),
            inbound: Inbound::new(),
            watch: ReceiveQuota::new(receive_maximum),
            back: VecDeque::new(),
            published: Vec::new(),
            delivered: BTreeMap::new(),
            first_deliveries: Vec::new(),
            in_use: BTreeSet::new(),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Publish { qos, refuse } => {
                let refuse = refuse && qos == QoS::ExactlyOnce && self.version == Version::V5_0;
                self.waiting.push_back((qos, self.published.len()));
                self.published.push((qos, refuse));
                self.pump();
            }
            Step::Request => {
                let id = self.out.reserve().expect("a free identifier");
                assert!(self.in_use.insert(id), "{id} is in use");
                self.requests.push_back(id);
            }
            Step::Answer => {
                if let Some(id) = self.requests.pop_front() {
                    let outcome = self.out.handle_answer(self.version, id);
                    assert_eq!(outcome.action, sender::Action::Finish);
                    assert!(self.in_use.remove(&id));
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
            Step::Reconnect { receive_maximum } => self.reconnect(receive_maximum),
        }
    }

    fn reconnect(&mut self, receive_maximum: u16) {
        self.forward.clear();
        self.back.clear();
        for id in std::mem::take(&mut self.requests) {
            assert_eq!(self.out.give_up(id).action, sender::Action::Finish);
            assert!(self.in_use.remove(&id));
        }
        self.out.set_receive_maximum(receive_maximum);
        self.quota = SendQuota::new(receive_maximum);
        self.watch = ReceiveQuota::new(receive_maximum);
        self.resend.clear();
        for again in self.out.resend() {
            match again {
                Resend::Publish(id, qos, &message) => self.resend.push_back((id, qos, message)),
                // A PUBREL needs no quota.
                Resend::PubRel(id) => self.forward.push_back(Wire::PubRel(id)),
            }
        }
        assert!(self.resend.iter().map(|(.., m)| m).is_sorted());
        self.pump();
    }

    /// Sends what the quota lets go: first again, then new.
    fn pump(&mut self) {
        while self.quota.has_room() {
            let (id, qos, dup, message) = if let Some((id, qos, message)) = self.resend.pop_front()
            {
                (id, qos, self.dup, message)
            } else if self.out.has_room()
                && let Some((qos, message)) = self.waiting.pop_front()
            {
                let id = self.out.begin(qos, message).expect("there is room");
                assert!(self.in_use.insert(id), "{id} is in use");
                (id, qos, false, message)
            } else {
                return;
            };
            self.quota.spend(id);
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
                let refuse = self.published[message].1;
                if action.delivers() && refuse {
                    // It comes again when the PUBREC is lost, and is refused again.
                    self.inbound.refuse(id);
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
                self.quota.regain(id);
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
        assert!(self.waiting.is_empty() && self.resend.is_empty());
        assert!(self.inbound.is_empty(), "everything is released");
        for (message, &(qos, refuse)) in self.published.iter().enumerate() {
            let times = self.delivered.get(&message).copied().unwrap_or(0);
            match (qos, refuse) {
                (_, true) => assert_eq!(times, 0, "message {message} was refused"),
                (QoS::AtLeastOnce, _) => assert!(times >= 1, "message {message}"),
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
        4 => (qos, proptest::bool::weighted(0.2))
            .prop_map(|(qos, refuse)| Step::Publish { qos, refuse }),
        1 => Just(Step::Request),
        1 => Just(Step::Answer),
        6 => Just(Step::Forward),
        6 => Just(Step::Back),
        1 => (1_u16..5).prop_map(|receive_maximum| Step::Reconnect { receive_maximum }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn nothing_is_lost_or_doubled_whatever_the_wire_does(
        version in prop_oneof![Just(Version::V3_1_1), Just(Version::V5_0)],
        dup: bool,
        receive_maximum in 1_u16..5,
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let mut pair = Pair::new(version, dup, receive_maximum);
        for step in steps {
            pair.take(step);
        }
        pair.settle();
        pair.check();
    }
}
