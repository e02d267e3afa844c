//! The verdict on clients that somebody else wrote. The broker is ours and right, so whatever is wrong is theirs.
//!
//! Fail does only what breaks a numbered statement, by the packets at the client's socket and what its application was
//! told. What the story expects of the whole system may be missed for reasons that are nobody's fault, such as a client
//! that gives up a message with its connection; so it is a warning.

use super::{
    grade,
    seen::{self, Ends, Sight, Translator},
    told::{BROKER, Judgement, Told, once, setting, settled},
};
use crate::{director::Fate, world::Played};
use squall_history::{
    Duties, Finding, Findings, Monitors, Scene, Seen, model::Reader, one_for_each_cause,
};
use squall_protocol::{Role, Rule, Version};
use squall_scenarios::{model::Scenario, plan::OBSERVER};

/// Judges the clients of a run.
pub(super) fn judge(plan: &Scenario, version: Version, played: &Played) -> Judgement {
    let told = Told::of(played);
    let sessions = seen::sessions(plan);
    let name = |client: usize| plan.clients[client].name.clone();
    let mut monitors = Monitors::of(
        Role::Client,
        Scene {
            version,
            name: &name,
            server: BROKER,
            own_topics: None,
            // What was written to a socket need not have been read.
            buffers: true,
            whole: true,
        },
    );
    let mut duties = Duties::of(version, &name);
    let settled = settled(plan, &played.trace).filter(|_| told == Told::Whole);
    let mut broken = Findings::new(settled.is_some());
    let mut reader = Reader::new(setting(plan, version, &sessions, Sight::WHOLE, settled));
    let mut translator = Translator::new(Ends::Sockets, &sessions, &plan.clients, version);
    for (ix, written) in played.trace.records().iter().enumerate() {
        translator.translate(ix, written, &mut |_, record| {
            reader.see(&record);
            if plan.clients[record.end.client].name == OBSERVER {
                return;
            }
            let mut found = |finding| broken.push(finding);
            if record.end.side == Role::Client {
                monitors.see(&record, &mut found);
            }
            if !is_too_large(&record.seen) {
                duties.see(&record, &mut found);
            }
        });
    }
    duties.finish(played.end, settled, &mut |finding| broken.push(finding));
    let doubt = doubt(played);
    let mut findings = one_for_each_cause(once(broken.into_list()));
    if doubt.is_none() {
        let mut missed = Findings::new(told != Told::ToLimit);
        let model = reader.finish(played.end);
        squall_scenarios::judge(plan, &model, false, &mut missed);
        findings.extend(missed.into_list());
    }
    let demanded = |f: &Finding| f.demand.is_none() && grade::binds_clients(version, f);
    let (findings, described) = findings.into_iter().partition(demanded);
    Judgement {
        findings,
        described,
        doubt,
    }
}

/// Who may send how much the duties know: a client may not have read it yet.
fn is_too_large(seen: &Seen<'_>) -> bool {
    matches!(seen, Seen::Broken(violation) if matches!(violation.rule, Rule::PacketTooLargeForServer))
}

/// Why the story proves less about the clients than it is meant to.
fn doubt(played: &Played) -> Option<String> {
    if let Some(failure) = &played.failure {
        return Some(format!("`{}`: {}", failure.step, failure.message));
    }
    // The story may have gone another way than it is meant to.
    let never = played.faults.iter().any(Fate::never_bit);
    never.then(|| "a cut of the story found nothing to cut".to_owned())
}
