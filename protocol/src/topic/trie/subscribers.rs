//! Who subscribed with one filter: ordinary subscribers, and the groups of shared subscriptions.

use super::members::Members;
use crate::topic::TopicFilter;

/// The subscribers of one topic filter; shared subscriptions apart, by ShareName.
#[derive(Clone, Debug)]
pub struct Subscribers<S, V, G> {
    plain: Members<S, V>,
    // Boxed: few filters have any.
    groups: Option<Box<Groups<S, V, G>>>,
}

/// By ShareName; each boxed, since it is large.
type Groups<S, V, G> = Members<Box<str>, Box<Group<S, V, G>>>;

/// The members of one shared subscription: the same ShareName and the same filter after it [X-5.0-shared-2]. It lives
/// as long as it has a member [X-5.0-shared-4].
#[derive(Clone, Debug)]
pub struct Group<S, V, G> {
    filter: TopicFilter,
    members: Members<S, V>,
    /// What the owner of the trie remembers of the group, for instance whose turn it is.
    pub state: G,
}

impl<S: Ord, V, G> Subscribers<S, V, G> {
    /// The subscribers that share with nobody, in their order.
    pub fn plain(&self) -> impl Iterator<Item = (&S, &V)> {
        self.plain.iter()
    }

    /// The shared subscriptions, in the order of their ShareNames. Each gets a message once [X-5.0-shared-1].
    pub fn groups(&self) -> impl Iterator<Item = &Group<S, V, G>> {
        let groups = self.groups.iter().flat_map(|groups| groups.iter());
        groups.map(|(_, group)| &**group)
    }

    /// The shared subscription of this ShareName.
    #[must_use]
    pub fn group(&self, share_name: &str) -> Option<&Group<S, V, G>> {
        let groups = self.groups.as_ref()?;
        groups.get(share_name).map(|group| &**group)
    }

    /// Whether nobody is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.groups.is_none()
    }

    pub(super) fn get(&self, share_name: Option<&str>, subscriber: &S) -> Option<&V> {
        match share_name {
            None => self.plain.get(subscriber),
            Some(name) => self.group(name)?.members.get(subscriber),
        }
    }

    pub(super) fn insert(&mut self, subscriber: S, filter: &TopicFilter, value: V) -> Option<V>
    where
        G: Default,
    {
        let Some(name) = filter.share_name() else {
            return self.plain.insert(subscriber, value);
        };
        let groups = self.groups.get_or_insert_default();
        if let Some(group) = groups.get_mut(name) {
            // [X-5.0-shared-6]
            return group.members.insert(subscriber, value);
        }
        let mut members = Members::default();
        members.insert(subscriber, value);
        let group = Group {
            filter: filter.detached(),
            members,
            state: G::default(),
        };
        groups.insert(name.into(), Box::new(group));
        None
    }

    pub(super) fn remove(&mut self, share_name: Option<&str>, subscriber: &S) -> Option<V> {
        let Some(name) = share_name else {
            return self.plain.remove(subscriber);
        };
        let groups = self.groups.as_mut()?;
        let group = groups.get_mut(name)?;
        let removed = group.members.remove(subscriber);
        // The last one to leave ends the shared subscription [X-5.0-unsubscribe-2].
        if group.members.is_empty() {
            groups.remove(name);
            if groups.is_empty() {
                self.groups = None;
            }
        }
        removed
    }

    pub(super) fn footprint(&self) -> usize {
        let one = |name: &str, group: &Group<S, V, G>| {
            let texts = name.len() + group.filter.as_str().len();
            size_of::<Group<S, V, G>>() + texts + group.members.footprint()
        };
        let all = |groups: &Groups<S, V, G>| {
            let each = groups.iter().map(|(name, group)| one(name, group));
            size_of::<Groups<S, V, G>>() + groups.footprint() + each.sum::<usize>()
        };
        self.plain.footprint() + self.groups.as_deref().map_or(0, all)
    }
}

impl<S: Ord, V, G> Group<S, V, G> {
    /// The whole filter, `$share` and ShareName included.
    pub const fn filter(&self) -> &TopicFilter {
        &self.filter
    }

    /// How many members it has: at least one.
    #[expect(clippy::len_without_is_empty, reason = "it ends with its last member")]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// The members in their order.
    pub fn members(&self) -> impl Iterator<Item = (&S, &V)> {
        self.members.iter()
    }

    /// The members once around, beginning after `last`, which need not be a member any more; in their order without
    /// one.
    pub fn in_turn(&self, last: Option<&S>) -> impl Iterator<Item = (&S, &V)> {
        let after = last.map(|last| self.members.after(last));
        let others = self.members.iter();
        let others = others.take_while(move |(s, _)| last.is_none_or(|last| *s <= last));
        after.into_iter().flatten().chain(others)
    }
}

// Not derived: that would ask for `S`, `V` and `G` to have a default.
impl<S, V, G> Default for Subscribers<S, V, G> {
    fn default() -> Self {
        Self {
            plain: Members::default(),
            groups: None,
        }
    }
}
