//! At most once, at least once, exactly once, no invention, order, and that every flow finishes.

use super::{
    Broken, Cite, History, cited,
    findings::Findings,
    history::{Delivered, Direction, Ix, MessageIx, Published, SessionIx},
    levels::Levels,
    subscriptions::Reach,
};
use squall_protocol::QoS;
use squall_scenarios::{describe, model::ClientIx};
use std::collections::{BTreeMap, BTreeSet};

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

pub(super) fn judge(history: &History<'_>, broken: &mut Findings) {
    let mut reach = Reach::new(&history.subscriptions);
    no_invention(history, &mut reach, broken);
    bounds(history, &mut reach, broken);
    order(history, &mut reach, broken);
    if history.settled.is_some() {
        liveness(history, broken);
    }
}

fn name(history: &History<'_>, what: MessageIx) -> String {
    let seen = history.messages.get(what);
    format!(
        "message {} on `{}`",
        describe::payload(seen.payload),
        seen.topic
    )
}

/// Where deliveries of one message can come from.
#[derive(Clone, Copy, Default)]
struct Origin {
    /// First publish of each QoS.
    published: [Option<Ix>; 3],
    /// Whether it is somebody's will, by QoS.
    will: [bool; 3],
}

impl Origin {
    /// By message.
    fn all(history: &History<'_>) -> Vec<Self> {
        let mut origins = vec![Self::default(); history.messages.len()];
        for p in &history.published {
            let first = &mut origins[p.what].published[usize::from(p.message.qos.as_u8())];
            first.get_or_insert(p.ix);
        }
        for (what, origin) in origins.iter_mut().enumerate() {
            for &n in &history.messages.get(what).wills {
                if let Some(will) = history.connections[n].will() {
                    origin.will[usize::from(will.qos.as_u8())] = true;
                }
            }
        }
        origins
    }

    /// QoS levels with which it was published before a record, or is a will.
    fn sent_before(self, ix: Ix) -> impl Iterator<Item = QoS> + Clone {
        let levels = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
        levels.into_iter().filter(move |qos| {
            let n = usize::from(qos.as_u8());
            self.will[n] || self.published[n].is_some_and(|first| first < ix)
        })
    }
}

/// Every delivery goes back to a publish or a will, at the QoS the standard says.
fn no_invention<'h>(history: &'h History<'h>, reach: &mut Reach<'h, 'h>, broken: &mut Findings) {
    let origins = Origin::all(history);
    for d in history.delivered.iter() {
        if broken.full() {
            return;
        }
        let sent = origins[d.what].sent_before(d.ix);
        if sent.clone().next().is_none() {
            broken.push(Broken {
                rule: "no invention",
                statements: cited(history.version, UNCHANGED),
                message: format!(
                    "{} received {}, which nobody had published",
                    history.name(d.to),
                    name(history, d.what)
                ),
                expected:
                    "every delivered message was published before, with this topic and payload"
                        .into(),
                source: None,
                witness: vec![d.ix],
                absence: false,
            });
            continue;
        }
        // The QoS of a delivery is the lower of the publish's and the subscription's.
        let topic = history.messages.get(d.what).topic;
        let mut granted = reach
            .filters(history.session(d.to), topic)
            .flat_map(|f| f.granted_before(d.ix));
        let fits = granted.any(|g| sent.clone().any(|q| d.message.qos == q.min(g)));
        if !fits {
            broken.push(Broken {
                rule: "no invention",
                statements: cited(history.version, UNCHANGED),
                message: format!(
                    "{} received {} with QoS {}",
                    history.name(d.to),
                    name(history, d.what),
                    d.message.qos
                ),
                expected: "a subscription matches, and the QoS is the lower of the publish's and the granted one"
                    .into(),
                source: None,
                witness: vec![d.ix],
                absence: false,
            });
        }
    }
}

/// For each publish, what reached each client more often or less often than it may.
fn bounds<'h>(history: &'h History<'h>, reach: &mut Reach<'h, 'h>, broken: &mut Findings) {
    let due = Due::of(history);
    for published in &history.published {
        if broken.full() {
            return;
        }
        let mut found = Vec::new();
        upper_bound(history, reach, published, &mut found);
        due.lower_bound(history, published, &mut found);
        // Client by client, as the scenario lists them.
        found.sort_by_key(|(client, _)| *client);
        found.into_iter().for_each(|(_, b)| broken.push(b));
    }
}

