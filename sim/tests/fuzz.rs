//! Stories and replay files nobody would write: whatever can be read can be planned, run, judged, written down and run
//! again with the same trace, without a panic and in bounded time.
//!
//! Bundled stories are changed as text: lines deleted, doubled and swapped, numbers made extreme, keys renamed, bytes
//! replaced, ends cut off, two stories put together. A few cases run with every test; `SQUALL_FUZZ_CASES=100000` is
//! the long form, best with `--release`, and says at its end which runs took longest.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "how long real time is, and how many cases, is what is asked here"
)]

use proptest::{
    prelude::*,
    test_runner::{Config, TestRng, TestRunner},
};
use squall_protocol::Version;
use squall_scenarios::model::Scenario;
use squall_sim::{replay::Replay, run::Run, world::World};
use std::{cell::RefCell, fs, path::Path, time::Instant};

/// Cases without `SQUALL_FUZZ_CASES`.
const CASES: u32 = 48;
/// Slowest cases that the long form shows.
const SLOWEST: usize = 5;

/// One change of a text. Numbers choose a place, wherever the text has one.
#[derive(Clone, Debug)]
enum Change {
    Delete(usize),
    Double(usize),
    Swap(usize, usize),
    Number(usize, &'static str),
    Rename(usize, &'static str),
    Byte(usize, u8),
    CutOff(usize),
    /// Lines of another story from a place on.
    Graft(usize, usize, usize),
}

/// Extreme numbers, and values that are none.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "100",
    "65535",
    "65536",
    "99999",
    "100000",
    "1048576",
    "4294967295",
    "18446744073709551615",
    "-1",
    "1.5",
    "1ms",
    "24h",
    "0ms",
];
const WORDS: &[&str] = &[
    "publish",
    "receive",
    "connect",
    "subscribe",
    "within",
    "will",
    "retain",
    "qos",
    "count",
    "every",
    "keep_alive",
    "all",
    "x",
];

fn change() -> impl Strategy<Value = Change> {
    let n = any::<u16>().prop_map(usize::from);
    prop_oneof![
        2 => n.clone().prop_map(Change::Delete),
        2 => n.clone().prop_map(Change::Double),
        2 => (n.clone(), n.clone()).prop_map(|(a, b)| Change::Swap(a, b)),
        5 => (n.clone(), prop::sample::select(NUMBERS)).prop_map(|(a, b)| Change::Number(a, b)),
        2 => (n.clone(), prop::sample::select(WORDS)).prop_map(|(a, b)| Change::Rename(a, b)),
        1 => (n.clone(), any::<u8>()).prop_map(|(a, b)| Change::Byte(a, b)),
        1 => n.clone().prop_map(Change::CutOff),
        1 => (n.clone(), n.clone(), n).prop_map(|(a, b, c)| Change::Graft(a, b, c)),
    ]
}

/// Changes a text; `others` are what is grafted into it.
fn changed(text: &str, change: &Change, others: &[String]) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let count = lines.len().max(1);
    let replace = |place: usize, wanted: fn(char) -> bool, with: &str| {
        let spots: Vec<(usize, &str)> = text
            .match_indices(wanted)
            .filter(|(i, _)| !text[..*i].ends_with(wanted))
            .collect();
        let Some((from, _)) = spots.get(place % spots.len().max(1)) else {
            return text.to_owned();
        };
        let end = text[*from..].find(|c| !wanted(c));
        let to = end.map_or(text.len(), |end| from + end);
        format!("{}{with}{}", &text[..*from], &text[to..])
    };
    match *change {
        Change::Delete(a) if !lines.is_empty() => {
            lines.remove(a % count);
        }
        Change::Double(a) if !lines.is_empty() => lines.insert(a % count, lines[a % count]),
        Change::Swap(a, b) if !lines.is_empty() => lines.swap(a % count, b % count),
        Change::Number(a, with) => return replace(a, |c| c.is_ascii_digit(), with),
        Change::Rename(a, with) => return replace(a, |c| c.is_alphabetic() || c == '_', with),
        Change::Byte(a, byte) => {
            let mut bytes = text.as_bytes().to_vec();
            if let Some(place) = (!bytes.is_empty()).then(|| a % bytes.len()) {
                bytes[place] = byte;
            }
            return String::from_utf8_lossy(&bytes).into_owned();
        }
        Change::CutOff(a) => return text.chars().take(a % (text.len() + 1)).collect(),
        Change::Graft(a, b, c) => {
            let other: Vec<&str> = others[b % others.len()].lines().collect();
            let from = c % other.len().max(1);
            lines.truncate(a % count);
            lines.extend(&other[from..]);
        }
        _ => {}
    }
    lines.join("\n") + "\n"
}

