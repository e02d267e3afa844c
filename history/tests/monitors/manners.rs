//! What a server answers, to whom it says what, and when it says nothing more.

use crate::stage::{
    ALL, BOTH,
    Line::{Down, Over, Up},
    NEW, connack, connect, guilty, hello, innocent, one, story, suback, subscribe, two,
};
use bytes::Bytes;
use squall_protocol::{
    Packet, PacketId, Properties, Property, QoS, ReasonCode, Text, Version,
    packet::{
        Ack, Auth, ConnAck, Connect, Disconnect, Publish, SubAck, UnsubAck, Unsubscribe, Will,
    },
    topic::TopicFilter,
};

fn id(n: u16) -> PacketId {
    PacketId::new(n).unwrap()
}

/// A CONNECT of 5.0 with these properties.
fn announcing(client_id: &str, properties: impl IntoIterator<Item = Property>) -> Packet {
    Packet::Connect(Box::new(Connect {
        version: Version::V5_0,
        clean_start: true,
        keep_alive: 0,
        client_id: Text::from(client_id),
        will: None,
        user_name: None,
        password: None,
        properties: properties.into_iter().collect(),
    }))
}

fn greeting(reason: ReasonCode, properties: impl IntoIterator<Item = Property>) -> Packet {
    Packet::ConnAck(ConnAck {
        session_present: false,
        reason,
        properties: properties.into_iter().collect(),
    })
}

fn aliased(alias: u16) -> Packet {
    Packet::Publish(Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: Text::from("t"),
        packet_id: None,
        properties: [Property::TopicAlias(alias)].into_iter().collect(),
        payload: Bytes::from_static(b"a"),
    })
}

fn explained() -> Ack {
    Ack {
        properties: [Property::ReasonString(Text::from("why"))]
            .into_iter()
            .collect(),
        ..Ack::success(id(5))
    }
}

/// A connection of 5.0 that begins with this CONNECT, with more after it.
fn after(connect: Packet, rest: &[crate::stage::Line]) -> Vec<crate::stage::Line> {
    let assigned = match &connect {
        Packet::Connect(c) if c.client_id.is_empty() => {
            vec![Property::AssignedClientIdentifier(Text::from("given"))]
        }
        _ => Vec::new(),
    };
    let hello = [
        Up(8, connect),
        Down(8, greeting(ReasonCode::SUCCESS, assigned)),
    ];
    [&[Up(7, one(0, "a"))], &hello[..], rest].concat()
}

#[test]
fn each_request_has_one_answer() {
    innocent(
        &BOTH,
        &ALL,
        &story(&[
            Up(8, subscribe(QoS::AtMostOnce)),
            Down(8, suback(QoS::AtMostOnce)),
        ]),
    );
    guilty(
        &BOTH,
        &ALL,
        &story(&[Down(8, suback(QoS::AtMostOnce))]),
        "no SUBSCRIBE waits for it",
    );
    let twice = [
        Up(8, subscribe(QoS::AtMostOnce)),
        Down(8, suback(QoS::AtMostOnce)),
        Down(8, suback(QoS::AtMostOnce)),
    ];
    guilty(&BOTH, &ALL, &story(&twice), "no SUBSCRIBE waits for it");
    // A client that has used an identifier twice gets two answers.
    let careless = [
        Up(8, subscribe(QoS::AtMostOnce)),
        Up(8, subscribe(QoS::AtLeastOnce)),
        Down(8, suback(QoS::AtMostOnce)),
        Down(8, suback(QoS::AtMostOnce)),
    ];
    innocent(&BOTH, &ALL, &story(&careless));
    // One on an older connection is answered there or nowhere.
    let late = [
        Up(8, subscribe(QoS::AtMostOnce)),
        Over(8),
        Up(9, connect(None)),
        Down(9, connack(true)),
        Down(9, suback(QoS::AtMostOnce)),
    ];
    guilty(&BOTH, &ALL, &story(&late), "no SUBSCRIBE waits for it");
}

#[test]
fn answers_have_a_code_for_each_filter() {
    let unsubscribe = |filters: &[&str]| {
        let filter = |f: &&str| TopicFilter::parse_v5(*f).unwrap();
        Up(
            8,
            Packet::Unsubscribe(Unsubscribe {
                packet_id: id(3),
                properties: Properties::new(),
                filters: filters.iter().map(filter).collect(),
            }),
        )
    };
    let unsuback = |codes: usize| {
        Down(
            8,
            Packet::UnsubAck(UnsubAck {
                packet_id: id(3),
                properties: Properties::new(),
                reasons: vec![ReasonCode::SUCCESS; codes],
            }),
        )
    };
    innocent(
        &BOTH,
        &NEW,
        &story(&[unsubscribe(&["a", "b"]), unsuback(2)]),
    );
    guilty(
        &BOTH,
        &NEW,
        &story(&[unsubscribe(&["a", "b"]), unsuback(1)]),
        "with 1 codes",
    );
    innocent(
        &BOTH,
        &[Version::V3_1_1],
        &story(&[unsubscribe(&["a", "b"]), unsuback(0)]),
    );
    let Packet::SubAck(mut long) = suback(QoS::AtMostOnce) else {
        unreachable!("it is one");
    };
    long.reasons.push(ReasonCode::SUCCESS);
    let longer = [
        Up(8, subscribe(QoS::AtMostOnce)),
        Down(8, Packet::SubAck(long)),
    ];
    guilty(&BOTH, &ALL, &story(&longer), "with 2 codes");
}

