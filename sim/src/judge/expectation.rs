//! What a scenario asks for in its `expect` section.

use bytes::Bytes;
use squall_history::{
    Cite, Finding, Findings, cited,
    model::{Connection, Delivered, MessageIx, Model, Published},
    words,
};
use squall_protocol::{QoS, ReasonCode, Time, topic};
use squall_scenarios::{
    expect,
    model::{ClientIx, ExpectKind, Scenario, Times},
    plan::OBSERVER,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

const NOTHING: Cite = (&[], &[]);
const WILL: Cite = (&["MQTT-3.1.2-8"], &["MQTT-3.1.2-8", "MQTT-3.1.3-9"]);
const RETAINED: Cite = (
    &["MQTT-3.3.1-6", "MQTT-3.3.1-10"],
    &["MQTT-3.3.1-5", "MQTT-3.3.1-6", "MQTT-3.3.1-9"],
);
const SESSION: Cite = (
    &["MQTT-3.2.2-1", "MQTT-3.2.2-2", "MQTT-3.2.2-3"],
    &["MQTT-3.2.2-2", "MQTT-3.2.2-3"],
);

pub(super) fn judge<'h>(
    plan: &'h Scenario,
    model: &'h Model<'h>,
    stranger: bool,
    broken: &mut Findings,
) {
    let found = Found::of(plan, model);
    for (demand, expectation) in plan.expect.iter().enumerate() {
        if broken.full() {
            return;
        }
        let mut judge = Judge {
            model,
            found: &found,
            demand,
            stranger,
            broken,
        };
        match &expectation.kind {
            ExpectKind::Delivered(expect::Delivered {
                topic,
                payload,
                to,
                times,
                in_order,
                within,
            }) => {
                judge.delivered(topic, payload.as_ref(), *to, *times, *within);
                if *in_order {
                    judge.in_order(topic, payload.as_ref(), *to);
                }
            }
            ExpectKind::Will(expect::Will {
                of,
                published,
                after,
            }) => judge.will(*of, *published, *after),
            ExpectKind::Retained(expect::Retained { topic, payload }) => {
                judge.retained(topic, payload.as_ref())
            }
            ExpectKind::Session(expect::Session { of, present }) => judge.session(*of, present),
            ExpectKind::Closed(expect::Closed {
                client,
                times,
                reason,
            }) => judge.closed(*client, *times, *reason),
        }
    }
}

struct Judge<'j, 'h> {
    model: &'h Model<'h>,
    found: &'j Found<'h>,
    /// The number of the expectation.
    demand: usize,
    /// Only what the standard asks of every broker is asked.
    stranger: bool,
    broken: &'j mut Findings,
}

/// What several expectations ask for.
struct Found<'h> {
    /// The hidden client that hears wills and finds retained messages.
    observer: Option<ClientIx>,
    /// By topic: what the observer was sent as retained.
    retained: BTreeMap<&'h str, Vec<&'h Delivered<'h>>>,
    /// Client and message of each delivery, with its index; sorted.
    arrivals: Vec<(ClientIx, MessageIx, usize)>,
}

impl<'h> Found<'h> {
    fn of(plan: &'h Scenario, model: &'h Model<'h>) -> Self {
        let clients = &plan.clients;
        let observer = clients.iter().position(|c| c.name == OBSERVER);
        let mut retained: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for n in observer.map_or(&[][..], |o| &model.delivered_to[o]) {
            let d = &model.delivered[*n];
            if d.message.retain {
                let topic = d.message.topic.as_str();
                retained.entry(topic).or_default().push(d);
            }
        }
        let all = model.delivered.iter().enumerate();
        let mut arrivals: Vec<_> = all.map(|(n, d)| (d.to, d.what, n)).collect();
        arrivals.sort_unstable();
        Self {
            observer,
            retained,
            arrivals,
        }
    }

    /// Deliveries of a message to a client, in order.
    fn arrivals(&self, what: MessageIx, to: ClientIx) -> &[(ClientIx, MessageIx, usize)] {
        let first = (to, what, 0);
        let from = self.arrivals.partition_point(|a| *a < first);
        let rest = &self.arrivals[from..];
        &rest[..rest.partition_point(|(t, w, _)| (*t, *w) == (to, what))]
    }
}

