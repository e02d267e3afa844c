//! `delivered`: messages reach a client.

use super::judge::{Judge, NOTHING};
use crate::{
    construct::Expect,
    diagnostic::quoted,
    kind::{CLIENT, FILTER, FLAG, Form, Kind, Maybe, Own, PAYLOAD, POSITIVE, Several, at_least},
    raw::Value,
    reader::{Context, Fields},
    record::{Stands, record},
    source::ClientIx,
    suggest,
    values::Wrong,
};
use bytes::Bytes;
use serde_json::json;
use squall_history::{Cite, model::MessageIx, words};
use squall_protocol::{QoS, topic};
use std::{collections::BTreeMap, time::Duration};

record! {
    /// Messages reach a client.
    pub struct Delivered, "delivered", check = Self::check {
        /// topic filter of the messages meant
        topic: String = "topic", needed(String::new(), FILTER);
        /// only those with this payload
        payload: Option<Bytes> = "payload", usual(None, Maybe(PAYLOAD));
        /// to whom
        to: Receivers = "to", needed(Receivers::One(0), RECEIVERS);
        /// how often each of them
        times: Times = part(Times::ExactlyOnce, Often);
        /// first deliveries come in the order of publishing
        in_order: bool = "in_order", usual(false, FLAG);
        /// each comes in this time after it was handed to its publisher
        within: Option<Duration> = "within", usual(None, Maybe(POSITIVE));
        /// `true`: it may speak of nothing that happened, which otherwise fails the run
        optional: bool = "optional", usual(false, FLAG);
    }
}

/// To whom messages are delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receivers {
    /// To this client.
    One(ClientIx),
    /// To these together, whichever of them.
    Any(Vec<ClientIx>),
}

impl Receivers {
    /// Who they are.
    #[must_use]
    pub fn clients(&self) -> &[ClientIx] {
        match self {
            Self::One(client) => std::slice::from_ref(client),
            Self::Any(clients) => clients,
        }
    }
}

/// The clients of `any`.
const ANY: Several<Own<ClientIx>> = Several {
    of: "clients",
    each: CLIENT,
    distinct: true,
};

/// A client, or `{ any: [w1, w2] }`.
const RECEIVERS: Own<Receivers> = Own {
    read: |cx, node| {
        let Value::Map(_) = node.value else {
            return cx.client(node).map(Receivers::One);
        };
        let fields = Fields::open(cx, node, "receivers", &["any"])?;
        let clients = fields.need(cx, "any")?;
        let clients = ANY.read(cx, clients)?;
        (!clients.is_empty()).then_some(Receivers::Any(clients))
    },
    show: |receivers, names| match receivers {
        Receivers::One(client) => CLIENT.show(client, names),
        Receivers::Any(clients) => format!("{{ any: {} }}", ANY.show(clients, names)),
    },
    form: || {
        let any = json!({ "type": "object", "properties": { "any": ANY.form().schema }, "required": ["any"], "additionalProperties": false });
        let schema = json!({ "anyOf": [CLIENT.form().schema, any] });
        Form::new("client, or `{ any: [w1, w2] }`", schema)
    },
};

/// How often each message must arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// 0 or 1 times.
    AtMostOnce,
    /// 1 time or more.
    AtLeastOnce,
    /// 1 time.
    ExactlyOnce,
    /// Not at all.
    Never,
    /// This many deliveries in all.
    Total(u32),
}

record! {
    /// Exactly one of the keys that say how often.
    struct Often, "delivered" {
        /// each reaches the client so often; one of these five is required
        exactly: bool = "exactly", usual(false, ONCE);
        /// each reaches the client once or not at all
        at_most: bool = "at_most", usual(false, ONCE);
        /// each reaches the client once or more often
        at_least: bool = "at_least", usual(false, ONCE);
        /// `true`: none of them reaches the client
        never: bool = "never", usual(false, FLAG);
        /// so many deliveries in all
        count: Option<u32> = "count", usual(None, Maybe(at_least::<u32>(0)));
    }
}

