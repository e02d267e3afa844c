//! What a message says of itself reaches every subscriber unchanged, and its expiry counts on.

use super::{Findings, name, of};
use crate::{
    finding::{Cite, Finding, cited},
    model::{Delivered, Model, Published},
};
use squall_protocol::{Properties, Property, Version};

const FORMAT: Cite = (&[], &["MQTT-3.3.2-4"]);
const RESPONSE_TOPIC: Cite = (&[], &["MQTT-3.3.2-15"]);
const CORRELATION: Cite = (&[], &["MQTT-3.3.2-16"]);
const USER: Cite = (&[], &["MQTT-3.3.2-17", "MQTT-3.3.2-18"]);
const CONTENT_TYPE: Cite = (&[], &["MQTT-3.3.2-20"]);
const EXPIRY: Cite = (&[], &["MQTT-3.3.2-6"]);

/// A message of which only one is known to exist is compared with what was published.
pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    for d in &model.delivered {
        let seen = model.messages.get(d.what);
        let (&[n], true) = (seen.published.as_slice(), seen.wills.is_empty()) else {
            continue;
        };
        let published = &model.published[n];
        // 3.1.1 has no properties to take along.
        if [published.by, d.to]
            .iter()
            .any(|c| model.speaks(*c) == Version::V3_1_1)
        {
            continue;
        }
        let bare = |properties: &Properties| properties.iter().next().is_none();
        if bare(published.message.properties) && bare(d.message.properties) {
            continue;
        }
        changed(model, published, d, broken);
        expiry(model, published, d, broken);
        if broken.full() {
            return;
        }
    }
}

/// What must not change, how it is called, and where that is said.
type Kept = (fn(&Property) -> bool, &'static str, Cite);

const KEPT: &[Kept] = &[
    (
        |p| matches!(p, Property::PayloadFormatIndicator(1)),
        "Payload Format Indicator",
        FORMAT,
    ),
    (
        |p| matches!(p, Property::ContentType(_)),
        "Content Type",
        CONTENT_TYPE,
    ),
    (
        |p| matches!(p, Property::ResponseTopic(_)),
        "Response Topic",
        RESPONSE_TOPIC,
    ),
    (
        |p| matches!(p, Property::CorrelationData(_)),
        "Correlation Data",
        CORRELATION,
    ),
    (
        |p| matches!(p, Property::UserProperty(..)),
        "User Properties",
        USER,
    ),
];

fn changed(model: &Model<'_>, published: &Published<'_>, d: &Delivered<'_>, broken: &mut Findings) {
    for (is_one, what, cite) in KEPT {
        let of_message = |all: &Properties| -> Vec<Property> {
            all.iter().filter(|p| is_one(p)).cloned().collect()
        };
        let given = of_message(published.message.properties);
        let came = of_message(d.message.properties);
        if given != came {
            // No statement forbids to add to what is sent unaltered; but no indicator is an indicator of 0.
            let mut rest = came.iter();
            let all_there = given.iter().all(|p| rest.any(|c| c == p));
            let statements = match all_there && *cite != FORMAT {
                true => Vec::new(),
                false => cited(model.setting.version, *cite),
            };
            broken.push(Finding {
                statements,
                message: format!(
                    "{} received {} with other {what} than it was published with",
                    model.name(d.to),
                    name(model, d.what)
                ),
                expected: format!("{what} as they were published, or none where there were none"),
                witness: vec![published.mark.ix, d.mark.ix],
                ..of(model, "forwarded", *cite)
            });
        }
    }
}

fn expiry(model: &Model<'_>, published: &Published<'_>, d: &Delivered<'_>, broken: &mut Findings) {
    let given = published.message.properties.message_expiry_interval();
    let came = d.message.properties.message_expiry_interval();
    let wrong = match (given, came) {
        (Some(given), Some(came)) => came > given,
        // A server that forwards less than there is says that the message lasts for ever.
        (Some(_), None) => true,
        // "If absent, the Application Message does not expire" (section 3.3.2.3.3). That a server may not set a time of its
        // own is not said; an interval is none of the properties that are sent unaltered.
        (None, _) => false,
    };
    if wrong {
        let words = |e: Option<u32>| e.map_or("none".to_owned(), |s| format!("{s} s"));
        broken.push(Finding {
            message: format!(
                "{} received {} with Message Expiry Interval {}, it was published with {}",
                model.name(d.to),
                name(model, d.what),
                words(came),
                words(given)
            ),
            expected: "the Message Expiry Interval as published, less the time it waited".into(),
            witness: vec![published.mark.ix, d.mark.ix],
            ..of(model, "forwarded", EXPIRY)
        });
    }
}