impl<'h> Judge<'_, 'h> {
    /// Something happened that must not.
    fn report(&mut self, cite: Cite, message: String, expected: String, witness: Vec<usize>) {
        self.add(cite, message, expected, witness, false);
    }

    /// Something did not happen that must.
    fn missed(&mut self, cite: Cite, message: String, expected: String, witness: Vec<usize>) {
        self.add(cite, message, expected, witness, true);
    }

    fn add(
        &mut self,
        cite: Cite,
        message: String,
        expected: String,
        witness: Vec<usize>,
        absence: bool,
    ) {
        self.broken.push(Finding {
            rule: "expectation",
            statements: cited(self.model.setting.version, cite),
            message,
            expected,
            witness,
            absence,
            demand: Some(self.demand),
        });
    }

    /// Publishes the expectation is about, in order.
    fn meant(&self, filter: &'h str, payload: Option<&Bytes>) -> Vec<&'h Published<'h>> {
        let model = self.model;
        let mut numbers: Vec<usize> = if filter.contains(['+', '#']) {
            let fits = |p: &Published<'_>| {
                topic::matches(filter, p.message.topic)
                    && payload.is_none_or(|b| *b == p.message.payload)
            };
            let all = model.published.iter().enumerate();
            return all.filter(|(_, p)| fits(p)).map(|(_, p)| p).collect();
        } else if let Some(payload) = payload {
            let what = model.messages.find(filter, payload);
            what.map_or(Vec::new(), |w| model.messages.get(w).published.clone())
        } else {
            let messages = model.messages.on_topic(filter);
            messages
                .flat_map(|w| model.messages.get(w).published.iter().copied())
                .collect()
        };
        numbers.sort_unstable();
        numbers.iter().map(|n| &model.published[*n]).collect()
    }

    fn delivered(
        &mut self,
        filter: &'h str,
        payload: Option<&Bytes>,
        to: ClientIx,
        times: Times,
        within: Option<Duration>,
    ) {
        if let Times::Total(n) = times {
            self.total(filter, payload, to, n);
            return;
        }
        let meant = self.meant(filter, payload);
        if meant.is_empty() && times != Times::Never {
            let message = format!("nothing was published on `{filter}` that could be delivered");
            self.missed(
                NOTHING,
                message,
                "the story publishes what this expectation is about".into(),
                vec![],
            );
        }
        let mut judged: BTreeSet<MessageIx> = BTreeSet::new();
        for published in meant {
            if self.broken.full() {
                return;
            }
            if judged.insert(published.what) {
                self.message(published, to, times, within);
            }
        }
    }

    /// How often one message reached a client, and when first.
    fn message(
        &mut self,
        published: &Published<'_>,
        to: ClientIx,
        times: Times,
        within: Option<Duration>,
    ) {
        let (model, found) = (self.model, self.found);
        let seen = model.messages.get(published.what);
        let name = model.name(to);
        let arrivals = found.arrivals(published.what, to);
        let (fits, expected) = fits(times, arrivals.len(), seen.published.len());
        let fits = fits || self.may_be(published, seen.published.len(), arrivals.len());
        let witness = || -> Vec<usize> {
            let mut witness = vec![published.mark.ix];
            witness.extend(model.packets_of(published.what));
            witness.extend(arrivals.iter().map(|(.., n)| model.delivered[*n].mark.ix));
            witness
        };
        let what = || words::payload(seen.payload);
        if !fits {
            let message = format!(
                "{} on `{}` reached {name} {}",
                what(),
                seen.topic,
                words::times(arrivals.len())
            );
            let absence = arrivals.len() < seen.published.len() && times != Times::Never;
            let cite = cite_of(published.message.qos);
            self.add(cite, message, expected(), witness(), absence);
        }
        let within = within.filter(|_| !self.stranger);
        if let (Some(limit), Some((.., first))) = (within, arrivals.first()) {
            let took = model.delivered[*first].mark.at.since(published.mark.at);
            if took > limit {
                let message = format!("{} reached {name} after {} ms", what(), took.as_millis());
                let expected = format!("within {} ms", limit.as_millis());
                self.report(NOTHING, message, expected, witness());
            }
        }
    }

    /// Whether a stranger may deliver a message this often, whatever the story expects: QoS 0 may be lost, and QoS 1 may
    /// come again.
    fn may_be(&self, published: &Published<'_>, copies: usize, arrived: usize) -> bool {
        let allowed = match published.message.qos {
            QoS::AtMostOnce => arrived <= copies,
            QoS::AtLeastOnce => arrived >= copies,
            QoS::ExactlyOnce => false,
        };
        self.stranger && allowed
    }

    /// How many messages reached a client in all.
    fn total(&mut self, filter: &str, payload: Option<&Bytes>, to: ClientIx, n: u32) {
        let model = self.model;
        let all: Vec<usize> = model.delivered_to[to]
            .iter()
            .map(|n| &model.delivered[*n])
            .filter(|d| topic::matches(filter, d.message.topic))
            .filter(|d| payload.is_none_or(|b| *b == d.message.payload))
            .map(|d| d.mark.ix)
            .collect();
        let name = model.name(to);
        if all.len() != n as usize {
            let message = format!("{name} received {} messages on `{filter}`", all.len());
            let absence = all.len() < n as usize;
            self.add(
                NOTHING,
                message,
                format!("{n} deliveries in all"),
                all,
                absence,
            );
        }
    }

    fn in_order(&mut self, filter: &'h str, payload: Option<&Bytes>, to: ClientIx) {
        let model = self.model;
        // Each message and its place in the order of publishing; the first one of several.
        let mut places: BTreeMap<MessageIx, usize> = BTreeMap::new();
        for (n, p) in self.meant(filter, payload).iter().enumerate() {
            places.entry(p.what).or_insert(n);
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
                self.report(
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

    fn connections_of(&self, client: ClientIx) -> Vec<&'h Connection<'h>> {
        self.model.connections_of(client).collect()
    }

    fn will(&mut self, of: ClientIx, published: u32, after: Option<Duration>) {
        let Some(observer) = self.found.observer else {
            return;
        };
        let model = self.model;
        let own = self.connections_of(of);
        let mut heard: Vec<&Delivered<'_>> = Vec::new();
        let mut wills: BTreeSet<MessageIx> = BTreeSet::new();
        let mut said_too = 0;
        for will in own.iter().filter_map(|c| c.will()) {
            let what = model.messages.find(&will.topic, &will.payload);
            if let Some(what) = what.filter(|what| wills.insert(*what)) {
                let all = model.messages.get(what).delivered.iter();
                let live = all
                    .map(|n| &model.delivered[*n])
                    .filter(|d| !d.message.retain);
                heard.extend(live.filter(|d| d.to == observer));
                // A client may publish the very same words itself.
                let said = model.messages.get(what).published.iter();
                said_too += said
                    .filter(|n| model.published[**n].arrived.is_some())
                    .count();
            }
        }
        let mut witness: Vec<usize> = own.iter().filter_map(|c| Some(c.connect?.0.ix)).collect();
        witness.extend(own.iter().filter_map(|c| Some(c.closed?.0.ix)));
        witness.extend(heard.iter().map(|d| d.mark.ix));
        witness.sort_unstable();
        let name = self.model.name(of);
        let times = heard.len().saturating_sub(said_too);
        if times != published as usize {
            let message = format!("the will of {name} was published {}", words::times(times));
            let expected = format!("it is published {}", words::times(published as usize));
            let absence = times < published as usize;
            self.add(WILL, message, expected, witness.clone(), absence);
        }
        let ends = own.iter().filter_map(|c| Some(c.closed?.0.at));
        let mut ends: Vec<Time> = ends.collect();
        ends.sort_unstable();
        // Which of them is the will cannot be told where the client says the same.
        for d in heard.into_iter().filter(|_| said_too == 0) {
            let before = ends.partition_point(|at| *at <= d.mark.at);
            let ended = ends[..before].last().copied();
            let waited = ended.map_or(Duration::ZERO, |at| d.mark.at.since(at));
            if let Some(after) = after.filter(|a| waited < *a && !self.broken.full()) {
                let message = format!(
                    "the will of {name} came {} ms after its connection ended",
                    waited.as_millis()
                );
                self.report(
                    WILL,
                    message,
                    format!("not before {} ms", after.as_millis()),
                    witness.clone(),
                );
            }
        }
    }

    fn retained(&mut self, topic: &str, payload: Option<&Bytes>) {
        if self.found.observer.is_none() {
            return;
        }
        let found = self.found.retained.get(topic);
        let found = found.map_or(&[][..], Vec::as_slice);
        let fits = match payload {
            None => found.is_empty(),
            Some(payload) => found.len() == 1 && *found[0].message.payload == *payload,
        };
        if fits {
            return;
        }
        let message = match found {
            [] => format!("a fresh subscriber of `{topic}` found nothing"),
            [one] => format!(
                "a fresh subscriber of `{topic}` found {}",
                words::payload(one.message.payload)
            ),
            more => format!(
                "a fresh subscriber of `{topic}` found {} retained messages",
                more.len()
            ),
        };
        let expected = payload.map_or("nothing is retained".into(), |p| {
            format!("it finds {}", words::payload(p))
        });
        let mut witness: Vec<usize> = self
            .model
            .packets
            .iter()
            .filter(|p| p.retain && **self.model.messages.get(p.what).topic == *topic)
            .map(|p| p.ix)
            .collect();
        witness.extend(found.iter().map(|d| d.mark.ix));
        // What is retained shows at the end.
        self.missed(RETAINED, message, expected, witness);
    }

    fn session(&mut self, of: ClientIx, present: &[bool]) {
        let own = self.connections_of(of).into_iter();
        let accepted: Vec<_> = own
            .filter(|c| c.accepted())
            .filter_map(|c| c.answered)
            .collect();
        let flags: Vec<bool> = accepted.iter().map(|a| a.session_present).collect();
        if flags != present {
            let message = format!(
                "Session Present of {} was {}",
                self.model.name(of),
                list(&flags)
            );
            let witness = accepted.iter().map(|a| a.mark.ix).collect();
            let absence = present.starts_with(&flags);
            self.add(SESSION, message, list(present), witness, absence);
        }
    }

    fn closed(&mut self, client: ClientIx, times: u32, reason: Option<ReasonCode>) {
        let by_broker =
            |c: &&&Connection<'_>| c.ended_by_server() && reason.is_none_or(|r| c.told == Some(r));
        let all = self.connections_of(client);
        if !self.model.sharp() && all.iter().any(|c| c.silenced) {
            return; // the client cannot see it
        }
        let ends: Vec<usize> = all
            .iter()
            .filter(by_broker)
            .filter_map(|c| Some(c.closed?.0.ix))
            .collect();
        if ends.len() != times as usize {
            let connects = all.iter().filter_map(|c| Some(c.connect?.0.ix));
            let mut witness: Vec<usize> = connects.collect();
            witness.extend(&ends);
            let with = reason
                .map(|r| format!(" with reason code {r}"))
                .unwrap_or_default();
            let name = self.model.name(client);
            let message = format!(
                "the broker ended {} connections of {name}{with}",
                ends.len()
            );
            let absence = ends.len() < times as usize;
            self.add(
                NOTHING,
                message,
                format!("it ends {times}"),
                witness,
                absence,
            );
        }
    }
}

fn fits(times: Times, arrived: usize, copies: usize) -> (bool, impl Fn() -> String) {
    let fits = match times {
        Times::AtMostOnce => arrived <= copies,
        Times::AtLeastOnce => arrived >= copies,
        Times::ExactlyOnce => arrived == copies,
        Times::Never => arrived == 0,
        Times::Total(n) => arrived == n as usize,
    };
    let expected = move || match times {
        Times::AtMostOnce => format!("at most {copies}"),
        Times::AtLeastOnce => format!("at least {copies}"),
        Times::ExactlyOnce => format!("exactly {copies}"),
        Times::Never => "never".into(),
        Times::Total(n) => format!("{n} in all"),
    };
    (fits, expected)
}

fn cite_of(qos: QoS) -> Cite {
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

fn list(flags: &[bool]) -> String {
    let flags: Vec<String> = flags.iter().map(|f| u8::from(*f).to_string()).collect();
    format!("[{}]", flags.join(", "))
}
