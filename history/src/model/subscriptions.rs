//! Subscriptions as the packets tell them: which session had which filter from when to when.

use super::{
    index::{ClientIx, SessionIx},
    levels::Levels,
};
use squall_protocol::{QoS, packet::Subscription, topic::TopicFilter};
use std::collections::{BTreeMap, BTreeSet};

/// A subscription while it lasts.
#[derive(Clone, Debug)]
pub(crate) struct Subscribed<'a> {
    pub(crate) client: ClientIx,
    pub(crate) subscription: &'a Subscription,
    pub(crate) granted: QoS,
    /// SUBSCRIBE.
    pub(crate) since: usize,
    /// SUBACK: from here on it certainly exists.
    pub(crate) surely: usize,
    /// Record at which it ended: UNSUBSCRIBE, replacement, or the end of its session.
    pub(crate) until: Option<usize>,
    /// Record at which it certainly was no more: UNSUBACK, replacement, or the end of its session.
    pub(crate) gone: Option<usize>,
}

/// Everything one session ever did with one filter. At most one of its subscriptions exists at a time.
#[derive(Debug)]
pub(crate) struct Filter<'a> {
    pub(crate) filter: &'a TopicFilter,
    /// In the order in which they were granted.
    all: Vec<usize>,
    current: Option<usize>,
    /// A SUBSCRIBE for it was never answered.
    unsure: bool,
    /// When each QoS was first granted.
    first: [Option<usize>; 3],
    /// When each client first asked for Retain As Published.
    as_published: BTreeMap<ClientIx, usize>,
}

impl Filter<'_> {
    /// QoS levels that had been granted before a record.
    pub(crate) fn granted_before(&self, ix: usize) -> impl Iterator<Item = QoS> {
        let levels = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
        let first = self.first;
        levels
            .into_iter()
            .zip(first)
            .filter(move |(_, first)| first.is_some_and(|f| f < ix))
            .map(|(qos, _)| qos)
    }

    /// Whether the client had asked for Retain As Published before a record.
    pub(crate) fn as_published_before(&self, client: ClientIx, ix: usize) -> bool {
        self.as_published.get(&client).is_some_and(|f| *f < ix)
    }
}

/// The subscriptions of all sessions.
#[derive(Debug)]
pub(crate) struct Subscriptions<'a> {
    /// In the order in which they were granted, ended or not.
    pub(crate) all: Vec<Subscribed<'a>>,
    sessions: Vec<OfSession<'a>>,
}

#[derive(Debug, Default)]
struct OfSession<'a> {
    filters: Vec<Filter<'a>>,
    by_filter: BTreeMap<&'a TopicFilter, usize>,
    /// Filters with a subscription that has not ended.
    current: BTreeSet<usize>,
    levels: Levels<'a>,
}

impl<'a> Subscriptions<'a> {
    pub(crate) fn new(sessions: usize) -> Self {
        Self {
            all: Vec::new(),
            sessions: (0..sessions).map(|_| OfSession::default()).collect(),
        }
    }

    /// A subscription was granted, in place of the one with this filter. True when there was one.
    pub(crate) fn add(&mut self, session: SessionIx, new: Subscribed<'a>) -> bool {
        let existed = self.end(session, &new.subscription.filter, new.since);
        let n = self.numbered(session, &new.subscription.filter);
        let of = &mut self.sessions[session];
        let f = &mut of.filters[n];
        f.all.push(self.all.len());
        f.current = Some(self.all.len());
        let earliest = |first: &mut usize| *first = new.since.min(*first);
        earliest(f.first[usize::from(new.granted.as_u8())].get_or_insert(new.since));
        if new.subscription.retain_as_published {
            earliest(f.as_published.entry(new.client).or_insert(new.since));
        }
        of.current.insert(n);
        self.all.push(new);
        existed
    }

