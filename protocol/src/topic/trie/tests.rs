//! The trie against a list of filters and a matcher written straight from section 4.7.

use super::*;
use crate::topic::matches;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Section 4.7 level by level, written apart from the code under test.
fn matches_by_the_book(pattern: &str, topic: &str) -> bool {
    fn levels(pattern: &[&str], topic: &[&str]) -> bool {
        match (pattern, topic) {
            (["#"], _) | ([], []) => true,
            (["+", pattern @ ..], [_, topic @ ..]) => levels(pattern, topic),
            ([p, pattern @ ..], [t, topic @ ..]) => p == t && levels(pattern, topic),
            _ => false,
        }
    }
    let hidden = topic.starts_with('$') && pattern.starts_with(['+', '#']);
    let pattern: Vec<_> = pattern.split('/').collect();
    let topic: Vec<_> = topic.split('/').collect();
    !hidden && levels(&pattern, &topic)
}

type Trie = SubscriptionTrie<u8, usize>;

/// A subscription: filter, subscriber, value.
type Entry = (TopicFilter, u8, usize);

/// Subscriptions as a list would keep them.
#[derive(Clone, Default)]
struct Model(BTreeMap<(TopicFilter, u8), usize>);

impl Model {
    fn matching(&self, topic: &str) -> Vec<Entry> {
        let found = self.0.iter();
        let found = found.filter(|((f, _), _)| matches_by_the_book(f.pattern(), topic));
        found.map(|((f, s), v)| (f.clone(), *s, *v)).collect()
    }
}

/// What the trie finds, in its order. The filter of an ordinary subscriber is not told, so it stands as `#`.
fn found(trie: &Trie, topic: &str) -> Vec<Entry> {
    let nameless = TopicFilter::parse_v3("#").expect("well-formed");
    let mut all = Vec::new();
    for at in trie.matching(topic) {
        assert!(!at.is_empty(), "nobody at a filter that was found");
        all.extend(at.plain().map(|(s, v)| (nameless.clone(), *s, *v)));
        for group in at.groups() {
            let members = group.members();
            all.extend(members.map(|(s, v)| (group.filter().clone(), *s, *v)));
        }
    }
    all
}

/// Both without order, and with the filters of ordinary subscribers left out.
fn assert_same(trie: &Trie, model: &Model, topic: &str) {
    let nameless = TopicFilter::parse_v3("#").expect("well-formed");
    let mut expected = model.matching(topic);
    for entry in expected.iter_mut().filter(|(f, ..)| !f.is_shared()) {
        entry.0 = nameless.clone();
    }
    let mut found = found(trie, topic);
    expected.sort();
    found.sort();
    assert_eq!(found, expected, "{topic:?}");
}

fn assert_empty(trie: &Trie) {
    assert_eq!((trie.len(), trie.is_empty()), (0, true));
    assert_eq!(trie.patterns().len(), 0);
    assert_eq!(trie.footprint(), Trie::new().footprint(), "memory is kept");
}

fn v5(text: &str) -> TopicFilter {
    TopicFilter::parse_v5(text).unwrap_or_else(|e| panic!("{text:?}: {e}"))
}

/// All texts of one to three levels out of `alphabet`, but the empty one.
fn texts(alphabet: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = alphabet.iter().map(|&a| a.to_owned()).collect();
    let mut longest = all.clone();
    for _ in 1..3 {
        let longer = longest.iter();
        let longer = longer.flat_map(|t| alphabet.iter().map(move |a| format!("{t}/{a}")));
        longest = longer.collect();
        all.extend(longest.iter().cloned());
    }
    all.retain(|t| !t.is_empty());
    all
}

