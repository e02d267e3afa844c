//! What only shows when the whole story is known: clients that act before they connect, expectations that exclude
//! each other.

use super::Context;
use crate::diagnostic::quoted;
use crate::model::{Action, ClientIx, ExpectKind, Expectation, Scenario, Step, StepKind, Times};
use std::collections::BTreeSet;

/// Checks the story as a whole.
pub(super) fn story(cx: &mut Context<'_>, scenario: &Scenario) {
    let mut connected = BTreeSet::new();
    // With steps missing because they were refused, nobody can say who connects.
    if !cx.incomplete {
        walk(cx, &scenario.steps, &mut connected);
        for ix in 0..scenario.clients.len() {
            never_connects(cx, ix, &connected);
        }
    }
    contradictions(cx, &scenario.expect);
    wills(cx, scenario);
}

fn never_connects(cx: &mut Context<'_>, ix: ClientIx, connected: &BTreeSet<ClientIx>) {
    if connected.contains(&ix) {
        return;
    }
    let Some((name, span)) = cx.clients.get(ix).cloned() else {
        return;
    };
    let help = format!("add a step `- {name}: connect`, or remove the client");
    cx.refuse(
        &span,
        format!("the client {} never connects", quoted(&name)),
        "declared here",
        help,
    );
}

/// Goes through steps in the order of the file and notes what a client does before its first connect step.
fn walk(cx: &mut Context<'_>, steps: &[Step], connected: &mut BTreeSet<ClientIx>) {
    for step in steps {
        match &step.kind {
            StepKind::Client {
                client,
                action: Action::Connect { .. },
                ..
            } => {
                connected.insert(*client);
            }
            StepKind::Client { client, action, .. } => {
                let what = match action {
                    Action::Subscribe { .. } => "subscribes",
                    Action::Unsubscribe { .. } => "unsubscribes",
                    Action::Publish { .. } => "publishes",
                    Action::Receive { .. } => "waits for a message",
                    Action::Disconnect { .. } => "disconnects",
                    Action::Drop => "drops its connection",
                    Action::Connect { .. } | Action::Silent(_) => continue,
                };
                too_early(cx, step, *client, what, connected);
            }
            StepKind::Workload(work) => {
                for client in &work.publishers {
                    too_early(cx, step, *client, "publishes", connected);
                }
            }
            StepKind::Parallel(branches) => parallel(cx, branches, connected),
            StepKind::Timeline(entries) => {
                let mut order: Vec<_> = entries.iter().collect();
                order.sort_by_key(|entry| entry.after);
                for entry in order {
                    walk(cx, std::slice::from_ref(&entry.step), connected);
                }
            }
            StepKind::Fault(_)
            | StepKind::Network { .. }
            | StepKind::Wait(_)
            | StepKind::Settle(_) => {}
        }
    }
}

/// Branches run at once: one may rely on a connect step of another.
fn parallel(cx: &mut Context<'_>, branches: &[Vec<Step>], connected: &mut BTreeSet<ClientIx>) {
    let dials: Vec<BTreeSet<ClientIx>> = branches.iter().map(|branch| dials(branch)).collect();
    let before = connected.clone();
    for (i, branch) in branches.iter().enumerate() {
        let mut known = before.clone();
        let others = dials.iter().enumerate().filter(|(o, _)| *o != i);
        known.extend(others.flat_map(|(_, set)| set.iter().copied()));
        walk(cx, branch, &mut known);
    }
    connected.extend(dials.into_iter().flatten());
}

/// Clients with a connect step somewhere in `steps`.
fn dials(steps: &[Step]) -> BTreeSet<ClientIx> {
    let mut found = BTreeSet::new();
    for step in steps {
        match &step.kind {
            StepKind::Client {
                client,
                action: Action::Connect { .. },
                ..
            } => {
                found.insert(*client);
            }
            StepKind::Parallel(branches) => {
                found.extend(branches.iter().flat_map(|branch| dials(branch)))
            }
            StepKind::Timeline(entries) => {
                found.extend(
                    entries
                        .iter()
                        .flat_map(|entry| dials(std::slice::from_ref(&entry.step))),
                );
            }
            _ => {}
        }
    }
    found
}

