//! The order in which checks are played: several at once, each alone that was interrupted, and none that nobody would
//! answer.

use crate::{
    attempt::{Attempt, one, unplayed},
    check::Check,
    cx::Env,
    greet::Offer,
    options::Options,
    outcome::inconclusive,
};
use squall_client::probe::{Heard, Probe};
use squall_protocol::{Packet, Properties, Text, Version, packet::Connect};
use squall_reports::CheckResult;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    rc::Rc,
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

/// A check in a version.
pub(crate) type Job = (&'static Check, Version);

/// So many interrupted checks are asked again. Where there are more, interrupting is what the target does.
const MOST_AGAIN: usize = 32;
/// So often a target may die and come back.
const MOST_LIVES: u32 = 4;

/// Where the checks of a run stand.
pub(crate) struct Course<'r, 'p> {
    env: &'r Rc<Env>,
    options: &'r Options,
    jobs: &'r [Job],
    offers: &'r [Offer; 2],
    results: &'r mut [Option<CheckResult>],
    progress: &'r mut (dyn FnMut(usize, &CheckResult) + 'p),
    done: usize,
    /// How often the target was alive again.
    lives: u32,
    /// Interrupted checks, with what came of them so far.
    interrupted: BTreeMap<usize, CheckResult>,
}

impl<'r, 'p> Course<'r, 'p> {
    /// Results go into `results`, and to `progress` with their number as they are final.
    pub(crate) fn new(
        env: &'r Rc<Env>,
        options: &'r Options,
        jobs: &'r [Job],
        offers: &'r [Offer; 2],
        results: &'r mut [Option<CheckResult>],
        progress: &'r mut (dyn FnMut(usize, &CheckResult) + 'p),
    ) -> Self {
        Self {
            env,
            options,
            jobs,
            offers,
            results,
            progress,
            done: 0,
            lives: 0,
            interrupted: BTreeMap::new(),
        }
    }

    /// Plays all checks; gives those that were not asked, because the target was lost.
    pub(crate) async fn run(mut self) -> BTreeSet<usize> {
        let mut queue: VecDeque<usize> = (0..self.jobs.len()).collect();
        loop {
            self.crowd(&mut queue).await;
            if queue.is_empty() || !self.comes_back().await {
                break;
            }
        }
        if self.interrupted.len() <= MOST_AGAIN {
            self.again().await;
        }
        for (index, found) in std::mem::take(&mut self.interrupted) {
            self.finish(index, found);
        }
        self.give_up(queue)
    }

    /// Keeps `options.jobs` checks running until all are done or the target is lost.
    async fn crowd(&mut self, queue: &mut VecDeque<usize>) {
        let mut running: JoinSet<(usize, Attempt)> = JoinSet::new();
        let mut disturbing = false;
        loop {
            while running.len() < self.options.jobs.max(1) && self.env.gone.get().is_none() {
                let Some(&index) = queue.front() else {
                    break;
                };
                let check = self.jobs[index].0;
                if check.disturbs() && !disturbing && !running.is_empty() {
                    break;
                }
                disturbing = check.disturbs();
                queue.pop_front();
                let attempt = self.attempt(index, index);
                running.spawn_local(async move { (index, attempt.await) });
            }
            match running.join_next().await {
                None => break,
                // The panic of a check is caught inside its task; what is left here is a task that was cancelled.
                Some(Err(_)) => continue,
                Some(Ok((index, attempt))) if attempt.interrupted => {
                    self.interrupted.insert(index, attempt.found);
                }
                Some(Ok((index, attempt))) => self.finish(index, attempt.found),
            }
        }
    }

    /// Asks each interrupted check once more, alone, so that nobody else has to do with what happens then.
    async fn again(&mut self) {
        for index in self.interrupted.keys().copied().collect::<Vec<_>>() {
            if self.env.gone.get().is_some() && !self.comes_back().await {
                return;
            }
            let second = self.attempt(index, self.jobs.len() + index).await;
            let Some(mut first) = self.interrupted.remove(&index) else {
                continue;
            };
            let found = match second.interrupted {
                false => second.found,
                true => {
                    let alone = "and when it was asked again, alone";
                    first.message = format!("{}; {alone}: {}", first.message, second.found.message);
                    CheckResult {
                        message: first.message,
                        ..second.found
                    }
                }
            };
            self.finish(index, found);
        }
    }

    /// The check `index`, under names of its own.
    fn attempt(&self, index: usize, number: usize) -> impl Future<Output = Attempt> + use<> {
        let (check, version) = self.jobs[index];
        let offer = self.offers[version as usize].clone();
        one(
            Rc::clone(self.env),
            check,
            version,
            number,
            offer,
            self.options.timeout,
        )
    }

    fn finish(&mut self, index: usize, found: CheckResult) {
        self.done += 1;
        (self.progress)(self.done, &found);
        self.results[index] = Some(found);
    }

    /// One result for all checks that are left: nobody would have answered them.
    fn give_up(&mut self, mut queue: VecDeque<usize>) -> BTreeSet<usize> {
        let (Some(first), Some(how)) = (queue.pop_front(), self.env.gone.get()) else {
            return BTreeSet::new();
        };
        let rest = match queue.len() {
            0 => "this check was not asked".to_owned(),
            1 => "this check and one more were not asked".to_owned(),
            n => format!("this check and {n} more were not asked"),
        };
        let (check, version) = self.jobs[first];
        let outcome = inconclusive(format!("{how}, so {rest}"));
        self.finish(first, unplayed(check, version, outcome));
        queue.into_iter().collect()
    }

    /// Waits for a lost target to answer a new client again, as one does that somebody starts anew.
    async fn comes_back(&mut self) -> bool {
        self.lives += 1;
        if self.lives >= MOST_LIVES {
            return false;
        }
        let until = Instant::now() + 3 * self.env.pace.get().answer();
        while Instant::now() < until {
            if self.answers().await {
                self.env.gone.set(None);
                return true;
            }
            sleep(self.env.wait / 10).await;
        }
        false
    }

    /// Whether it answers a new client.
    async fn answers(&self) -> bool {
        let wait = self.env.pace.get().answer();
        let Ok(mut probe) = Probe::connect(self.env.endpoint.clone(), wait).await else {
            return false;
        };
        let version = match &self.offers[0] {
            Offer::Accepted(_) => Version::V3_1_1,
            _ => Version::V5_0,
        };
        let connect = Connect {
            version,
            clean_start: true,
            keep_alive: 60,
            client_id: Text::from(format!("{}back{}", self.env.run, self.lives)),
            will: None,
            user_name: None,
            password: None,
            properties: Properties::new(),
        };
        if probe
            .send(&Packet::Connect(Box::new(connect)))
            .await
            .is_err()
        {
            return false;
        }
        let heard = probe.next(wait).await;
        let answered = matches!(heard, Heard::Packet(_) | Heard::Violation(_));
        probe.disconnect(Duration::ZERO).await;
        answered
    }
}
