//! What stories leave on a broker.

use squall_protocol::{Packet, Version};
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
                        Packet::Publish(p) if p.retain => drop(topics.insert(p.topic.to_string())),
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
    let retained = topics
        .into_iter()
        .map(|topic| Left::Retained(topic, version));
    let mut left: BTreeSet<Left> = retained.collect();
    ids.remove("");
    left.extend(ids.into_iter().map(|id| Left::Session(id, version)));
    left
}
