//! A story moved to a corner of its own on a broker that others use too: topics, share names and Client Identifiers.

use crate::{
    action::{Connect, Publish, Receive, Subscribe, Unsubscribe},
    client::ConnectSpec,
    model::{Action, ExpectKind, Scenario, Step, StepKind},
    packet::{Awaited, Sending},
};
use serde_json::{Map, Value as Json};

/// The plan with its topics below `tag`, its share names and Client Identifiers beginning with it. Topics that begin
/// with `$` belong to the server and stay where they are.
///
/// `tag` has letters and digits only: with up to 18 of them Client Identifiers stay within the 23 characters that every
/// server takes ([MQTT-3.1.3-5]).
#[must_use]
pub fn moved(plan: &Scenario, tag: &str) -> Scenario {
    let mut moved = plan.clone();
    let mut ids = Vec::new();
    for (n, client) in plan.clients.iter().enumerate() {
        let same = |c: &&crate::model::ClientSpec| c.client_id == client.client_id;
        let first = plan.clients.iter().take(n).position(|c| same(&c));
        // An empty one is for the server to choose.
        if !client.client_id.is_empty() {
            let id = format!("{tag}{}", first.unwrap_or(n));
            ids.push((client.client_id.clone(), id.clone()));
            moved.clients[n].client_id = id;
        }
    }
    let tag = &Tag { tag, ids };
    for client in &mut moved.clients {
        tag.connect(&mut client.connect);
    }
    tag.steps(&mut moved.steps);
    for expectation in &mut moved.expect {
        match &mut expectation.kind {
            ExpectKind::Delivered(delivered) => tag.filter(&mut delivered.topic),
            ExpectKind::Retained(retained) => tag.topic(&mut retained.topic),
            // No topic is said there.
            _ => {}
        }
    }
    moved
}

struct Tag<'a> {
    tag: &'a str,
    /// Client Identifiers of the story, before and after.
    ids: Vec<(String, String)>,
}

