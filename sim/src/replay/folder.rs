//! The folder that replay files of failing runs go to, and the command that repeats each of these runs.

use super::{Place, Replay};
use crate::faults::is_of_sweep;
use squall_protocol::Version;
use squall_reports::{SimResult, file};
use squall_scenarios::{model::Scenario, plan::plan};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Failing runs of one scenario and version for which replay files are written; more would hide the first.
const OF_A_KIND: usize = 3;

/// Writes replay files as runs fail.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    of_a_kind: BTreeMap<(String, Version), usize>,
    written: usize,
    failed: Option<io::Error>,
}

impl Folder {
    /// This folder, which is made when it is needed.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            of_a_kind: BTreeMap::new(),
            written: 0,
            failed: None,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many files were written.
    #[must_use]
    pub const fn written(&self) -> usize {
        self.written
    }

    /// Why no more are written, if one could not be.
    #[must_use]
    pub const fn failed(&self) -> Option<&io::Error> {
        self.failed.as_ref()
    }

    /// Puts the command that repeats it into a result that has findings; writes the file if the run is one of the first
    /// of its scenario and version. A file that cannot be written loses nothing: the command then names the scenario.
    pub fn note(
        &mut self,
        scenario: &Scenario,
        version: Version,
        place: &Place,
        result: &mut SimResult,
    ) {
        if result.findings.iter().all(is_of_sweep) {
            return;
        }
        let (file, seed) = (quoted(&scenario.file), result.seed);
        result.replay = Some(match place {
            Place::In(world) => {
                format!("squall sim {file} --seed {seed} --mqtt {version} --world {world}")
            }
            Place::Live(broker) => {
                // An address, or the name of a target that is started.
                let flag = match squall_transport::is_address(broker) {
                    true => "--broker",
                    false => "--target",
                };
                let broker = quoted(broker);
                format!("squall live {file} {flag} {broker} --seed {seed} --mqtt {version}")
            }
            Place::Client(client) => {
                let client = quoted(client);
                format!("squall live {file} --client {client} --seed {seed} --mqtt {version}")
            }
        });
        let kind = (scenario.name.clone(), version);
        let written = self.of_a_kind.entry(kind).or_default();
        // A run that has no trace has nothing to be compared with.
        if *written == OF_A_KIND || self.failed.is_some() || result.trace_hash.is_empty() {
            return;
        }
        *written += 1;
        let replay = Replay {
            squall: env!("CARGO_PKG_VERSION").to_owned(),
            version,
            seed: result.seed,
            place: place.clone(),
            verdict: result.verdict,
            trace_hash: result.trace_hash.clone(),
            plan: plan(scenario, result.seed),
        };
        let path = self.path.join(replay.file_name());
        let write = || {
            fs::create_dir_all(&self.path)?;
            file::write(&path, &replay.to_yaml())
        };
        match write() {
            Ok(()) => {
                self.written += 1;
                result.replay = Some(command(&path));
            }
            Err(error) => self.failed = Some(error),
        }
    }
}

/// The command that runs a replay file again, as a shell takes it.
#[must_use]
pub fn command(file: &Path) -> String {
    format!("squall replay {}", quoted(&file.display().to_string()))
}

/// A word as a shell takes it back.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{run::Run, world::World};
    use squall_scenarios::load_str;

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(quoted("squall-replays/a.yaml"), "squall-replays/a.yaml");
        assert_eq!(quoted("r p/it's"), "'r p/it'\\''s'");
    }

    #[test]
    fn the_first_of_a_kind_have_files_and_all_have_a_command() {
        let text = "title: t\nclients: { a: {} }\nsteps:\n  - a: connect\n  - a: { receive: { topic: t } }\n    \
                    within: 1s\n";
        let scenario = load_str("in vain", "in vain.yaml", text).expect("it is a story");
        let dir = tempfile::tempdir().expect("a scratch folder");
        let mut folder = Folder::new(&dir.path().join("replays"));
        let commands: Vec<String> = (0..5)
            .map(|seed| {
                let mut result = Run::new(&scenario, Version::V5_0, seed).judge().result;
                let place = Place::In(World::Loop);
                folder.note(&scenario, Version::V5_0, &place, &mut result);
                result.replay.expect("it failed")
            })
            .collect();
        assert_eq!((folder.written(), folder.failed().is_none()), (3, true));
        let file = folder.path().join("in-vain.5.0.seed-2.replay.yaml");
        assert_eq!(commands[2], command(&file));
        assert!(Replay::read(&file).is_ok());
        let again = "squall sim 'in vain.yaml' --seed 3 --mqtt 5.0 --world loop";
        assert_eq!(commands[3], again);
    }
}