#[test]
fn all_filters_and_names_of_up_to_three_levels() {
    let all = texts(&["", "a", "b", "+", "#", "$x"]);
    let filters = all.iter().filter(|text| {
        let hash = text.split('/').position(|level| level == "#");
        let well_formed = hash.is_none_or(|at| at == text.matches('/').count());
        assert_eq!(
            TopicFilter::parse_v3(text.as_str()).is_ok(),
            well_formed,
            "{text:?}"
        );
        assert_eq!(
            TopicFilter::parse_v5(text.as_str()).is_ok(),
            well_formed,
            "{text:?}"
        );
        well_formed
    });
    let filters: Vec<_> = filters.collect();
    let names = texts(&["", "a", "b", "$x"]);
    assert_eq!(
        (filters.len(), names.len()),
        (4 + 25 + 125 + 1 + 5 + 25, 83)
    );

    let (mut trie, mut model) = (Trie::new(), Model::default());
    for (n, text) in filters.iter().enumerate() {
        for filter in [v5(text), v5(&format!("$share/g/{text}"))] {
            assert_eq!(trie.insert(7, &filter, n), None);
            model.0.insert((filter, 7), n);
        }
    }
    for name in &names {
        assert_same(&trie, &model, name);
        for filter in &filters {
            let expected = matches_by_the_book(filter, name);
            assert_eq!(matches(filter, name), expected, "{filter:?} {name:?}");
        }
    }
    // Each one alone, so that no other filter hides what it lacks or leaves.
    let (mut trie, mut model) = (Trie::new(), Model::default());
    for text in &filters {
        let filter = v5(text);
        trie.insert(1, &filter, 0);
        model.0.insert((filter.clone(), 1), 0);
        names
            .iter()
            .for_each(|name| assert_same(&trie, &model, name));
        assert_eq!(trie.remove(&1, &filter), Some(0));
        model.0.clear();
        assert_empty(&trie);
    }
}

fn level() -> impl Strategy<Value = String> {
    let long = "a level of more than twenty-two bytes".to_owned();
    prop_oneof![
        6 => prop::sample::select(vec!["", "a", "b", "ab", "$x", "$SYS", "é"]).prop_map(str::to_owned),
        1 => Just(long.clone()),
        1 => Just(long + "!"),
    ]
}

fn name() -> impl Strategy<Value = String> {
    let levels = prop::collection::vec(level(), 1..5).prop_map(|levels| levels.join("/"));
    levels.prop_filter("not empty", |t| !t.is_empty())
}

/// Of both versions: in 3.1.1 `$share/g/a` is a filter of three levels.
fn filter() -> impl Strategy<Value = TopicFilter> {
    let level = prop_oneof![3 => level(), 2 => Just("+".to_owned())];
    let levels = prop::collection::vec(level, 0..5);
    let share = prop::sample::select(vec!["", "", "", "$share/g/", "$share/h/", "$share/$x/"]);
    (levels, any::<bool>(), share, any::<bool>()).prop_filter_map(
        "a filter",
        |(mut levels, hash, share, v5)| {
            levels.extend(hash.then(|| "#".to_owned()));
            let text = format!("{share}{}", levels.join("/"));
            match v5 {
                true => TopicFilter::parse_v5(text).ok(),
                false => TopicFilter::parse_v3(text).ok(),
            }
        },
    )
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u8, TopicFilter),
    Remove(u8, TopicFilter),
    /// Removes what is there, by its place in the model: a filter drawn afresh is seldom there.
    RemoveNth(usize),
    Match(String),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0_u8..4, filter()).prop_map(|(s, f)| Step::Insert(s, f)),
        1 => (0_u8..4, filter()).prop_map(|(s, f)| Step::Remove(s, f)),
        3 => any::<usize>().prop_map(Step::RemoveNth),
        2 => name().prop_map(Step::Match),
    ]
}

fn remove(trie: &mut Trie, model: &mut Model, subscriber: u8, filter: TopicFilter) {
    let removed = trie.remove(&subscriber, &filter);
    assert_eq!(trie.get(&subscriber, &filter), None);
    assert_eq!(removed, model.0.remove(&(filter, subscriber)));
}

