//! Steps in progress.
//!
//! A task is polled between instants. It gives `Ok(true)` when it is done, `Ok(false)` when it waits, and an error
//! when the story cannot go on. A task that waits for a time says so with [`Stage::wake_at`].

use super::{
    Stage, StepFailure,
    client_step::Pending,
    faults::{calm, each, strike},
    orders::Order,
    own_clients,
};
use crate::scenario::{
    describe,
    model::{ClientIx, Entry, Source, Step, StepKind},
};
use squall_protocol::Time;

/// What polling a task gives.
pub(super) type Poll = Result<bool, StepFailure>;

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
    Parallel(Vec<Self>),
    Timeline {
        began: Time,
        entries: &'a [Entry],
        running: Vec<Self>,
    },
    Client(Pending<'a>),
    Done,
}

impl<'a> Task<'a> {
    pub(super) fn sequence(steps: &'a [Step]) -> Self {
        Self::Sequence {
            steps,
            current: None,
        }
    }

    pub(super) fn poll(&mut self, stage: &mut Stage<'a>) -> Poll {
        match self {
            Self::Done => return Ok(true),
            Self::Sequence { steps, current } => loop {
                if let Some(task) = current
                    && !task.poll(stage)?
                {
                    return Ok(false);
                }
                let Some((step, rest)) = steps.split_first() else {
                    break;
                };
                *current = Some(Box::new(begin(step, stage)?));
                *steps = rest;
            },
            Self::Until { at, .. } => {
                if stage.now < *at {
                    stage.wake_at(*at);
                    return Ok(false);
                }
            }
            Self::Parallel(branches) => {
                if !poll_all(branches, stage)? {
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
                        stage.wake_at(at);
                        break;
                    }
                    running.push(begin(&entry.step, stage)?);
                    *entries = rest;
                }
                if !poll_all(running, stage)? || !entries.is_empty() {
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
            Self::Parallel(tasks) => tasks.iter().find_map(|t| t.waiting_for(stage)),
            Self::Timeline {
                entries, running, ..
            } => running
                .iter()
                .find_map(|t| t.waiting_for(stage))
                .or_else(|| of(&entries.first()?.step)),
            Self::Client(pending) => of(pending.step),
        }
    }
}

fn poll_all<'a>(tasks: &mut Vec<Task<'a>>, stage: &mut Stage<'a>) -> Poll {
    let mut failure = None;
    tasks.retain_mut(|task| match task.poll(stage) {
        Ok(done) => !done,
        Err(e) => {
            failure.get_or_insert(e);
            false
        }
    });
    failure.map_or(Ok(tasks.is_empty()), Err)
}

/// Gives the orders of a step and the task that waits for its end.
fn begin<'a>(step: &'a Step, stage: &mut Stage<'a>) -> Result<Task<'a>, StepFailure> {
    let scenario = stage.scenario;
    Ok(match &step.kind {
        StepKind::Client {
            client,
            action,
            within,
            wait,
        } => {
            let pending = Pending::begin(step, *client, action, *within, stage)?;
            if *wait {
                Task::Client(pending)
            } else {
                Task::Done
            }
        }
        StepKind::Fault(fault) => {
            strike(fault, own_clients(scenario), stage);
            Task::Done
        }
        StepKind::Network { client, change } => {
            for c in each(*client, own_clients(scenario)) {
                stage.order(Order::Link(c, *change));
            }
            Task::Done
        }
        StepKind::Wait(time) => Task::Until {
            step,
            at: stage.now + *time,
        },
        StepKind::Settle(time) => {
            calm(own_clients(scenario), stage);
            Task::Until {
                step,
                at: stage.now + *time,
            }
        }
        StepKind::Parallel(branches) => {
            Task::Parallel(branches.iter().map(|b| Task::sequence(b)).collect())
        }
        StepKind::Timeline(entries) => Task::Timeline {
            began: stage.now,
            entries,
            running: Vec::new(),
        },
        StepKind::Workload(_) => unreachable!("a plan has no workload: it became a timeline"),
    })
}
