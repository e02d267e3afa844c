//! Each rule with somebody who breaks it and somebody odd who does not, seen from the client's end and from the
//! server's own.

mod crash;
mod manners;
mod stage;

use squall_protocol::{Packet, Property, QoS, ReasonCode, Role, Text, packet::Auth};
use stage::{
    ALL, BOTH, CLIENT,
    Line::{Down, Over, Raw, Torn, Up},
    *,
};

#[test]
fn connack_comes_first() {
    let early = [Up(8, connect(None)), Down(8, Packet::PingResp)];
    guilty(&BOTH, &ALL, &early, "began with PINGRESP");
    let twice = [&hello(8, false)[..], &[Over(8)], &hello(9, false)].concat();
    innocent(&BOTH, &ALL, &twice);
    let again = [&hello(8, false)[..], &[Down(8, connack(false))]].concat();
    guilty(&BOTH, &NEW, &again, "sent a second CONNACK");
    innocent(&BOTH, &OLD, &again);
    // In 5.0 the server may want to know more first; what follows is still held against the rule.
    let Packet::Connect(mut connect) = connect(None) else {
        unreachable!("it is one");
    };
    let method = Property::AuthenticationMethod(Text::from("m"));
    connect.properties.push(method);
    let auth = [
        Up(8, Packet::Connect(connect)),
        Down(
            8,
            Packet::Auth(Auth::with_reason(ReasonCode::CONTINUE_AUTHENTICATION)),
        ),
    ];
    innocent(
        &BOTH,
        &NEW,
        &[&auth[..], &[Down(8, connack(false))]].concat(),
    );
    guilty(&BOTH, &OLD, &auth, "began with AUTH");
    let unanswered = [&auth[..], &[Down(8, Packet::PingResp)]].concat();
    guilty(&BOTH, &NEW, &unanswered, "began with PINGRESP");
}

#[test]
fn a_connect_that_cannot_be_read_is_answered_in_any_version() {
    innocent(&CLIENT, &NEW, &[Raw(8), Torn(8), Over(8)]);
    // Whoever has read a CONNECT knows what is spoken, also on a later connection.
    let says = "CONNACK has no reason code 0x01";
    guilty(&CLIENT, &NEW, &[Up(8, connect(None)), Torn(8)], says);
    let later = [Raw(8), Over(8), Up(9, connect(None)), Torn(9)];
    guilty(&CLIENT, &NEW, &later, says);
    let after = [&hello(8, false)[..], &[Raw(8), Torn(8)]].concat();
    guilty(&CLIENT, &NEW, &after, says);
}

#[test]
fn an_identifier_is_used_again_only_after_its_flow() {
    let says = "while it was in use";
    let in_use = [Down(8, one(1, "a")), Down(8, one(1, "b"))];
    guilty(&BOTH, &ALL, &story(&in_use), says);
    let free = [Down(8, one(1, "a")), Up(8, puback(1)), Down(8, one(1, "b"))];
    innocent(&BOTH, &ALL, &story(&free));
    // A QoS 2 flow ends with PUBCOMP, not with PUBREC.
    let halfway = [Down(8, two(1, "a")), Up(8, pubrec(1)), Down(8, two(1, "b"))];
    guilty(&BOTH, &ALL, &story(&halfway), says);
    // An acknowledgement on an older connection may have arrived.
    let late = [
        Down(8, one(1, "a")),
        Up(9, connect(None)),
        Up(8, puback(1)),
        Down(9, connack(true)),
        Down(9, one(1, "b")),
    ];
    innocent(&CLIENT, &ALL, &story(&late));
}

