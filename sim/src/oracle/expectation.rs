//! What a scenario asks for in its `expect` section.

use super::{
    Broken, Cite, History, cited,
    history::{Connection, Ix, MessageId, Published},
    will,
};
use crate::{
    plan::OBSERVER,
    scenario::{
        describe,
        model::{ClientIx, ExpectKind, Expectation, Times},
    },
};
use bytes::Bytes;
use squall_broker::CloseCause;
use squall_protocol::{QoS, ReasonCode, topic};
use std::time::Duration;

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

pub(super) fn judge(history: &History<'_>, broken: &mut Vec<Broken>) {
    for expectation in &history.plan.expect {
        let mut judge = Judge {
            history,
            expectation,
            broken,
        };
        match &expectation.kind {
            ExpectKind::Delivered {
                topic,
                payload,
                to,
                times,
                in_order,
                within,
            } => {
                judge.delivered(topic, payload.as_ref(), *to, *times, *within);
                if *in_order {
                    judge.in_order(topic, payload.as_ref(), *to);
                }
            }
            ExpectKind::Will {
                of,
                published,
                after,
            } => judge.will(*of, *published, *after),
            ExpectKind::Retained { topic, payload } => judge.retained(topic, payload.as_ref()),
            ExpectKind::Session { of, present } => judge.session(*of, present),
            ExpectKind::Closed {
                client,
                times,
                reason,
            } => judge.closed(*client, *times, *reason),
        }
    }
}

struct Judge<'j, 'h> {
    history: &'h History<'h>,
    expectation: &'h Expectation,
    broken: &'j mut Vec<Broken>,
}

