//! CONNECT packets that a server has to refuse (section 3.1), one fault each.

use super::{
    Check,
    wire::{RawConnect, field, join, packet},
};
use crate::{
    cx::Cx,
    outcome::{Judged, interrupted},
    reaction::{judge, refusal},
};

/// Text that is not UTF-8: an encoded surrogate.
const NOT_UTF8: &[u8] = b"a\xED\xA0\x80";

macro_rules! refuses {
    ($id:literal, $title:literal, v3 $v3:tt, v5 $v5:tt, $bytes:expr) => {
        Check {
            id: $id,
            title: $title,
            expected: "The server closes the connection; in 3.1.1 without a CONNACK, in 5.0 it may say why in one.",
            v3_1_1: &$v3,
            v5_0: &$v5,
            needs: &[],
            run: |cx| {
                let bytes: fn(&Cx) -> Vec<u8> = $bytes;
                Box::pin(refused(cx, $title, bytes(cx)))
            },
        }
    };
}

pub(super) const CHECKS: &[Check] = &[
    refuses!("malformed-connect/reserved-flag", "CONNECT with the reserved flag set",
        v3 ["MQTT-3.1.2-3", "MQTT-3.1.4-1"], v5 ["MQTT-3.1.2-3", "X-5.0-connect-1", "MQTT-3.1.4-1"],
        |cx| RawConnect::new(cx).flags(0x01).bytes(cx)),
    refuses!("malformed-connect/header-flags", "CONNECT with flags 0001 in the fixed header",
        v3 ["MQTT-2.2.2-2", "MQTT-3.1.4-1"], v5 ["X-5.0-flags-1", "MQTT-2.1.3-1"],
        |cx| packet(0x11, &RawConnect::new(cx).body(cx))),
    refuses!(
        "malformed-connect/truncated",
        "CONNECT that ends in the middle of the Client Identifier",
        v3["MQTT-3.1.4-1"],
        v5["MQTT-3.1.4-1"],
        |cx| RawConnect::new(cx)
            .payload(&[0x00, 0x10, b'a'])
            .breaks_off()
            .bytes(cx)
    ),
    refuses!("malformed-connect/no-client-id", "CONNECT without a Client Identifier field",
        v3 ["MQTT-3.1.3-3", "MQTT-3.1.4-1"], v5 ["MQTT-3.1.3-3", "MQTT-3.1.4-1"],
        |cx| RawConnect::new(cx).payload(&[]).breaks_off().bytes(cx)),
    refuses!("malformed-connect/client-id-not-utf8", "CONNECT whose Client Identifier is not UTF-8",
        v3 ["MQTT-3.1.3-4", "MQTT-1.5.3-1"], v5 ["MQTT-3.1.3-4", "MQTT-1.5.4-1", "X-5.0-utf8-1"],
        |cx| RawConnect::new(cx).payload(&field(NOT_UTF8)).bytes(cx)),
    refuses!("malformed-connect/client-id-nul", "CONNECT whose Client Identifier holds U+0000",
        v3 ["MQTT-3.1.3-4", "MQTT-1.5.3-2"], v5 ["MQTT-1.5.4-2", "X-5.0-utf8-1"],
        |cx| RawConnect::new(cx).payload(&field(b"a\0b")).bytes(cx)),
    refuses!("malformed-connect/will-qos-3", "CONNECT with Will QoS 3",
        v3 ["MQTT-3.1.2-14", "MQTT-3.1.4-1"], v5 ["MQTT-3.1.2-12", "X-5.0-will-5"],
        |cx| RawConnect::new(cx).flags(0x1C).will(cx, cx.topic("will").as_bytes()).bytes(cx)),
    refuses!("malformed-connect/will-qos-without-will", "CONNECT with Will QoS 1 and no Will Flag",
        v3 ["MQTT-3.1.2-13", "MQTT-3.1.2-11", "MQTT-3.1.4-1"], v5 ["MQTT-3.1.2-11"],
        |cx| RawConnect::new(cx).flags(0x08).bytes(cx)),
    refuses!("malformed-connect/will-retain-without-will", "CONNECT with Will Retain and no Will Flag",
        v3 ["MQTT-3.1.2-15", "MQTT-3.1.2-11", "MQTT-3.1.4-1"], v5 ["MQTT-3.1.2-13"],
        |cx| RawConnect::new(cx).flags(0x20).bytes(cx)),
    refuses!("malformed-connect/will-missing", "CONNECT with the Will Flag and no will fields",
        v3 ["MQTT-3.1.2-9", "MQTT-3.1.4-1"], v5 ["MQTT-3.1.2-9", "MQTT-3.1.4-1"],
        |cx| RawConnect::new(cx).flags(0x04).breaks_off().bytes(cx)),
    refuses!("malformed-connect/will-topic-not-utf8", "CONNECT whose Will Topic is not UTF-8",
        v3 ["MQTT-3.1.3-10", "MQTT-1.5.3-1"], v5 ["MQTT-3.1.3-11", "MQTT-1.5.4-1"],
        |cx| RawConnect::new(cx).flags(0x04).will(cx, NOT_UTF8).bytes(cx)),
    refuses!("malformed-connect/user-name-missing", "CONNECT with the User Name Flag and no User Name",
        v3 ["MQTT-3.1.2-19", "MQTT-3.1.4-1"], v5 ["MQTT-3.1.2-17", "MQTT-3.1.4-1"],
        |cx| RawConnect::new(cx).flags(0x80).bytes(cx)),
    refuses!("malformed-connect/user-name-not-utf8", "CONNECT whose User Name is not UTF-8",
        v3 ["MQTT-3.1.3-11", "MQTT-1.5.3-1"], v5 ["MQTT-3.1.3-12", "MQTT-1.5.4-1"],
        |cx| RawConnect::new(cx).flags(0x80).more(&field(NOT_UTF8)).bytes(cx)),
    refuses!("malformed-connect/password-missing", "CONNECT with both credential flags and no Password",
        v3 ["MQTT-3.1.2-21", "MQTT-3.1.4-1"], v5 ["MQTT-3.1.2-19", "MQTT-3.1.4-1"],
        |cx| RawConnect::new(cx).flags(0xC0).more(&field(b"squall")).bytes(cx)),
    refuses!("malformed-connect/password-without-user-name", "CONNECT with the Password Flag alone",
        v3 ["MQTT-3.1.2-22", "MQTT-3.1.4-1"], v5 [],
        |cx| RawConnect::new(cx).flags(0x40).more(&field(b"secret")).bytes(cx)),
    refuses!(
        "malformed-connect/surplus-bytes",
        "CONNECT with bytes behind its last field",
        v3["MQTT-3.1.2-18"],
        v5["MQTT-3.1.2-16"],
        |cx| RawConnect::new(cx)
            .surplus(&field(b"nobody asked"))
            .bytes(cx)
    ),
    refuses!("malformed-connect/receive-maximum-0", "CONNECT with Receive Maximum 0",
        v3 [], v5 ["X-5.0-flow-1"],
        |cx| RawConnect::new(cx).properties(&[0x21, 0, 0]).bytes(cx)),
    refuses!("malformed-connect/maximum-packet-size-0", "CONNECT with Maximum Packet Size 0",
        v3 [], v5 ["X-5.0-size-1"],
        |cx| RawConnect::new(cx).properties(&[0x27, 0, 0, 0, 0]).bytes(cx)),
    refuses!("malformed-connect/session-expiry-twice", "CONNECT with two Session Expiry Intervals",
        v3 [], v5 ["X-5.0-session-3", "X-5.0-prop-3"],
        |cx| RawConnect::new(cx).kept(cx).properties(&[0x11, 0, 0, 0, 9, 0x11, 0, 0, 0, 9]).bytes(cx)),
    refuses!("malformed-connect/problem-information-2", "CONNECT with Request Problem Information 2",
        v3 [], v5 ["X-5.0-problem-1"],
        |cx| RawConnect::new(cx).properties(&[0x17, 2]).bytes(cx)),
    refuses!("malformed-connect/response-information-2", "CONNECT with Request Response Information 2",
        v3 [], v5 ["X-5.0-reqresp-1"],
        |cx| RawConnect::new(cx).properties(&[0x19, 2]).bytes(cx)),
    refuses!("malformed-connect/unknown-property", "CONNECT with a property that no version defines",
        v3 [], v5 ["X-5.0-prop-1"],
        |cx| RawConnect::new(cx).properties(&[0x7A, 0]).bytes(cx)),
    refuses!("malformed-connect/foreign-property", "CONNECT with a Topic Alias",
        v3 [], v5 ["X-5.0-prop-1"],
        |cx| RawConnect::new(cx).properties(&[0x23, 0, 1]).bytes(cx)),
    refuses!("malformed-connect/authentication-data-alone", "CONNECT with Authentication Data and no method",
        v3 [], v5 ["X-5.0-auth-1"],
        |cx| RawConnect::new(cx).properties(&join(&[&[0x16], &field(b"data")])).bytes(cx)),
    refuses!("malformed-connect/unknown-authentication-method", "CONNECT with an Authentication Method nobody has",
        v3 [], v5 ["MQTT-4.12.0-1"],
        |cx| RawConnect::new(cx).properties(&join(&[&[0x15], &field(b"SQUALL-NO-SUCH-METHOD")])).bytes(cx)),
    refuses!("malformed-connect/user-property-not-utf8", "CONNECT with a User Property whose value is not UTF-8",
        v3 [], v5 ["MQTT-1.5.7-1", "MQTT-1.5.4-1"],
        |cx| RawConnect::new(cx).properties(&join(&[&[0x26], &field(b"name"), &field(NOT_UTF8)])).bytes(cx)),
];

async fn refused(cx: &Cx, what: &str, bytes: Vec<u8>) -> Judged {
    cx.accepts().await?;
    let mut probe = cx.open("client").await?;
    let sent = probe.send_raw(what, &bytes).await;
    sent.map_err(|error| interrupted(error.to_string()))?;
    let reaction = refusal(cx, &mut probe).await?;
    // Judged by the main statement, the first of the list.
    judge(cx, &reaction, cx.main, true)
}
