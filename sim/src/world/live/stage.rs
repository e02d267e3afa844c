//! The stage of a run in real time: the director, the link model, the taps, and who waits for whom. Who the clients are
//! and where the broker is, the worlds say that are played on it.

use super::{
    halt::Halt,
    room::{Room, Taken},
    scene::{Scene, Shared, Tasks},
};
use crate::{
    director::{Director, Done, packet_bytes},
    net::{Delivery, Network},
    order::Order,
    tap::{Taps, ending, place},
    trace::{Node, Trace, What},
    wear::Wear,
    world::{Played, line::Parcel},
};
use squall_client::{Backoff, Command};
use squall_protocol::{Time, Version};
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

/// How soon a run notices that it is given up.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Bytes that a record takes beside those of its packet, about.
const RECORD: u64 = 256;
/// What is said when there is no room left.
pub(crate) const FULL: &str = "the broker sent more than there is room for";
/// The longest sleep; tokio's timers know no end of time.
const LONGEST: Duration = Duration::from_secs(3600);

/// What is played on it.
#[derive(Clone, Copy, Debug)]
pub(in crate::world) struct Script<'a> {
    pub(in crate::world) plan: &'a Scenario,
    pub(in crate::world) version: Version,
    pub(in crate::world) seed: u64,
    pub(in crate::world) room: &'a Room,
    pub(in crate::world) halt: &'a Halt,
}

pub(in crate::world) struct Stage<'a> {
    halt: &'a Halt,
    director: Director<'a>,
    pub(in crate::world) scene: Scene,
    taps: Vec<Taps>,
    commands: Vec<mpsc::UnboundedSender<Command>>,
    /// The way to a broker that is ours.
    scripts: Option<mpsc::UnboundedSender<(ClientIx, squall_broker::Script)>>,
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
    pub(in crate::world) fn build(script: Script<'a>) -> Self {
        let plan = script.plan;
        let shared = Shared {
            start: Instant::now(),
            trace: Trace::new(),
            net: Network::new(script.seed, plan.clients.iter().map(|c| c.link)),
            lines: Vec::new(),
        };
        Self {
            halt: script.halt,
            director: Director::new(plan, script.version),
            scene: Scene {
                shared: Rc::new(RefCell::new(shared)),
                news: Rc::new(Notify::new()),
                tasks: Tasks::default(),
            },
            taps: Vec::new(),
            commands: Vec::new(),
            scripts: None,
            observed: 0,
            taken: Taken::of(script.room),
        }
    }

    /// The next client: its tap, and where its commands come from.
    pub(in crate::world) fn cast(
        &mut self,
        spec: &ClientSpec,
    ) -> (Taps, mpsc::UnboundedReceiver<Command>) {
        let (sender, commands) = mpsc::unbounded_channel();
        if let Some(r) = spec.reconnect {
            let (first, max) = (r.first, r.max);
            let backoff = Command::Backoff(Some(Backoff::new(first, max)));
            sender.send(backoff).expect("the receiver is right here");
        }
        let tap = Taps::new();
        self.taps.push(tap.clone());
        self.commands.push(sender);
        (tap, commands)
    }

    /// Where a scripted broker is told what to do.
    pub(in crate::world) fn scripted(
        &mut self,
        scripts: mpsc::UnboundedSender<(ClientIx, squall_broker::Script)>,
    ) {
        self.scripts = Some(scripts);
    }

    /// Plays it, when all clients are cast; `None` when it was given up. `is_over` is asked again and again whether it
    /// shall be.
    pub(in crate::world) async fn run(mut self, is_over: impl Fn() -> bool) -> Option<Played> {
        let _curtain = Curtain(Rc::clone(&self.scene.tasks));
        let mut looked = Instant::now();
        loop {
            if self.direct() {
                break;
            }
            self.deliver();
            self.observe();
            if looked.elapsed() >= LOOK_AGAIN {
                looked = Instant::now();
                if self.halt.is_called() {
                    return None;
                }
            }
            if is_over() {
                return None;
            }
            self.wait().await;
        }
        let waited: Vec<_> = self.taps.iter().map(Taps::waited).collect();
        let mut shared = self.scene.shared.borrow_mut();
        Some(Played {
            end: shared.now(),
            trace: std::mem::take(&mut shared.trace),
            failure: self.director.failure().cloned(),
            faults: self.director.into_fates(done(&shared.net), &waited),
            fallen: None,
        })
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
            self.director.act(shared.now(), done(&shared.net))
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
                // A driver that has ended has panicked, which is told elsewhere.
                let _ = self.commands[client].send(*command);
            }
            Order::Broker(client, script) => {
                // Somebody's broker is told no story with a scripted one.
                let told = self.scripts.as_ref();
                let _ = told.map(|scripts| scripts.send((client, script)));
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
            // A story in which the broker goes down is told in virtual time alone.
            Order::Crash(..) | Order::Restart | Order::Disk(..) => {}
        }
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

/// What has been done so far; there is no disk that belongs to a story.
fn done(net: &Network<Parcel>) -> Done<'_> {
    Done {
        links: net.tallies(),
        disk: Wear::default(),
    }
}