proptest! {
    #[test]
    fn it_finds_what_a_list_of_filters_finds(steps in prop::collection::vec(step(), 0..200), seed: u64) {
        let (mut trie, mut model) = (Trie::with_seed(seed), Model::default());
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Insert(s, filter) => {
                    let old = trie.insert(s, &filter, n);
                    prop_assert_eq!(trie.get(&s, &filter), Some(&n));
                    prop_assert_eq!(old, model.0.insert((filter, s), n));
                }
                Step::Remove(s, filter) => remove(&mut trie, &mut model, s, filter),
                Step::RemoveNth(n) => {
                    let at = n % model.0.len().max(1);
                    if let Some((filter, s)) = model.0.keys().nth(at).cloned() {
                        remove(&mut trie, &mut model, s, filter);
                    }
                }
                Step::Match(name) => assert_same(&trie, &model, &name),
            }
            prop_assert_eq!(trie.len(), model.0.len());
        }
        let mut patterns: Vec<_> = model.0.keys().map(|(f, _)| f.pattern().to_owned()).collect();
        patterns.sort();
        patterns.dedup();
        let listed: Vec<_> = trie.patterns().into_iter().map(|(pattern, _)| pattern).collect();
        prop_assert_eq!(listed, patterns);

        for (filter, s) in model.0.clone().into_keys() {
            remove(&mut trie, &mut model, s, filter);
        }
        assert_empty(&trie);
    }

    /// Neither the order of subscribing, nor what was there before, nor the hash function shows.
    #[test]
    fn the_order_is_a_function_of_what_is_subscribed(
        entries in prop::collection::vec((0_u8..4, filter()), 0..60),
        gone in prop::collection::vec((4_u8..8, filter()), 0..60),
        names in prop::collection::vec(name(), 10),
        seed: u64,
    ) {
        let (mut one, mut other) = (Trie::new(), Trie::with_seed(seed));
        for (s, filter) in &entries {
            one.insert(*s, filter, filter.as_str().len());
        }
        for (s, filter) in gone.iter().chain(entries.iter().rev()) {
            other.insert(*s, filter, filter.as_str().len());
        }
        for (s, filter) in &gone {
            other.remove(s, filter);
        }
        for name in &names {
            prop_assert_eq!(found(&one, name), found(&other, name));
        }
    }
}

#[test]
fn a_filter_is_found_level_by_level_wildcards_first() {
    let mut trie = Trie::new();
    let in_order = [
        "#", "+/#", "a/#", "+/+", "+/+/#", "+/b", "a/+", "a/b", "a/b/#",
    ];
    for (n, text) in in_order.iter().enumerate().rev() {
        trie.insert(0, &v5(text), n);
    }
    let found: Vec<_> = found(&trie, "a/b").into_iter().map(|(.., n)| n).collect();
    assert_eq!(found, (0..in_order.len()).collect::<Vec<_>>());
}

#[test]
fn groups_are_apart_by_share_name_and_filter() {
    let mut trie = Trie::new();
    let filters = ["$share/g/a", "$share/h/a", "$share/g/+", "a"].map(v5);
    for (n, filter) in filters.iter().enumerate() {
        assert_eq!(trie.insert(1, filter, n), None);
    }
    // [X-5.0-shared-6]
    assert_eq!(trie.insert(1, &filters[0], 9), Some(0));
    assert_eq!(trie.len(), 4);
    assert_eq!(trie.group(&filters[0]).map(Group::len), Some(1));
    assert_eq!(trie.get(&1, &filters[1]), Some(&1));
    // The last one to leave ends its shared subscription and no other [X-5.0-unsubscribe-2].
    assert_eq!(trie.remove(&1, &filters[0]), Some(9));
    assert!(trie.group(&filters[0]).is_none());
    assert!(trie.group(&filters[1]).is_some() && trie.group(&filters[2]).is_some());
    assert_eq!(found(&trie, "a").len(), 3);
}

#[test]
fn the_state_of_a_group_lives_as_long_as_the_group() {
    use std::cell::Cell;
    let mut trie: SubscriptionTrie<u8, (), Cell<u32>> = SubscriptionTrie::new();
    let filter = v5("$share/g/a");
    trie.insert(1, &filter, ());
    trie.group(&filter).expect("it is there").state.set(5);
    trie.insert(2, &filter, ());
    trie.remove(&1, &filter);
    assert_eq!(trie.group(&filter).map(|g| g.state.get()), Some(5));
    trie.remove(&2, &filter);
    trie.insert(2, &filter, ());
    assert_eq!(trie.group(&filter).map(|g| g.state.get()), Some(0));
}