impl Tag<'_> {
    fn steps(&self, steps: &mut [Step]) {
        for step in steps {
            match &mut step.kind {
                StepKind::Client { action, .. } | StepKind::Broker { action, .. } => {
                    self.action(action);
                }
                StepKind::Parallel(branches) => branches.iter_mut().for_each(|b| self.steps(b)),
                StepKind::Timeline(entries) => {
                    let steps = entries.iter_mut().map(|e| &mut e.step);
                    steps.for_each(|step| self.steps(std::slice::from_mut(step)));
                }
                StepKind::Workload(workload) => {
                    workload.topics.iter_mut().for_each(|t| self.topic(t));
                }
                // No topic is said there.
                _ => {}
            }
        }
    }

    fn action(&self, action: &mut Action) {
        match action {
            Action::Connect(Connect { connect, .. }) => self.connect(connect),
            Action::Publish(Publish { message, .. }) => self.topic(&mut message.topic),
            Action::Subscribe(Subscribe { filters, .. })
            | Action::Unsubscribe(Unsubscribe { filters }) => {
                filters.iter_mut().for_each(|f| self.filter(f));
            }
            Action::Receive(Receive { what, .. }) => {
                what.topic.iter_mut().for_each(|f| self.filter(f));
            }
            Action::Send(send) => {
                for packet in &mut send.what {
                    if let Sending::Packet(packet) = packet {
                        self.fields(&mut packet.fields);
                    }
                }
            }
            Action::Expect(expect) => {
                for packet in &mut expect.what {
                    if let Awaited::Packet(packet) = packet {
                        self.fields(&mut packet.fields);
                    }
                }
            }
            // No topic is said there.
            _ => {}
        }
    }

    /// The fields of a packet.
    fn fields(&self, fields: &mut Map<String, Json>) {
        for (key, value) in fields {
            match (key.as_str(), value) {
                // An empty one stands for a Topic Alias.
                ("topic" | "topic_name" | "response_topic", Json::String(topic))
                    if !topic.is_empty() =>
                {
                    self.topic(topic);
                }
                ("topic_filter", Json::String(filter)) => self.filter(filter),
                ("topic_filters", Json::Array(filters)) => {
                    for filter in filters {
                        if let Json::String(filter) = filter {
                            self.filter(filter);
                        }
                    }
                }
                ("client_id" | "client_identifier", Json::String(id)) => self.client_id(id),
                (_, Json::Object(inside)) => self.fields(inside),
                (_, Json::Array(items)) => {
                    let maps = items.iter_mut().filter_map(Json::as_object_mut);
                    maps.for_each(|map| self.fields(map));
                }
                _ => {}
            }
        }
    }

    /// A Client Identifier in a packet: that of a client of the story, or one that nobody else has.
    fn client_id(&self, id: &mut String) {
        let own = self.ids.iter().find(|(before, _)| before == id);
        *id = match own {
            Some((_, moved)) => moved.clone(),
            None if id.is_empty() => String::new(),
            None => format!("{}{id}", self.tag),
        };
    }

    fn connect(&self, connect: &mut ConnectSpec) {
        let will = connect.will.iter_mut();
        will.for_each(|will| self.topic(&mut will.topic));
    }

    fn topic(&self, topic: &mut String) {
        if !topic.starts_with('$') {
            *topic = format!("{}/{topic}", self.tag);
        }
    }

    fn filter(&self, filter: &mut String) {
        let shared = filter.strip_prefix("$share/");
        match shared.and_then(|rest| rest.split_once('/')) {
            Some((name, inner)) => {
                let mut inner = inner.to_owned();
                self.topic(&mut inner);
                *filter = format!("$share/{}{name}/{inner}", self.tag);
            }
            None => self.topic(filter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        explain, load_str,
        raw::{Node, Value},
        words, write,
    };

    const STORY: &str = "\
title: t
versions: ['5.0']
clients:
  a: { client_id: x, will: { topic: w } }
  b: { client_id: x }
  c: {}
steps:
  - a: { connect: { will: { topic: w/2 } } }
  - b: connect
  - c: connect
  - c: { subscribe: [t, '$share/g/t/#', '$SYS/#'] }
  - parallel:
      - - c: { publish: t, payload: m }
      - - c: { unsubscribe: ['+/t', t] }
  - timeline:
      - at: 1s
        c: { receive: { topic: '#' } }
  - workload: { publishers: [c], topics: [t/1, t/2] }
expect:
  - delivered: { topic: t/#, to: c, at_most: once, optional: true }
  - retained: { topic: t, none: true, optional: true }
";

    /// The values of keys that hold topic names or filters, by key.
    fn topics(
        node: &Node,
        of: &str,
        is_topic: &dyn Fn(&str) -> bool,
        found: &mut Vec<(String, String)>,
    ) {
        match &node.value {
            Value::Map(entries) => entries
                .iter()
                .for_each(|(key, node)| topics(node, &key.text, is_topic, found)),
            Value::List(items) => items
                .iter()
                .for_each(|node| topics(node, of, is_topic, found)),
            Value::Text(text) if is_topic(of) => found.push((of.to_owned(), text.text.clone())),
            _ => {}
        }
    }

    /// Every key of the language that holds a topic name or filter is in the story, and moves.
    #[test]
    fn every_topic_moves() {
        let holds_topics = |word: &&&str| {
            explain(word).iter().any(|meaning| {
                let of_it = |key: &&crate::Key| key.name == **word;
                let value = meaning.keys.iter().find(of_it);
                value.is_some_and(|key| key.value.contains("topic"))
            })
        };
        let all = words();
        let keys: Vec<&str> = all.iter().filter(holds_topics).copied().collect();
        assert!(keys.len() >= 5, "{keys:?}");
        let story = load_str("story", "story.yaml", STORY).unwrap_or_else(|p| panic!("{p:#?}"));
        let text = write(&moved(&story, "tag7"));
        let (node, problems) = crate::parse_yaml("story.yaml", &text.as_str().into());
        let node = node.expect("it was just written");
        assert!(problems.is_empty(), "{problems:#?}");
        let mut found = Vec::new();
        topics(&node, "", &|key| keys.contains(&key), &mut found);
        for key in &keys {
            assert!(found.iter().any(|(k, _)| k == key), "no `{key}` in {text}");
        }
        for (key, topic) in &found {
            let moves = topic.starts_with("tag7/") || topic.starts_with("$share/tag7g/tag7/");
            assert!(moves || topic == "$SYS/#", "{key}: {topic}");
        }
    }

    #[test]
    fn what_a_script_says_moves_too() {
        let text = "\
title: t
versions: ['5.0']
clients:
  a: { client_id: x, scripted: true }
  b: { scripted: true }
steps:
  - b: dial
  - b: { send: { CONNECT: { client_id: other } } }
  - a: dial
  - a: { send: { CONNECT: { client_id: x, will: { topic: w, payload: p } } } }
  - a:
      send:
        - PUBLISH: { topic: t, payload: t, properties: [ { response_topic: r } ] }
        - SUBSCRIBE: { id: 1, subscriptions: [ { topic_filter: $share/g/t }, { topic_filter: $SYS/x } ] }
        - UNSUBSCRIBE: { id: 2, topic_filters: [ u ] }
  - a: { expect: { PUBLISH: { topic: t } } }
";
        let story = load_str("story", "story.yaml", text).unwrap_or_else(|p| panic!("{p:#?}"));
        let text = write(&moved(&story, "tag7"));
        for moved in [
            "client_id: tag70, will: { topic: tag7/w, payload: p }",
            "topic: tag7/t, payload: t, properties: [{ response_topic: tag7/r }]",
            "topic_filter: \"$share/tag7g/tag7/t\"",
            "topic_filter: \"$SYS/x\"",
            "topic_filters: [tag7/u]",
            "client_id: tag7other",
            "expect: [{ PUBLISH: { topic: tag7/t } }]",
        ] {
            assert!(text.contains(moved), "{moved} in {text}");
        }
    }

    #[test]
    fn who_shared_a_client_identifier_still_does() {
        let story = load_str("story", "story.yaml", STORY).unwrap_or_else(|p| panic!("{p:#?}"));
        let moved = moved(&story, "tag7");
        let ids: Vec<&str> = moved.clients.iter().map(|c| c.client_id.as_str()).collect();
        assert_eq!(ids, ["tag70", "tag70", "tag72"]);
    }
}
