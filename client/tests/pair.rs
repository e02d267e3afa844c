//! Two client cores and the broker's core, back to back in memory: what QoS promises, with the connection cut at every
//! packet.
//!
//! One packet is delivered at a time. A cut loses what is on its way in both directions; the client resumes at once.

use bytes::Bytes;
use proptest::prelude::*;
use squall_broker::{Broker, Config, ConnId};
use squall_client::{
    Acknowledgement, Client, ConnectOptions, Event, Message, Output, Receipt, Ticket,
};
use squall_protocol::{
    Packet, Properties, QoS, ReasonCode, Time, Version, packet::Subscription, topic::TopicFilter,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    num::NonZeroU16,
};

const PUBLISHER: usize = 0;
const SUBSCRIBER: usize = 1;
const MESSAGES: u64 = 4;

/// Cut the connection of this client when it has seen so many packets since the cut before.
#[derive(Clone, Copy, Debug)]
struct Cut {
    client: usize,
    after: u32,
}

/// A client, its connection and what happened to it.
struct End {
    core: Client,
    options: ConnectOptions,
    conn: Option<ConnId>,
    up: VecDeque<Bytes>,
    down: VecDeque<Bytes>,
    seen: u32,
    events: Vec<Event>,
    /// What the application has been given and has not acknowledged.
    taken: Vec<Receipt>,
}

/// How the clients of a story go about it.
#[derive(Clone, Copy, Debug, Default)]
struct Habits {
    /// They acknowledge by hand, and only when nothing else happens, the newest message first.
    by_hand: bool,
    window: Option<NonZeroU16>,
}

struct Pair {
    now: Time,
    broker: Broker,
    ends: [End; 2],
    opened: u64,
    resent: u32,
}

impl Pair {
    fn new(version: Version, receive_maximum: u16, habits: Habits) -> Self {
        let end = |name: &str| End {
            core: Client::new(),
            options: ConnectOptions {
                clean_start: false,
                session_expiry: (version == Version::V5_0).then_some(u32::MAX),
                receive_maximum: (version == Version::V5_0).then_some(receive_maximum),
                acknowledgement: match habits.by_hand {
                    true => Acknowledgement::ByHand,
                    false => Acknowledgement::AtOnce,
                },
                window: habits.window,
                ..ConnectOptions::new(version, name)
            },
            conn: None,
            up: VecDeque::new(),
            down: VecDeque::new(),
            seen: 0,
            events: Vec::new(),
            taken: Vec::new(),
        };
        let config = Config {
            receive_maximum,
            ..Config::default()
        };
        Self {
            now: Time::ZERO,
            broker: Broker::new(config),
            ends: [end("publisher"), end("subscriber")],
            opened: 0,
            resent: 0,
        }
    }

    fn connect(&mut self, n: usize) {
        let end = &mut self.ends[n];
        end.core.connect(self.now, end.options.clone());
        self.settle(n);
    }

    /// Does what the cores ask for, without delivering anything.
    fn settle(&mut self, n: usize) {
        let end = &mut self.ends[n];
        while let Some(event) = end.core.poll_event() {
            if let Event::Sent(frame) = &event {
                self.resent += u32::from(matches!(&frame.packet, Packet::Publish(p) if p.dup));
            }
            if let Event::Delivered { receipt, .. } = &event {
                end.taken.extend(*receipt);
            }
            end.events.push(event);
        }
        let mut dialed = false;
        while let Some(output) = end.core.poll_output() {
            match output {
                Output::Dial => dialed = true,
                Output::Send(bytes) => end.up.push_back(bytes),
                Output::Close => panic!("the client closes: {:?}", end.events.last()),
            }
        }
        if dialed {
            let conn = ConnId(self.opened);
            self.opened += 1;
            end.conn = Some(conn);
            end.core.handle_dialed(self.now);
            self.broker.handle_open(self.now, conn);
            self.settle(n);
        }
        self.settle_broker();
    }

    fn settle_broker(&mut self) {
        while let Some(output) = self.broker.poll_output() {
            match output {
                squall_broker::Output::Send { conn, bytes } => {
                    let end = self.ends.iter_mut().find(|end| end.conn == Some(conn));
                    end.expect("the broker sends on open connections")
                        .down
                        .push_back(bytes);
                }
                squall_broker::Output::Close { conn } => panic!("the broker closes {conn}"),
                squall_broker::Output::Verify { conn, .. } => panic!("{conn} has no password"),
            }
        }
    }