    /// The subscription with this filter has ended. True when there was one.
    pub(crate) fn end(&mut self, session: SessionIx, filter: &TopicFilter, ix: usize) -> bool {
        let of = &mut self.sessions[session];
        let Some(&n) = of.by_filter.get(filter) else {
            return false;
        };
        of.current.remove(&n);
        let Some(current) = of.filters[n].current.take() else {
            return false;
        };
        self.all[current].until = Some(ix);
        true
    }

    /// What ended with an UNSUBSCRIBE is certainly gone once that is answered.
    pub(crate) fn gone(
        &mut self,
        session: SessionIx,
        filter: &TopicFilter,
        asked: usize,
        answered: usize,
    ) {
        let of = &self.sessions[session];
        let Some(&n) = of.by_filter.get(filter) else {
            return;
        };
        for &s in of.filters[n].all.iter().rev() {
            let s = &mut self.all[s];
            if s.until == Some(asked) {
                s.gone.get_or_insert(answered);
                return;
            }
        }
    }

    /// The subscriptions of a filter, in the order in which they were granted.
    pub(crate) fn of<'f>(
        &'f self,
        filter: &'f Filter<'a>,
    ) -> impl Iterator<Item = &'f Subscribed<'a>> {
        filter.all.iter().map(|n| &self.all[*n])
    }

    /// Whether one was asked for that was never answered.
    pub(crate) fn is_unsure(&self, filter: &Filter<'a>) -> bool {
        filter.unsure
    }

    /// Whether some session has asked for this filter and was never answered.
    pub(crate) fn is_unsure_anywhere(&self, filter: &TopicFilter) -> bool {
        let unsure = |of: &OfSession<'_>| {
            let n = of.by_filter.get(filter);
            n.is_some_and(|n| of.filters[*n].unsure)
        };
        self.sessions.iter().any(unsure)
    }

    /// A subscription was asked for and never answered: it may exist, at any QoS that may have been granted.
    pub(crate) fn perhaps(
        &mut self,
        session: SessionIx,
        filter: &'a TopicFilter,
        most: QoS,
        since: usize,
    ) {
        let n = self.numbered(session, filter);
        let filter = &mut self.sessions[session].filters[n];
        filter.unsure = true;
        for first in &mut filter.first[..=usize::from(most.as_u8())] {
            *first = Some(first.map_or(since, |f| f.min(since)));
        }
    }

    /// The number of a filter of a session; a new one when the session never had it.
    fn numbered(&mut self, session: SessionIx, filter: &'a TopicFilter) -> usize {
        let of = &mut self.sessions[session];
        *of.by_filter.entry(filter).or_insert_with(|| {
            of.levels.insert(filter, of.filters.len());
            of.filters.push(Filter {
                filter,
                all: Vec::new(),
                current: None,
                unsure: false,
                first: [None; 3],
                as_published: BTreeMap::new(),
            });
            of.filters.len() - 1
        })
    }

    /// Nobody knows whether the subscriptions of the session go on.
    pub(crate) fn doubt_all(&mut self, session: SessionIx, ix: usize) {
        let of = &mut self.sessions[session];
        for n in std::mem::take(&mut of.current) {
            of.filters[n].unsure = true;
            if let Some(current) = of.filters[n].current.take() {
                self.all[current].until = Some(ix);
            }
        }
    }

    /// Every subscription of the session has ended.
    pub(crate) fn end_all(&mut self, session: SessionIx, ix: usize) {
        let of = &mut self.sessions[session];
        for n in std::mem::take(&mut of.current) {
            if let Some(current) = of.filters[n].current.take() {
                self.all[current].until = Some(ix);
                self.all[current].gone = Some(ix);
            }
        }
    }
}

/// Answers about subscriptions and topics, each worked out once.
pub(crate) struct Reach<'h, 'a> {
    subscriptions: &'h Subscriptions<'a>,
    matching: BTreeMap<(SessionIx, &'h str), Vec<usize>>,
    overlaps: BTreeMap<(SessionIx, Vec<usize>, bool), Overlap>,
}

/// How subscriptions of one session that match one topic lie over one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overlap {
    /// The largest number of them that existed at the same time.
    pub(crate) most: usize,
    /// One of them asked for Retain As Published.
    pub(crate) as_published: bool,
    /// One of them is shared.
    pub(crate) shared: bool,
}

