//! The verdict on clients that somebody else wrote, and on all clients of a scripted broker. Our broker is right, so
//! whatever is wrong is theirs; a scripted one may have asked for it.
//!
//! Fail does only what breaks a numbered statement, by the packets at the client's socket and what its application was
//! told. What the story expects of the whole system may be missed for reasons that are nobody's fault, such as a client
//! that gives up a message with its connection; so it is a warning.

use super::{
    grade, outage, pace,
    seen::{self, Ends, Sight, Translator},
    step::undone,
    told::{BROKER, Judgement, Told, once, others, setting, settled},
};
use crate::{director::Fate, world::Played};
use squall_catalogue as catalogue;
use squall_history::{
    Duties, Finding, Findings, Monitors, Record, Scene, Seen, model::Reader, one_for_each_cause,
};
use squall_protocol::{Role, Rule, Version};
use squall_scenarios::{
    model::{ClientIx, Scenario},
    plan::OBSERVER,
};
use std::{collections::BTreeSet, time::Duration};

/// Judges the clients of a run.
pub(super) fn judge(plan: &Scenario, version: Version, played: &Played, sight: Sight) -> Judgement {
    let told = Told::of(played);
    let sessions = seen::sessions(plan);
    let name = |client: usize| plan.clients[client].name.clone();
    let scene = || Scene {
        version,
        name: &name,
        server: BROKER,
        own_topics: None,
        // What was written to a socket need not have been read.
        buffers: true,
        whole: true,
    };
    let mut monitors = Monitors::of(Role::Client, scene()).but(others(plan, version));
    let mut duties = Duties::of(version, &name).but(others(plan, version));
    let mut provoked = Provoked::of(plan, scene());
    let slack = pace::slack(&played.trace);
    // What did not come from then on is said to be missing only if it was waited for long enough.
    let settled = settled(plan, &played.trace).filter(|settled| {
        told == Told::Whole && slack.is_some_and(|slack| played.end.since(*settled) >= slack)
    });
    let mut broken = Findings::new(settled.is_some());
    let mut reader = Reader::new(setting(plan, version, &sessions, Sight::WHOLE, settled));
    let mut translator = Translator::new(Ends::Sockets, &sessions, &plan.clients, version);
    for (ix, written) in played.trace.records().iter().enumerate() {
        outage::tell(&mut reader, ix, written, outage::keeps(plan));
        translator.translate(ix, written, &mut |_, record| {
            if !plan.broker.scripted {
                reader.see(&record);
            }
            let spec = &plan.clients[record.end.client];
            // A story that says itself what a client sends is no matter of somebody's client.
            if provoked.see(&record) || spec.scripted || spec.name == OBSERVER {
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
    let all_told = settled.filter(|_| provoked.clients.is_empty());
    duties.finish(played.end, all_told, &mut |finding| broken.push(finding));
    let mut findings = one_for_each_cause(once(broken.into_list()));
    if !sight.knows_both() {
        findings.extend(owed_step(played, slack));
    }
    let doubt = doubt(played);
    if doubt.is_none() && !plan.broker.scripted {
        findings.extend(missed(plan, reader, played));
    }
    graded(version, findings, doubt)
}

/// What the story expects and did not see.
fn missed(plan: &Scenario, reader: Reader<'_>, played: &Played) -> Vec<Finding> {
    let mut missed = Findings::new(Told::of(played) != Told::ToLimit);
    let model = reader.finish(played.end);
    squall_scenarios::judge(plan, &model, false, &mut missed);
    missed.into_list()
}

/// What of it is held against the clients.
fn graded(version: Version, findings: Vec<Finding>, doubt: Option<String>) -> Judgement {
    let demanded =
        |f: &Finding| f.demand.is_none() && grade::binds_clients(f.version.unwrap_or(version), f);
    let (findings, described) = findings.into_iter().partition(demanded);
    Judgement {
        findings,
        described,
        doubt,
    }
}

/// Clients to whom a scripted broker has sent what no server may send. What they do after that is not judged, but by what
/// the story itself asks for.
struct Provoked<'n, 'a> {
    of_broker: Option<Monitors<'n, 'a>>,
    clients: BTreeSet<ClientIx>,
}

impl<'n, 'a> Provoked<'n, 'a> {
    fn of(plan: &Scenario, scene: Scene<'n>) -> Self {
        let scripted = plan.broker.scripted;
        Self {
            of_broker: scripted.then(|| Monitors::of(Role::Server, scene)),
            clients: BTreeSet::new(),
        }
    }

    /// Takes a record in; whether its client was provoked.
    fn see(&mut self, record: &Record<'a>) -> bool {
        let Some(of_broker) = &mut self.of_broker else {
            return false;
        };
        if record.end.side == Role::Server {
            let mut wrong = matches!(record.seen, Seen::Unknown);
            of_broker.see(record, &mut |_| wrong = true);
            if wrong {
                self.clients.insert(record.end.client);
            }
        }
        self.clients.contains(&record.end.client)
    }
}

/// A step of the story that a client did not do its part of, with the statements that ask for it. No statement gives a
/// client a time to answer in, so whoever takes longer over everything has not left it out.
fn owed_step(played: &Played, slack: Option<Duration>) -> Option<Finding> {
    let failure = played.failure.as_ref()?;
    let demand = failure.demand.as_ref()?;
    let too_short = |waited| slack.is_none_or(|slack| waited < slack);
    if demand.waited.is_some_and(too_short) {
        return None;
    }
    let known = demand
        .statements
        .iter()
        .filter_map(|id| catalogue::find(demand.version, id));
    // What is only recommended makes a warning.
    let statements: Vec<_> = known.map(|s| s.id.as_str()).collect();
    let step = undone(failure, &played.trace);
    (!statements.is_empty()).then_some(Finding { statements, ..step })
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
