//! A message as it is printed. Topics, payloads and properties are a stranger's text: nothing in them reaches a terminal as
//! it is.

use crate::{
    args::{Shown, Subscribe},
    screen,
};
use chrono::{SecondsFormat, Utc};
use serde_json::{Map, Value};
use squall_client::Delivery;
use squall_protocol::{
    Packet, Properties, Property,
    hex::compact,
    json::{key, to_fields},
    packet::Publish,
};
use squall_reports::visible::line;
use std::borrow::Cow;

/// One line, or more with --verbose.
pub(super) fn shown(delivery: &Delivery, args: &Subscribe) -> String {
    let payload = match args.format {
        Shown::Json => return screen::plain(&json(delivery, args, Utc::now).to_string()),
        Shown::Hex => Cow::Owned(compact(&delivery.payload)),
        Shown::Text | Shown::Raw => visible(&delivery.payload),
    };
    if args.caller.quiet {
        return payload.into_owned();
    }
    let mut shown = format!("{} {payload}", line(&delivery.topic));
    if args.caller.verbose {
        let flag = |is: bool, name: &'static str| if is { name } else { "" };
        shown += &format!(
            "\n    QoS {}{}{}, {} bytes",
            delivery.qos,
            flag(delivery.retain, ", retained"),
            flag(delivery.dup, ", DUP"),
            delivery.payload.len()
        );
        for property in &delivery.properties {
            shown += &format!("\n    {}", in_words(property));
        }
    }
    shown
}

/// The text of a payload, with visible signs in the place of what must not be shown.
fn visible(payload: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(payload) {
        Cow::Borrowed(text) => line(text),
        Cow::Owned(text) => Cow::Owned(line(&text).into_owned()),
    }
}

fn in_words(property: &Property) -> String {
    let name = property.spec().name;
    let value = match property {
        Property::UserProperty(name, value) => format!("{} = {}", line(name), line(value)),
        Property::CorrelationData(data) | Property::AuthenticationData(data) => compact(data),
        other => match (other.as_text(), other.as_integer()) {
            (Some(text), _) => line(text).into_owned(),
            (None, number) => number.unwrap_or_default().to_string(),
        },
    };
    format!("{name}: {value}")
}

/// Every field and property, by the names that `squall decode` has for them.
fn json(delivery: &Delivery, args: &Subscribe, now: impl Fn() -> chrono::DateTime<Utc>) -> Value {
    let packet = Packet::Publish(Publish {
        dup: delivery.dup,
        qos: delivery.qos,
        retain: delivery.retain,
        topic: delivery.topic.clone(),
        packet_id: None,
        properties: Properties::from_iter(delivery.properties.iter().cloned()),
        payload: delivery.payload.clone(),
    });
    let time = now().to_rfc3339_opts(SecondsFormat::Millis, true);
    let mut object = Map::new();
    object.insert("time".to_owned(), time.into());
    let mut fields = to_fields(&packet, args.caller.mqtt);
    // Which one it was is nobody's business after the message was delivered.
    fields.remove(&key("Packet Identifier"));
    object.extend(fields);
    Value::Object(object)
}
