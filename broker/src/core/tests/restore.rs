//! A broker that goes on from the rows of another knows what that one knew.

use super::{
    property::{SLOTS, Step, config, story},
    *,
};
use crate::{DamagedRow, core::saved, store::Key};
use proptest::prelude::*;

type Rows = BTreeMap<Key, Bytes>;

/// A broker whose rows are kept, and the connections of a story.
struct Kept {
    broker: Broker,
    rows: Rows,
    now: Time,
    opened: u64,
    slots: [Option<(ConnId, Version)>; SLOTS],
}

impl Kept {
    fn of(rows: Rows, now: Time) -> Self {
        let broker = Broker::restored(config(), rows.clone(), now).unwrap();
        let mut kept = Self {
            broker,
            rows,
            now,
            opened: 100,
            slots: [None; SLOTS],
        };
        kept.store();
        kept
    }

    /// Stores what has changed; a change says rightly whether its row is new.
    fn store(&mut self) {
        for change in self.broker.poll_changes() {
            let before = match change.value {
                Some(value) => self.rows.insert(change.key.clone(), value),
                None => self.rows.remove(&change.key),
            };
            let what = &change.key;
            assert!(!change.is_new || before.is_none(), "{what:?} was there");
        }
    }

    fn call(&mut self, conn: ConnId, packet: &Packet, version: Version) -> Vec<Packet> {
        let bytes = encode(packet, version).unwrap();
        self.broker.handle_bytes(self.now, conn, &bytes);
        self.store();
        self.sent(conn, version)
    }

    /// Packets that were sent to a connection since it was asked last.
    fn sent(&mut self, conn: ConnId, version: Version) -> Vec<Packet> {
        let outputs = std::iter::from_fn(|| self.broker.poll_output());
        let to_it = outputs.filter_map(|output| match output {
            Output::Send { conn: to, bytes } if to == conn => Some(bytes),
            _ => None,
        });
        to_it
            .map(|bytes| {
                decode_one(&bytes, Role::Server, Some(version))
                    .unwrap()
                    .packet
            })
            .collect()
    }

    fn play(&mut self, step: &Step) {
        let slot = match step {
            Step::Pass(ms) => {
                let end = self.now + std::time::Duration::from_millis(*ms);
                while let Some(at) = self.broker.poll_timeout().filter(|at| *at <= end) {
                    self.now = at;
                    self.broker.handle_timeout(at);
                }
                self.now = end;
                return self.store();
            }
            Step::Packet(slot, _) | Step::Garbage(slot, _) | Step::HangUp(slot) => *slot,
            Step::Open(slot, _) => *slot,
        };
        if matches!(step, Step::HangUp(_) | Step::Open(..))
            && let Some((conn, _)) = self.slots[slot].take()
        {
            self.broker.handle_closed(self.now, conn, Hangup::Reset);
        }
        if let Step::Open(_, connect) = step {
            let conn = ConnId(self.opened);
            self.opened += 1;
            self.slots[slot] = Some((conn, connect.version));
            self.broker.handle_open(self.now, conn);
            self.call(
                conn,
                &Packet::Connect(Box::new(connect.clone())),
                connect.version,
            );
        }
        if let (Step::Packet(_, packet), Some((conn, version))) = (step, self.slots[slot]) {
            self.call(conn, &unshared(packet.clone()), version);
        }
        self.store();
    }

    /// Every connection breaks at once, and then the broker takes notice, session by session.
    fn break_all(&mut self) {
        let broker = &mut self.broker;
        let conns = std::mem::take(&mut broker.conns);
        let mut left: Vec<_> = conns
            .values()
            .filter_map(|c| Some(c.link.as_ref()?.session))
            .collect();
        left.sort();
        for id in &left {
            broker.sessions[*id].conn = None;
        }
        for id in left {
            broker.leave(self.now, id);
        }
        broker.handle_timeout(self.now);
        self.store();
        while self.broker.poll_output().is_some() {}
    }

