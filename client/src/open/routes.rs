//! Which stream a message belongs to.
//!
//! It does not know what a stream is, or how a message came.

use crate::core::{Message, Ticket};
use squall_protocol::{ReasonCode, topic::TopicFilter};
use std::collections::BTreeMap;

/// The filters of every stream.
#[derive(Debug, Default)]
pub(super) struct Routes {
    streams: BTreeMap<u64, Route>,
    next_identifier: u32,
}

#[derive(Debug)]
struct Route {
    ticket: Ticket,
    filters: Vec<TopicFilter>,
    identifier: Option<u32>,
}

/// The largest Subscription Identifier.
const LARGEST: u32 = 268_435_455;

impl Routes {
    /// A stream of these filters, with a Subscription Identifier where there are some.
    pub(super) fn add(
        &mut self,
        line: u64,
        ticket: Ticket,
        filters: Vec<TopicFilter>,
        identified: bool,
    ) -> Option<u32> {
        let identifier = identified.then(|| {
            self.next_identifier = self.next_identifier % LARGEST + 1;
            self.next_identifier
        });
        let route = Route {
            ticket,
            filters,
            identifier,
        };
        self.streams.insert(line, route);
        identifier
    }

    /// What the server said of a stream's filters; the stream that has none left, and is removed.
    pub(super) fn granted(&mut self, ticket: Ticket, reasons: &[ReasonCode]) -> Option<u64> {
        let (line, route) = self.streams.iter_mut().find(|(_, r)| r.ticket == ticket)?;
        let line = *line;
        if route.filters.len() == reasons.len() {
            let mut codes = reasons.iter();
            let filters = &mut route.filters;
            filters.retain(|_| codes.next().is_some_and(|code| !code.is_error()));
        }
        match route.filters.is_empty() {
            true => {
                self.streams.remove(&line);
                Some(line)
            }
            false => None,
        }
    }

    /// The stream of this request.
    pub(super) fn line_of(&self, ticket: Ticket) -> Option<u64> {
        let mut streams = self.streams.iter();
        let stream = streams.find(|(_, route)| route.ticket == ticket);
        stream.map(|(line, _)| *line)
    }

    /// Nobody listens to this stream any more, or nothing comes for it.
    pub(super) fn remove(&mut self, line: u64) {
        self.streams.remove(&line);
    }

    /// These filters are subscribed no longer: the streams that have none left, which are removed.
    pub(super) fn forget(&mut self, filters: &[TopicFilter]) -> Vec<u64> {
        for route in self.streams.values_mut() {
            route.filters.retain(|filter| !filters.contains(filter));
        }
        let ended = self.streams.iter().filter(|(_, r)| r.filters.is_empty());
        let ended: Vec<u64> = ended.map(|(line, _)| *line).collect();
        ended.iter().for_each(|line| self.remove(*line));
        ended
    }

    /// The streams of a message: those whose Subscription Identifier it carries, where one of them has a filter that
    /// matches; else every one with a filter that matches. An identifier alone proves nothing: a session may remember
    /// one from another life of this client.
    pub(super) fn of(&self, message: &Message) -> Vec<u64> {
        let identifiers: Vec<u32> = message.properties.subscription_identifiers().collect();
        let matching = |route: &Route| route.filters.iter().any(|f| f.matches(&message.topic));
        let streams = self.streams.iter().filter(|(_, route)| matching(route));
        let (named, others): (Vec<_>, Vec<_>) = streams.partition(|(_, route)| {
            route
                .identifier
                .is_some_and(|identifier| identifiers.contains(&identifier))
        });
        let streams = if named.is_empty() { others } else { named };
        streams.into_iter().map(|(line, _)| *line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_protocol::{Property, QoS};

    fn filters(of: &[&str]) -> Vec<TopicFilter> {
        of.iter()
            .map(|f| TopicFilter::parse_v5(*f).unwrap())
            .collect()
    }

    fn message(topic: &str, identifiers: &[u32]) -> Message {
        let mut message = Message::new(topic, "x", QoS::AtMostOnce);
        for identifier in identifiers {
            message
                .properties
                .push(Property::SubscriptionIdentifier(*identifier));
        }
        message
    }

    #[test]
    fn identifiers_say_where_a_message_belongs_and_topics_where_there_are_none() {
        let mut routes = Routes::default();
        let first = routes.add(1, Ticket(1), filters(&["a/#"]), true).unwrap();
        let second = routes
            .add(2, Ticket(2), filters(&["a/b", "c"]), true)
            .unwrap();
        assert_eq!(routes.of(&message("a/b", &[second])), [2]);
        assert_eq!(routes.of(&message("a/b", &[first, second])), [1, 2]);
        assert_eq!(routes.of(&message("a/b", &[])), [1, 2]);
        assert_eq!(routes.of(&message("c", &[])), [2]);
        // A number of another life: the topic says where it belongs.
        assert_eq!(routes.of(&message("c", &[first])), [2]);
        assert_eq!(routes.of(&message("x", &[first])), [0; 0]);
        assert_eq!(routes.forget(&filters(&["a/b"])), [0; 0]);
        assert_eq!(routes.forget(&filters(&["c"])), [2]);
        let refused = [ReasonCode::NOT_AUTHORIZED];
        assert_eq!(routes.granted(Ticket(1), &refused), Some(1));
        assert_eq!(routes.of(&message("a/b", &[])), [0; 0]);
    }

    #[test]
    fn a_shared_subscription_is_matched_without_its_share() {
        let mut routes = Routes::default();
        routes.add(1, Ticket(1), filters(&["$share/group/a/+"]), false);
        assert_eq!(routes.of(&message("a/b", &[])), [1]);
    }
}
