//! Who subscribed to what, and whose turn it is in a shared subscription.
//!
//! The trie of `squall-protocol` finds the filters for a topic name; which member of a shared subscription gets a
//! message is decided here.

use super::session::SessionId;
use squall_protocol::{
    QoS,
    topic::{Group, SubscriptionTrie, TopicFilter},
};
use std::cell::Cell;

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
pub(super) struct Subscriptions(SubscriptionTrie<SessionId, Granted, Turn>);

/// The member of a shared subscription whose turn it was last.
type Turn = Cell<Option<SessionId>>;

impl Subscriptions {
    pub(super) fn new() -> Self {
        Self(SubscriptionTrie::new())
    }

    /// Adds or replaces a subscription; true when it existed before [MQTT-3.8.4-3].
    pub(super) fn insert(
        &mut self,
        session: SessionId,
        filter: &TopicFilter,
        granted: Granted,
    ) -> bool {
        self.0.insert(session, filter, granted).is_some()
    }

    /// Takes a subscription away; false when there was none [MQTT-3.10.4-1].
    pub(super) fn remove(&mut self, session: SessionId, filter: &TopicFilter) -> bool {
        self.0.remove(&session, filter).is_some()
    }

    /// Every subscription a message on `topic` is for; of each shared subscription one member, `online` ones first.
    /// Unshared ones come first, in the order of sessions.
    pub(super) fn matching(
        &mut self,
        topic: &str,
        online: impl Fn(SessionId) -> bool,
    ) -> Vec<Match> {
        let (mut found, mut groups) = (Vec::new(), Vec::new());
        for subscribers in self.0.matching(topic) {
            found.extend(subscribers.plain().map(|(&session, &granted)| Match {
                session,
                granted,
                shared: None,
            }));
            groups.extend(subscribers.groups());
        }
        // Stable: the subscriptions of one session stay in the order in which they were found.
        found.sort_by_key(|m| m.session);
        found.extend(
            groups
                .into_iter()
                .filter_map(|group| choose(group, &online)),
        );
        found
    }

    /// The next member of a shared subscription, if it still exists.
    pub(super) fn next_member(
        &mut self,
        filter: &TopicFilter,
        online: impl Fn(SessionId) -> bool,
    ) -> Option<Match> {
        choose(self.0.group(filter)?, online)
    }

    /// Whether there is no subscription at all.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The next member in turn; one that is online if there is one [X-5.0-shared-1].
fn choose(
    group: &Group<SessionId, Granted, Turn>,
    online: impl Fn(SessionId) -> bool,
) -> Option<Match> {
    let last = group.state.get();
    let in_turn = || group.in_turn(last.as_ref());
    let next = in_turn()
        .find(|(session, _)| online(**session))
        .or_else(|| in_turn().next());
    let (&session, &granted) = next?;
    group.state.set(Some(session));
    Some(Match {
        session,
        granted,
        shared: Some(group.filter().clone()),
    })
}
