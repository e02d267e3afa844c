//! What the library tells, as answers and events.

use crate::{
    adapter::{Adapter, News},
    value::{answer, code, written},
};
use rumqttc::{
    Outgoing,
    v5::{
        Event, Incoming,
        mqttbytes::{QoS, v5 as packets},
    },
};
use serde_json::{Map, Value, json};

impl Adapter {
    /// Answers what will not be answered any more: all, or what the library does not keep for the next connection.
    pub(crate) fn lose(&mut self, why: &str, all: bool) {
        let kept = |id: &u64| !all && self.messages.contains(id);
        let (unsent, waiting) = (
            std::mem::take(&mut self.unsent),
            std::mem::take(&mut self.waiting),
        );
        let lost: Vec<u64> = unsent
            .iter()
            .chain(waiting.values())
            .filter(|id| !kept(id))
            .copied()
            .collect();
        self.unsent = unsent.into_iter().filter(&kept).collect();
        self.waiting = waiting.into_iter().filter(|(_, id)| kept(id)).collect();
        lost.iter()
            .for_each(|id| answer(*id, "lost", json!({"why": why})));
    }

    fn came(&mut self, pkid: u16, reasons: Vec<u8>) {
        if let Some(id) = self.waiting.remove(&pkid) {
            answer(id, "done", json!({"reasons": reasons}));
        }
    }

    fn sent(&mut self, pkid: u16) {
        if !self.waiting.contains_key(&pkid)
            && let Some(id) = self.unsent.pop_front()
        {
            match pkid {
                0 => answer(id, "done", json!({})),
                _ => drop(self.waiting.insert(pkid, id)),
            }
        }
    }

    pub(crate) fn heard(&mut self, news: News) {
        match news {
            Ok(Event::Outgoing(
                Outgoing::Publish(pkid) | Outgoing::Subscribe(pkid) | Outgoing::Unsubscribe(pkid),
            )) => self.sent(pkid),
            Ok(Event::Incoming(Incoming::ConnAck(ack))) => {
                self.live = true;
                if !ack.session_present {
                    self.lose("the server had no session", true);
                }
                println!(
                    "{}",
                    json!({"event": "connected", "session_present": ack.session_present})
                );
                if let Some(id) = self.connecting.take() {
                    answer(
                        id,
                        "connected",
                        json!({"reason": code(&ack.code), "session_present": ack.session_present}),
                    );
                }
            }
            Ok(Event::Incoming(Incoming::PubAck(ack))) => {
                self.came(ack.pkid, vec![code(&ack.reason)])
            }
            Ok(Event::Incoming(Incoming::PubComp(ack))) => {
                self.came(ack.pkid, vec![code(&ack.reason)])
            }
            Ok(Event::Incoming(Incoming::UnsubAck(ack))) => {
                self.came(ack.pkid, ack.reasons.iter().map(code).collect())
            }
            Ok(Event::Incoming(Incoming::SubAck(ack))) => self.came(
                ack.pkid,
                ack.return_codes
                    .iter()
                    .map(|reason| match reason {
                        packets::SubscribeReasonCode::Success(qos) => *qos as u8,
                        other => code(other),
                    })
                    .collect(),
            ),
            Ok(Event::Incoming(Incoming::Disconnect(left))) => {
                self.left = Some(left.reason_code as u8)
            }
            Ok(Event::Incoming(Incoming::Publish(message))) => self.delivered(message),
            Ok(_) => {}
            Err((why, refused)) => {
                match (self.connecting.take(), refused) {
                    (Some(id), Some(reason)) => answer(id, "refused", json!({"reason": reason})),
                    (Some(id), None) => answer(id, "lost", json!({"why": why})),
                    (None, _) => {}
                }
                if std::mem::take(&mut self.live) {
                    self.lose(&why, false);
                    println!(
                        "{}",
                        json!({"event": "ended", "why": why, "reason": self.left.take()})
                    );
                }
            }
        }
    }

    fn delivered(&mut self, message: packets::Publish) {
        let of = message.properties.clone().unwrap_or_default();
        let mut properties = Map::new();
        let told = [
            (
                "payload_format_indicator",
                of.payload_format_indicator.map(Value::from),
            ),
            (
                "message_expiry_interval",
                of.message_expiry_interval.map(Value::from),
            ),
            ("content_type", of.content_type.map(Value::from)),
            ("response_topic", of.response_topic.map(Value::from)),
            ("topic_alias", of.topic_alias.map(Value::from)),
            (
                "correlation_data",
                of.correlation_data.map(|bytes| written(&bytes)),
            ),
            ("user_properties", Some(json!(of.user_properties))),
            (
                "subscription_identifiers",
                Some(json!(of.subscription_identifiers)),
            ),
        ];
        properties.extend(
            told.into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?))),
        );
        let mut line = json!({"event": "delivered", "topic": String::from_utf8_lossy(&message.topic), "payload": written(&message.payload),
            "qos": message.qos as u8, "retain": message.retain, "dup": message.dup, "properties": properties});
        if self.by_hand && message.qos != QoS::AtMostOnce {
            self.handles.push(message);
            line["handle"] = self.handles.len().into();
        }
        println!("{line}");
    }
}
