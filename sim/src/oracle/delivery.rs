//! At most once, at least once, exactly once, no invention, order, and that every flow finishes.

use super::{
    Broken, Cite, History, cited,
    history::{Delivered, Direction, Ix, MessageId, PublishSeen, Published, Subscribed},
};
use crate::scenario::{describe, model::ClientIx};
use squall_protocol::QoS;
use std::collections::BTreeMap;

const QOS_0: Cite = (&["MQTT-4.3.1-1"], &["MQTT-4.3.1-1"]);
const QOS_1: Cite = (
    &["MQTT-4.3.2-1", "MQTT-4.3.2-2"],
    &["MQTT-4.3.2-3", "MQTT-4.3.2-4"],
);
const QOS_2: Cite = (
    &["MQTT-4.3.3-1", "MQTT-4.3.3-2"],
    &["MQTT-4.3.3-8", "MQTT-4.3.3-10"],
);
const STATE_KEPT: Cite = (
    &["MQTT-4.5.0-1", "MQTT-3.1.2-5"],
    &["MQTT-4.5.0-1", "MQTT-3.1.2-23"],
);
const UNCHANGED: Cite = (
    &["MQTT-3.3.2-3", "MQTT-3.8.4-6"],
    &["MQTT-3.3.2-3", "MQTT-3.8.4-8"],
);
const ORDER: Cite = (&["MQTT-4.6.0-6"], &["MQTT-4.6.0-5"]);
const COMPLETES: Cite = (&["MQTT-4.4.0-1"], &["MQTT-4.4.0-1"]);

pub(super) fn judge(history: &History<'_>, broken: &mut Vec<Broken>) {
    let arrivals = Arrivals::of(history);
    no_invention(history, &arrivals, broken);
    for published in &history.published {
        for client in 0..history.plan.clients.len() {
            upper_bound(history, &arrivals, published, client, broken);
            lower_bound(history, &arrivals, published, client, broken);
        }
    }
    order(history, broken);
    if history.settled.is_some() {
        liveness(history, broken);
    }
}

/// Deliveries and packets by what they carried.
struct Arrivals<'h> {
    delivered: BTreeMap<MessageId, Vec<&'h Delivered>>,
    packets: BTreeMap<&'h MessageId, Vec<&'h PublishSeen>>,
}

impl<'h> Arrivals<'h> {
    fn of(history: &'h History<'_>) -> Self {
        let mut delivered: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for d in &history.delivered {
            delivered.entry(d.id()).or_default().push(d);
        }
        let mut packets: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for p in &history.packets {
            packets.entry(&p.id).or_default().push(p);
        }
        Self { delivered, packets }
    }

    /// Live deliveries (not those of a retained message at subscribe) to the session of a client.
    fn live(&self, history: &History<'_>, id: &MessageId, to: ClientIx) -> Vec<&'h Delivered> {
        let all = self.delivered.get(id).map_or(&[][..], Vec::as_slice);
        all.iter()
            .filter(|d| history.same_session(d.to, to) && !d.message.retain)
            .copied()
            .collect()
    }

    fn packets(&self, id: &MessageId) -> &[&'h PublishSeen] {
        self.packets.get(id).map_or(&[], Vec::as_slice)
    }
}

fn name(id: &MessageId) -> String {
    format!("message {} on `{}`", describe::payload(&id.1), id.0)
}

/// Subscriptions of a client's session that this publish can reach, at any time.
fn reaching<'h>(
    history: &'h History<'_>,
    published: &Published,
    to: ClientIx,
) -> Vec<&'h Subscribed> {
    let matches = |s: &&Subscribed| {
        history.same_session(s.client, to)
            && s.subscription.filter.matches(&published.message.topic)
            && !(s.subscription.no_local && history.same_session(s.client, published.by))
    };
    history.subscriptions.iter().filter(matches).collect()
}

/// Every delivery goes back to a publish or a will, at the QoS the standard says.
fn no_invention(history: &History<'_>, arrivals: &Arrivals<'_>, broken: &mut Vec<Broken>) {
    for d in &history.delivered {
        let id = d.id();
        let origins = history.published_as(&id).filter(|p| p.ix < d.ix).count();
        let wills = history.connections.iter().filter_map(|c| c.will());
        let from_will = wills
            .filter(|w| w.topic == id.0 && w.payload == id.1)
            .count();
        if origins + from_will == 0 {
            broken.push(Broken {
                rule: "no invention",
                statements: cited(history.version, UNCHANGED),
                message: format!(
                    "{} received {}, which nobody had published",
                    history.name(d.to),
                    name(&id)
                ),
                expected:
                    "every delivered message was published before, with this topic and payload"
                        .into(),
                source: None,
                witness: vec![d.ix],
            });
        }
        wrong_qos(history, arrivals, d, &id, broken);
    }
}

