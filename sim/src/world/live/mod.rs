//! The live world: a broker that runs somewhere, over real sockets and in real time. Everything else is as in the
//! virtual worlds: the director, the clients' drivers, their taps, and the link model, which delays, loses and stops on
//! this side of each socket what the story says.
//!
//! Only the clients' ends of the connections are seen. Time is what [`tokio::time`] says, which tests can pause.

mod dial;
mod halt;
pub(crate) mod line;
mod reach;
mod room;
mod scene;

pub use halt::Halt;
pub use reach::{Login, Reach};
pub use room::Room;

use super::Played;
use crate::{
    director::{Director, packet_bytes},
    net::{Delivery, Network},
    order::Order,
    tap::{Taps, ending, place},
    trace::{Node, Trace, What},
};
use bytes::Bytes;
use dial::Dialer;
use line::Parcel;
use room::Taken;
use scene::{Scene, Shared, Tasks};
use squall_client::{Backoff, Command};
use squall_protocol::{Frame, Packet, Time, Version, encode};
use squall_scenarios::model::{ClientIx, ClientSpec, Scenario};
use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, sleep_until},
};

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
}

/// How soon a run notices that it is given up.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Bytes that a record takes beside those of its packet, about.
const RECORD: u64 = 256;
/// What is said when there is no room left.
pub(crate) const FULL: &str = "the broker sent more than there is room for";
/// The longest sleep; tokio's timers know no end of time.
const LONGEST: Duration = Duration::from_secs(3600);

/// Plays it; `None` when it was given up. Call it inside of a [`tokio::task::LocalSet`] on a runtime with time and I/O.
///
/// # Panics
/// When a driver panics: that is a bug of Squall and must not pass for a verdict.
pub async fn play(play: Play<'_>) -> Option<Played> {
    Stage::build(play).run().await
}

struct Stage<'a> {
    play: Play<'a>,
    director: Director<'a>,
    scene: Scene,
    taps: Vec<Taps>,
    commands: Vec<mpsc::UnboundedSender<Command>>,
    /// Records the director has seen.
    observed: usize,
    taken: Taken,
}

/// Ends all tasks of a run: they know the scene, and the scene knows them.
struct Curtain(Tasks);

impl Drop for Curtain {
    fn drop(&mut self) {
        drop(self.0.take());
    }
}

impl<'a> Stage<'a> {
    fn build(play: Play<'a>) -> Self {
        let plan = play.plan;
        let shared = Shared {
            start: Instant::now(),
            trace: Trace::new(),
            net: Network::new(play.seed, plan.clients.iter().map(|c| c.link)),
            lines: Vec::new(),
        };
        Self {
            play,
            director: Director::new(plan, play.version),
            scene: Scene {
                shared: Rc::new(RefCell::new(shared)),
                news: Rc::new(Notify::new()),
                tasks: Tasks::default(),
            },
            taps: Vec::new(),
            commands: Vec::new(),
            observed: 0,
            taken: Taken::of(play.room),
        }
    }

    async fn run(mut self) -> Option<Played> {
        let _curtain = Curtain(Rc::clone(&self.scene.tasks));
        for (client, spec) in self.play.plan.clients.iter().enumerate() {
            self.start(client, spec);
        }
        let mut looked = Instant::now();
        loop {
            if self.direct() {
                break;
            }
            self.deliver();
            self.observe();
            if looked.elapsed() >= LOOK_AGAIN {
                looked = Instant::now();
                if self.play.halt.is_called() {
                    return None;
                }
            }
            self.wait().await;
        }
        let waited: Vec<_> = self.taps.iter().map(Taps::waited).collect();
        let mut shared = self.scene.shared.borrow_mut();
        Some(Played {
            end: shared.now(),
            trace: std::mem::take(&mut shared.trace),
            failure: self.director.failure().cloned(),
            faults: self.director.into_fates(shared.net.tallies(), &waited),
            fallen: None,
        })
    }