    /// Delivers one packet each way on each connection; `false` when there was none.
    fn step(&mut self, cuts: &mut VecDeque<Cut>) -> bool {
        self.now = Time::from_millis(self.now.as_millis() + 1);
        let mut moved = false;
        for n in [PUBLISHER, SUBSCRIBER] {
            self.cut_if_due(n, cuts);
            if let (Some(bytes), Some(conn)) = (self.ends[n].up.pop_front(), self.ends[n].conn) {
                self.broker.handle_bytes(self.now, conn, &bytes);
                self.settle_broker();
                self.ends[n].seen += 1;
                moved = true;
            }
            self.cut_if_due(n, cuts);
            if let Some(bytes) = self.ends[n].down.pop_front() {
                self.ends[n].core.handle_bytes(self.now, &bytes);
                self.settle(n);
                self.ends[n].seen += 1;
                moved = true;
            }
        }
        moved
    }

    /// The applications acknowledge one message each; `false` when there was none.
    fn acknowledge(&mut self) -> bool {
        let mut said = false;
        for n in [PUBLISHER, SUBSCRIBER] {
            let end = &mut self.ends[n];
            if let Some(receipt) = end.taken.pop() {
                end.core.acknowledge(self.now, receipt, ReasonCode::SUCCESS);
                self.settle(n);
                said = true;
            }
        }
        said
    }

    fn cut_if_due(&mut self, n: usize, cuts: &mut VecDeque<Cut>) {
        let due = cuts
            .front()
            .is_some_and(|cut| cut.client == n && self.ends[n].seen >= cut.after);
        let (true, Some(conn)) = (due, self.ends[n].conn) else {
            return;
        };
        cuts.pop_front();
        for end in &mut self.ends {
            end.seen = 0;
        }
        let end = &mut self.ends[n];
        end.conn = None;
        end.up.clear();
        end.down.clear();
        end.core
            .handle_closed(self.now, squall_client::Hangup::Reset);
        self.broker
            .handle_closed(self.now, conn, squall_broker::Hangup::Reset);
        self.settle(n);
        self.connect(n);
    }

    fn run(&mut self, cuts: &mut VecDeque<Cut>) {
        for _ in 0..10_000 {
            if !self.step(cuts) && !self.acknowledge() {
                return;
            }
        }
        panic!("the story does not come to its end");
    }
}

/// What came of a story.
struct Outcome {
    /// Payloads as they were delivered.
    delivered: Vec<u8>,
    acknowledged: Vec<u64>,
    /// Cuts that were never due.
    cuts_left: usize,
    resent: u32,
    in_flight: usize,
}

/// Publishes a few messages while connections are cut; judges what holds whatever was cut.
fn play(version: Version, qos: QoS, receive_maximum: u16, cuts: &[Cut]) -> Outcome {
    play_so(version, qos, receive_maximum, Habits::default(), cuts)
}

/// The same with clients of these habits.
fn play_so(
    version: Version,
    qos: QoS,
    receive_maximum: u16,
    habits: Habits,
    cuts: &[Cut],
) -> Outcome {
    let mut pair = Pair::new(version, receive_maximum, habits);
    pair.connect(SUBSCRIBER);
    let filter = Subscription::new(TopicFilter::parse_v5("t/#").unwrap(), QoS::ExactlyOnce);
    pair.ends[SUBSCRIBER]
        .core
        .subscribe(pair.now, Ticket(0), vec![filter], Properties::new());
    pair.settle(SUBSCRIBER);
    pair.run(&mut VecDeque::new());
    for end in &mut pair.ends {
        end.seen = 0;
    }
    pair.connect(PUBLISHER);
    for n in 1..=MESSAGES {
        let message = Message::new("t/1", vec![n as u8], qos);
        pair.ends[PUBLISHER]
            .core
            .publish(pair.now, Ticket(n), message);
    }
    pair.settle(PUBLISHER);
    let mut cuts: VecDeque<_> = cuts.iter().copied().collect();
    pair.run(&mut cuts);

    for end in &pair.ends {
        assert!(end.core.is_connected());
        assert_eq!(end.core.unfinished(), 0, "{:#?}", end.events);
        let abandoned = end
            .events
            .iter()
            .find(|e| matches!(e, Event::Abandoned { .. } | Event::Violation(_)));
        assert_eq!(abandoned, None);
    }
    let in_flight = most_in_flight(&pair.ends[PUBLISHER].events);
    let delivered = pair.ends[SUBSCRIBER]
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Delivered { message, .. } => Some(message.payload[0]),
            _ => None,
        });
    let acknowledged = pair.ends[PUBLISHER]
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Acknowledged { ticket, reason } if !reason.is_error() => Some(ticket.0),
            _ => None,
        });
    Outcome {
        delivered: delivered.collect(),
        acknowledged: acknowledged.collect(),
        cuts_left: cuts.len(),
        resent: pair.resent,
        in_flight,
    }
}

