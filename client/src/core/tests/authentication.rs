//! Enhanced authentication, with a method that counts.

use super::*;
use squall_protocol::{Text, packet::Auth};

/// Says `n+1` to `n`, and accepts a server that ends with `bye`.
#[derive(Default)]
struct Counting;

impl Method for Counting {
    fn name(&self) -> Text {
        Text::from("COUNT")
    }

    fn begin(&mut self) -> Option<Bytes> {
        Some(Bytes::from_static(b"1"))
    }

    fn answer(&mut self, data: Option<&[u8]>) -> Result<Option<Bytes>, String> {
        let said = data.and_then(|data| std::str::from_utf8(data).ok());
        let number: u32 = said
            .and_then(|said| said.parse().ok())
            .ok_or("that is no number")?;
        Ok(Some((number + 1).to_string().into()))
    }

    fn finish(&mut self, data: Option<&[u8]>) -> Result<(), String> {
        match data {
            Some(b"bye") => Ok(()),
            _ => Err("the server did not say bye".to_owned()),
        }
    }
}

fn options() -> ConnectOptions {
    ConnectOptions {
        authentication: Some(Authentication::new(Counting)),
        ..Rig::options(V5)
    }
}

fn said(name: &str, data: &str) -> Properties {
    [
        Property::AuthenticationMethod(Text::from(name)),
        Property::AuthenticationData(Bytes::copy_from_slice(data.as_bytes())),
    ]
    .into_iter()
    .collect()
}

fn auth(reason: ReasonCode, name: &str, data: &str) -> Packet {
    let properties = said(name, data);
    Packet::Auth(Auth { reason, properties })
}

const GO_ON: ReasonCode = ReasonCode::CONTINUE_AUTHENTICATION;

fn dialed() -> Rig {
    let mut rig = Rig::new(V5);
    rig.client.connect(rig.now, options());
    rig.dialed();
    rig.out();
    rig
}

fn online() -> Rig {
    let mut rig = dialed();
    let ack = ConnAck {
        properties: said("COUNT", "bye"),
        ..connack(false)
    };
    rig.feed(Packet::ConnAck(ack));
    assert!(rig.client.is_connected(), "{:?}", rig.lines);
    rig.out();
    rig
}

/// Method and data of the packet that is sent next.
fn sent(rig: &mut Rig) -> Option<(Packet, Option<Bytes>)> {
    while rig.client.poll_output().is_some() {}
    std::iter::from_fn(|| rig.client.poll_event()).find_map(|event| match event {
        Event::Sent(Frame { packet, .. }) => {
            let properties = match &packet {
                Packet::Auth(auth) => &auth.properties,
                Packet::Connect(connect) => &connect.properties,
                _ => return None,
            };
            assert_eq!(properties.authentication_method().as_deref(), Some("COUNT"));
            let data = properties.authentication_data();
            Some((packet, data))
        }
        _ => None,
    })
}

fn feed(rig: &mut Rig, packet: &Packet) {
    let bytes = squall_protocol::encode(packet, V5).unwrap();
    rig.client.handle_bytes(rig.now, &bytes);
}

#[test]
fn an_exchange_goes_on_until_connack() {
    let mut rig = Rig::new(V5);
    rig.client.connect(rig.now, options());
    rig.client.handle_dialed(rig.now);
    let (packet, data) = sent(&mut rig).unwrap();
    assert!(matches!(packet, Packet::Connect(_)));
    assert_eq!(data.as_deref(), Some(&b"1"[..]));
    for n in [1, 7] {
        feed(&mut rig, &auth(GO_ON, "COUNT", &n.to_string()));
        let (packet, data) = sent(&mut rig).unwrap();
        // [MQTT-4.12.0-3], [MQTT-4.12.0-5]
        assert!(matches!(packet, Packet::Auth(Auth { reason: GO_ON, .. })));
        assert_eq!(data.unwrap(), (n + 1).to_string());
    }
}

