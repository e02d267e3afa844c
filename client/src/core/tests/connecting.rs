//! From the dial to CONNACK, and the ends of a connection.

use super::*;
use squall_protocol::packet::Will;

#[test]
fn connects_and_disconnects() {
    both(|version| {
        let mut rig = Rig::new(version);
        rig.connect(ConnectOptions::new(version, "c"), connack(false));
        let connect = format!(
            "> CONNECT c {version} {} keep alive 0",
            if version == V3 {
                "clean session"
            } else {
                "clean start"
            }
        );
        rig.expect(&[
            "dial",
            &connect,
            "< CONNACK session present 0 reason 0x00",
            "connected, session new",
        ]);
        assert!(rig.client.is_connected());
        rig.disconnect(ReasonCode::NORMAL_DISCONNECTION, Properties::new());
        rig.expect(&["> DISCONNECT reason 0x00", "ended Requested", "close"]);
        assert!(!rig.client.is_connected());
    });
}

#[test]
fn connect_says_what_the_options_say() {
    let options = ConnectOptions {
        clean_start: false,
        session_expiry: Some(7),
        keep_alive: 9,
        will: Some(Will {
            topic: "w".into(),
            payload: Bytes::from_static(b"gone"),
            qos: QoS::AtLeastOnce,
            retain: true,
            properties: Properties::new().with(Property::WillDelayInterval(3)),
        }),
        user_name: Some("u".into()),
        password: Some(Bytes::from_static(b"p")),
        receive_maximum: Some(5),
        maximum_packet_size: Some(100),
        topic_alias_maximum: Some(6),
        user_properties: vec![("k".into(), "v".into())],
        ..ConnectOptions::new(V5, "c")
    };
    for version in Version::ALL {
        let mut rig = Rig::new(version);
        rig.client.connect(
            Time::ZERO,
            ConnectOptions {
                version,
                ..options.clone()
            },
        );
        rig.client.handle_dialed(Time::ZERO);
        let sent = std::iter::from_fn(|| rig.client.poll_output()).find_map(|o| match o {
            Output::Send(bytes) => Some(bytes),
            _ => None,
        });
        let frame = &frames(&sent.unwrap(), version)[0];
        let Packet::Connect(connect) = &frame.packet else {
            panic!("{frame:?}")
        };
        assert_eq!(
            (connect.version, connect.clean_start, connect.keep_alive),
            (version, false, 9)
        );
        assert_eq!(connect.user_name.as_deref(), Some("u"));
        assert_eq!(connect.password.as_deref(), Some(&b"p"[..]));
        let will = connect.will.as_ref().unwrap();
        assert_eq!(
            (will.qos, will.retain, &will.payload[..]),
            (QoS::AtLeastOnce, true, &b"gone"[..])
        );
        if version == V3 {
            assert!(connect.properties.is_empty() && will.properties.is_empty());
            continue;
        }
        assert_eq!(will.properties.will_delay_interval(), Some(3));
        let expected: Properties = [
            Property::SessionExpiryInterval(7),
            Property::ReceiveMaximum(5),
            Property::MaximumPacketSize(100),
            Property::TopicAliasMaximum(6),
            Property::UserProperty("k".into(), "v".into()),
        ]
        .into_iter()
        .collect();
        assert_eq!(connect.properties, expected);
    }
}

#[test]
fn nothing_else_is_sent_before_connack() {
    both(|version| {
        let mut rig = Rig::new(version);
        rig.publish(1, "a", QoS::AtMostOnce);
        rig.client.connect(Time::ZERO, Rig::options(version));
        rig.publish(2, "b", QoS::AtLeastOnce);
        rig.dialed();
        rig.subscribe(3, &["s"]);
        rig.expect(&["dial", &format!("> CONNECT c {version} keep alive 0")]);
        assert_eq!(rig.client.unfinished(), 2);
        rig.feed(Packet::ConnAck(connack(false)));
        rig.expect(&[
            "< CONNACK session present 0 reason 0x00",
            "connected, session new",
            "> PUBLISH a QoS 0 1 byte",
            "acknowledged 1 0x00",
            "> PUBLISH b QoS 1 id 1 1 byte",
            "> SUBSCRIBE id 2 s QoS 2",
        ]);
    });
}

#[test]
fn a_refusal_ends_the_attempt() {
    for (version, code) in [(V3, 0x05), (V5, 0x87)] {
        let mut rig = Rig::new(version);
        rig.client.set_backoff(Some(Backoff::new(
            Duration::from_secs(1),
            Duration::from_secs(1),
        )));
        let ack = ConnAck {
            reason: ReasonCode(code),
            ..connack(false)
        };
        rig.connect(Rig::options(version), ack);
        let out = rig.out();
        let code = ReasonCode(code);
        assert_eq!(
            out[3..],
            [
                format!("refused {code}"),
                format!("ended Refused({:?})", code),
                "close".into()
            ]
        );
        assert_eq!(
            rig.client.poll_timeout(),
            None,
            "a refused client does not dial again by itself"
        );
    }
}

