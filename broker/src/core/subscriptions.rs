//! Who subscribed to what: a tree of topic levels.
//!
//! Nodes live in one arena and every walk is a loop, so a filter of 65,535 levels costs memory and nothing else. It
//! does not know sessions beyond their number, nor what is delivered.

use super::session::SessionId;
use squall_protocol::{QoS, topic::TopicFilter};
use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
};

/// What a session asked for with one topic filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Granted {
    pub(super) qos: QoS,
    pub(super) no_local: bool,
    pub(super) retain_as_published: bool,
    pub(super) identifier: Option<u32>,
}

/// A subscription that matches a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) session: SessionId,
    pub(super) granted: Granted,
    /// The shared subscription in whose name the session was chosen.
    pub(super) shared: Option<TopicFilter>,
}

/// All subscriptions.
#[derive(Debug)]
pub(super) struct Subscriptions {
    nodes: Vec<Node>,
    free: Vec<usize>,
}

#[derive(Debug, Default)]
struct Node {
    children: BTreeMap<Box<str>, usize>,
    /// The child for `+`.
    plus: Option<usize>,
    /// Filters that end here.
    here: Subscribers,
    /// Filters that end in `#` behind this level.
    hash: Subscribers,
}

#[derive(Debug, Default)]
struct Subscribers {
    plain: BTreeMap<SessionId, Granted>,
    /// By ShareName.
    shared: BTreeMap<Box<str>, Group>,
}

/// The members of a shared subscription.
#[derive(Debug)]
struct Group {
    filter: TopicFilter,
    members: BTreeMap<SessionId, Granted>,
    /// Whose turn it was last.
    last: Option<SessionId>,
}

impl Subscriptions {
    pub(super) fn new() -> Self {
        Self {
            nodes: vec![Node::default()],
            free: Vec::new(),
        }
    }

    /// Adds or replaces a subscription; true when it existed before [MQTT-3.8.4-3].
    pub(super) fn insert(
        &mut self,
        session: SessionId,
        filter: &TopicFilter,
        granted: Granted,
    ) -> bool {
        let mut at = ROOT;
        let mut end = End::Here;
        for level in filter.pattern().split('/') {
            match level {
                // Nothing stands behind it [MQTT-4.7.1-2] (3.1.1), [MQTT-4.7.1-1] (5.0).
                "#" => end = End::Hash,
                _ => at = self.child_or_new(at, level),
            }
        }
        let subscribers = self.nodes[at].end_mut(end);
        match filter.share_name() {
            None => subscribers.plain.insert(session, granted).is_some(),
            Some(name) => {
                let group = subscribers
                    .shared
                    .entry(name.into())
                    .or_insert_with(|| Group {
                        filter: filter.clone(),
                        members: BTreeMap::new(),
                        last: None,
                    });
                // [X-5.0-shared-6]
                group.members.insert(session, granted).is_some()
            }
        }
    }

    /// Takes a subscription away; false when there was none. Filters are compared character by character
    /// [MQTT-3.10.4-1].
    pub(super) fn remove(&mut self, session: SessionId, filter: &TopicFilter) -> bool {
        let Some((path, end)) = self.find(filter) else {
            return false;
        };
        let last = path.last().map_or(ROOT, |(_, child)| *child);
        let subscribers = self.nodes[last].end_mut(end);
        let removed = match filter.share_name() {
            None => subscribers.plain.remove(&session).is_some(),
            Some(name) => {
                let Some(group) = subscribers.shared.get_mut(name) else {
                    return false;
                };
                let removed = group.members.remove(&session).is_some();
                // The last one to leave ends the shared subscription [X-5.0-unsubscribe-2].
                if group.members.is_empty() {
                    subscribers.shared.remove(name);
                }
                removed
            }
        };
        self.prune(filter, &path);
        removed
    }

    /// Every subscription a message on `topic` is for; of each shared subscription one member, `online` ones first.
    /// Unshared ones come first, in the order of sessions.
    pub(super) fn matching(
        &mut self,
        topic: &str,
        mode: Mode,
        online: impl Fn(SessionId) -> bool,
    ) -> Vec<Match> {
        let (mut found, mut groups) = (Vec::new(), Vec::new());
        let mut frontier = vec![ROOT];
        let mut next = Vec::new();
        // [MQTT-4.7.2-1]
        let mut wildcards = mode == Mode::WildcardMatchesDollar || !topic.starts_with('$');
        for level in topic.split('/') {
            for &node in &frontier {
                let here = &self.nodes[node];
                if wildcards {
                    here.hash.collect(&mut found);
                    here.hash.collect_groups(node, End::Hash, &mut groups);
                    next.extend(here.plus);
                }
                next.extend(here.children.get(level));
            }
            wildcards = true;
            frontier.clear();
            std::mem::swap(&mut frontier, &mut next);
        }
        for &node in &frontier {
            let here = &self.nodes[node];
            for (subscribers, end) in [(&here.here, End::Here), (&here.hash, End::Hash)] {
                subscribers.collect(&mut found);
                subscribers.collect_groups(node, end, &mut groups);
            }
        }
        // Stable: the subscriptions of one session stay in the order in which they were found.
        found.sort_by_key(|m| m.session);
        for (node, end, name) in groups {
            let group = self.nodes[node].end_mut(end).shared.get_mut(&name);
            found.extend(group.map_or_else(Vec::new, |g| g.choose(mode, &online)));
        }
        found
    }

