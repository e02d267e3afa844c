//! What is done to a server's packets.

use super::{Passed, Tamper as T, Wire, one};
use bytes::{Bytes, BytesMut};
use squall_protocol::{
    Packet, Properties, Property, PropertyId, QoS, ReasonCode, Text, Version, encode,
    packet::{Ack, ConnAck, Disconnect, Publish, SubAck, UnsubAck},
};

impl Wire {
    pub(super) fn tamper_with_server(&mut self, version: Version, packet: Packet) -> Vec<Passed> {
        // What was held back goes after the packet that overtakes it.
        if let Some(held) = self.held.take() {
            return vec![Passed::Packet(packet), Passed::Packet(held)];
        }
        match packet {
            Packet::ConnAck(connack) => self.connack(version, connack),
            Packet::PingResp if self.tamper == T::PingRespDropped && self.every(2) => Vec::new(),
            Packet::SubAck(suback) => self.suback(suback),
            Packet::UnsubAck(unsuback) => self.unsuback(unsuback),
            Packet::PubAck(ack) => {
                let ways = [T::PubAckDropped, T::PubAckIdShifted, T::PubAckReserved];
                self.ack(ack, ways, 0x01, Packet::PubAck)
            }
            Packet::PubRec(ack) if self.tamper == T::PubRecAsPubAck => one(Packet::PubAck(ack)),
            Packet::PubRec(ack) => {
                let ways = [T::PubRecDropped, T::PubRecIdShifted, T::PubRecReserved];
                self.ack(ack, ways, 0x01, Packet::PubRec)
            }
            Packet::PubComp(ack) => {
                let ways = [T::PubCompDropped, T::PubCompIdShifted, T::PubCompReserved];
                self.ack(ack, ways, 0x80, Packet::PubComp)
            }
            Packet::PubRel(_) if self.tamper == T::PubRelDropped && self.every(2) => Vec::new(),
            Packet::PubRel(mut ack) => {
                if self.tamper == T::PubRelIdShifted {
                    ack.packet_id = ack.packet_id.next();
                }
                one(Packet::PubRel(ack))
            }
            Packet::Publish(publish) => self.publish(version, publish),
            Packet::Disconnect(disconnect) => self.disconnect(disconnect),
            other => one(other),
        }
    }

    fn connack(&mut self, version: Version, mut connack: ConnAck) -> Vec<Passed> {
        let accepted = connack.reason == ReasonCode::SUCCESS;
        let tamper = self.tamper;
        match tamper {
            T::SessionPresentFlipped if accepted => {
                connack.session_present = !connack.session_present;
            }
            T::ConnAckTwice => {
                let packet = Passed::Packet(Packet::ConnAck(connack));
                return vec![packet.clone(), packet];
            }
            T::ConnAckDropped => return Vec::new(),
            T::ConnAckSecond if accepted => {
                self.held = Some(Packet::ConnAck(connack));
                return Vec::new();
            }
            T::ConnAckFlags => {
                let Ok(bytes) = encode(&Packet::ConnAck(connack), version) else {
                    return Vec::new();
                };
                let mut bytes = BytesMut::from(&bytes[..]);
                // The flags stand after the first byte and a length of one byte, or of two.
                let at = 2 + usize::from(bytes[1] & 0x80 != 0);
                bytes[at] |= 2;
                return vec![Passed::Raw(bytes.freeze())];
            }
            T::AssignedIdStripped => {
                connack
                    .properties
                    .remove(PropertyId::ASSIGNED_CLIENT_IDENTIFIER);
            }
            T::AuthMethodAdded if accepted => {
                connack
                    .properties
                    .set(Property::AuthenticationMethod("GS2".into()));
            }
            _ => {}
        }
        one(Packet::ConnAck(connack))
    }

