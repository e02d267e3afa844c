//! Stories told to a broker that runs somewhere, many at a time, each in a corner of its own.
//!
//! A finding is confirmed by telling the story again. What is on the wire stands once it was seen; that something did
//! not happen is believed only when it did not happen again.

mod clients;
mod confirm;
mod left;
mod needs;
mod pace;
mod runs;
mod servers;
mod strays;

pub use crate::offer::Offer;
pub use clients::Clients;
pub use left::Left;
pub use runs::{End, Ended, WORLD};
pub use strays::BETWEEN;

use crate::{
    judge::{Ends, Sight},
    run::{Case, Run, Said, untold},
    trace::What,
    world::{
        Played,
        live::{Aside, FULL, Halt, Play, Reach, Room, play},
    },
};
use confirm::{AGAIN, confirm};
use needs::needs;
use pace::{LATE, give_time, settle_longer, too_long};
use runs::{One, Outcome, ROOM, not_played};
use servers::Servers;
use squall_client::{EndCause, Event};
use squall_protocol::Version;
use squall_scenarios::{model::Scenario, moved, plan::plan};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::atomic::{AtomicBool, AtomicU64},
    time::Duration,
};
use strays::Strays;
use tokio::{
    task::{LocalSet, yield_now},
    time::{Instant, sleep, timeout},
};

/// A story that takes longer is told three times at once, so that a finding in it does not take three times as long.
const LONG: Duration = Duration::from_secs(50);
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
    /// Others of the same product; they are told stories too where `bears` is given.
    pub others: Vec<Reach>,
    /// How many stories each broker is told at once; as many as `jobs` says when it is not given.
    pub bears: Option<usize>,
    /// What the broker offers, by version, or why it does not take clients of it. Of what is missing nothing is known.
    pub offers: BTreeMap<Version, Result<Offer, String>>,
}

impl Live {
    /// How many runs that is.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.runs().len() as u64
    }

    fn runs(&self) -> Vec<One> {
        runs::of(&self.scenarios, &self.versions, self.seeds)
    }

    /// Plays everything, and hands each result on in the order of scenario, version and seed, as soon as it and all
    /// before it are there. Set `stop` to end early: runs under way are given up. With a broker that goes away, or sends
    /// without end, it ends early too; stories that were told by then and found something are handed on. Where the broker
    /// hands messages of one story to clients of another, a result [`BETWEEN`] for each version says so in the end.
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
        mut each: impl FnMut(Ended),
    ) -> (End, BTreeSet<Left>) {
        let (left, strays) = (Rc::default(), Rc::default());
        let servers = Servers::new(&self.reach, &self.others, self.bears);
        let (room, halt) = (Room::new(ROOM), Halt::when(stop));
        let tell = |n: usize, one: One| {
            let teller = self.teller(n, &room, (&servers, &left, &strays), &halt);
            async move { teller.tell(&one).await }
        };
        let all = runs::all(self.runs(), self.jobs, done, &halt, tell, &mut each);
        let end = LocalSet::new().run_until(all).await;
        for (version, result) in strays.take().results() {
            each(Ended { version, result });
        }
        (end, left.take())
    }

    fn teller(
        &self,
        number: usize,
        room: &Room,
        (servers, left, strays): Shared<'_>,
        halt: &Halt,
    ) -> Teller {
        Teller {
            run: self.tag.clone(),
            tag: format!("{}{number}", self.tag),
            together: self.jobs > 1,
            patience: self.patience,
            servers: Rc::clone(servers),
            offers: self.offers.clone(),
            room: room.clone(),
            left: Rc::clone(left),
            strays: Rc::clone(strays),
            halt: halt.clone(),
        }
    }
}

/// What all who tell share.
type Shared<'s> = (
    &'s Rc<Servers>,
    &'s Rc<RefCell<BTreeSet<Left>>>,
    &'s Rc<RefCell<Strays>>,
);

/// Tells one story, and again where there is a finding.
struct Teller {
    /// The tag of the whole run.
    run: String,
    tag: String,
    /// Whether the broker may be told one story several times at once.
    together: bool,
    patience: Duration,
    servers: Rc<Servers>,
    offers: BTreeMap<Version, Result<Offer, String>>,
    room: Room,
    left: Rc<RefCell<BTreeSet<Left>>>,
    strays: Rc<RefCell<Strays>>,
    halt: Halt,
}