#[test]
fn what_a_client_has_announced_binds_the_server() {
    let small = || {
        announcing(
            "c",
            [
                Property::MaximumPacketSize(11),
                Property::TopicAliasMaximum(2),
            ],
        )
    };
    innocent(&BOTH, &NEW, &after(small(), &[Down(8, aliased(2))]));
    guilty(
        &BOTH,
        &NEW,
        &after(small(), &[Down(8, aliased(3))]),
        "Topic Alias 3",
    );
    guilty(
        &BOTH,
        &NEW,
        &after(announcing("c", []), &[Down(8, aliased(1))]),
        "Topic Alias 1",
    );
    let refused = [Up(8, two(5, "b")), Down(8, Packet::PubRec(explained()))];
    guilty(
        &BOTH,
        &NEW,
        &after(small(), &refused),
        "a PUBREC of 12 bytes",
    );
    let quiet = || announcing("c", [Property::RequestProblemInformation(0)]);
    let explains = |packet| [Up(8, one(5, "b")), Down(8, packet)];
    guilty(
        &BOTH,
        &NEW,
        &after(quiet(), &explains(Packet::PubAck(explained()))),
        "Reason String",
    );
    innocent(
        &BOTH,
        &NEW,
        &after(announcing("c", []), &explains(Packet::PubAck(explained()))),
    );
    // DISCONNECT may explain itself to everybody.
    let farewell = Disconnect {
        reason: ReasonCode::QUOTA_EXCEEDED,
        properties: explained().properties,
    };
    innocent(
        &BOTH,
        &NEW,
        &after(quiet(), &[Down(8, Packet::Disconnect(farewell))]),
    );
    let auth = Packet::Auth(Auth::with_reason(ReasonCode::SUCCESS));
    guilty(
        &BOTH,
        &NEW,
        &after(announcing("c", []), &[Down(8, auth.clone())]),
        "sent an AUTH",
    );
    let method = Property::AuthenticationMethod(Text::from("m"));
    innocent(
        &BOTH,
        &NEW,
        &after(announcing("c", [method]), &[Down(8, auth)]),
    );
}

#[test]
fn connack_says_what_was_asked_for() {
    let greeted = |client_id: &str, asks: Vec<Property>, says: Vec<Property>| {
        let connect = announcing(client_id, asks);
        [Up(8, connect), Down(8, greeting(ReasonCode::SUCCESS, says))]
    };
    guilty(
        &BOTH,
        &NEW,
        &greeted("", vec![], vec![]),
        "no Assigned Client Identifier",
    );
    let given = Property::AssignedClientIdentifier(Text::from("given"));
    innocent(&BOTH, &NEW, &greeted("", vec![], vec![given]));
    let response = Property::ResponseInformation(Text::from("r"));
    guilty(
        &BOTH,
        &NEW,
        &greeted("c", vec![], vec![response.clone()]),
        "Response Information",
    );
    let asked = Property::RequestResponseInformation(1);
    innocent(&BOTH, &NEW, &greeted("c", vec![asked], vec![response]));
    let method = Property::AuthenticationMethod(Text::from("m"));
    guilty(
        &BOTH,
        &NEW,
        &greeted("c", vec![], vec![method.clone()]),
        "an Authentication Method",
    );
    innocent(
        &BOTH,
        &NEW,
        &greeted("c", vec![method.clone()], vec![method]),
    );
}

#[test]
fn nothing_follows_a_farewell() {
    let farewell = || {
        Down(
            8,
            Packet::Disconnect(Disconnect::with_reason(ReasonCode::SERVER_BUSY)),
        )
    };
    let more = [farewell(), Down(8, Packet::PingResp)];
    guilty(&BOTH, &NEW, &story(&more), "PINGRESP after DISCONNECT");
    // The client may go on for a while, and come back.
    let back = [
        &[farewell(), Up(8, Packet::PingReq), Over(8)][..],
        &hello(9, true),
    ]
    .concat();
    innocent(&BOTH, &NEW, &story(&back));
    let refused = |rest: &[crate::stage::Line]| {
        let start = [
            Up(8, connect(None)),
            Down(8, greeting(ReasonCode::BAD_USER_NAME_OR_PASSWORD, [])),
        ];
        [&start[..], rest].concat()
    };
    guilty(
        &BOTH,
        &NEW,
        &refused(&[Down(8, Packet::PingResp)]),
        "after the CONNACK that refused",
    );
    innocent(
        &BOTH,
        &NEW,
        &refused(&[&[Over(8)][..], &hello(9, false)].concat()),
    );
}