    fn suback(&mut self, mut suback: SubAck) -> Vec<Passed> {
        let reasons = &mut suback.reasons;
        let tamper = self.tamper;
        match tamper {
            T::SubAckIdShifted => suback.packet_id = suback.packet_id.next(),
            T::SubAckReversed => reasons.reverse(),
            T::SubAckLonger => reasons.extend(reasons.last().copied()),
            T::SubAckShorter if reasons.len() > 1 => drop(reasons.pop()),
            T::SubAckRaised => reasons
                .iter_mut()
                .for_each(|r| *r = ReasonCode::GRANTED_QOS_2),
            T::SubAckReserved => {
                let granted = reasons
                    .iter_mut()
                    .filter(|r| **r == ReasonCode::GRANTED_QOS_2);
                granted.for_each(|r| *r = ReasonCode(0x03));
            }
            T::SubAckDropped if self.every(2) => return Vec::new(),
            _ => {}
        }
        one(Packet::SubAck(suback))
    }

    fn unsuback(&mut self, mut unsuback: UnsubAck) -> Vec<Passed> {
        let reasons = &mut unsuback.reasons;
        let tamper = self.tamper;
        match tamper {
            T::UnsubAckIdShifted => unsuback.packet_id = unsuback.packet_id.next(),
            T::UnsubAckReversed => reasons.reverse(),
            T::UnsubAckShorter if reasons.len() > 1 => drop(reasons.pop()),
            T::UnsubAckDropped if self.every(2) => return Vec::new(),
            _ => {}
        }
        one(Packet::UnsubAck(unsuback))
    }

    /// An acknowledgement that may be lost, have another identifier, or a code that it does not have.
    fn ack(
        &mut self,
        mut ack: Ack,
        [dropped, shifted, reserved]: [T; 3],
        code: u8,
        make: fn(Ack) -> Packet,
    ) -> Vec<Passed> {
        if self.tamper == dropped && self.every(2) {
            return Vec::new();
        }
        if self.tamper == shifted {
            ack.packet_id = ack.packet_id.next();
        }
        if self.tamper == reserved {
            ack.reason = ReasonCode(code);
        }
        one(make(ack))
    }

    fn publish(&mut self, version: Version, mut publish: Publish) -> Vec<Passed> {
        let is_qos0 = publish.qos == QoS::AtMostOnce;
        let tamper = self.tamper;
        match tamper {
            T::Qos0Doubled if is_qos0 => return twice(publish.clone(), publish),
            T::Qos1Doubled if publish.qos == QoS::AtLeastOnce => {
                return twice(publish.clone(), publish);
            }
            T::Qos2Renumbered if publish.qos == QoS::ExactlyOnce => {
                let again = Publish {
                    packet_id: publish.packet_id.map(|id| id.next()),
                    ..publish.clone()
                };
                return twice(publish, again);
            }
            T::PublishDropped if self.every(3) => return Vec::new(),
            T::PublishesSwapped if self.every(2) => {
                self.held = Some(Packet::Publish(publish));
                return Vec::new();
            }
            T::PublishIdRepeated => {
                self.first_id = self.first_id.or(publish.packet_id);
                publish.packet_id = publish.packet_id.and(self.first_id);
            }
            T::PublishIdZero => publish.packet_id = None,
            tamper => {
                change_message(tamper, &mut publish);
                if version == Version::V5_0 {
                    change_properties(tamper, &mut publish.properties);
                }
            }
        }
        one(Packet::Publish(publish))
    }

    fn disconnect(&self, mut disconnect: Disconnect) -> Vec<Passed> {
        let tamper = self.tamper;
        match tamper {
            T::DisconnectStripped => return Vec::new(),
            T::DisconnectCode => disconnect.reason = ReasonCode(0x04),
            T::DisconnectExpiry => {
                disconnect
                    .properties
                    .set(Property::SessionExpiryInterval(0));
            }
            T::DisconnectFollowed => {
                let disconnect = Passed::Packet(Packet::Disconnect(disconnect));
                return vec![disconnect, Passed::Packet(Packet::PingResp)];
            }
            _ => {}
        }
        one(Packet::Disconnect(disconnect))
    }
}

fn twice(first: Publish, second: Publish) -> Vec<Passed> {
    let packets = [first, second].map(Packet::Publish);
    packets.map(Passed::Packet).into()
}

