//! `ack`: what a scripted client acknowledges by itself.

use crate::{
    construct::{Act, Shape},
    keys::map_of,
    kind::{Form, Maybe, Own, PACKET, Reason, Several},
    raw::Value,
    reader::Context,
    record::{self, Record, record},
};
use serde_json::json;
use squall_protocol::{PacketType, ReasonCode, Role};

record! {
    /// From now on acknowledges messages so.
    pub struct Acknowledge, "an ack step" {
        /// `auto` is how it begins: everything at once, with Success; `manual` is nothing; or what is left out, or refused
        how: Acknowledging = "ack", needed(Acknowledging::empty(), HOW);
    }
}

record! {
    /// What a scripted client acknowledges by itself.
    pub struct Acknowledging, "how to acknowledge", check = Self::check {
        /// acknowledgements that it does not send: PUBACK, PUBREC, PUBREL, PUBCOMP
        withhold: Vec<PacketType> = "withhold", usual(Vec::new(), Several { of: "packets", each: PACKET, distinct: true });
        /// what PUBACK and PUBREC say
        reason: Option<ReasonCode> = "reason", usual(None, Maybe(Reason { packet: PacketType::PubAck, by: Role::Client }));
    }
}

/// The packets that acknowledge.
const ALL: [PacketType; 4] = [
    PacketType::PubAck,
    PacketType::PubRec,
    PacketType::PubRel,
    PacketType::PubComp,
];

impl Acknowledging {
    fn manual() -> Self {
        Self {
            withhold: ALL.into(),
            reason: None,
        }
    }

    fn check(&self, cx: &mut Context<'_>, fields: &crate::reader::Fields<'_>) -> bool {
        if let (Some(other), Some(key)) = (
            self.withhold.iter().find(|p| !ALL.contains(p)),
            fields.key("withhold"),
        ) {
            let message = format!("{other} is no acknowledgement");
            let help = "PUBACK, PUBREC, PUBREL and PUBCOMP can be withheld";
            cx.refuse(&key.span, message, "not sent by itself", help);
        }
        true
    }
}

const HOW: Own<Acknowledging> = Own {
    read: |cx, node| match &node.value {
        Value::Text(s) if s.text == "auto" => Some(Acknowledging::empty()),
        Value::Text(s) if s.text == "manual" => Some(Acknowledging::manual()),
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
        } else if *how == Acknowledging::manual() {
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
        "says what it acknowledges by itself from now on (a scripted client)";
    const EXAMPLE: &'static str = "{ ack: { withhold: PUBREC } }";
    const SHAPE: Shape = Shape::Beside;
    const TOO_EARLY: Option<&'static str> = None;
    const LIMITED: bool = false;
    const SCRIPTED: bool = true;
    type Keys = Self;

    fn told(&self) -> String {
        format!("ack {}", (HOW.show)(&self.how, &[]))
    }
}
