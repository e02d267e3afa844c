//! What a story will ask of a client, for adapters that have to know it beforehand.

use squall_clients::{MessageKind, Part, Subscribe, Subscription};
use squall_scenarios::{
    action,
    model::{Action, ClientIx, Scenario, StepKind},
};

/// The part of a client in this plan: each different request once, in the order of the file.
pub(super) fn part(plan: &Scenario, client: ClientIx) -> Part {
    let mut part = Part::default();
    for step in plan.steps.iter().flat_map(|step| step.all()) {
        match &step.kind {
            StepKind::Client {
                client: who,
                action: Action::Publish(action::Publish { message, .. }),
                ..
            } if *who == client => {
                let kind = MessageKind {
                    topic: message.topic.clone(),
                    qos: message.qos,
                    retain: message.retain,
                };
                if !part.publishes.contains(&kind) {
                    part.publishes.push(kind);
                }
            }
            StepKind::Client {
                client: who,
                action: Action::Subscribe(asked),
                ..
            } if *who == client => {
                let subscribe = subscribe(asked);
                if !part.subscribes.contains(&subscribe) {
                    part.subscribes.push(subscribe);
                }
            }
            _ => {}
        }
    }
    part
}

fn subscribe(asked: &action::Subscribe) -> Subscribe {
    let one = |filter: &String| Subscription {
        no_local: asked.no_local,
        retain_as_published: asked.retain_as_published,
        retain_handling: Some(asked.retain_handling).filter(|handling| *handling != 0),
        ..Subscription::new(filter, asked.qos)
    };
    Subscribe {
        subscriptions: asked.filters.iter().map(one).collect(),
        subscription_identifier: asked.id,
        user_properties: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_scenarios::{load_str, plan::plan};

    #[test]
    fn each_request_stands_there_once_also_from_within_other_steps() {
        let story = "title: t
clients: { app: {}, lock: {} }
steps:
  - lock: connect
  - lock: { subscribe: a, qos: 1 }
  - app: connect
  - parallel:
      - app: { publish: a, payload: x, qos: 1, count: 3 }
      - app: { publish: a, payload: y, qos: 1, retain: true }
      - lock: { subscribe: b }
  - lock: { subscribe: a, qos: 1 }
";
        let story = load_str("t", "t.yaml", story).unwrap();
        let plan = plan(&story, 0);
        let lines: Vec<String> = (0..2)
            .map(|client| serde_json::to_string(&part(&plan, client)).unwrap())
            .collect();
        assert_eq!(
            lines,
            [
                r#"{"publishes":[{"topic":"a","qos":1},{"topic":"a","qos":1,"retain":true}]}"#,
                r#"{"subscribes":[{"subscriptions":[{"topic_filter":"a","qos":1}]},{"subscriptions":[{"topic_filter":"b","qos":0}]}]}"#,
            ]
        );
    }
}
