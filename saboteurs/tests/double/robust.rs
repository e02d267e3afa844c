//! Whatever arrives, in whatever order, a double with any fault or oddity goes on: it never panics, and its deadlines
//! pass.

use crate::{scripts::SCRIPTS, stage::Stage};
use proptest::prelude::*;
use squall_protocol::Version;
use squall_saboteurs::{ConnectionId, Decoy, Output, Server as _, Switch, double::Double};

/// A CONNECT and what may follow it, to be cut and mixed.
const PIECES: &[&[u8]] = &[
    b"\x10\x0F\0\x04MQTT\x04\0\0\x02\0\x03abc",
    b"\x10\x10\0\x04MQTT\x05\x02\0\x02\0\0\x03abc",
    b"\x10\x15\0\x04MQTT\x05\0\0\x02\x05\x11\0\0\0\x02\0\x03abc",
    b"\x82\x08\0\x01\0\x03t/#\x02",
    b"\x82\x09\0\x01\0\0\x03t/#\x02",
    b"\x82\x0F\0\x02\0\0\x09$share/g/\x02",
    b"\x32\x08\0\x03t/1\0\x07!",
    b"\x35\x09\0\x03t/1\0\x08\0!",
    b"\x34\x08\0\x03t/1\0\x09!",
    b"\x40\x02\0\x01",
    b"\x50\x02\0\x01",
    b"\x62\x02\0\x08",
    b"\x70\x02\0\x01",
    b"\xA2\x07\0\x03\0\x03t/#",
    b"\xC0\0",
    b"\xE0\0",
    b"\xF0\0",
    b"\0\0",
];

#[derive(Clone, Debug)]
enum Step {
    Open(u64),
    Piece(u64, usize),
    Bytes(u64, Vec<u8>),
    Close(u64),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..3u64).prop_map(Step::Open),
        10 => (0..3u64, 0..PIECES.len()).prop_map(|(n, piece)| Step::Piece(n, piece)),
        1 => (0..3u64, proptest::collection::vec(any::<u8>(), 0..12)).prop_map(|(n, b)| Step::Bytes(n, b)),
        1 => (0..3u64).prop_map(Step::Close),
        2 => (0..6_000u64).prop_map(Step::Wait),
    ]
}

fn play(mut double: Double, steps: &[Step]) -> Vec<Output> {
    let (mut now, mut opened) = (0, 0);
    let mut at = [ConnectionId(0); 3];
    let mut out = Vec::new();
    for step in steps {
        match step {
            Step::Open(n) => {
                opened += 1;
                at[usize::try_from(*n).expect("small")] = ConnectionId(opened);
                double.opened(now, ConnectionId(opened));
            }
            Step::Piece(n, piece) => {
                double.received(now, at[usize::try_from(*n).expect("small")], PIECES[*piece]);
            }
            Step::Bytes(n, bytes) => {
                double.received(now, at[usize::try_from(*n).expect("small")], bytes)
            }
            Step::Close(n) => double.closed(now, at[usize::try_from(*n).expect("small")]),
            Step::Wait(ms) => {
                now += ms;
                double.passed(now);
            }
        }
        out.extend(double.outputs());
        assert!(
            double.deadline().is_none_or(|due| due >= now),
            "a deadline is past"
        );
        double.passed(now);
        assert!(
            double.deadline().is_none_or(|due| due > now),
            "a deadline does not pass"
        );
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_makes_a_double_panic_or_hang(
        steps in proptest::collection::vec(step(), 1..40),
        switch in 0..Switch::ALL.len(),
        decoy in 0..Decoy::ALL.len(),
        faulty in any::<bool>(),
    ) {
        let double = || Double::with(
            faulty.then_some(Switch::ALL[switch]),
            (!faulty).then_some(Decoy::ALL[decoy]),
        );
        prop_assert_eq!(play(double(), &steps), play(double(), &steps));
    }
}

#[test]
fn a_double_with_every_fault_at_once_still_stands() {
    for version in Version::ALL {
        for (_, script) in SCRIPTS {
            let all = Switch::ALL.iter().copied();
            script(&mut Stage::new(
                version,
                Double::with(all, Decoy::ALL.iter().copied()),
            ));
        }
    }
}

/// Faults that every kind of test counts on: scenarios and checks have each of them to catch.
const MOST_WANTED: [&str; 29] = [
    "forget-dup",
    "will-after-disconnect",
    "free-qos2-id-early",
    "lose-offline-queue",
    "keep-cleared-retained",
    "no-takeover",
    "resend-out-of-order",
    "no-resend-on-resume",
    "ignore-keep-alive",
    "keep-alive-too-early",
    "session-present-always-zero",
    "deliver-at-publish-qos",
    "wildcard-matches-dollar",
    "retain-flag-on-live-delivery",
    "will-ignores-delay",
    "will-survives-reconnect",
    "no-will",
    "suback-wrong-count",
    "reuse-qos2-after-pubrec",
    "ignore-receive-maximum",
    "ignore-no-local",
    "expiry-not-reduced",
    "drop-user-properties",
    "duplicate-qos0",
    "shared-to-all",
    "keep-session-on-clean-start",
    "reverse-order",
    "unsubscribe-ignored",
    "ping-unanswered",
];

#[test]
fn the_faults_that_scenarios_and_checks_have_to_catch_are_there_by_name() {
    let missing = MOST_WANTED
        .iter()
        .filter(|name| Switch::from_name(name).is_none());
    let missing: Vec<_> = missing.collect();
    assert!(missing.is_empty(), "{missing:?}");
}
