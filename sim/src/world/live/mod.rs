//! The live world: a broker that runs somewhere, over real sockets and in real time. Everything else is as in the
//! virtual worlds: the director, the clients' drivers, their taps, and the link model, which delays, loses and stops on
//! this side of each socket what the story says.
//!
//! Only the clients' ends of the connections are seen. Time is what [`tokio::time`] says, so that a run can be tested
//! on a paused clock with a broker in this process.

mod line;

use super::Played;
use crate::{
    director::{Director, Order, packet_bytes},
    net::{ConnIx, Delivery, Network, Way},
    tap::{Taps, ending, place},
    trace::{Node, Record, Trace, What},
};
use bytes::Bytes;
use line::{Line, Parcel, Post};
use squall_client::{Backoff, Command, Dial};
use squall_protocol::{Role, Text, Time, Version};
use squall_scenarios::model::{ClientIx, ClientSpec, CutBy, Scenario};
use squall_transport::{
    Endpoint, MemoryStream,
    tap::{Cut, Tapped},
};
use std::{
    cell::{Cell, RefCell},
    future::{Future, pending, poll_fn},
    io,
    pin::pin,
    rc::Rc,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// How a broker is reached.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Where it is.
    pub endpoint: Endpoint,
    /// The user name and the password of every client.
    pub login: Option<Login>,
}

/// Who a client says it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// User Name.
    pub user: Text,
    /// Password, if there is one.
    pub password: Option<Bytes>,
}

// A password has no place in a log.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

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
    /// When this is set the run is given up.
    pub stop: &'a AtomicBool,
}

/// Room for packets, in bytes, that several runs share: whatever a broker sends, memory does not fill.
#[derive(Clone, Debug)]
pub struct Room {
    left: Rc<Cell<u64>>,
}

impl Room {
    /// So many bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self {
            left: Rc::new(Cell::new(bytes)),
        }
    }
}

/// What a run has taken of the room. It gives it back when it goes.
struct Taken {
    room: Room,
    bytes: u64,
}

impl Taken {
    /// Whether there was room for so many more.
    fn take(&mut self, bytes: u64) -> bool {
        let left = self.room.left.get().checked_sub(bytes);
        if let Some(left) = left {
            self.room.left.set(left);
            self.bytes += bytes;
        }
        left.is_some()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.left.set(self.room.left.get() + self.bytes);
    }
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
/// When a driver panics: that is a defect of Squall and must not pass for a verdict.
pub async fn play(play: Play<'_>) -> Option<Played> {
    Stage::build(play).run().await
}

type Tasks = Rc<RefCell<JoinSet<()>>>;

/// What the clients and the one who plays the story share.
struct Shared {
    start: Instant,
    trace: Trace,
    net: Network<Parcel>,
    /// By connection, once it is open.
    lines: Vec<Option<Rc<RefCell<Line>>>>,
}

impl Shared {
    /// Whole milliseconds since the beginning; never less than what was written already.
    fn now(&self) -> Time {
        let now = Time::ZERO + self.start.elapsed();
        let written = self.trace.records().last().map_or(Time::ZERO, |r| r.at);
        now.max(written)
    }

    fn record(&mut self, node: Node, what: What) {
        let at = self.now();
        self.trace.push(Record { at, node, what });
    }
}

/// [`Shared`], and how to wake the one who plays.
#[derive(Clone)]
struct Scene {
    shared: Rc<RefCell<Shared>>,
    news: Rc<Notify>,
    tasks: Tasks,
}

impl Scene {
    fn record(&self, node: Node, what: What) {
        self.shared.borrow_mut().record(node, what);
        self.news.notify_one();
    }
}

impl Post for Scene {
    fn post(&mut self, conn: ConnIx, way: Way, parcel: Parcel) -> bool {
        let shared = &mut *self.shared.borrow_mut();
        let now = shared.now().as_millis();
        self.news.notify_one();
        shared.net.send(now, conn, way, parcel.kind(), parcel)
    }
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
            taken: Taken {
                room: play.room.clone(),
                bytes: 0,
            },
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
                if self.play.stop.load(Ordering::Relaxed) {
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
        // The driver counts from its own beginning; one clock is enough for all.
        let observer = move |_, event: &squall_client::Event| {
            scene.record(Node::Client(client), What::Client(event.clone()));
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

/// Dials the broker for one client; every stream goes through the client's tap.
struct Dialer {
    client: ClientIx,
    tap: Taps,
    endpoint: Endpoint,
    scene: Scene,
}

impl Dial for Dialer {
    type Stream = Tapped<MemoryStream>;

    // Not an `async fn`: the dial counts from the call, not from the first poll.
    fn dial(&mut self) -> impl Future<Output = io::Result<Self::Stream>> {
        let (client, scene) = (self.client, self.scene.clone());
        let (tap, endpoint) = (self.tap.clone(), self.endpoint.clone());
        scene.record(Node::Client(client), What::Dial);
        let (through, arrived) = oneshot::channel();
        let conn = {
            let shared = &mut *scene.shared.borrow_mut();
            let now = shared.now().as_millis();
            shared.net.open(now, client, Parcel::Syn(through))
        };
        let dialing = Dialing {
            conn,
            scene: scene.clone(),
            answered: false,
        };
        async move {
            // Moved in whole: a dial that is given up drops the guard with the future.
            let mut dialing = dialing;
            if arrived.await.is_err() {
                // The way is dead, and nobody says so.
                pending::<()>().await;
            }
            let broker = endpoint.dial().await?;
            dialing.answered = true;
            let (ours, theirs) = MemoryStream::pair();
            open(&scene, conn, Line::new(conn, Box::new(theirs), broker));
            let told = move |cut: Cut| {
                let cut = crate::tap::Cut::from(cut);
                scene.record(Node::Client(client), What::Cut(cut));
                if cut.by == CutBy::Silence {
                    let shared = &mut *scene.shared.borrow_mut();
                    let now = shared.now().as_millis();
                    shared.net.kill(now, conn);
                }
            };
            Ok(tap.on(ours, Role::Client, told))
        }
    }
}

/// Tells the link model when a dial is given up before it was answered.
struct Dialing {
    conn: ConnIx,
    scene: Scene,
    answered: bool,
}

impl Drop for Dialing {
    fn drop(&mut self) {
        // During a panic the model may be in use; it does not matter any more then.
        if let (false, Ok(mut shared)) = (self.answered, self.scene.shared.try_borrow_mut()) {
            shared.net.abandon(self.conn);
        }
    }
}

/// Lets a connection move its bytes.
fn open(scene: &Scene, conn: ConnIx, line: Line) {
    let line = Rc::new(RefCell::new(line));
    {
        let shared = &mut *scene.shared.borrow_mut();
        if shared.lines.len() <= conn {
            shared.lines.resize_with(conn + 1, || None);
        }
        shared.lines[conn] = Some(Rc::clone(&line));
    }
    let mut post = scene.clone();
    let moves = poll_fn(move |cx| {
        ready!(line.borrow_mut().poll(cx, &mut post));
        post.shared.borrow_mut().lines[conn] = None;
        Poll::Ready(())
    });
    scene.tasks.borrow_mut().spawn_local(moves);
}
