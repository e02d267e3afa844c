//! Any valid packet of either version, for properties that have to hold for all of them.

use bytes::Bytes;
use proptest::{collection::vec, option, prelude::*};
use squall_protocol::{
    PROPERTIES, Packet, PacketId, PacketType, Properties, Property, PropertySpec, QoS, REASONS,
    ReasonCode, Role, Text, Version, packet::*, topic::TopicFilter,
};

/// A packet that `Role` may send in `Version`.
pub(crate) fn sent() -> impl Strategy<Value = (Role, Version, Packet)> {
    (
        prop_oneof![Just(Role::Client), Just(Role::Server)],
        prop_oneof![Just(Version::V3_1_1), Just(Version::V5_0)],
    )
        .prop_flat_map(|(role, version)| {
            packet(role, version).prop_map(move |packet| (role, version, packet))
        })
}

/// Any packet that `role` may send in `version`.
pub(crate) fn packet(role: Role, version: Version) -> BoxedStrategy<Packet> {
    let mut kinds = vec![
        publish(role, version).boxed(),
        ack(PacketType::PubAck, role, version)
            .prop_map(Packet::PubAck)
            .boxed(),
        ack(PacketType::PubRec, role, version)
            .prop_map(Packet::PubRec)
            .boxed(),
        ack(PacketType::PubRel, role, version)
            .prop_map(Packet::PubRel)
            .boxed(),
        ack(PacketType::PubComp, role, version)
            .prop_map(Packet::PubComp)
            .boxed(),
    ];
    match role {
        Role::Client => kinds.extend([
            connect(version).boxed(),
            subscribe(version).boxed(),
            unsubscribe(version).boxed(),
            Just(Packet::PingReq).boxed(),
        ]),
        Role::Server => kinds.extend([
            connack(version).boxed(),
            suback(version).boxed(),
            unsuback(version).boxed(),
            Just(Packet::PingResp).boxed(),
        ]),
    }
    if version == Version::V5_0 {
        kinds.push(disconnect(role).boxed());
        kinds.push(auth(role).boxed());
    } else if role == Role::Client {
        kinds.push(
            Just(Packet::Disconnect(Disconnect::with_reason(
                ReasonCode::SUCCESS,
            )))
            .boxed(),
        );
    }
    proptest::strategy::Union::new(kinds).boxed()
}

fn text() -> impl Strategy<Value = Text> {
    prop_oneof![
        "[a-zA-Z0-9/ ]{0,12}",
        "[^\\x00]{0,6}",
        Just("\u{feff}bom".to_owned()),
        Just("x".repeat(300)),
        // The borders of UTF-8: U+0001, the last of each length, the characters around the surrogates.
        "[\u{1}\u{1f}\u{7f}\u{80}\u{9f}\u{7ff}\u{800}\u{d7ff}\u{e000}\u{fdd0}\u{fffe}\u{ffff}\u{10000}\u{10ffff}]{1,6}",
    ]
    .prop_map(Text::from)
}

/// A string of the greatest length, rarely.
fn long_text() -> impl Strategy<Value = Text> {
    prop_oneof![40 => text(), 1 => Just("é".repeat(32_767) + "x").prop_map(Text::from)]
}

fn topic_name() -> impl Strategy<Value = Text> {
    prop_oneof![
        40 => "[a-z/$ é]{1,12}".prop_map(Text::from),
        4 => "[^\\x00+#]{1,6}".prop_map(Text::from),
        1 => Just("/".repeat(65_535)).prop_map(Text::from),
    ]
}

pub(crate) fn filter_text() -> impl Strategy<Value = String> {
    let level = prop_oneof!["[a-z$]{0,3}", "[^\\x00+#/]{0,3}", Just("+".to_owned())];
    (vec(level, 1..4), any::<bool>()).prop_map(|(mut levels, all)| {
        if all {
            levels.push("#".to_owned());
        }
        let text = levels.join("/");
        if text.is_empty() {
            "/".to_owned()
        } else {
            text
        }
    })
}

fn filter(version: Version) -> BoxedStrategy<TopicFilter> {
    let plain = filter_text().prop_map(|t| TopicFilter::parse_v3(t).expect("well-formed"));
    if version == Version::V3_1_1 {
        return plain.boxed();
    }
    // What begins like a shared subscription and is none.
    let plain =
        prop_oneof![20 => plain, 1 => Just(TopicFilter::parse_v5("$share").expect("one level"))];
    let shared = ("[a-z$ é]{1,4}", filter_text()).prop_map(|(name, rest)| {
        TopicFilter::parse_v5(format!("$share/{name}/{rest}")).expect("well-formed")
    });
    prop_oneof![3 => plain, 1 => shared].boxed()
}

