//! Oracles judge a whole history against what MQTT guarantees. One file a guarantee; each takes a time that grows with
//! the history alone (and its logarithm), and answers with the records that prove it.

use crate::{
    finding::{Cite, Finding, Findings, cited},
    model::{MessageIx, Model},
    words,
};
use squall_protocol::QoS;

macro_rules! oracles {
    ($($oracle:ident),+ $(,)?) => {
        $(mod $oracle;)+

        /// Every oracle, in the order in which their findings are listed.
        const ALL: &[fn(&Model<'_>, &mut Findings)] = &[$($oracle::judge),+];
    };
}

// Each is a file.
oracles! {
    invention,
    repetition,
    due,
    order,
    liveness,
    session,
    retained,
    will,
    keep_alive,
    unsubscribed,
    shared,
    forwarded,
    expired,
    takeover,
}

/// Asks every oracle about a history.
pub fn judge(model: &Model<'_>, broken: &mut Findings) {
    for oracle in ALL {
        if broken.full() {
            return;
        }
        oracle(model, broken);
    }
}

const QOS_0: Cite = (&["MQTT-4.3.1-1"], &["MQTT-4.3.1-1"]);
const QOS_1: Cite = (
    &["MQTT-4.3.2-1", "MQTT-4.3.2-2"],
    &["MQTT-4.3.2-3", "MQTT-4.3.2-4"],
);
const QOS_2: Cite = (
    &["MQTT-4.3.3-1", "MQTT-4.3.3-2"],
    &["MQTT-4.3.3-8", "MQTT-4.3.3-10"],
);

/// What a QoS guarantees: name and statements.
const fn guarantee(qos: QoS) -> (&'static str, Cite) {
    match qos {
        QoS::AtMostOnce => ("at most once", QOS_0),
        QoS::AtLeastOnce => ("at least once", QOS_1),
        QoS::ExactlyOnce => ("exactly once", QOS_2),
    }
}

/// A finding of a rule, still without words and witness.
fn of(model: &Model<'_>, rule: &'static str, cite: Cite) -> Finding {
    Finding {
        rule,
        statements: cited(model.setting.version, cite),
        message: String::new(),
        expected: String::new(),
        witness: Vec::new(),
        absence: false,
        demand: None,
    }
}

fn name(model: &Model<'_>, what: MessageIx) -> String {
    let seen = model.messages.get(what);
    format!(
        "message {} on `{}`",
        words::payload(seen.payload),
        seen.topic
    )
}
