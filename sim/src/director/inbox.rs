//! What was delivered to a client, and which of it a `receive` step has had.

use bytes::Bytes;
use squall_client::Message;
use squall_protocol::{Text, topic};
use squall_scenarios::{describe, model::MessagePattern};
use std::collections::{BTreeMap, BTreeSet};

/// A delivered message.
pub(super) struct Arrival {
    pub(super) message: Message,
    dup: bool,
    taken: bool,
}

impl Arrival {
    pub(super) fn preview(&self) -> String {
        describe::payload(&self.message.payload)
    }

    fn fits(&self, what: &MessagePattern) -> bool {
        let m = &self.message;
        !self.taken
            && what
                .topic
                .as_ref()
                .is_none_or(|f| topic::matches(f, &m.topic))
            && what.payload.as_ref().is_none_or(|p| *p == m.payload)
            && what.qos.is_none_or(|q| q == m.qos)
            && what.retain.is_none_or(|r| r == m.retain)
            && what.dup.is_none_or(|d| d == self.dup)
    }
}

/// Everything that was delivered to one client.
#[derive(Default)]
pub(super) struct Inbox {
    all: Vec<Arrival>,
    /// What no `receive` step has had, in order; by topic; by topic and payload. Up to `indexed`: a client nobody
    /// asks about costs nothing.
    left: BTreeSet<usize>,
    by_topic: BTreeMap<Text, BTreeSet<usize>>,
    by_content: BTreeMap<(Text, Bytes), BTreeSet<usize>>,
    indexed: usize,
    /// How many were taken.
    taken: usize,
}

/// A `receive` step's look into the inbox. It remembers what it has found, so that each message is looked at once.
#[derive(Default)]
pub(super) struct Search {
    found: Vec<usize>,
    looked: usize,
    /// How many others had been taken then.
    taken: usize,
}

impl Inbox {
    pub(super) fn push(&mut self, message: Message, dup: bool) {
        self.all.push(Arrival {
            message,
            dup,
            taken: false,
        });
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn get(&self, n: usize) -> Option<&Arrival> {
        self.all.get(n)
    }

    /// How many messages fit that nobody has had; no more than `most` are looked for.
    pub(super) fn count(
        &mut self,
        what: &MessagePattern,
        most: usize,
        search: &mut Search,
    ) -> usize {
        if std::mem::replace(&mut search.taken, self.taken) != self.taken {
            search.found.retain(|n| !self.all[*n].taken);
        }
        self.index();
        for &n in self.candidates(what).range(search.looked..) {
            if search.found.len() >= most {
                return most;
            }
            search.looked = n + 1;
            if self.all[n].fits(what) {
                search.found.push(n);
            }
        }
        search.found.len()
    }

    /// Takes the first `count` of what a search found.
    pub(super) fn take(&mut self, search: &Search, count: usize) {
        for &n in search.found.iter().take(count) {
            let arrival = &mut self.all[n];
            arrival.taken = true;
            self.taken += 1;
            self.left.remove(&n);
            let Message { topic, payload, .. } = &arrival.message;
            if let Some(of_topic) = self.by_topic.get_mut(topic) {
                of_topic.remove(&n);
            }
            if let Some(same) = self.by_content.get_mut(&(topic.clone(), payload.clone())) {
                same.remove(&n);
            }
        }
    }

    fn index(&mut self) {
        for n in self.indexed..self.all.len() {
            let Message { topic, payload, .. } = &self.all[n].message;
            self.left.insert(n);
            self.by_topic.entry(topic.clone()).or_default().insert(n);
            let content = (topic.clone(), payload.clone());
            self.by_content.entry(content).or_default().insert(n);
        }
        self.indexed = self.all.len();
    }

    /// Where to look for what fits, in order.
    fn candidates(&self, what: &MessagePattern) -> &BTreeSet<usize> {
        static NONE: BTreeSet<usize> = BTreeSet::new();
        let topic = what.topic.as_deref().filter(|t| !t.contains(['+', '#']));
        let found = match (topic, &what.payload) {
            (None, _) => Some(&self.left),
            (Some(topic), None) => self.by_topic.get(topic),
            (Some(topic), Some(payload)) => {
                self.by_content.get(&(Text::from(topic), payload.clone()))
            }
        };
        found.unwrap_or(&NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use squall_protocol::{Properties, QoS};

    fn message(topic: &str, payload: &'static str) -> Message {
        Message {
            topic: Text::from(topic),
            payload: Bytes::from_static(payload.as_bytes()),
            qos: QoS::AtMostOnce,
            retain: false,
            properties: Properties::new(),
        }
    }

    fn pattern() -> impl Strategy<Value = MessagePattern> {
        let topics = vec![None, Some("a"), Some("b"), Some("+"), Some("c")];
        let payloads = vec![None, Some("1"), Some("2")];
        (prop::sample::select(topics), prop::sample::select(payloads)).prop_map(|(t, p)| {
            MessagePattern {
                topic: t.map(str::to_owned),
                payload: p.map(|p| Bytes::from_static(p.as_bytes())),
                ..MessagePattern::default()
            }
        })
    }

    proptest! {
        /// Several searches at once, messages between them: the same as going through all of them each time.
        #[test]
        fn finds_and_takes_what_a_look_at_every_message_finds(
            steps in prop::collection::vec((pattern(), 1usize..4, 0usize..4), 1..8),
        ) {
            let mut inbox = Inbox::default();
            let mut taken: Vec<bool> = Vec::new();
            let mut searches: Vec<(MessagePattern, usize, Search)> = Vec::new();
            for (what, count, arrive) in steps {
                searches.push((what, count, Search::default()));
                for n in 0..arrive {
                    inbox.push(message(["a", "b"][n % 2], ["1", "2"][n / 2]), false);
                    taken.push(false);
                }
                searches.retain_mut(|(what, count, search)| {
                    let fits = |n: &usize| !taken[*n] && inbox.all[*n].fits(what);
                    let all: Vec<usize> = (0..taken.len()).filter(fits).collect();
                    let found = inbox.count(what, *count, search);
                    assert_eq!(found, all.len().min(*count));
                    let enough = found >= *count;
                    if enough {
                        inbox.take(search, *count);
                        all.iter().take(*count).for_each(|n| taken[*n] = true);
                    }
                    !enough
                });
                let now: Vec<bool> = inbox.all.iter().map(|a| a.taken).collect();
                assert_eq!(now, taken);
            }
        }
    }
}