/// No more deliveries than publishes, subscriptions and visible retransmissions explain.
fn upper_bound<'h>(
    history: &'h History<'h>,
    reach: &mut Reach<'h, 'h>,
    published: &Published<'_>,
    found: &mut Vec<(ClientIx, Broken)>,
) {
    let seen = history.messages.get(published.what);
    // Counted once for all copies; of what is a will too nobody can say how often it may come.
    let first = seen.published.first().map(|n| history.published[*n].ix);
    if seen.delivered.len() < 2 || first != Some(published.ix) || !seen.wills.is_empty() {
        return;
    }
    // Live deliveries, not those of a retained message at subscribe, session by session.
    let all = seen.delivered.iter().map(|n| &history.delivered[*n]);
    let mut live: Vec<(SessionIx, &Delivered<'_>)> = all
        .filter(|d| !d.message.retain)
        .map(|d| (history.session(d.to), d))
        .collect();
    live.sort_by_key(|(session, _)| *session);
    let sessions = || live.chunk_by(|(a, _), (b, _)| a == b);
    if sessions().all(|live| live.len() < 2) {
        return;
    }
    let flows = Flows::of(history, published);
    for live in sessions().filter(|live| live.len() > 1) {
        let session = live[0].0;
        if let Some(b) = too_often(history, reach, published, &flows, session, live) {
            found.push((session, b));
        }
    }
}

/// How often the packets of one message were sent again.
struct Flows {
    /// What explains a further delivery to everybody.
    again: usize,
    /// By session of the receiver.
    resent_down: BTreeMap<SessionIx, usize>,
}

impl Flows {
    fn of(history: &History<'_>, published: &Published<'_>) -> Self {
        let seen = history.messages.get(published.what);
        let (mut resent_up, mut flows) = (0, 0);
        let mut resent_down = BTreeMap::new();
        for p in seen.packets.iter().map(|n| &history.packets[*n]) {
            match p.direction {
                Direction::ToBroker => {
                    resent_up += usize::from(p.dup);
                    flows += usize::from(p.fresh);
                }
                Direction::FromBroker if p.dup => {
                    *resent_down.entry(history.session(p.client)).or_default() += 1;
                }
                Direction::FromBroker => {}
            }
        }
        let again = match published.message.qos {
            QoS::AtMostOnce => 0,
            QoS::AtLeastOnce => resent_up,
            // A new flow with the same content: its session was lost in between, so it is another message.
            QoS::ExactlyOnce => flows.saturating_sub(seen.published.len()),
        };
        Self { again, resent_down }
    }
}

fn too_often<'h>(
    history: &'h History<'h>,
    reach: &mut Reach<'h, 'h>,
    published: &Published<'_>,
    flows: &Flows,
    session: SessionIx,
    live: &[(SessionIx, &Delivered<'_>)],
) -> Option<Broken> {
    let seen = history.messages.get(published.what);
    let own = history.session(published.by) == session;
    let overlap = reach.overlap(session, seen.topic, own);
    if overlap.as_published {
        return None; // its retained deliveries cannot be told from live ones
    }
    let levels = live.iter().map(|(_, d)| d.message.qos);
    let qos = levels.max().unwrap_or_default();
    let redelivered = match qos {
        QoS::AtLeastOnce => flows.resent_down.get(&session).copied().unwrap_or(0),
        _ => 0,
    };
    let copies = seen.published.len();
    let bound = overlap.most.max(1) * (copies + flows.again) + redelivered;
    if live.len() <= bound {
        return None;
    }
    let (rule, cite) = match published.message.qos.min(qos) {
        QoS::AtMostOnce => ("at most once", QOS_0),
        QoS::AtLeastOnce => ("at least once", QOS_1),
        QoS::ExactlyOnce => ("exactly once", QOS_2),
    };
    let mut witness: Vec<Ix> = vec![published.ix];
    witness.extend(history.packets_of(published.what));
    witness.extend(live.iter().map(|(_, d)| d.ix));
    Some(Broken {
        rule,
        statements: cited(history.version, cite),
        message: format!(
            "{} reached {} {}",
            name(history, published.what),
            history.name(session),
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
        absence: false,
    })
}

/// What must have arrived in the end.
struct Due<'h> {
    /// Subscriptions that lasted, of clients that are connected at the end, at QoS 1 or 2.
    lasting: Levels<'h>,
    /// Message and session of each delivery, sorted.
    delivered: Vec<(MessageIx, SessionIx)>,
    /// By message: publishes the broker took responsibility for.
    completed: Vec<usize>,
}

impl<'h> Due<'h> {
    fn of(history: &'h History<'h>) -> Self {
        let mut due = Self {
            lasting: Levels::default(),
            delivered: Vec::new(),
            completed: vec![0; history.messages.len()],
        };
        if history.settled.is_none() || history.plan.broker.max_queued.is_some() {
            return due;
        }
        for (n, s) in history.subscriptions.all.iter().enumerate() {
            let lasting = s.until.is_none()
                && s.granted != QoS::AtMostOnce
                && s.subscription.filter.share_name().is_none()
                && history.online_at_end(s.client);
            if lasting {
                due.lasting.insert(&s.subscription.filter, n);
            }
        }
        let all = history.delivered.iter();
        due.delivered = all.map(|d| (d.what, history.session(d.to))).collect();
        due.delivered.sort_unstable();
        for p in history.published.iter().filter(|p| p.completed()) {
            due.completed[p.what] += 1;
        }
        due
    }

    fn reached(&self, what: MessageIx, session: SessionIx) -> usize {
        let wanted = (what, session);
        let from = self.delivered.partition_point(|d| *d < wanted);
        self.delivered[from..].partition_point(|d| *d <= wanted)
    }

    /// What the broker took responsibility for reaches every subscription that lasted, once the story has settled.
    fn lower_bound(
        &self,
        history: &History<'_>,
        published: &Published<'_>,
        found: &mut Vec<(ClientIx, Broken)>,
    ) {
        let properties = &published.message.properties;
        let (true, true, None, Some(arrived)) = (
            published.completed(),
            published.message.qos != QoS::AtMostOnce,
            properties.message_expiry_interval(),
            published.arrived,
        ) else {
            return;
        };
        let by = history.session(published.by);
        let mut best: BTreeMap<ClientIx, QoS> = BTreeMap::new();
        for n in self.lasting.matching(&published.message.topic) {
            let s = &history.subscriptions.all[n];
            let own = s.subscription.no_local && history.session(s.client) == by;
            if s.since < arrived && !own {
                let qos = s.granted.min(published.message.qos);
                let best = best.entry(s.client).or_insert(qos);
                *best = qos.max(*best);
            }
        }
        let seen = history.messages.get(published.what);
        let wanted = seen.published.len().min(self.completed[published.what]);
        for (to, best) in best {
            let all = self.reached(published.what, history.session(to));
            if all < wanted {
                found.push((to, too_seldom(history, published, to, best, all)));
            }
        }
    }
}

fn too_seldom(
    history: &History<'_>,
    published: &Published<'_>,
    to: ClientIx,
    best: QoS,
    all: usize,
) -> Broken {
    let (rule, cite) = match best {
        QoS::ExactlyOnce => ("exactly once", QOS_2),
        _ => ("at least once", QOS_1),
    };
    let mut statements = cited(history.version, cite);
    statements.extend(cited(history.version, STATE_KEPT));
    let mut witness = vec![published.ix];
    witness.extend(history.packets_of(published.what));
    witness.extend(published.acknowledged.map(|(ix, _)| ix));
    let times = describe::times(all);
    Broken {
        rule,
        statements,
        message: format!(
            "{} was acknowledged to {} and {times} reached {}",
            name(history, published.what),
            history.name(published.by),
            history.name(to)
        ),
        expected: format!(
            "{} has a subscription that lasted and is connected, so it gets the message",
            history.name(to)
        ),
        source: None,
        witness,
        absence: true,
    }
}

/// First deliveries of what one client published to one topic with one QoS keep the order of publishing.
fn order<'h>(history: &'h History<'h>, reach: &mut Reach<'h, 'h>, broken: &mut Findings) {
    // (receiver, publisher, topic, QoS published, QoS delivered) → the latest message first delivered so far.
    let mut latest: BTreeMap<_, (usize, Ix)> = BTreeMap::new();
    let mut seen: BTreeSet<(ClientIx, MessageIx)> = BTreeSet::new();
    for d in history.delivered.iter().filter(|d| !d.message.retain) {
        let message = history.messages.get(d.what);
        let &[n] = message.published.as_slice() else {
            continue;
        };
        if !seen.insert((d.to, d.what)) {
            continue;
        }
        // What one member of a share group left behind reaches another late [MQTT-4.6.0-6] (5.0).
        let mut filters = reach.filters(history.session(d.to), message.topic);
        if filters.any(|f| f.filter.is_shared()) {
            continue;
        }
        let p = &history.published[n];
        let lane = (
            d.to,
            p.by,
            message.topic.as_str(),
            p.message.qos,
            d.message.qos,
        );
        match latest.get(&lane) {
            Some((newest, ix)) if *newest > n => {
                let overtaken = &history.published[*newest];
                broken.push(Broken {
                    rule: "order",
                    statements: cited(history.version, ORDER),
                    message: format!(
                        "{} received {} after {}, which {} had published later",
                        history.name(d.to),
                        name(history, d.what),
                        name(history, overtaken.what),
                        history.name(p.by)
                    ),
                    expected:
                        "messages of one publisher, topic and QoS arrive in the order of publishing"
                            .into(),
                    source: None,
                    witness: vec![p.ix, overtaken.ix, *ix, d.ix],
                    absence: false,
                });
            }
            _ => {
                latest.insert(lane, (n, d.ix));
            }
        }
    }
}

/// After the faults have stopped, every flow of a connected client finishes.
fn liveness(history: &History<'_>, broken: &mut Findings) {
    for p in &history.published {
        let open = p.acknowledged.is_none() && !p.abandoned;
        if open && history.online_at_end(p.by) && !taken_over(history, p.by) && !broken.full() {
            let mut witness = vec![p.ix];
            witness.extend(history.packets_of(p.what));
            broken.push(Broken {
                rule: "liveness",
                statements: cited(history.version, COMPLETES),
                message: format!(
                    "{} of {} was never acknowledged",
                    name(history, p.what),
                    history.name(p.by)
                ),
                expected: "after the faults have ended, every flow of a connected client finishes"
                    .into(),
                source: None,
                witness,
                absence: true,
            });
        }
    }
}

/// Whether another client of the story holds this one's session at the end.
fn taken_over(history: &History<'_>, client: ClientIx) -> bool {
    history
        .last_connection(client)
        .is_some_and(|c| c.client != client)
}
