//! Async brokers that somebody brings along, in the turmoil world: the double as one, right and wrong.

use squall_protocol::Version;
use squall_reports::{Simulation, Verdict};
use squall_saboteurs::{Switch, double::Double, serve::Handle};
use squall_sim::{guest::Guest, harness::Storm};
use std::{fs, io, path::Path};

fn double(switches: &'static [&'static str]) -> Guest {
    Guest::new(move |mut listener| async move {
        let switches = switches.iter().map(|name| Switch::from_name(name));
        let handle = Handle::new(Double::new(switches.map(|s| s.expect("a switch"))));
        loop {
            handle.connect(listener.accept().await?);
        }
    })
}

/// Some of the stories that come with Squall, those that take little virtual time.
fn some(subject: &str) -> Storm {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    Storm::of(library.join(subject)).seeds(0..1)
}

fn told(storm: &Storm) -> Simulation {
    storm.run().unwrap_or_else(|p| panic!("{p:#?}"))
}

#[test]
fn a_sound_broker_is_not_accused_and_most_stories_prove_something() {
    for subject in ["qos1", "takeover"] {
        let simulation = told(&some(subject).broker(double(&[])));
        assert_ne!(simulation.verdict(), Verdict::Fail, "{simulation:#?}");
        let summary = simulation.summary;
        assert!(summary.pass * 4 >= summary.total * 3, "{summary:?}");
    }
}

#[test]
fn a_wrong_broker_fails_and_the_same_seed_fails_alike() {
    let storm = some("qos2/cut-before-pubrec.yaml")
        .broker(double(&["qos2-id-freed-at-close"]))
        .version(Version::V5_0);
    let simulation = told(&storm);
    assert_eq!(simulation.verdict(), Verdict::Fail);
    assert_eq!(simulation, told(&storm));
}

fn a_story() -> (tempfile::TempDir, Storm) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let story = "title: t\nclients: { a: {} }\nsteps:\n  - a: connect\n  - a: disconnect\n";
    fs::write(folder.path().join("story.yaml"), story).expect("it can be written");
    let storm = Storm::of(folder.path());
    (folder, storm)
}

#[test]
fn a_broker_that_falls_says_how() {
    let (_folder, storm) = a_story();
    let panics = Guest::new(|mut listener| async move {
        let _ = listener.accept().await?;
        panic!("no such session");
    });
    let ends = Guest::new(|_| async { Err(io::Error::other("no room")) });
    for (guest, why) in [
        (
            panics,
            "it panicked: no such session (at sim/tests/guests.rs:",
        ),
        (ends, "no room"),
    ] {
        let simulation = told(&storm.clone().broker(guest));
        assert_eq!(simulation.verdict(), Verdict::Fail);
        let finding = &simulation.series[0].failures[0].findings[0];
        let expected = format!("the broker under test ended: {why}");
        assert!(
            finding.message.starts_with(&expected),
            "{}",
            finding.message
        );
        assert!(!finding.internal);
    }
}

#[test]
fn the_reference_pair_takes_one_line() {
    a_story().1.check();
}

#[test]
#[should_panic = "FAIL  story"]
fn a_failure_is_a_report() {
    let (_folder, storm) = a_story();
    let mute = Guest::new(|_| async { Err(io::Error::other("no room")) });
    storm.broker(mute).check();
}

#[test]
#[should_panic = "nobody.yaml"]
fn a_story_that_cannot_be_read_is_said() {
    Storm::of("nobody.yaml").check();
}