/// Everything of a PUBLISH but its properties.
fn change_message(tamper: T, publish: &mut Publish) {
    let is_qos0 = publish.qos == QoS::AtMostOnce;
    let topic = publish.topic.to_string();
    match tamper {
        T::DupCleared => publish.dup = false,
        T::DupSet => publish.dup = !is_qos0,
        T::Qos0DupSet => publish.dup |= is_qos0,
        T::RetainSet => publish.retain = true,
        T::RetainCleared => publish.retain = false,
        T::PayloadChanged => {
            let mut payload = BytesMut::from(&publish.payload[..]);
            if let Some(last) = payload.last_mut() {
                *last ^= 1;
            }
            publish.payload = payload.freeze();
        }
        T::PayloadCut => {
            let len = publish.payload.len();
            publish.payload.truncate(len.saturating_sub(1));
        }
        T::PayloadGrown => publish.payload = [&publish.payload[..], &[0]].concat().into(),
        T::TopicLastLevelLost => {
            if let Some((rest, _)) = topic.rsplit_once('/') {
                publish.topic = Text::from(rest);
            }
        }
        T::TopicWildcard if !topic.is_empty() => {
            let rest = topic
                .rsplit_once('/')
                .map_or(String::new(), |(rest, _)| format!("{rest}/"));
            publish.topic = Text::from(format!("{rest}+").as_str());
        }
        T::TopicCaseChanged => publish.topic = Text::from(topic.to_uppercase().as_str()),
        T::TopicSlashAdded if !topic.is_empty() => {
            publish.topic = Text::from(format!("{topic}/").as_str());
        }
        T::QosRaised if is_qos0 => {
            publish.qos = QoS::AtLeastOnce;
            publish.packet_id = squall_protocol::PacketId::new(u16::MAX);
        }
        T::QosLowered => {
            publish.qos = QoS::AtMostOnce;
            publish.dup = false;
            publish.packet_id = None;
        }
        _ => {}
    }
}

fn change_properties(tamper: T, properties: &mut Properties) {
    let stripped = match tamper {
        T::UserPropertiesStripped => Some(PropertyId::USER_PROPERTY),
        T::ContentTypeStripped => Some(PropertyId::CONTENT_TYPE),
        T::PayloadFormatStripped => Some(PropertyId::PAYLOAD_FORMAT_INDICATOR),
        T::ExpiryStripped => Some(PropertyId::MESSAGE_EXPIRY_INTERVAL),
        T::SubscriptionIdStripped => Some(PropertyId::SUBSCRIPTION_IDENTIFIER),
        _ => None,
    };
    if let Some(id) = stripped {
        properties.remove(id);
    }
    match tamper {
        T::UserPropertiesTurned => {
            *properties = properties.iter().rev().cloned().collect();
        }
        T::UserPropertyInserted => {
            properties.push(Property::UserProperty("by".into(), "wire".into()));
        }
        T::ResponseTopicChanged if properties.response_topic().is_some() => {
            properties.set(Property::ResponseTopic("elsewhere".into()));
        }
        T::CorrelationDataChanged if properties.correlation_data().is_some() => {
            properties.set(Property::CorrelationData(Bytes::from_static(b"other")));
        }
        T::TopicAliasInserted => properties.set(Property::TopicAlias(u16::MAX)),
        T::ExpiryRaised => {
            if let Some(expiry) = properties.message_expiry_interval() {
                let more = expiry.saturating_add(100);
                properties.set(Property::MessageExpiryInterval(more));
            }
        }
        T::SubscriptionIdChanged => {
            let changed = properties.iter().map(|p| match p {
                Property::SubscriptionIdentifier(id) => {
                    Property::SubscriptionIdentifier(id % 268_435_455 + 1)
                }
                other => other.clone(),
            });
            *properties = changed.collect();
        }
        T::SubscriptionIdInserted => {
            properties.push(Property::SubscriptionIdentifier(268_435_455));
        }
        _ => {}
    }
}