/// The most QoS 1 and 2 messages that were sent on one connection without an outcome.
fn most_in_flight(events: &[Event]) -> usize {
    let (mut open, mut most) = (BTreeSet::new(), 0);
    for event in events {
        match event {
            Event::Sent(frame) => match &frame.packet {
                Packet::Connect(_) => open.clear(),
                Packet::Publish(publish) => open.extend(publish.packet_id),
                _ => {}
            },
            Event::Received(frame) => match &frame.packet {
                Packet::PubAck(ack) | Packet::PubComp(ack) => {
                    open.remove(&ack.packet_id);
                }
                _ => {}
            },
            _ => {}
        }
        most = most.max(open.len());
    }
    most
}

fn judge(qos: QoS, outcome: &Outcome) {
    let everything: Vec<u64> = (1..=MESSAGES).collect();
    assert_eq!(
        outcome.acknowledged, everything,
        "each publish is acknowledged once, in order"
    );
    let mut copies = BTreeMap::<u8, u32>::new();
    let mut first = Vec::new();
    for payload in &outcome.delivered {
        let n = copies.entry(*payload).or_default();
        *n += 1;
        if *n == 1 {
            first.push(u64::from(*payload));
        }
    }
    assert!(
        first.is_sorted(),
        "first deliveries out of order: {first:?}"
    );
    match qos {
        QoS::AtMostOnce => assert!(copies.values().all(|n| *n <= 1)),
        QoS::AtLeastOnce => assert_eq!(first, everything),
        QoS::ExactlyOnce => assert_eq!(outcome.delivered, [1, 2, 3, 4]),
    }
}

fn qos_levels() -> [QoS; 3] {
    [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce]
}

#[test]
fn without_a_cut_everything_arrives_once() {
    for version in Version::ALL {
        for qos in qos_levels() {
            let outcome = play(version, qos, 2, &[]);
            judge(qos, &outcome);
            assert_eq!(outcome.delivered, [1, 2, 3, 4]);
            assert_eq!(outcome.resent, 0);
        }
    }
}

#[test]
fn the_promises_hold_with_a_cut_at_every_packet() {
    for version in Version::ALL {
        for qos in qos_levels() {
            let (mut cut, mut resent, mut repeated) = (0, 0, 0);
            for client in [PUBLISHER, SUBSCRIBER] {
                for after in 0.. {
                    let outcome = play(version, qos, 2, &[Cut { client, after }]);
                    judge(qos, &outcome);
                    if outcome.cuts_left > 0 {
                        break;
                    }
                    cut += 1;
                    resent += outcome.resent;
                    repeated += u32::from(outcome.delivered.len() as u64 > MESSAGES);
                }
            }
            // The cuts were there, and something had to be sent again because of them.
            let packets = 2 + 2 * MESSAGES as u32 * u32::from(qos.as_u8()).max(1);
            assert!(cut >= packets, "{version} QoS {qos}: only {cut} cuts");
            assert_eq!(resent > 0, qos != QoS::AtMostOnce, "{version} QoS {qos}");
            assert_eq!(repeated > 0, qos == QoS::AtLeastOnce, "{version} QoS {qos}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_promises_hold_with_many_cuts(
        v5 in any::<bool>(),
        level in 0..3usize,
        receive_maximum in 1..5u16,
        cuts in proptest::collection::vec((0..2usize, 0..14u32), 1..8),
    ) {
        let version = if v5 { Version::V5_0 } else { Version::V3_1_1 };
        let cuts: Vec<_> = cuts.into_iter().map(|(client, after)| Cut { client, after }).collect();
        let qos = qos_levels()[level];
        judge(qos, &play(version, qos, receive_maximum, &cuts));
    }

    #[test]
    fn they_hold_for_those_who_acknowledge_late_and_have_a_window(
        v5 in any::<bool>(),
        level in 0..3usize,
        receive_maximum in 1..5u16,
        by_hand in any::<bool>(),
        window in 0..4u16,
        cuts in proptest::collection::vec((0..2usize, 0..14u32), 0..8),
    ) {
        let version = if v5 { Version::V5_0 } else { Version::V3_1_1 };
        let cuts: Vec<_> = cuts.into_iter().map(|(client, after)| Cut { client, after }).collect();
        let qos = qos_levels()[level];
        let habits = Habits { by_hand, window: NonZeroU16::new(window) };
        let outcome = play_so(version, qos, receive_maximum, habits, &cuts);
        judge(qos, &outcome);
        let window = habits.window.map_or(usize::MAX, |window| window.get().into());
        prop_assert!(outcome.in_flight <= window, "{} in flight", outcome.in_flight);
    }
}