fn qos() -> impl Strategy<Value = QoS> {
    (0u8..3).prop_map(|q| QoS::from_bits(q).expect("0 to 2"))
}

fn packet_id() -> impl Strategy<Value = PacketId> {
    prop_oneof![Just(1), Just(u16::MAX), 1..=u16::MAX]
        .prop_map(|id| PacketId::new(id).expect("not 0"))
}

/// Binary data that has a length of two bytes in front.
fn binary() -> impl Strategy<Value = Bytes> {
    let some = prop_oneof![vec(any::<u8>(), 0..20), Just(vec![7; 200])];
    prop_oneof![40 => some, 1 => Just(vec![7; 65_535])].prop_map(Bytes::from)
}

/// A payload, which has no length of its own.
fn payload() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        40 => vec(any::<u8>(), 0..20),
        4 => Just(vec![7; 200]),
        1 => Just(vec![7; 70_000]),
    ]
    .prop_map(Bytes::from)
}

/// The reason codes the table gives to this sender.
fn reason(packet: PacketType, role: Role, version: Version) -> BoxedStrategy<ReasonCode> {
    let codes: Vec<ReasonCode> = match version {
        Version::V5_0 => REASONS
            .iter()
            .filter(|spec| {
                spec.packets
                    .iter()
                    .any(|(p, roles)| *p == packet && roles.contains(&role))
            })
            .map(|spec| spec.code)
            .collect(),
        Version::V3_1_1 => match packet {
            PacketType::ConnAck => (0..=5).map(ReasonCode).collect(),
            PacketType::SubAck => vec![
                ReasonCode(0),
                ReasonCode(1),
                ReasonCode(2),
                ReasonCode(0x80),
            ],
            _ => vec![ReasonCode::SUCCESS],
        },
    };
    proptest::sample::select(codes).boxed()
}

/// A value within the range the table gives.
fn property(spec: &'static PropertySpec) -> BoxedStrategy<Property> {
    let number = prop_oneof![Just(spec.min), Just(spec.max), spec.min..=spec.max];
    let (byte, two) = (
        number.clone().prop_map(|n| n as u8),
        number.clone().prop_map(|n| n as u16),
    );
    match spec.name {
        "Payload Format Indicator" => byte.prop_map(Property::PayloadFormatIndicator).boxed(),
        "Message Expiry Interval" => number.prop_map(Property::MessageExpiryInterval).boxed(),
        "Content Type" => text().prop_map(Property::ContentType).boxed(),
        "Response Topic" => topic_name().prop_map(Property::ResponseTopic).boxed(),
        "Correlation Data" => binary().prop_map(Property::CorrelationData).boxed(),
        "Subscription Identifier" => number.prop_map(Property::SubscriptionIdentifier).boxed(),
        "Session Expiry Interval" => number.prop_map(Property::SessionExpiryInterval).boxed(),
        "Assigned Client Identifier" => text().prop_map(Property::AssignedClientIdentifier).boxed(),
        "Server Keep Alive" => two.prop_map(Property::ServerKeepAlive).boxed(),
        "Authentication Method" => text().prop_map(Property::AuthenticationMethod).boxed(),
        "Authentication Data" => binary().prop_map(Property::AuthenticationData).boxed(),
        "Request Problem Information" => byte.prop_map(Property::RequestProblemInformation).boxed(),
        "Will Delay Interval" => number.prop_map(Property::WillDelayInterval).boxed(),
        "Request Response Information" => {
            byte.prop_map(Property::RequestResponseInformation).boxed()
        }
        "Response Information" => text().prop_map(Property::ResponseInformation).boxed(),
        "Server Reference" => text().prop_map(Property::ServerReference).boxed(),
        "Reason String" => long_text().prop_map(Property::ReasonString).boxed(),
        "Receive Maximum" => two.prop_map(Property::ReceiveMaximum).boxed(),
        "Topic Alias Maximum" => two.prop_map(Property::TopicAliasMaximum).boxed(),
        "Topic Alias" => two.prop_map(Property::TopicAlias).boxed(),
        "Maximum QoS" => byte.prop_map(Property::MaximumQoS).boxed(),
        "Retain Available" => byte.prop_map(Property::RetainAvailable).boxed(),
        "User Property" => (text(), text())
            .prop_map(|(k, v)| Property::UserProperty(k, v))
            .boxed(),
        "Maximum Packet Size" => number.prop_map(Property::MaximumPacketSize).boxed(),
        "Wildcard Subscription Available" => byte
            .prop_map(Property::WildcardSubscriptionAvailable)
            .boxed(),
        "Subscription Identifiers Available" => byte
            .prop_map(Property::SubscriptionIdentifiersAvailable)
            .boxed(),
        "Shared Subscription Available" => {
            byte.prop_map(Property::SharedSubscriptionAvailable).boxed()
        }
        other => panic!("no strategy for {other}"),
    }
}

