//! Stories told to a broker that runs somewhere, many at a time, each in a corner of its own.
//!
//! A finding is confirmed by telling the story again. What is on the wire stands once it was seen; that something did
//! not happen is believed only when it did not happen again.

mod confirm;
mod left;
mod needs;

pub use left::Left;
pub use needs::Offer;

use crate::{
    judge::{Ends, Sight},
    run::{Case, Run, Said},
    trace::What,
    world::{
        Played,
        live::{FULL, Halt, Play, Reach, Room, play},
    },
};
use confirm::{AGAIN, confirm};
use needs::needs;
use squall_client::{EndCause, Event};
use squall_protocol::Version;
use squall_reports::{SimResult, Verdict, in_words};
use squall_scenarios::{
    model::{Scenario, Settle, Step, StepKind},
    moved,
    plan::plan,
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    panic::resume_unwind,
    rc::Rc,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};
use tokio::{
    task::{JoinError, JoinSet, LocalSet},
    time::{Instant, sleep, timeout},
};

/// A stranger may take this much longer over a step than the story gives it.
const LATE: Duration = Duration::from_secs(5);
/// What the world of such runs is called in results.
pub const WORLD: &str = "live";
/// Bytes of packets that all stories together may have taken at a time.
const ROOM: u64 = 64 << 20;
/// How long a broker that no longer accepts connections is given to come back.
const AWAY: Duration = Duration::from_secs(2);

/// What to play live.
#[derive(Clone, Debug)]
pub struct Live {
    /// The scenarios, in order.
    pub scenarios: Vec<Scenario>,
    /// Versions to run; a scenario runs with those of them that it names itself.
    pub versions: Vec<Version>,
    /// First and last seed (the last not included).
    pub seeds: (u64, u64),
    /// Stories that are told at once; at least 1.
    pub jobs: usize,
    /// A story that takes longer is not played.
    pub patience: Duration,
    /// Letters and digits that nobody else on this broker uses: topics, share names and Client Identifiers of the run
    /// begin with it. At most 10: with the number of the run, Client Identifiers stay within 23.
    pub tag: String,
    /// The broker.
    pub reach: Reach,
    /// What the broker offers, by version, or why it does not take clients of it. Of what is missing nothing is known.
    pub offers: BTreeMap<Version, Result<Offer, String>>,
}

/// A run that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// With which version.
    pub version: Version,
    /// What was found.
    pub result: SimResult,
}

/// How it all ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Every story was told.
    Whole,
    /// It was stopped.
    Stopped,
    /// The broker is of no more use; why.
    Lost(String),
}

/// One run that is to be played.
struct One {
    scenario: Rc<Scenario>,
    version: Version,
    seed: u64,
}

