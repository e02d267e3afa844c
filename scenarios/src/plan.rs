//! A seed made explicit: the scenario with every seeded step written out.
//!
//! Workloads become timelines of single publishes, flapping becomes a timeline of single cuts, and an observer client
//! is added where an expectation needs one. What remains seeded is only the link model. Replay files carry the plan,
//! so they survive changes of how workloads are drawn.

use crate::{
    action::{Connect, Publish, Subscribe},
    construct::Observed,
    model::{
        Action, ClientSpec, ConnectExpect, ConnectSpec, Entry, Fault, LinkSpec, MessageSpec,
        ReconnectSpec, Scenario, Source, Step, StepKind, Wait, Weather, Workload,
    },
    random::Stream,
    record::Record,
    step::fault::{Cut, Flap, MAX_FLAPS},
    values::MAX_MS,
};
use bytes::Bytes;
use squall_protocol::QoS;
use std::time::Duration;

/// Name of the client that listens on behalf of `will` and `retained` expectations.
pub const OBSERVER: &str = "squall-observer";

/// The longest time that a scenario can say.
const LONGEST: Duration = Duration::from_millis(MAX_MS);

/// Writes the seeded steps of `scenario` out for this seed. A plan comes back unchanged.
#[must_use]
pub fn plan(scenario: &Scenario, seed: u64) -> Scenario {
    let mut plan = scenario.clone();
    let mut path = String::from("steps");
    expand(&mut plan.steps, seed, &mut path);
    if !plan.clients.iter().any(|c| c.name == OBSERVER) {
        add_observer(&mut plan);
    }
    plan
}

/// Expands steps in place. `path` names where they stand, so that each seeded step has a stream of its own.
fn expand(steps: &mut [Step], seed: u64, path: &mut String) {
    for (i, step) in steps.iter_mut().enumerate() {
        let length = path.len();
        path.push_str(&format!("/{i}"));
        match &mut step.kind {
            StepKind::Workload(work) => {
                let entries = workload(work, step.source, seed, path);
                step.kind = StepKind::Timeline(entries);
            }
            StepKind::Fault(Fault::Flap(_)) => {
                let entries = flaps(step, seed, path);
                match &mut step.kind {
                    // A timeline without steps cannot be written down: what never cuts, whatever the seed, can.
                    StepKind::Fault(Fault::Flap(Flap { every, lasts, .. }))
                        if entries.is_empty() =>
                    {
                        let never = *lasts + Duration::from_millis(1);
                        *every = (never, never);
                    }
                    kind => *kind = StepKind::Timeline(entries),
                }
            }
            StepKind::Parallel(branches) => {
                for (b, branch) in branches.iter_mut().enumerate() {
                    let length = path.len();
                    path.push_str(&format!("/{b}"));
                    expand(branch, seed, path);
                    path.truncate(length);
                }
            }
            StepKind::Timeline(entries) => {
                for (e, entry) in entries.iter_mut().enumerate() {
                    let length = path.len();
                    path.push_str(&format!("/{e}"));
                    expand(std::slice::from_mut(&mut entry.step), seed, path);
                    path.truncate(length);
                }
            }
            _ => {}
        }
        path.truncate(length);
    }
}

fn workload(work: &Workload, source: Source, seed: u64, path: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    for &client in &work.publishers {
        let mut random = Stream::new(seed, &format!("workload/{path}/{client}"));
        let mut after = Duration::ZERO;
        for n in 1..=work.count {
            // A time that could not be written down; the story is over at its limit long before.
            after = (after + between(&mut random, work.every)).min(LONGEST);
            let message = MessageSpec {
                topic: random.pick(&work.topics).clone(),
                qos: *random.pick(&work.qos),
                retain: random.chance(work.retain_permille),
                payload: unique_payload(client, n, random.between(work.size.0, work.size.1)),
                expiry: None,
            };
            let action = Action::Publish(Publish {
                message,
                expect_reason: None,
            });
            let kind = StepKind::Client {
                client,
                action,
                within: None,
                wait: true,
            };
            entries.push(Entry {
                after,
                step: Step { source, kind },
            });
        }
    }
    entries.sort_by_key(|e| e.after);
    entries
}

/// Text that no other message of the run has, filled up to `size` bytes.
fn unique_payload(client: usize, n: u32, size: u32) -> Bytes {
    let mut text = format!("w{client}-{n}");
    while text.len() < size as usize {
        text.push('.');
    }
    Bytes::from(text)
}

