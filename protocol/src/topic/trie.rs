//! Who subscribed to what: a trie of topic levels that finds all filters for a topic name at once.
//!
//! Each node is one level of one or more filters. A node knows its parent and its children for `+` and `#`; all its
//! other children are found through one hash table of the whole trie, by parent and text of the level. So a filter
//! takes one look-up a level, a node costs the same whether it has one child or a million, and a topic name costs as
//! many look-ups as there are nodes it leads to, however many others there are.
//!
//! The hash table is never iterated, so what is found and in which order does not depend on it. Every walk is a loop:
//! a filter of 65,535 levels costs memory and nothing else [X-5.0-topic-5].
//!
//! The trie knows nothing of sessions, nor of what is delivered, nor which member of a shared subscription is chosen.

mod label;
mod matching;
mod members;
mod subscribers;

pub use matching::Matching;
pub use subscribers::{Group, Subscribers};

use super::TopicFilter;
use hashbrown::HashTable;
use label::{Label, hash_below, hash_level, spread};
use std::num::NonZeroU32;

/// Subscriptions: a value `V` for each topic filter and subscriber `S`. `G` is what the owner remembers of each shared
/// subscription.
///
/// ```
/// use squall_protocol::topic::{SubscriptionTrie, TopicFilter};
///
/// let mut trie: SubscriptionTrie<&str, u8> = SubscriptionTrie::new();
/// for (subscriber, filter) in [("lamp", "home/+"), ("log", "#"), ("one", "$share/g/home/#")] {
///     trie.insert(subscriber, &TopicFilter::parse_v5(filter)?, 0);
/// }
/// let mut found = Vec::new();
/// for at in trie.matching("home/hall") {
///     found.extend(at.plain().map(|(subscriber, _)| *subscriber));
///     // Which member of a group gets the message is for the owner of the trie to say.
///     found.extend(at.groups().filter_map(|g| g.in_turn(None).next()).map(|(member, _)| *member));
/// }
/// assert_eq!(found, ["log", "one", "lamp"]);
/// # Ok::<(), squall_protocol::topic::TopicError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SubscriptionTrie<S, V, G = ()> {
    /// The first is the root. One that has neither subscribers nor children is free.
    nodes: Vec<Node<S, V, G>>,
    free: Vec<NodeId>,
    /// Children by parent and text, other than those for `+` and `#`: their hashes and numbers.
    literals: HashTable<(u32, NodeId)>,
    len: usize,
    seed: u64,
}

#[derive(Clone, Debug)]
struct Node<S, V, G> {
    subscribers: Subscribers<S, V, G>,
    label: Label,
    parent: u32,
    plus: Option<NodeId>,
    hash: Option<NodeId>,
    /// How many children are in the table.
    literals: u32,
}

/// Any node but the root, which is nobody's child.
type NodeId = NonZeroU32;

impl<S: Ord, V, G> SubscriptionTrie<S, V, G> {
    /// A trie without subscriptions.
    #[must_use]
    pub fn new() -> Self {
        Self::with_seed(0)
    }

    /// Like [`Self::new`] with a hash function of its own. A server that meets hostile clients draws `seed`, so that
    /// none can choose levels that collide; what is found, and in which order, does not depend on it.
    #[must_use]
    pub fn with_seed(seed: u64) -> Self {
        Self {
            nodes: vec![Node::default()],
            free: Vec::new(),
            literals: HashTable::new(),
            len: 0,
            seed,
        }
    }

    /// The number of subscriptions: pairs of a filter and a subscriber.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no subscription.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a subscription, or replaces it and gives back what it was [MQTT-3.8.4-3]. Filters are the same when they
    /// are character by character; those that differ in their ShareName are not.
    ///
    /// # Panics
    /// With more than 2³² different levels.
    pub fn insert(&mut self, subscriber: S, filter: &TopicFilter, value: V) -> Option<V>
    where
        G: Default,
    {
        let mut at = ROOT;
        for level in levels(filter) {
            at = match self.child(at, level) {
                Some(child) => child.get(),
                None => self.add_child(at, level).get(),
            };
        }
        let old = self
            .node_mut(at)
            .subscribers
            .insert(subscriber, filter, value);
        self.len += usize::from(old.is_none());
        old
    }

