//! The live world: a broker that runs somewhere, over real sockets and in real time. Everything else is as in the
//! virtual worlds: the director, the clients' drivers, their taps, and the link model, which delays, loses and stops on
//! this side of each socket what the story says.
//!
//! Only the clients' ends of the connections are seen. Time is what [`tokio::time`] says, which tests can pause.

mod aside;
pub(super) mod dial;
mod halt;
mod introduction;
mod reach;
mod room;
pub(super) mod scene;
pub(super) mod stage;

pub use aside::Aside;
pub use halt::Halt;
pub use reach::{Login, Reach};
pub use room::Room;

use super::{Played, party::party};
use crate::{
    trace::{Node, What},
    world::live::stage::{Script, Stage},
};
use bytes::Bytes;
use dial::Dialer;
use introduction::introduce;
use squall_client::{Command, Machine, run_machine};
use squall_protocol::{Frame, Packet, Version, encode};
use squall_scenarios::model::{ClientIx, ClientSpec, Scenario};
use tokio::sync::mpsc;

pub(crate) use stage::FULL;

/// What is played live.
#[derive(Clone, Copy, Debug)]
pub struct Play<'a> {
    /// The plan (see [`squall_scenarios::plan`]). Its topics and Client Identifiers are used as they stand.
    pub plan: &'a Scenario,
    /// MQTT version of every client.
    pub version: Version,
    /// Seed of the link model.
    pub seed: u64,
    /// The broker.
    pub reach: &'a Reach,
    /// Room for the packets of all runs that are played at once.
    pub room: &'a Room,
    /// When it is called the run is given up.
    pub halt: &'a Halt,
    /// Where messages of other stories go.
    pub aside: &'a Aside,
}

/// Plays it; `None` when it was given up. Call it inside of a [`tokio::task::LocalSet`] on a runtime with time and I/O.
///
/// # Panics
/// When a driver panics: that is a bug of Squall and must not pass for a verdict.
pub async fn play(play: Play<'_>) -> Option<Played> {
    let mut stage = Stage::build(Script {
        plan: play.plan,
        version: play.version,
        seed: play.seed,
        room: play.room,
        halt: play.halt,
    });
    for (client, spec) in play.plan.clients.iter().enumerate() {
        start(&mut stage, client, spec, play.reach, Some(play.aside));
    }
    stage.run(|| false).await
}

/// Starts the driver of a client of ours.
pub(super) fn start(
    stage: &mut Stage<'_>,
    client: ClientIx,
    spec: &ClientSpec,
    reach: &Reach,
    aside: Option<&Aside>,
) {
    let (tap, commands) = stage.cast(spec);
    let dialer = Dialer {
        client,
        tap,
        endpoint: reach.endpoint.clone(),
        scene: stage.scene.clone(),
    };
    let scene = stage.scene.clone();
    let (secret, aside) = (reach.login.is_some(), aside.cloned());
    // The driver counts from its own beginning; one clock is enough for all.
    let observer = move |_, event: &squall_client::Event| {
        if let Some(aside) = &aside
            && aside.takes(client, event, &scene)
        {
            return;
        }
        let event = match event {
            squall_client::Event::Sent(frame) if secret => {
                squall_client::Event::Sent(without_password(frame))
            }
            event => event.clone(),
        };
        scene.record(Node::Client(client), What::Client(event));
    };
    let driver = drive(party(spec), dialer, commands, reach.login.clone(), observer);
    stage.scene.tasks.borrow_mut().spawn_local(driver);
}

/// Drives a client; each CONNECT says who it is.
async fn drive(
    machine: Box<dyn Machine>,
    dialer: Dialer,
    mut commands: mpsc::UnboundedReceiver<Command>,
    login: Option<Login>,
    observer: impl FnMut(squall_protocol::Time, &squall_client::Event),
) {
    let Some(login) = login else {
        return run_machine(machine, dialer, commands, observer).await;
    };
    let (known, driven) = mpsc::unbounded_channel();
    let introduced = async move {
        while let Some(mut command) = commands.recv().await {
            introduce(&mut command, &login);
            if known.send(command).is_err() {
                return;
            }
        }
    };
    tokio::join!(biased; introduced, run_machine(machine, dialer, driven, observer));
}

/// The frame, with stars in the place of a password: it has no place in a trace.
fn without_password(frame: &Frame) -> Frame {
    let mut frame = frame.clone();
    if let Packet::Connect(connect) = &mut frame.packet
        && let Some(password) = &mut connect.password
    {
        *password = Bytes::from_static(b"***");
        let version = connect.version;
        // Only what was read from bytes is sent, so it can be written.
        if let Ok(bytes) = encode(&frame.packet, version) {
            frame.bytes = bytes;
        }
    }
    frame
}
