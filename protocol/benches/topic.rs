//! The subscription trie among 1,000 to 1,000,000 subscriptions, beside a list of filters that is looked through, in
//! one process so that their ratio means something.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use squall_protocol::topic::{SubscriptionTrie, TopicFilter, check_name, matches};
use std::hint::black_box;

type Trie = SubscriptionTrie<u64, u8>;

/// Of ten subscriptions six are exact, two have `+`, one has `#` and one is shared; each device has ten subscribers'
/// worth of them. Every thousandth is of a dashboard that sees many devices.
fn filter(n: usize) -> TopicFilter {
    let (device, site) = (n / 10, n / 10 % 500);
    let text = match (n % 1000, n % 10) {
        (999, _) => format!("+/site-{site}/+/status/{device}/#"),
        (_, kind @ 0..6) => {
            let what = [
                "temperature",
                "humidity",
                "status",
                "alarm",
                "battery",
                "config",
            ][kind];
            format!("plant/site-{site}/device-{device:06}/{what}")
        }
        (_, 6) => format!("plant/site-{site}/device-{device:06}/+"),
        (_, 7) => format!("plant/+/device-{device:06}/status"),
        (_, 8) => format!("plant/site-{site}/device-{device:06}/#"),
        _ => format!(
            "$share/workers-{}/plant/site-{site}/device-{device:06}/alarm",
            n % 7
        ),
    };
    TopicFilter::parse_v5(text).expect("well-formed")
}

/// Names of devices all over the set, in an order that no cache foresees.
fn names(subscriptions: usize) -> Vec<String> {
    let devices = subscriptions / 10;
    let name = |n: usize| {
        let device = n * 7_919 % devices;
        format!("plant/site-{}/device-{device:06}/status", device % 500)
    };
    (0..10_007).map(name).collect()
}

fn trie_of(subscriptions: usize) -> Trie {
    let mut trie = Trie::new();
    for n in 0..subscriptions {
        trie.insert(n as u64, &filter(n), 0);
    }
    trie
}

fn count(trie: &Trie, name: &str) -> usize {
    let matching = trie.matching(name);
    matching
        .map(|at| at.plain().count() + at.groups().count())
        .sum()
}

#[expect(
    clippy::print_stderr,
    reason = "figures that criterion has no place for"
)]
fn matching(c: &mut Criterion) {
    let mut group = c.benchmark_group("match");
    group.throughput(Throughput::Elements(1));
    for subscriptions in SIZES {
        let trie = trie_of(subscriptions);
        let names = names(subscriptions);
        let found: usize = names.iter().map(|name| count(&trie, name)).sum();
        let visited = |name| {
            let mut matching = trie.matching(name);
            matching.by_ref().for_each(drop);
            matching.visited()
        };
        eprintln!(
            "{subscriptions} subscriptions: {} bytes each; a match finds {:.2} and looks at {:.2} nodes",
            trie.footprint() / subscriptions,
            found as f64 / names.len() as f64,
            names.iter().map(|n| visited(n)).sum::<usize>() as f64 / names.len() as f64,
        );
        let mut all = names.iter().cycle();
        group.bench_function(BenchmarkId::new("trie", subscriptions), |b| {
            b.iter(|| count(&trie, all.next().expect("a cycle")));
        });
        let mut unknown = 0_usize;
        group.bench_function(BenchmarkId::new("trie, nobody there", subscriptions), |b| {
            b.iter(|| {
                unknown += 1;
                count(
                    &trie,
                    ["plant/site-7/none/status", "$SYS/load", "x/y/z"][unknown % 3],
                )
            });
        });
        if subscriptions <= LIST {
            let filters: Vec<_> = (0..subscriptions).map(filter).collect();
            group.bench_function(BenchmarkId::new("list", subscriptions), |b| {
                b.iter(|| {
                    let name = all.next().expect("a cycle");
                    filters.iter().filter(|f| f.matches(name)).count()
                });
            });
        }
    }
    group.finish();
}

fn changes(c: &mut Criterion) {
    let mut group = c.benchmark_group("change");
    group
        .throughput(Throughput::Elements(CHANGES as u64))
        .sample_size(20);
    for subscriptions in SIZES {
        let mut trie = trie_of(subscriptions);
        // Another subscriber on filters that are there, and filters of devices that are not.
        let known: Vec<_> = (0..CHANGES)
            .map(|n| filter(n * 7_919 % subscriptions))
            .collect();
        let unknown: Vec<_> = (0..CHANGES).map(|n| filter(10_000_000 + n * 11)).collect();
        for (what, filters) in [("known", &known), ("new", &unknown)] {
            let trie = std::cell::RefCell::new(&mut trie);
            let insert = || {
                let mut trie = trie.borrow_mut();
                for f in filters {
                    trie.insert(u64::MAX, f, 1);
                }
            };
            let remove = || {
                let mut trie = trie.borrow_mut();
                for f in filters {
                    trie.remove(&u64::MAX, f);
                }
            };
            remove();
            group.bench_function(
                BenchmarkId::new(format!("insert {what}"), subscriptions),
                |b| {
                    b.iter_batched(remove, |()| insert(), BatchSize::PerIteration);
                },
            );
            group.bench_function(
                BenchmarkId::new(format!("remove {what}"), subscriptions),
                |b| {
                    b.iter_batched(insert, |()| remove(), BatchSize::PerIteration);
                },
            );
            remove();
        }
    }
    for subscriptions in SIZES {
        let filters: Vec<_> = (0..subscriptions).map(filter).collect();
        group
            .throughput(Throughput::Elements(subscriptions as u64))
            .sample_size(10);
        group.bench_function(BenchmarkId::new("fill", subscriptions), |b| {
            let fill = || {
                let mut trie = Trie::new();
                for (n, filter) in filters.iter().enumerate() {
                    trie.insert(n as u64, filter, 0);
                }
                trie
            };
            b.iter_with_large_drop(fill);
        });
    }
    group.finish();
}

fn one(c: &mut Criterion) {
    let mut group = c.benchmark_group("one");
    let name = "plant/site-17/device-004711/status";
    group.bench_function("check a name", |b| b.iter(|| check_name(black_box(name))));
    for pattern in [
        name,
        "plant/+/device-004711/+",
        "plant/site-17/#",
        "+/site-18/#",
    ] {
        group.bench_function(BenchmarkId::new("matches", pattern), |b| {
            b.iter(|| matches(black_box(pattern), black_box(name)));
        });
        let text = squall_protocol::Text::from(pattern);
        group.bench_function(BenchmarkId::new("parse", pattern), |b| {
            b.iter(|| TopicFilter::parse_v5(black_box(&text).clone()));
        });
    }
    group.finish();
}

const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
/// As many filters as a list bears.
const LIST: usize = 100_000;
const CHANGES: usize = 1_000;

criterion_group!(benches, one, matching, changes);
criterion_main!(benches);
