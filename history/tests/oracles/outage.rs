//! A server that goes down: what it may have forgotten when it is back, and what it may not.

use crate::stage::{
    A, B, P, Tale, What, accepted, asks, begun, come_back, connack, expiring, gets, goodbye,
    message, publish, published, resuming, retained, said, tale, there, will,
};
use squall_history::model::Keeps;
use squall_protocol::QoS;
use std::time::Duration;

/// What the server did this long before a crash is durable.
const KEEPS: Keeps = Keeps::All(Duration::from_millis(50));

type Part = Vec<(u64, usize, What)>;

/// It is away from one time to another.
fn away(from: u64, to: u64, keeps: Keeps) -> Part {
    vec![(from, A, What::Crash(keeps)), (to, A, What::Restart)]
}

/// `a` comes back with a session that lasts this many seconds, and is told whether it is there.
fn back(at: u64, expiry: u32, present: bool) -> Part {
    vec![
        (at, A, resuming(expiry, 0, None)),
        (at, A, accepted(present)),
    ]
}

/// `a` has a session, the server is away, and `a` is back at a time.
fn session(
    expiry: u32,
    (from, to): (u64, u64),
    keeps: Keeps,
    at: u64,
    present: bool,
) -> Vec<&'static str> {
    let parts = [
        back(0, expiry, false),
        away(from, to, keeps),
        back(at, expiry, present),
    ];
    tale(parts).sharply(at)
}

const NONE: [&str; 0] = [];

#[test]
fn without_a_store_every_session_is_gone() {
    let at = |present| session(3_600, (1_000, 2_000), Keeps::Nothing, 3_000, present);
    assert_eq!(at(false), NONE);
    assert_eq!(at(true), ["session"]);
}

#[test]
fn with_a_store_sessions_last() {
    let at = |present| session(3_600, (1_000, 2_000), KEEPS, 3_000, present);
    assert_eq!(at(true), NONE);
    assert_eq!(at(false), ["session"]);
    // One that ends with its connection has ended.
    let at = |present| session(0, (1_000, 2_000), KEEPS, 3_000, present);
    assert_eq!(at(false), NONE);
    assert_eq!(at(true), ["session"]);
}

#[test]
fn their_time_may_count_from_the_crash_or_from_the_restart() {
    let at = |at, present| session(10, (1_000, 9_000), KEEPS, at, present);
    assert_eq!(at(10_900, true), NONE);
    assert_eq!(
        at(10_900, false),
        ["session"],
        "it counts from the crash at the earliest"
    );
    assert_eq!(at(15_000, true), NONE);
    assert_eq!(at(15_000, false), NONE);
    assert_eq!(
        at(19_100, true),
        ["session"],
        "it counts from the restart at the latest"
    );
    assert_eq!(at(19_100, false), NONE);
}

#[test]
fn whoever_left_before_has_left() {
    let at = |left, present| {
        let gone = vec![(left, A, goodbye()), (left, A, What::Closed)];
        let parts = [
            back(0, 10, false),
            gone,
            away(5_000, 30_000, KEEPS),
            back(31_000, 10, present),
        ];
        tale(parts).sharply(31_000)
    };
    assert_eq!(at(4_000, false), NONE);
    assert_eq!(
        at(4_000, true),
        ["session"],
        "the server had a second to write it down"
    );
    assert_eq!(at(4_990, true), NONE, "it may not know that");
    assert_eq!(at(4_990, false), NONE);
}

#[test]
fn a_connect_that_was_not_answered_may_have_begun_a_session() {
    let first = vec![(0, A, resuming(3_600, 0, None))];
    let at = |present| {
        let parts = [
            first.clone(),
            away(10, 20, KEEPS),
            back(100, 3_600, present),
        ];
        tale(parts).sharply(100)
    };
    assert_eq!(at(true), NONE);
    assert_eq!(at(false), NONE);
}

/// `a` has subscribed, `p` has had a message acknowledged, and the server is away after that; then `a` is back.
fn acknowledged(keeps: Keeps, present: bool, more: Part) -> Vec<&'static str> {
    let parts = [
        back(0, 3_600, false),
        asks(1, A),
        there(2, P),
        said(100, publish("m")),
        away(200, 300, keeps),
        back(400, 3_600, present),
        more,
        vec![(5_000, B, What::Closed)],
    ];
    tale(parts).sharply(1_000)
}