    /// Starts a client's driver.
    fn start(&mut self, client: ClientIx, spec: &ClientSpec) {
        let (sender, commands) = mpsc::unbounded_channel();
        if let Some(r) = spec.reconnect {
            let (first, max) = (r.first, r.max);
            let backoff = Command::Backoff(Some(Backoff { first, max }));
            sender.send(backoff).expect("the receiver is right here");
        }
        let tap = Taps::new();
        let dialer = Dialer {
            client,
            tap: tap.clone(),
            endpoint: self.play.reach.endpoint.clone(),
            scene: self.scene.clone(),
        };
        let scene = self.scene.clone();
        let secret = self.play.reach.login.is_some();
        // The driver counts from its own beginning; one clock is enough for all.
        let observer = move |_, event: &squall_client::Event| {
            let event = match event {
                squall_client::Event::Sent(frame) if secret => {
                    squall_client::Event::Sent(without_password(frame))
                }
                event => event.clone(),
            };
            scene.record(Node::Client(client), What::Client(event));
        };
        let driver = squall_client::run(dialer, commands, observer);
        self.scene.tasks.borrow_mut().spawn_local(driver);
        self.taps.push(tap);
        self.commands.push(sender);
    }

    /// Waits until there is something to do.
    async fn wait(&self) {
        let next = {
            let shared = self.scene.shared.borrow();
            let director = self.director.next_at().map(Time::as_millis);
            let due = director.into_iter().chain(shared.net.next_at()).min();
            let after = due.map_or(LONGEST, Duration::from_millis).min(LONGEST);
            (shared.start + after).min(Instant::now() + LOOK_AGAIN)
        };
        let (mut news, mut timer) = (pin!(self.scene.news.notified()), pin!(sleep_until(next)));
        poll_fn(|cx| {
            self.look_after(cx);
            if news.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            timer.as_mut().poll(cx)
        })
        .await;
    }

    /// Resumes the panic of a task.
    fn look_after(&self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some(ended)) = self.scene.tasks.borrow_mut().poll_join_next(cx) {
            if let Err(error) = ended
                && error.is_panic()
            {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }

    /// Shows the director what has happened since it last looked.
    fn observe(&mut self) {
        let shared = self.scene.shared.borrow();
        let mut bytes = 0;
        for record in &shared.trace.records()[self.observed..] {
            self.director.observe(record);
            // A record takes room beside its packet.
            bytes += packet_bytes(record) + RECORD;
        }
        self.observed = shared.trace.records().len();
        if !self.taken.take(bytes) {
            self.director.break_off(FULL);
        }
    }

    /// Lets the director act; true when the story is over.
    fn direct(&mut self) -> bool {
        let orders = {
            let shared = self.scene.shared.borrow();
            self.director.act(shared.now(), shared.net.tallies())
        };
        let finished = self.director.is_finished();
        for order in orders {
            let mut shared = self.scene.shared.borrow_mut();
            shared.record(Node::Director, What::Order(order.clone()));
            drop(shared);
            if !finished {
                self.carry_out(order);
            }
        }
        self.observe();
        finished
    }

    fn carry_out(&mut self, order: Order) {
        let now = self.scene.shared.borrow().now().as_millis();
        let net = |change: &mut dyn FnMut(&mut Network<Parcel>)| {
            change(&mut self.scene.shared.borrow_mut().net);
        };
        match order {
            Order::Client(client, command) => {
                let command = self.known(*command);
                // A driver that has ended has panicked, which is told elsewhere.
                let _ = self.commands[client].send(command);
            }
            Order::Link(client, change) => net(&mut |net| net.change(client, change)),
            Order::Block(client, way, blocked) => {
                net(&mut |net| net.block(client, way, blocked));
            }
            Order::Nudge(client) => net(&mut |net| net.nudge(now, client)),
            Order::Arm(client, point, by) => self.taps[client].arm(place(point), ending(by)),
            Order::Disarm(client) => self.taps[client].disarm(),
            // Whether there was anything to cut is in the trace.
            Order::Cut(client, by) => {
                self.taps[client].cut(ending(by));
            }
        }
    }

    /// The command, with what the broker has to be told of who connects.
    fn known(&self, mut command: Command) -> Command {
        if let (Command::Connect(options), Some(login)) = (&mut command, &self.play.reach.login) {
            options.user_name = Some(login.user.clone());
            options.password = login.password.clone();
        }
        command
    }

    /// Delivers what the link model says is due.
    fn deliver(&self) {
        let shared = &mut *self.scene.shared.borrow_mut();
        let now = shared.now().as_millis();
        for Delivery {
            conn, way, payload, ..
        } in shared.net.advance(now)
        {
            match payload {
                // Who dialled may have given up.
                Parcel::Syn(through) => drop(through.send(())),
                parcel => {
                    if let Some(Some(line)) = shared.lines.get(conn) {
                        line.borrow_mut().deliver(way, parcel);
                    }
                }
            }
        }
    }
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
