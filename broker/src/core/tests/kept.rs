//! Who a session belongs to, and what members of shared subscriptions hand over, outlives the broker.

use super::*;
use crate::{
    security::{Security, Verdict},
    store::Key,
};

/// A bench whose broker's rows are kept.
struct Kept {
    bench: Bench,
    rows: BTreeMap<Key, Bytes>,
}

impl Kept {
    fn new(config: Config) -> Self {
        let mut kept = Self {
            bench: Bench::with(config.clone()),
            rows: BTreeMap::new(),
        };
        kept.bench.broker = Broker::restored(config, [], Time::ZERO).unwrap();
        kept.bench.broker.observe(true);
        kept
    }

    /// Takes the rows and makes a broker of them.
    fn again(&mut self) -> Broker {
        for change in self.bench.broker.poll_changes() {
            let before = match change.value {
                Some(value) => self.rows.insert(change.key.clone(), value),
                None => self.rows.remove(&change.key),
            };
            assert!(
                !change.is_new || before.is_none(),
                "{:?} was there",
                change.key
            );
        }
        let config = self.bench.broker.config().clone();
        let rows = self.rows.clone();
        let mut broker = Broker::restored(config, rows, self.bench.now).unwrap();
        broker.observe(true);
        broker
    }
}

/// What waits for a client, in order.
fn waits(broker: &Broker, client_id: &str) -> Vec<String> {
    let id = broker.sessions.find(client_id).unwrap();
    let messages = broker.sessions[id].queue.messages();
    messages
        .map(|d| String::from_utf8(d.message.payload.to_vec()).unwrap())
        .collect()
}

#[test]
fn a_session_is_still_its_users() {
    let security = Security {
        passwords: true,
        ..Security::default()
    };
    let mut kept = Kept::new(Config {
        security,
        ..Config::default()
    });
    let mut connect = hello_again(V5, "a");
    connect.user_name = Some("alice".into());
    let conn = kept.bench.dial(connect.clone());
    kept.bench
        .broker
        .handle_verified(kept.bench.now, conn, Verdict::Right);
    kept.bench.drain();
    let mut bench = Bench::with(kept.bench.broker.config().clone());
    bench.broker = kept.again();
    for (user, told) in [("mallory", "connack 0 0x87"), ("alice", "connack 1 0x00")] {
        connect.user_name = Some(user.into());
        let conn = bench.dial(connect.clone());
        bench
            .broker
            .handle_verified(bench.now, conn, Verdict::Right);
        bench.drain();
        assert_eq!(bench.seen(conn), [told]);
    }
}

#[test]
fn what_is_taken_from_the_middle_of_a_queue_leaves_the_rest_in_its_order() {
    let mut kept = Kept::new(Config::default());
    let one_at_a_time = |name| with_property(hello_again(V5, name), Property::ReceiveMaximum(1));
    let a = kept.bench.join(one_at_a_time("a"));
    for filter in ["$share/g/t", "own"] {
        kept.bench.subscribe(a, filter, Q1);
    }
    let publisher = kept.bench.connect(V5, "p");
    // The first is sent; the others wait, and among them what a subscription finds.
    for (topic, payload) in [
        ("own", "0"),
        ("own", "1"),
        ("t", "2"),
        ("own", "3"),
        ("t", "4"),
    ] {
        kept.bench.publish(publisher, topic, payload, Q1);
    }
    kept.bench.publish_retained(publisher, "found", "5", Q1);
    kept.bench.packets(a);
    kept.bench.broker.handle_room(kept.bench.now, a, 0);
    kept.bench.subscribe_with(a, "found", Q1, |_| {});
    for (topic, payload) in [("t", "6"), ("own", "7")] {
        kept.bench.publish(publisher, topic, payload, Q1);
    }
    assert_eq!(
        waits(&kept.bench.broker, "a"),
        ["1", "2", "3", "4", "6", "7"]
    );
    assert_eq!(waits(&kept.again(), "a"), ["1", "2", "3", "4", "6", "7"]);
    // Another member takes the oldest, and then what is left when the first one goes.
    let b = kept.bench.join(one_at_a_time("b"));
    kept.bench.subscribe(b, "$share/g/t", Q1);
    kept.bench.broker.handle_room(kept.bench.now, b, usize::MAX);
    kept.bench.drain();
    assert_eq!(kept.bench.seen(b), ["publish t 2 q1 #1"]);
    assert_eq!(waits(&kept.again(), "a"), ["1", "3", "4", "6", "7"]);
    kept.bench.hang_up(a);
    assert_eq!(waits(&kept.bench.broker, "b"), ["4", "6"]);
    let again = kept.again();
    assert_eq!(waits(&again, "a"), ["1", "3", "7"]);
    assert_eq!(waits(&again, "b"), ["4", "6"]);
    // The retained message is still between them.
    for broker in [
        again,
        std::mem::replace(&mut kept.bench.broker, Broker::new(Config::default())),
    ] {
        let mut bench = Bench::new();
        bench.broker = broker;
        let a = ConnId(100);
        bench.versions.insert(a, V5);
        bench.broker.handle_open(bench.now, a);
        let hello = Packet::Connect(Box::new(hello_again(V5, "a")));
        bench.send(a, hello);
        let heard = bench.messages(a);
        let payloads: Vec<_> = heard.iter().map(|p| p.payload[0] - b'0').collect();
        // After it comes what waits for the other one, who is away or stalls.
        assert_eq!(payloads, [0, 1, 3, 5, 7, 4, 6]);
    }
}
