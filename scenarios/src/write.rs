//! From the model to YAML: what [`load_str`](super::load_str) reads back as the same scenario, except for places.
//!
//! For replay files and explicit plans. Defaults are left out. It trusts the model: what cannot be read, such as a
//! client that does not exist, is written all the same and refused by the reader.

use crate::describe::cut_by;
use crate::{
    model::{
        Action, BrokerSpec, ClientIx, ClientSpec, ConnectExpect, ConnectSpec, CutPoint, Entry,
        Fault, LinkChange, LinkSpec, MessagePattern, MessageSpec, ReconnectSpec, Scenario, Step,
        StepKind, Way, WillSpec, Workload,
    },
    values::{show_duration, show_expiry, show_keep_alive, show_percent},
};
use bytes::Bytes;
use squall_protocol::{QoS, ReasonCode, Role};
use std::time::Duration;

use crate::written::{Map, block, entry, indented, list, payload, text};

/// The scenario as a file, with a line break at the end.
#[must_use]
pub fn write(scenario: &Scenario) -> String {
    let w = Writer { scenario };
    let names: Vec<&str> = scenario.clients.iter().map(|c| c.name.as_str()).collect();
    let mut lines = vec![format!("title: {}", text(&scenario.title))];
    if !scenario.statements.is_empty() {
        lines.push(format!(
            "statements: {}",
            list(scenario.statements.iter().map(|s| text(s)))
        ));
    }
    lines.push(format!("versions: {}", list(scenario.versions.iter())));
    lines.push(format!("seeds: {}", scenario.seeds));
    lines.push(format!("limit: {}", show_duration(scenario.limit)));
    let network = scenario.clients.first().map(|c| c.link);
    if let Some(network) = network {
        lines.push(format!("network: {}", link(network)));
    }
    let others: Vec<_> = scenario
        .clients
        .iter()
        .filter(|c| Some(c.link) != network)
        .collect();
    if !others.is_empty() {
        lines.push("links:".into());
        lines.extend(
            others
                .iter()
                .map(|c| format!("  {}: {}", text(&c.name), link(c.link))),
        );
    }
    if scenario.broker != BrokerSpec::default() {
        lines.push(format!("broker: {}", broker(&scenario.broker)));
    }
    lines.push("clients:".into());
    lines.extend(
        scenario
            .clients
            .iter()
            .map(|c| format!("  {}: {}", text(&c.name), client(c))),
    );
    lines.push("steps:".into());
    lines.extend(indented(w.steps(&scenario.steps)));
    if !scenario.expect.is_empty() {
        lines.push("expect:".into());
        lines.extend(
            scenario
                .expect
                .iter()
                .map(|e| format!("  - {}", e.kind.written(&names))),
        );
    }
    lines.join("\n") + "\n"
}

struct Writer<'s> {
    scenario: &'s Scenario,
}

