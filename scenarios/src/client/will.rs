//! The will of a client.

use crate::{
    kind::{FLAG, NAME, PAYLOAD, QOS, SECONDS, only_5},
    reader::{Context, Fields},
    record::record,
};
use bytes::Bytes;
use squall_protocol::QoS;

record! {
    /// A will message.
    pub struct WillSpec, "a will", check = Self::check {
        /// topic name
        topic: String = "topic", needed(String::new(), NAME);
        /// payload, at most 65535 bytes
        payload: Bytes = "payload", usual(Bytes::new(), PAYLOAD);
        /// QoS
        qos: QoS = "qos", usual(QoS::AtMostOnce, QOS);
        /// published as a retained message
        retain: bool = "retain", usual(false, FLAG);
        /// Will Delay Interval
        delay: u32 = "delay", usual(0, only_5("Will Delay Interval", SECONDS));
    }
}

impl WillSpec {
    fn check(&self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool {
        if self.payload.len() > usize::from(u16::MAX)
            && let Some(node) = fields.get("payload")
        {
            let message = format!("a will payload of {} bytes", self.payload.len());
            let help = "the payload of a will has at most 65535 bytes";
            cx.refuse(&node.span, message, "too large", help);
        }
        true
    }
}
