//! Every short topic name and topic filter out of the characters that mean something, judged level by level (section 4.7;
//! shared subscriptions section 4.8.2 of 5.0).

use crate::framing::{framed, read};
use squall_protocol::{Role, Version};

const LETTERS: [char; 5] = ['a', '/', '+', '#', '$'];

fn strings() -> impl Iterator<Item = String> {
    (0..=5u32).flat_map(|len| {
        (0..5usize.pow(len)).map(move |number| {
            (0..len)
                .map(|at| LETTERS[number / 5usize.pow(at) % 5])
                .collect()
        })
    })
}

/// Levels are free of wildcards, or are one; `#` comes last.
fn is_filter(filter: &str) -> bool {
    let levels: Vec<&str> = filter.split('/').collect();
    let (last, front) = levels.split_last().expect("split gives one part");
    let single = |level: &&str| *level == "+" || !level.contains(['+', '#']);
    !filter.is_empty() && front.iter().all(single) && (*last == "#" || single(last))
}

/// `$share`, a ShareName of at least one character without wildcards, and a topic filter.
fn is_shared_or_plain(filter: &str) -> bool {
    match filter.strip_prefix("$share/") {
        None => is_filter(filter),
        Some(rest) => rest.split_once('/').is_some_and(|(name, pattern)| {
            !name.is_empty() && !name.contains(['+', '#']) && is_filter(pattern)
        }),
    }
}

fn subscribe(filter: &str, version: Version) -> bool {
    let mut body = vec![0, 1];
    if version == Version::V5_0 {
        body.push(0);
    }
    body.extend([0, filter.len() as u8]);
    body.extend(filter.bytes());
    body.push(0);
    read(&framed(0x82, &body), Role::Client, version).is_ok()
}

#[test]
fn every_filter_of_five_characters() {
    for filter in strings() {
        for version in Version::ALL {
            let taken = subscribe(&filter, version);
            assert_eq!(taken, is_filter(&filter), "{filter} in {version}");
        }
    }
}

#[test]
fn every_shared_subscription_of_five_characters() {
    for rest in strings() {
        for filter in [format!("$share/{rest}"), format!("$share{rest}")] {
            let taken = subscribe(&filter, Version::V5_0);
            assert_eq!(taken, is_shared_or_plain(&filter), "{filter} in 5.0");
            let taken = subscribe(&filter, Version::V3_1_1);
            assert_eq!(taken, is_filter(&filter), "{filter} in 3.1.1");
        }
    }
}

#[test]
fn every_topic_name_of_five_characters() {
    for name in strings() {
        let mut body = vec![0, name.len() as u8];
        body.extend(name.bytes());
        let wire = framed(0x30, &body);
        let taken = read(&wire, Role::Client, Version::V3_1_1).is_ok();
        let expected = !name.is_empty() && !name.contains(['+', '#']);
        assert_eq!(taken, expected, "{name}");
    }
}
