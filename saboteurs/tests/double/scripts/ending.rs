use crate::stage::{Stage, kept};

/// An error of one client, while another one is there.
pub(crate) fn errors(s: &mut Stage) {
    s.connect(2, "other");
    s.connect(1, "a");
    s.subscribe(1, 1, &[("t", 1)]);
    s.raw(1, &[0x00, 0x00]);
    s.ping(1);
    s.ping(2);
}

/// Sends bytes on a connection of their own, and a PINGREQ after them.
fn alone(s: &mut Stage, bytes: &[u8]) {
    s.connect(1, "a");
    s.subscribe(1, 1, &[("#", 2)]);
    s.raw(1, bytes);
    s.ping(1);
    s.close(1);
}

pub(crate) fn malformed(s: &mut Stage) {
    let five = s.is_v5();
    let publish = |flags: u8, topic: &[u8], id: bool| {
        let mut body = vec![0, u8::try_from(topic.len()).expect("short")];
        body.extend_from_slice(topic);
        if id {
            body.extend_from_slice(&[0, 5]);
        }
        if five {
            body.push(0);
        }
        body.push(b'!');
        let mut packet = vec![0x30 | flags, u8::try_from(body.len()).expect("short")];
        packet.extend_from_slice(&body);
        packet
    };
    let subscribe = |options: u8| {
        let none: &[u8] = if five { &[0] } else { &[] };
        let body = [&[0, 7], none, &[0, 1, b't', options]].concat();
        let mut packet = vec![0x82, u8::try_from(body.len()).expect("short")];
        packet.extend_from_slice(&body);
        packet
    };
    let mut flags = subscribe(1);
    flags[0] = 0x80;
    alone(s, &flags);
    alone(s, &subscribe(0xC1));
    alone(s, &subscribe(3));
    alone(s, &publish(0x06, b"t", true));
    alone(s, &publish(0x08, b"t", false));
    alone(s, &publish(0, b"", false));
    alone(s, &publish(0, b"a/+", false));
    alone(s, &publish(0, b"a\xC3\x28", false));
    alone(s, &publish(0, b"a\xED\xA0\x80", false));
    alone(s, &publish(0, b"a\0b", false));
    alone(s, &[0x60, 2, 0, 9]);
    alone(s, &[0x42, 2, 0, 9]);
    alone(s, &[0xC0, 1, 0]);
    alone(s, &[0xC0, 0x80, 0]);
    alone(s, &[0xC0, 0x80, 0x80, 0x80, 0x80, 0]);
    alone(s, &[0xE1, 0]);
    let none: &[u8] = if five { &[0] } else { &[] };
    let body = [&[0, 8], none, &[0, 1, b't']].concat();
    let mut unsubscribe = vec![0xA0, u8::try_from(body.len()).expect("short")];
    unsubscribe.extend_from_slice(&body);
    alone(s, &unsubscribe);
}

pub(crate) fn repairs(s: &mut Stage) {
    if s.is_v5() {
        alone(s, &[0xF1, 0]);
    }
    alone(s, &[0x20, 2, 0, 0]);
    alone(s, &[0xF0, 0]);
}

/// Properties that may not stand where they do (5.0).
pub(crate) fn bad_properties(s: &mut Stage) {
    if !s.is_v5() {
        return;
    }
    let publish = |properties: &[u8]| {
        let mut body = vec![0, 1, b't', u8::try_from(properties.len()).expect("short")];
        body.extend_from_slice(properties);
        let mut packet = vec![0x30, u8::try_from(body.len()).expect("short")];
        packet.extend_from_slice(&body);
        packet
    };
    alone(s, &publish(&[0x11, 0, 0, 0, 1]));
    alone(s, &publish(&[0x02, 0, 0, 0, 9, 0x02, 0, 0, 0, 9]));
    alone(s, &publish(&[0x08, 0, 1, b'+']));
    alone(s, &publish(&[0x26, 0, 1, 0xFF, 0, 0]));
    alone(s, &[0x82, 9, 0, 7, 2, 0x0B, 0, 0, 1, b't', 0]);
}

pub(crate) fn short_acks(s: &mut Stage) {
    s.connect(1, "a");
    s.subscribe(1, 1, &[("t", 1)]);
    s.publish(1, "t", "x", (1, 1));
    s.raw(1, &[0x40, 2, 0, 1]);
    s.ping(1);
}

/// Begins a packet that is longer than the server takes.
pub(crate) fn overlong(s: &mut Stage) {
    s.connect(1, "a");
    s.raw(1, &[0x30, 0x80, 0x80, 0x80, 0x01]);
    s.wait(100);
    s.ping(1);
    s.connect(2, "b");
    s.publish(2, "t", &"x".repeat(5_000), (1, 1));
}

pub(crate) fn disconnects(s: &mut Stage) {
    s.connect_with(1, "a", kept);
    s.disconnect(1, 0, &[]);
    s.connect(1, "b");
    s.publish(1, "t", "x", (1, 2));
    s.publish(1, "t", "x", (1, 3));
    s.close(1);
}
