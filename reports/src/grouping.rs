//! Results put together as a reader looks for them: runs by scenario and version, checks by group.
//!
//! Order is that of first appearance, so equal results always give equal reports.

use crate::model::{CheckResult, Series, SimResult, StatementRef, Summary, Verdict};
use std::collections::BTreeMap;

/// All runs of one scenario in one version, whatever the world.
pub(crate) struct Story<'a> {
    /// One entry a world, in order.
    pub(crate) series: Vec<&'a Series>,
    /// The first of them; it names scenario, title and version.
    pub(crate) first: &'a Series,
    /// Counts over all runs.
    pub(crate) summary: Summary,
}

impl<'a> Story<'a> {
    /// The runs that did not pass, as many as were kept.
    pub(crate) fn failing(&self) -> impl Iterator<Item = &'a SimResult> {
        self.series.iter().flat_map(|series| &series.failures)
    }

    /// How many runs did not pass.
    pub(crate) const fn not_passed(&self) -> u64 {
        self.summary.total - self.summary.pass
    }

    /// The worlds it ran in, such as `loop, turmoil`.
    pub(crate) fn worlds(&self) -> String {
        let worlds: Vec<&str> = self
            .series
            .iter()
            .map(|series| series.world.as_str())
            .collect();
        worlds.join(", ")
    }
}

/// Runs by scenario and version; the versions of a scenario follow each other.
pub(crate) fn stories(series: &[Series]) -> Vec<Story<'_>> {
    let scenarios = collect(series, |series| series.scenario.as_str());
    let versions = scenarios
        .into_iter()
        .flat_map(|series| collect(series, |series| series.version.as_str()));
    versions
        .filter_map(|series| {
            let first = *series.first()?;
            Some(Story {
                first,
                summary: series.iter().map(|series| series.summary).sum(),
                series,
            })
        })
        .collect()
}

/// The checks of one group: what stands before the `/` of their names.
pub(crate) struct Group<'a> {
    /// Such as `publish`.
    pub(crate) name: &'a str,
    /// Its results in their order.
    pub(crate) results: Vec<&'a CheckResult>,
    /// Counts over `results`.
    pub(crate) summary: Summary,
}

/// Check results by group.
pub(crate) fn groups(results: &[CheckResult]) -> Vec<Group<'_>> {
    collect(results.iter(), |result| group_of(&result.check))
        .into_iter()
        .filter_map(|results| {
            let name = group_of(&results.first()?.check);
            Some(Group {
                name,
                summary: results.iter().map(|result| result.verdict).collect(),
                results,
            })
        })
        .collect()
}

fn group_of(check: &str) -> &str {
    check.split_once('/').map_or("other", |(group, _)| group)
}

/// Puts equal keys together, both keys and members in order of appearance.
pub(crate) fn collect<'a, T, K: Ord>(
    items: impl IntoIterator<Item = &'a T>,
    key: impl Fn(&'a T) -> K,
) -> Vec<Vec<&'a T>> {
    let mut places = BTreeMap::new();
    let mut together: Vec<Vec<&T>> = Vec::new();
    for item in items {
        let place = *places.entry(key(item)).or_insert_with(|| {
            together.push(Vec::new());
            together.len() - 1
        });
        together[place].push(item);
    }
    together
}

/// The statements of a result as one text: `MQTT-3.3.1-2, MQTT-4.3.3-1`.
pub(crate) fn ids(statements: &[StatementRef]) -> String {
    statements
        .iter()
        .map(|statement| statement.id.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

/// The counts that are not nought, such as `15 pass, 1 fail`.
pub(crate) fn counts(summary: &Summary) -> String {
    let counts = Verdict::ALL
        .iter()
        .filter(|verdict| summary.of(**verdict) > 0);
    let words: Vec<String> = counts
        .map(|verdict| {
            format!(
                "{} {verdict}",
                crate::quantity::grouped(summary.of(*verdict))
            )
        })
        .collect();
    if words.is_empty() {
        "no results".to_owned()
    } else {
        words.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Simulation;

    fn run(scenario: &str, version: &str, world: &str) -> SimResult {
        SimResult {
            scenario: scenario.to_owned(),
            title: String::new(),
            version: version.to_owned(),
            seed: 0,
            world: world.to_owned(),
            verdict: Verdict::Pass,
            reason: None,
            trace_hash: String::new(),
            virtual_ms: 0,
            findings: Vec::new(),
            known: None,
            replay: None,
        }
    }

    #[test]
    fn versions_of_a_scenario_follow_each_other() {
        let runs = [
            run("b", "3.1.1", "loop"),
            run("a", "3.1.1", "loop"),
            run("b", "5.0", "loop"),
            run("a", "5.0", "loop"),
            run("b", "3.1.1", "turmoil"),
        ];
        let simulation = Simulation::new(runs.to_vec());
        let stories = stories(&simulation.series);
        let names: Vec<_> = stories
            .iter()
            .map(|story| {
                (
                    story.first.scenario.as_str(),
                    story.first.version.as_str(),
                    story.worlds(),
                )
            })
            .collect();
        let expected = [
            ("b", "3.1.1", "loop, turmoil"),
            ("b", "5.0", "loop"),
            ("a", "3.1.1", "loop"),
            ("a", "5.0", "loop"),
        ];
        assert_eq!(
            names,
            expected.map(|(scenario, version, worlds)| (scenario, version, worlds.to_owned()))
        );
        assert_eq!(stories[0].summary.total, 2);
    }

    #[test]
    fn a_check_without_a_group_is_other() {
        assert_eq!(group_of("publish/qos2/twice"), "publish");
        assert_eq!(group_of("ping"), "other");
    }
}
