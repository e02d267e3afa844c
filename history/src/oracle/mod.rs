//! Oracles judge a whole history against what MQTT guarantees. One file a guarantee; each takes a time that grows with
//! the history alone (and its logarithm), and answers with the records that prove it.

use crate::{
    finding::{Cite, Finding, Findings, cited},
    model::{MessageIx, Model, Published, Request, SessionIx},
    words,
};
use squall_protocol::QoS;

macro_rules! oracles {
    ($($oracle:ident $(($probes:ident))?),+ $(,)?) => {
        $(mod $oracle;)+

        /// Every oracle, in the order in which their findings are listed.
        const ALL: &[fn(&Model<'_>, &mut Findings)] = &[$($oracle::judge),+];

        /// The oracles that say what must not come, whatever the client has done before.
        ///
        /// Left out are those for which a probe is no witness:
        ///
        /// | oracle | why |
        /// | --- | --- |
        /// | `due`, `group`, `liveness` | what did not come to somebody who does not read, or did not say what is due, proves nothing |
        /// | `retained`, `expired`, `shared`, `takeover`, `will`, `keep_alive`, `no_local`, `identifiers` | they go by every packet, also by one that came to a session of which too little is known, and count on clients that read and answer; checks of their own ask for these |
        const OF_PROBES: &[fn(&Model<'_>, &mut Findings)] =
            &[$($(oracles!(@$probes $oracle),)?)+];
    };
    (@probes $oracle:ident) => {
        $oracle::judge
    };
}

// Each is a file; with those that can be asked about probes.
oracles! {
    invention (probes),
    repetition (probes),
    due,
    order (probes),
    liveness,
    session (probes),
    retained,
    will,
    keep_alive,
    unsubscribed (probes),
    shared,
    group,
    forwarded (probes),
    expired,
    takeover,
    no_local,
    identifiers,
}

/// Asks every oracle about a history.
pub fn judge(model: &Model<'_>, broken: &mut Findings) {
    ask(ALL, model, broken);
}

/// Asks about a history of clients that need not behave: only what must not come, whoever it comes to.
pub fn judge_probes(model: &Model<'_>, broken: &mut Findings) {
    ask(OF_PROBES, model, broken);
}

fn ask(oracles: &[fn(&Model<'_>, &mut Findings)], model: &Model<'_>, broken: &mut Findings) {
    for oracle in oracles {
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

/// How often a message that was published with RETAIN 1 may have come to a session as the retained one, whatever RETAIN
/// says in it: requests of the session for its topic between two records. In 5.0 it is only described that such a
/// message has RETAIN 1.
fn asked_for_retained(
    model: &Model<'_>,
    published: &Published<'_>,
    session: SessionIx,
    until: usize,
) -> usize {
    if !published.message.retain {
        return 0;
    }
    let topic = published.message.topic;
    let since = published.mark.ix;
    let asks = |r: &&Request<'_>| {
        since < r.ix
            && r.ix < until
            && model.session(r.client) == session
            && r.filter.matches(topic)
    };
    model.requests.iter().filter(asks).count()
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
        version: None,
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
