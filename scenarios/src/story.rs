//! What only shows when the whole story is known: clients that act before they connect, expectations that exclude
//! each other.

use crate::{
    action,
    construct::Cast,
    diagnostic::quoted,
    lives,
    model::{Action, ClientIx, ClientSpec, Expectation, Scenario, Step, StepKind},
    reader::Context,
};
use squall_protocol::Packet;
use std::collections::BTreeSet;

/// Checks the story as a whole.
pub(crate) fn check(cx: &mut Context<'_>, scenario: &Scenario) {
    let mut connected = BTreeSet::new();
    // With steps missing because they were refused, nobody can say who connects.
    if !cx.incomplete {
        walk(cx, &scenario.steps, &mut connected);
        for ix in 0..scenario.clients.len() {
            never_connects(cx, ix, &connected);
        }
        lives::check(cx, &scenario.steps);
    }
    contradictions(cx, &scenario.expect);
    doubts(cx, scenario);
    identifiers(cx, scenario);
    if scenario.broker.scripted {
        scripted_broker(cx, scenario);
    }
}

/// The Client Identifiers that a client puts into CONNECT: its own, and those that a script says.
fn said(scenario: &Scenario, client: ClientIx) -> BTreeSet<String> {
    let steps = scenario.steps.iter().flat_map(Step::all);
    let own = steps.filter(|step| step.client() == Some(client));
    let mut said = BTreeSet::new();
    for step in own {
        match &step.kind {
            StepKind::Client {
                action: Action::Connect(_),
                ..
            } => {
                said.insert(scenario.clients[client].client_id.clone());
            }
            StepKind::Client {
                action: Action::Send(send),
                ..
            } => {
                let version = scenario.speaks(client, scenario.versions[0]);
                said.extend(send.packets(version).filter_map(|packet| match packet {
                    Packet::Connect(connect) => Some(connect.client_id.to_string()),
                    _ => None,
                }));
            }
            _ => {}
        }
    }
    said
}

/// Whose session a connection has is known by the client of the story, so each has one Client Identifier, and says whose.
fn identifiers(cx: &mut Context<'_>, scenario: &Scenario) {
    for (ix, client) in scenario
        .clients
        .iter()
        .enumerate()
        .filter(|(_, c)| c.scripted)
    {
        let said = said(scenario, ix);
        let others = scenario
            .clients
            .iter()
            .filter(|c| c.client_id != client.client_id);
        let foreign = others
            .map(|c| c.client_id.as_str())
            .find(|id| said.contains(*id));
        let Some((name, span)) = cx.clients.get(ix).cloned() else {
            continue;
        };
        if said.len() > 1 {
            let all: Vec<_> = said.iter().map(|id| quoted(id)).collect();
            let message = format!(
                "{} says several Client Identifiers: {}",
                quoted(&name),
                all.join(", ")
            );
            cx.refuse(
                &span,
                message,
                "several sessions",
                "let a client of its own say each of them",
            );
        } else if let Some(id) = foreign {
            let message = format!(
                "{} says the Client Identifier {} of another client",
                quoted(&name),
                quoted(id)
            );
            let help = format!(
                "write `client_id: {id}` among its keys, so that both are known to share a session"
            );
            cx.refuse(&span, message, "somebody else's session", help);
        }
    }
}

/// A scripted broker promises nothing, so nothing can be expected of it; and somebody has to be judged.
fn scripted_broker(cx: &mut Context<'_>, scenario: &Scenario) {
    if let Some(expectation) = scenario.expect.first() {
        let span = cx.place(expectation.source);
        let message = "a scripted broker keeps no promise that could be expected";
        let help =
            "say what its clients owe in steps: `- broker: { expect: … }`, `receive`, `silent`";
        cx.refuse(&span, message, "nothing to hold it to", help);
    }
    for (ix, client) in scenario.clients.iter().enumerate() {
        if let (Some(version), Some((name, span))) = (client.version, cx.clients.get(ix).cloned()) {
            let message = format!(
                "{} speaks {version}, and the broker is scripted",
                quoted(&name)
            );
            let help = "a scripted broker speaks the version of the run: name it at the top, as `versions`";
            cx.refuse(&span, message, "a version of its own", help);
        }
        if let (true, Some((name, span))) = (client.scripted, cx.clients.get(ix).cloned()) {
            let message = format!("{} is scripted, and so is the broker", quoted(&name));
            let help = "let one of them keep to the standard by itself";
            cx.refuse(&span, message, "nobody is judged", help);
        }
    }
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
                action: Action::Connect(_) | Action::Dial(_),
                ..
            } => {
                connected.insert(*client);
            }
            StepKind::Client { client, action, .. } => {
                if let Some(what) = action.too_early() {
                    too_early(cx, step, *client, what, connected);
                }
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
            // Nobody acts.
            _ => {}
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
    let connects = |step: &Step| match step.kind {
        StepKind::Client {
            client,
            action: Action::Connect(_) | Action::Dial(_),
            ..
        } => Some(client),
        _ => None,
    };
    steps
        .iter()
        .flat_map(Step::all)
        .filter_map(connects)
        .collect()
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
            .find(|first| first.kind.excludes(&second.kind));
        if let Some(first) = first {
            let (one, two) = (cx.place(first.source), cx.place(second.source));
            let message = "this expectation contradicts another one";
            let problem = cx.diagnostic(&two, message, "cannot be true");
            let problem = problem.label(one, "together with this");
            cx.push(problem.help("remove or change one of them"));
        }
    }
}

/// Expectations that cannot come true in this story.
fn doubts(cx: &mut Context<'_>, scenario: &Scenario) {
    for expectation in &scenario.expect {
        if let Some(doubt) = expectation.kind.doubt(scenario) {
            let span = cx.place(expectation.source);
            cx.refuse(&span, doubt.message, doubt.label, doubt.help);
        }
    }
}

impl Cast for Scenario {
    fn name(&self, client: ClientIx) -> &str {
        self.clients.get(client).map_or("", |c| c.name.as_str())
    }

    fn has_will(&self, client: ClientIx) -> bool {
        let usual = |client: &ClientSpec| client.connect.will.is_some();
        let with_will = |step: &Step| match &step.kind {
            StepKind::Client {
                client: one,
                action: Action::Connect(action::Connect { connect, .. }),
                ..
            } => *one == client && connect.will.is_some(),
            _ => false,
        };
        self.clients.get(client).is_none_or(usual)
            || self.steps.iter().flat_map(Step::all).any(with_will)
    }
}
