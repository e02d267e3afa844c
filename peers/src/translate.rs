//! From strings and numbers of a peer to our types, or the reason why ours cannot hold them.

use crate::Fault;
use bytes::Bytes;
use squall_protocol::{
    Packet, PacketId, Properties, Property, QoS, ReasonCode, Text, Version,
    packet::{Ack, Publish, RetainHandling},
    topic::TopicFilter,
};

/// Strings and bytes of all peers.
pub(crate) trait Octets {
    fn octets(&self) -> &[u8];
}

macro_rules! octets {
    ($($theirs:ty)*) => {
        $(impl Octets for $theirs {
            fn octets(&self) -> &[u8] {
                let slice: &[u8] = self.as_ref();
                slice
            }
        })*
    };
}

octets! { &str String &String &[u8] Vec<u8> Bytes &Bytes ntex_bytes::Bytes }

impl Octets for ntex_bytes::ByteString {
    fn octets(&self) -> &[u8] {
        let text: &str = self.as_ref();
        text.as_bytes()
    }
}

pub(crate) fn text(bytes: impl Octets) -> Result<Text, Fault> {
    Text::from_bytes(Bytes::copy_from_slice(bytes.octets()))
        .map_err(|e| Fault::Beyond(format!("a string that is {e}")))
}

pub(crate) fn data(bytes: impl Octets) -> Bytes {
    Bytes::copy_from_slice(bytes.octets())
}

pub(crate) fn packet_id(id: u16) -> Result<PacketId, Fault> {
    PacketId::new(id).ok_or_else(|| Fault::Beyond("packet identifier 0".to_owned()))
}

pub(crate) fn qos(bits: u8) -> Result<QoS, Fault> {
    QoS::from_bits(bits).ok_or_else(|| Fault::Beyond(format!("QoS {bits}")))
}

pub(crate) fn retain_handling(bits: u8) -> Result<RetainHandling, Fault> {
    RetainHandling::from_bits(bits).ok_or_else(|| Fault::Beyond(format!("Retain Handling {bits}")))
}

pub(crate) fn filter(bytes: impl Octets, version: Version) -> Result<TopicFilter, Fault> {
    let text = text(bytes)?;
    let parsed = match version {
        Version::V3_1_1 => TopicFilter::parse_v3(text.clone()),
        Version::V5_0 => TopicFilter::parse_v5(text.clone()),
    };
    parsed.map_err(|e| Fault::Beyond(format!("topic filter {text:?}: {e}")))
}

/// PUBACK to PUBCOMP.
pub(crate) fn ack(id: u16, reason: u8, properties: Properties) -> Result<Ack, Fault> {
    Ok(Ack {
        packet_id: packet_id(id)?,
        reason: ReasonCode(reason),
        properties,
    })
}

/// PUBACK to PUBCOMP of 3.1.1.
pub(crate) fn plain_ack(id: u16) -> Result<Ack, Fault> {
    ack(id, 0, Properties::new())
}

/// A PUBLISH of 3.1.1; `id` counts when the QoS asks for one.
pub(crate) fn publish(
    [dup, retain]: [bool; 2],
    level: u8,
    topic: impl Octets,
    id: u16,
    payload: impl Octets,
) -> Result<Publish, Fault> {
    let qos = qos(level)?;
    Ok(Publish {
        dup,
        qos,
        retain,
        topic: text(topic)?,
        packet_id: match qos {
            QoS::AtMostOnce => None,
            _ => Some(packet_id(id)?),
        },
        properties: Properties::new(),
        payload: data(payload),
    })
}

/// Properties out of a peer's optional fields.
#[derive(Default)]
pub(crate) struct List(Properties);

impl List {
    pub(crate) fn number<T>(mut self, value: Option<T>, make: impl Fn(T) -> Property) -> Self {
        value.into_iter().for_each(|v| self.0.push(make(v)));
        self
    }

    pub(crate) fn data<T: Octets>(
        mut self,
        value: Option<T>,
        make: impl Fn(Bytes) -> Property,
    ) -> Self {
        value.into_iter().for_each(|v| self.0.push(make(data(v))));
        self
    }

    pub(crate) fn text<T: Octets>(
        mut self,
        value: Option<T>,
        make: impl Fn(Text) -> Property,
    ) -> Result<Self, Fault> {
        if let Some(value) = value {
            self.0.push(make(text(value)?));
        }
        Ok(self)
    }

    /// User properties, and the end of the list.
    pub(crate) fn users<K: Octets, V: Octets>(
        mut self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Properties, Fault> {
        for (key, value) in pairs {
            self.0
                .push(Property::UserProperty(text(key)?, text(value)?));
        }
        Ok(self.0)
    }
}

/// Every list of properties in a packet.
pub(crate) fn properties_of(packet: &mut Packet) -> Vec<&mut Properties> {
    match packet {
        Packet::Connect(p) => {
            let will = p.will.as_mut().map(|will| &mut will.properties);
            std::iter::once(&mut p.properties).chain(will).collect()
        }
        Packet::ConnAck(p) => vec![&mut p.properties],
        Packet::Publish(p) => vec![&mut p.properties],
        Packet::PubAck(p) | Packet::PubRec(p) | Packet::PubRel(p) | Packet::PubComp(p) => {
            vec![&mut p.properties]
        }
        Packet::Subscribe(p) => vec![&mut p.properties],
        Packet::SubAck(p) => vec![&mut p.properties],
        Packet::Unsubscribe(p) => vec![&mut p.properties],
        Packet::UnsubAck(p) => vec![&mut p.properties],
        Packet::Disconnect(p) => vec![&mut p.properties],
        Packet::Auth(p) => vec![&mut p.properties],
        Packet::PingReq | Packet::PingResp => Vec::new(),
    }
}

/// The version a CONNECT asks for, as far as it can be read; a server has to look there before it picks a codec.
pub(crate) fn version_of_connect(bytes: &[u8]) -> Version {
    let length = bytes.iter().skip(1).take_while(|b| **b & 0x80 != 0).count() + 1;
    let name = bytes.get(1 + length..).unwrap_or_default();
    let level = match name {
        [high, low, rest @ ..] => rest.get(usize::from(*high) << 8 | usize::from(*low)),
        _ => None,
    };
    match level {
        Some(5) => Version::V5_0,
        _ => Version::V3_1_1,
    }
}