    /// What a client hears that comes back and acknowledges everything. A packet identifier counts where it was in
    /// use before.
    fn hears(&mut self, client_id: &str) -> Vec<String> {
        let conn = ConnId(self.opened);
        self.opened += 1;
        self.broker.handle_open(self.now, conn);
        let hello = Packet::Connect(Box::new(hello_again(V5, client_id)));
        let mut inbox = self.call(conn, &hello, V5);
        let mut heard = Vec::new();
        while !inbox.is_empty() {
            let packet = inbox.remove(0);
            let ack = match &packet {
                Packet::Publish(publish) => {
                    let mut publish = publish.clone();
                    let id = publish.packet_id;
                    if !publish.dup {
                        publish.packet_id = id.map(|_| PacketId::MIN);
                    }
                    heard.push(format!("{publish:?}"));
                    id.map(|id| match publish.qos {
                        Q2 => Packet::PubRec(Ack::success(id)),
                        _ => Packet::PubAck(Ack::success(id)),
                    })
                }
                Packet::PubRel(ack) => Some(Packet::PubComp(Ack::success(ack.packet_id))),
                other => {
                    heard.push(format!("{other:?}"));
                    None
                }
            };
            if let Some(ack) = ack {
                inbox.extend(self.call(conn, &ack, V5));
            }
        }
        // QoS 2 messages of its own that it has not released: the broker knows their identifiers.
        for n in 1..4 {
            let answer = self.call(conn, &Packet::PubRel(Ack::success(id(n))), V5);
            heard.push(format!("{answer:?}"));
        }
        heard
    }
}

/// Whose turn it is in a shared subscription, does not outlive a broker.
fn unshared(packet: Packet) -> Packet {
    let plain = |filter: &TopicFilter| TopicFilter::parse_v5(filter.pattern()).unwrap();
    match packet {
        Packet::Subscribe(mut subscribe) => {
            for subscription in &mut subscribe.subscriptions {
                subscription.filter = plain(&subscription.filter);
            }
            Packet::Subscribe(subscribe)
        }
        other => other,
    }
}

/// Rows with messages in the place of their numbers.
fn told(rows: &Rows) -> Vec<String> {
    let message = |number: u64| format!("{:?}", rows[&Key::Message(number)]);
    let referred = |key: &Key, value: &Bytes| match key {
        Key::Message(_) => None,
        Key::Waiting(..) => Some(message(saved::read_waiting(value)?.message)),
        Key::Flow(..) => {
            let flow = saved::read_flow(value)?;
            let delivery = flow.delivery.map(|d| message(d.message));
            Some(format!("{:?} {:?} {delivery:?}", flow.state, flow.places))
        }
        Key::Retained(_) => Some(message(saved::read_retained(value)?.0)),
        _ => Some(format!("{value:?}")),
    };
    // Places in a queue count from anywhere: their order is what matters.
    let name = |key: &Key| match key {
        Key::Waiting(session, _) => format!("Waiting({session})"),
        other => format!("{other:?}"),
    };
    let rows = rows.iter();
    rows.filter_map(|(key, value)| Some(format!("{}: {}", name(key), referred(key, value)?)))
        .collect()
}

