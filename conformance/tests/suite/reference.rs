//! The reference broker passes everything that it offers.

use crate::house::{House, story};
use squall_broker::Config;
use squall_conformance::{Options, RunError, Target, checks, run_blocking};
use squall_protocol::{QoS, Version};
use squall_reports::Verdict;
use std::{cell::Cell, time::Duration};

/// Where n/a is right, and why.
const NOT_APPLICABLE: &[(&str, &str)] = &[(
    "flow/server-packet-size",
    "by default the reference broker announces no Maximum Packet Size",
)];

#[test]
fn the_reference_broker_passes_everything() {
    let house = House::broker(None);
    let found = house.conform(&Options::default());
    let wrong: Vec<String> = found
        .results
        .iter()
        .filter(|r| match r.verdict {
            Verdict::Pass => false,
            Verdict::NotApplicable => !NOT_APPLICABLE.iter().any(|(check, _)| *check == r.check),
            _ => true,
        })
        .map(story)
        .collect();
    assert!(
        wrong.is_empty(),
        "{}\n{:?}",
        wrong.join("\n\n"),
        found.summary
    );
    assert_eq!(
        found.summary.total as usize,
        checks().map(|c| c.versions().count()).sum::<usize>()
    );
    let order: Vec<_> = found.results.iter().map(|r| r.check.as_str()).collect();
    let expected: Vec<_> = checks()
        .flat_map(|c| c.versions().map(move |_| c.id))
        .collect();
    assert_eq!(
        order, expected,
        "results stand in the order of the registry"
    );
}

#[test]
fn a_small_broker_fails_nothing_and_what_it_lacks_is_not_applicable() {
    let config = Config {
        maximum_qos: QoS::AtMostOnce,
        retain_available: false,
        wildcard_subscriptions: false,
        shared_subscriptions: false,
        subscription_identifiers: false,
        empty_client_id: false,
        topic_alias_maximum: 0,
        maximum_packet_size: 2000,
        session_expiry_maximum: Some(0),
        ..Config::default()
    };
    let house = House::configured(config);
    let found = house.conform(&Options {
        versions: vec![Version::V5_0],
        ..Options::default()
    });
    let wrong: Vec<String> = found
        .results
        .iter()
        .filter(|r| !matches!(r.verdict, Verdict::Pass | Verdict::NotApplicable))
        .map(story)
        .collect();
    assert!(
        wrong.is_empty(),
        "{}\n{:?}",
        wrong.join("\n\n"),
        found.summary
    );
    let verdict = |id: &str| {
        found
            .results
            .iter()
            .find(|r| r.check == id)
            .map(|r| r.verdict)
    };
    assert_eq!(verdict("flow/server-packet-size"), Some(Verdict::Pass));
    for id in [
        "qos/1-delivered",
        "retained/delivered",
        "topic/single-level-wildcard",
        "shared/qos",
        "alias/used",
    ] {
        assert_eq!(verdict(id), Some(Verdict::NotApplicable), "{id}");
    }
}

#[test]
fn checks_do_not_depend_on_running_beside_others() {
    let house = House::broker(None);
    let only = ["connect", "qos", "resume", "retained", "topic"]
        .map(str::to_owned)
        .to_vec();
    let alone = house.conform(&Options {
        jobs: 1,
        only: only.clone(),
        ..Options::default()
    });
    let crowd = house.conform(&Options {
        jobs: 64,
        only,
        ..Options::default()
    });
    let verdicts =
        |c: &squall_reports::Conformance| c.results.iter().map(|r| r.verdict).collect::<Vec<_>>();
    assert_eq!(verdicts(&alone), verdicts(&crowd));
}

#[test]
fn progress_counts_every_result() {
    let house = House::broker(None);
    let seen = Cell::new(0);
    let options = Options {
        only: vec!["keep-alive/ping".to_owned()],
        ..Options::default()
    };
    run_blocking(&house.target(), &options, |progress| {
        seen.set(seen.get() + 1);
        assert_eq!((progress.done, progress.total), (seen.get(), 2));
        assert_eq!(progress.latest.check, "keep-alive/ping");
    })
    .unwrap();
    assert_eq!(seen.get(), 2);
}

#[test]
fn an_unknown_check_is_an_error_with_the_nearest_name() {
    let target = Target::parse("mqtt://127.0.0.1:1").unwrap();
    let options = Options {
        only: vec!["will/on-dorp".to_owned()],
        ..Options::default()
    };
    let error = run_blocking(&target, &options, |_| {}).unwrap_err();
    insta::assert_snapshot!(error, @"no check is called `will/on-dorp`; did you mean `will/on-drop`? Names may hold `*`, such as `will/*`");
}

#[test]
fn checks_of_another_version_are_an_error_of_their_own() {
    let target = Target::parse("mqtt://127.0.0.1:1").unwrap();
    let options = Options {
        only: vec!["alias/*".to_owned()],
        versions: vec![Version::V3_1_1],
        ..Options::default()
    };
    let error = run_blocking(&target, &options, |_| {}).unwrap_err();
    assert_eq!(error, RunError::Nothing("3.1.1".to_owned()));
}

#[test]
fn an_unreachable_target_is_an_error_of_its_own() {
    // Bound but not listening: nobody else can take the port, and whoever dials it is refused.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = socket.local_addr().unwrap();
    let target = Target::parse(&format!("mqtt://{closed}")).unwrap();
    let error = run_blocking(&target, &Options::default(), |_| {}).unwrap_err();
    assert!(matches!(error, RunError::Unreachable(_)));
    assert!(error.to_string().contains("refused"), "{error}");
    let nowhere = Target::parse("mqtt://no-such-host.invalid").unwrap();
    let options = Options {
        wait: Duration::from_secs(2),
        ..Options::default()
    };
    let error = run_blocking(&nowhere, &options, |_| {}).unwrap_err();
    assert!(matches!(error, RunError::Unreachable(_)), "{error}");
}
