use super::*;
use crate::PacketType;

#[test]
fn the_table_is_in_order_and_found_by_identifier() {
    assert_eq!(PROPERTIES.len(), 27);
    assert!(PROPERTIES.is_sorted_by_key(|spec| spec.id));
    for id in (0..=u8::MAX).map(PropertyId) {
        let row = PROPERTIES.iter().find(|spec| spec.id == id);
        assert_eq!(id.name(), row.map(|spec| spec.name), "{id:?}");
    }
}

#[test]
fn ranges_and_places() {
    for spec in PROPERTIES {
        assert!(spec.min <= spec.max, "{}", spec.name);
        assert!(spec.in_will || !spec.packets.is_empty(), "{}", spec.name);
        let integer = !matches!(
            spec.value,
            PropertyType::BinaryData | PropertyType::Utf8String | PropertyType::Utf8StringPair
        );
        assert_eq!(integer, spec.max > 0, "{}", spec.name);
        assert!(integer || spec.default.is_none(), "{}", spec.name);
    }
    let in_will: Vec<_> = PROPERTIES
        .iter()
        .filter(|spec| spec.in_will)
        .map(|spec| spec.id.0)
        .collect();
    assert_eq!(in_will, [0x01, 0x02, 0x03, 0x08, 0x09, 0x18, 0x26]);
}

#[test]
fn places_by_packet() {
    let in_packet = |packet| {
        PROPERTIES
            .iter()
            .filter(|s| s.packets.contains(&packet))
            .map(|s| s.id.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        in_packet(PacketType::Connect),
        [0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27]
    );
    assert_eq!(
        in_packet(PacketType::ConnAck),
        [
            0x11, 0x12, 0x13, 0x15, 0x16, 0x1A, 0x1C, 0x1F, 0x21, 0x22, 0x24, 0x25, 0x26, 0x27,
            0x28, 0x29, 0x2A
        ]
    );
    assert_eq!(
        in_packet(PacketType::Publish),
        [0x01, 0x02, 0x03, 0x08, 0x09, 0x0B, 0x23, 0x26]
    );
    assert_eq!(in_packet(PacketType::Subscribe), [0x0B, 0x26]);
    assert_eq!(in_packet(PacketType::Unsubscribe), [0x26]);
    assert_eq!(in_packet(PacketType::Disconnect), [0x11, 0x1C, 0x1F, 0x26]);
    assert_eq!(in_packet(PacketType::Auth), [0x15, 0x16, 0x1F, 0x26]);
    for ack in [
        "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBACK", "UNSUBACK",
    ] {
        let ack = PacketType::from_name(ack).expect("a packet");
        assert_eq!(in_packet(ack), [0x1F, 0x26], "{ack}");
    }
    assert!(
        in_packet(PacketType::PingReq).is_empty() && in_packet(PacketType::PingResp).is_empty()
    );
    let repeats = |packet| {
        PROPERTIES
            .iter()
            .filter(|s| s.repeats_in(packet))
            .map(|s| s.id.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(repeats(PacketType::Publish), [0x0B, 0x26]);
    assert_eq!(repeats(PacketType::Subscribe), [0x26]);
}

#[test]
fn set_keeps_the_place_and_drops_repetitions() {
    let mut list = Properties::new()
        .with(Property::SubscriptionIdentifier(1))
        .with(Property::TopicAlias(9))
        .with(Property::SubscriptionIdentifier(2));
    assert_eq!(list.subscription_identifiers().collect::<Vec<_>>(), [1, 2]);
    list.set(Property::SubscriptionIdentifier(3));
    let expected = [
        &Property::SubscriptionIdentifier(3),
        &Property::TopicAlias(9),
    ];
    assert_eq!(list.iter().collect::<Vec<_>>(), expected);
    list.set(Property::ContentType("x".into()));
    assert_eq!(list.len(), 3);
    assert_eq!(
        list.get(PropertyId::CONTENT_TYPE),
        Some(&Property::ContentType("x".into()))
    );
    assert_eq!(list.remove(PropertyId::TOPIC_ALIAS), 1);
    assert_eq!(list.remove(PropertyId::TOPIC_ALIAS), 0);
    assert_eq!(list.topic_alias(), None);
}

#[test]
fn user_properties_keep_their_order() {
    let list: Properties = [("k", "1"), ("a", "2"), ("k", "3")]
        .into_iter()
        .map(|(name, value)| Property::UserProperty(name.into(), value.into()))
        .collect();
    let pairs: Vec<_> = list
        .user_properties()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(pairs, [("k", "1"), ("a", "2"), ("k", "3")]);
}

#[test]
fn no_properties_take_no_memory() {
    assert_eq!(Properties::new().0.capacity(), 0);
}