#[test]
fn what_was_acknowledged_is_not_lost() {
    assert_eq!(acknowledged(KEEPS, true, Vec::new()), ["at least once"]);
    assert_eq!(acknowledged(KEEPS, true, gets(500, A, publish("m"))), NONE);
    assert_eq!(acknowledged(Keeps::Nothing, false, Vec::new()), NONE);
}

#[test]
fn what_was_not_acknowledged_may_be() {
    let parts = [
        back(0, 3_600, false),
        asks(1, A),
        there(2, P),
        begun(190, publish("m")),
        away(200, 300, KEEPS),
        back(400, 3_600, true),
        vec![(5_000, B, What::Closed)],
    ];
    assert_eq!(tale(parts).sharply(1_000), NONE);
}

/// A will reaches `b` although its client said goodbye so many milliseconds before the server went down.
fn farewell(before: u64) -> Vec<&'static str> {
    let crash = 5_000;
    let left = crash - before;
    let parts = [
        there(0, B),
        asks(1, B),
        vec![
            (2, A, come_back(Some(will(0)))),
            (2, A, connack()),
            (left, A, goodbye()),
            (left, A, What::Closed),
        ],
        away(crash, 6_000, KEEPS),
        there(6_100, B),
        asks(6_110, B),
        gets(6_200, B, publish("gone")),
    ];
    tale(parts).sharply(7_000)
}

#[test]
fn a_farewell_may_be_forgotten_with_the_crash_behind_it() {
    assert_eq!(farewell(20), NONE);
    assert_eq!(farewell(1_000), ["will"]);
}

#[test]
fn the_time_in_which_a_server_is_away_may_count_for_what_expires() {
    let sent = |at, seconds| {
        let parts = [
            back(0, 3_600, false),
            asks(1, A),
            there(2, P),
            vec![
                (3, P, published(expiring(10))),
                (4, P, What::Up(message(false, false, expiring(10)))),
            ],
            away(3_004, 30_000, KEEPS),
            back(30_500, 3_600, true),
            vec![(at, A, What::Down(message(false, false, expiring(seconds))))],
        ];
        tale(parts).sharply(at)
    };
    // Three seconds before and one after: ten less four, or none at all any more.
    assert_eq!(sent(31_000, 6), NONE);
    assert_eq!(sent(31_000, 1), NONE);
    assert_eq!(
        sent(31_000, 10),
        ["expiry"],
        "what it had waited is forgotten"
    );
    assert_eq!(
        sent(40_000, 0),
        ["expiry"],
        "it has expired, however one counts"
    );
}

/// `p` has a message retained, the server is away, and `b` subscribes: what it gets.
fn kept(keeps: Keeps, begins: Part, gets: Part) -> Vec<&'static str> {
    let parts = [
        there(0, P),
        begins,
        away(200, 300, keeps),
        there(400, B),
        asks(401, B),
        gets,
        vec![(5_000, P, What::Closed)],
    ];
    tale(parts).sharply(1_000)
}

#[test]
fn retained_messages_outlive_a_crash_if_they_were_acknowledged() {
    let given = || gets(500, B, retained("r"));
    let kept_it = || said(100, retained("r"));
    assert_eq!(kept(KEEPS, kept_it(), given()), NONE);
    assert_eq!(kept(KEEPS, kept_it(), Vec::new()), ["retained"]);
    assert_eq!(kept(Keeps::Nothing, kept_it(), Vec::new()), NONE);
    assert_eq!(kept(KEEPS, begun(180, retained("r")), Vec::new()), NONE);
    assert_eq!(kept(KEEPS, begun(180, retained("r")), given()), NONE);
    let at_qos_0 = |at| {
        let mut zero = retained("r");
        (zero.qos, zero.packet_id) = (QoS::AtMostOnce, None);
        begun(at, zero)
    };
    assert_eq!(kept(KEEPS, at_qos_0(180), Vec::new()), NONE);
    assert_eq!(
        kept(KEEPS, at_qos_0(100), Vec::new()),
        ["retained"],
        "it was on the disk"
    );
}

#[test]
fn a_tale_without_a_crash_is_as_it_was() {
    let whole = Tale(vec![
        (0, A, resuming(3_600, 0, None)),
        (0, A, accepted(false)),
    ]);
    assert_eq!(whole.sharply(0), NONE);
}
