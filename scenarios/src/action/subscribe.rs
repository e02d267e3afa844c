//! `subscribe`: a client subscribes.

use crate::{
    construct::{Act, Shape},
    kind::{FILTERS, FLAG, Maybe, QOS, number, option_5},
    reader::{Context, Fields},
    record::record,
};
use squall_protocol::QoS;

record! {
    /// Sends SUBSCRIBE; over when SUBACK came or the connection is gone.
    pub struct Subscribe, "a subscribe step", check = Self::check {
        /// topic filters; `$share/group/filter` is 5.0 only
        filters: Vec<String> = "subscribe", needed(Vec::new(), FILTERS);
        /// Maximum QoS, the same for all
        qos: QoS = "qos", usual(QoS::AtMostOnce, QOS);
        /// No Local
        no_local: bool = "no_local", usual(false, option_5("No Local", FLAG));
        /// Retain As Published
        retain_as_published: bool = "retain_as_published", usual(false, option_5("Retain As Published", FLAG));
        /// Retain Handling
        retain_handling: u8 = "retain_handling", usual(0, option_5("Retain Handling", number(0, 2)));
        // [X-5.0-subid-1]
        /// Subscription Identifier
        id: Option<u32> = "id", usual(None, Maybe(option_5("Subscription Identifier", number::<u32>(1, 268_435_455))));
    }
}

impl Subscribe {
    fn check(&self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool {
        let shared = self.filters.iter().any(|f| f.starts_with("$share/"));
        if let (true, true, Some(key)) = (self.no_local, shared, fields.key("no_local")) {
            // [MQTT-3.8.3-4] (5.0)
            let message = "No Local on a shared subscription is a Protocol Error";
            let help = "remove `no_local`, or subscribe without `$share`";
            cx.refuse(&key.span, message, "not allowed here", help);
        }
        true
    }
}

impl Act for Subscribe {
    const WORD: &'static str = "subscribe";
    const STEP: &'static str = "a subscribe step";
    const MEANING: &'static str =
        "sends SUBSCRIBE; over when SUBACK came or the connection is gone";
    const EXAMPLE: &'static str = "{ subscribe: a/b }";
    const SHAPE: Shape = Shape::Beside;
    const TOO_EARLY: Option<&'static str> = Some("subscribes");
    type Keys = Self;

    fn told(&self) -> String {
        format!("subscribe {} QoS {}", self.filters.join(", "), self.qos)
    }
}