#[test]
fn dup_says_that_a_message_is_sent_again() {
    let resumed = |packet| {
        let rest = [&[Down(8, one(1, "a"))][..], &back(9), &[Down(9, packet)]];
        story(&rest.concat())
    };
    guilty(&BOTH, &ALL, &resumed(one(1, "a")), "without the DUP flag");
    innocent(&BOTH, &ALL, &resumed(again(1, "a")));
    let first = story(&[Down(8, again(1, "a"))]);
    guilty(&BOTH, &ALL, &first, "for the first time with the DUP flag");
    // On a later connection the client may have missed the first attempt.
    let missed = [&back(9)[..], &[Down(9, again(1, "a"))]].concat();
    innocent(&CLIENT, &ALL, &story(&missed));
}

#[test]
fn messages_are_sent_again_on_a_new_connection() {
    let says = "again on the same connection";
    let twice = story(&[Down(8, one(1, "a")), Down(8, again(1, "a"))]);
    guilty(&BOTH, &NEW, &twice, says);
    innocent(&BOTH, &OLD, &twice);
    // It crossed the acknowledgement.
    let crossed = [
        Down(8, one(1, "a")),
        Up(8, puback(1)),
        Down(8, again(1, "a")),
    ];
    guilty(&CLIENT, &NEW, &story(&crossed), says);
    innocent(&CLIENT, &OLD, &story(&crossed));
}

#[test]
fn messages_are_sent_again_in_their_order() {
    let in_flight = [Down(8, one(1, "a")), Down(8, one(2, "b"))];
    let swapped = [Down(9, again(2, "b")), Down(9, again(1, "a"))];
    let wrong = [&in_flight[..], &back(9), &swapped].concat();
    let says = "resent packet 1 after one that was first sent later";
    guilty(&BOTH, &ALL, &story(&wrong), says);
    // Nothing orders topics, or QoS 1 and 2, towards each other.
    let mixed = [Down(8, one(1, "a")), Down(8, two(2, "b"))];
    let lanes = [Down(9, two_again(2, "b")), Down(9, again(1, "a"))];
    let apart = [&mixed[..], &back(9), &lanes].concat();
    innocent(&CLIENT, &ALL, &story(&apart));
    // `a` was lost on its first way: that it is older than `b` does not show at the client.
    let right = [
        &[Down(8, one(2, "b"))][..],
        &back(9),
        &[Down(9, again(1, "a")), Down(9, again(2, "b"))],
        &back(10),
        &[Down(10, again(1, "a")), Down(10, again(2, "b"))],
    ];
    innocent(&CLIENT, &ALL, &story(&right.concat()));
}

#[test]
fn a_pubrec_may_be_lost_and_its_message_sent_again() {
    let lost = [Down(8, two(1, "a")), Up(8, pubrec(1))];
    let once_more = [
        Down(9, two_again(1, "a")),
        Up(9, pubrec(1)),
        Down(9, pubrel(1)),
    ];
    let resent = [&lost[..], &back(9), &once_more].concat();
    innocent(&CLIENT, &ALL, &story(&resent));
    // A server that has got it may not.
    let known = [&lost[..], &back(9), &once_more[..1]].concat();
    guilty(&[Role::Server], &ALL, &story(&known), "while it was in use");
}

#[test]
fn no_more_is_in_flight_than_the_client_takes() {
    let with = |rest: &[Line]| {
        let start = [Over(8), Up(9, connect(Some(1))), Down(9, connack(false))];
        story(&[&start[..], rest].concat())
    };
    let many = [Down(9, one(1, "a")), Down(9, one(2, "b"))];
    guilty(&BOTH, &NEW, &with(&many), "2 messages in flight");
    let few = [Down(9, one(1, "a")), Up(9, puback(1)), Down(9, one(2, "b"))];
    innocent(&BOTH, &NEW, &with(&few));
}

