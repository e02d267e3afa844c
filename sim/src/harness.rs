//! Stories as a test of one's own: a folder of them, with the reference pair or with a broker of one's own.
//!
//! ```no_run
//! #[test]
//! fn stories() {
//!     squall_sim::harness::Storm::of("tests/stories").check();
//! }
//! ```

use crate::{
    guest::{Client, Guest},
    judge::{Ends, Sight},
    panics,
    run::Run,
    world::{Stranger, World},
};
use squall_protocol::Version;
use squall_reports::{Report, Simulation, Verdict, terminal};
use squall_scenarios::{diagnostic::Diagnostic, find, load_file, model::Scenario};
use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

/// A folder of stories, and who is to get through them.
#[derive(Clone, Debug)]
pub struct Storm {
    folder: PathBuf,
    brought: Option<Brought>,
    without: Vec<(String, String)>,
    seeds: Option<Range<u64>>,
    versions: Vec<Version>,
}

/// Who takes the place of one of the reference pair.
#[derive(Clone, Debug)]
enum Brought {
    Broker(Guest),
    Client(Client),
}

impl Storm {
    /// The stories of a folder, or a single file, with the reference broker and client in the loop world; each with the
    /// versions it names and its own number of seeds.
    #[must_use]
    pub fn of(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            brought: None,
            without: Vec::new(),
            seeds: None,
            versions: Version::ALL.to_vec(),
        }
    }

    /// With this broker in place of the reference broker, in the turmoil world. It is asked for what the standard asks of
    /// every broker.
    #[must_use]
    pub fn broker(mut self, guest: Guest) -> Self {
        self.brought = Some(Brought::Broker(guest));
        self
    }

    /// With this client in place of every client, in the turmoil world, and the reference broker. Only the client is judged,
    /// by what the standard asks of every client and what the stories expect. A broker or client named before is not
    /// played.
    #[must_use]
    pub fn client(mut self, client: Client) -> Self {
        self.brought = Some(Brought::Client(client));
        self
    }

    /// Without this story, and why, which is printed. The name is the file's path in the folder without its ending, such as
    /// `qos2/takeover`. A name that no story has fails [`Self::run`].
    #[must_use]
    pub fn without(mut self, story: &str, why: &str) -> Self {
        self.without.push((story.to_owned(), why.to_owned()));
        self
    }

    /// With these seeds for each story.
    #[must_use]
    pub fn seeds(mut self, seeds: Range<u64>) -> Self {
        self.seeds = Some(seeds);
        self
    }

    /// With this version alone.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.versions = vec![version];
        self
    }

    /// Plays everything.
    ///
    /// # Errors
    /// What is wrong with the stories.
    pub fn run(&self) -> Result<Simulation, Vec<Diagnostic>> {
        let mut simulation = Simulation::default();
        let stories = self.stories()?;
        self.left_out(&stories)?;
        for scenario in &stories {
            if self.without.iter().any(|(name, _)| *name == scenario.name) {
                continue;
            }
            let own = 0..u64::from(scenario.seeds);
            let versions = scenario.versions.iter();
            for version in versions.filter(|v| self.versions.contains(v)) {
                for seed in self.seeds.clone().unwrap_or(own.clone()) {
                    let mut result = self.play(scenario, *version, seed);
                    simulation.trim(&mut result);
                    simulation.add(result);
                }
            }
        }
        Ok(simulation)
    }

    fn play(&self, scenario: &Scenario, version: Version, seed: u64) -> squall_reports::SimResult {
        let run = Run::new(scenario, version, seed);
        let strange = |stranger, sight| Run {
            stranger: Some(stranger),
            world: World::Turmoil,
            sight,
            ..run
        };
        let of_broker = Sight {
            ends: Ends::Clients,
            stranger: true,
        };
        let run = match &self.brought {
            None => run,
            Some(Brought::Broker(guest)) => strange(Stranger::Guest(guest), of_broker),
            Some(Brought::Client(client)) => strange(Stranger::Client(client), Sight::OF_CLIENTS),
        };
        match panics::judge(&run, &AtomicBool::new(false)).expect("nobody stops it") {
            Ok(judged) => judged.result,
            Err(result) => *result,
        }
    }

    /// Whoever leaves a story out knows why, and is told when it is not there any more.
    fn left_out(&self, stories: &[Scenario]) -> Result<(), Vec<Diagnostic>> {
        let unknown = self.without.iter().filter(|(name, _)| {
            let known = |story: &Scenario| story.name == *name;
            !stories.iter().any(known)
        });
        let folder = self.folder.display().to_string();
        let problems: Vec<_> = unknown
            .map(|(name, _)| {
                let message = format!("no story is called `{name}`, which is to be left out");
                Diagnostic::new(folder.clone(), "", message)
                    .help("a story is called by its path in the folder, without its ending")
            })
            .collect();
        match problems.is_empty() {
            true => Ok(()),
            false => Err(problems),
        }
    }

    fn stories(&self) -> Result<Vec<Scenario>, Vec<Diagnostic>> {
        let root = match self.folder.is_dir() {
            true => self.folder.as_path(),
            false => self.folder.parent().unwrap_or(Path::new("")),
        };
        let (mut stories, mut problems) = (Vec::new(), Vec::new());
        for file in find(std::slice::from_ref(&self.folder))? {
            match load_file(&file, root) {
                Ok(story) => stories.push(story),
                Err(found) => problems.extend(found),
            }
        }
        match problems.is_empty() {
            true => Ok(stories),
            false => Err(problems),
        }
    }

    /// Plays everything, and prints what was found when the test is run with `--nocapture`.
    ///
    /// # Panics
    /// When a story cannot be read, there is none, or one fails; the message is the report.
    #[expect(
        clippy::print_stdout,
        reason = "what a test prints is shown to who asks for it"
    )]
    pub fn check(&self) {
        let simulation = match self.run() {
            Ok(simulation) => simulation,
            Err(problems) => {
                let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
                panic!("{}", all.join("\n\n"));
            }
        };
        assert!(
            simulation.summary.total > 0,
            "no story in {} runs with these versions and seeds",
            self.folder.display()
        );
        let failed = simulation.verdict() == Verdict::Fail;
        let mut report = Report::new(concat!("squall ", env!("CARGO_PKG_VERSION")), "stories");
        report.simulation = Some(simulation);
        let mut text = terminal::render(&report, &terminal::Options::default());
        for (name, why) in &self.without {
            text.push_str(&format!("\nleft out: {name}: {why}"));
        }
        match failed {
            true => panic!("{text}"),
            false => println!("{text}"),
        }
    }
}
