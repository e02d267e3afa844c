//! The order in which checks are played: several at once, each alone that was interrupted, and none that nobody would
//! answer.

use crate::{
    attempt::{Attempt, one, statement, unplayed},
    check::Check,
    cx::Env,
    greet::Offer,
    lost::Lives,
    options::Options,
    outcome::inconclusive,
};
use squall_protocol::Version;
use squall_reports::{CheckResult, Verdict};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    rc::Rc,
};
use tokio::task::JoinSet;

/// A check in a version.
pub(crate) type Job = (&'static Check, Version);

/// So many interrupted checks are asked again. Where there are more, interrupting is what the target does.
const MOST_AGAIN: usize = 32;
/// So many checks that settled nothing are asked again, when less goes on. Where there are more, it is not the moment.
const MOST_DOUBTFUL: usize = 8;
const ALONE: &str = "and when it was asked again, alone";
const FRESH: &str = "and when it was asked again, alone, of a target that was just started";

/// Where the checks of a run stand.
pub(crate) struct Course<'r, 'p> {
    env: &'r Rc<Env>,
    options: &'r Options,
    jobs: &'r [Job],
    offers: &'r [Offer; 2],
    results: &'r mut [Option<CheckResult>],
    progress: &'r mut (dyn FnMut(usize, &CheckResult) + 'p),
    done: usize,
    lives: Lives<'r>,
    /// Interrupted checks, with what came of them so far.
    interrupted: BTreeMap<usize, CheckResult>,
    /// Checks that settled nothing when they were asked among all others, with what came of them; `None` once they are
    /// asked again.
    doubtful: Option<BTreeMap<usize, CheckResult>>,
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
            lives: Lives::new(env, offers),
            interrupted: BTreeMap::new(),
            doubtful: Some(BTreeMap::new()),
        }
    }

    /// Plays all checks; gives those that were not asked, because the target was lost.
    pub(crate) async fn run(mut self) -> BTreeSet<usize> {
        let mut queue: VecDeque<usize> = (0..self.jobs.len()).collect();
        loop {
            self.crowd(&mut queue).await;
            if queue.is_empty() || !self.lives.come_back().await {
                break;
            }
        }
        self.doubtful_again().await;
        if self.interrupted.len() <= MOST_AGAIN || self.lives.may_be_started() {
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
                let round = if self.doubtful.is_some() { 0 } else { 3 };
                let attempt = self.attempt(index, round * self.jobs.len() + index);
                running.spawn_local(async move { (index, attempt.await) });
            }
            match running.join_next().await {
                None => break,
                // The panic of a check is caught inside its task; what is left here is a task that was cancelled.
                Some(Err(_)) => continue,
                Some(Ok((index, attempt))) if attempt.interrupted => {
                    self.interrupted.insert(index, attempt.found);
                }
                Some(Ok((index, attempt))) => match self.doubtful.as_mut() {
                    Some(doubtful) if !attempt.settled => {
                        doubtful.insert(index, attempt.found);
                    }
                    _ => self.finish(index, attempt.found),
                },
            }
        }
    }

    /// Asks the few checks once more that settled nothing: what they waited for may have been late where much went on.
    async fn doubtful_again(&mut self) {
        let mut before = self.doubtful.take().unwrap_or_default();
        if before.len() <= MOST_DOUBTFUL {
            let mut queue: VecDeque<usize> = before.keys().copied().collect();
            self.crowd(&mut queue).await;
            before.retain(|index, _| queue.contains(index));
        }
        for (index, found) in before {
            self.finish(index, found);
        }
    }

    /// Asks each interrupted check once more, alone, so that nobody else has to do with what happens then.
    async fn again(&mut self) {
        for index in self.interrupted.keys().copied().collect::<Vec<_>>() {
            if self.env.gone.get().is_some() && !self.lives.come_back().await {
                return;
            }
            let second = self.attempt(index, self.jobs.len() + index).await;
            let Some(first) = self.interrupted.remove(&index) else {
                continue;
            };
            let lost = second.interrupted && self.env.gone.get().is_some();
            let found = match second.interrupted {
                false => second.found,
                true if lost && self.lives.may_be_started() => {
                    self.on_a_fresh_start(index, second.found).await
                }
                true => twice(&first, second.found, ALONE),
            };
            self.finish(index, found);
        }
    }

    /// Asks a check alone, of a target that was just started anew, after it was lost once to this check alone. One that
    /// is dead again can serve nobody, and nobody else has to do with it.
    async fn on_a_fresh_start(&mut self, index: usize, before: CheckResult) -> CheckResult {
        if !self.lives.start_anew().await {
            return before;
        }
        let attempt = self.attempt(index, 2 * self.jobs.len() + index).await;
        if !attempt.interrupted {
            return attempt.found;
        }
        let death = match self.env.gone.get() {
            Some(_) => self.lives.death().await,
            None => None,
        };
        match death {
            Some(how) => deadly(attempt.found, self.jobs[index].1, &how),
            None => twice(&before, attempt.found, FRESH),
        }
    }

    /// The check `index`, under names of its own.
    fn attempt(&self, index: usize, number: usize) -> impl Future<Output = Attempt> + use<> {
        let (check, version) = self.jobs[index];
        let missing = self
            .options
            .lacks
            .iter()
            .find(|lack| lack.covers(check, version));
        one(
            Rc::clone(self.env),
            (check, version),
            number,
            self.offers[version as usize].clone(),
            missing.map(|lack| lack.reason.clone()),
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
        let how = match &self.lives.trouble {
            Some(trouble) => format!("{how}, and {trouble}"),
            None => how.to_owned(),
        };
        let outcome = inconclusive(format!("{how}, so {rest}"));
        self.finish(first, unplayed(check, version, outcome));
        queue.into_iter().collect()
    }
}

/// The later of two results, with what both say.
fn twice(first: &CheckResult, second: CheckResult, when: &str) -> CheckResult {
    let message = format!("{}; {when}: {}", first.message, second.message);
    CheckResult { message, ..second }
}

/// The result of a check that a target did not survive twice, alone and the second time just started.
fn deadly(found: CheckResult, version: Version, how: &str) -> CheckResult {
    // [MQTT-3.1.4-4] (3.1.1), [MQTT-3.1.4-5] (5.0): who sends a CONNECT is answered.
    let broken = match version {
        Version::V3_1_1 => "MQTT-3.1.4-4",
        Version::V5_0 => "MQTT-3.1.4-5",
    };
    let mut statements = vec![statement(version, broken)];
    statements.extend(found.statements.into_iter().filter(|s| s.id != broken));
    let mut evidence = found.evidence;
    evidence.events.iter_mut().for_each(|e| e.highlight = false);
    if let Some(last) = evidence.events.last_mut() {
        last.highlight = true;
    }
    CheckResult {
        verdict: Verdict::Fail,
        message: format!(
            "the target does not survive this and can serve nobody: {how}, twice when it was asked this alone, the \
             second time just started; {}",
            found.message
        ),
        statements,
        evidence,
        ..found
    }
}