#[test]
fn an_acknowledgement_answers_something() {
    let unasked = [Down(8, puback(5))];
    guilty(&BOTH, &ALL, &story(&unasked), "PUBACK 5 without a PUBLISH");
    let wrong_kind = [Up(8, two(5, "a")), Down(8, puback(5))];
    guilty(
        &BOTH,
        &ALL,
        &story(&wrong_kind),
        "PUBACK 5 without a PUBLISH",
    );
    let no_release = [Up(8, two(5, "a")), Down(8, pubrec(5)), Down(8, pubcomp(5))];
    guilty(
        &BOTH,
        &ALL,
        &story(&no_release),
        "PUBCOMP 5 without a PUBREL",
    );
    // Sent twice, answered twice; and acknowledgements of different messages in any order.
    let odd = [
        Up(8, two(5, "a")),
        Up(8, one(6, "b")),
        Up(8, two_again(5, "a")),
        Down(8, puback(6)),
        Down(8, pubrec(5)),
        Down(8, pubrec(5)),
        Up(8, pubrel(5)),
        Down(8, pubcomp(5)),
    ];
    innocent(&BOTH, &ALL, &story(&odd));
    // A client need not wait for CONNACK.
    let eager = [
        Over(8),
        Up(9, connect(None)),
        Up(9, one(5, "a")),
        Down(9, connack(false)),
        Down(9, puback(5)),
    ];
    innocent(&BOTH, &ALL, &story(&eager));
}

#[test]
fn in_a_resumed_session_an_acknowledgement_may_be_said_again() {
    let before = [Up(8, two(5, "a")), Down(8, pubrec(5))];
    let after = [
        Up(9, two_again(5, "a")),
        Down(9, pubrec(5)),
        Down(9, pubrec(5)),
    ];
    let lines = [&before[..], &back(9), &after].concat();
    innocent(&CLIENT, &ALL, &story(&lines));
    let unheard_of = [&before[..], &back(9), &[Down(9, pubrec(6))]].concat();
    guilty(
        &BOTH,
        &ALL,
        &story(&unheard_of),
        "PUBREC 6 without a PUBLISH",
    );
    let at_once = [&before[..], &[Down(8, pubrec(5))]].concat();
    guilty(&BOTH, &ALL, &story(&at_once), "PUBREC 5 without a PUBLISH");
}

#[test]
fn pubrel_answers_pubrec() {
    let early = [Down(8, two(1, "a")), Down(8, pubrel(1))];
    guilty(
        &BOTH,
        &ALL,
        &story(&early),
        "PUBREL 1 before there was a PUBREC",
    );
    let right = [
        Down(8, two(1, "a")),
        Up(8, pubrec(1)),
        Down(8, pubrel(1)),
        Up(8, pubcomp(1)),
        Down(8, two(1, "b")),
    ];
    innocent(&BOTH, &ALL, &story(&right));
}

#[test]
fn a_message_is_forwarded_as_it_was_published_and_granted() {
    let with = |packet| {
        let granted = [
            Up(8, subscribe(QoS::AtMostOnce)),
            Down(8, suback(QoS::AtMostOnce)),
        ];
        story(&[&granted[..], &[Down(8, packet)]].concat())
    };
    guilty(&BOTH, &ALL, &with(one(1, "a")), "with QoS 1");
    guilty(&BOTH, &ALL, &with(retained("a")), "with RETAIN 1");
    guilty(&BOTH, &ALL, &with(zero("x")), "that nobody published");
    innocent(&BOTH, &ALL, &with(zero("a")));
    // Somebody else has published it to be retained.
    let kept = [vec![Up(7, retained("a"))], with(retained("a"))].concat();
    innocent(&BOTH, &ALL, &kept);
    // What else was sent is not known.
    let raw = [vec![Raw(3)], with(zero("x"))].concat();
    innocent(&BOTH, &ALL, &raw);
}

#[test]
fn a_session_that_began_elsewhere_is_not_judged() {
    let lines = [
        &hello(8, true)[..],
        &[
            Down(8, pubrel(1)),
            Down(8, again(1, "a")),
            Down(8, puback(4)),
        ],
    ];
    let lines = [vec![Up(7, one(0, "a"))], lines.concat()].concat();
    innocent(&CLIENT, &ALL, &lines);
}