impl<'h, 'a> Reach<'h, 'a> {
    pub(crate) fn new(subscriptions: &'h Subscriptions<'a>) -> Self {
        Self {
            subscriptions,
            matching: BTreeMap::new(),
            overlaps: BTreeMap::new(),
        }
    }

    fn numbers(&mut self, session: SessionIx, topic: &'h str) -> &[usize] {
        let levels = &self.subscriptions.sessions[session].levels;
        self.matching
            .entry((session, topic))
            .or_insert_with(|| levels.matching(topic))
    }

    /// Filters the session ever had that match the topic.
    pub(crate) fn filters(
        &mut self,
        session: SessionIx,
        topic: &'h str,
    ) -> impl Iterator<Item = &'h Filter<'a>> {
        let filters = &self.subscriptions.sessions[session].filters;
        self.numbers(session, topic).iter().map(|n| &filters[*n])
    }

    /// How the session's subscriptions for the topic overlap; without those of No Local where the publisher has the
    /// same session (`own`).
    pub(crate) fn overlap(&mut self, session: SessionIx, topic: &'h str, own: bool) -> Overlap {
        let numbers = self.numbers(session, topic).to_vec();
        let subscriptions = self.subscriptions;
        let filters = &subscriptions.sessions[session].filters;
        *self
            .overlaps
            .entry((session, numbers, own))
            .or_insert_with_key(|(_, numbers, _)| {
                let matching = || numbers.iter().map(|n| &filters[*n]);
                // One that was asked for and never answered may exist at any time.
                let perhaps = matching().filter(|f| f.unsure).count();
                let all = matching().flat_map(|f| &f.all);
                let reaching: Vec<&Subscribed<'_>> = all
                    .map(|n| &subscriptions.all[*n])
                    .filter(|s| !(own && s.subscription.no_local))
                    .collect();
                Overlap {
                    most: most_at_once(&reaching) + perhaps,
                    as_published: reaching.iter().any(|s| s.subscription.retain_as_published),
                    shared: matching().any(|f| f.filter.is_shared()),
                }
            })
    }
}

/// The largest number of these subscriptions that existed at the same time.
fn most_at_once(subscriptions: &[&Subscribed<'_>]) -> usize {
    let lasting = subscriptions
        .iter()
        .filter(|s| s.until.is_none_or(|u| u > s.since));
    // What ends at a record does not exist there any more: ends sort before beginnings.
    let mut changes: Vec<(usize, bool)> = lasting
        .flat_map(|s| {
            let end = s.until.map(|u| (u, false));
            [Some((s.since, true)), end].into_iter().flatten()
        })
        .collect();
    changes.sort_unstable();
    let (mut now, mut most) = (0, 0);
    for (_, begins) in changes {
        now = if begins { now + 1 } else { now - 1 };
        most = most.max(now);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn overlaps_are_those_that_counting_at_each_beginning_finds(
            spans in prop::collection::vec((0usize..30, prop::option::of(0usize..40)), 0..12)
        ) {
            let filter = TopicFilter::parse_v5("a").expect("a filter");
            let subscription = Subscription::new(filter, QoS::AtMostOnce);
            let all: Vec<Subscribed<'_>> = spans
                .into_iter()
                .map(|(since, until)| Subscribed {
                    client: 0,
                    subscription: &subscription,
                    granted: QoS::AtMostOnce,
                    since,
                    surely: since,
                    until,
                    gone: until,
                })
                .collect();
            let at = |ix: usize| {
                let exists = |s: &&Subscribed<'_>| s.since <= ix && s.until.is_none_or(|u| u > ix);
                all.iter().filter(exists).count()
            };
            let counted = all.iter().map(|s| at(s.since)).max().unwrap_or(0);
            prop_assert_eq!(most_at_once(&all.iter().collect::<Vec<_>>()), counted);
        }
    }
}
