//! Every fault and every oddity changes what the double puts out in some script.

use crate::{scripts::SCRIPTS, stage::Stage};
use squall_protocol::Version;
use squall_saboteurs::{Decoy, Switch, double::Double};

fn log(version: Version, script: fn(&mut Stage), double: Double) -> String {
    let mut stage = Stage::new(version, double);
    script(&mut stage);
    stage.log
}

fn plain(version: Version) -> Vec<String> {
    let all = SCRIPTS.iter();
    all.map(|(_, script)| log(version, *script, Double::new([])))
        .collect()
}

/// The scripts in which a double differs from the plain one.
fn differs(version: Version, plain: &[String], double: impl Fn() -> Double) -> bool {
    let mut scripts = SCRIPTS.iter().zip(plain);
    scripts.any(|((_, script), plain)| log(version, *script, double()) != *plain)
}

#[test]
fn every_switch_shows_in_each_version_whose_statements_it_breaks() {
    let mut dead = Vec::new();
    for version in Version::ALL {
        let plain = plain(version);
        for switch in Switch::ALL {
            if !switch.statements(version).is_empty()
                && !differs(version, &plain, || Double::new([*switch]))
            {
                dead.push(format!("{} in {version}", switch.name()));
            }
        }
    }
    assert!(
        dead.is_empty(),
        "{} show in no script: {dead:#?}",
        dead.len()
    );
}

#[test]
fn a_switch_does_not_show_where_it_breaks_nothing_and_says_so() {
    // In a version without statements a switch has no business; those that show there all the same are named.
    let mut named = Vec::new();
    let version = Version::V3_1_1;
    let plain = plain(version);
    for switch in Switch::ALL {
        if switch.statements(version).is_empty()
            && differs(version, &plain, || Double::new([*switch]))
        {
            named.push(switch.name());
        }
    }
    assert_eq!(named, SHOW_IN_3_1_1_TOO, "faults of 5.0 that show in 3.1.1");
}

/// Faults that break no statement of 3.1.1 and show there.
const SHOW_IN_3_1_1_TOO: &[&str] = &["two-connacks", "error-closes-others"];

#[test]
fn every_decoy_shows() {
    let plains = Version::ALL.map(|version| (version, plain(version)));
    let dead = Decoy::ALL.iter().filter(|decoy| {
        let mut versions = plains.iter();
        !versions.any(|(version, plain)| differs(*version, plain, || Double::with([], [**decoy])))
    });
    let dead: Vec<_> = dead.map(|decoy| decoy.name()).collect();
    assert!(dead.is_empty(), "show in no script: {dead:?}");
}

#[test]
fn the_same_script_gives_the_same_log() {
    for version in Version::ALL {
        assert_eq!(plain(version), plain(version));
    }
}

#[test]
fn names_are_unique_kebab_case_and_found() {
    let mut names: Vec<_> = Switch::ALL.iter().map(|s| s.name()).collect();
    names.extend(Decoy::ALL.iter().map(|d| d.name()));
    for name in &names {
        assert!(
            name.bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')),
            "{name}"
        );
    }
    for switch in Switch::ALL {
        assert_eq!(Switch::from_name(switch.name()), Some(*switch));
    }
    for decoy in Decoy::ALL {
        assert_eq!(Decoy::from_name(decoy.name()), Some(*decoy));
        assert!(!decoy.reason().is_empty());
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
