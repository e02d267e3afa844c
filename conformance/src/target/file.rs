//! A target file: a product in a version, how it is started, what it is known to lack and to get wrong.

use super::{
    address::Target,
    deviation::Deviation,
    problem::Problem,
    reader::Reader,
    recipe::{PORTS, Place, Recipe},
    written::{self, Source, Written, WrittenLack},
};
use crate::check::{Check, Need, checks};
use serde_yaml::Spanned;
use squall_history::spelling::did_you_mean;
use squall_protocol::Version;
use squall_reports::Verdict;
use squall_transport::Credentials;
use std::{path::Path, time::Duration};

/// What is known about a product in a version.
#[derive(Clone, Debug)]
pub struct TargetFile {
    /// What it is called, by those who make it.
    pub product: String,
    /// The version that was looked at.
    pub version: String,
    /// When it was looked at, as a date.
    pub tested: Option<String>,
    /// How it is reached; the port may be `{port}`.
    pub address: Option<String>,
    /// What its clients say to be let in.
    pub credentials: Option<Credentials>,
    /// How somebody installs it.
    pub install: Option<String>,
    /// How it is started and ended.
    pub recipe: Recipe,
    /// How many checks it bears at once, 1 to 256; as many as elsewhere when it is not said.
    pub jobs: Option<u16>,
    /// What is documented as missing.
    pub lacks: Vec<Lack>,
    /// What it is known to get wrong.
    pub deviations: Vec<Deviation>,
}

/// Something that is documented as missing; checks that need it are not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// In these versions; in all when there are none.
    pub versions: Vec<Version>,
    /// The feature.
    pub feature: Option<Need>,
    /// The checks, by name; all when there are none.
    pub checks: Vec<&'static str>,
    /// Where it is documented, or why it is missing.
    pub reason: String,
}

impl Lack {
    /// Whether the check is about what is missing.
    #[must_use]
    pub fn covers(&self, check: &Check, version: Version) -> bool {
        (self.versions.is_empty() || self.versions.contains(&version))
            && self
                .feature
                .is_none_or(|feature| check.needs.contains(&feature))
            && (self.checks.is_empty() || self.checks.contains(&check.id))
    }
}

impl TargetFile {
    /// Whether it is documented that the product does not speak this version at all.
    #[must_use]
    pub fn lacks_version(&self, version: Version) -> bool {
        let whole = |l: &Lack| l.feature.is_none() && l.checks.is_empty();
        self.lacks
            .iter()
            .any(|l| whole(l) && l.versions.contains(&version))
    }

    /// How many results of checks are known to be fails.
    #[must_use]
    pub fn fails(&self) -> usize {
        let results = |d: &Deviation| {
            let pairs = d.versions.iter().flat_map(|version| {
                checks().filter(move |c| d.checks.contains(&c.id) && c.applies_to(*version))
            });
            pairs.count()
        };
        let fails = self.deviations.iter();
        fails
            .filter(|d| d.verdict == Verdict::Fail)
            .map(results)
            .sum()
    }

    /// How many results of stories are known to be fails, where their names are written out.
    #[must_use]
    pub fn story_fails(&self) -> usize {
        let fails = self
            .deviations
            .iter()
            .filter(|d| d.verdict == Verdict::Fail);
        fails.map(|d| d.scenarios.len() * d.versions.len()).sum()
    }

    /// Reads the text of a target file; `file` is its name in messages.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let source = Source { file, text };
        let written = written::read(&source).map_err(|problem| vec![problem])?;
        let mut reader = Reader {
            source,
            problems: Vec::new(),
        };
        let read = reader.target(written);
        reader.problems.sort_by_key(|problem| problem.at);
        match reader.problems.is_empty() {
            true => Ok(read),
            false => Err(reader.problems),
        }
    }
}

/// The features by their words in target files.
const FEATURES: &[(&str, Need)] = &[
    ("qos-1", Need::Qos1),
    ("qos-2", Need::Qos2),
    ("retain", Need::Retain),
    ("wildcards", Need::Wildcard),
    ("subscription-identifiers", Need::SubscriptionIdentifiers),
    ("shared-subscriptions", Need::Shared),
    ("topic-aliases", Need::TopicAlias),
];
/// How long a target may take to answer a CONNECT where its file does not say.
const READY: Duration = Duration::from_secs(10);