    /// Takes a subscription away and gives back what it was, if there was one. Filters are compared character by
    /// character [MQTT-3.10.4-1].
    pub fn remove(&mut self, subscriber: &S, filter: &TopicFilter) -> Option<V> {
        let at = self.find(filter)?;
        let share_name = filter.share_name();
        let old = self
            .node_mut(at)
            .subscribers
            .remove(share_name, subscriber)?;
        self.len -= 1;
        self.prune(at);
        Some(old)
    }

    /// What `subscriber` has with exactly this filter.
    #[must_use]
    pub fn get(&self, subscriber: &S, filter: &TopicFilter) -> Option<&V> {
        let subscribers = self.subscribers(filter)?;
        subscribers.get(filter.share_name(), subscriber)
    }

    /// All who subscribed with the same pattern as this filter, whatever its ShareName.
    #[must_use]
    pub fn subscribers(&self, filter: &TopicFilter) -> Option<&Subscribers<S, V, G>> {
        let found = &self.nodes[self.find(filter)? as usize].subscribers;
        (!found.is_empty()).then_some(found)
    }

    /// The shared subscription of exactly this filter.
    #[must_use]
    pub fn group(&self, filter: &TopicFilter) -> Option<&Group<S, V, G>> {
        self.subscribers(filter)?.group(filter.share_name()?)
    }

