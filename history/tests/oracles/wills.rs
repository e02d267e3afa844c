//! Wills, seen from the clients' ends.

use crate::stage::{
    A, B, P, What, accepted, answered, asks, come_back, gets, goodbye, ping, pong, publish, tale,
    there, will,
};
use squall_protocol::{Packet, ReasonCode, packet::Publish};

type Lines = Vec<(u64, usize, What)>;

/// `a` listens to `t`, and `p` connects with a will there, with a delay in seconds.
fn with_will(delay: u32, more: impl IntoIterator<Item = Lines>) -> Vec<&'static str> {
    let mut parts = vec![there(0, A), asks(1, A), comes(10, delay, false)];
    parts.extend(more);
    tale(parts).at_clients()
}

fn comes(at: u64, delay: u32, present: bool) -> Lines {
    vec![
        (at, P, come_back(Some(will(delay)))),
        (at, P, accepted(present)),
    ]
}

fn gone(at: u64) -> Lines {
    gets(at, A, publish("gone"))
}

fn over(at: u64) -> Lines {
    vec![(at, P, What::Closed)]
}

#[test]
fn no_will_comes_while_its_connection_is_open() {
    let alive = || vec![(30, P, ping()), (31, P, pong())];
    assert_eq!(with_will(0, [gone(20), alive()]), ["will"]);
    // Not sent after the will came, the request proves nothing.
    let before = vec![(15, P, ping())];
    assert!(with_will(0, [before, gone(20), vec![(31, P, pong())]]).is_empty());
    // Not answered, it proves nothing either.
    assert!(with_will(0, [gone(20), vec![(30, P, ping())]]).is_empty());
    assert!(with_will(0, [over(15), gone(20)]).is_empty());
    // Somebody else may have said the same.
    let said = vec![(12, B, What::Published(publish("gone")))];
    assert!(with_will(0, [said, gone(20), alive()]).is_empty());
}

#[test]
fn no_will_comes_of_a_connection_that_was_refused() {
    let refused = |reason| {
        let connecting = vec![
            (10, P, come_back(Some(will(0)))),
            (11, P, answered(false, reason)),
        ];
        tale([there(0, A), asks(1, A), connecting, over(12), gone(20)]).at_clients()
    };
    assert_eq!(refused(ReasonCode::NOT_AUTHORIZED), ["will"]);
    assert!(refused(ReasonCode::SUCCESS).is_empty());
}

/// Nobody knows whether the DISCONNECT arrived.
#[test]
fn a_will_may_come_after_a_farewell() {
    let farewell = vec![(15, P, goodbye())];
    assert!(with_will(0, [farewell, over(16), gone(20)]).is_empty());
}

#[test]
fn a_will_waits_for_its_delay() {
    let back = |present| comes(3_000, 10, present);
    assert_eq!(
        with_will(10, [over(15), gone(20), back(true)]),
        ["will"],
        "before the delay"
    );
    assert_eq!(
        with_will(10, [over(15), back(true), gone(12_000)])
            .first()
            .copied(),
        None,
        "the second connection may be over by then"
    );
    let alive = vec![(12_001, P, ping()), (12_002, P, pong())];
    assert_eq!(
        with_will(10, [over(15), back(true), gone(12_000), alive]),
        ["will"],
        "the session was resumed in time"
    );
    // The server may have discarded the session, and the will is due then.
    assert!(with_will(10, [over(15), gone(20), back(false)]).is_empty());
    assert!(with_will(10, [over(15), gone(20)]).is_empty());
    // Seconds may be cut off.
    let late = comes(20_000, 10, true);
    assert!(with_will(10, [over(15), gone(9_500), late]).is_empty());
}

#[test]
fn a_will_comes_once_for_each_connection() {
    assert_eq!(with_will(0, [over(15), gone(20), gone(21)]), ["will"]);
    let again = comes(16, 0, true);
    assert!(with_will(0, [over(15), gone(20), again, over(18), gone(21)]).is_empty());
    let repeated = Publish {
        dup: true,
        ..publish("gone")
    };
    let repeated = vec![(21, A, What::Down(Packet::Publish(repeated)))];
    assert!(with_will(0, [over(15), gone(20), repeated]).is_empty());
}
