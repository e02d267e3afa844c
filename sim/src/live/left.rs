//! What stories leave on a broker.

use squall_protocol::{Packet, Version, topic};
use squall_scenarios::model::{Action, ConnectSpec, Scenario, Step, StepKind};
use std::collections::BTreeSet;

/// Something that a run may have left on the broker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Left {
    /// A session under this Client Identifier.
    Session(String, Version),
    /// A retained message on this topic.
    Retained(String, Version),
}

/// What may be left when this plan was begun, however far it came.
pub(super) fn by(plan: &Scenario, version: Version) -> BTreeSet<Left> {
    let will = |connect: &ConnectSpec| {
        let will = connect.will.as_ref().filter(|will| will.retain);
        will.map(|will| will.topic.clone())
    };
    let mut topics: BTreeSet<String> = plan
        .clients
        .iter()
        .filter_map(|c| will(&c.connect))
        .collect();
    let mut ids: BTreeSet<String> = plan.clients.iter().map(|c| c.client_id.clone()).collect();
    for step in plan.steps.iter().flat_map(Step::all) {
        let StepKind::Client { action, .. } = &step.kind else {
            continue;
        };
        match action {
            Action::Connect(connect) => topics.extend(will(&connect.connect)),
            Action::Publish(publish) if publish.message.retain => {
                topics.insert(publish.message.topic.clone());
            }
            Action::Send(send) => {
                for packet in send.packets(version) {
                    match packet {
                        // Who gives a topic an alias may retain something under it later.
                        Packet::Publish(p) if p.retain || p.properties.topic_alias().is_some() => {
                            topics.insert(p.topic.to_string());
                        }
                        Packet::Connect(connect) => {
                            let will = connect.will.as_ref().filter(|will| will.retain);
                            topics.extend(will.map(|will| will.topic.to_string()));
                            ids.insert(connect.client_id.to_string());
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    // Under another name nothing is retained, and asking for it would end the connection that tidies up.
    let retained = topics
        .into_iter()
        .filter(|topic| topic::check_name(topic).is_ok())
        .map(|topic| Left::Retained(topic, version));
    let mut left: BTreeSet<Left> = retained.collect();
    ids.remove("");
    left.extend(ids.into_iter().map(|id| Left::Session(id, version)));
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_scenarios::load_str;

    #[test]
    fn what_a_script_retains_under_an_alias_is_left_under_its_topic() {
        let text = "\
title: t
versions: [5.0]
clients: { a: { scripted: true } }
steps:
  - a: connect
  - a: { send: { PUBLISH: { topic: t/1, properties: [ { topic_alias: 1 } ] } } }
  - a: { send: { PUBLISH: { topic: \"\", retain: true, payload: p, properties: [ { topic_alias: 1 } ] } } }
  - a: { send: { PUBLISH: { topic: t/2 } } }
";
        let plan = load_str("t", "t.yaml", text).unwrap_or_else(|p| panic!("{p:#?}"));
        let version = Version::V5_0;
        let left = [
            Left::Session("a".into(), version),
            Left::Retained("t/1".into(), version),
        ];
        assert_eq!(by(&plan, version), BTreeSet::from(left));
    }
}