impl Stands<Times> for Often {
    fn value(self, cx: &mut Context<'_>, fields: &Fields<'_>) -> Option<Times> {
        let keys = ["exactly", "at_most", "at_least", "never", "count"];
        let mut given = keys.iter().filter_map(|key| fields.entry(key));
        let Some((key, node)) = given.next() else {
            let message = "`delivered` does not say how often";
            let help = "add `exactly: once`, `at_most: once`, `at_least: once`, `never: true` or `count: 3`";
            cx.refuse(&fields.span, message, "how often?", help);
            return None;
        };
        if let Some((second, _)) = given.next() {
            let (one, two) = (quoted(&key.text), quoted(&second.text));
            let message = format!("{one} and {two} contradict each other");
            let problem = cx.diagnostic(&second.span, message, "and this");
            let problem = problem.label(key.span.clone(), "this");
            cx.push(problem.help("keep one of them"));
            return None;
        }
        match key.text.as_str() {
            "exactly" => self.exactly.then_some(Times::ExactlyOnce),
            "at_most" => self.at_most.then_some(Times::AtMostOnce),
            "at_least" => self.at_least.then_some(Times::AtLeastOnce),
            "never" if self.never => Some(Times::Never),
            "never" => {
                let message = "`never: false` does not say how often";
                let help = "write `never: true`, or say how often: `exactly: once`";
                if FLAG.read(cx, node).is_some() {
                    cx.refuse(&node.span, message, "how often?", help);
                }
                None
            }
            _ => self.count.map(Times::Total),
        }
    }

    fn of(times: &Times) -> Self {
        Self {
            exactly: *times == Times::ExactlyOnce,
            at_most: *times == Times::AtMostOnce,
            at_least: *times == Times::AtLeastOnce,
            never: *times == Times::Never,
            count: match times {
                Times::Total(n) => Some(*n),
                _ => None,
            },
        }
    }
}

impl Delivered {
    fn check(&self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool {
        if let (true, Receivers::Any(_), Some(key)) =
            (self.in_order, &self.to, fields.key("in_order"))
        {
            let message = "an order of what reaches any of several clients";
            let help = "nothing orders deliveries to different clients: remove `in_order`, or name one client";
            cx.refuse(&key.span, message, "contradicts `any`", help);
        }
        if self.times != Times::Never {
            return true;
        }
        for key in ["in_order", "within"]
            .iter()
            .filter_map(|key| fields.key(key))
        {
            let message = format!("{} of messages that are never delivered", quoted(&key.text));
            cx.contradicts(key, message, "contradicts `never`");
        }
        true
    }
}

impl Expect for Delivered {
    const WORD: &'static str = "delivered";
    const MEANING: &'static str = "how often each message whose topic matches reaches a client";
    const EXAMPLE: &'static str = "{ topic: t/#, to: lock, exactly: once }";

    fn excludes(&self, other: &Self) -> bool {
        let subject = |d: &Self| (d.topic.clone(), d.payload.clone(), d.to.clone());
        subject(self) == subject(other) && self.times.excludes(other.times)
    }

    fn is_optional(&self) -> bool {
        self.optional
    }

    fn judge(&self, judge: &mut Judge<'_, '_>) {
        if let Times::Never | Times::Total(_) = self.times {
            self.total(judge);
        } else {
            let meant = judge.meant(&self.topic, self.payload.as_ref());
            if meant.is_empty() {
                let topic = &self.topic;
                judge.speaks_of_nothing(format!(
                    "nothing was published on `{topic}` that could be delivered"
                ));
            }
            for what in meant {
                if judge.broken.full() {
                    return;
                }
                self.message(what, judge);
            }
        }
        if let (true, [to]) = (self.in_order, self.to.clients()) {
            self.in_order(*to, judge);
        }
    }
}

impl Delivered {
    /// What the receivers are called together.
    fn called(&self, judge: &Judge<'_, '_>) -> String {
        let names = self.to.clients().iter().map(|c| judge.model.name(*c));
        suggest::listed(names, "or").replace('`', "")
    }

