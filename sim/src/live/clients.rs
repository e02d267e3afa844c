//! Stories told to clients that somebody else wrote: each with a broker of its own, which is ours.

use super::{
    confirm::{AGAIN, confirm},
    pace::{LATE, give_time, settle_longer, takes},
    runs::{self, End, Ended, One, Outcome, ROOM, WORLD, not_played},
};
use crate::{
    judge::Sight,
    run::{CRASHES, Case, Said},
    world::{
        live::{Halt, Room},
        turned::{Play, Stop, Troupe, play},
    },
};
use squall_protocol::Version;
use squall_scenarios::{model::Scenario, plan::plan};
use std::{
    collections::BTreeSet,
    fmt,
    rc::Rc,
    sync::atomic::{AtomicBool, AtomicU64},
    time::Duration,
};
use tokio::{join, task::LocalSet};

/// What to play with clients that somebody else wrote.
pub struct Clients {
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
    /// Where the clients come from.
    pub troupe: Rc<dyn Troupe>,
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients")
            .field("scenarios", &self.scenarios.len())
            .field("versions", &self.versions)
            .field("seeds", &self.seeds)
            .field("jobs", &self.jobs)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

impl Clients {
    /// How many runs that is.
    #[must_use]
    pub fn count(&self) -> u64 {
        runs::of(&self.scenarios, &self.versions, self.seeds).len() as u64
    }

    /// Plays everything, and hands each result on as [`super::Live::run`] does. It ends early when `stop` is set, or when
    /// what drives a client is of no more use.
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
    ) -> End {
        let (room, halt) = (Room::new(ROOM), Halt::when(stop));
        let tell = |_, one: One| {
            let teller = Teller {
                patience: self.patience,
                troupe: Rc::clone(&self.troupe),
                room: room.clone(),
                halt: halt.clone(),
            };
            async move { teller.tell(&one).await }
        };
        let list = runs::of(&self.scenarios, &self.versions, self.seeds);
        let all = runs::all(list, self.jobs, done, &halt, tell, each);
        LocalSet::new().run_until(all).await
    }
}

/// Tells one story, and again where there is a finding.
struct Teller {
    patience: Duration,
    troupe: Rc<dyn Troupe>,
    room: Room,
    halt: Halt,
}

impl Teller {
    async fn tell(&self, one: &One) -> Outcome {
        let version = one.version;
        let found = |result| Some(Ended { version, result });
        let limit = match self
            .unfit(one)
            .map_or_else(|| takes(one, self.patience), Err)
        {
            // Where a client stops, the story stops, too.
            Ok(lasts) => lasts + 2 * LATE + self.patience / 3,
            Err(reason) => return (found(not_played(one, reason)), None),
        };
        let mut said = match self.once(one, limit).await {
            Ok(said) => said,
            Err(Stop::Unfit(what)) => {
                let reason = format!("the client cannot do it: {what}");
                return (found(not_played(one, reason)), None);
            }
            Err(stop) => return (None, Some(end(stop))),
        };
        let (mut again, mut last) = (Vec::new(), None);
        if !said.result.findings.is_empty() {
            // Each has a broker and clients of its own, so they can be told at the same time.
            let told: [_; AGAIN] = join!(self.once(one, limit), self.once(one, limit)).into();
            for once in told {
                match once {
                    Ok(more) => again.push(more),
                    // What was found counts, whatever keeps it from being told again.
                    Err(stop) => last = Some(end(stop)),
                }
            }
            confirm(&mut said, &again);
        }
        (found(said.result), last)
    }

    /// Why the story is not played, if so.
    fn unfit(&self, one: &One) -> Option<String> {
        let mut spoken = one.scenario.spoken(one.version).into_iter();
        if let Some(why) = spoken.find_map(|version| self.troupe.lacks(version)) {
            return Some(why);
        }
        let mut ids = BTreeSet::new();
        let ids_differ = one
            .scenario
            .clients
            .iter()
            .all(|c| ids.insert(c.client_id.as_str()));
        if !ids_differ {
            return Some("clients of the story have one session in turn".to_owned());
        }
        if one.scenario.clients.iter().any(|c| c.scripted) {
            return Some("the story says itself what a client sends, packet by packet".to_owned());
        }
        one.scenario.crashes().then(|| CRASHES.to_owned())
    }

    /// Tells it once, in real time until this limit at the most.
    async fn once(&self, one: &One, limit: Duration) -> Result<Said, Stop> {
        let mut plan = plan(&one.scenario, one.seed);
        give_time(&mut plan.steps);
        settle_longer(&mut plan.steps);
        plan.limit = limit.min(plan.limit + self.patience);
        let played = play(Play {
            plan: &plan,
            version: one.version,
            seed: one.seed,
            troupe: &*self.troupe,
            room: &self.room,
            halt: &self.halt,
        })
        .await?;
        let case = Case {
            plan: &plan,
            version: one.version,
            seed: one.seed,
            world: WORLD,
            sight: Sight::OF_CLIENTS,
        };
        Ok(case.verdict(&played))
    }
}

fn end(stop: Stop) -> End {
    match stop {
        Stop::Halted => End::Stopped,
        Stop::Unfit(why) | Stop::Lost(why) => End::Lost(why),
    }
}