#[test]
fn a_failed_dial_ends_the_attempt() {
    both(|version| {
        let mut rig = Rig::new(version);
        rig.client.connect(Time::ZERO, Rig::options(version));
        rig.client
            .handle_dial_failed(Time::ZERO, "nobody there".to_owned());
        rig.expect(&["ended DialFailed(\"nobody there\")", "dial"]);
        assert_eq!(rig.client.poll_timeout(), None);
    });
}

#[test]
fn connecting_again_drops_the_connection_from_before() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.client.connect(Time::ZERO, Rig::options(version));
        rig.expect(&["ended Dropped", "close", "dial"]);
        // While it is dialing, too.
        rig.client.connect(Time::ZERO, Rig::options(version));
        rig.expect(&["ended Dropped", "close", "dial"]);
    });
}

#[test]
fn dropping_sends_no_disconnect() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.client.drop_connection(Time::ZERO);
        rig.expect(&["ended Dropped", "close"]);
        rig.client.drop_connection(Time::ZERO);
        rig.disconnect(ReasonCode::NORMAL_DISCONNECTION, Properties::new());
        rig.expect(&[]);
    });
}

#[test]
fn disconnecting_while_dialing_gives_the_dial_up() {
    both(|version| {
        let mut rig = Rig::new(version);
        rig.client.connect(Time::ZERO, Rig::options(version));
        rig.disconnect(ReasonCode::NORMAL_DISCONNECTION, Properties::new());
        rig.expect(&["ended Requested", "dial", "close"]);
        rig.dialed();
        rig.expect(&[]);
    });
}

#[test]
fn the_transport_may_end_at_any_time() {
    both(|version| {
        let mut rig = Rig::online(version);
        rig.client.handle_closed(Time::ZERO, Hangup::Eof);
        rig.expect(&["ended Peer(Eof)"]);
        rig.hang_up();
        rig.expect(&[]);
        rig.client.connect(Time::ZERO, Rig::options(version));
        rig.dialed();
        rig.lines.clear();
        rig.hang_up();
        rig.expect(&["ended Peer(Reset)"]);
    });
}

#[test]
fn bytes_for_a_connection_that_is_over_are_ignored() {
    both(|version| {
        let mut rig = Rig::online(version);
        let publish =
            squall_protocol::encode(&Packet::Publish(incoming("a", QoS::AtMostOnce, 0)), version)
                .unwrap();
        rig.hang_up();
        rig.lines.clear();
        rig.feed_bytes(&publish);
        rig.expect(&[]);
    });
}

#[test]
fn bytes_behind_the_end_are_ignored() {
    let mut rig = Rig::online(V5);
    let disconnect = Packet::Disconnect(Disconnect::with_reason(ReasonCode::SERVER_SHUTTING_DOWN));
    let mut bytes = squall_protocol::encode(&disconnect, V5).unwrap().to_vec();
    bytes.extend(
        squall_protocol::encode(&Packet::Publish(incoming("a", QoS::AtMostOnce, 0)), V5).unwrap(),
    );
    rig.feed_bytes(&bytes);
    rig.expect(&[
        "< DISCONNECT reason 0x8B",
        "ended ServerDisconnect(ReasonCode(139))",
        "close",
    ]);
}

#[test]
fn options_that_make_no_valid_connect_end_at_once() {
    let no_user = ConnectOptions {
        password: Some(Bytes::from_static(b"p")),
        ..ConnectOptions::new(V3, "c")
    };
    let empty_id = ConnectOptions {
        clean_start: false,
        ..ConnectOptions::new(V3, "")
    };
    let no_size = ConnectOptions {
        maximum_packet_size: Some(0),
        ..ConnectOptions::new(V3, "c")
    };
    let no_window = ConnectOptions {
        receive_maximum: Some(0),
        ..ConnectOptions::new(V5, "c")
    };
    let long = ConnectOptions::new(V5, "c".repeat(65_536));
    for (options, part) in [
        (no_user, "MQTT-3.1.2-22"),
        (empty_id, "MQTT-3.1.3-7"),
        (no_size, "0 lets nothing pass"),
        (no_window, "X-5.0-flow-1"),
        (long, "65536"),
    ] {
        let mut rig = Rig::new(options.version);
        rig.client.connect(Time::ZERO, options);
        let out = rig.out();
        assert_eq!(out.len(), 1, "{out:?}");
        assert!(
            out[0].starts_with("ended InvalidOptions") && out[0].contains(part),
            "{out:?}"
        );
        assert_eq!(rig.client.poll_timeout(), None);
    }
}

#[test]
fn an_assigned_client_identifier_is_used_at_the_next_connect() {
    let assigned = Property::AssignedClientIdentifier("given".into());
    let options = ConnectOptions {
        client_id: Text::new(),
        ..Rig::options(V5)
    };
    let mut rig = Rig::online_with(V5, options.clone(), connack_with(false, [assigned]));
    rig.publish(1, "a", QoS::AtLeastOnce);
    rig.hang_up();
    rig.lines.clear();
    rig.connect(options, connack(true));
    rig.expect(&[
        "dial",
        "> CONNECT given 5.0 keep alive 0",
        "< CONNACK session present 1 reason 0x00",
        "connected, session kept",
        "> PUBLISH a QoS 1 id 1 DUP 1 byte",
    ]);
}