/// The QoS of a delivery is the lower of the publish's and the subscription's.
fn wrong_qos(
    history: &History<'_>,
    _: &Arrivals<'_>,
    d: &Delivered,
    id: &MessageId,
    broken: &mut Vec<Broken>,
) {
    let published = history
        .published_as(id)
        .filter(|p| p.ix < d.ix)
        .map(|p| p.message.qos);
    let wills = history.connections.iter().filter_map(|c| c.will());
    let wills = wills
        .filter(|w| w.topic == id.0 && w.payload == id.1)
        .map(|w| w.qos);
    let sent: Vec<QoS> = published.chain(wills).collect();
    let granted: Vec<QoS> = history
        .subscriptions
        .iter()
        .filter(|s| {
            s.since < d.ix
                && history.same_session(s.client, d.to)
                && s.subscription.filter.matches(&id.0)
        })
        .map(|s| s.granted)
        .collect();
    let fits = sent
        .iter()
        .any(|q| granted.iter().any(|g| d.message.qos == *q.min(g)));
    if !fits && !sent.is_empty() {
        broken.push(Broken {
            rule: "no invention",
            statements: cited(history.version, UNCHANGED),
            message: format!(
                "{} received {} with QoS {}",
                history.name(d.to),
                name(id),
                d.message.qos
            ),
            expected: "a subscription matches, and the QoS is the lower of the publish's and the granted one"
                .into(),
            source: None,
            witness: vec![d.ix],
        });
    }
}

/// No more deliveries than publishes, subscriptions and visible retransmissions explain.
fn upper_bound(
    history: &History<'_>,
    arrivals: &Arrivals<'_>,
    published: &Published,
    to: ClientIx,
    broken: &mut Vec<Broken>,
) {
    let id = published.id();
    let live = arrivals.live(history, &id, to);
    if live.len() < 2 {
        return;
    }
    // Counted once for all copies, at the first client of a session.
    let first_of_session = (0..to).all(|c| !history.same_session(c, to));
    let first_copy = history
        .published_as(&id)
        .next()
        .is_some_and(|p| p.ix == published.ix);
    if !first_of_session || !first_copy || is_will_too(history, &id) {
        return;
    }
    let reaching = reaching(history, published, to);
    if reaching.iter().any(|s| s.subscription.retain_as_published) {
        return; // its retained deliveries cannot be told from live ones
    }
    let qos = live.iter().map(|d| d.message.qos).max().unwrap_or_default();
    let overlap = most_at_once(&reaching).max(1);
    let packets = arrivals.packets(&id);
    let resent_up = packets
        .iter()
        .filter(|p| p.direction == Direction::ToBroker && p.dup)
        .count();
    let resent_down = packets
        .iter()
        .filter(|p| {
            p.direction == Direction::FromBroker && p.dup && history.same_session(p.client, to)
        })
        .count();
    let copies = history.copies[&id];
    let again = match published.message.qos {
        QoS::AtMostOnce => 0,
        QoS::AtLeastOnce => resent_up,
        // A new flow with the same content: its session was lost in between, so it is another message.
        QoS::ExactlyOnce => {
            let flows = packets
                .iter()
                .filter(|p| p.direction == Direction::ToBroker && p.fresh)
                .count();
            flows.saturating_sub(copies)
        }
    };
    let redelivered = if qos == QoS::AtLeastOnce {
        resent_down
    } else {
        0
    };
    let bound = overlap * (copies + again) + redelivered;
    if live.len() <= bound {
        return;
    }
    let (rule, cite) = match published.message.qos.min(qos) {
        QoS::AtMostOnce => ("at most once", QOS_0),
        QoS::AtLeastOnce => ("at least once", QOS_1),
        QoS::ExactlyOnce => ("exactly once", QOS_2),
    };
    let mut witness: Vec<Ix> = vec![published.ix];
    witness.extend(packets.iter().map(|p| p.ix));
    witness.extend(live.iter().map(|d| d.ix));
    broken.push(Broken {
        rule,
        statements: cited(history.version, cite),
        message: format!(
            "{} reached {} {}",
            name(&id),
            history.name(to),
            describe::times(live.len())
        ),
        expected: match bound {
            1 if rule == "exactly once" => {
                "1 delivery, however often packets are sent again".into()
            }
            1 => "1 delivery: nothing was retransmitted that could explain more".into(),
            n => format!("at most {n} deliveries: more are not explained by retransmissions"),
        },
        source: None,
        witness,
    });
}

fn is_will_too(history: &History<'_>, id: &MessageId) -> bool {
    history
        .connections
        .iter()
        .filter_map(|c| c.will())
        .any(|w| w.topic == id.0 && w.payload == id.1)
}

/// The largest number of these subscriptions that existed at the same time.
fn most_at_once(subscriptions: &[&Subscribed]) -> usize {
    let at = |ix: Ix| {
        subscriptions
            .iter()
            .filter(|s| s.since <= ix && s.until.is_none_or(|u| u > ix))
            .count()
    };
    subscriptions.iter().map(|s| at(s.since)).max().unwrap_or(0)
}

