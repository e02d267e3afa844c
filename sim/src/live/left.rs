//! What stories leave on a broker.

use squall_protocol::Version;
use squall_scenarios::{
    model::{Action, ConnectSpec, Scenario, StepKind},
    plan::each_step,
};
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
    each_step(&plan.steps, &mut |step| {
        let StepKind::Client { action, .. } = &step.kind else {
            return;
        };
        match action {
            Action::Connect(connect) => topics.extend(will(&connect.connect)),
            Action::Publish(publish) if publish.message.retain => {
                topics.insert(publish.message.topic.clone());
            }
            _ => {}
        }
    });
    let retained = topics
        .into_iter()
        .map(|topic| Left::Retained(topic, version));
    let mut left: BTreeSet<Left> = retained.collect();
    let ids = plan.clients.iter().map(|c| &c.client_id);
    let ids = ids.filter(|id| !id.is_empty());
    left.extend(ids.map(|id| Left::Session(id.clone(), version)));
    left
}
