//! The turned world: the reference broker in this process, and clients that somebody else wrote. The director, the link
//! model and the taps are those of the live world, and so is time; only the stranger stands at the other end.
//!
//! Each client of the story has a listener of its own, so that nobody has to believe whose connection it is. A connection
//! passes a [`socket`] where its packets are seen, the client's tap, and the link model, and ends at the broker's async
//! driver. What a client does besides sending packets its [`Foreign`] tells. The trace has both ends: the broker's as
//! the broker tells it, the client's as the bytes at its socket tell it.
//!
//! The one who observes for the story's expectations is a client of ours.

mod adapter;
mod broker;
mod foreign;
mod part;
mod player;
mod socket;
mod stop;

pub use adapter::Adapters;
pub use foreign::{Foreign, Hired, Hiring, Told, Troupe};
pub use stop::Stop;

use super::{
    Played,
    live::{
        self, Halt, Reach, Room,
        stage::{Script, Stage},
    },
};
use broker::Callers;
use player::Player;
use socket::{Door, Sockets};
use squall_protocol::Version;
use squall_scenarios::{
    model::{ClientIx, Scenario},
    plan::OBSERVER,
};
use squall_transport::Memory;
use stop::Verdict;

/// What is played.
#[derive(Clone, Copy)]
pub struct Play<'a> {
    /// The plan (see [`squall_scenarios::plan`]).
    pub plan: &'a Scenario,
    /// MQTT version of every client.
    pub version: Version,
    /// Seed of the link model.
    pub seed: u64,
    /// Where the clients come from.
    pub troupe: &'a dyn Troupe,
    /// Room for the packets of all runs that are played at once.
    pub room: &'a Room,
    /// When it is called the run is given up.
    pub halt: &'a Halt,
}

impl std::fmt::Debug for Play<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Play")
            .field("plan", &self.plan.name)
            .field("version", &self.version)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

/// Plays it. Call it inside of a [`tokio::task::LocalSet`] on a runtime with time and I/O.
///
/// # Errors
/// Why it was not played to its end.
///
/// # Panics
/// When a driver of ours panics: that is a bug of Squall and must not pass for a verdict.
pub async fn play(play: Play<'_>) -> Result<Played, Stop> {
    let mut cast = Vec::new();
    for (client, spec) in play.plan.clients.iter().enumerate() {
        cast.push(match spec.name == OBSERVER {
            true => None,
            false => Some(hire(&play, client).await?),
        });
    }
    // Time begins when everybody is there.
    let mut stage = Stage::build(Script {
        plan: play.plan,
        version: play.version,
        seed: play.seed,
        room: play.room,
        halt: play.halt,
    });
    let verdict = Verdict::default();
    let (callers, scripts) = broker::serve(&stage.scene, play.plan, play.version);
    stage.scripted(scripts);
    for ((client, spec), hired) in play.plan.clients.iter().enumerate().zip(cast) {
        match hired {
            Some((foreign, door)) => {
                let (tap, commands) = stage.cast(spec);
                let sockets = Sockets::new(client, tap, stage.scene.clone(), callers.clone());
                let player = Player::new(&spec.name, foreign, sockets.clone(), verdict.clone());
                let mut tasks = stage.scene.tasks.borrow_mut();
                tasks.spawn_local(player.play(commands));
                tasks.spawn_local(sockets.open(door));
            }
            None => {
                let reach = ours(&stage, client, &callers);
                live::start(&mut stage, client, spec, &reach, None);
            }
        }
    }
    let played = stage.run(|| verdict.is_stopped()).await;
    match (played, verdict.take()) {
        (Some(played), None) => Ok(played),
        (_, Some(why)) => Err(why),
        (None, None) => Err(Stop::Halted),
    }
}

/// Gets a client, and opens the door through which it will come.
async fn hire(play: &Play<'_>, client: ClientIx) -> Result<(Box<dyn Foreign>, Door), Stop> {
    let (door, endpoint) = match play.troupe.in_memory() {
        true => Door::in_memory(),
        false => Door::over_tcp().await.map_err(|error| {
            Stop::Lost(format!("no listener on 127.0.0.1 for the client: {error}"))
        })?,
    };
    let hiring = play.troupe.hire(Hiring {
        version: play.version,
        client,
        name: &play.plan.clients[client].name,
        plan: play.plan,
        endpoint,
    });
    Ok((hiring.await?, door))
}

/// The way to the broker for a client of ours.
fn ours(stage: &Stage<'_>, client: ClientIx, callers: &Callers) -> Reach {
    let (memory, listener) = Memory::listen();
    let forward = callers.clone().forward(client, listener);
    stage.scene.tasks.borrow_mut().spawn_local(forward);
    Reach {
        endpoint: memory.into(),
        login: None,
    }
}