impl Writer<'_> {
    fn name(&self, client: ClientIx) -> String {
        self.scenario
            .clients
            .get(client)
            .map_or_else(|| "none".into(), |c| text(&c.name))
    }

    fn name_or_all(&self, client: Option<ClientIx>) -> String {
        client.map_or_else(|| "all".into(), |c| self.name(c))
    }

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
                let mut lines = vec![format!(
                    "{}: {}",
                    self.name(*client),
                    self.action(*client, action)
                )];
                match (action, within) {
                    (Action::Receive { .. }, Some(time)) if *time == Duration::from_secs(10) => {}
                    (Action::Receive { .. }, None) => lines.push("within: none".into()),
                    (_, Some(time)) => lines.push(format!("within: {}", show_duration(*time))),
                    (_, None) => {}
                }
                if !wait {
                    lines.push("wait: false".into());
                }
                lines.extend(outcome(action).map(|expect| format!("expect: {expect}")));
                lines
            }
            StepKind::Fault(fault) => vec![format!("fault: {}", self.fault(fault))],
            StepKind::Network { client, change } => {
                let mut map = link_change(change);
                map.some("of", client.map(|c| self.name(c)));
                vec![format!("network: {map}")]
            }
            StepKind::Wait(time) => vec![format!("wait: {}", show_duration(*time))],
            StepKind::Settle(time) => vec![format!("settle: {}", show_duration(*time))],
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
            StepKind::Workload(work) => vec![format!("workload: {}", self.workload(work))],
        }
    }

    fn timed(&self, entry: &Entry) -> Vec<String> {
        let mut lines = vec![format!("at: {}", show_duration(entry.after))];
        lines.extend(self.step(&entry.step.kind));
        lines
    }

    fn action(&self, client: ClientIx, action: &Action) -> String {
        let mut map = Map::new();
        match action {
            Action::Connect { connect, .. } => match self.scenario.clients.get(client) {
                Some(spec) if spec.connect != *connect => {
                    map.put("connect", connect_map(connect, &spec.connect))
                }
                _ => return "connect".into(),
            },
            Action::Disconnect {
                reason,
                session_expiry,
            } => {
                if *reason == ReasonCode::NORMAL_DISCONNECTION && session_expiry.is_none() {
                    return "disconnect".into();
                }
                let mut inner = Map::new();
                inner.some(
                    "reason",
                    Some(reason).filter(|r| **r != ReasonCode::NORMAL_DISCONNECTION),
                );
                inner.some("session_expiry", session_expiry.map(show_expiry));
                map.put("disconnect", inner);
            }
            Action::Drop => return "drop".into(),
            Action::Subscribe {
                filters,
                qos,
                no_local,
                retain_as_published,
                retain_handling,
                id,
            } => {
                map.put("subscribe", filter_list(filters));
                map.some("qos", other_than_0(*qos));
                map.flag("no_local", *no_local);
                map.flag("retain_as_published", *retain_as_published);
                map.some(
                    "retain_handling",
                    Some(retain_handling).filter(|n| **n != 0),
                );
                map.some("id", *id);
            }
            Action::Unsubscribe { filters } => map.put("unsubscribe", filter_list(filters)),
            Action::Publish { message, .. } => return publish(message).to_string(),
            Action::Receive { what, count } => map.put("receive", pattern(what, *count)),
            Action::Silent(time) => map.put("silent", show_duration(*time)),
        }
        map.to_string()
    }

    fn fault(&self, fault: &Fault) -> Map {
        let mut map = Map::new();
        match fault {
            Fault::Cut { client, point, by } => {
                map.put("cut", self.name(*client));
                if let Some(CutPoint {
                    after,
                    packet,
                    nth,
                    from,
                }) = point
                {
                    map.put(if *after { "after" } else { "before" }, packet);
                    map.some("nth", Some(nth).filter(|n| **n != 1));
                    map.put(
                        "from",
                        if *from == Role::Client {
                            "client"
                        } else {
                            "broker"
                        },
                    );
                }
                map.put("by", cut_by(*by));
            }
            Fault::Partition { client, way, lasts } => {
                map.put("partition", self.name_or_all(*client));
                map.some(
                    "way",
                    match way {
                        Way::Both => None,
                        Way::Up => Some("up"),
                        Way::Down => Some("down"),
                    },
                );
                map.some("for", lasts.map(show_duration));
            }
            Fault::Heal { client } => map.put("heal", self.name_or_all(*client)),
            Fault::Flap {
                client,
                every,
                lasts,
                by,
            } => {
                map.put("flap", self.name(*client));
                map.put("every", range(*every));
                map.put("for", show_duration(*lasts));
                map.put("by", cut_by(*by));
            }
        }
        map
    }

    fn workload(&self, work: &Workload) -> Map {
        let mut map = Map::new();
        map.put(
            "publishers",
            list(work.publishers.iter().map(|c| self.name(*c))),
        );
        map.put("topics", list(work.topics.iter().map(|t| text(t))));
        map.put("qos", list(work.qos.iter()));
        map.put("count", work.count);
        map.put("every", range(work.every));
        map.put("size", format!("{}..{}", work.size.0, work.size.1));
        map.put("retain", show_percent(work.retain_permille));
        map
    }
}

/// What a step expects of its outcome.
fn outcome(action: &Action) -> Option<Map> {
    let mut map = Map::new();
    match action {
        Action::Connect {
            expect:
                ConnectExpect {
                    session_present,
                    reason,
                },
            ..
        } => {
            map.some("session_present", *session_present);
            map.some("reason", *reason);
        }
        Action::Publish { expect_reason, .. } => map.some("reason", *expect_reason),
        _ => {}
    }
    (!map.0.is_empty()).then_some(map)
}