    /// How often one message reached the receivers, and when first.
    fn message(&self, what: MessageIx, judge: &mut Judge<'_, '_>) {
        let model = judge.model;
        let seen = model.messages.get(what);
        let name = self.called(judge);
        let arrivals = judge.found.arrivals(what, self.to.clients());
        let published = seen.published.first().map(|n| &model.published[*n]);
        let (least, most) = judge.wills(what);
        let copies = (seen.published.len() + least, seen.published.len() + most);
        let mut witness: Vec<usize> = published.iter().map(|p| p.mark.ix).collect();
        let wills = seen.wills.iter().map(|n| &model.connections[*n]);
        witness.extend(wills.filter_map(|c| Some(c.closed?.0.ix)));
        witness.extend(model.packets_of(what));
        witness.extend(arrivals.iter().map(|n| model.delivered[*n].mark.ix));
        // At the QoS at which it can reach them: what was granted counts, not what was asked for.
        let granted = self.to.clients().iter();
        let granted = granted.filter_map(|c| model.granted(*c, seen.topic)).max();
        let wills = seen.wills.iter();
        let wills = wills
            .filter_map(|n| Some(model.connections[*n].will()?.qos))
            .max();
        let sent = published
            .map(|p| p.message.qos)
            .max(wills)
            .unwrap_or_default();
        let qos = granted.map_or(sent, |granted| granted.min(sent));
        let arrived = arrivals.len();
        let fits = self.times.fit(arrived, copies)
            || (judge.stranger && self.times != Times::Never && may_be(sent, arrived, copies));
        let message = || words::payload(seen.payload);
        if !fits {
            let times = words::times(arrived);
            let message = format!("{} on `{}` reached {name} {times}", message(), seen.topic);
            let expected = self.times.expected(copies);
            judge.add(
                cite_of(qos),
                message,
                expected,
                witness.clone(),
                arrived < copies.0,
            );
        }
        let within = self.within.filter(|_| !judge.stranger);
        if let (Some(limit), Some(first), Some(published)) = (within, arrivals.first(), published) {
            let took = model.delivered[*first].mark.at.since(published.mark.at);
            if took > limit {
                let message = format!("{} reached {name} after {} ms", message(), took.as_millis());
                let expected = format!("within {} ms", limit.as_millis());
                judge.report(NOTHING, message, expected, witness);
            }
        }
    }

    /// How many messages reached the receivers in all, wherever they came from.
    fn total(&self, judge: &mut Judge<'_, '_>) {
        let (model, topic) = (judge.model, &self.topic);
        let wanted = match self.times {
            Times::Total(n) => n as usize,
            _ => 0,
        };
        let to = self.to.clients().iter();
        let mut all: Vec<usize> = to
            .flat_map(|to| &model.delivered_to[*to])
            .map(|n| &model.delivered[*n])
            .filter(|d| topic::matches(topic, d.message.topic))
            .filter(|d| {
                self.payload
                    .as_ref()
                    .is_none_or(|b| *b == *d.message.payload)
            })
            .map(|d| d.mark.ix)
            .collect();
        all.sort_unstable();
        let name = self.called(judge);
        if wanted == 0 && !self.could_be_broken(judge) {
            judge.speaks_of_nothing(format!(
                "nothing was published on `{topic}`, and nothing else that {name} could have seen"
            ));
        }
        if all.len() != wanted {
            let message = format!("{name} received {} messages on `{topic}`", all.len());
            let (expected, absence) = match self.times {
                Times::Never => ("never".into(), false),
                _ => (format!("{wanted} deliveries in all"), all.len() < wanted),
            };
            judge.add(NOTHING, message, expected, all, absence);
        }
    }

    /// Whether there was anything that one of them could have been sent by mistake: a message that is meant, while it
    /// was there, or any message for which it had subscribed.
    fn could_be_broken(&self, judge: &Judge<'_, '_>) -> bool {
        let model = judge.model;
        let to = self.to.clients();
        let meant = judge.meant(&self.topic, self.payload.as_ref());
        let could_see = |what: usize| {
            let topic = model.messages.get(what).topic;
            judge.existed(what) && to.iter().any(|to| model.granted(*to, topic).is_some())
        };
        let there = to.iter().any(|to| judge.was_there(*to));
        (there && !meant.is_empty()) || (0..model.messages.len()).any(could_see)
    }

