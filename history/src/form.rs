//! What is no packet at all, because it has not the form of any.

use crate::finding::Cite;
use squall_protocol::{Rule, Version, Violation};

/// The rule of what has not the form of a packet.
pub const FORM: &str = "packet form";
/// The rule of a packet that can be read, and holds what it may not.
pub const CONTENTS: &str = "packet contents";

/// Section 7.1.1: a server conforms only if each packet that it sends has the format of chapters 2 and 3.
const CONFORMS: Cite = (&["X-3.1.1-conform-1"], &["X-5.0-conform-1"]);

/// Whether a packet of this fault has not the format of its type at all: it cannot be read, or nobody may send it so.
#[must_use]
pub const fn breaks_format(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::ReservedPacketType
            | Rule::WrongDirection
            | Rule::FixedHeaderFlags
            | Rule::VariableByteIntegerTooLong
            | Rule::VariableByteIntegerPadded
            | Rule::Truncated
            | Rule::SurplusBytes
            | Rule::PropertyLengthMissing
            | Rule::PropertyLengthWrong
            | Rule::PropertyUnknown(_)
            | Rule::PropertyNotAllowed(_)
            // The payload of a SUBACK is required (section 2.4 and 2.5).
            | Rule::ReasonCodesMissing
    )
}

/// The rule that a violation breaks: [`FORM`] or [`CONTENTS`].
#[must_use]
pub const fn rule(violation: &Violation) -> &'static str {
    match breaks_format(violation.rule) {
        true => FORM,
        false => CONTENTS,
    }
}

/// The statements that a server has broken by what it sent: those of the fault, and where it has not the form of a packet,
/// that packets have one. Empty where the fault has no statement in this version, which is no ground to blame anybody.
#[must_use]
pub fn broken_by_server(violation: &Violation) -> Vec<&'static str> {
    let mut broken = violation.statements().to_vec();
    let (three, five) = CONFORMS;
    let conforms = match violation.version {
        Version::V3_1_1 => three,
        Version::V5_0 => five,
    };
    if breaks_format(violation.rule) {
        let new = conforms
            .iter()
            .filter(|id| !violation.statements().contains(id));
        broken.extend(new);
    }
    broken
}