impl Live {
    /// How many runs that is.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.runs().len() as u64
    }

    fn runs(&self) -> Vec<One> {
        let mut runs = Vec::new();
        for scenario in &self.scenarios {
            let scenario = Rc::new(scenario.clone());
            let versions = scenario.versions.iter();
            for version in versions.filter(|v| self.versions.contains(v)) {
                for seed in self.seeds.0..self.seeds.1 {
                    let scenario = Rc::clone(&scenario);
                    let version = *version;
                    runs.push(One {
                        scenario,
                        version,
                        seed,
                    });
                }
            }
        }
        runs
    }

    /// Plays everything, and hands each result on in the order of scenario, version and seed, as soon as it and all
    /// before it are there. Set `stop` to end early: runs under way are given up. With a broker that goes away, or sends
    /// without end, it ends early too; stories that were told by then and found something are handed on.
    ///
    /// `done` counts runs as they end. Gives how it ended, and what may be left on the broker.
    ///
    /// Needs a tokio runtime with time and I/O.
    ///
    /// # Panics
    /// When Squall itself is at fault in a run.
    pub async fn run(
        &self,
        done: &AtomicU64,
        stop: &'static AtomicBool,
        each: impl FnMut(Ended),
    ) -> (End, BTreeSet<Left>) {
        let left = Rc::default();
        let end = LocalSet::new()
            .run_until(self.all(done, stop, &left, each))
            .await;
        (end, left.take())
    }

    async fn all(
        &self,
        done: &AtomicU64,
        stop: &'static AtomicBool,
        left: &Rc<RefCell<BTreeSet<Left>>>,
        mut each: impl FnMut(Ended),
    ) -> End {
        let room = Room::new(ROOM);
        let halt = Halt::when(stop);
        let mut waiting = self.runs().into_iter().enumerate();
        let mut running = JoinSet::new();
        let mut told: BTreeMap<usize, Ended> = BTreeMap::new();
        let mut next = 0;
        let mut end = End::Whole;
        while end == End::Whole {
            while running.len() < self.jobs.max(1)
                && let Some((n, one)) = waiting.next()
            {
                let teller = self.teller(n, &room, left, &halt);
                running.spawn_local(async move { (n, teller.tell(&one).await) });
            }
            match running.join_next().await {
                None => break,
                Some(joined) => end = ended(joined, done, &mut told).unwrap_or(end),
            }
            while let Some(one) = told.remove(&next) {
                next += 1;
                each(one);
            }
        }
        // What was found counts, whatever became of the rest: who has found something says so soon.
        halt.call();
        while let Some(joined) = running.join_next().await {
            ended(joined, done, &mut told);
        }
        told.into_values().for_each(each);
        end
    }

    fn teller(
        &self,
        number: usize,
        room: &Room,
        left: &Rc<RefCell<BTreeSet<Left>>>,
        halt: &Halt,
    ) -> Teller {
        Teller {
            tag: format!("{}{number}", self.tag),
            patience: self.patience,
            reach: self.reach.clone(),
            offers: self.offers.clone(),
            room: room.clone(),
            left: Rc::clone(left),
            halt: halt.clone(),
        }
    }
}

/// Tells one story, and again where there is a finding.
struct Teller {
    tag: String,
    patience: Duration,
    reach: Reach,
    offers: BTreeMap<Version, Result<Offer, String>>,
    room: Room,
    left: Rc<RefCell<BTreeSet<Left>>>,
    halt: Halt,
}

/// What came of a story, and why no more can be told, if so.
type Outcome = (Option<Ended>, Option<End>);

/// Keeps what was found; gives why no more can be told.
fn ended(
    joined: Result<(usize, Outcome), JoinError>,
    done: &AtomicU64,
    told: &mut BTreeMap<usize, Ended>,
) -> Option<End> {
    match joined {
        Ok((n, (one, end))) => {
            if let Some(one) = one {
                done.fetch_add(1, Ordering::Relaxed);
                told.insert(n, one);
            }
            end
        }
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(_) => None,
    }
}

impl Teller {
    async fn tell(&self, one: &One) -> Outcome {
        let version = one.version;
        let found = |result| Some(Ended { version, result });
        if let Some(reason) = self.unfit(one) {
            return (found(not_played(one, reason)), None);
        }
        let mut said = match self.once(one, 0).await {
            Ok(said) => said,
            Err(end) => return (None, Some(end)),
        };
        let (mut again, mut end) = (Vec::new(), None);
        if !said.result.findings.is_empty() {
            // What was found counts, whatever keeps it from being told again.
            for n in 1..=AGAIN {
                match self.once(one, n).await {
                    Ok(more) => again.push(more),
                    Err(why) => end = Some(why),
                }
                if end.is_some() {
                    break;
                }
            }
            confirm(&mut said, &again);
        }
        (found(said.result), end)
    }

