//! Fields that more than one packet has, and what may stand in them.

use crate::{
    Properties, ReasonCode, Role, Rule, Text, Version, Violation,
    text::Shown,
    topic::{self, TopicError, TopicFilter},
    wire::Reader,
};

/// Reads a reason code or return code that belongs to this packet and sender.
pub(super) fn decode_reason(r: &mut Reader<'_>) -> Result<ReasonCode, Violation> {
    let at = r.offset();
    let reason = ReasonCode(r.u8(reason_field(r.version))?);
    explain_reason(r, reason);
    check_reason(r, reason, at)?;
    Ok(reason)
}

/// What the byte is called: 3.1.1 has return codes.
pub(super) const fn reason_field(version: Version) -> &'static str {
    match version {
        Version::V3_1_1 => "Return Code",
        Version::V5_0 => "Reason Code",
    }
}

pub(super) fn explain_reason(r: &mut Reader<'_>, reason: ReasonCode) {
    let (packet, version) = (r.packet, r.version);
    r.explain(|| {
        let name = reason.name_in(packet, version).unwrap_or("(unknown)");
        format!("{reason} {name}")
    });
}

pub(super) fn check_reason(r: &Reader<'_>, reason: ReasonCode, at: usize) -> Result<(), Violation> {
    if reason.name_in(r.packet, r.version).is_none() {
        // [MQTT-3.2.2-8], [MQTT-3.4.2-1], [MQTT-3.9.3-2], [MQTT-3.14.2-1] and so on (5.0)
        let code = match r.version {
            Version::V3_1_1 => "return code",
            Version::V5_0 => "reason code",
        };
        let message = format!("{} has no {code} {reason}", r.packet);
        return Err(r.violation(Rule::ReasonCodeNotAllowed, at, message));
    }
    if r.version == Version::V5_0 && !reason.senders_in(r.packet).contains(&r.peer) {
        // [MQTT-3.14.2-1], [MQTT-3.15.2-1] (5.0)
        let message = format!(
            "reason code {reason} in {} never comes from a {}",
            r.packet, r.peer
        );
        return Err(r.violation(Rule::ReasonCodeDirection, at, message));
    }
    Ok(())
}

/// The reason codes of SUBACK and UNSUBACK: all that is left, at least one.
pub(super) fn decode_reasons(r: &mut Reader<'_>) -> Result<Vec<ReasonCode>, Violation> {
    let mut reasons = Vec::with_capacity(r.remaining());
    while r.remaining() > 0 {
        reasons.push(decode_reason(r)?);
    }
    if reasons.is_empty() {
        // [MQTT-3.8.4-5] (3.1.1), [MQTT-3.8.4-6], [MQTT-3.11.3-2] (5.0)
        return Err(r.violation(Rule::ReasonCodesMissing, r.offset(), "no reason code"));
    }
    Ok(reasons)
}

/// A topic name, into an empty text; where it `may_be_empty` a Topic Alias has to stand for it.
#[inline]
pub(super) fn fill_topic_name(
    r: &mut Reader<'_>,
    name: &mut Text,
    field: &'static str,
    may_be_empty: bool,
) -> Result<(), Violation> {
    let at = r.offset();
    let bytes = r.fill_text(name, field)?;
    match topic::check_name_bytes(bytes) {
        Err(TopicError::Empty) if may_be_empty => Ok(()),
        Err(e) => Err(topic_violation(r, field, name, e, at)),
        Ok(()) => Ok(()),
    }
}

/// A payload that its Payload Format Indicator calls text has to be UTF-8; U+0000 may stand in it. `at` is its first
/// byte. Only its publisher is to blame: a server passes on what it got [MQTT-3.3.2-4] and need not look.
pub(super) fn check_payload_format(
    r: &Reader<'_>,
    properties: &Properties,
    payload: &[u8],
    at: usize,
) -> Result<(), Violation> {
    if r.peer == Role::Server || properties.payload_format_indicator() != Some(1) {
        return Ok(());
    }
    // [X-5.0-publish-3], [X-5.0-will-10]
    std::str::from_utf8(payload).map(drop).map_err(|e| {
        let message = "the Payload Format Indicator is 1 and the payload is not UTF-8";
        r.violation(Rule::PayloadNotUtf8, at + e.valid_up_to(), message)
    })
}

/// A topic filter, with shared subscriptions in 5.0, into one that is empty.
#[inline]
pub(super) fn fill_filter(r: &mut Reader<'_>, filter: &mut TopicFilter) -> Result<(), Violation> {
    let at = r.offset();
    // [MQTT-3.8.3-1], [MQTT-3.10.3-1]
    let bytes = r.fill_text(filter.text_mut(), "Topic Filter")?;
    match filter.check(bytes, r.version) {
        Ok(()) => Ok(()),
        Err(e) => Err(topic_violation(r, "Topic Filter", filter.text_mut(), e, at)),
    }
}

#[cold]
fn topic_violation(
    r: &Reader<'_>,
    field: &str,
    text: &Text,
    error: TopicError,
    at: usize,
) -> Violation {
    let (rule, inner) = match error {
        TopicError::Empty if field == "Topic Filter" => (Rule::TopicFilterEmpty, 0),
        TopicError::Empty => (Rule::TopicNameEmpty, 0),
        TopicError::WildcardInName(i) => (Rule::TopicNameWildcard, i),
        TopicError::MultiLevel(i) => (Rule::MultiLevelWildcard, i),
        TopicError::SingleLevel(i) => (Rule::SingleLevelWildcard, i),
        TopicError::Share(i) if error.is_empty_share_name(text) => (Rule::ShareNameEmpty, i),
        TopicError::Share(i) => (Rule::ShareNameInvalid, i),
    };
    r.violation(
        rule,
        at + 2 + inner,
        format!("{field} {}: {error}", Shown(text, Shown::SHORT)),
    )
}
