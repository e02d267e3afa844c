//! The values of rows: what a message, a session and all that belongs to one say of themselves, and how that is read.
//! A reader gives `None` for bytes that no writer here has written.

use super::{
    message::{Delivery, Message},
    retained::Found,
    session::Expiry,
    subscriptions::Granted,
};
use crate::store::{Fields, Reading};
use bytes::Bytes;
use squall_protocol::{
    Decoder, Packet, Properties, QoS, Role, Text, Time, Version, encode,
    flow::sender::State,
    packet::{Connect, Publish, Will},
    topic::TopicFilter,
};

/// What a message is made of.
pub(super) struct SavedMessage {
    pub(super) publish: Publish,
    pub(super) publisher: Text,
    pub(super) received: Time,
}

/// How long a session lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SavedSession {
    pub(super) client_id: Text,
    /// The user it belongs to, if it belongs to one.
    pub(super) user: Option<Text>,
    pub(super) expiry: Expiry,
    /// Whether its client was connected.
    pub(super) online: bool,
    pub(super) ends_at: Option<Time>,
}

/// A session's share of a message, whose number is known.
pub(super) struct SavedDelivery {
    pub(super) message: u64,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    pub(super) identifiers: Vec<u32>,
    pub(super) shared: Option<TopicFilter>,
}

/// A packet identifier in use.
pub(super) struct SavedFlow {
    pub(super) state: State,
    pub(super) places: (u64, u64),
    pub(super) delivery: Option<SavedDelivery>,
}

pub(super) fn message(message: &Message) -> Bytes {
    let mut envelope = message.envelope();
    // What MQTT can frame as 3.1.1 may be a byte too long in 5.0; the payload stands apart.
    let payload = std::mem::take(&mut envelope.payload);
    let envelope = encode(&Packet::Publish(envelope), Version::V5_0);
    Fields::default()
        .bytes(&envelope.unwrap_or_default())
        .bytes(&payload)
        .bytes(message.publisher.as_bytes())
        .long(message.received().as_millis())
        .done()
}

pub(super) fn read_message(value: &Bytes) -> Option<SavedMessage> {
    let mut reading = Reading::of(value);
    let Packet::Publish(mut publish) = packet(&reading.bytes()?)? else {
        return None;
    };
    publish.payload = reading.bytes()?;
    let publisher = reading.text()?.into();
    let received = Time::from_millis(reading.long()?);
    reading.done()?;
    Some(SavedMessage {
        publish,
        publisher,
        received,
    })
}

pub(super) fn session(session: &SavedSession) -> Bytes {
    let expiry = match session.expiry {
        Expiry::AtOnce => 0,
        Expiry::After(kept) => u32::try_from(kept.as_secs()).unwrap_or(u32::MAX - 1),
        Expiry::Never => u32::MAX,
    };
    Fields::default()
        .bytes(session.client_id.as_bytes())
        .flag(session.user.is_some())
        .bytes(session.user.as_deref().unwrap_or_default().as_bytes())
        .short(expiry)
        .flag(session.online)
        .maybe(session.ends_at.map(Time::as_millis))
        .done()
}

pub(super) fn read_session(value: &Bytes) -> Option<SavedSession> {
    let mut reading = Reading::of(value);
    let session = SavedSession {
        client_id: reading.text()?.into(),
        user: match (reading.flag()?, reading.text()?) {
            (true, user) => Some(user.into()),
            (false, _) => None,
        },
        expiry: Expiry::from_secs(reading.short()?),
        online: reading.flag()?,
        ends_at: reading.maybe()?.map(Time::from_millis),
    };
    reading.done()?;
    Some(session)
}

pub(super) fn subscription(granted: Granted) -> Bytes {
    Fields::default()
        .byte(granted.qos.as_u8())
        .flag(granted.no_local)
        .flag(granted.retain_as_published)
        .maybe(granted.identifier.map(u64::from))
        .done()
}

pub(super) fn read_subscription(value: &Bytes) -> Option<Granted> {
    let mut reading = Reading::of(value);
    let granted = Granted {
        qos: QoS::from_bits(reading.byte()?)?,
        no_local: reading.flag()?,
        retain_as_published: reading.flag()?,
        identifier: identifier(reading.maybe()?)?,
    };
    reading.done()?;
    Some(granted)
}

/// A message that waits; `number` is its message's.
pub(super) fn waiting(number: u64, delivery: &Delivery) -> Bytes {
    delivery_fields(Fields::default(), number, delivery).done()
}

pub(super) fn read_waiting(value: &Bytes) -> Option<SavedDelivery> {
    let mut reading = Reading::of(value);
    let delivery = read_delivery(&mut reading)?;
    reading.done()?;
    Some(delivery)
}

/// A packet identifier in use; the delivery is there with its message's number while it may have to be sent again.
pub(super) fn flow(state: State, places: (u64, u64), delivery: Option<(u64, &Delivery)>) -> Bytes {
    let number = State::ALL.iter().position(|s| *s == state);
    let fields = Fields::default()
        .byte(number.and_then(|n| u8::try_from(n).ok()).unwrap_or(u8::MAX))
        .long(places.0)
        .long(places.1)
        .flag(delivery.is_some());
    match delivery {
        Some((number, delivery)) => delivery_fields(fields, number, delivery).done(),
        None => fields.done(),
    }
}