    fn in_order(&self, to: ClientIx, judge: &mut Judge<'_, '_>) {
        let model = judge.model;
        // Each message and its place in the order of publishing; the first one of several.
        let mut places: BTreeMap<MessageIx, usize> = BTreeMap::new();
        let mut published: Vec<(usize, MessageIx)> = Vec::new();
        for what in judge.meant(&self.topic, self.payload.as_ref()) {
            let first = model.messages.get(what).published.first();
            published.extend(first.map(|n| (*n, what)));
        }
        published.sort_unstable();
        for (n, (_, what)) in published.into_iter().enumerate() {
            places.insert(what, n);
        }
        let mut newest: Option<(usize, MessageIx, usize)> = None;
        for d in &model.delivered_to[to] {
            let d = &model.delivered[*d];
            // Only the first delivery of each counts.
            let Some(n) = places.remove(&d.what) else {
                continue;
            };
            if let Some((_, before, ix)) = newest.filter(|(before, ..)| *before > n) {
                let payload = |w| words::payload(model.messages.get(w).payload);
                let (late, early) = (payload(d.what), payload(before));
                let message = format!("{} received {late} after {early}", model.name(to));
                let order: Cite = (&["MQTT-4.6.0-6"], &["MQTT-4.6.0-5"]);
                judge.report(
                    order,
                    message,
                    "the order of publishing".into(),
                    vec![ix, d.mark.ix],
                );
            } else {
                newest = Some((n, d.what, d.mark.ix));
            }
        }
    }
}

/// Whether a stranger may deliver a message this often, whatever the story expects more than `never`: QoS 0 may be lost,
/// QoS 1 may come again. That QoS 1 and 2 come at all is asked of everybody elsewhere, of subscriptions that lasted; whom a
/// story has away may find that its session was discarded.
const fn may_be(qos: QoS, arrived: usize, (_, most): (usize, usize)) -> bool {
    match qos {
        QoS::AtLeastOnce => true,
        QoS::AtMostOnce | QoS::ExactlyOnce => arrived <= most,
    }
}

const fn cite_of(qos: QoS) -> Cite {
    match qos {
        QoS::AtMostOnce => (&["MQTT-4.3.1-1"], &["MQTT-4.3.1-1"]),
        QoS::AtLeastOnce => (
            &["MQTT-4.3.2-1", "MQTT-4.3.2-2"],
            &["MQTT-4.3.2-3", "MQTT-4.3.2-4"],
        ),
        QoS::ExactlyOnce => (
            &["MQTT-4.3.3-1", "MQTT-4.3.3-2"],
            &["MQTT-4.3.3-8", "MQTT-4.3.3-10"],
        ),
    }
}

impl Times {
    /// Whether a message that was published between so many and so many times may arrive so often.
    const fn fit(self, arrived: usize, (least, most): (usize, usize)) -> bool {
        match self {
            Self::AtMostOnce => arrived <= most,
            Self::AtLeastOnce => arrived >= least,
            Self::ExactlyOnce => arrived >= least && arrived <= most,
            Self::Never => arrived == 0,
            Self::Total(n) => arrived == n as usize,
        }
    }

    /// What is expected of such a message.
    fn expected(self, (least, most): (usize, usize)) -> String {
        match self {
            Self::AtMostOnce => format!("at most {most}"),
            Self::AtLeastOnce => format!("at least {least}"),
            Self::ExactlyOnce if least < most => format!("{least} to {most}"),
            Self::ExactlyOnce => format!("exactly {least}"),
            Self::Never => "never".into(),
            Self::Total(n) => format!("{n} in all"),
        }
    }

    /// Whether no history satisfies both. A number of deliveries in all says nothing about each single message, except
    /// when one side allows none.
    fn excludes(self, other: Self) -> bool {
        let some = |times| match times {
            Self::ExactlyOnce | Self::AtLeastOnce => true,
            Self::Total(n) => n > 0,
            Self::AtMostOnce | Self::Never => false,
        };
        match (self, other) {
            (Self::Total(a), Self::Total(b)) => a != b,
            (Self::Never | Self::Total(0), other) | (other, Self::Never | Self::Total(0)) => {
                some(other)
            }
            _ => false,
        }
    }
}

/// The word `once`.
const ONCE: Own<bool> = Own {
    read: |cx, node| {
        cx.scalar(node, "`once`", |s| match s.text.as_str() {
            "once" => Ok(true),
            text => {
                let wrong = Wrong::new(format!("expected `once`, found {}", quoted(text)));
                Err(if text.bytes().all(|b| b.is_ascii_digit()) {
                    wrong.help(format!(
                        "for a number of deliveries in all write `count: {text}`"
                    ))
                } else {
                    wrong
                })
            }
        })
    },
    show: |_, _| "once".into(),
    form: || Form::new("`once`", json!({ "const": "once" })),
};
