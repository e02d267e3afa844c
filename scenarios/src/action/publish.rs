//! `publish`: a client sends messages.

use crate::{
    construct::{Act, Series, Shape},
    kind::{DURATION, FLAG, Maybe, NAME, PAYLOAD, QOS, Reason, SECONDS, number, only_5},
    raw::Node,
    reader::{Context, Fields, MAX_STEPS},
    record::{self, Record, Told, record},
    written::Map,
};
use bytes::{BufMut, Bytes, BytesMut};
use squall_history::words;
use squall_protocol::{PacketType, QoS, ReasonCode, Role};
use std::time::Duration;

/// Hands a message to the client; over when it is acknowledged, or the connection is gone, or at once when the client is
/// offline (it is then sent after the next connect).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// The message.
    pub message: MessageSpec,
    /// Reason code the acknowledgement must carry (5.0); any below 0x80 when `None`.
    pub expect_reason: Option<ReasonCode>,
}

record! {
    /// A message to publish.
    pub struct MessageSpec, "a publish step" {
        /// topic name
        topic: String = "publish", needed(String::new(), NAME);
        /// payload
        payload: Bytes = "payload", usual(Bytes::new(), PAYLOAD);
        /// QoS
        qos: QoS = "qos", usual(QoS::AtMostOnce, QOS);
        /// RETAIN
        retain: bool = "retain", usual(false, FLAG);
        /// Message Expiry Interval, in the model in seconds
        expiry: Option<u32> = "expiry", usual(None, Maybe(only_5("Message Expiry Interval", SECONDS)));
    }
}

record! {
    /// A message, or several.
    pub(crate) struct Messages, "a publish step", check = Self::check {
        /// what is sent
        message: MessageSpec = part(MessageSpec::empty(), MessageSpec);
        /// so many messages, with `#1`, `#2`, … after the payload
        count: Option<u32> = "count", usual(None, Maybe(number::<u32>(1, MAX_STEPS as u64)));
        /// time between them; without it all are handed over at once, in order
        every: Duration = "every", usual(Duration::ZERO, DURATION);
    }
}

impl Messages {
    fn check(&self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool {
        if let (Some(key), None) = (fields.key("every"), fields.get("count")) {
            let (message, help) = (
                "`every` without `count`",
                "add `count`, such as `count: 10`",
            );
            cx.refuse(&key.span, message, "how many?", help);
        }
        true
    }
}

record! {
    /// What must come of a publish step.
    struct PublishExpect, "what a publish step expects" {
        /// the reason code of PUBACK or PUBREC, for QoS 1 or 2
        reason: ReasonCode = "reason",
            needed(ReasonCode::SUCCESS, Reason { packet: PacketType::PubAck, by: Role::Server });
    }
}

impl From<Messages> for Publish {
    fn from(keys: Messages) -> Self {
        Self {
            message: keys.message,
            expect_reason: None,
        }
    }
}

impl From<Publish> for Messages {
    fn from(publish: Publish) -> Self {
        Self {
            message: publish.message,
            ..Self::empty()
        }
    }
}

impl Act for Publish {
    const WORD: &'static str = "publish";
    const STEP: &'static str = "a publish step";
    const MEANING: &'static str = "hands a message to the client; over when it is acknowledged, or the connection is gone, or at \
        once when the client is offline";
    const EXAMPLE: &'static str = "{ publish: a/b }";
    const SHAPE: Shape = Shape::Beside;
    const TOO_EARLY: Option<&'static str> = Some("publishes");
    const OUTCOME: Option<fn() -> Vec<Told>> = Some(record::told::<PublishExpect>);
    type Keys = Messages;

    fn told(&self) -> String {
        let m = &self.message;
        let payload = words::payload(&m.payload);
        format!("publish {} {payload} QoS {}", m.topic, m.qos)
    }

    fn expect(&mut self, cx: &mut Context<'_>, node: &Node) {
        let keys = record::names::<PublishExpect>();
        let Some(fields) = Fields::open(cx, node, PublishExpect::WHAT, &keys) else {
            return;
        };
        let Some(node) = fields.need(cx, "reason") else {
            return;
        };
        let packet = match self.message.qos {
            QoS::AtMostOnce => {
                let message = "a QoS 0 message is never acknowledged";
                let help = "publish with `qos: 1` or `qos: 2`, or remove `expect`";
                return cx.refuse(&node.span, message, "no reason code comes", help);
            }
            QoS::AtLeastOnce => PacketType::PubAck,
            QoS::ExactlyOnce => PacketType::PubRec,
        };
        self.expect_reason = cx.reason(node, packet, Role::Server);
    }

    fn expected(&self) -> Map {
        let expected = self.expect_reason.map(|reason| PublishExpect { reason });
        let write = |e: &PublishExpect| record::written(e, &PublishExpect::empty(), &[]);
        expected.as_ref().map_or_else(Map::new, write)
    }

    fn series(keys: &Messages) -> Option<Series> {
        Some(Series {
            count: keys.count?,
            every: keys.every,
            bytes: keys.message.payload.len(),
        })
    }

    fn numbered(&self, n: u32) -> Self {
        let mut payload = BytesMut::from(self.message.payload.as_ref());
        payload.put_slice(format!("#{n}").as_bytes());
        let mut numbered = self.clone();
        numbered.message.payload = payload.freeze();
        numbered
    }
}