    /// Every pattern that somebody subscribed with, without `$share` and ShareName, in the order of its bytes.
    #[must_use]
    pub fn patterns(&self) -> Vec<(String, &Subscribers<S, V, G>)> {
        let used = self.nodes.iter().filter(|n| !n.subscribers.is_empty());
        let mut all: Vec<_> = used.map(|n| (self.pattern(n), &n.subscribers)).collect();
        all.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// Bytes on the heap: vectors and table as they are, maps of more than 31 subscribers as estimated. What `S`, `V`
    /// and `G` hold themselves is not counted. Looks at every node.
    #[must_use]
    pub fn footprint(&self) -> usize {
        let nodes = self.nodes.iter();
        let within = nodes.map(|n| n.label.footprint() + n.subscribers.footprint());
        self.nodes.capacity() * size_of::<Node<S, V, G>>()
            + self.free.capacity() * size_of::<NodeId>()
            + self.literals.allocation_size()
            + within.sum::<usize>()
    }

    fn node_mut(&mut self, id: u32) -> &mut Node<S, V, G> {
        &mut self.nodes[id as usize]
    }

    /// The node at which a filter ends, if there is one.
    fn find(&self, filter: &TopicFilter) -> Option<u32> {
        let mut walk = levels(filter);
        walk.try_fold(ROOT, |at, level| self.child(at, level).map(NodeId::get))
    }

    fn child(&self, parent: u32, level: &[u8]) -> Option<NodeId> {
        match level {
            b"+" => self.nodes[parent as usize].plus,
            b"#" => self.nodes[parent as usize].hash,
            _ => self.literal(parent, level, hash_level(self.seed, level)),
        }
    }

    /// The child for a level without wildcards, whose hash is known.
    fn literal(&self, parent: u32, level: &[u8], hash: u64) -> Option<NodeId> {
        if self.nodes[parent as usize].literals == 0 {
            return None;
        }
        let hash = hash_below(hash, parent);
        let found = self.literals.find(spread(hash), |&(h, id)| {
            let node = &self.nodes[id.get() as usize];
            h == hash && node.parent == parent && node.label.as_bytes() == level
        });
        found.map(|&(_, id)| id)
    }

    fn add_child(&mut self, parent: u32, level: &[u8]) -> NodeId {
        let node = Node {
            parent,
            label: Label::new(level),
            ..Node::default()
        };
        let child = match self.free.pop() {
            Some(free) => {
                *self.node_mut(free.get()) = node;
                free
            }
            None => {
                let next = u32::try_from(self.nodes.len()).ok().and_then(NodeId::new);
                self.nodes.push(node);
                next.expect("fewer than 2³² levels, and the root is there")
            }
        };
        match level {
            b"+" => self.node_mut(parent).plus = Some(child),
            b"#" => self.node_mut(parent).hash = Some(child),
            _ => {
                self.node_mut(parent).literals += 1;
                let hash = hash_below(hash_level(self.seed, level), parent);
                let of = |&(hash, _): &_| spread(hash);
                self.literals.insert_unique(spread(hash), (hash, child), of);
            }
        }
        child
    }

    /// Gives back a node that nothing needs any more, and those above it that it alone was needed for.
    fn prune(&mut self, mut at: u32) {
        while let Some(id) = NodeId::new(at).filter(|_| self.nodes[at as usize].is_unused()) {
            let node = std::mem::take(self.node_mut(at));
            self.free.push(id);
            at = node.parent;
            let parent = &mut self.nodes[at as usize];
            if parent.plus == Some(id) {
                parent.plus = None;
            } else if parent.hash == Some(id) {
                parent.hash = None;
            } else {
                parent.literals -= 1;
                let hash = hash_below(hash_level(self.seed, node.label.as_bytes()), at);
                let entry = self
                    .literals
                    .find_entry(spread(hash), |&(_, other)| other == id);
                entry
                    .expect("it is in the table as long as it is a child")
                    .remove();
            }
        }
        // As rarely as vectors grow: what was not given back is at most three times what is in use.
        let used = self.nodes.len() - self.free.len();
        if used == 1 || self.nodes.len() > SMALL.max(4 * used) {
            self.compact();
        }
    }

    /// Moves the nodes together and gives back the memory of the free ones.
    fn compact(&mut self) {
        let used = self.nodes.len() - self.free.len();
        let old = std::mem::replace(&mut self.nodes, Vec::with_capacity(used));
        self.free = Vec::new();
        self.literals = HashTable::with_capacity(used - 1);
        // Where each one goes; the root stays. Parents may stand after their children, so all must be known first.
        let mut moved = vec![ROOT; old.len()];
        let staying = (0..)
            .zip(&old)
            .filter(|(n, node)| *n == ROOT || !node.is_unused());
        for (to, (from, _)) in (0..).zip(staying) {
            moved[from as usize] = to;
        }
        let child = |id: NodeId| NodeId::new(moved[id.get() as usize]);
        for (n, mut node) in (0..).zip(old) {
            if n != ROOT && node.is_unused() {
                continue;
            }
            node.parent = moved[node.parent as usize];
            let wildcard = matches!(node.label.as_bytes(), b"+" | b"#");
            if let (false, Some(id)) = (wildcard, NodeId::new(moved[n as usize])) {
                let hash = hash_below(hash_level(self.seed, node.label.as_bytes()), node.parent);
                let of = |&(hash, _): &_| spread(hash);
                self.literals.insert_unique(spread(hash), (hash, id), of);
            }
            node.plus = node.plus.and_then(child);
            node.hash = node.hash.and_then(child);
            self.nodes.push(node);
        }
    }

    /// The text on the way from the root to a node.
    fn pattern(&self, node: &Node<S, V, G>) -> String {
        let mut way = vec![node.label.as_bytes()];
        let mut at = node.parent;
        while at != ROOT {
            let node = &self.nodes[at as usize];
            way.push(node.label.as_bytes());
            at = node.parent;
        }
        way.reverse();
        String::from_utf8(way.join(&b'/')).expect("levels of filters, which are UTF-8")
    }
}

impl<S: Ord, V, G> Default for SubscriptionTrie<S, V, G> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Ord, V, G> Node<S, V, G> {
    const fn is_unused(&self) -> bool {
        self.literals == 0
            && self.plus.is_none()
            && self.hash.is_none()
            && self.subscribers.is_empty()
    }
}

// Not derived: that would ask for `S`, `V` and `G` to have a default.
impl<S, V, G> Default for Node<S, V, G> {
    fn default() -> Self {
        Self {
            subscribers: Subscribers::default(),
            label: Label::default(),
            parent: ROOT,
            plus: None,
            hash: None,
            literals: 0,
        }
    }
}

fn levels(filter: &TopicFilter) -> impl Iterator<Item = &[u8]> {
    filter.pattern_bytes().split(|b| *b == b'/')
}

const ROOT: u32 = 0;
/// So few nodes are not worth moving, except to become none.
const SMALL: usize = 64;

#[cfg(test)]
mod tests;
