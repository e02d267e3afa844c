//! A server that goes down may forget what it has heard, if it has told nobody, and nothing else.

use crate::stage::{
    ALL,
    Line::{self, Crash, Down, Over, Up},
    again, back, guilty, innocent, one, puback, pubcomp, pubrec, pubrel, story, two, two_again,
};
use squall_protocol::Role;

const SERVER: [Role; 1] = [Role::Server];

/// What happens on the first connection, then the server goes down, and what happens on the second.
fn over_a_crash(first: &[Line], second: &[Line]) -> Vec<Line> {
    story(&[first, &[Crash], &back(9), second].concat())
}

/// The same, where only the connection ends.
fn over_a_gap(first: &[Line], second: &[Line]) -> Vec<Line> {
    story(&[first, &back(9), second].concat())
}

#[test]
fn an_acknowledgement_may_be_forgotten() {
    let first = [Down(8, one(1, "a")), Down(8, one(2, "b")), Up(8, puback(1))];
    // In the order in which they were first sent.
    let second = [Down(9, again(1, "a")), Down(9, again(2, "b"))];
    innocent(&SERVER, &ALL, &over_a_crash(&first, &second));
    let once = [Down(8, one(1, "a")), Up(8, puback(1))];
    let once = over_a_gap(&once, &second[..1]);
    guilty(&SERVER, &ALL, &once, "for the first time with the DUP flag");
    let backwards = [Down(9, again(2, "b")), Down(9, again(1, "a"))];
    let says = "after one that was first sent later";
    guilty(&SERVER, &ALL, &over_a_crash(&first, &backwards), says);
}

#[test]
fn what_was_acted_upon_is_not_forgotten() {
    // Once it is used for another message, its acknowledgement was known.
    let first = [
        Down(8, one(1, "a")),
        Up(8, puback(1)),
        Down(8, one(1, "b")),
        Up(8, puback(1)),
    ];
    innocent(
        &SERVER,
        &ALL,
        &over_a_crash(&first, &[Down(9, again(1, "b"))]),
    );
    let used = [Down(9, one(1, "c")), Down(9, again(1, "b"))];
    guilty(
        &SERVER,
        &ALL,
        &over_a_crash(&first, &used),
        "while it was in use",
    );
}

#[test]
fn what_was_about_to_be_sent_may_count_as_sent() {
    let first = [Down(8, one(1, "a"))];
    let second = [Down(9, again(1, "a")), Down(9, again(2, "b"))];
    innocent(&SERVER, &ALL, &over_a_crash(&first, &second));
    let late = [
        &second[..1],
        &[Down(9, one(2, "b")), Down(9, again(3, "c"))],
    ]
    .concat();
    let says = "for the first time with the DUP flag";
    guilty(&SERVER, &ALL, &over_a_crash(&first, &late), says);
}

#[test]
fn a_pubrec_may_be_forgotten_until_it_is_answered() {
    let heard = [Down(8, two(1, "a")), Up(8, pubrec(1))];
    let resent = [Down(9, two_again(1, "a"))];
    innocent(&SERVER, &ALL, &over_a_crash(&heard, &resent));
    innocent(&SERVER, &ALL, &over_a_crash(&heard, &[Down(9, pubrel(1))]));
    guilty(
        &SERVER,
        &ALL,
        &over_a_gap(&heard, &resent),
        "while it was in use",
    );
    let told = [&heard[..], &[Down(8, pubrel(1))]].concat();
    guilty(
        &SERVER,
        &ALL,
        &over_a_crash(&told, &resent),
        "while it was in use",
    );
    let over = [&told[..], &[Up(8, pubcomp(1))]].concat();
    let says = "for the first time with the DUP flag";
    guilty(&SERVER, &ALL, &over_a_crash(&over, &resent), says);
}

#[test]
fn packet_identifiers_and_dup_outlive_a_crash() {
    let first = [Down(8, one(1, "a")), Down(8, one(2, "b"))];
    let says = "again without the DUP flag";
    guilty(
        &SERVER,
        &ALL,
        &over_a_crash(&first, &[Down(9, one(1, "a"))]),
        says,
    );
    let says = "while it was in use";
    guilty(
        &SERVER,
        &ALL,
        &over_a_crash(&first, &[Down(9, one(1, "c"))]),
        says,
    );
    let says = "before resending one that was in flight";
    guilty(
        &SERVER,
        &ALL,
        &over_a_crash(&first, &[Down(9, one(3, "c"))]),
        says,
    );
    // A session that is new has none.
    let anew = [
        Crash,
        Over(8),
        Up(9, crate::stage::connect(None)),
        Down(9, crate::stage::connack(false)),
    ];
    let lines = story(&[&first[..], &anew, &[Down(9, one(1, "c"))]].concat());
    innocent(&SERVER, &ALL, &lines);
}
