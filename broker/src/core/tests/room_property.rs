//! Whatever room there is and when: a line that is sometimes full changes when messages come, and nothing else.

use super::*;
use crate::Counters;
use proptest::prelude::*;

/// Something that happens while there is more or less room.
#[derive(Clone, Debug)]
enum Step {
    Publish(u8, QoS, bool),
    Room(usize),
    Ack,
    Return,
}

fn step() -> impl Strategy<Value = Step> {
    let qos = prop::sample::select(vec![Q1, Q2]);
    prop_oneof![
        8 => (0_u8..4, qos, any::<bool>()).prop_map(|(t, q, r)| Step::Publish(t, q, r)),
        4 => (0_usize..600).prop_map(|n| Step::Room(n.saturating_sub(200))),
        4 => Just(Step::Ack),
        1 => Just(Step::Return),
    ]
}

/// Everything a subscriber was ever sent, by topic: new messages in the order of their first sending, and acknowledged
/// by it when it is told to.
struct Watched {
    bench: Bench,
    sub: ConnId,
    publisher: ConnId,
    open: Vec<PacketId>,
    came: BTreeMap<Text, Vec<Bytes>>,
}

impl Watched {
    fn new() -> Self {
        let mut bench = Bench::new();
        let sub = bench.join(hello_again(V5, "s"));
        bench.subscribe(sub, "+", Q1);
        let publisher = bench.connect(V5, "p");
        Self {
            bench,
            sub,
            publisher,
            open: Vec::new(),
            came: BTreeMap::new(),
        }
    }

    fn room(&mut self, bytes: usize) {
        self.bench
            .broker
            .handle_room(self.bench.now, self.sub, bytes);
        self.bench.drain();
    }

    fn take(&mut self) {
        for message in self.bench.messages(self.sub) {
            self.open.extend(message.packet_id);
            if !message.dup {
                let came = self.came.entry(message.topic).or_default();
                came.push(message.payload);
            }
        }
    }

    fn play(&mut self, n: usize, step: &Step, limited: bool) {
        match step {
            Step::Publish(topic, qos, retain) => {
                let publish = Publish {
                    retain: *retain,
                    ..message(&format!("t{topic}"), &n.to_string(), *qos)
                };
                self.bench.send(self.publisher, Packet::Publish(publish));
                self.bench.send(self.publisher, pubrel(7));
            }
            Step::Room(bytes) if limited => self.room(*bytes),
            Step::Room(_) => {}
            Step::Ack => {
                for id in std::mem::take(&mut self.open) {
                    self.bench.send(self.sub, Packet::PubAck(Ack::success(id)));
                }
            }
            Step::Return => {
                self.bench.hang_up(self.sub);
                self.take();
                self.open.clear();
                self.sub = self.bench.open();
                if limited {
                    self.room(n % 300);
                }
                let hello = Packet::Connect(Box::new(hello_again(V5, "s")));
                self.bench.send(self.sub, hello);
            }
        }
        self.take();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_line_that_is_sometimes_full_changes_when_messages_come_and_nothing_else(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        let (mut free, mut limited) = (Watched::new(), Watched::new());
        for (n, step) in steps.iter().enumerate() {
            free.play(n, step, false);
            limited.play(n, step, true);
        }
        limited.room(usize::MAX);
        limited.take();
        prop_assert_eq!(&free.came, &limited.came);
        prop_assert_eq!(free.bench.broker.counters(), limited.bench.broker.counters());
        prop_assert_eq!(limited.bench.broker.counters(), Counters::default());
    }
}