/// Plays it in both versions, writes it down and plays what was written.
fn play(story: &Scenario, seed: u64) -> Result<(), TestCaseError> {
    for version in Version::ALL {
        if !story.versions.contains(&version) {
            continue;
        }
        let judged = Run::new(story, version, seed).judge();
        let text = Replay::of(&judged, version, World::Loop).to_yaml();
        let replay = match Replay::parse("fuzz.replay.yaml", &text) {
            Ok(replay) => replay,
            Err(p) => {
                return Err(TestCaseError::fail(format!(
                    "what was written cannot be read: {}\n{text}",
                    p[0].render(false)
                )));
            }
        };
        let again = Run::new(&replay.plan, replay.version, replay.seed).judge();
        prop_assert_eq!(&again.result.trace_hash, &judged.result.trace_hash);
        prop_assert_eq!(again.result.findings.len(), judged.result.findings.len());
        let rules = |judged: &squall_sim::run::Judged| -> Vec<(String, String)> {
            let findings = judged.result.findings.iter();
            findings
                .map(|f| (f.rule.clone(), f.message.clone()))
                .collect()
        };
        prop_assert_eq!(rules(&again), rules(&judged));
    }
    Ok(())
}

/// Cases, the slowest ones, and how many could be read.
#[derive(Default)]
struct Log {
    cases: usize,
    read: usize,
    slowest: Vec<(u128, String)>,
}

impl Log {
    fn note(&mut self, began: Instant, read: bool, text: &str) {
        self.cases += 1;
        self.read += usize::from(read);
        let ms = began.elapsed().as_millis();
        if self.slowest.len() < SLOWEST || self.slowest.iter().any(|(other, _)| *other < ms) {
            self.slowest.push((ms, text.to_owned()));
            self.slowest.sort_by_key(|slow| std::cmp::Reverse(slow.0));
            self.slowest.truncate(SLOWEST);
        }
    }

    #[expect(clippy::print_stderr, reason = "the long form is for people to watch")]
    fn show(&self, what: &str) {
        eprintln!("{what}: {} cases, {} could be read", self.cases, self.read);
        for (ms, text) in &self.slowest {
            eprintln!("--- {ms} ms\n{text}");
        }
    }
}

fn long() -> Option<u32> {
    std::env::var("SQUALL_FUZZ_CASES").ok()?.parse().ok()
}

fn stories() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [root.join("../scenarios"), root.join("tests/stories")];
    let files = squall_scenarios::find(&folders).unwrap_or_else(|p| panic!("{p:#?}"));
    let texts = files.iter().map(fs::read_to_string);
    texts.collect::<Result<_, _>>().expect("they can be read")
}

fn fuzz(what: &str, texts: &[String], read: impl Fn(&str) -> Option<(Scenario, u64)>) {
    let cases = long().unwrap_or(CASES);
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    // The short form is the same every time.
    let mut runner = match long() {
        None => {
            let rng = TestRng::deterministic_rng(config.rng_algorithm);
            TestRunner::new_with_rng(config, rng)
        }
        Some(_) => TestRunner::new(config),
    };
    let log = RefCell::new(Log::default());
    let changes = prop::collection::vec(change(), 1..5);
    let strategy = (prop::sample::select(texts.to_vec()), changes, 0u64..4);
    let outcome = runner.run(&strategy, |(text, changes, seed)| {
        let apply = |text: String, change| changed(&text, change, texts);
        let text = changes.iter().fold(text, apply);
        let began = Instant::now();
        let story = read(&text);
        let readable = story.is_some();
        let outcome = match story {
            Some((story, own_seed)) => play(&story, own_seed.wrapping_add(seed)),
            None => Ok(()),
        };
        log.borrow_mut().note(began, readable, &text);
        outcome
    });
    let log = log.into_inner();
    if long().is_some() {
        log.show(what);
    }
    if let Err(e) = outcome {
        panic!("{e}");
    }
    assert!(log.read * 20 > log.cases, "hardly any text could be read");
}

/// Found by changing numbers: a flap whose first cut lies after its end.
#[test]
fn a_flap_that_never_cuts() {
    let text = "title: t\nclients: { a: {} }\nsteps:\n  - a: connect\n  \
                - fault: { flap: a, every: 9s, for: 1s }\n  - wait: 2s\n";
    let story =
        squall_scenarios::load_str("t", "t.yaml", text).unwrap_or_else(|p| panic!("{p:#?}"));
    play(&story, 0).unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn mutated_stories() {
    fuzz("stories", &stories(), |text| {
        let story = squall_scenarios::load_str("fuzz", "fuzz.yaml", text);
        if let Err(problems) = &story {
            assert!(problems.iter().all(|p| !p.render(false).is_empty()));
        }
        Some((story.ok()?, 0))
    });
}

#[test]
fn mutated_replay_files() {
    let replay = |text: &String| {
        let story = squall_scenarios::load_str("fuzz", "fuzz.yaml", text).ok()?;
        let judged = Run::new(&story, story.versions[0], 1).judge();
        Some(Replay::of(&judged, story.versions[0], World::Loop).to_yaml())
    };
    let files: Vec<String> = stories().iter().filter_map(replay).collect();
    fuzz("replay files", &files, |text| {
        match Replay::parse("fuzz.replay.yaml", text) {
            Ok(replay) => Some((replay.plan, replay.seed)),
            Err(problems) => {
                assert!(problems.iter().all(|p| !p.render(false).is_empty()));
                None
            }
        }
    });
}
