//! The command that repeats each run that failed, and the replay files behind the first of them.

use crate::{outputs::write_whole, screen};
use squall_protocol::Version;
use squall_reports::SimResult;
use squall_scenarios::{model::Scenario, plan::plan};
use squall_sim::{replay::Replay, sweep::is_of_sweep, world::World};
use std::{collections::BTreeMap, fs, io, path::Path};

/// Failing runs of one scenario and version for which replay files are written; more would hide the first.
const OF_A_KIND: usize = 3;

/// Writes replay files as runs fail.
pub(crate) struct Replays<'a> {
    folder: &'a Path,
    of_a_kind: BTreeMap<(String, Version), usize>,
    written: usize,
    /// Why no more are written.
    failed: Option<io::Error>,
}

impl<'a> Replays<'a> {
    /// Into this folder, which is made when it is needed.
    pub(crate) fn new(folder: &'a Path) -> Self {
        Self {
            folder,
            of_a_kind: BTreeMap::new(),
            written: 0,
            failed: None,
        }
    }

    /// Puts the command into a result that has findings.
    pub(crate) fn note(
        &mut self,
        scenario: &Scenario,
        version: Version,
        world: World,
        result: &mut SimResult,
    ) {
        if result.findings.iter().all(is_of_sweep) {
            return;
        }
        result.replay = Some(format!(
            "squall sim {} --seed {} --mqtt {version} --world {world}",
            quoted(&scenario.file),
            result.seed
        ));
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
            world,
            verdict: result.verdict,
            trace_hash: result.trace_hash.clone(),
            plan: plan(scenario, result.seed),
        };
        let path = self.folder.join(replay.file_name());
        let file = || {
            fs::create_dir_all(self.folder)?;
            write_whole(&path, &replay.to_yaml())
        };
        match file() {
            Ok(()) => {
                self.written += 1;
                let path = quoted(&path.display().to_string());
                result.replay = Some(format!("squall replay {path}"));
            }
            Err(error) => self.failed = Some(error),
        }
    }

    /// Says where the files are, or why there are none; false when they could not be written.
    pub(crate) fn finish(self) -> bool {
        let folder = self.folder.display();
        if self.written > 0 {
            screen::complain(&format!("replay files in {folder}: {}", self.written));
        }
        let Some(error) = self.failed else {
            return true;
        };
        screen::complain(&format!(
            "error: cannot write replay files to {folder}: {error}"
        ));
        screen::complain(
            "help: name a folder that can be written to with --replays; the commands above repeat the runs too",
        );
        false
    }
}

/// A word as a shell takes it back.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(quoted("squall-replays/a.yaml"), "squall-replays/a.yaml");
        assert_eq!(quoted("r p/it's"), "'r p/it'\\''s'");
    }
}