impl<'h> Judge<'_, 'h> {
    fn report(&mut self, cite: Cite, message: String, expected: String, witness: Vec<Ix>) {
        let statements = cited(self.history.version, cite);
        self.broken.push(Broken {
            rule: "expectation",
            statements,
            message,
            expected,
            source: Some(self.expectation.source),
            witness,
        });
    }

    /// Publishes the expectation is about.
    fn meant(&self, filter: &str, payload: Option<&Bytes>) -> Vec<&'h Published> {
        let fits = |p: &&Published| {
            topic::matches(filter, &p.message.topic)
                && payload.is_none_or(|b| *b == p.message.payload)
        };
        self.history.published.iter().filter(fits).collect()
    }

    fn arrivals(&self, id: &MessageId, to: ClientIx) -> Vec<&'h super::history::Delivered> {
        self.history
            .delivered
            .iter()
            .filter(|d| d.to == to && d.message.topic == id.0 && d.message.payload == id.1)
            .collect()
    }

    fn delivered(
        &mut self,
        filter: &str,
        payload: Option<&Bytes>,
        to: ClientIx,
        times: Times,
        within: Option<Duration>,
    ) {
        let meant = self.meant(filter, payload);
        let name = self.history.name(to);
        if let Times::Total(n) = times {
            let all: Vec<Ix> = self
                .history
                .delivered
                .iter()
                .filter(|d| d.to == to && topic::matches(filter, &d.message.topic))
                .filter(|d| payload.is_none_or(|b| *b == d.message.payload))
                .map(|d| d.ix)
                .collect();
            if all.len() != n as usize {
                let message = format!("{name} received {} messages on `{filter}`", all.len());
                self.report(NOTHING, message, format!("{n} deliveries in all"), all);
            }
            return;
        }
        if meant.is_empty() && times != Times::Never {
            let message = format!("nothing was published on `{filter}` that could be delivered");
            self.report(
                NOTHING,
                message,
                "the story publishes what this expectation is about".into(),
                vec![],
            );
        }
        let mut judged: Vec<MessageId> = Vec::new();
        for published in meant {
            let id = published.id();
            if judged.contains(&id) {
                continue;
            }
            let copies = self.history.copies[&id];
            let arrivals = self.arrivals(&id, to);
            let (fits, expected) = fits(times, arrivals.len(), copies);
            let mut witness = vec![published.ix];
            witness.extend(
                self.history
                    .packets
                    .iter()
                    .filter(|p| p.id == id)
                    .map(|p| p.ix),
            );
            witness.extend(arrivals.iter().map(|d| d.ix));
            if !fits {
                let what = describe::payload(&id.1);
                let message = format!(
                    "{what} on `{}` reached {name} {}",
                    id.0,
                    describe::times(arrivals.len())
                );
                self.report(
                    cite_of(published.message.qos),
                    message,
                    expected,
                    witness.clone(),
                );
            }
            if let (Some(limit), Some(first)) = (within, arrivals.first()) {
                let took = first.at.since(published.at);
                if took > limit {
                    let message = format!(
                        "{} reached {name} after {} ms",
                        describe::payload(&id.1),
                        took.as_millis()
                    );
                    self.report(
                        NOTHING,
                        message,
                        format!("within {} ms", limit.as_millis()),
                        witness,
                    );
                }
            }
            judged.push(id);
        }
    }

    fn in_order(&mut self, filter: &str, payload: Option<&Bytes>, to: ClientIx) {
        let meant: Vec<MessageId> = self.meant(filter, payload).iter().map(|p| p.id()).collect();
        let mut newest: Option<(usize, Ix)> = None;
        let mut seen: Vec<usize> = Vec::new();
        for d in self.history.delivered.iter().filter(|d| d.to == to) {
            let Some(n) = meant.iter().position(|id| *id == d.id()) else {
                continue;
            };
            if seen.contains(&n) {
                continue;
            }
            seen.push(n);
            if let Some((before, ix)) = newest.filter(|(before, _)| *before > n) {
                let (late, early) = (
                    describe::payload(&meant[n].1),
                    describe::payload(&meant[before].1),
                );
                let message = format!("{} received {late} after {early}", self.history.name(to));
                let order: Cite = (&["MQTT-4.6.0-6"], &["MQTT-4.6.0-5"]);
                self.report(
                    order,
                    message,
                    "the order of publishing".into(),
                    vec![ix, d.ix],
                );
            } else {
                newest = Some((n, d.ix));
            }
        }
    }

    /// The hidden client that hears wills and finds retained messages.
    fn observer(&self) -> Option<ClientIx> {
        self.history
            .plan
            .clients
            .iter()
            .position(|c| c.name == OBSERVER)
    }

    fn will(&mut self, of: ClientIx, published: u32, after: Option<Duration>) {
        let Some(observer) = self.observer() else {
            return;
        };
        let own: Vec<&Connection> = self
            .history
            .connections
            .iter()
            .filter(|c| c.client == of)
            .collect();
        let mut heard = Vec::new();
        let mut wills: Vec<MessageId> = Vec::new();
        let mut said_too = 0;
        for will in own.iter().filter_map(|c| c.will()) {
            let id = (will.topic.clone(), will.payload.clone());
            if !wills.contains(&id) {
                heard.extend(will::deliveries(self.history, will, observer));
                // A client may publish the very same words itself.
                said_too += self
                    .history
                    .published_as(&id)
                    .filter(|p| p.arrived.is_some())
                    .count();
                wills.push(id);
            }
        }
        let mut witness: Vec<Ix> = own
            .iter()
            .filter_map(|c| Some(c.connect.as_ref()?.0))
            .collect();
        witness.extend(own.iter().filter_map(|c| Some(c.closed.as_ref()?.0)));
        witness.extend(heard.iter().map(|d| d.ix));
        witness.sort_unstable();
        let name = self.history.name(of);
        let times = heard.len().saturating_sub(said_too);
        if times != published as usize {
            let message = format!(
                "the will of {name} was published {}",
                describe::times(times)
            );
            let expected = format!("it is published {}", describe::times(published as usize));
            self.report(WILL, message, expected, witness.clone());
        }
        // Which of them is the will cannot be told where the client says the same.
        for d in heard.into_iter().filter(|_| said_too == 0) {
            let ended = own
                .iter()
                .filter_map(|c| c.closed.as_ref())
                .map(|(_, at, _)| *at)
                .filter(|at| *at <= d.at)
                .max();
            let waited = ended.map_or(Duration::ZERO, |at| d.at.since(at));
            if let Some(after) = after.filter(|a| waited < *a) {
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
        let Some(observer) = self.observer() else {
            return;
        };
        let found: Vec<_> = self
            .history
            .delivered
            .iter()
            .filter(|d| d.to == observer && d.message.retain && *d.message.topic == *topic)
            .collect();
        let fits = match payload {
            None => found.is_empty(),
            Some(payload) => found.len() == 1 && found[0].message.payload == *payload,
        };
        if fits {
            return;
        }
        let message = match found.as_slice() {
            [] => format!("a fresh subscriber of `{topic}` found nothing"),
            [one] => format!(
                "a fresh subscriber of `{topic}` found {}",
                describe::payload(&one.message.payload)
            ),
            more => format!(
                "a fresh subscriber of `{topic}` found {} retained messages",
                more.len()
            ),
        };
        let expected = payload.map_or("nothing is retained".into(), |p| {
            format!("it finds {}", describe::payload(p))
        });
        let mut witness: Vec<Ix> = self
            .history
            .packets
            .iter()
            .filter(|p| p.retain && *p.id.0 == *topic)
            .map(|p| p.ix)
            .collect();
        witness.extend(found.iter().map(|d| d.ix));
        self.report(RETAINED, message, expected, witness);
    }

    fn session(&mut self, of: ClientIx, present: &[bool]) {
        let accepted: Vec<_> = self
            .history
            .connections
            .iter()
            .filter(|c| c.client == of && c.accepted())
            .filter_map(|c| c.answered)
            .collect();
        let flags: Vec<bool> = accepted.iter().map(|(_, present, _)| *present).collect();
        if flags != present {
            let message = format!(
                "Session Present of {} was {}",
                self.history.name(of),
                list(&flags)
            );
            self.report(
                SESSION,
                message,
                list(present),
                accepted.iter().map(|(ix, ..)| *ix).collect(),
            );
        }
    }

    fn closed(&mut self, client: ClientIx, times: u32, reason: Option<ReasonCode>) {
        let by_broker = |c: &&Connection| {
            let ended = c.closed.as_ref().map(|(_, _, cause)| cause);
            let own = matches!(
                ended,
                None | Some(CloseCause::Peer(_) | CloseCause::Disconnected(_))
            );
            c.client == client && !own && reason.is_none_or(|r| c.told == Some(r))
        };
        let ends: Vec<Ix> = self
            .history
            .connections
            .iter()
            .filter(by_broker)
            .filter_map(|c| c.closed.as_ref().map(|(ix, ..)| *ix))
            .collect();
        if ends.len() != times as usize {
            let connects = self
                .history
                .connections
                .iter()
                .filter(|c| c.client == client);
            let mut witness: Vec<Ix> = connects
                .filter_map(|c| Some(c.connect.as_ref()?.0))
                .collect();
            witness.extend(&ends);
            let with = reason
                .map(|r| format!(" with reason code {r}"))
                .unwrap_or_default();
            let name = self.history.name(client);
            let message = format!(
                "the broker ended {} connections of {name}{with}",
                ends.len()
            );
            self.report(NOTHING, message, format!("it ends {times}"), witness);
        }
    }
}

fn fits(times: Times, arrived: usize, copies: usize) -> (bool, String) {
    match times {
        Times::AtMostOnce => (arrived <= copies, format!("at most {copies}")),
        Times::AtLeastOnce => (arrived >= copies, format!("at least {copies}")),
        Times::ExactlyOnce => (arrived == copies, format!("exactly {copies}")),
        Times::Never => (arrived == 0, "never".into()),
        Times::Total(n) => (arrived == n as usize, format!("{n} in all")),
    }
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
