//! The broker goes down where it is up, and comes back where it is down: what of it shows before a story is told.

use crate::{
    model::{Entry, Fault, Life, Step, StepKind, Trouble},
    reader::Context,
};

/// Refuses what cannot be: a crash of a broker that is down, a restart of one that is up. Where steps run side by side
/// nobody knows which comes first, so the run has to tell.
pub(crate) fn check(cx: &mut Context<'_>, steps: &[Step]) {
    let mut known = Known {
        up: Some(true),
        trouble: false,
    };
    walk(cx, steps, &mut known);
}

/// What is known of the broker.
struct Known {
    /// Whether it is up, where that can be said.
    up: Option<bool>,
    /// Its disk may refuse something, and then it ends.
    trouble: bool,
}

/// Goes through steps one after the other.
fn walk(cx: &mut Context<'_>, steps: &[Step], known: &mut Known) {
    for step in steps {
        match &step.kind {
            StepKind::Life(life) => one(cx, step, *life, known),
            StepKind::Parallel(branches) => {
                let mut with = branches.iter().filter(|branch| branch.iter().any(lives));
                match (with.next(), with.next()) {
                    (None, _) => {}
                    (Some(only), None) => walk(cx, only, known),
                    (Some(_), Some(_)) => known.up = None,
                }
            }
            StepKind::Timeline(entries) => timeline(cx, entries, known),
            StepKind::Fault(Fault::Disk(disk)) => {
                let refuses = matches!(disk.trouble, Trouble::Fails | Trouble::Full);
                if refuses {
                    known.up = None;
                }
                // It may end by itself, and so may what comes of it.
                known.trouble = refuses || known.trouble && disk.trouble != Trouble::Sound;
            }
            _ => {}
        }
    }
}

fn timeline(cx: &mut Context<'_>, entries: &[Entry], known: &mut Known) {
    let with = entries.iter().filter(|entry| lives(&entry.step));
    let mut order: Vec<&Entry> = with.collect();
    order.sort_by_key(|entry| entry.after);
    if let [only] = order.as_slice() {
        return walk(cx, std::slice::from_ref(&only.step), known);
    }
    for entry in order {
        match &entry.step.kind {
            StepKind::Life(_) | StepKind::Fault(_) => {
                walk(cx, std::slice::from_ref(&entry.step), known);
            }
            // When it gets there nobody knows.
            _ => known.up = None,
        }
    }
}

/// Whether something in it may end the broker or begin it.
fn lives(step: &Step) -> bool {
    let about =
        |kind: &StepKind| matches!(kind, StepKind::Life(_) | StepKind::Fault(Fault::Disk(_)));
    step.all().any(|step| about(&step.kind))
}

fn one(cx: &mut Context<'_>, step: &Step, life: Life, known: &mut Known) {
    let begins = life == Life::Restart;
    if known.up == Some(begins) {
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
    known.up = Some(begins).filter(|_| !(begins && known.trouble));
}
