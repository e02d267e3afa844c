//! Anything that a scripted client can be told.

use crate::{
    action::{self, Acknowledging},
    model::{Action, Statement},
    packet::{Awaited, PacketSpec, Sending},
};
use bytes::Bytes;
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};
use squall_protocol::{PacketType, ReasonCode, Version};
use std::time::Duration;

fn spec(packet: PacketType, fields: Value) -> PacketSpec {
    PacketSpec {
        packet,
        fields: fields.as_object().cloned().unwrap_or_default(),
    }
}

fn packet() -> BoxedStrategy<PacketSpec> {
    let publish = (
        "\\PC{1,9}",
        "\\PC{0,9}",
        1u16..,
        any::<bool>(),
        any::<u32>(),
    );
    prop_oneof![
        Just(spec(PacketType::PingReq, json!({}))),
        (1u16..).prop_map(|id| spec(PacketType::PubRel, json!({ "id": id, "reason": "0x92" }))),
        publish.prop_map(|(topic, payload, id, dup, expiry)| spec(
            PacketType::Publish,
            json!({
                "topic": topic, "payload": payload, "qos": 2, "id": id, "dup": dup,
                "properties": [{ "message_expiry_interval": expiry }, { "user_property": ["true", topic] }],
            }),
        )),
        any::<bool>().prop_map(|clean| spec(
            PacketType::Connect,
            json!({ "client_id": "null", "clean_start": clean })
        )),
    ]
    .boxed()
}

fn awaited() -> BoxedStrategy<Awaited> {
    prop_oneof![
        Just(Awaited::Closed),
        Just(Awaited::Packet(spec(PacketType::PingResp, json!({})))),
        (1u16..).prop_map(|id| {
            let fields = json!({ "id": id, "reason": "0x10" });
            Awaited::Packet(spec(PacketType::PubAck, fields))
        }),
        "\\PC{1,9}".prop_map(|topic| {
            Awaited::Packet(spec(PacketType::Publish, json!({ "topic": topic })))
        }),
    ]
    .boxed()
}

pub(super) fn action() -> BoxedStrategy<Action> {
    let sending = prop_oneof![
        4 => packet().prop_map(Sending::Packet),
        1 => vec(any::<u8>(), 0..9).prop_map(|b| Sending::Bytes(Bytes::from(b))),
        1 => Just(Sending::Rest),
    ];
    let send = (vec(sending, 1..3), option::of(1u32..99));
    let never = option::of((1u64..9999).prop_map(Duration::from_millis));
    let statement = prop::sample::subsequence(vec!["MQTT-1.2.3-4", "MQTT-4.3.3-1"], 0..=2);
    let kinds = vec![
        PacketType::PubAck,
        PacketType::PubRec,
        PacketType::PubRel,
        PacketType::PubComp,
    ];
    let reason = option::of(select(vec![0x83, 0x87, 0x97])).prop_map(|c| c.map(ReasonCode));
    let how = (prop::sample::subsequence(kinds, 0..=4), reason);
    prop_oneof![
        Just(Action::Dial(action::Dial {})),
        send.prop_map(|(what, first)| Action::Send(action::Send { what, first })),
        (vec(awaited(), 1..3), never, statement).prop_map(|(what, never, statement)| {
            let one = |id: &str| Statement {
                id: id.to_owned(),
                of: (id == "MQTT-4.3.3-1").then_some(Version::V3_1_1),
            };
            let statement = statement.into_iter().map(one).collect();
            Action::Expect(action::Expect {
                what,
                never,
                statement,
            })
        }),
        how.prop_map(|(withhold, reason)| {
            let how = Acknowledging { withhold, reason };
            Action::Acknowledge(action::Acknowledge { how })
        }),
        any::<bool>().prop_map(|read| Action::Read(action::Read { read })),
    ]
    .boxed()
}
