//! The adapters that come with Squall: one file each in `clients/`, and one name here.

use crate::{
    command::{Command, CommandError},
    deviation::Deviation,
};
use serde::Deserialize;

/// What is known about an adapter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// The library that it drives.
    pub library: String,
    /// The library's language.
    pub language: String,
    /// The library's version that it was tried with.
    pub version: String,
    /// Shell commands that install both, in the root of a clone of Squall. Empty if there is nothing to install.
    install: Vec<String>,
    /// The command that starts it.
    command: String,
    /// What `squall adapter check` counts.
    pub check: String,
    /// What the library cannot do or does otherwise, as it was found out by trying.
    #[serde(default)]
    pub facts: Vec<String>,
    /// Which stories were told to it, and when, in words.
    pub told: String,
    /// The verdicts that came of it, other than pass and n/a.
    #[serde(default)]
    pub deviations: Vec<Deviation>,
}

/// Where things are on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The folder with the adapters' sources: `{adapters}`.
    pub adapters: String,
    /// The folder that clients are installed in: `{installed}`.
    pub installed: String,
    /// The squall binary: `{squall}`.
    pub squall: String,
}

impl Places {
    fn fill(&self, text: &str) -> String {
        text.replace("{adapters}", &self.adapters)
            .replace("{installed}", &self.installed)
            .replace("{squall}", &self.squall)
    }
}

impl Listing {
    /// The commands that install it, for a shell.
    #[must_use]
    pub fn install(&self, places: &Places) -> Vec<String> {
        self.install.iter().map(|line| places.fill(line)).collect()
    }

    /// The command that starts it. A place with blanks in its name is one word.
    ///
    /// # Errors
    /// When the file says none.
    pub fn command(&self, places: &Places) -> Result<Command, CommandError> {
        let template = Command::parse(&self.command)?;
        let words = std::iter::once(template.program())
            .chain(template.arguments().iter().map(String::as_str));
        Command::of(words.map(|word| places.fill(word)))
    }
}

macro_rules! listings {
    ($($name:literal)*) => {
        const LISTINGS: &[(&str, &str)] = &[$(
            ($name, include_str!(concat!("../", $name, ".yaml")))
        ),*];
    };
}

listings! {
    "squall"
    "paho"
    "mqttjs"
    "rumqttc"
    "mosquitto"
}

/// The names of the adapters that come with Squall.
pub fn listing_names() -> impl Iterator<Item = &'static str> {
    LISTINGS.iter().map(|(name, _)| *name)
}

/// What is known about the adapter of this name; `None` when there is none.
///
/// # Errors
/// What is wrong with its file, which tests rule out.
#[must_use]
pub fn listing(name: &str) -> Option<Result<Listing, String>> {
    let (_, text) = LISTINGS.iter().find(|(known, _)| *known == name)?;
    Some(serde_yaml::from_str(text).map_err(|error| error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        collections::BTreeSet,
        fs,
        path::{Path, PathBuf},
    };

    fn places() -> Places {
        Places {
            adapters: "the clients".into(),
            installed: "/opt/my clients".into(),
            squall: "/bin/squall".into(),
        }
    }

    #[test]
    fn every_file_is_read_and_comes_along() {
        let mut commands = Vec::new();
        for name in listing_names() {
            let listing = listing(name).unwrap().unwrap();
            let command = listing.command(&places()).unwrap();
            assert!(!command.to_string().contains('{'), "{command}");
            commands.push(format!("{name}: {command}"));
        }
        insta::assert_snapshot!(commands.join("\n"));
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let files = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path());
        let yaml = files.filter(|path| path.extension().is_some_and(|ending| ending == "yaml"));
        let stems = yaml.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned());
        let known: BTreeSet<String> = listing_names().map(str::to_owned).collect();
        assert_eq!(stems.collect::<BTreeSet<_>>(), known);
    }

    #[test]
    fn an_adapter_is_below_two_hundred_lines() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        // Squall's own stands with its commands.
        for name in listing_names().filter(|name| *name != "squall") {
            let places = [folder.join(name), folder.join(name).join("src")];
            let files = places.iter().filter_map(|place| fs::read_dir(place).ok());
            let paths = files.flatten().map(|file| file.unwrap().path());
            let is_source = |path: &PathBuf| {
                let ending = path.extension().and_then(|ending| ending.to_str());
                ending.is_some_and(|ending| ["py", "js", "rs"].contains(&ending))
            };
            let lines: Vec<usize> = paths
                .filter(is_source)
                .map(|path| fs::read_to_string(path).unwrap().lines().count())
                .collect();
            let sum: usize = lines.iter().sum();
            assert!((1..200).contains(&sum), "{name}: {lines:?} lines");
        }
    }
}