/// Numbers of messages that no other row names.
fn unnamed(rows: &Rows) -> Vec<u64> {
    let named = |(key, value): (&Key, &Bytes)| match key {
        Key::Waiting(..) => Some(saved::read_waiting(value)?.message),
        Key::Flow(..) => Some(saved::read_flow(value)?.delivery?.message),
        Key::Retained(_) => Some(saved::read_retained(value)?.0),
        _ => None,
    };
    let named: std::collections::BTreeSet<u64> = rows.iter().filter_map(named).collect();
    let all = rows.keys().filter_map(|key| match key {
        Key::Message(number) => Some(*number),
        _ => None,
    });
    all.filter(|number| !named.contains(number)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// All connections break at one moment: the same rows and the same messages, whether the broker stays or another
    /// takes its place.
    #[test]
    fn who_takes_the_place_of_a_broker_goes_on_as_it_would(
        story in story(),
        rooms in prop::collection::vec(prop::option::weighted(0.1, 0_usize..400), 90),
    ) {
        let mut stays = Kept::of(Rows::new(), Time::from_millis(1_000_000));
        for (step, room) in story.iter().zip(rooms) {
            stays.play(step);
            if let (Some(bytes), Some((conn, _))) = (room, stays.slots[0]) {
                stays.broker.handle_room(stays.now, conn, bytes);
                stays.store();
            }
        }
        let (rows, now) = (stays.rows.clone(), stays.now);
        stays.break_all();
        let mut comes = Kept::of(rows, now);
        comes.opened = stays.opened;
        prop_assert_eq!(told(&stays.rows), told(&comes.rows));
        prop_assert_eq!(unnamed(&comes.rows), [0; 0], "a message that nobody names has no row");
        for client_id in ["x", "y", "z", "nobody"] {
            prop_assert_eq!(stays.hears(client_id), comes.hears(client_id), "{}", client_id);
        }
        // What is retained, and who hears what is published from now on.
        for kept in [&mut stays, &mut comes] {
            kept.slots = [None; SLOTS];
            kept.play(&Step::Open(0, hello_again(V5, "late")));
        }
        let all = Packet::Subscribe(subscribe(vec![Subscription::new(TopicFilter::parse_v5("#").unwrap(), Q1)]));
        let conn = stays.slots[0].unwrap().0;
        prop_assert_eq!(stays.call(conn, &all, V5), comes.call(conn, &all, V5));
        for topic in ["a", "a/b", "b", "$x"] {
            let publish = Packet::Publish(message(topic, "after", Q0));
            let outputs = |kept: &mut Kept| {
                let bytes = encode(&publish, V5).unwrap();
                kept.broker.handle_bytes(kept.now, conn, &bytes);
                std::iter::from_fn(|| kept.broker.poll_output()).collect::<Vec<_>>()
            };
            prop_assert_eq!(outputs(&mut stays), outputs(&mut comes));
        }
    }
}

#[test]
fn a_broker_with_no_sessions_leaves_no_rows() {
    let mut kept = Kept::of(Rows::new(), Time::ZERO);
    let mut hello = hello(V3, "x");
    hello.will = Some(will("w", "gone"));
    kept.play(&Step::Open(0, hello));
    assert_eq!(
        kept.rows.len(),
        2,
        "a will outlives the broker, and whose it is"
    );
    let kept_long = subscribe(vec![Subscription::new(
        TopicFilter::parse_v3("t").unwrap(),
        Q2,
    )]);
    kept.play(&Step::Packet(0, Packet::Subscribe(kept_long)));
    for qos in [Q0, Q1, Q2] {
        kept.play(&Step::Packet(0, Packet::Publish(message("t", "m", qos))));
    }
    assert_eq!(
        kept.rows.len(),
        2,
        "a session that ends with its connection does not"
    );
    kept.play(&Step::HangUp(0));
    assert!(kept.rows.is_empty(), "{:?}", kept.rows);
}

/// A broker that has a row of each kind but those that wait for room.
fn with_every_row() -> Kept {
    let mut kept = Kept::of(Rows::new(), Time::ZERO);
    let all = |packet: &str| {
        subscribe(vec![Subscription::new(
            TopicFilter::parse_v5(packet).unwrap(),
            Q2,
        )])
    };
    let mut hello = hello_again(V5, "x");
    hello.will = Some(delayed(will("w", "gone"), 9));
    for step in [
        Step::Open(0, hello),
        Step::Packet(0, Packet::Subscribe(all("#"))),
        Step::Open(1, hello_again(V5, "y")),
        Step::Packet(
            1,
            Packet::Publish(Publish {
                retain: true,
                ..message("t", "m", Q2)
            }),
        ),
        Step::HangUp(0),
        Step::Packet(
            1,
            Packet::Publish(Publish {
                packet_id: Some(id(3)),
                ..message("t", "m", Q1)
            }),
        ),
    ] {
        kept.play(&step);
    }
    kept
}

#[test]
fn rows_that_say_nothing_or_name_what_is_not_there_are_refused() {
    let kept = with_every_row();
    let kinds = [
        "Message",
        "Session",
        "Subscription",
        "Waiting",
        "Flow",
        "Received",
        "Retained",
        "Will",
    ];
    for kind in kinds {
        let row = kept
            .rows
            .iter()
            .find(|(key, _)| format!("{key:?}").starts_with(kind));
        let (key, value) = row.unwrap_or_else(|| panic!("no row of {kind}: {:?}", kept.rows));
        let refused = |rows: Rows| {
            let error = Broker::restored(config(), rows, Time::ZERO).err();
            assert!(error.is_some(), "{kind}");
        };
        let mut longer = kept.rows.clone();
        longer.insert(key.clone(), [&value[..], b"x"].concat().into());
        if kind != "Received" {
            refused(longer);
        }
        if kind == "Message" || kind == "Session" {
            let mut without = kept.rows.clone();
            without.remove(key);
            refused(without);
        }
    }
    let error = DamagedRow(Key::Retained("t".to_owned()));
    assert_eq!(
        error.to_string(),
        "the row Retained(\"t\") does not say what such a row says"
    );
}
