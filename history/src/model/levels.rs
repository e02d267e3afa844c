//! Topic filters by their levels: which of many match a topic, without asking each.
//!
//! The tree only narrows the choice; [`TopicFilter::matches`] decides. It is no part of the broker's, so a mistake
//! there cannot hide here.

use squall_protocol::topic::TopicFilter;
use std::collections::BTreeMap;

/// Levels that the tree tells apart; filters that go on after them stay together at its leaves.
const DEPTH: usize = 8;

/// Topic filters, each with a number that its owner chose.
#[derive(Debug, Default)]
pub(crate) struct Levels<'a> {
    nodes: Vec<Node<'a>>,
}

#[derive(Debug, Default)]
struct Node<'a> {
    children: BTreeMap<&'a str, usize>,
    /// Filters that end here, end in `#` here, or go on where the tree does not.
    here: Vec<(&'a TopicFilter, usize)>,
}

impl<'a> Levels<'a> {
    pub(crate) fn insert(&mut self, filter: &'a TopicFilter, number: usize) {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let mut at = 0;
        for level in filter.pattern().split('/').take(DEPTH) {
            let next = self.nodes.len();
            let child = *self.nodes[at].children.entry(level).or_insert(next);
            if child == next {
                self.nodes.push(Node::default());
            }
            at = child;
        }
        self.nodes[at].here.push((filter, number));
    }

    /// The numbers of the filters that match, in increasing order.
    pub(crate) fn matching(&self, topic: &str) -> Vec<usize> {
        let mut found = Vec::new();
        let mut take = |node: usize| {
            let fits = self.nodes[node].here.iter();
            found.extend(fits.filter(|(f, _)| f.matches(topic)).map(|(_, n)| *n));
        };
        let mut nodes = vec![0; usize::from(!self.nodes.is_empty())];
        let levels: Vec<&str> = topic.split('/').take(DEPTH).collect();
        for level in &levels {
            let mut next = Vec::new();
            for node in nodes {
                let child = |level: &str| self.nodes[node].children.get(level).copied();
                child("#").into_iter().for_each(&mut take);
                next.extend([child(level), child("+")].into_iter().flatten());
            }
            nodes = next;
        }
        for node in nodes {
            take(node);
            // `a/#` matches `a` too.
            let rest = self.nodes[node].children.get("#");
            rest.copied().into_iter().for_each(&mut take);
        }
        found.sort_unstable();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn level() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["a", "b", "", "$x"])
    }

    fn filter() -> impl Strategy<Value = TopicFilter> {
        let levels = prop::collection::vec(prop_oneof![3 => level(), 1 => Just("+")], 1..11);
        let share = prop::sample::select(vec!["", "$share/g/"]);
        (levels, any::<bool>(), share).prop_filter_map("a filter", |(levels, rest, share)| {
            let rest = if rest { "/#" } else { "" };
            let text = format!("{share}{}{rest}", levels.join("/"));
            TopicFilter::parse_v5(text.as_str()).ok()
        })
    }

    proptest! {
        #[test]
        fn finds_what_a_look_at_each_filter_finds(
            filters in prop::collection::vec(filter(), 0..20),
            topic in prop::collection::vec(level(), 1..11),
        ) {
            let topic = topic.join("/");
            let everything = TopicFilter::parse_v5("#").expect("a filter");
            let filters: Vec<&TopicFilter> = filters.iter().chain([&everything]).collect();
            let mut tree = Levels::default();
            for (n, filter) in filters.iter().enumerate() {
                tree.insert(filter, n);
            }
            let all = filters.iter().enumerate();
            let expected: Vec<usize> = all.filter(|(_, f)| f.matches(&topic)).map(|(n, _)| n).collect();
            prop_assert_eq!(tree.matching(&topic), expected);
        }
    }
}
