//! Steps in progress.
//!
//! A task is polled between instants, when something happened that it waits for. It gives `Ok(true)` when it is done,
//! `Ok(false)` when it waits, and an error when the story cannot go on. What it waits for it says to the stage's
//! [`Watch`](super::watch::Watch), under its place in the tree of tasks.

use super::{
    client_step::Pending,
    stage::{Poll, Stage, StepFailure},
    step,
    watch::{Interest, Place},
};
use squall_protocol::Time;
use squall_scenarios::{
    describe,
    model::{ClientIx, Entry, Source, Step, StepKind},
};
use std::collections::BTreeMap;

/// Steps in progress: a tree of sequences, parallel branches and timelines with client steps as leaves.
pub(super) enum Task<'a> {
    Sequence {
        steps: &'a [Step],
        current: Option<Box<Self>>,
    },
    Until {
        step: &'a Step,
        at: Time,
    },
    Parallel(Branches<'a>),
    Timeline {
        began: Time,
        entries: &'a [Entry],
        running: Branches<'a>,
    },
    Client(Pending<'a>),
    Done,
}

/// Tasks that run at once, by number, and the number of the next one.
#[derive(Default)]
pub(super) struct Branches<'a> {
    running: BTreeMap<u32, Task<'a>>,
    next: u32,
}

impl<'a> Branches<'a> {
    fn add(&mut self, task: Task<'a>) {
        self.running.insert(self.next, task);
        self.next += 1;
    }

    /// The place of the branch that comes next.
    fn next_place(&self, place: &[u32]) -> Place {
        let mut next = place.to_vec();
        next.push(self.next);
        next
    }

    /// Polls the branches that are ready, in order; all of them, even when one fails. Done when none is left.
    fn poll(&mut self, place: &[u32], stage: &mut Stage<'a>) -> Poll {
        let mut failure = None;
        let mut from = 0;
        let mut at = place.to_vec();
        while let Some(n) = stage.watch.ready_branch(place, from) {
            from = n + 1;
            at.push(n);
            if let Some(task) = self.running.get_mut(&n) {
                match task.poll(&at, stage) {
                    Ok(false) => {}
                    Ok(true) => {
                        self.running.remove(&n);
                    }
                    Err(e) => {
                        self.running.remove(&n);
                        failure.get_or_insert(e);
                    }
                }
            }
            stage.watch.seen(&at);
            at.pop();
        }
        failure.map_or(Ok(self.running.is_empty()), Err)
    }
}

impl<'a> Task<'a> {
    pub(super) fn sequence(steps: &'a [Step]) -> Self {
        Self::Sequence {
            steps,
            current: None,
        }
    }

    /// Looks at the task, which stands at this place.
    pub(super) fn poll(&mut self, place: &[u32], stage: &mut Stage<'a>) -> Poll {
        match self {
            Self::Done => return Ok(true),
            Self::Sequence { steps, current } => loop {
                if let Some(task) = current
                    && !task.poll(place, stage)?
                {
                    return Ok(false);
                }
                let Some((step, rest)) = steps.split_first() else {
                    break;
                };
                *current = Some(Box::new(begin(step, place, stage)?));
                *steps = rest;
            },
            Self::Until { at, .. } => {
                if stage.now < *at {
                    return Ok(false);
                }
            }
            Self::Parallel(branches) => {
                if !branches.poll(place, stage)? {
                    return Ok(false);
                }
            }
            Self::Timeline {
                began,
                entries,
                running,
            } => {
                while let Some((entry, rest)) = entries.split_first() {
                    let at = *began + entry.after;
                    if at > stage.now {
                        stage.watch.wait(Interest::Time(at), place);
                        break;
                    }
                    let next = running.next_place(place);
                    running.add(begin(&entry.step, &next, stage)?);
                    stage.watch.wake(next);
                    *entries = rest;
                }
                if !running.poll(place, stage)? || !entries.is_empty() {
                    return Ok(false);
                }
            }
            Self::Client(pending) => {
                if !pending.poll(stage)? {
                    return Ok(false);
                }
            }
        }
        *self = Self::Done;
        Ok(true)
    }

    /// The first leaf that still waits: where it stands and what it is.
    pub(super) fn waiting_for(
        &self,
        stage: &Stage<'_>,
    ) -> Option<(Source, Option<ClientIx>, String)> {
        let of = |step: &Step| {
            Some((
                step.source,
                step.client(),
                describe::step(step, stage.scenario),
            ))
        };
        match self {
            Self::Done => None,
            Self::Sequence { current, .. } => current.as_ref()?.waiting_for(stage),
            Self::Until { step, .. } => of(step),
            Self::Parallel(branches) => {
                let mut all = branches.running.values();
                all.find_map(|t| t.waiting_for(stage))
            }
            Self::Timeline {
                entries, running, ..
            } => running
                .running
                .values()
                .find_map(|t| t.waiting_for(stage))
                .or_else(|| of(&entries.first()?.step)),
            Self::Client(pending) => of(pending.step),
        }
    }
}

/// Gives the orders of a step and the task that waits for its end, at this place.
fn begin<'a>(
    step: &'a Step,
    place: &[u32],
    stage: &mut Stage<'a>,
) -> Result<Task<'a>, StepFailure> {
    Ok(match &step.kind {
        StepKind::Client {
            client,
            action,
            within,
            wait,
        }
        | StepKind::Broker {
            client,
            action,
            within,
            wait,
        } => {
            let place = wait.then_some(place);
            let who = (*client, step.side());
            let pending = Pending::begin(step, who, action, *within, place, stage)?;
            if *wait {
                Task::Client(pending)
            } else {
                Task::Done
            }
        }
        StepKind::Parallel(branches) => {
            let mut all = Branches::default();
            for branch in branches {
                stage.watch.wake(all.next_place(place));
                all.add(Task::sequence(branch));
            }
            Task::Parallel(all)
        }
        StepKind::Timeline(entries) => Task::Timeline {
            began: stage.now,
            entries,
            running: Branches::default(),
        },
        _ => match step::begin(step, stage)? {
            Some(at) => {
                stage.watch.wait(Interest::Time(at), place);
                Task::Until { step, at }
            }
            None => Task::Done,
        },
    })
}