/// Some of the properties that may stand in a packet, from this sender, in any order.
fn properties(packet: PacketType, role: Role, version: Version) -> BoxedStrategy<Properties> {
    let specs = PROPERTIES
        .iter()
        .filter(move |spec| spec.packets.contains(&packet))
        .filter(move |spec| {
            !matches!(
                (packet, role, spec.name),
                (PacketType::Publish, Role::Client, "Subscription Identifier")
                    | (
                        PacketType::Disconnect,
                        Role::Server,
                        "Session Expiry Interval"
                    )
            )
        });
    some_of(specs, packet, version)
}

fn will_properties(version: Version) -> BoxedStrategy<Properties> {
    some_of(
        PROPERTIES.iter().filter(|spec| spec.in_will),
        PacketType::Connect,
        version,
    )
}

fn some_of(
    specs: impl Iterator<Item = &'static PropertySpec>,
    packet: PacketType,
    version: Version,
) -> BoxedStrategy<Properties> {
    if version == Version::V3_1_1 {
        return Just(Properties::new()).boxed();
    }
    let each: Vec<_> = specs
        .map(|spec| {
            vec(
                property(spec),
                0..=if spec.repeats_in(packet) { 3 } else { 1 },
            )
            .boxed()
        })
        .collect();
    prop_oneof![1 => Just(Vec::new()), 3 => each.prop_map(|lists| lists.concat()).prop_shuffle()]
        .prop_map(|list| list.into_iter().collect())
        .boxed()
}

/// Properties that do not call a payload text that is none.
fn honest(mut properties: Properties, payload: &[u8]) -> Properties {
    if properties.payload_format_indicator() == Some(1) && std::str::from_utf8(payload).is_err() {
        properties.set(Property::PayloadFormatIndicator(0));
    }
    properties
}

fn connect(version: Version) -> impl Strategy<Value = Packet> {
    let will = (
        topic_name(),
        binary(),
        qos(),
        any::<bool>(),
        will_properties(version),
    )
        .prop_map(|(topic, payload, qos, retain, properties)| Will {
            topic,
            qos,
            retain,
            properties: honest(properties, &payload),
            payload,
        });
    let properties = properties(PacketType::Connect, Role::Client, version).prop_map(|mut p| {
        if p.authentication_method().is_none() {
            p.remove(squall_protocol::PropertyId::AUTHENTICATION_DATA);
        }
        p
    });
    let secrets = (option::of(text()), option::of(binary()));
    (
        any::<bool>(),
        prop_oneof![Just(0), Just(u16::MAX), any::<u16>()],
        long_text(),
        option::of(will),
        secrets,
        properties,
    )
        .prop_map(
            move |(clean_start, keep_alive, client_id, will, (user_name, password), properties)| {
                let password = password.filter(|_| version == Version::V5_0 || user_name.is_some());
                // [MQTT-3.1.3-7] (3.1.1)
                let needs_clean = version == Version::V3_1_1 && client_id.is_empty();
                let clean_start = clean_start || needs_clean;
                Packet::Connect(Box::new(Connect {
                    version,
                    clean_start,
                    keep_alive,
                    client_id,
                    will,
                    user_name,
                    password,
                    properties,
                }))
            },
        )
}

fn connack(version: Version) -> impl Strategy<Value = Packet> {
    let packet = PacketType::ConnAck;
    (
        any::<bool>(),
        reason(packet, Role::Server, version),
        properties(packet, Role::Server, version),
    )
        .prop_map(|(present, reason, properties)| {
            let session_present = present && reason == ReasonCode::SUCCESS;
            Packet::ConnAck(ConnAck {
                session_present,
                reason,
                properties,
            })
        })
}

