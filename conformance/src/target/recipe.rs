//! How a target is started and ended, as data: commands and files with places for ports and a folder. Nothing is run here.

use std::{collections::BTreeMap, path::Path, time::Duration};

/// How a target is started and ended. Commands are for `sh`.
///
/// `{port}`, `{port2}` to `{port5}` and `{dir}` stand in commands and files for free ports on loopback and for a scratch
/// folder; commands also have them as `$PORT`, `$PORT2` to `$PORT5` and `$DIR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// Files that are written to the folder before it is started, by name.
    pub files: BTreeMap<String, String>,
    /// Runs in the foreground for as long as the target lives; `None` for a target that somebody else runs.
    pub start: Option<String>,
    /// Asks it to end, with its process number in `$PID`; SIGTERM where there is none.
    pub stop: Option<String>,
    /// Ends it when it does not; SIGKILL where there is none.
    pub kill: Option<String>,
    /// With `start`: runs in its place when the target is started anew, in the folder as it was left; without: starts
    /// the target anew by itself and ends.
    pub restart: Option<String>,
    /// How long it may take until it answers a CONNECT.
    pub ready: Duration,
}

/// So many ports are found for a target.
pub(crate) const PORTS: usize = 5;

/// Free ports and a folder for one life of a target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) ports: &'a [u16; PORTS],
    pub(crate) dir: &'a Path,
}

impl Place<'_> {
    /// The text with ports and folder in their places.
    pub(crate) fn fill(&self, text: &str) -> String {
        let mut filled = text.replace("{dir}", &self.dir.display().to_string());
        for (name, port) in self.names().zip(self.ports) {
            filled = filled.replace(&format!("{{{name}}}"), &port.to_string());
        }
        filled
    }

    /// The same as variables for a command: names and values.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (String, String)> {
        let ports = self.names().zip(self.ports);
        ports.map(|(name, port)| (name.to_uppercase(), port.to_string()))
    }

    fn names(&self) -> impl Iterator<Item = String> + use<> {
        (1..=PORTS).map(|n| match n {
            1 => "port".to_owned(),
            n => format!("port{n}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled() {
        let place = Place {
            ports: &[1, 2, 3, 4, 5],
            dir: Path::new("/d"),
        };
        assert_eq!(
            place.fill("{dir}/a {port} {port2}{port5} {x} {port6}"),
            "/d/a 1 25 {x} {port6}"
        );
        let variables: Vec<_> = place.variables().collect();
        assert_eq!(variables[1], ("PORT2".to_owned(), "2".to_owned()));
    }
}