    /// The next member of a shared subscription, if it still exists.
    pub(super) fn next_member(
        &mut self,
        filter: &TopicFilter,
        online: impl Fn(SessionId) -> bool,
    ) -> Option<Match> {
        let (path, end) = self.find(filter)?;
        let last = path.last().map_or(ROOT, |(_, child)| *child);
        let group = self.nodes[last]
            .end_mut(end)
            .shared
            .get_mut(filter.share_name()?)?;
        group.choose(Mode::Standard, online).pop()
    }

    /// Whether there is no subscription at all.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.nodes[ROOT].is_empty() && self.free.len() + 1 == self.nodes.len()
    }

    fn child(&self, at: usize, level: &str) -> Option<usize> {
        match level {
            "+" => self.nodes[at].plus,
            _ => self.nodes[at].children.get(level).copied(),
        }
    }

    fn child_or_new(&mut self, at: usize, level: &str) -> usize {
        if let Some(child) = self.child(at, level) {
            return child;
        }
        let child = self.free.pop().unwrap_or_else(|| {
            self.nodes.push(Node::default());
            self.nodes.len() - 1
        });
        match level {
            "+" => self.nodes[at].plus = Some(child),
            _ => {
                self.nodes[at].children.insert(level.into(), child);
            }
        }
        child
    }

    /// The way to where a filter ends: parents and children from the root on.
    fn find(&self, filter: &TopicFilter) -> Option<(Vec<(usize, usize)>, End)> {
        let mut path = Vec::new();
        let mut at = ROOT;
        for level in filter.pattern().split('/') {
            if level == "#" {
                return Some((path, End::Hash));
            }
            let child = self.child(at, level)?;
            path.push((at, child));
            at = child;
        }
        Some((path, End::Here))
    }

    /// Gives nodes back that nothing needs any more, from the end of the path on.
    fn prune(&mut self, filter: &TopicFilter, path: &[(usize, usize)]) {
        let levels: Vec<&str> = filter.pattern().split('/').collect();
        for (&(parent, child), level) in path.iter().zip(&levels).rev() {
            if !self.nodes[child].is_empty() {
                return;
            }
            match *level {
                "+" => self.nodes[parent].plus = None,
                level => {
                    self.nodes[parent].children.remove(level);
                }
            }
            self.free.push(child);
        }
    }
}

/// How topics are matched; other than the standard's way only for a deliberate defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Standard,
    WildcardMatchesDollar,
    SharedToAll,
}

/// Where at a node a filter ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Here,
    Hash,
}

impl Node {
    fn end_mut(&mut self, end: End) -> &mut Subscribers {
        match end {
            End::Here => &mut self.here,
            End::Hash => &mut self.hash,
        }
    }

    fn is_empty(&self) -> bool {
        self.children.is_empty()
            && self.plus.is_none()
            && self.here.is_empty()
            && self.hash.is_empty()
    }
}

impl Subscribers {
    fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.shared.is_empty()
    }

    fn collect(&self, found: &mut Vec<Match>) {
        found.extend(self.plain.iter().map(|(&session, &granted)| Match {
            session,
            granted,
            shared: None,
        }));
    }

    fn collect_groups(&self, node: usize, end: End, groups: &mut Vec<(usize, End, Box<str>)>) {
        groups.extend(self.shared.keys().map(|name| (node, end, name.clone())));
    }
}

impl Group {
    /// The next member in turn; one that is online if there is one [X-5.0-shared-1].
    fn choose(&mut self, mode: Mode, online: impl Fn(SessionId) -> bool) -> Vec<Match> {
        let chosen = |session, granted| Match {
            session,
            granted,
            shared: Some(self.filter.clone()),
        };
        if mode == Mode::SharedToAll {
            return self.members.iter().map(|(&s, &g)| chosen(s, g)).collect();
        }
        let after = self.last.map_or(Unbounded, Excluded);
        let in_turn = || self.members.range((after, Unbounded)).chain(&self.members);
        let next = in_turn()
            .find(|(session, _)| online(**session))
            .or_else(|| in_turn().next());
        let found = next.map(|(&session, &granted)| chosen(session, granted));
        self.last = found.as_ref().map(|m| m.session).or(self.last);
        found.into_iter().collect()
    }
}

const ROOT: usize = 0;
