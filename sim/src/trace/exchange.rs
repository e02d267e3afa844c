//! A stretch of a trace as an exchange of packets between parties, for charts and ladders.

use super::{AtServer, Node, Record, What};
use crate::order::Order;
use squall_protocol::{Frame, Time, Version, hex};
use squall_reports::{Event, EventKind, Exchange, Window};
use squall_scenarios::{
    describe,
    model::{ClientIx, Life, Scenario},
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What happened between the parties of a trace, as far as it matters for the witness.
#[must_use]
pub fn exchange(
    plan: &Scenario,
    version: Version,
    records: &[Record],
    window: Window<'_>,
) -> Exchange {
    let concerned = concerned(plan, records, window.witness);
    let mut parties: Vec<String> = concerned
        .iter()
        .map(|c| plan.clients[*c].name.clone())
        .collect();
    // The broker stands between its clients, so that arrows are short.
    let broker = parties.len().div_ceil(2);
    parties.insert(broker, "broker".into());
    let place = |record: &Record| {
        // What is no client's is the broker's.
        let Some(client) = record.client() else {
            return Some(broker);
        };
        let n = concerned.binary_search(&client).ok()?;
        Some(n + usize::from(n >= broker))
    };
    let sight = Sight::of(records);
    let witness: BTreeSet<usize> = window.witness.iter().copied().collect();
    let mut shown = Vec::new();
    for (ix, record) in records.iter().enumerate() {
        if place(record).is_some() && is_shown(record, sight.broker) {
            let arrived = sight.fates[ix];
            let lit = witness.contains(&ix) || arrived.is_some_and(|r| witness.contains(&r));
            shown.push((ix, lit));
        }
    }
    // Only what is shown is put into words: a long trace has many times more.
    let events = window
        .clip(shown)
        .into_iter()
        .filter_map(|(ix, highlight)| {
            let record = &records[ix];
            let client = place(record)?;
            let version = record.client().map_or(version, |c| plan.speaks(c, version));
            let event = event(ix, record, client, broker, version, records, &sight)?;
            Some(Event { highlight, ..event })
        })
        .collect();
    Exchange { parties, events }
}

/// What is known of the ends of the connections.
struct Sight {
    /// For each record of a sending: the record of its arrival, `None` when it never arrived.
    fates: Vec<Option<usize>>,
    /// The broker's end is seen. Where it is not, nobody knows what arrived there, and what it sent shows where it came.
    broker: bool,
}

impl Sight {
    fn of(records: &[Record]) -> Self {
        let of_broker = |r: &Record| matches!(r.what, What::Broker { .. });
        Self {
            fates: fates(records),
            broker: records.iter().any(of_broker),
        }
    }
}

/// Whether a record becomes an event of the chart.
fn is_shown(record: &Record, sees_broker: bool) -> bool {
    use squall_client::Event as C;
    match &record.what {
        What::Broker { seen, .. } => matches!(
            seen,
            AtServer::Sent(_)
                | AtServer::SentRaw { .. }
                | AtServer::Closed { .. }
                | AtServer::Violation(_)
        ),
        What::Client(C::Received(_)) => !sees_broker,
        What::Client(event) => matches!(
            event,
            C::Sent(_)
                | C::SentRaw { .. }
                | C::Ended { .. }
                | C::Violation(_)
                | C::Delivered { .. }
                | C::Abandoned { .. }
        ),
        What::Dial | What::Cut(_) | What::GaveUp(_) => true,
        What::Order(order) => self::order(order).is_some(),
    }
}

/// The clients the witness is about; all of them when it names none.
fn concerned(plan: &Scenario, records: &[Record], witness: &[usize]) -> Vec<ClientIx> {
    let mut clients: Vec<ClientIx> = witness
        .iter()
        .filter_map(|ix| records.get(*ix)?.client())
        .collect();
    clients.sort_unstable();
    clients.dedup();
    if clients.is_empty() {
        (0..plan.clients.len().min(8)).collect()
    } else {
        clients
    }
}

/// For each record of a sending: the record of its arrival, `None` when it never arrived.
fn fates(records: &[Record]) -> Vec<Option<usize>> {
    use squall_client::Event as C;
    let mut fates = vec![None; records.len()];
    // Packets on their way, by client and direction. A new connection begins with nothing on its way.
    let mut up: BTreeMap<ClientIx, VecDeque<(usize, &Frame)>> = BTreeMap::new();
    let mut down: BTreeMap<ClientIx, VecDeque<(usize, &Frame)>> = BTreeMap::new();
    let mut arrive = |queue: &mut VecDeque<(usize, &Frame)>, frame: &Frame, ix: usize| {
        if let Some(n) = queue.iter().position(|(_, f)| f.bytes == frame.bytes) {
            fates[queue[n].0] = Some(ix);
            queue.drain(..=n);
        }
    };
    for (ix, record) in records.iter().enumerate() {
        match (&record.what, record.node) {
            (
                What::Broker {
                    client,
                    seen: AtServer::Sent(frame),
                    ..
                },
                _,
            ) => {
                down.entry(*client).or_default().push_back((ix, frame));
            }
            (What::Client(C::Sent(frame)), Node::Client(client)) => {
                up.entry(client).or_default().push_back((ix, frame));
            }
            (
                What::Broker {
                    client,
                    seen: AtServer::Received(frame),
                    ..
                },
                _,
            ) => {
                arrive(up.entry(*client).or_default(), frame, ix);
            }
            (What::Client(C::Received(frame)), Node::Client(client)) => {
                arrive(down.entry(client).or_default(), frame, ix);
            }
            (What::Dial, Node::Client(client)) => {
                down.remove(&client);
            }
            _ => {}
        }
    }
    fates
}

fn event(
    ix: usize,
    record: &Record,
    client: usize,
    broker: usize,
    version: Version,
    records: &[Record],
    sight: &Sight,
) -> Option<Event> {
    use squall_client::Event as C;
    let at_ms = record.at.as_millis();
    let note =
        |who: usize, kind: EventKind, label: String| Event::new(at_ms, kind, who, who, label);
    let arrived = sight.fates[ix].map(|r| records[r].at);
    let packet = |from: usize, to: usize, frame: &Frame| {
        let label = frame.packet.summary();
        let told = Event::new(at_ms, EventKind::Packet, from, to, label);
        on_its_way(told, frame, version, sight.broker.then_some(arrived))
    };
    let parts = |from: usize, to: usize, bytes: &[u8], broken: bool| {
        let event = |label| Event::new(at_ms, EventKind::Packet, from, to, label);
        raw(bytes, broken, event)
    };
    Some(match &record.what {
        What::Broker { seen, .. } => match seen {
            AtServer::Sent(frame) => packet(broker, client, frame),
            AtServer::SentRaw { bytes, broken } => parts(broker, client, bytes, *broken),
            AtServer::Closed { remark, .. } => note(broker, EventKind::Close, remark.clone()),
            AtServer::Violation(violation) => note(broker, EventKind::Note, violation.to_string()),
            AtServer::Opened | AtServer::Received(_) => return None,
        },
        What::Client(C::Sent(frame)) => packet(client, broker, frame),
        What::Client(C::Received(frame)) => packet(broker, client, frame),
        What::Client(C::SentRaw { bytes, broken }) => parts(client, broker, bytes, *broken),
        What::Client(C::Ended { cause }) => note(client, EventKind::Close, cause.to_string()),
        What::Client(C::Violation(violation)) => {
            note(client, EventKind::Note, violation.to_string())
        }
        What::Client(C::Delivered { message, .. }) => {
            let label = format!(
                "delivered {} {}",
                message.topic,
                describe::payload(&message.payload)
            );
            note(client, EventKind::Note, label)
        }
        What::Client(C::Abandoned { why, .. }) => {
            note(client, EventKind::Note, format!("gave up: {why}"))
        }
        What::Dial => note(client, EventKind::Note, "dials".into()),
        What::Cut(cut) => {
            let at = cut.packet.map(|p| format!(" at {p}")).unwrap_or_default();
            note(
                client,
                EventKind::Note,
                format!("cut{at} by {}", cut.by.as_str()),
            )
        }
        What::Order(order) => note(client, EventKind::Note, self::order(order)?),
        What::GaveUp(why) => note(client, EventKind::Note, format!("broker: ends: {why}")),
        _ => return None,
    })
}

/// Bytes that are no whole packets.
fn raw(bytes: &[u8], broken: bool, event: impl FnOnce(String) -> Event) -> Event {
    let what = if broken { "no packet" } else { "in part" };
    let hex = hex::dump(bytes, Event::MOST_BYTES);
    let told = event(format!("{} bytes, {what}", bytes.len()));
    Event { hex, ..told }
}

/// A packet, with its fields, its bytes, and when it arrived; without the last where nobody knows.
fn on_its_way(
    told: Event,
    frame: &Frame,
    version: Version,
    arrived: Option<Option<Time>>,
) -> Event {
    let mut detail = frame.packet.describe(version);
    detail.extend(arrived.map(|at| match at {
        Some(at) => format!("arrived at {at}"),
        None => "never arrived".into(),
    }));
    let kind = match arrived {
        Some(None) => EventKind::Lost,
        Some(Some(_)) | None => EventKind::Packet,
    };
    Event {
        kind,
        detail: detail.join("\n"),
        hex: hex::dump(&frame.bytes, Event::MOST_BYTES),
        ..told
    }
}

/// An order in a few words; `None` for those whose effect is shown anyway.
fn order(order: &Order) -> Option<String> {
    if let Some((_, _, m)) = order.published() {
        return Some(format!(
            "publish {} {} QoS {}",
            m.topic,
            describe::payload(&m.payload),
            m.qos
        ));
    }
    Some(match order {
        Order::Link(_, change) => change.told(),
        Order::Block(_, way, blocked) => {
            let way = format!("{way:?}").to_lowercase();
            format!("link {way} {}", if *blocked { "blocked" } else { "open" })
        }
        Order::Crash(how, unsynced) => Life::Crash(*how, *unsynced).in_words().to_owned(),
        Order::Restart => Life::Restart.in_words().to_owned(),
        Order::Disk(trouble, _) => format!("disk: {}", format!("{trouble:?}").to_lowercase()),
        Order::Client(..)
        | Order::Broker(..)
        | Order::Arm(..)
        | Order::Cut(..)
        | Order::Disarm(_)
        | Order::Nudge(_) => return None,
    })
}