impl Reader<'_> {
    fn target(&mut self, written: Written) -> TargetFile {
        for text in [&written.product, &written.version] {
            self.text(text);
        }
        let recipe = self.recipe(&written);
        if let Some(jobs) = written
            .jobs
            .as_ref()
            .filter(|j| !(1..=256).contains(&j.value))
        {
            self.wrong(jobs, "write a number of checks from 1 to 256", None);
        }
        let address = self.address(&written);
        let deviations: Vec<Deviation> = written
            .deviations
            .iter()
            .map(|d| self.deviation(d))
            .collect();
        self.once(&written.deviations, &deviations);
        TargetFile {
            product: written.product.value,
            version: written.version.value,
            tested: written.tested.map(|t| t.value),
            address,
            credentials: written
                .credentials
                .map(|c| Credentials::new(&c.user_name, c.password.as_deref().map(str::as_bytes))),
            install: written.install,
            recipe,
            jobs: written.jobs.map(|jobs| jobs.value),
            lacks: written.lacks.iter().map(|l| self.lack(l)).collect(),
            deviations,
        }
    }

    /// One that Squall starts is on loopback and the port that it is given, if nothing else is said.
    fn address(&mut self, written: &Written) -> Option<String> {
        let Some(address) = &written.address else {
            return written
                .start
                .as_ref()
                .map(|_| "mqtt://127.0.0.1:{port}".to_owned());
        };
        let place = Place {
            ports: &[1; PORTS],
            dir: Path::new("/"),
        };
        if let Err(error) = Target::parse(&place.fill(&address.value)) {
            self.wrong(address, error.to_string(), None);
        }
        Some(address.value.clone())
    }

    fn recipe(&mut self, written: &Written) -> Recipe {
        let commands = [
            &written.start,
            &written.stop,
            &written.kill,
            &written.restart,
        ];
        for command in commands.into_iter().flatten() {
            self.text(command);
        }
        for (name, command) in [("stop", &written.stop), ("kill", &written.kill)] {
            if let (None, Some(command)) = (&written.start, command) {
                let help =
                    "a target without `start` is somebody else's, and is not ended".to_owned();
                self.wrong(command, format!("`{name}` needs `start`"), Some(help));
            }
        }
        for (name, text) in &written.files {
            if Path::new(name)
                .file_name()
                .is_none_or(|n| n != name.as_str())
            {
                let help = "files are written to the scratch folder: write a name alone".to_owned();
                let message = format!("`{}` is no name of a file", name.escape_debug());
                self.wrong(text, message, Some(help));
            }
        }
        let ready = written.ready.as_ref().map_or(Some(READY), |ready| {
            let read = duration(&ready.value);
            if read.is_none() {
                let help = "write a number and a unit, such as 20s, up to 10m".to_owned();
                self.wrong(ready, "this is no duration", Some(help));
            }
            read
        });
        let value = |command: &Option<Spanned<String>>| command.as_ref().map(|c| c.value.clone());
        Recipe {
            files: written
                .files
                .iter()
                .map(|(k, v)| (k.clone(), v.value.clone()))
                .collect(),
            start: value(&written.start),
            stop: value(&written.stop),
            kill: value(&written.kill),
            restart: value(&written.restart),
            ready: ready.unwrap_or(READY),
        }
    }

    fn lack(&mut self, written: &Spanned<WrittenLack>) -> Lack {
        let lack = &written.value;
        self.text(&lack.reason);
        if lack.mqtt.is_empty() && lack.feature.is_none() && lack.checks.is_empty() {
            let help = "name `mqtt`, `feature` or `checks`".to_owned();
            self.wrong(written, "this does not say what is missing", Some(help));
        }
        let feature = lack.feature.as_ref().and_then(|word| {
            let found = FEATURES.iter().find(|(name, _)| *name == word.value);
            if found.is_none() {
                let names = || FEATURES.iter().map(|(name, _)| *name);
                let all = || {
                    format!(
                        "the features are {}",
                        names().collect::<Vec<_>>().join(", ")
                    )
                };
                let help = did_you_mean(&word.value, names()).unwrap_or_else(all);
                self.wrong(word, "this is no feature", Some(help));
            }
            found.map(|(_, need)| *need)
        });
        Lack {
            versions: self.versions(&lack.mqtt),
            feature,
            checks: self.checks(&lack.checks),
            reason: lack.reason.value.trim().to_owned(),
        }
    }
}