    /// Why the story is not played, if so: it is played in virtual time first, which shows how long it takes and what
    /// it asks of a broker.
    fn unfit(&self, one: &One) -> Option<String> {
        let offer = match self.offers.get(&one.version) {
            Some(Err(why)) => return Some(why.clone()),
            Some(Ok(offer)) => Some(offer),
            None => None,
        };
        let judged = Run::new(&one.scenario, one.version, one.seed).judge();
        let takes = Duration::from_millis(judged.result.virtual_ms);
        let takes = takes + 2 * LATE;
        if takes > self.patience {
            let [takes, lasts] = [takes, self.patience].map(in_words);
            return Some(format!(
                "the story takes {takes}, and patience lasts {lasts}"
            ));
        }
        needs(&judged, offer)
    }

    async fn once(&self, one: &One, attempt: usize) -> Result<Said, End> {
        let tag = format!("{}{}", self.tag, ["x", "y", "z"][attempt.min(AGAIN)]);
        let mut plan = moved(&plan(&one.scenario, one.seed), &tag);
        give_time(&mut plan.steps);
        settle_longer(&mut plan.steps);
        plan.limit += self.patience + LATE;
        self.left.borrow_mut().extend(left::by(&plan, one.version));
        let played = play(Play {
            plan: &plan,
            version: one.version,
            seed: one.seed,
            reach: &self.reach,
            room: &self.room,
            halt: &self.halt,
        })
        .await
        .ok_or(End::Stopped)?;
        self.still_there(&played).await?;
        let case = Case {
            plan: &plan,
            version: one.version,
            seed: one.seed,
            world: WORLD,
            sight: Sight {
                ends: Ends::Clients,
                stranger: true,
            },
        };
        Ok(case.verdict(&played))
    }

    /// Whether the broker is of any more use.
    async fn still_there(&self, played: &Played) -> Result<(), End> {
        let full = played.failure.as_ref().filter(|f| f.message == FULL);
        if let Some(failure) = full {
            let (what, at) = (&failure.message, failure.at);
            return Err(End::Lost(format!("{what}, in `{}` at {at}", failure.step)));
        }
        let failed = |event: &Event| {
            matches!(
                event,
                Event::Ended {
                    cause: EndCause::DialFailed(_)
                }
            )
        };
        let records = played.trace.records().iter();
        let mut events = records.filter_map(|r| match &r.what {
            What::Client(event) => Some(event),
            _ => None,
        });
        if !events.any(failed) {
            return Ok(());
        }
        let until = Instant::now() + AWAY;
        loop {
            let why = match timeout(AWAY, self.reach.endpoint.dial()).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer".to_owned(),
            };
            if Instant::now() >= until {
                return Err(End::Lost(format!(
                    "it no longer accepts connections: {why}"
                )));
            }
            sleep(AWAY / 10).await;
        }
    }
}

/// What has not come by the middle of a story's last settle, and not in the time that a stranger may be late after it,
/// will not come.
fn settle_longer(steps: &mut [Step]) {
    let settles = steps
        .iter_mut()
        .rev()
        .find_map(|step| match &mut step.kind {
            StepKind::Settle(settle) => Some(settle),
            _ => None,
        });
    if let Some(Settle(time)) = settles {
        *time += 2 * LATE;
    }
}

/// Steps may take longer than with a broker whose times are exact.
fn give_time(steps: &mut [Step]) {
    for step in steps {
        match &mut step.kind {
            StepKind::Client {
                within: Some(within),
                ..
            } => *within += LATE,
            StepKind::Parallel(branches) => branches.iter_mut().for_each(|b| give_time(b)),
            StepKind::Timeline(entries) => {
                let steps = entries.iter_mut().map(|e| &mut e.step);
                steps.for_each(|step| give_time(std::slice::from_mut(step)));
            }
            _ => {}
        }
    }
}

/// The result of a run that is not played.
fn not_played(one: &One, reason: String) -> SimResult {
    SimResult {
        scenario: one.scenario.name.clone(),
        title: one.scenario.title.clone(),
        version: one.version.to_string(),
        seed: one.seed,
        world: WORLD.to_owned(),
        verdict: Verdict::NotApplicable,
        reason: Some(reason),
        trace_hash: String::new(),
        virtual_ms: 0,
        findings: Vec::new(),
        replay: None,
    }
}