#[test]
fn disconnect_carries_its_reason_and_properties() {
    let mut rig = Rig::online(V5);
    let properties = Properties::new()
        .with(Property::SessionExpiryInterval(5))
        .with(Property::ReasonString("bye".into()));
    rig.client.disconnect(
        Time::ZERO,
        ReasonCode::DISCONNECT_WITH_WILL_MESSAGE,
        properties.clone(),
    );
    let Some(Event::Sent(Frame {
        packet: Packet::Disconnect(sent),
        ..
    })) = rig.client.poll_event()
    else {
        panic!("no DISCONNECT");
    };
    assert_eq!(
        sent,
        Disconnect {
            reason: ReasonCode::DISCONNECT_WITH_WILL_MESSAGE,
            properties
        }
    );
}

#[test]
fn disconnect_never_says_what_a_client_may_not_say() {
    // 0x8B comes only from servers, 0x10 is not for DISCONNECT.
    for (asked, sent) in [
        (ReasonCode::SERVER_SHUTTING_DOWN, "0x80"),
        (ReasonCode(0x10), "0x00"),
        (ReasonCode(0x82), "0x82"),
    ] {
        let mut rig = Rig::online(V5);
        rig.disconnect(asked, Properties::new());
        rig.expect(&[
            &format!("> DISCONNECT reason {sent}"),
            "ended Requested",
            "close",
        ]);
    }
}

#[test]
fn disconnect_may_not_prolong_a_session_that_ends_with_the_connection() {
    let mut rig = Rig::online_with(V5, ConnectOptions::new(V5, "c"), connack(false));
    rig.client.disconnect(
        Time::ZERO,
        ReasonCode::SUCCESS,
        Properties::new().with(Property::SessionExpiryInterval(5)),
    );
    let Some(Event::Sent(frame)) = rig.client.poll_event() else {
        panic!("no DISCONNECT")
    };
    assert_eq!(
        frame.packet,
        Packet::Disconnect(Disconnect::with_reason(ReasonCode::SUCCESS))
    );
}

#[test]
fn disconnect_leaves_out_what_does_not_fit() {
    let limit = connack_with(false, [Property::MaximumPacketSize(12)]);
    let mut rig = Rig::online_with(V5, Rig::options(V5), limit);
    let expiry = Property::SessionExpiryInterval(5);
    let properties = Properties::new()
        .with(Property::ReasonString("much too long".into()))
        .with(expiry.clone());
    rig.client
        .disconnect(Time::ZERO, ReasonCode::SUCCESS, properties);
    let Some(Event::Sent(frame)) = rig.client.poll_event() else {
        panic!("no DISCONNECT")
    };
    assert_eq!(
        frame.packet,
        Packet::Disconnect(Disconnect {
            reason: ReasonCode::SUCCESS,
            properties: Properties::new().with(expiry)
        })
    );
    assert!(frame.bytes.len() <= 12);
}

#[test]
fn commands_do_what_the_methods_do() {
    let mut by_command = Rig::new(V5);
    let mut by_method = Rig::new(V5);
    let message = Message::new("a", "x", QoS::AtLeastOnce);
    let backoff = Some(Backoff::new(Duration::from_secs(1), Duration::from_secs(4)));
    let commands = [
        Command::Backoff(backoff),
        Command::Connect(Rig::options(V5).into()),
        Command::Publish(Ticket(1), message.clone()),
        Command::Subscribe {
            ticket: Ticket(2),
            subscriptions: vec![subscription("s")],
            properties: Properties::new(),
        },
        Command::Unsubscribe {
            ticket: Ticket(3),
            filters: vec![TopicFilter::parse_v5("s").unwrap()],
            properties: Properties::new(),
        },
    ];
    for command in commands {
        by_command.client.handle_command(Time::ZERO, command);
    }
    let client = &mut by_method.client;
    client.set_backoff(backoff);
    client.connect(Time::ZERO, Rig::options(V5));
    client.publish(Time::ZERO, Ticket(1), message);
    client.subscribe(
        Time::ZERO,
        Ticket(2),
        vec![subscription("s")],
        Properties::new(),
    );
    client.unsubscribe(
        Time::ZERO,
        Ticket(3),
        vec![TopicFilter::parse_v5("s").unwrap()],
        Properties::new(),
    );
    for rig in [&mut by_command, &mut by_method] {
        rig.dialed();
        rig.feed(Packet::ConnAck(connack(false)));
    }
    assert_eq!(by_command.lines.len(), 7);
    assert_eq!(by_command.out(), by_method.out());
    by_command.client.handle_command(Time::ZERO, Command::Stop);
    by_method.client.handle_command(Time::ZERO, Command::Drop);
    let out = by_command.out();
    assert_eq!(out[0], "ended Dropped");
    assert_eq!(out, by_method.out());
}
