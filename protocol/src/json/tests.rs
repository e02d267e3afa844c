use super::{from_fields, to_fields};
use crate::{PacketType, Role, Version, decode_one, encode};
use bytes::Bytes;
use serde_json::{Value, json};

fn there_and_back(version: Version, from: Role, bytes: &'static [u8]) -> Value {
    let frame = decode_one(&Bytes::from_static(bytes), from, Some(version)).expect("valid");
    let fields = Value::Object(to_fields(&frame.packet, version));
    let packet = from_fields(frame.packet.packet_type(), &fields, version).expect("readable");
    assert_eq!(packet, frame.packet);
    assert_eq!(encode(&packet, version).expect("writable"), bytes);
    fields
}

#[test]
fn binary_data_and_properties_survive_in_order() {
    let fields = there_and_back(
        Version::V5_0,
        Role::Server,
        b"\x32\x16\x00\x01a\x00\x07\x0E\x26\x00\x01k\x00\x01v\x09\x00\x01\xFF\x0B\x80\x01\xFF\x00",
    );
    assert_eq!(
        fields,
        json!({
            "dup": false, "qos": 1, "retain": false, "topic_name": "a", "packet_identifier": 7,
            "properties": [
                { "user_property": ["k", "v"] },
                { "correlation_data": { "hex": "ff" } },
                { "subscription_identifier": 128 },
            ],
            "payload": { "hex": "ff00" },
        })
    );
    let names: Vec<_> = fields.as_object().expect("an object").keys().collect();
    assert_eq!(names[..2], ["dup", "qos"], "the order of the wire is kept");
}

#[test]
fn each_version_has_its_own_names() {
    let fields = there_and_back(Version::V3_1_1, Role::Server, b"\x90\x03\x00\x01\x80");
    assert_eq!(
        fields,
        json!({ "packet_identifier": 1, "return_codes": ["0x80"] })
    );
    let fields = there_and_back(Version::V5_0, Role::Server, b"\x90\x04\x00\x01\x00\x80");
    assert_eq!(
        fields,
        json!({ "packet_identifier": 1, "properties": [], "reason_codes": ["0x80"] })
    );
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let refused = |packet, fields: Value, version| {
        from_fields(packet, &fields, version)
            .expect_err("it is wrong")
            .to_string()
    };
    for (packet, fields, version, words) in [
        (
            PacketType::PubAck,
            json!({ "packet_identifier": 0 }),
            Version::V5_0,
            "fields.packet_identifier: 0 is not a packet identifier",
        ),
        (
            PacketType::PubAck,
            json!({ "packet_identifier": 70_000 }),
            Version::V5_0,
            "fields.packet_identifier: an integer from 0 to 65535 is wanted, not 70000",
        ),
        (
            PacketType::PubAck,
            json!({ "packet_identifier": 1, "reason_code": "0x00" }),
            Version::V3_1_1,
            "fields.reason_code: there is no such field; known here: packet_identifier",
        ),
        (
            PacketType::PingReq,
            json!({ "x": 1 }),
            Version::V5_0,
            "fields.x: there is no such field; this packet has no fields",
        ),
        (
            PacketType::Publish,
            json!({ "topic_name": "a\u{0}", "payload": "" }),
            Version::V5_0,
            "fields.topic_name: no MQTT string: null character U+0000 at byte 1",
        ),
        (
            PacketType::Publish,
            json!({ "topic_name": "a" }),
            Version::V5_0,
            "fields.payload: this field is missing; the object has: topic_name",
        ),
        (
            PacketType::Publish,
            json!({ "topic_name": "a", "payload": { "hex": "0" } }),
            Version::V5_0,
            "fields.payload.hex: 1 hex digits, so half a byte is missing",
        ),
        (
            PacketType::Publish,
            json!({ "topic_name": "a", "payload": "", "properties": [{ "topic_alias": 1 }, { "topic_alias": -1 }] }),
            Version::V5_0,
            "fields.properties[1].topic_alias: an integer from 0 to 65535 is wanted, not -1",
        ),
        (
            PacketType::Subscribe,
            json!({ "packet_identifier": 1, "subscriptions": [{ "topic_filter": "a#", "qos": 3 }] }),
            Version::V5_0,
            "fields.subscriptions[0].topic_filter: no topic filter: `#` at byte 1 is not a whole last level",
        ),
        (
            PacketType::Disconnect,
            json!([]),
            Version::V5_0,
            "fields: an object is wanted, not a list",
        ),
    ] {
        assert_eq!(refused(packet, fields, version), words);
    }
}

#[test]
fn fields_that_break_rules_are_taken_if_they_can_be_written() {
    let fields =
        json!({ "topic_name": "a/#", "payload": "", "properties": [{ "receive_maximum": 0 }] });
    let packet = from_fields(PacketType::Publish, &fields, Version::V5_0).expect("writable");
    assert_eq!(
        encode(&packet, Version::V5_0).expect("writable"),
        &b"\x30\x09\x00\x03a/#\x03\x21\x00\x00"[..]
    );
}