fn too_early(
    cx: &mut Context<'_>,
    step: &Step,
    client: ClientIx,
    what: &str,
    connected: &mut BTreeSet<ClientIx>,
) {
    // Said once for each client.
    if !connected.insert(client) {
        return;
    }
    let name = cx
        .clients
        .get(client)
        .map_or_else(String::new, |(name, _)| name.clone());
    let message = format!("{} {what} before it has connected at all", quoted(&name));
    let span = cx.place(step.source);
    cx.refuse(
        &span,
        message,
        "not connected yet",
        format!("put a step `- {name}: connect` before this one"),
    );
}

/// Two expectations of one subject that cannot both come true.
fn contradictions(cx: &mut Context<'_>, expect: &[Expectation]) {
    for (i, second) in expect.iter().enumerate() {
        let first = expect[..i]
            .iter()
            .find(|first| contradict(&first.kind, &second.kind));
        if let Some(first) = first {
            let (one, two) = (cx.place(first.source), cx.place(second.source));
            let problem = cx.diagnostic(
                &two,
                "this expectation contradicts another one",
                "cannot be true",
            );
            cx.push(
                problem
                    .label(one, "together with this")
                    .help("remove or change one of them"),
            );
        }
    }
}

fn contradict(a: &ExpectKind, b: &ExpectKind) -> bool {
    use ExpectKind as E;
    match (a, b) {
        (
            E::Delivered {
                topic: ta,
                payload: pa,
                to: ca,
                times: na,
                ..
            },
            E::Delivered {
                topic: tb,
                payload: pb,
                to: cb,
                times: nb,
                ..
            },
        ) => (ta, pa, ca) == (tb, pb, cb) && excludes(*na, *nb),
        (
            E::Will {
                of: a,
                published: na,
                ..
            },
            E::Will {
                of: b,
                published: nb,
                ..
            },
        ) => a == b && na != nb,
        (
            E::Retained {
                topic: a,
                payload: pa,
            },
            E::Retained {
                topic: b,
                payload: pb,
            },
        ) => a == b && pa != pb,
        (E::Session { of: a, present: pa }, E::Session { of: b, present: pb }) => {
            a == b && pa != pb
        }
        (
            E::Closed {
                client: a,
                times: na,
                reason: ra,
            },
            E::Closed {
                client: b,
                times: nb,
                reason: rb,
            },
        ) => a == b && ra == rb && na != nb,
        _ => false,
    }
}

/// Whether no history satisfies both. A number of deliveries in all says nothing about each single message, except
/// when one side allows none.
fn excludes(a: Times, b: Times) -> bool {
    let some = |t| {
        matches!(t, Times::ExactlyOnce | Times::AtLeastOnce)
            || matches!(t, Times::Total(n) if n > 0)
    };
    match (a, b) {
        (Times::Total(a), Times::Total(b)) => a != b,
        (Times::Never | Times::Total(0), other) | (other, Times::Never | Times::Total(0)) => {
            some(other)
        }
        _ => false,
    }
}

/// A will is expected of a client that never has one.
fn wills(cx: &mut Context<'_>, scenario: &Scenario) {
    for expectation in &scenario.expect {
        let ExpectKind::Will { of, published, .. } = expectation.kind else {
            continue;
        };
        let Some(client) = scenario.clients.get(of) else {
            continue;
        };
        if published == 0
            || client.connect.will.is_some()
            || connects_with_will(&scenario.steps, of)
        {
            continue;
        }
        let span = cx.place(expectation.source);
        let message = format!(
            "{} has no will that could be published",
            quoted(&client.name)
        );
        cx.refuse(
            &span,
            message,
            "cannot come true",
            "add `will: {topic: …}` to the client",
        );
    }
}

fn connects_with_will(steps: &[Step], of: ClientIx) -> bool {
    steps.iter().any(|step| match &step.kind {
        StepKind::Client {
            client,
            action: Action::Connect { connect, .. },
            ..
        } => *client == of && connect.will.is_some(),
        StepKind::Parallel(branches) => {
            branches.iter().any(|branch| connects_with_will(branch, of))
        }
        StepKind::Timeline(entries) => entries
            .iter()
            .any(|e| connects_with_will(std::slice::from_ref(&e.step), of)),
        _ => false,
    })
}
