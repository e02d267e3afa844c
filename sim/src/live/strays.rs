//! Messages of one story that came to clients of another: a fault of the broker that belongs to no story, told once.

use super::runs::{One, WORLD};
use crate::{
    trace::{Record, What, exchange},
    world::{Played, live::Aside},
};
use squall_client::Event;
use squall_protocol::{Packet, Version};
use squall_reports::{Finding, SimResult, StatementRef, Verdict, Window};
use squall_scenarios::model::{ClientIx, Scenario};
use std::collections::BTreeMap;

/// What the result about messages that strayed from one story into another is called; no scenario has this name.
pub const BETWEEN: &str = "between-stories";

/// Events that its chart shows at the most.
const EVENTS: usize = 80;

/// By version: the first message that certainly came to somebody who had not asked for it.
#[derive(Debug, Default)]
pub(super) struct Strays(BTreeMap<Version, SimResult>);

impl Strays {
    /// Looks at what was set aside of a telling.
    pub(super) fn look(&mut self, one: &One, plan: &Scenario, played: &Played, aside: &Aside) {
        for stray in aside.take() {
            let before = stray.before.min(played.trace.records().len());
            let mut records = played.trace.records()[..before].to_vec();
            // Of a scripted client it is not known what it has asked for.
            if self.0.contains_key(&one.version)
                || plan.clients[stray.client].scripted
                || asked(plan, stray.client, &records, &stray.record)
            {
                continue;
            }
            records.push(stray.record);
            let finding = finding(plan, one.version, stray.client, &records);
            self.0.insert(one.version, result(one, finding));
        }
    }

    /// A result for each version with which something strayed.
    pub(super) fn results(self) -> impl Iterator<Item = (Version, SimResult)> {
        self.0.into_iter()
    }
}

/// The topic of a message that came.
fn topic(record: &Record) -> Option<&str> {
    match &record.what {
        What::Client(Event::Received(frame)) => match &frame.packet {
            Packet::Publish(p) => Some(p.topic.as_str()),
            _ => None,
        },
        _ => None,
    }
}

/// Whether anybody with the client's session has ever subscribed to what came.
fn asked(plan: &Scenario, client: ClientIx, records: &[Record], came: &Record) -> bool {
    let id = &plan.clients[client].client_id;
    let own = |r: &&Record| {
        let client = r.client();
        client.is_some_and(|c| &plan.clients[c].client_id == id)
    };
    let Some(topic) = topic(came) else {
        return true;
    };
    records.iter().filter(own).any(|r| match &r.what {
        What::Client(Event::Sent(frame)) => match &frame.packet {
            Packet::Subscribe(s) => s.subscriptions.iter().any(|s| s.filter.matches(topic)),
            _ => false,
        },
        _ => false,
    })
}

fn finding(plan: &Scenario, version: Version, client: ClientIx, records: &[Record]) -> Finding {
    let last = records.len() - 1;
    let window = Window {
        witness: &[last],
        events: EVENTS,
    };
    let topic = topic(&records[last]).unwrap_or_default();
    let name = &plan.clients[client].name;
    Finding {
        rule: "no invention".into(),
        statements: vec![StatementRef {
            id: "MQTT-3.3.2-3".into(),
            says: String::new(),
        }],
        message: format!(
            "{name}, of the scenario {}, received a message on `{topic}`, which it has not subscribed to",
            plan.name
        ),
        expected: "a client is sent what one of its subscriptions matches".into(),
        location: None,
        internal: false,
        evidence: exchange(plan, version, records, window),
    }
}

fn result(one: &One, finding: Finding) -> SimResult {
    SimResult {
        scenario: BETWEEN.to_owned(),
        title: "Stories are told at the same time, and no client gets a message of another story"
            .into(),
        version: one.version.to_string(),
        seed: one.seed,
        world: WORLD.to_owned(),
        verdict: Verdict::Fail,
        reason: None,
        trace_hash: String::new(),
        virtual_ms: 0,
        findings: vec![finding],
        known: None,
        replay: None,
    }
}