/// Reads `500ms`, `20s` or `2m`, up to ten minutes.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let millis = match text[digits..].trim() {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        _ => return None,
    };
    let read = Duration::from_millis(number.checked_mul(millis)?);
    (Duration::ZERO < read && read <= Duration::from_secs(600)).then_some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
product: A broker
version: 1.0
start: exec broker {port}
ready: 2s
jobs: 3
lacks:
  - { mqtt: ['5.0'], reason: not there }
  - { feature: qos-2, reason: not there }
deviations:
  - checks: [qos/2-delivered, 'will/*']
    mqtt: [3.1.1]
    verdict: fail
    statements: [MQTT-4.3.3-2]
    reason: it does not.
";

    #[test]
    fn a_target_file_is_read() {
        let read = TargetFile::read("a.yaml", GOOD).unwrap();
        assert_eq!((&*read.product, &*read.version), ("A broker", "1.0"));
        assert_eq!(read.recipe.ready, Duration::from_secs(2));
        assert_eq!(read.jobs, Some(3));
        assert_eq!(read.address.as_deref(), Some("mqtt://127.0.0.1:{port}"));
        assert!(read.deviations[0].checks.len() > 5);
        let check = |id| checks().find(|c| c.id == id).unwrap();
        assert!(read.lacks[0].covers(check("connect/accepted"), Version::V5_0));
        assert!(!read.lacks[0].covers(check("connect/accepted"), Version::V3_1_1));
        assert!(read.lacks[1].covers(check("qos/2-delivered"), Version::V3_1_1));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let mut told = String::new();
        for (sought, wrong) in [
            ("version: 1.0\n", ""),
            ("jobs: 3", "jobs: 0"),
            ("ready: 2s", "redy: 2s"),
            ("ready: 2s", "ready: [2s]"),
            (
                "ready: 2s",
                "ready: 2 parsecs\nstop: ''\nfiles: { ../a: x }",
            ),
            (
                "start: exec broker {port}",
                "stop: kill $PID\naddress: http://h",
            ),
            ("mqtt: ['5.0']", "versions: ['5.0']"),
            ("mqtt: ['5.0']", "mqtt: ['5']"),
            ("{ mqtt: ['5.0'], reason: not there }", "{ reason: ' ' }"),
            ("feature: qos-2", "feature: qos2"),
            ("qos/2-delivered", "qos/2-deliverd, connect/no-local"),
            ("mqtt: [3.1.1]", "mqtt: []"),
            ("verdict: fail", "verdict: pass"),
            ("MQTT-4.3.3-2", "MQTT-4.3.3-99"),
            ("[MQTT-4.3.3-2]", "[]"),
            ("qos/2-delivered,", "will/qos,"),
            ("checks: [qos/2-delivered", "checks: [alias/zero"),
            ("checks: [qos/2-delivered, 'will/*']\n    mqtt:", "mqtt:"),
            (
                "checks: [qos/2-delivered, 'will/*']",
                "scenarios: [will/late, '', will/late]",
            ),
            ("lacks:", "lacks: ["),
        ] {
            assert!(GOOD.contains(sought), "{sought}");
            let text = GOOD.replacen(sought, wrong, 1);
            told += &format!("{wrong:?}\n");
            match TargetFile::read("a.yaml", &text) {
                Ok(_) => told += "  is read\n",
                Err(problems) => {
                    for problem in problems {
                        told += &format!("  {problem} [{}]\n", &text[problem.span.clone()]);
                    }
                }
            }
        }
        insta::assert_snapshot!(told);
    }

    #[test]
    fn durations_have_units() {
        for (text, read) in [
            ("500ms", Some(500)),
            ("20s", Some(20_000)),
            ("2 m", Some(120_000)),
        ] {
            assert_eq!(duration(text), read.map(Duration::from_millis), "{text}");
        }
        for text in ["", "5", "s", "0s", "11m", "-1s", "99999999999999999999s"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
