//! Message Expiry Intervals, seen from the clients' ends.

use crate::stage::{
    A, P, What, accepted, asks, begun, come_back, expiring, gets, ping, pong, publish, said, tale,
    there,
};
use squall_protocol::packet::Publish;

type Lines = Vec<(u64, usize, What)>;

fn lasting(seconds: u32) -> Publish {
    Publish {
        properties: expiring(seconds),
        ..publish("m")
    }
}

/// `a` subscribes and goes, `p` says something that lasts 10 s, and `a` comes back at a time.
fn away(said: Lines, back: u64, more: Lines) -> Vec<&'static str> {
    let first = vec![(0, A, come_back(None)), (0, A, accepted(false))];
    let again = vec![(back, A, come_back(None)), (back, A, accepted(true))];
    let gone = vec![(2, A, What::Closed)];
    tale([first, asks(1, A), gone, there(3, P), said, again, more]).at_clients()
}

fn said_10() -> Lines {
    said(4, lasting(10))
}

#[test]
fn an_expired_message_is_not_sent() {
    let late = || gets(20_000, A, lasting(1));
    assert_eq!(away(said_10(), 19_999, late()), ["expiry"]);
    // When it was taken over is not known.
    assert!(away(begun(4, lasting(10)), 19_999, late()).is_empty());
    // What is sent again was begun on the connection before.
    let again = Publish {
        dup: true,
        ..lasting(1)
    };
    assert!(away(said_10(), 19_999, gets(20_000, A, again)).is_empty());
    // It may have been on its way since the CONNECT.
    assert!(away(said_10(), 5_000, late()).is_empty());
    // Something sent since then, and answered, says that it was not.
    let mut fenced = vec![(19_990, A, ping()), (19_991, A, pong())];
    fenced.extend(late());
    assert_eq!(away(said_10(), 5_000, fenced), ["expiry"]);
}

#[test]
fn what_waited_says_so() {
    let says = |seconds| away(said_10(), 8_000, gets(8_001, A, lasting(seconds)));
    assert_eq!(says(10), ["expiry"]);
    assert!(says(2).is_empty());
    // A server that takes its time is not asked to the second.
    assert!(says(4).is_empty());
}

#[test]
fn no_more_is_taken_off_than_the_time_that_passed() {
    let says = |seconds| away(said_10(), 5_000, gets(5_001, A, lasting(seconds)));
    assert_eq!(says(1), ["expiry"]);
    // Whole seconds may be cut off.
    assert!(says(4).is_empty());
}

/// No statement forbids a server to set a time of its own.
#[test]
fn a_server_may_add_an_interval() {
    assert!(away(said(4, publish("m")), 5_000, gets(5_001, A, lasting(60))).is_empty());
}