#[test]
fn a_server_that_proves_nothing_is_left() {
    for (packet, why) in [
        (
            Packet::ConnAck(ConnAck {
                properties: said("COUNT", "hm"),
                ..connack(false)
            }),
            "ended Authentication(\"the server did not say bye\")",
        ),
        (
            auth(GO_ON, "COUNT", "x"),
            "ended Authentication(\"that is no number\")",
        ),
    ] {
        let mut rig = dialed();
        rig.client
            .set_backoff(Some(Backoff::new(Duration::ZERO, Duration::ZERO)));
        rig.feed(packet);
        let out = rig.out();
        assert_eq!(out[1..], ["> DISCONNECT reason 0x80", why, "close"]);
        assert_eq!(
            rig.client.poll_timeout(),
            None,
            "it would not be otherwise the next time"
        );
    }
}

#[test]
fn what_a_server_may_not_say_of_it_ends_the_connection() {
    use ProtocolError::{AuthMethodChanged, AuthNotExpected, AuthOutOfTurn};
    let accepted = Packet::ConnAck(connack(false));
    let other = auth(GO_ON, "OTHER", "1");
    let cases: [(Rig, Packet, ProtocolError); 6] = [
        (dialed(), other.clone(), AuthMethodChanged),
        (dialed(), accepted, AuthMethodChanged),
        (
            dialed(),
            auth(ReasonCode::SUCCESS, "COUNT", "bye"),
            AuthOutOfTurn,
        ),
        (online(), auth(GO_ON, "COUNT", "1"), AuthOutOfTurn),
        (
            online(),
            auth(ReasonCode::SUCCESS, "COUNT", "bye"),
            AuthOutOfTurn,
        ),
        (Rig::online(V5), other, AuthNotExpected),
    ];
    for (mut rig, packet, error) in cases {
        rig.feed(packet);
        let ended = format!("ended ProtocolError({error:?})");
        assert!(rig.out().contains(&ended), "{error:?}");
    }
}

#[test]
fn a_client_authenticates_anew_on_its_connection() {
    let mut rig = online();
    rig.client.reauthenticate(rig.now, Ticket(1));
    let (packet, data) = sent(&mut rig).unwrap();
    let anew = ReasonCode::RE_AUTHENTICATE;
    assert!(matches!(packet, Packet::Auth(Auth { reason, .. }) if reason == anew));
    assert_eq!(data.as_deref(), Some(&b"1"[..]));
    // One at a time.
    rig.client.reauthenticate(rig.now, Ticket(2));
    let out = rig.out();
    assert!(out[0].starts_with("abandoned 2"), "{out:?}");
    // Other packets go on meanwhile.
    rig.publish(3, "a", QoS::AtMostOnce);
    assert_eq!(rig.out()[1], "acknowledged 3 0x00");
    feed(&mut rig, &auth(GO_ON, "COUNT", "4"));
    assert_eq!(sent(&mut rig).unwrap().1.unwrap(), "5");
    rig.feed(auth(ReasonCode::SUCCESS, "COUNT", "bye"));
    assert_eq!(rig.out()[1..], ["acknowledged 1 0x00"]);
    assert!(rig.client.is_connected());
}

#[test]
fn a_reauthentication_that_fails_ends_the_connection() {
    // [MQTT-4.12.1-2]
    for end in [
        auth(ReasonCode::SUCCESS, "COUNT", "hm"),
        Packet::Disconnect(Disconnect::with_reason(ReasonCode::NOT_AUTHORIZED)),
    ] {
        let mut rig = online();
        rig.client.reauthenticate(rig.now, Ticket(1));
        rig.out();
        rig.feed(end);
        let out = rig.out();
        assert!(
            out.iter().any(|line| line.starts_with("abandoned 1:")),
            "{out:?}"
        );
        assert!(!rig.client.is_connected());
    }
}

#[test]
fn without_a_method_there_is_nothing_to_authenticate_anew() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.client.reauthenticate(rig.now, Ticket(1));
        // [MQTT-4.12.0-7]
        assert_eq!(rig.out().len(), 1);
    });
}
