//! What a server that does not refuse a broken packet is judged by: one decision, for every check.
//!
//! 3.1.1 leaves no choice: whoever encounters a protocol violation closes the connection, unless a section says otherwise
//! [MQTT-4.8.0-1]. What is tolerated there is a failure by this and by the rule that was broken. Where the catalogue says
//! that the text itself is in doubt about the rule, it stays a warning.
//!
//! 5.0 asks for a close where the server *detects* an error [MQTT-4.13.1-1], and section 4.13.1 says that the rigour
//! with which a received packet is *checked* is a compromise. So it excuses not having looked, and nothing else:
//!
//! | what the server does with what is malformed | verdict in 5.0 | why |
//! | --- | --- | --- |
//! | it refuses it or closes the connection | pass | it is what the rule asks for |
//! | it carries on, or acknowledges the packet | warn | not looking is what 4.13.1 excuses; a failure only where a numbered statement makes the server look, as [MQTT-3.1.4-1] does for CONNECT |
//! | it neither closes the connection nor answers a request | fail | it has read the request, and every request is answered [MQTT-3.8.4-1] [MQTT-3.10.4-4] |
//! | it grants a filter that is none: `a#`, `$share/g` | fail | a grant is an answer about this very filter and makes a subscription of it; there is none of such a filter, and nothing asks the server to grant it |
//! | it delivers for such a filter | fail | a delivered topic matches the filter [MQTT-3.3.2-3], and nothing matches one that is none |
//! | it hands on what it has to hand on unaltered: a Response Topic with wildcards | warn | having not looked, it obeys [MQTT-3.3.2-15]; it is a warning, because as a sender it now breaks [MQTT-3.3.2-14] too |
//! | it sends a packet that cannot be read | fail | that is no matter of checking: every packet that a server sends has its format (section 7.1.1) |
//!
//! An option of a SUBSCRIBE that has no meaning (Retain Handling 3) and is ignored is *carried on* with, not granted.

use crate::{
    catalogue::{Actor, CloseDuty, Statement},
    cx::Cx,
    outcome::{Judged, Outcome, fail_on, warn},
};
use squall_protocol::Packet;
use squall_reports::Verdict;

/// The server carries on after what it should have refused.
pub(crate) fn tolerated(cx: &Cx, statement: &Statement, id: &'static str, text: String) -> Judged {
    let binds_server =
        statement.is_numbered() && !matches!(statement.actor, Actor::Client | Actor::Sender);
    if cx.five() && !binds_server {
        return warn(format!(
            "{text} (a warning, because section 4.13.1 leaves it to the server how strictly it checks)"
        ));
    }
    let close_is_due = statement.close == Some(CloseDuty::Must) && statement.unsure.is_none();
    match !cx.five() && close_is_due {
        true => fail_on(&[id, "MQTT-4.8.0-1"], text),
        false => fail_on(&[id], text),
    }
}

/// The server granted what is no filter.
pub(crate) fn granted(cx: &Cx, id: &'static str, suback: &Packet, text: String) -> Judged {
    let cites: &[&'static str] = match cx.five() {
        true => &[id],
        false => &[id, "MQTT-4.8.0-1"],
    };
    let outcome = Outcome::new(Verdict::Fail, text).citing(cites);
    Ok(outcome.beyond_doubt().showing(suback))
}

/// The server neither closed the connection nor answered a request.
pub(crate) fn unanswered(cx: &Cx, id: &'static str, owed: &'static str, text: String) -> Judged {
    let cites: &[&'static str] = match cx.five() {
        true => &[owed, id],
        false => &[owed, id, "MQTT-4.8.0-1"],
    };
    fail_on(cites, text)
}