impl Teller {
    async fn tell(&self, one: &One) -> Outcome {
        let version = one.version;
        let found = |result| Some(Ended { version, result });
        let takes = match self.takes(one) {
            Ok(takes) => takes,
            Err(reason) => return (found(not_played(one, reason)), None),
        };
        // All stories that begin together are looked at first: that takes the time of those under way.
        yield_now().await;
        let (said, ahead) = match self.together && takes > LONG {
            true => {
                let (said, ahead) = tokio::join!(biased; self.once(one, 0), self.again(one));
                (said, Some(ahead))
            }
            false => (self.once(one, 0).await, None),
        };
        let mut said = match said {
            Ok(said) => said,
            Err(end) => return (None, Some(end)),
        };
        let (again, end) = match (said.result.findings.is_empty(), ahead) {
            (true, None) => (Vec::new(), None),
            (_, Some(told)) => told,
            // What was found counts, whatever keeps it from being told again.
            (false, None) => self.again(one).await,
        };
        if !said.result.findings.is_empty() {
            confirm(&mut said, &again);
        }
        (found(said.result), end)
    }

    /// Tells it twice more, and why that was not possible.
    async fn again(&self, one: &One) -> (Vec<Said>, Option<End>) {
        const { assert!(AGAIN == 2) };
        let told: [Result<Said, End>; AGAIN] = match self.together {
            true => tokio::join!(biased; self.once(one, 1), self.once(one, 2)).into(),
            false => match self.once(one, 1).await {
                Ok(said) => [Ok(said), self.once(one, 2).await],
                Err(end) => return (Vec::new(), Some(end)),
            },
        };
        let (mut again, mut end) = (Vec::new(), None);
        for said in told {
            match said {
                Ok(said) => again.push(said),
                Err(why) => end = Some(why),
            }
        }
        (again, end)
    }

    /// How long the story takes, or why it is not played: it is played in virtual time first, which shows that, and what it
    /// asks of a broker.
    fn takes(&self, one: &One) -> Result<Duration, String> {
        if let Some(why) = untold(&one.scenario) {
            return Err(why.to_owned());
        }
        for version in one.scenario.spoken(one.version) {
            if let Some(Err(why)) = self.offers.get(&version) {
                return Err(why.clone());
            }
        }
        let offer = self.offers.get(&one.version).and_then(|o| o.as_ref().ok());
        let judged = Run::new(&one.scenario, one.version, one.seed).judge();
        let unfit = too_long(&judged, self.patience).or_else(|| needs(&judged, offer));
        let takes = Duration::from_millis(judged.result.virtual_ms);
        unfit.map_or(Ok(takes), Err)
    }

    async fn once(&self, one: &One, attempt: usize) -> Result<Said, End> {
        let tag = format!("{}{}", self.tag, ["x", "y", "z"][attempt.min(AGAIN)]);
        let mut plan = moved(&plan(&one.scenario, one.seed), &tag);
        give_time(&mut plan.steps);
        settle_longer(&mut plan.steps);
        plan.limit += self.patience + LATE;
        self.left.borrow_mut().extend(left::by(&plan, one.version));
        let aside = Aside::new(&self.run, &tag);
        let place = self.servers.place().await;
        let played = play(Play {
            plan: &plan,
            version: one.version,
            seed: one.seed,
            reach: &place.reach,
            room: &self.room,
            halt: &self.halt,
            aside: &aside,
        })
        .await
        .ok_or(End::Stopped)?;
        self.strays.borrow_mut().look(one, &plan, &played, &aside);
        still_there(&played, &place.reach).await?;
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
}

/// Whether the broker is of any more use.
async fn still_there(played: &Played, reach: &Reach) -> Result<(), End> {
    let full = played.failure.as_ref().filter(|f| f.message == FULL);
    if let Some(failure) = full {
        let (what, at) = (&failure.message, failure.at);
        return Err(End::Lost(format!("{what}, in `{}` at {at}", failure.step)));
    }
    // One that has died ends connections, too.
    let failed = |event: &Event| {
        matches!(
            event,
            Event::Ended {
                cause: EndCause::DialFailed(_) | EndCause::Peer(_)
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
        let why = match timeout(AWAY, reach.endpoint.dial()).await {
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