fn publish(role: Role, version: Version) -> impl Strategy<Value = Packet> {
    let properties = properties(PacketType::Publish, role, version);
    (
        any::<[bool; 3]>(),
        qos(),
        topic_name(),
        packet_id(),
        properties,
        payload(),
    )
        .prop_map(
            |([dup, retain, aliased], qos, topic, id, properties, payload)| {
                let topic = if aliased && properties.topic_alias().is_some() {
                    Text::new()
                } else {
                    topic
                };
                let packet_id = (qos != QoS::AtMostOnce).then_some(id);
                let dup = dup && packet_id.is_some();
                Packet::Publish(Publish {
                    dup,
                    qos,
                    retain,
                    topic,
                    packet_id,
                    properties: honest(properties, &payload),
                    payload,
                })
            },
        )
}

fn ack(packet: PacketType, role: Role, version: Version) -> impl Strategy<Value = Ack> {
    (
        packet_id(),
        reason(packet, role, version),
        properties(packet, role, version),
    )
        .prop_map(|(packet_id, reason, properties)| Ack {
            packet_id,
            reason,
            properties,
        })
}

fn subscription(version: Version) -> impl Strategy<Value = Subscription> {
    (filter(version), qos(), any::<[bool; 2]>(), 0u8..3).prop_map(
        move |(filter, qos, [local, published], handling)| {
            let plain = Subscription::new(filter, qos);
            if version == Version::V3_1_1 {
                return plain;
            }
            let no_local = local && !plain.filter.is_shared();
            let retain_handling = RetainHandling::from_bits(handling).expect("0 to 2");
            Subscription {
                no_local,
                retain_as_published: published,
                retain_handling,
                ..plain
            }
        },
    )
}

fn subscribe(version: Version) -> impl Strategy<Value = Packet> {
    (
        packet_id(),
        properties(PacketType::Subscribe, Role::Client, version),
        vec(subscription(version), 1..4),
    )
        .prop_map(|(packet_id, properties, subscriptions)| {
            Packet::Subscribe(Subscribe {
                packet_id,
                properties,
                subscriptions,
            })
        })
}

fn unsubscribe(version: Version) -> impl Strategy<Value = Packet> {
    (
        packet_id(),
        properties(PacketType::Unsubscribe, Role::Client, version),
        vec(filter(version), 1..4),
    )
        .prop_map(|(packet_id, properties, filters)| {
            Packet::Unsubscribe(Unsubscribe {
                packet_id,
                properties,
                filters,
            })
        })
}

fn suback(version: Version) -> impl Strategy<Value = Packet> {
    let packet = PacketType::SubAck;
    let reasons = vec(reason(packet, Role::Server, version), 1..6);
    (
        packet_id(),
        properties(packet, Role::Server, version),
        reasons,
    )
        .prop_map(|(packet_id, properties, reasons)| {
            Packet::SubAck(SubAck {
                packet_id,
                properties,
                reasons,
            })
        })
}

fn unsuback(version: Version) -> impl Strategy<Value = Packet> {
    let packet = PacketType::UnsubAck;
    let count = if version == Version::V5_0 { 1..6 } else { 0..1 };
    (
        packet_id(),
        properties(packet, Role::Server, version),
        vec(reason(packet, Role::Server, version), count),
    )
        .prop_map(|(packet_id, properties, reasons)| {
            Packet::UnsubAck(UnsubAck {
                packet_id,
                properties,
                reasons,
            })
        })
}

fn disconnect(role: Role) -> impl Strategy<Value = Packet> {
    let packet = PacketType::Disconnect;
    (
        reason(packet, role, Version::V5_0),
        properties(packet, role, Version::V5_0),
    )
        .prop_map(|(reason, properties)| Packet::Disconnect(Disconnect { reason, properties }))
}

fn auth(role: Role) -> impl Strategy<Value = Packet> {
    let packet = PacketType::Auth;
    (
        reason(packet, role, Version::V5_0),
        properties(packet, role, Version::V5_0),
        text(),
    )
        .prop_map(|(reason, mut properties, method)| {
            if reason != ReasonCode::SUCCESS || !properties.is_empty() {
                properties.set(Property::AuthenticationMethod(method));
            }
            Packet::Auth(Auth { reason, properties })
        })
}