/// A duration in whole milliseconds, both ends included.
fn between(random: &mut Stream, (min, max): (Duration, Duration)) -> Duration {
    let ms = |d: Duration| u32::try_from(d.as_millis()).unwrap_or(u32::MAX);
    Duration::from_millis(random.between(ms(min), ms(max)).into())
}

fn flaps(step: &Step, seed: u64, path: &str) -> Vec<Entry> {
    let StepKind::Fault(Fault::Flap(Flap {
        client,
        every,
        lasts,
        by,
        optional,
    })) = &step.kind
    else {
        return Vec::new();
    };
    let mut random = Stream::new(seed, &format!("flap/{path}"));
    let mut after = Duration::ZERO;
    let mut entries = Vec::new();
    loop {
        after += between(&mut random, *every);
        if after > *lasts || entries.len() == MAX_FLAPS {
            return entries;
        }
        let cut = Fault::Cut(Cut {
            client: *client,
            point: None,
            by: *by,
            optional: *optional,
        });
        entries.push(Entry {
            after,
            step: Step {
                source: step.source,
                kind: StepKind::Fault(cut),
            },
        });
    }
}

/// The link of the observer.
const NEAR: LinkSpec = LinkSpec {
    latency_min_ms: 1,
    latency_max_ms: 1,
    loss_permille: 0,
};

/// Who looks in the end. One that sees the broker go down comes back at once, to a session that waits for it.
fn observer(crashes: bool) -> ClientSpec {
    ClientSpec {
        name: OBSERVER.into(),
        client_id: OBSERVER.into(),
        version: None,
        connect: ConnectSpec {
            keep_alive: u16::from(crashes),
            clean_start: !crashes,
            session_expiry: crashes.then_some(u32::MAX),
            ..ConnectSpec::empty()
        },
        reconnect: crashes.then_some(ReconnectSpec {
            first: Duration::from_millis(10),
            max: Duration::from_millis(500),
        }),
        scripted: false,
        link: NEAR,
        weather: Weather::default(),
    }
}

/// Adds a client that sees what the expectations ask for: wills from the beginning, retained messages at the end. Its
/// link is perfect and has streams of its own, so it disturbs nothing else.
fn add_observer(plan: &mut Scenario) {
    let mut observed = Observed::default();
    for expectation in &plan.expect {
        expectation.kind.observe(&mut observed);
    }
    let Observed {
        wills,
        mut retained,
    } = observed;
    let topics = wills.into_iter().flat_map(|of| will_topics(plan, of));
    let mut wills: Vec<_> = topics.collect();
    if wills.is_empty() && retained.is_empty() {
        return;
    }
    wills.sort();
    wills.dedup();
    retained.sort();
    retained.dedup();
    let client = plan.clients.len();
    let observer = observer(plan.crashes());
    let connect = observer.connect.clone();
    plan.clients.push(observer);
    if !wills.is_empty() {
        let prologue = looks(client, connect.clone(), wills);
        plan.steps.splice(0..0, prologue);
    }
    if !retained.is_empty() {
        // A fresh connection: what the observer heard of wills must not be taken for retained messages.
        let fresh = ConnectSpec {
            clean_start: true,
            ..connect
        };
        plan.steps.extend(looks(client, fresh, retained));
        plan.steps.push(Step {
            source: Source::default(),
            kind: StepKind::Wait(Wait(Duration::from_millis(100))),
        });
    }
}

/// It connects and subscribes to these.
fn looks(client: usize, connect: ConnectSpec, filters: Vec<String>) -> [Step; 2] {
    let connect = Action::Connect(Connect {
        connect,
        expect: ConnectExpect::default(),
    });
    let subscribe = Action::Subscribe(Subscribe {
        filters,
        qos: QoS::ExactlyOnce,
        ..Subscribe::empty()
    });
    [connect, subscribe].map(|action| Step {
        source: Source::default(),
        kind: StepKind::Client {
            client,
            action,
            within: None,
            wait: true,
        },
    })
}

/// Every topic the client's wills go to: its usual one and those of single connect steps.
fn will_topics(plan: &Scenario, client: usize) -> Vec<String> {
    let mut topics: Vec<String> = plan.clients[client]
        .connect
        .will
        .iter()
        .map(|w| w.topic.clone())
        .collect();
    for step in plan.steps.iter().flat_map(Step::all) {
        if let StepKind::Client {
            client: c,
            action: Action::Connect(Connect { connect, .. }),
            ..
        } = &step.kind
            && *c == client
        {
            topics.extend(connect.will.iter().map(|w| w.topic.clone()));
        }
    }
    topics
}