fn broker(spec: &BrokerSpec) -> Map {
    let mut map = Map::new();
    map.some("receive_maximum", spec.receive_maximum);
    map.some("topic_alias_maximum", spec.topic_alias_maximum);
    map.some("maximum_packet_size", spec.maximum_packet_size);
    map.some(
        "server_keep_alive",
        spec.server_keep_alive.map(show_keep_alive),
    );
    map.some("max_queued", spec.max_queued);
    map
}

fn client(spec: &ClientSpec) -> Map {
    let default = ConnectSpec {
        clean_start: true,
        session_expiry: None,
        keep_alive: 60,
        receive_maximum: None,
        will: None,
    };
    let mut map = Map::new();
    map.some(
        "client_id",
        Some(&spec.client_id)
            .filter(|id| **id != spec.name)
            .map(|id| text(id)),
    );
    map.0.extend(connect_map(&spec.connect, &default).0);
    if let Some(ReconnectSpec { first, max }) = spec.reconnect {
        let mut inner = Map::new();
        inner.put("first", show_duration(first));
        inner.put("max", show_duration(max));
        map.put("reconnect", inner);
    }
    map
}

/// What differs from `default`.
fn connect_map(spec: &ConnectSpec, default: &ConnectSpec) -> Map {
    let mut map = Map::new();
    if spec.clean_start != default.clean_start {
        map.put("clean_start", spec.clean_start);
    }
    if spec.session_expiry != default.session_expiry {
        map.put(
            "session_expiry",
            spec.session_expiry
                .map_or_else(|| "none".into(), show_expiry),
        );
    }
    if spec.keep_alive != default.keep_alive {
        map.put("keep_alive", show_keep_alive(spec.keep_alive));
    }
    if spec.receive_maximum != default.receive_maximum {
        map.put(
            "receive_maximum",
            spec.receive_maximum
                .map_or_else(|| "none".into(), |n| n.to_string()),
        );
    }
    if spec.will != default.will {
        map.put(
            "will",
            spec.will
                .as_ref()
                .map_or_else(|| "none".into(), |will| self::will(will).to_string()),
        );
    }
    map
}

fn will(spec: &WillSpec) -> Map {
    let mut map = Map::new();
    map.put("topic", text(&spec.topic));
    map.some("payload", some_payload(&spec.payload));
    map.some("qos", other_than_0(spec.qos));
    map.flag("retain", spec.retain);
    map.some("delay", Some(spec.delay).filter(|d| *d != 0).map(seconds));
    map
}

fn publish(message: &MessageSpec) -> Map {
    let mut map = Map::new();
    map.put("publish", text(&message.topic));
    map.some("payload", some_payload(&message.payload));
    map.some("qos", other_than_0(message.qos));
    map.flag("retain", message.retain);
    map.some("expiry", message.expiry.map(seconds));
    map
}

fn pattern(what: &MessagePattern, count: u32) -> Map {
    let mut map = Map::new();
    map.some("topic", what.topic.as_ref().map(|t| text(t)));
    map.some("payload", what.payload.as_ref().map(payload));
    map.some("qos", what.qos);
    map.some("retain", what.retain);
    map.some("dup", what.dup);
    map.some("count", Some(count).filter(|n| *n != 1));
    map
}

fn link(spec: LinkSpec) -> Map {
    link_change(&LinkChange {
        latency_ms: Some((spec.latency_min_ms, spec.latency_max_ms)),
        loss_permille: Some(spec.loss_permille),
    })
}

fn link_change(change: &LinkChange) -> Map {
    let ms = |n: u32| Duration::from_millis(n.into());
    let mut map = Map::new();
    map.some(
        "latency",
        change
            .latency_ms
            .map(|(min, max)| range((ms(min), ms(max)))),
    );
    map.some("loss", change.loss_permille.map(show_percent));
    map
}

fn filter_list(filters: &[String]) -> String {
    match filters {
        [one] => text(one),
        many => list(many.iter().map(|f| text(f))),
    }
}

fn other_than_0(qos: QoS) -> Option<QoS> {
    Some(qos).filter(|q| *q != QoS::AtMostOnce)
}

fn seconds(n: u32) -> String {
    show_duration(Duration::from_secs(n.into()))
}

fn range((min, max): (Duration, Duration)) -> String {
    if min == max {
        return show_duration(min);
    }
    format!("{}..{}", show_duration(min), show_duration(max))
}

fn some_payload(bytes: &Bytes) -> Option<String> {
    (!bytes.is_empty()).then(|| payload(bytes))
}
