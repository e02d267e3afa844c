//! A stretch of a trace as an exchange of packets between parties, for charts and ladders.

use super::{Node, Record, What};
use crate::{
    director::Order,
    scenario::{
        describe,
        model::{ClientIx, Scenario},
    },
};
use squall_protocol::{Frame, Version};
use squall_reports::{Event, EventKind, Exchange};
use std::collections::{BTreeMap, VecDeque};

/// Bytes of a packet that are shown in hexadecimal.
const HEX_BYTES: usize = 256;

/// Which part of a trace to show.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// Records that must be shown, highlighted.
    pub witness: &'a [usize],
    /// Shown events at the most; the witness and what stands nearest to it go first.
    pub events: usize,
}

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
    let place = |client: ClientIx| {
        let n = concerned.iter().position(|c| *c == client)?;
        Some(n + usize::from(n >= broker))
    };
    let fates = fates(records);
    let mut events = Vec::new();
    for (ix, record) in records.iter().enumerate() {
        let Some(client) = record.client().and_then(place) else {
            continue;
        };
        let highlight = window.witness.contains(&ix)
            || fates
                .get(&ix)
                .is_some_and(|f| f.is_some_and(|r| window.witness.contains(&r)));
        if let Some(mut event) = event(ix, record, client, broker, version, records, &fates) {
            event.highlight = highlight;
            events.push(event);
        }
    }
    Exchange {
        parties,
        events: clip(events, window.events),
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

/// For each sending record: the record of its arrival, `None` when it never arrived.
fn fates(records: &[Record]) -> BTreeMap<usize, Option<usize>> {
    use squall_broker::Event as B;
    use squall_client::Event as C;
    let mut fates = BTreeMap::new();
    // Packets on their way, by client and direction. A new connection begins with nothing on its way.
    let mut up: BTreeMap<ClientIx, VecDeque<(usize, &Frame)>> = BTreeMap::new();
    let mut down: BTreeMap<ClientIx, VecDeque<(usize, &Frame)>> = BTreeMap::new();
    let mut arrive = |queue: &mut VecDeque<(usize, &Frame)>, frame: &Frame, ix: usize| {
        if let Some(n) = queue.iter().position(|(_, f)| f.bytes == frame.bytes) {
            fates.insert(queue[n].0, Some(ix));
            queue.drain(..=n);
        }
    };
    let mut sent = Vec::new();
    for (ix, record) in records.iter().enumerate() {
        match (&record.what, record.node) {
            (
                What::Broker {
                    client,
                    event: B::Sent { frame, .. },
                },
                _,
            ) => {
                down.entry(*client).or_default().push_back((ix, frame));
                sent.push(ix);
            }
            (What::Client(C::Sent(frame)), Node::Client(client)) => {
                up.entry(client).or_default().push_back((ix, frame));
                sent.push(ix);
            }
            (
                What::Broker {
                    client,
                    event: B::Received { frame, .. },
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
    for ix in sent {
        fates.entry(ix).or_insert(None);
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
    fates: &BTreeMap<usize, Option<usize>>,
) -> Option<Event> {
    use squall_broker::Event as B;
    use squall_client::Event as C;
    let at_ms = record.at.as_millis();
    let note = |who: usize, kind: EventKind, label: String| Event {
        at_ms,
        kind,
        from: who,
        to: who,
        label,
        detail: String::new(),
        hex: String::new(),
        highlight: false,
    };
    let packet = |from: usize, to: usize, frame: &Frame| {
        let arrived = fates.get(&ix).copied().flatten();
        let mut detail = frame.packet.describe(version);
        detail.push(match arrived {
            Some(r) => format!("arrived at {}", records[r].at),
            None => "never arrived".into(),
        });
        Event {
            at_ms,
            kind: if arrived.is_some() {
                EventKind::Packet
            } else {
                EventKind::Lost
            },
            from,
            to,
            label: frame.packet.summary(),
            detail: detail.join("\n"),
            hex: hex(&frame.bytes),
            highlight: false,
        }
    };
    Some(match &record.what {
        What::Broker {
            event: B::Sent { frame, .. },
            ..
        } => packet(broker, client, frame),
        What::Client(C::Sent(frame)) => packet(client, broker, frame),
        What::Broker {
            event: B::Closed { cause, .. },
            ..
        } => note(broker, EventKind::Close, cause.to_string()),
        What::Broker {
            event: B::Violation { violation, .. },
            ..
        } => note(broker, EventKind::Note, violation.to_string()),
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
                format!("cut{at} by {}", describe::cut_by(cut.by)),
            )
        }
        What::Order(order) => note(client, EventKind::Note, self::order(order)?),
        _ => return None,
    })
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
        Order::Link(_, change) => describe::link(change),
        Order::Block(_, way, blocked) => {
            let way = format!("{way:?}").to_lowercase();
            format!("link {way} {}", if *blocked { "blocked" } else { "open" })
        }
        Order::Client(..)
        | Order::Arm(..)
        | Order::Cut(..)
        | Order::Disarm(_)
        | Order::Nudge(_) => return None,
    })
}

fn hex(bytes: &[u8]) -> String {
    let mut text: String = bytes
        .iter()
        .take(HEX_BYTES)
        .map(|b| format!("{b:02x}"))
        .collect();
    if bytes.len() > HEX_BYTES {
        text.push('…');
    }
    text
}

/// Keeps `most` events: the highlighted ones and what stands nearest to them.
fn clip(events: Vec<Event>, most: usize) -> Vec<Event> {
    if events.len() <= most {
        return events;
    }
    let mut order: Vec<usize> = (0..events.len()).collect();
    let lit: Vec<usize> = order
        .iter()
        .copied()
        .filter(|i| events[*i].highlight)
        .collect();
    let distance = |i: usize| {
        lit.iter()
            .map(|l| l.abs_diff(i))
            .min()
            .unwrap_or(events.len() - i)
    };
    order.sort_by_key(|i| (distance(*i), *i));
    let mut kept: Vec<usize> = order.into_iter().take(most).collect();
    kept.sort_unstable();
    let mut events: Vec<Option<Event>> = events.into_iter().map(Some).collect();
    kept.into_iter().filter_map(|i| events[i].take()).collect()
}
