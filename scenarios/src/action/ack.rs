//! `ack`: what a scripted client or broker answers by itself.

use crate::{
    construct::{Act, Shape},
    keys::map_of,
    kind::{Form, Maybe, Own, PACKET, Reason, Several},
    raw::Value,
    reader::Context,
    record::{self, Record, record},
    suggest,
};
use serde_json::json;
use squall_protocol::{PacketType, ReasonCode, Role};

record! {
    /// From now on answers so.
    pub struct Acknowledge, "an ack step" {
        /// `auto` is how it begins: everything at once, with Success; `manual` is nothing; or what is left out, or refused
        how: Acknowledging = "ack", needed(Acknowledging::empty(), HOW);
    }
}

record! {
    /// What a scripted client or broker answers by itself.
    pub struct Acknowledging, "how to acknowledge", check = Self::check {
        /// answers that it does not send: PUBACK, PUBREC, PUBREL, PUBCOMP; a broker also CONNACK, SUBACK, UNSUBACK, PINGRESP
        withhold: Vec<PacketType> = "withhold", usual(Vec::new(), Several { of: "packets", each: PACKET, distinct: true });
        /// what PUBACK and PUBREC say
        reason: Option<ReasonCode> = "reason", usual(None, Maybe(Reason { packet: PacketType::PubAck, by: Role::Client }));
    }
}

/// The packets that answer: those of both sides, then those of a broker alone.
const ALL: [PacketType; 8] = [
    PacketType::PubAck,
    PacketType::PubRec,
    PacketType::PubRel,
    PacketType::PubComp,
    PacketType::ConnAck,
    PacketType::SubAck,
    PacketType::UnsubAck,
    PacketType::PingResp,
];

/// Those that a client, or a broker, sends by itself.
const fn answers(by_broker: bool) -> &'static [PacketType] {
    if by_broker { &ALL } else { ALL.split_at(4).0 }
}

impl Acknowledging {
    fn manual(by_broker: bool) -> Self {
        Self {
            withhold: answers(by_broker).into(),
            reason: None,
        }
    }

    fn check(&self, cx: &mut Context<'_>, fields: &crate::reader::Fields<'_>) -> bool {
        let own = answers(cx.by_broker);
        if let (Some(other), Some(key)) = (
            self.withhold.iter().find(|p| !own.contains(p)),
            fields.key("withhold"),
        ) {
            let who = if cx.by_broker { "a broker" } else { "a client" };
            let message = format!("{other} is no answer of {who}");
            let words: Vec<String> = own.iter().map(ToString::to_string).collect();
            let words = suggest::listed(words.iter().map(String::as_str), "and");
            cx.refuse(
                &key.span,
                message,
                "not sent by itself",
                format!("{words} can be withheld"),
            );
        }
        true
    }
}

const HOW: Own<Acknowledging> = Own {
    read: |cx, node| match &node.value {
        Value::Text(s) if s.text == "auto" => Some(Acknowledging::empty()),
        Value::Text(s) if s.text == "manual" => Some(Acknowledging::manual(cx.by_broker)),
        Value::Text(_) => {
            cx.mismatch(
                node,
                "`auto`, `manual`, or a map such as `{ withhold: PUBREC }`",
            );
            None
        }
        _ => record::read(cx, node, Acknowledging::empty()),
    },
    show: |how, names| {
        if *how == Acknowledging::empty() {
            "auto".into()
        } else if [false, true].map(Acknowledging::manual).contains(how) {
            "manual".into()
        } else {
            record::written(how, &Acknowledging::empty(), names).to_string()
        }
    },
    form: || {
        let map = map_of(&record::told::<Acknowledging>());
        let schema = json!({ "anyOf": [{ "enum": ["auto", "manual"] }, map] });
        Form::new(
            "`auto`, `manual`, or a map of `withhold` and `reason`",
            schema,
        )
    },
};

impl Act for Acknowledge {
    const WORD: &'static str = "ack";
    const STEP: &'static str = "an ack step";
    const MEANING: &'static str =
        "says what it answers by itself from now on (a scripted client or broker)";
    const EXAMPLE: &'static str = "{ ack: { withhold: PUBREC } }";
    const SHAPE: Shape = Shape::Beside;
    const TOO_EARLY: Option<&'static str> = None;
    const LIMITED: bool = false;
    const SCRIPTED: bool = true;
    const BROKER: bool = true;
    type Keys = Self;

    fn told(&self) -> String {
        format!("ack {}", (HOW.show)(&self.how, &[]))
    }
}
