//! The turned world on a paused clock: clients of ours in the place of those that somebody else wrote, as they are, and
//! with habits.

#![expect(
    clippy::print_stdout,
    reason = "who is caught by what is what this test is for"
)]

mod stage;

use squall_protocol::Version;
use squall_reports::Verdict;
use squall_saboteurs::client::Habit;
use stage::{Manner, Slip, fails, library, tell};
use std::{collections::BTreeMap, fmt::Write};

/// The stories that are about what a client owes.
const ABOUT_CLIENTS: &str = "client/";

#[test]
fn our_own_client_passes_every_story_that_can_be_told_to_a_client() {
    let (mut passed, mut others) = (0, BTreeMap::new());
    let mut wrong = Vec::new();
    for result in tell(library(""), 0..2, Manner::Plain) {
        match result.verdict {
            Verdict::Pass => passed += 1,
            Verdict::NotApplicable => {
                let reason = result.reason.clone().unwrap_or_default();
                *others.entry(reason).or_insert(0) += 1;
            }
            _ => wrong.push(format!(
                "{} ({}, seed {}): {:?} {:?} {:#?}",
                result.scenario,
                result.version,
                result.seed,
                result.verdict,
                result.reason,
                result
                    .findings
                    .first()
                    .map(|f| (&f.rule, &f.message, &f.statements))
            )),
        }
    }
    println!("{passed} passed; not told: {others:#?}");
    assert!(wrong.is_empty(), "{}: {}", wrong.len(), wrong.join("\n"));
    assert!(passed > 150, "only {passed} passed: {others:#?}");
}

#[test]
fn every_wrong_habit_is_caught() {
    let mut table = String::new();
    let mut survivors = Vec::new();
    for habit in Habit::ALL {
        for version in Version::ALL.into_iter().filter(|v| habit.is_wrong(*v)) {
            let fails = fails(library(ABOUT_CLIENTS), version, Manner::Habit(*habit));
            let name = habit.name();
            match fails.first() {
                None => survivors.push(format!("{name} in {version}")),
                Some(first) => writeln!(
                    table,
                    "{name:30} {version:6} {:2} stories, first {first}",
                    fails.len()
                )
                .expect("writing to a string"),
            }
        }
    }
    println!("{table}");
    assert!(survivors.is_empty(), "nobody catches {survivors:#?}");
}

#[test]
fn every_slip_of_an_application_is_caught() {
    for slip in Slip::ALL {
        for version in Version::ALL {
            let fails = fails(library(ABOUT_CLIENTS), version, Manner::Slip(slip));
            println!("{slip:?} {version}: {:?}", fails.first());
            assert!(!fails.is_empty(), "nobody catches {slip:?} in {version}");
        }
    }
}

#[test]
fn a_story_stops_soon_where_the_client_does() {
    let story = library("client/released-in-order");
    for result in tell(story, 0..1, Manner::Mute) {
        assert_eq!(result.verdict, Verdict::Inconclusive, "{result:?}");
        assert!(result.findings.is_empty());
        // The story takes some ten seconds, and patience lasts three minutes; its own limit is ten.
        assert!(result.virtual_ms < 120_000, "{} ms", result.virtual_ms);
    }
}

#[test]
fn no_odd_habit_is_accused() {
    for habit in Habit::ALL {
        for version in Version::ALL {
            if !habit.is_of(version) || habit.is_wrong(version) {
                continue;
            }
            let fails = fails(library(""), version, Manner::Habit(*habit));
            assert!(
                fails.is_empty(),
                "{} in {version}: {fails:#?}",
                habit.name()
            );
        }
    }
}
