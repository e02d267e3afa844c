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
//! Where the text is in doubt whether a packet has to be refused (the collection says `accept`), a server may take it as if
//! nothing were wrong. Then it owes what such a packet asks for. One that carries on and does not do it has dropped the
//! packet, which is neither taking nor refusing:
//!
//! | the packet, and what does not come of it | verdict | why |
//! | --- | --- | --- |
//! | SUBSCRIBE, UNSUBSCRIBE, PINGREQ, PUBLISH of QoS 1 and 2, PUBREC and PUBREL: their answer | fail | each is answered by a packet, without exception [MQTT-3.8.4-1] [MQTT-3.10.4-4] [MQTT-3.12.4-1] and those of section 4.3 |
//! | SUBSCRIBE that was granted: a message. UNSUBSCRIBE that was confirmed: silence | fail | the answer says that it was taken |
//! | PUBLISH of QoS 1 and 2 that was acknowledged with success: its delivery | fail in 5.0, warn in 3.1.1 | what the server took over reaches every subscriber [MQTT-4.5.0-1]; but in 3.1.1 it also acknowledges what it does not authorise [MQTT-3.3.5-2] |
//! | PUBLISH of QoS 0: its delivery | warn | a server may refuse a message alone, and with QoS 0 there is no packet to say so: a refusal and a loss look the same |
//! | PUBACK and PUBCOMP: the message is sent again in a resumed session | warn | the server goes on as if the packet had never come; no statement says what it has to make of one that it does not understand, and sending again is what it owes for one that never came |
//! | DISCONNECT: the end of the connection | warn | to close is a SHOULD of the server (section 3.14.4) |
//! | DISCONNECT with another code than 0x00, and the connection ends: the will | fail | nothing but 0x00 removes it, taken or refused [MQTT-3.1.2-8] |
//! | AUTH without a method in CONNECT: the end of the connection | as for AUTH without a fault | what is taken as valid is a Protocol Error still |
//!
//! What is handed on has to be right: a message that was taken keeps its payload, and loses the fault that is not the
//! message's (DUP, padding). What a server passes on unaltered by duty is the warning of the first table.
//!
//! An option of a SUBSCRIBE that has no meaning (Retain Handling 3) and is ignored is *carried on* with, not granted.

use crate::{
    catalogue::{Actor, CloseDuty, Statement},
    cx::Cx,
    outcome::{Judged, Outcome, fail_on, warn},
};
use squall_protocol::{Packet, Violation};
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

/// The server carries on as if the packet had not come: it neither took nor refused it, and no statement that can be
/// broken asks for more.
pub(crate) fn dropped(text: &str) -> Judged {
    warn(format!(
        "{text} (a warning, because no packet is due that would show it)"
    ))
}

/// The server took a message and passed on what it has to pass on unaltered, wrong as it is.
pub(crate) fn handed_on(violation: &Violation) -> Judged {
    warn(format!(
        "the server took the message and handed it on as it came, which breaks the standard: {violation}"
    ))
}

/// The server neither closed the connection nor answered a request.
pub(crate) fn unanswered(cx: &Cx, id: &'static str, owed: &'static str, text: String) -> Judged {
    let cites: &[&'static str] = match cx.five() {
        true => &[owed, id],
        false => &[owed, id, "MQTT-4.8.0-1"],
    };
    fail_on(cites, text)
}
