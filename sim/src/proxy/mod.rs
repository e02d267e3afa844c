//! A proxy between clients and a broker: every connection goes through taps and the link model, is told as it happens, and
//! is held against the monitors of [`squall_history`].
//!
//! Nothing that grows with the number of packets is kept. Of a connection at most a quarter of a mebibyte is under way in
//! each direction; a side that does not read stops the other one. Bytes are passed on as they came, whatever they are.
//!
//! A session is known by its Client Identifier, and all connections of a client are taken to go through here. What was
//! before the first one is not known, and nobody is accused of it.

mod bench;
pub mod capture;
mod direction;
pub mod event;
mod faults;
mod link;
mod relay;
mod scene;
mod stream;
pub mod told;

pub use scene::Tally;

use crate::world::line::Line;
use event::{Ends, Event, What};
use faults::Faults;
use relay::Relay;
use scene::Scene;
use squall_scenarios::wire::WireFault;
use squall_transport::{Accept, BoxStream, Endpoint, MemoryListener};
use std::{
    future::{Future, poll_fn},
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    net::TcpListener,
    select,
    task::JoinSet,
    time::{Sleep, sleep, sleep_until, timeout},
};

/// Connections at a time; further ones wait until one is over.
const CONNECTIONS: usize = 2_000;
/// How long a connection to the broker may take.
const DIALLING: Duration = Duration::from_secs(10);
/// How long to wait where there are no files or no memory for a connection.
const PAUSE: Duration = Duration::from_millis(100);
/// Rounds in which what was read is passed on, before others get their turn.
const ROUNDS: u32 = 16;

/// Where clients come from.
pub trait Door {
    /// Waits for the next client.
    ///
    /// # Errors
    /// When none can come any more.
    fn next(&mut self) -> impl Future<Output = io::Result<(BoxStream, Ends)>>;
}

impl Door for TcpListener {
    async fn next(&mut self) -> io::Result<(BoxStream, Ends)> {
        loop {
            match Self::accept(self).await {
                Ok((stream, client)) => {
                    // A socket that refuses the option still works; one without an address is gone already.
                    let _ = stream.set_nodelay(true);
                    if let Ok(here) = stream.local_addr() {
                        return Ok((Box::new(stream), Ends { client, here }));
                    }
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }
}

impl Door for MemoryListener {
    /// With addresses that are nobody's.
    async fn next(&mut self) -> io::Result<(BoxStream, Ends)> {
        let stream = self.accept().await?;
        let nobody = |last| SocketAddr::from((Ipv4Addr::new(192, 0, 2, last), 1883));
        let ends = Ends {
            client: nobody(2),
            here: nobody(1),
        };
        Ok((Box::new(stream), ends))
    }
}

/// How a proxy is to behave.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What happens on the way.
    pub faults: Vec<WireFault>,
    /// Decides all that is random: the same conversation gets the same faults.
    pub seed: u64,
}

/// Lets clients through to a broker until `stop`, or until no client can come any more and none is there. The broker has
/// one or several addresses; the first that answers is taken, each time. What happens is told to `observer` as it happens.
///
/// A panic in one of its tasks goes on here.
pub async fn serve(
    mut door: impl Door,
    broker: Vec<Endpoint>,
    settings: Settings,
    observer: impl FnMut(&Event<'_>) + 'static,
    stop: impl Future<Output = ()>,
) -> Tally {
    let faults = Faults::new(settings.faults, settings.seed);
    let scene = Rc::new(Scene::new(Box::new(observer), faults));
    let broker: Rc<[Endpoint]> = broker.into();
    // A set ends its tasks with itself.
    let mut tasks = Tasks {
        set: JoinSet::new(),
        local: tokio::task::LocalSet::new(),
    };
    let mut stop = pin!(stop);
    let mut open = true;
    let mut conn = 0;
    loop {
        let room = open && tasks.set.len() < CONNECTIONS;
        if !open && tasks.set.is_empty() {
            break;
        }
        let Tasks { set, local } = &mut tasks;
        let event = local
            .run_until(async {
                select! {
                    biased;
                    () = &mut stop => Step::Stop,
                    Some(ended) = set.join_next() => Step::Ended(ended),
                    came = door.next(), if room => Step::Came(came),
                }
            })
            .await;
        match event {
            Step::Stop => break,
            Step::Ended(Ok(())) => {}
            Step::Ended(Err(error)) => {
                if let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
            }
            Step::Came(Err(_)) => open = false,
            Step::Came(Ok((client, ends))) => {
                conn += 1;
                scene.begin();
                scene.tally.borrow_mut().connections += 1;
                let task = carry(Rc::clone(&scene), conn, client, ends, Rc::clone(&broker));
                tasks.set.spawn_local_on(task, &tasks.local);
            }
        }
    }
    drop(tasks);
    let mut tally = scene.tally.borrow().clone();
    tally.idle = scene.faults.borrow().idle();
    tally
}

struct Tasks {
    set: JoinSet<()>,
    local: tokio::task::LocalSet,
}

enum Step {
    Stop,
    Ended(Result<(), tokio::task::JoinError>),
    Came(io::Result<(BoxStream, Ends)>),
}

/// Opens a connection to the first of these that takes one.
///
/// # Errors
/// Why the last of them took none.
pub async fn dial(broker: &[Endpoint]) -> io::Result<BoxStream> {
    let mut failed = io::Error::other("it has no address");
    for endpoint in broker {
        match timeout(DIALLING, endpoint.dial()).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failed = error,
            Err(_) => {
                let text = format!("no connection within {} s", DIALLING.as_secs());
                failed = io::Error::new(io::ErrorKind::TimedOut, text);
            }
        }
    }
    Err(failed)
}

/// One connection, from its beginning to its end.
async fn carry(scene: Rc<Scene>, conn: u64, client: BoxStream, ends: Ends, broker: Rc<[Endpoint]>) {
    let relay = Relay::new(Rc::clone(&scene), conn, ends);
    let relay = Over { relay };
    let broker = match dial(&broker).await {
        Ok(broker) => broker,
        Err(error) => {
            scene.tally.borrow_mut().unreached += 1;
            let why = &error.to_string();
            scene.tell(conn, What::Unreached { why });
            client.reset();
            return;
        }
    };
    let mut pipe = Pipe {
        over: relay,
        line: Line::new(0, client, broker),
        timer: None,
    };
    poll_fn(|cx| pipe.poll(&scene, cx)).await;
}

/// Says that a connection is over, however it ends.
struct Over {
    relay: Relay,
}

impl Drop for Over {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.relay.over();
        }
    }
}

struct Pipe {
    over: Over,
    line: Line,
    timer: Option<(u64, Pin<Box<Sleep>>)>,
}

impl Pipe {
    fn poll(&mut self, scene: &Scene, cx: &mut Context<'_>) -> Poll<()> {
        let relay = &mut self.over.relay;
        for _ in 0..ROUNDS {
            relay.advance(&mut self.line);
            if self.line.poll(cx, relay).is_ready() || relay.is_given_up() {
                return Poll::Ready(());
            }
            match relay.deadline() {
                Some(at) if at <= scene.now() => {}
                None => return Poll::Pending,
                Some(at) => {
                    if self.timer.as_ref().is_none_or(|(set, _)| *set != at) {
                        self.timer = Some((at, Box::pin(sleep_until(scene.instant(at)))));
                    }
                    let timer = self.timer.as_mut();
                    if timer.is_some_and(|(_, sleep)| sleep.as_mut().poll(cx).is_pending()) {
                        return Poll::Pending;
                    }
                    self.timer = None;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
