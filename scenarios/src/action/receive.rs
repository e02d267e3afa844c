//! `receive`: a client waits for messages.

use crate::{
    construct::{Act, Shape},
    kind::{FILTER, FLAG, Maybe, PAYLOAD, QOS, at_least},
    reader::{Context, Fields},
    record::record,
};
use bytes::Bytes;
use squall_history::words;
use squall_protocol::QoS;
use std::time::Duration;

record! {
    /// Waits for messages; fails when they do not come in time.
    pub struct Receive, "receive" {
        /// which
        what: MessagePattern = part(MessagePattern::empty(), MessagePattern);
        /// how many
        count: u32 = "count", usual(1, at_least(1));
    }
}

record! {
    /// Which messages are meant; `None` means any.
    #[derive(Default)]
    pub struct MessagePattern, "receive", check = Self::check {
        /// topic filter
        topic: Option<String> = "topic", usual(None, Maybe(FILTER));
        /// payload
        payload: Option<Bytes> = "payload", usual(None, Maybe(PAYLOAD));
        /// QoS
        qos: Option<QoS> = "qos", usual(None, Maybe(QOS));
        /// RETAIN flag
        retain: Option<bool> = "retain", usual(None, Maybe(FLAG));
        /// DUP flag
        dup: Option<bool> = "dup", usual(None, Maybe(FLAG));
    }
}

impl MessagePattern {
    fn check(&self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool {
        if let (Some(QoS::AtMostOnce), Some(true), Some(key)) =
            (self.qos, self.dup, fields.key("dup"))
        {
            // [MQTT-3.3.1-2]
            let message = "a QoS 0 message is never a duplicate";
            let help = "DUP is 0 in every QoS 0 message: remove `dup`, or ask for another QoS";
            cx.refuse(&key.span, message, "contradicts `qos: 0`", help);
        }
        true
    }
}

impl Act for Receive {
    const WORD: &'static str = "receive";
    const STEP: &'static str = "a receive step";
    const MEANING: &'static str =
        "waits for messages and fails when they do not come in time; `{}` means any one message";
    const EXAMPLE: &'static str = "{ receive: {topic: a/b} }";
    const SHAPE: Shape = Shape::Inside;
    const TOO_EARLY: Option<&'static str> = Some("waits for a message");
    const WITHIN: Option<Duration> = Some(Duration::from_secs(10));
    type Keys = Self;

    fn told(&self) -> String {
        let topic = self.what.topic.as_deref().unwrap_or("anything");
        let payload = self.what.payload.as_ref();
        let body = payload.map_or_else(String::new, |p| format!(" {}", words::payload(p)));
        match self.count {
            1 => format!("receive {topic}{body}"),
            count => format!("receive {count} × {topic}{body}"),
        }
    }
}
