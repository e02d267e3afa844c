//! Every story of the library, told with one broker in the loop world.

use super::{Who, live::live};
use squall_protocol::Version;
use squall_saboteurs::{Server, double::Double, fake::FakeServer, wire::Around};
use squall_scenarios::{
    model::{BrokerSpec, Scenario},
    plan::plan,
};
use squall_sim::{
    judge::{Ends, Judgement, Sight, judge},
    world::{Play, Played, Stranger, event_loop},
};
use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

/// What came of the stories.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Story, version, rule and message of every first finding, with both ends of the wire in sight.
    pub(crate) fails: Vec<String>,
    /// The same with the clients' ends alone.
    pub(crate) blind: Vec<String>,
    /// The same of some stories that were told live.
    pub(crate) live: Vec<String>,
    /// How many stories were told.
    pub(crate) stories: usize,
    /// How many of them end green.
    pub(crate) green: usize,
}

impl Told {
    /// Whether a story ends with a finding, seen from either side.
    pub(crate) fn kills(&self) -> bool {
        !self.fails.is_empty() || !self.blind.is_empty()
    }
}

/// The seed that each story is told with.
const SEED: u64 = 1;
/// Stories that find a saboteur by the clients' ends, of which one should find it live.
const FOUND: usize = 3;
/// A decoy is told one of so many stories live.
const SHARE: usize = 10;

/// The stories of the library.
pub(crate) fn library() -> Vec<Scenario> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let mut files = Vec::new();
    for folder in std::fs::read_dir(&root).unwrap() {
        let folder = folder.unwrap().path();
        if folder.is_dir() && folder.file_name().is_some_and(|n| n != "src") {
            files.extend(yaml(&folder));
        }
    }
    files.sort();
    let load = |file: &PathBuf| {
        squall_scenarios::load_file(file, &root).unwrap_or_else(|p| panic!("{file:?}: {p:#?}"))
    };
    // A story that is told of a broker with certain settings says nothing of one with others, and these are never crashed.
    let plain = |story: &Scenario| story.broker == BrokerSpec::default() && !story.crashes();
    files.iter().map(load).filter(plain).collect()
}

fn yaml(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect()
}

/// Tells every story.
pub(crate) fn tell(who: Who, library: &[Scenario]) -> Told {
    let make = || server(who);
    let stop = AtomicBool::new(false);
    let mut told = Told::default();
    let mut found = Vec::new();
    for story in library {
        let plan = plan(story, SEED);
        for &version in &story.versions {
            let play = Play {
                plan: &plan,
                version,
                seed: SEED,
                stranger: Some(Stranger::Machine(&make)),
                stop: &stop,
            };
            let played = event_loop::play(&play).expect("nobody stops it");
            told.stories += 1;
            let named = |what: String| format!("{} ({version}): {what}", story.name);
            let sharp = judged(&play, &played, Ends::Both);
            if sharp.findings.is_empty() && sharp.doubt.is_none() {
                told.green += 1;
            }
            told.fails.extend(first(&sharp).map(named));
            let blind = judged(&play, &played, Ends::Clients);
            if let Some(what) = first(&blind) {
                found.push((story.clone(), version));
                told.blind.push(named(what));
            }
        }
    }
    let again = match who {
        Who::Switch(_) | Who::Tamper(_) => found.into_iter().take(FOUND).collect(),
        Who::Plain => everything(library, 0, 1),
        Who::Decoy(decoy) => everything(library, decoy as usize, SHARE),
        Who::Fake(_) => Vec::new(),
    };
    told.live = live(who, SEED, again);
    told
}

/// Every `step`th story and version, beginning with this one of the first.
fn everything(library: &[Scenario], first: usize, step: usize) -> Vec<(Scenario, Version)> {
    let all = library
        .iter()
        .flat_map(|s| s.versions.iter().map(move |v| (s.clone(), *v)));
    all.skip(first % step).step_by(step).collect()
}

fn judged(play: &Play<'_>, played: &Played, ends: Ends) -> Judgement {
    let sight = Sight {
        ends,
        stranger: true,
    };
    judge(play.plan, play.version, played, sight)
}

/// The first finding.
fn first(judgement: &Judgement) -> Option<String> {
    let first = judgement.findings.first()?;
    Some(format!("{}: {}", first.rule, first.message))
}

fn server(who: Who) -> Box<dyn Server> {
    match who {
        Who::Plain => Box::new(Double::new([])),
        Who::Tamper(tamper) => Box::new(Around::new(Double::new([]), tamper)),
        Who::Switch(switch) => Box::new(Double::new([switch])),
        Who::Decoy(decoy) => Box::new(Double::with([], [decoy])),
        Who::Fake(fake) => Box::new(FakeServer::new(fake)),
    }
}