/// What the broker took responsibility for reaches every subscription that lasted, once the story has settled.
fn lower_bound(
    history: &History<'_>,
    arrivals: &Arrivals<'_>,
    published: &Published,
    to: ClientIx,
    broken: &mut Vec<Broken>,
) {
    let limited = history.plan.broker.max_queued.is_some()
        || published
            .message
            .properties
            .message_expiry_interval()
            .is_some();
    let (true, true, false, Some(arrived)) = (
        history.settled.is_some(),
        published.completed(),
        limited,
        published.arrived,
    ) else {
        return;
    };
    let lasting = |s: &&Subscribed| {
        s.client == to
            && s.since < arrived
            && s.until.is_none()
            && s.subscription.filter.share_name().is_none()
    };
    let reaching = reaching(history, published, to);
    let Some(best) = reaching
        .into_iter()
        .filter(lasting)
        .map(|s| s.granted.min(published.message.qos))
        .max()
    else {
        return;
    };
    if best == QoS::AtMostOnce || !history.online_at_end(to) {
        return;
    }
    let id = published.id();
    let all = arrivals.delivered.get(&id).map_or(0, |d| {
        d.iter().filter(|d| history.same_session(d.to, to)).count()
    });
    if all >= history.copies[&id].min(completed_copies(history, &id)) {
        return;
    }
    let (rule, cite) = match best {
        QoS::ExactlyOnce => ("exactly once", QOS_2),
        _ => ("at least once", QOS_1),
    };
    let mut statements = cited(history.version, cite);
    statements.extend(cited(history.version, STATE_KEPT));
    let mut witness = vec![published.ix];
    witness.extend(arrivals.packets(&id).iter().map(|p| p.ix));
    witness.extend(published.acknowledged.map(|(ix, _)| ix));
    let times = describe::times(all);
    broken.push(Broken {
        rule,
        statements,
        message: format!(
            "{} was acknowledged to {} and {times} reached {}",
            name(&id),
            history.name(published.by),
            history.name(to)
        ),
        expected: format!(
            "{} has a subscription that lasted and is connected, so it gets the message",
            history.name(to)
        ),
        source: None,
        witness,
    });
}

fn completed_copies(history: &History<'_>, id: &MessageId) -> usize {
    history.published_as(id).filter(|p| p.completed()).count()
}

/// First deliveries of what one client published to one topic with one QoS keep the order of publishing.
fn order(history: &History<'_>, broken: &mut Vec<Broken>) {
    // (receiver, publisher, topic, QoS published, QoS delivered) → the latest message first delivered so far.
    let mut latest: BTreeMap<_, (usize, Ix)> = BTreeMap::new();
    let mut seen: BTreeMap<(ClientIx, MessageId), ()> = BTreeMap::new();
    for d in history.delivered.iter().filter(|d| !d.message.retain) {
        let id = d.id();
        if history.copies.get(&id) != Some(&1) || seen.insert((d.to, id.clone()), ()).is_some() {
            continue;
        }
        let Some(&n) = history.by_id.get(&id).and_then(|all| all.first()) else {
            continue;
        };
        // What one member of a share group left behind reaches another late [MQTT-4.6.0-6] (5.0).
        let shared = |s: &Subscribed| {
            s.subscription.filter.is_shared()
                && history.same_session(s.client, d.to)
                && s.subscription.filter.matches(&id.0)
        };
        if history.subscriptions.iter().any(shared) {
            continue;
        }
        let p = &history.published[n];
        let lane = (d.to, p.by, id.0.clone(), p.message.qos, d.message.qos);
        match latest.get(&lane) {
            Some((newest, ix)) if *newest > n => {
                let overtaken = &history.published[*newest];
                broken.push(Broken {
                    rule: "order",
                    statements: cited(history.version, ORDER),
                    message: format!(
                        "{} received {} after {}, which {} had published later",
                        history.name(d.to),
                        name(&id),
                        name(&overtaken.id()),
                        history.name(p.by)
                    ),
                    expected:
                        "messages of one publisher, topic and QoS arrive in the order of publishing"
                            .into(),
                    source: None,
                    witness: vec![p.ix, overtaken.ix, *ix, d.ix],
                });
            }
            _ => {
                latest.insert(lane, (n, d.ix));
            }
        }
    }
}

/// After the faults have stopped, every flow of a connected client finishes.
fn liveness(history: &History<'_>, broken: &mut Vec<Broken>) {
    for p in &history.published {
        let open = p.acknowledged.is_none() && !p.abandoned;
        if open && history.online_at_end(p.by) && !taken_over(history, p.by) {
            let mut witness = vec![p.ix];
            witness.extend(
                history
                    .packets
                    .iter()
                    .filter(|s| s.id == p.id())
                    .map(|s| s.ix),
            );
            broken.push(Broken {
                rule: "liveness",
                statements: cited(history.version, COMPLETES),
                message: format!(
                    "{} of {} was never acknowledged",
                    name(&p.id()),
                    history.name(p.by)
                ),
                expected: "after the faults have ended, every flow of a connected client finishes"
                    .into(),
                source: None,
                witness,
            });
        }
    }
}

/// Whether another client of the story holds this one's session at the end.
fn taken_over(history: &History<'_>, client: ClientIx) -> bool {
    let last = history
        .connections
        .iter()
        .rev()
        .find(|c| history.same_session(c.client, client));
    last.is_some_and(|c| c.client != client)
}