#[test]
fn a_turn_goes_once_around() {
    let mut trie: SubscriptionTrie<u8, ()> = SubscriptionTrie::new();
    let filter = v5("$share/g/a");
    for member in 1..=100 {
        trie.insert(member * 2, &filter, ());
        let group = trie.group(&filter).expect("it is there");
        let members: Vec<u8> = (1..=member).map(|m| m * 2).collect();
        let turn = |last: Option<u8>| {
            group
                .in_turn(last.as_ref())
                .map(|(s, ())| *s)
                .collect::<Vec<_>>()
        };
        assert_eq!(turn(None), members);
        // After a member, and after one that has left.
        for last in [2 * member - 2, member, member * 2, 1, 255] {
            let after = |m: &u8| *m > last;
            let (mut expected, before): (Vec<u8>, Vec<u8>) =
                members.iter().copied().partition(after);
            expected.extend(before);
            assert_eq!(
                turn(Some(last)),
                expected,
                "{member} members, {last} was last"
            );
        }
    }
}

#[test]
fn very_deep_filters_cost_memory_and_nothing_else() {
    let mut trie = Trie::new();
    let deep = "/".repeat(65_535);
    let filter = v5(&deep);
    let plus = v5(&format!("+{}", "/+".repeat(32_767)));
    assert_eq!(trie.insert(1, &filter, 1), None);
    assert_eq!(trie.insert(1, &plus, 2), None);
    assert_eq!(found(&trie, &deep).len(), 1);
    assert_eq!(found(&trie, &deep[..32_767]).len(), 1);
    assert_eq!(trie.patterns()[1].0, deep);
    assert_eq!(trie.remove(&1, &filter), Some(1));
    assert_eq!(trie.remove(&1, &plus), Some(2));
    assert_empty(&trie);
}

/// How many nodes a match looks at does not grow with the number of subscriptions; nor does what it holds outlive them.
#[test]
fn a_match_costs_the_same_among_many() {
    let mut trie = Trie::new();
    let filters = |n: usize| {
        let (site, device) = (n % 100, n);
        [
            format!("site/{site}/device/{device}/temperature"),
            format!("site/{site}/device/{device}/+"),
            format!("site/+/device/{device}/state"),
            format!("site/{site}/device/{device}/#"),
            format!("$share/g{site}/site/{site}/+/{device}/alarm"),
        ]
    };
    let mut costs = Vec::new();
    for n in 0..20_000 {
        for filter in filters(n) {
            trie.insert(1, &v5(&filter), n);
        }
        if [100, 1_000, 19_999].contains(&n) {
            let mut matching = trie.matching("site/42/device/42/temperature");
            assert_eq!(matching.by_ref().count(), 3);
            costs.push(matching.visited());
        }
    }
    assert_eq!(trie.len(), 100_000);
    assert!(costs[0] <= 12, "{costs:?}");
    assert!(costs.iter().all(|cost| *cost == costs[0]), "{costs:?}");

    let full = trie.footprint();
    for n in (0..20_000).filter(|n| n % 16 != 0) {
        for filter in filters(n) {
            assert_eq!(trie.remove(&1, &v5(&filter)), Some(n));
        }
    }
    let sixteenth = trie.footprint();
    assert!(sixteenth < full / 3, "{sixteenth} of {full} bytes kept");
    for n in (0..20_000).step_by(16) {
        assert_eq!(
            found(&trie, &format!("site/{}/device/{n}/state", n % 100)).len(),
            3
        );
        for filter in filters(n) {
            trie.remove(&1, &v5(&filter));
        }
    }
    assert_empty(&trie);
}

/// The worst that filters can do: each level of the name leads on by `+` and by its text.
#[test]
fn the_cost_of_a_match_is_bounded_by_its_levels_and_by_the_nodes() {
    let mut trie = Trie::new();
    for bits in 0..1_u32 << 10 {
        let levels = (0..10).map(|n| if bits >> n & 1 == 1 { "+" } else { "a" });
        trie.insert(1, &v5(&levels.collect::<Vec<_>>().join("/")), 0);
    }
    let name = ["a"; 10].join("/");
    let mut matching = trie.matching(&name);
    assert_eq!(matching.by_ref().count(), 1 << 10);
    assert_eq!(matching.visited(), (1 << 11) - 1);
    let deeper = format!("{name}/a");
    let mut matching = trie.matching(&deeper);
    assert_eq!(matching.by_ref().count(), 0);
    assert_eq!(matching.visited(), (1 << 11) - 1);
}