/// A CONNECT with a will of QoS 2 that is to be retained, and a CONNACK that offers this.
fn with_a_will(reason: ReasonCode, offers: &[Property]) -> [crate::stage::Line; 2] {
    let Packet::Connect(mut connect) = announcing("c", []) else {
        unreachable!("it is one");
    };
    connect.will = Some(Will {
        topic: Text::from("gone"),
        payload: Bytes::new(),
        qos: QoS::ExactlyOnce,
        retain: true,
        properties: Properties::new(),
    });
    [
        Up(8, Packet::Connect(connect)),
        Down(8, greeting(reason, offers.iter().cloned())),
    ]
}

#[test]
fn a_will_that_is_beyond_a_server_is_refused() {
    let (less, none) = (Property::MaximumQoS(1), Property::RetainAvailable(0));
    innocent(&BOTH, &NEW, &with_a_will(ReasonCode::SUCCESS, &[]));
    guilty(
        &BOTH,
        &NEW,
        &with_a_will(ReasonCode::SUCCESS, std::slice::from_ref(&less)),
        "with Will QoS 2",
    );
    guilty(
        &BOTH,
        &NEW,
        &with_a_will(ReasonCode::SUCCESS, std::slice::from_ref(&none)),
        "with Will Retain 1",
    );
    let refused = with_a_will(ReasonCode::QOS_NOT_SUPPORTED, &[less.clone(), none.clone()]);
    innocent(&BOTH, &NEW, &refused);
    // The next CONNECT has no will.
    let modest = [
        &refused[..],
        &[
            Over(8),
            Up(9, announcing("c", [])),
            Down(9, greeting(ReasonCode::SUCCESS, [less, none])),
        ],
    ]
    .concat();
    innocent(&BOTH, &NEW, &modest);
}

#[test]
fn every_alias_up_to_the_maximum_is_taken() {
    let ended = |most: Option<u16>, aliases: &[u16], reason| {
        let offers = most.map(Property::TopicAliasMaximum);
        let mut lines = vec![
            Up(8, announcing("c", [])),
            Down(8, greeting(ReasonCode::SUCCESS, offers)),
        ];
        lines.extend(aliases.iter().map(|alias| Up(8, aliased(*alias))));
        lines.push(Down(8, Packet::Disconnect(Disconnect::with_reason(reason))));
        lines
    };
    let (wrong, busy) = (ReasonCode::TOPIC_ALIAS_INVALID, ReasonCode::SERVER_BUSY);
    let says = "sent DISCONNECT 0x94";
    guilty(&BOTH, &NEW, &ended(Some(2), &[1, 2], wrong), says);
    innocent(&BOTH, &NEW, &ended(Some(2), &[1, 2], busy));
    // Above the maximum, of which none may be told; 0; or none at all, which is another matter.
    innocent(&BOTH, &NEW, &ended(Some(2), &[1, 3], wrong));
    innocent(&BOTH, &NEW, &ended(None, &[1], wrong));
    innocent(&BOTH, &NEW, &ended(Some(2), &[0, 1], wrong));
    innocent(&BOTH, &NEW, &ended(Some(2), &[], wrong));
    // An alias that stands for nothing.
    let Packet::Publish(mut nothing) = aliased(2) else {
        unreachable!("it is one");
    };
    nothing.topic = Text::new();
    let mut unknown = ended(Some(2), &[1], wrong);
    unknown.insert(3, Up(8, Packet::Publish(nothing)));
    innocent(&BOTH, &NEW, &unknown);
}

#[test]
fn a_subscription_may_ask_for_more_than_there_is() {
    let asked = |most: Option<u8>, answers: &[(QoS, ReasonCode)]| {
        let offers = most.map(Property::MaximumQoS);
        let mut lines = vec![
            Up(8, announcing("c", [])),
            Down(8, greeting(ReasonCode::SUCCESS, offers)),
        ];
        for (qos, reason) in answers {
            let answer = Packet::SubAck(SubAck {
                packet_id: PacketId::MIN,
                properties: Properties::new(),
                reasons: vec![*reason],
            });
            lines.extend([Up(8, subscribe(*qos)), Down(8, answer)]);
        }
        lines
    };
    let granted = (QoS::AtMostOnce, ReasonCode::SUCCESS);
    let refused = (QoS::ExactlyOnce, ReasonCode::UNSPECIFIED_ERROR);
    let again_and_again = [granted, refused, granted, refused];
    guilty(
        &BOTH,
        &NEW,
        &asked(Some(1), &again_and_again),
        "refused `t` with QoS 2",
    );
    // Once may be chance; without a Maximum QoS another rule would have to say it.
    innocent(&BOTH, &NEW, &asked(Some(1), &again_and_again[..2]));
    innocent(&BOTH, &NEW, &asked(None, &again_and_again));
    // It is refused whatever its QoS; or for a reason of its own.
    let never = (QoS::AtMostOnce, ReasonCode::UNSPECIFIED_ERROR);
    innocent(
        &BOTH,
        &NEW,
        &asked(Some(1), &[never, refused, never, refused]),
    );
    let full = (QoS::ExactlyOnce, ReasonCode::QUOTA_EXCEEDED);
    innocent(
        &BOTH,
        &NEW,
        &asked(Some(1), &[granted, full, granted, full]),
    );
}
