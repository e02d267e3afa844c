//! Results of stories held against what is known about the client that they were told to.

use super::conform::differing;
use crate::{
    clients,
    exit::{CliError, Ending, Result},
};
use squall_clients::{Deviation, Listing};
use squall_conformance::glob;
use squall_reports::{Comparison, Known as Expected, SimResult, Verdict};
use squall_scenarios::model::Scenario;
use std::collections::BTreeMap;

/// What is known, and how the results differ from it.
pub(super) struct Known {
    listing: Listing,
    /// What each story is called in the list of those that come with Squall, by what it is called in results.
    names: BTreeMap<String, String>,
    comparison: Comparison,
    /// Whether the exit code is about what differs.
    decides: bool,
}

impl Known {
    /// What is known about this client; `None` for one that Squall has no file of, if that need not decide.
    pub(super) fn about(
        client: &str,
        scenarios: &[Scenario],
        decides: bool,
    ) -> Result<Option<Self>> {
        let known = clients::named(client)?.map(|listing| Self {
            listing,
            names: scenarios
                .iter()
                .map(|story| (story.name.clone(), listed(story)))
                .collect(),
            comparison: Comparison::default(),
            decides,
        });
        if decides && known.is_none() {
            let error = format!("nothing is known about the client `{client}`");
            let help = "`--known` goes with a name of `squall list clients`";
            return Err(CliError::input(error).help(help));
        }
        Ok(known)
    }

    /// Writes the reason into a result that is known, and notes what differs.
    pub(super) fn compare(&mut self, result: &mut SimResult) {
        let listed = self.names.get(&result.scenario).unwrap_or(&result.scenario);
        let mut all = self.listing.deviations.iter();
        let known = all.find(|d| is_about(d, listed, &result.version));
        let listed = listed.clone();
        let known = known.map(|deviation| Expected {
            // Tests rule out what is no verdict.
            verdict: verdict(deviation).unwrap_or(Verdict::Fail),
            sometimes: deviation.sometimes,
            reason: &deviation.reason,
        });
        self.comparison.add_story(&listed, result, known);
    }

    /// Says what differs from what is known, and gives how that ends. `written`: every output was.
    pub(super) fn decide(&self, ending: Ending, written: bool) -> Ending {
        let about = (&self.comparison, "client");
        differing(about, self.decides, ending, written)
    }
}

/// Whether a deviation is about this story, told in this version, such as `5.0`.
fn is_about(deviation: &Deviation, story: &str, version: &str) -> bool {
    let mut names = deviation.scenarios.iter();
    let is_of_version = deviation.mqtt.iter().any(|v| v.as_str() == version);
    is_of_version && names.any(|name| glob(name.as_bytes(), story.as_bytes()))
}

fn verdict(deviation: &Deviation) -> Option<Verdict> {
    let mut all = Verdict::ALL.iter();
    all.find(|v| v.as_str() == deviation.verdict).copied()
}

/// The name of a story below the folder `scenarios`, whatever part of that folder was named.
fn listed(story: &Scenario) -> String {
    let file = story.file.replace('\\', "/");
    let below = file.rsplit_once("scenarios/").map(|(_, below)| below);
    let name = below.and_then(|below| below.strip_suffix(".yaml"));
    name.unwrap_or(&story.name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundled;
    use squall_catalogue as catalogue;
    use squall_clients::{listing, listing_names};

    fn told(scenario: &str, version: &str, verdict: Verdict) -> SimResult {
        SimResult {
            scenario: scenario.into(),
            title: "t".into(),
            version: version.into(),
            seed: 0,
            world: "live".into(),
            verdict,
            reason: None,
            trace_hash: String::new(),
            virtual_ms: 0,
            findings: Vec::new(),
            known: None,
            replay: None,
        }
    }

    #[test]
    fn stories_are_held_against_what_is_known() {
        let scenarios = bundled::scenarios(&[]).unwrap();
        let mut known = Known::about("paho", &scenarios, true).unwrap().unwrap();
        assert_eq!(known.decide(Ending::Failed, true), Ending::Good);
        assert_eq!(known.decide(Ending::Failed, false), Ending::Unwritten);
        let (story, other) = ("client/maximum-qos", "client/farewell");
        for (scenario, version, verdict, has_reason) in [
            (story, "5.0", Verdict::Fail, true),
            // What was not told shows nothing.
            (story, "5.0", Verdict::NotApplicable, false),
            (other, "5.0", Verdict::Pass, false),
            (other, "3.1.1", Verdict::Warn, false),
            (story, "5.0", Verdict::Pass, false),
        ] {
            let mut result = told(scenario, version, verdict);
            known.compare(&mut result);
            assert_eq!(result.known.is_some(), has_reason, "{result:?}");
        }
        assert_eq!(known.comparison.known_fails, 1);
        assert_eq!(
            known.comparison.unknown,
            ["client/farewell 3.1.1 seed 0 warn"]
        );
        let unseen = ["client/maximum-qos 5.0 seed 0 pass, not fail"];
        assert_eq!(known.comparison.unseen, unseen);
        assert_eq!(known.decide(Ending::Good, true), Ending::Failed);
        known.decides = false;
        assert_eq!(known.decide(Ending::Good, true), Ending::Good);
        assert!(Known::about("python3 mine.py", &scenarios, true).is_err());
        assert!(
            Known::about("python3 mine.py", &scenarios, false)
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn a_story_is_known_whatever_part_of_the_folder_is_named() {
        let mut story = bundled::scenarios(&[]).unwrap().remove(0);
        story.name = "maximum-qos".into();
        for (file, name) in [
            ("scenarios/client/maximum-qos.yaml", "client/maximum-qos"),
            (
                "/tmp/scenarios/client/maximum-qos.yaml",
                "client/maximum-qos",
            ),
            ("mine/maximum-qos.yaml", "maximum-qos"),
        ] {
            story.file = file.into();
            assert_eq!(listed(&story), name);
        }
    }

    #[test]
    fn what_is_known_is_about_stories_and_statements_that_exist() {
        let scenarios = bundled::scenarios(&[]).unwrap();
        for name in listing_names() {
            for one in listing(name).unwrap().unwrap().deviations {
                let verdict = verdict(&one);
                let deviates = matches!(
                    verdict,
                    Some(Verdict::Fail | Verdict::Warn | Verdict::Inconclusive)
                );
                assert!(deviates, "{name}: {}", one.verdict);
                let is_fail = verdict == Some(Verdict::Fail);
                assert!(!is_fail || !one.statements.is_empty(), "{name}: {one:?}");
                for pattern in &one.scenarios {
                    let alone = squall_clients::Deviation {
                        scenarios: vec![pattern.clone()],
                        ..one.clone()
                    };
                    for version in &one.mqtt {
                        let mut stories = scenarios.iter().filter(|s| s.versions.contains(version));
                        let is_there = stories.any(|s| is_about(&alone, &s.name, version.as_str()));
                        assert!(is_there, "{name}: {pattern} in MQTT {version}");
                    }
                }
                for id in &one.statements {
                    let exists = one.mqtt.iter().any(|v| catalogue::find(*v, id).is_some());
                    assert!(exists, "{name}: {id}");
                }
            }
        }
    }
}
