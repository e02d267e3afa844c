use crate::stage::{Stage, kept, will};
use squall_protocol::{Packet, Property, ReasonCode, Text, packet::Auth};

pub(crate) fn second_connect(s: &mut Stage) {
    s.connect(1, "a");
    s.raw(1, &connect_bytes(s, b"MQTT", None, 2, b"\0\x01a"));
    s.ping(1);
}

/// A CONNECT written by hand.
fn connect_bytes(s: &Stage, name: &[u8], level: Option<u8>, flags: u8, rest: &[u8]) -> Vec<u8> {
    let level = level.unwrap_or(s.version.level());
    let mut body = vec![0, u8::try_from(name.len()).expect("a short name")];
    body.extend_from_slice(name);
    body.extend_from_slice(&[level, flags, 0, 0]);
    if level > 4 {
        body.push(0);
    }
    body.extend_from_slice(rest);
    let mut packet = vec![0x10, u8::try_from(body.len()).expect("a short CONNECT")];
    packet.extend_from_slice(&body);
    packet
}

pub(crate) fn broken_connects(s: &mut Stage) {
    let own = s.version.level();
    let high = if s.is_v5() { 9 } else { 3 };
    let cases: [(&[u8], u8, u8, &[u8]); 7] = [
        (b"MQTs", own, 2, b"\0\x01a"),
        (b"MQTT", high, 2, b"\0\x01b"),
        (b"MQTT", own, 3, b"\0\x01c"),
        (b"MQTT", own, 2 | 0x08, b"\0\x01d"),
        (b"MQTT", own, 2 | 0x20, b"\0\x01e"),
        (b"MQTT", own, 2, b"\0\x01fsurplus"),
        (b"MQTT", own, 2, b"\0\x02\xC3\x28"),
    ];
    for (name, level, flags, rest) in cases {
        s.open(1);
        let bytes = connect_bytes(s, name, Some(level), flags, rest);
        s.raw(1, &bytes);
        s.ping(1);
        s.close(1);
    }
}

pub(crate) fn client_ids(s: &mut Stage) {
    s.connect(1, "abcdefghijklmnopqrst");
    s.connect(2, "");
    s.subscribe(2, 1, &[("to/you", 0)]);
    s.connect(3, "");
    s.publish(3, "to/you", "hello", (0, 0));
    s.ping(2);
}

/// Connections that are refused, each followed by a PUBLISH somebody waits for.
pub(crate) fn refusals(s: &mut Stage) {
    s.connect(1, "watcher");
    s.subscribe(1, 1, &[("#", 0)]);
    s.open(2);
    let mut bytes = if s.is_v5() {
        let method = b"\x10\x11\0\x04MQTT\x05\x02\0\0\x04\x15\0\x01x\0\0";
        let mut bytes = method.to_vec();
        bytes[1] = u8::try_from(bytes.len() - 2).expect("short");
        bytes
    } else {
        connect_bytes(s, b"MQTT", None, 0, b"\0\0")
    };
    let properties: &[u8] = if s.is_v5() { b"\0" } else { b"" };
    let body = [b"\0\x01t", properties, b"!"].concat();
    bytes.extend_from_slice(&[0x30, u8::try_from(body.len()).expect("short")]);
    bytes.extend_from_slice(&body);
    s.raw(2, &bytes);
    s.wait(1_000);
    s.ping(2);
}

pub(crate) fn credentials(s: &mut Stage) {
    s.connect_with(1, "a", |c| c.user_name = Some("me".into()));
    s.connect_with(2, "b", |c| {
        c.user_name = Some("me".into());
        c.password = Some(b"secret".to_vec().into());
    });
}

pub(crate) fn nothing_said(s: &mut Stage) {
    s.open(1);
    s.wait(1_600);
    s.wait(12_000);
}

pub(crate) fn auth(s: &mut Stage) {
    if s.is_v5() {
        s.connect(1, "a");
        let mut auth = Auth::with_reason(ReasonCode::RE_AUTHENTICATE);
        auth.properties
            .push(Property::AuthenticationMethod("x".into()));
        s.send(1, &Packet::Auth(auth));
        s.ping(1);
    }
}

/// Uses everything that CONNACK may say is not there.
pub(crate) fn capabilities(s: &mut Stage) {
    s.connect_with(1, "will-qos", |c| will(c, "gone", 2, &[]));
    s.connect_with(1, "will-retain", |c| {
        will(c, "gone", 0, &[]);
        c.will.as_mut().expect("set above").retain = true;
    });
    s.connect(1, "qos");
    s.publish(1, "t", "x", (2, 1));
    s.connect(1, "retain");
    s.retain(1, "t", "x", (1, 1));
    s.connect(1, "wildcard");
    s.subscribe(1, 1, &[("a/+", 1), ("+/b", 1), ("#", 2)]);
    s.publish(1, "a/b", "x", (0, 0));
    s.connect(1, "shared");
    s.subscribe(1, 1, &[("$share/g/a", 0)]);
    s.publish(1, "a", "x", (0, 0));
    s.connect(1, "identifier");
    let subscription = s.subscription("a", 1);
    let id = [Property::SubscriptionIdentifier(7)].into_iter().collect();
    s.subscribe_with(1, 1, id, vec![subscription]);
    s.publish(1, "a", "x", (0, 0));
}

pub(crate) fn unknown_session(s: &mut Stage) {
    s.connect_with(1, "stranger", |c| c.clean_start = false);
}

pub(crate) fn limits_of_connack(s: &mut Stage) {
    s.connect_with(1, "a", kept);
    s.connect_with(2, "b", |c| {
        c.properties.push(Property::SessionExpiryInterval(1_000));
        c.keep_alive = 30;
    });
    s.wait(60_000);
}

/// A client that takes hardly anything.
pub(crate) fn small_client(s: &mut Stage) {
    s.connect_with(1, "a", |c| {
        c.properties.push(Property::MaximumPacketSize(30))
    });
    s.subscribe(1, 1, &[("a", 1)]);
    s.publish(1, "$SYS/x", "x", (1, 1));
    s.publish_with(1, "a", "x", (0, 0), |p| {
        p.topic = Text::from("a/long/topic/that/does/not/fit")
    });
}
