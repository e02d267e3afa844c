//! What monitors, model and oracles say of the journal of a check.

use super::seen::{For, Translator, sessions};
use crate::cx::Cx;
use squall_client::probe::{Event, Record};
use squall_history::{
    Finding, Findings, Monitors, Scene,
    model::{Reader, Setting},
    one_for_each_cause, oracle,
    probe::Known,
};
use squall_protocol::{Role, Time};
use std::collections::BTreeMap;

/// What the server is called in findings.
const SERVER: &str = "the server";

/// The records of the check's journal, as far as there is no gap: nothing is concluded across one.
pub(super) fn records(cx: &Cx) -> Vec<Record> {
    let mut records = cx.journal.records();
    let left_out = cx.journal.left_out();
    if left_out.events > 0 {
        records.truncate(left_out.before);
    }
    records
}

/// What the server broke, seen from the clients' ends alone: of each cause the first guilty packet. Witnesses are indices
/// into the journal's records.
pub(super) fn broken(cx: &Cx, records: &[Record]) -> Vec<Finding> {
    let parties = cx.journal.parties();
    let names: Vec<String> = parties.iter().map(|name| format!("`{name}`")).collect();
    let name = |party: usize| names[party].clone();
    let sessions = sessions(records, parties.len(), cx.version);
    let topics = cx.topic("");
    let mut monitors = Monitors::of(
        Role::Server,
        Scene {
            version: cx.version,
            name: &name,
            server: SERVER,
            own_topics: Some(&topics),
            buffers: true,
            whole: false,
        },
    );
    let mut reader = Reader::new(Setting {
        version: cx.version,
        others: BTreeMap::new(),
        names: names.iter().map(String::as_str).collect(),
        sessions: sessions.clone(),
        unruly: vec![true; sessions.len()],
        server: SERVER,
        watched: Role::Client,
        settled: None,
        drops: true,
        keeps_sessions: false,
        buffers: true,
        slack: cx.wait(),
    });
    let known = Known::new(&topics, &cx.env.run, cx.five());
    let mut translator = Translator::new(cx.version, &sessions, known);
    // What did not happen proves nothing to a probe.
    let (mut seen, mut concluded) = (Findings::new(false), Findings::new(false));
    for (ix, written) in records.iter().enumerate() {
        translator.translate(ix, written, &mut |whom, record| match whom {
            For::Monitors => monitors.see(&record, &mut |finding| seen.push(finding)),
            For::Model => reader.see(&record),
        });
    }
    oracle::judge_probes(&reader.finish(Time::ZERO), &mut concluded);
    let all = seen.into_list().into_iter().chain(concluded.into_list());
    let shown = |f: &Finding| {
        let guilty = f.witness.last().and_then(|ix| records.get(*ix));
        guilty.is_some_and(|r| matches!(r.event, Event::Received(..)))
    };
    one_for_each_cause(all.filter(shown).collect())
}
