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

/// How a member of a shared subscription stands to a message; the best comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// It is sent the message at once.
    Ready,
    /// It is there, and the message waits for it.
    Waiting,
    /// It is away, and the message waits for it.
    Away,
    /// There is no room for the message.
    Full,
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

    /// Adds or replaces a subscription, of which a session has one for each filter [X-5.0-sub-1]; true when it existed before
    /// [MQTT-3.8.4-3].
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

    /// Every subscription a message on `topic` is for; of each shared subscription one member, as [`choose`] has it.
    /// Unshared ones come first, in the order of sessions.
    pub(super) fn matching(
        &self,
        topic: &str,
        standing: impl Fn(SessionId, &Granted) -> Option<Standing>,
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
                .filter_map(|group| choose(group, &standing)),
        );
        found
    }

    /// The next member of a shared subscription, if it still exists.
    pub(super) fn next_member(
        &self,
        filter: &TopicFilter,
        standing: impl Fn(SessionId, &Granted) -> Option<Standing>,
    ) -> Option<Match> {
        choose(self.0.group(filter)?, standing)
    }

    /// What a session asked for with this filter, if it did.
    pub(super) fn granted(&self, session: SessionId, filter: &TopicFilter) -> Option<Granted> {
        self.0.get(&session, filter).copied()
    }

    /// Whether a member of a shared subscription is such a one.
    pub(super) fn any_member(
        &self,
        filter: &TopicFilter,
        is: impl Fn(SessionId, &Granted) -> bool,
    ) -> bool {
        let group = self.0.group(filter);
        group.is_some_and(|group| {
            group
                .members()
                .any(|(&session, granted)| is(session, granted))
        })
    }

    /// Whether there is no subscription at all.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The next member in turn among those that stand best [X-5.0-shared-1]; who has no standing is passed by.
fn choose(
    group: &Group<SessionId, Granted, Turn>,
    standing: impl Fn(SessionId, &Granted) -> Option<Standing>,
) -> Option<Match> {
    let last = group.state.get();
    let mut best: Option<(Standing, SessionId, Granted)> = None;
    for (&session, granted) in group.in_turn(last.as_ref()) {
        let Some(standing) = standing(session, granted) else {
            continue;
        };
        if best.is_none_or(|(before, ..)| standing < before) {
            best = Some((standing, session, *granted));
        }
        if standing == Standing::Ready {
            break;
        }
    }
    let (_, session, granted) = best?;
    group.state.set(Some(session));
    Some(Match {
        session,
        granted,
        shared: Some(group.filter().clone()),
    })
}