pub(super) fn read_flow(value: &Bytes) -> Option<SavedFlow> {
    let mut reading = Reading::of(value);
    let flow = SavedFlow {
        state: *State::ALL.get(usize::from(reading.byte()?))?,
        places: (reading.long()?, reading.long()?),
        delivery: match reading.flag()? {
            true => Some(read_delivery(&mut reading)?),
            false => None,
        },
    };
    reading.done()?;
    Some(flow)
}

/// The retained message of a topic: its message's number, and how many there were before it.
pub(super) fn retained(message: u64, number: u64) -> Bytes {
    Fields::default().long(message).long(number).done()
}

pub(super) fn read_retained(value: &Bytes) -> Option<(u64, u64)> {
    let mut reading = Reading::of(value);
    let both = (reading.long()?, reading.long()?);
    reading.done()?;
    Some(both)
}

/// What a subscription found, and its place in the queue.
pub(super) fn found(place: u64, found: &Found) -> Bytes {
    let (after, number) = found.progress();
    let fields = Fields::default()
        .long(place)
        .flag(found.filter.is_shared())
        .bytes(found.filter.as_str().as_bytes())
        .byte(found.qos.as_u8())
        .flag(found.no_local)
        .maybe(found.identifier.map(u64::from))
        .long(number)
        .flag(after.is_some());
    fields
        .bytes(after.map_or("", Text::as_str).as_bytes())
        .done()
}

pub(super) fn read_found(value: &Bytes) -> Option<(u64, Found)> {
    let mut reading = Reading::of(value);
    let place = reading.long()?;
    let shared = reading.flag()?;
    let filter = filter(shared, &reading.text()?)?;
    let (qos, no_local) = (QoS::from_bits(reading.byte()?)?, reading.flag()?);
    let identifier = identifier(reading.maybe()?)?;
    let number = reading.long()?;
    let begun = reading.flag()?;
    let after = Text::from(reading.text()?);
    reading.done()?;
    let mut found = Found::new(&filter, qos, no_local, identifier, number);
    if begun {
        found.go_on_after(after);
    }
    Some((place, found))
}

/// A will, and when it is due if its delay has begun.
pub(super) fn will(will: &Will, due: Option<Time>) -> Bytes {
    let connect = Connect {
        version: Version::V5_0,
        clean_start: true,
        keep_alive: 0,
        client_id: Text::new(),
        will: Some(will.clone()),
        user_name: None,
        password: None,
        properties: Properties::new(),
    };
    // It came in a CONNECT, so it fits into one.
    let connect = encode(&Packet::Connect(Box::new(connect)), Version::V5_0);
    Fields::default()
        .bytes(&connect.unwrap_or_default())
        .maybe(due.map(Time::as_millis))
        .done()
}

pub(super) fn read_will(value: &Bytes) -> Option<(Will, Option<Time>)> {
    let mut reading = Reading::of(value);
    let Packet::Connect(connect) = packet(&reading.bytes()?)? else {
        return None;
    };
    let due = reading.maybe()?.map(Time::from_millis);
    reading.done()?;
    Some((connect.will?, due))
}

/// A topic filter of a row.
pub(super) fn filter(shared: bool, text: &str) -> Option<TopicFilter> {
    match shared {
        true => TopicFilter::parse_v5(text).ok(),
        // What looks like a shared subscription and is none, a client of 3.1.1 has said.
        false => TopicFilter::parse_v3(text).ok(),
    }
}

fn delivery_fields(fields: Fields, number: u64, delivery: &Delivery) -> Fields {
    let mut fields = fields
        .long(number)
        .byte(delivery.qos.as_u8())
        .flag(delivery.retain)
        .long(delivery.identifiers.len() as u64);
    for identifier in &delivery.identifiers {
        fields = fields.short(*identifier);
    }
    let shared = delivery.shared.as_ref();
    fields
        .flag(shared.is_some())
        .bytes(shared.map_or("", TopicFilter::as_str).as_bytes())
}

fn read_delivery(reading: &mut Reading) -> Option<SavedDelivery> {
    let message = reading.long()?;
    let (qos, retain) = (QoS::from_bits(reading.byte()?)?, reading.flag()?);
    let mut identifiers = Vec::new();
    for _ in 0..reading.long()? {
        identifiers.push(reading.short()?);
    }
    let is_shared = reading.flag()?;
    let text = reading.text()?;
    let shared = match is_shared {
        true => Some(filter(true, &text)?),
        false => None,
    };
    Some(SavedDelivery {
        message,
        qos,
        retain,
        identifiers,
        shared,
    })
}

#[expect(
    clippy::option_option,
    reason = "one that may be absent, and may be too large"
)]
fn identifier(number: Option<u64>) -> Option<Option<u32>> {
    match number {
        Some(number) => u32::try_from(number).ok().map(Some),
        None => Some(None),
    }
}

/// The only packet in these bytes.
fn packet(bytes: &Bytes) -> Option<Packet> {
    let mut decoder = Decoder::new(Role::Client);
    // CONNECT says its own version; everything else is kept as 5.0.
    if bytes.first().is_some_and(|first| first >> 4 != 1) {
        decoder.set_version(Version::V5_0);
    }
    decoder.push(bytes);
    Some(decoder.next_frame().ok()??.packet)
}
