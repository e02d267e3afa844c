//! The subscription tree against the plain definition of matching.

use super::super::{
    session::SessionId,
    subscriptions::{Granted, Standing, Subscriptions},
};
use proptest::prelude::*;
use squall_protocol::{QoS, topic::TopicFilter};
use std::collections::BTreeSet;

const GRANTED: Granted = Granted {
    qos: QoS::AtMostOnce,
    no_local: false,
    retain_as_published: false,
    identifier: None,
};

fn level() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "", "$x", "ab"])
}

fn topic() -> impl Strategy<Value = String> {
    prop::collection::vec(level(), 1..5)
        .prop_map(|levels| levels.join("/"))
        .prop_filter("not empty", |t| !t.is_empty())
}

fn filter() -> impl Strategy<Value = TopicFilter> {
    let level = prop_oneof![3 => level(), 2 => Just("+")];
    (prop::collection::vec(level, 0..4), any::<bool>())
        .prop_map(|(mut levels, hash)| {
            levels.extend(hash.then_some("#"));
            levels.join("/")
        })
        .prop_filter_map("a filter", |text| TopicFilter::parse_v3(text).ok())
}

proptest! {
    #[test]
    fn finds_exactly_what_matches(
        filters in prop::collection::vec(filter(), 0..30),
        removed in prop::collection::vec(any::<bool>(), 30),
        topics in prop::collection::vec(topic(), 10),
    ) {
        let mut tree = Subscriptions::new();
        let session = |n: usize| SessionId(n as u64);
        for (n, filter) in filters.iter().enumerate() {
            prop_assert!(!tree.insert(session(n), filter, GRANTED));
            prop_assert!(tree.insert(session(n), filter, GRANTED));
        }
        for (n, filter) in filters.iter().enumerate().filter(|(n, _)| removed[*n]) {
            prop_assert!(tree.remove(session(n), filter));
            prop_assert!(!tree.remove(session(n), filter));
        }
        for topic in topics {
            let found = tree.matching(&topic, |_, _| Some(Standing::Ready));
            let found: Vec<_> = found.into_iter().map(|m| m.session).collect();
            let expected = filters.iter().enumerate();
            let expected = expected.filter(|(n, f)| !removed[*n] && f.matches(&topic));
            prop_assert_eq!(found, expected.map(|(n, _)| session(n)).collect::<Vec<_>>());
        }
        for (n, filter) in filters.iter().enumerate().filter(|(n, _)| !removed[*n]) {
            prop_assert!(tree.remove(session(n), filter));
        }
        prop_assert!(tree.is_empty(), "nothing is left behind");
    }

    #[test]
    fn a_group_gives_each_message_to_one_member_and_every_member_its_turn(
        members in prop::collection::btree_set(0_u64..20, 1..6),
        offline in prop::collection::btree_set(0_u64..20, 0..6),
    ) {
        let mut tree = Subscriptions::new();
        let filter = TopicFilter::parse_v5("$share/g/+/x").unwrap();
        for member in &members {
            tree.insert(SessionId(*member), &filter, GRANTED);
        }
        let online: BTreeSet<_> = members.difference(&offline).copied().collect();
        let chosen: Vec<_> = (0..members.len() * 2)
            .map(|_| {
                let found = tree.matching("a/x", |s, _| match offline.contains(&s.0) {
                    true => Some(Standing::Away),
                    false => Some(Standing::Ready),
                });
                assert_eq!(found.len(), 1);
                found[0].session.0
            })
            .collect();
        let expected = if online.is_empty() { members } else { online };
        prop_assert_eq!(chosen.into_iter().collect::<BTreeSet<_>>(), expected);
    }
}

#[test]
fn very_deep_filters_are_no_danger() {
    let mut tree = Subscriptions::new();
    let deep = "/".repeat(65_535);
    let filter = TopicFilter::parse_v3(deep.as_str()).unwrap();
    tree.insert(SessionId(1), &filter, GRANTED);
    assert_eq!(tree.matching(&deep, |_, _| Some(Standing::Ready)).len(), 1);
    assert!(tree.remove(SessionId(1), &filter));
    assert!(tree.is_empty());
}
