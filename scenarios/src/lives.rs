//! The broker goes down where it is up, and comes back where it is down: what of it shows before a story is told.

use crate::{
    model::{Entry, Life, Step, StepKind},
    reader::Context,
};

/// Refuses what cannot be: a crash of a broker that is down, a restart of one that is up. Where steps run side by side
/// nobody knows which comes first, so the run has to tell.
pub(crate) fn check(cx: &mut Context<'_>, steps: &[Step]) {
    walk(cx, steps, &mut Some(true));
}

/// Goes through steps one after the other; `up` is whether the broker is, where that is known.
fn walk(cx: &mut Context<'_>, steps: &[Step], up: &mut Option<bool>) {
    for step in steps {
        match &step.kind {
            StepKind::Life(life) => one(cx, step, *life, up),
            StepKind::Parallel(branches) => {
                let mut with = branches.iter().filter(|branch| branch.iter().any(lives));
                match (with.next(), with.next()) {
                    (None, _) => {}
                    (Some(only), None) => walk(cx, only, up),
                    (Some(_), Some(_)) => *up = None,
                }
            }
            StepKind::Timeline(entries) => timeline(cx, entries, up),
            _ => {}
        }
    }
}

fn timeline(cx: &mut Context<'_>, entries: &[Entry], up: &mut Option<bool>) {
    let with = entries.iter().filter(|entry| lives(&entry.step));
    let mut order: Vec<&Entry> = with.collect();
    order.sort_by_key(|entry| entry.after);
    if let [only] = order.as_slice() {
        return walk(cx, std::slice::from_ref(&only.step), up);
    }
    for entry in order {
        match &entry.step.kind {
            StepKind::Life(life) => one(cx, &entry.step, *life, up),
            // When it gets there nobody knows.
            _ => *up = None,
        }
    }
}

fn lives(step: &Step) -> bool {
    step.all()
        .any(|step| matches!(step.kind, StepKind::Life(_)))
}

fn one(cx: &mut Context<'_>, step: &Step, life: Life, up: &mut Option<bool>) {
    let begins = life == Life::Restart;
    if *up == Some(begins) {
        let (message, label, help) = match begins {
            true => (
                "the broker is restarted and has not gone down",
                "it is up",
                "put a step `- broker: { crash: kill }` before this one",
            ),
            false => (
                "the broker goes down and is down already",
                "it is down",
                "put a step `- broker: restart` before this one",
            ),
        };
        let span = cx.place(step.source);
        cx.refuse(&span, message, label, help);
    }
    *up = Some(begins);
}
