//! From the model to YAML: what [`load_str`](crate::load_str) reads back as the same scenario, except for places.
//!
//! For replay files and explicit plans. Defaults are left out. It trusts the model: what cannot be read, such as a
//! client that does not exist, is written all the same and refused by the reader.

use crate::{
    broker::BrokerSpec,
    client::ConnectSpec,
    kind::{CLIENT, Kind},
    model::{Action, Entry, Scenario, Step, StepKind},
    record::{self, Record},
    top::Head,
    values::show_duration,
    written::{block, entry, indented, text},
};
use std::time::Duration;

/// The scenario as a file, with a line break at the end.
#[must_use]
pub fn write(scenario: &Scenario) -> String {
    let w = Writer {
        scenario,
        names: scenario.clients.iter().map(|c| c.name.as_str()).collect(),
    };
    let mut lines = Head::written(scenario);
    let network = scenario.clients.first().map(|c| c.link.written(c.weather));
    lines.extend(network.iter().map(|link| format!("network: {link}")));
    let others: Vec<_> = scenario
        .clients
        .iter()
        .map(|c| (&c.name, c.link.written(c.weather)))
        .filter(|(_, link)| Some(link) != network.as_ref())
        .map(|(name, link)| format!("  {}: {link}", text(name)))
        .collect();
    if !others.is_empty() {
        lines.push("links:".into());
        lines.extend(others);
    }
    let usual = BrokerSpec::empty();
    if scenario.broker != usual {
        let broker = record::written(&scenario.broker, &usual, &[]);
        lines.push(format!("broker: {broker}"));
    }
    lines.push("clients:".into());
    let clients = scenario.clients.iter();
    lines.extend(clients.map(|c| format!("  {}: {}", text(&c.name), c.written())));
    lines.push("steps:".into());
    lines.extend(indented(w.steps(&scenario.steps)));
    if !scenario.expect.is_empty() {
        lines.push("expect:".into());
        let expect = scenario.expect.iter();
        lines.extend(expect.map(|e| format!("  - {}", e.kind.written(&w.names))));
    }
    lines.join("\n") + "\n"
}

struct Writer<'s> {
    scenario: &'s Scenario,
    names: Vec<&'s str>,
}

impl Writer<'_> {
    fn steps(&self, steps: &[Step]) -> Vec<String> {
        steps
            .iter()
            .flat_map(|step| entry(self.step(&step.kind)))
            .collect()
    }

    /// The lines of a step, without the dash in front.
    fn step(&self, kind: &StepKind) -> Vec<String> {
        match kind {
            StepKind::Client {
                client,
                action,
                within,
                wait,
            } => {
                let spec = self.scenario.clients.get(*client);
                let connect = spec.map_or_else(ConnectSpec::empty, |spec| spec.connect.clone());
                let name = CLIENT.show(client, &self.names);
                let mut lines = self.done(&name, action, &connect, (*within, *wait));
                let expect = action.expected();
                if !expect.is_empty() {
                    lines.push(format!("expect: {expect}"));
                }
                lines
            }
            StepKind::Broker {
                client,
                action,
                within,
                wait,
            } => {
                let connect = ConnectSpec::empty();
                let mut lines = self.done("broker", action, &connect, (*within, *wait));
                if self.names.len() > 1 {
                    lines.push(format!("client: {}", CLIENT.show(client, &self.names)));
                }
                lines
            }
            StepKind::Parallel(branches) => {
                let branch = |steps: &Vec<Step>| match steps.as_slice() {
                    // A level less, so that deep nesting stays readable.
                    [step] => entry(self.step(&step.kind)),
                    steps => entry(self.steps(steps)),
                };
                block("parallel:", branches.iter().flat_map(branch))
            }
            StepKind::Timeline(entries) => block(
                "timeline:",
                entries.iter().flat_map(|e| entry(self.timed(e))),
            ),
            leaf => leaf.written(&self.names).into_iter().collect(),
        }
    }

    /// What somebody does, and the keys beside it that are everybody's.
    fn done(
        &self,
        who: &str,
        action: &Action,
        connect: &ConnectSpec,
        (within, wait): (Option<Duration>, bool),
    ) -> Vec<String> {
        let mut lines = vec![format!("{who}: {}", action.written(connect, &self.names))];
        if within != action.kind().within {
            let within = within.map_or_else(|| "none".into(), show_duration);
            lines.push(format!("within: {within}"));
        }
        if !wait {
            lines.push("wait: false".into());
        }
        lines
    }

    fn timed(&self, entry: &Entry) -> Vec<String> {
        let mut lines = vec![format!("at: {}", show_duration(entry.after))];
        lines.extend(self.step(&entry.step.kind));
        lines
    }
}
