//! The walk through the trie that finds every filter for a topic name.

use super::{NodeId, ROOT, Subscribers, SubscriptionTrie, label::hash_level};

/// What [`SubscriptionTrie::matching`] finds: the subscribers of one matching filter after the other. Level by level,
/// at each level filters with `+` before those with the text itself, and a filter before the one that has `/#` more:
/// the order is a function of what is subscribed, not of when.
#[derive(Debug)]
pub struct Matching<'a, S, V, G> {
    trie: &'a SubscriptionTrie<S, V, G>,
    /// What of the topic name lies below `level`.
    rest: Option<&'a [u8]>,
    level: Option<Level<'a>>,
    /// Whether wildcards at this level may stand for what the name has there.
    wildcards: bool,
    /// Nodes that the name leads to, level by level. Those from `at` to `end` belong to the present one.
    nodes: Vec<u32>,
    at: usize,
    end: usize,
    /// The `#` below a node at which the name ends.
    parent_match: Option<NodeId>,
}

/// One level of the topic name.
#[derive(Clone, Copy, Debug)]
struct Level<'a> {
    text: &'a [u8],
    hash: u64,
}

impl<S: Ord, V, G> SubscriptionTrie<S, V, G> {
    /// The subscribers of every filter that matches the topic name, filter by filter. A filter that begins with a
    /// wildcard matches no name that begins with `$` [MQTT-4.7.2-1]; `$share` and ShareName play no part
    /// [X-5.0-shared-3].
    pub fn matching<'a>(&'a self, topic: &'a str) -> Matching<'a, S, V, G> {
        Matching::new(self, topic, !topic.starts_with('$'))
    }
}

impl<'a, S: Ord, V, G> Matching<'a, S, V, G> {
    fn new(trie: &'a SubscriptionTrie<S, V, G>, topic: &'a str, wildcards: bool) -> Self {
        let mut nodes = Vec::with_capacity(16);
        nodes.push(ROOT);
        let mut matching = Self {
            trie,
            rest: Some(topic.as_bytes()),
            level: None,
            wildcards,
            nodes,
            at: 0,
            end: 1,
            parent_match: None,
        };
        matching.next_level();
        matching
    }

    /// How many nodes were looked at so far: what a match costs.
    #[must_use]
    pub fn visited(&self) -> usize {
        self.at
    }

    fn next_level(&mut self) {
        self.level = self.rest.map(|rest| {
            let end = rest.iter().position(|b| *b == b'/');
            let text = &rest[..end.unwrap_or(rest.len())];
            self.rest = end.map(|end| &rest[end + 1..]);
            let hash = hash_level(self.trie.seed, text);
            Level { text, hash }
        });
    }

    fn subscribers(&self, node: NodeId) -> &'a Subscribers<S, V, G> {
        &self.trie.nodes[node.get() as usize].subscribers
    }
}

impl<'a, S: Ord, V, G> Iterator for Matching<'a, S, V, G> {
    type Item = &'a Subscribers<S, V, G>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(hash) = self.parent_match.take() {
            return Some(self.subscribers(hash));
        }
        loop {
            if self.at == self.end {
                if self.level.is_none() || self.end == self.nodes.len() {
                    return None;
                }
                self.end = self.nodes.len();
                self.wildcards = true;
                self.next_level();
            }
            let id = self.nodes[self.at];
            let node = &self.trie.nodes[id as usize];
            self.at += 1;
            match self.level {
                Some(level) => {
                    if self.wildcards {
                        // `+` stands for one level, also an empty one [X-3.1.1-topic-2], [X-5.0-topic-2].
                        self.nodes.extend(node.plus.map(NodeId::get));
                    }
                    let child = self.trie.literal(id, level.text, level.hash);
                    self.nodes.extend(child.map(NodeId::get));
                    if let (true, Some(hash)) = (self.wildcards, node.hash) {
                        return Some(self.subscribers(hash));
                    }
                }
                // The name ends here. `#` also matches its parent level [X-3.1.1-topic-1], [X-5.0-topic-1].
                None => match (node.subscribers.is_empty(), node.hash) {
                    (true, None) => {}
                    (true, Some(hash)) => return Some(self.subscribers(hash)),
                    (false, hash) => {
                        self.parent_match = hash;
                        return Some(&node.subscribers);
                    }
                },
            }
        }
    }
}
