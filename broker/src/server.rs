//! The driver: moves bytes between a listener and the core, and waits. It decides nothing about MQTT.
//!
//! Everything runs on one thread, in the tasks of one `LocalSet`. Whoever has something for the core (a reader, the
//! timer, the listener) calls it directly and hands its outputs on before anybody else runs, so the core sees its
//! inputs in the order in which the runtime woke the tasks, and in no other.

mod carry;
mod core;
mod halves;
mod intake;
mod line;
mod listen;
mod notice;
mod passwords;
mod verify;

pub use notice::Notice;
pub use passwords::AsidePasswords;
pub use verify::Verifier;

use self::core::{Core, Listener, Observer, hand_on, keep_time};
use crate::{ConnId, Event, Machine, Script};
use squall_protocol::Time;
use squall_transport::Accept;
use std::{
    fmt,
    future::{Future, pending},
    io,
    pin::pin,
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::{
    select,
    sync::{Notify, mpsc::UnboundedReceiver},
    task::{AbortHandle, JoinError, JoinSet, unconstrained, yield_now},
    time::timeout,
};

/// Serves MQTT with a [`crate::Broker`] on whatever a listener accepts.
///
/// ```
/// use squall_broker::{Broker, Config, Server};
///
/// # async fn serve() -> std::io::Result<()> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:1883").await?;
/// let server = Server::new(Broker::new(Config::default()));
/// tokio::task::LocalSet::new().run_until(server.run(listener)).await
/// # }
/// ```
pub struct Server {
    broker: Box<dyn Machine>,
    observer: Option<Observer>,
    listener: Option<Listener>,
    scripts: Option<UnboundedReceiver<(usize, Script)>>,
    starts_at: Time,
    stored: Arc<Notify>,
    verifier: Option<Box<dyn Verifier>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("broker", &self.broker)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// A server around this broker.
    #[must_use]
    pub fn new(broker: impl Machine + 'static) -> Self {
        Self::of(Box::new(broker))
    }

    /// The same, of whichever broker it is.
    #[must_use]
    pub fn of(broker: Box<dyn Machine>) -> Self {
        Self {
            broker,
            observer: None,
            listener: None,
            scripts: None,
            starts_at: Time::ZERO,
            stored: Arc::default(),
            verifier: None,
        }
    }

    /// Hands the broker what comes here for one of its callers; for a [`crate::Scripted`] broker.
    #[must_use]
    pub fn scripts(mut self, scripts: UnboundedReceiver<(usize, Script)>) -> Self {
        self.scripts = Some(scripts);
        self
    }

    /// Calls the first moment of the server this. A broker whose state outlives it has to count time from the same point
    /// each time, such as the milliseconds since 1970; any other may begin at zero.
    #[must_use]
    pub const fn starts_at(mut self, time: Time) -> Self {
        self.starts_at = time;
        self
    }

    /// Whenever `stored` is notified, the broker looks whether its store has stored something
    /// ([`Machine::handle_stored`]): the same that was given to [`crate::store::Aside`].
    #[must_use]
    pub fn stored(mut self, stored: Arc<Notify>) -> Self {
        self.stored = stored;
        self
    }

    /// Shows every event to `observer`, in order, with the time at which it happened. It is called while the core
    /// is busy and has to come back at once.
    #[must_use]
    pub fn observer(mut self, observer: impl FnMut(Time, Event) + 'static) -> Self {
        self.broker.observe(true);
        self.observer = Some(Box::new(observer));
        self
    }

    /// The same with the events of connections alone ([`Machine::follow`]): who comes and goes, for a log.
    #[must_use]
    pub fn follower(mut self, observer: impl FnMut(Time, Event) + 'static) -> Self {
        self.broker.follow();
        self.observer = Some(Box::new(observer));
        self
    }

    /// Tells `listener` what the server does on its own account, as it does it. It is called while the core is busy and
    /// has to come back at once.
    #[must_use]
    pub fn notices(mut self, listener: impl FnMut(Notice) + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// Has `verifier` find out who clients are, where [`crate::security::Security::passwords`] asks for it; without one
    /// nobody is found out, and whoever names a user is refused.
    #[must_use]
    pub fn verifier(mut self, verifier: impl Verifier + 'static) -> Self {
        self.verifier = Some(Box::new(verifier));
        self
    }

    /// Like [`Self::run`], until `shutdown` is ready: then the listener is dropped, every client is told
    /// ([`Machine::handle_shutdown`]), and what waits for them is sent for as long as they take, [`Self::FLUSH`] at most.
    /// A broker with a store is ready once everything is stored.
    ///
    /// # Errors
    /// As [`Self::run`].
    ///
    /// # Panics
    /// As [`Self::run`].
    pub async fn run_until<A: Accept>(
        self,
        listener: A,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        unconstrained(self.serve(listener, shutdown)).await
    }

    /// How long clients are waited for when the server is shut down.
    pub const FLUSH: Duration = Duration::from_secs(1);

    /// Accepts and serves connections until the listener fails. Dropping the future ends every connection. Time
    /// is counted in whole milliseconds from the first poll.
    ///
    /// # Errors
    /// What the listener said, when it cannot accept any more, or why the broker cannot go on ([`Machine::failure`]);
    /// every connection is closed then. Failures of a single connection, and a shortage of
    /// file descriptors or memory, do not end the server.
    ///
    /// # Panics
    /// Outside of a `LocalSet`; and when one of its tasks panicked, with that panic.
    pub async fn run<A: Accept>(self, listener: A) -> io::Result<()> {
        unconstrained(self.serve(listener, pending())).await
    }

    async fn serve<A: Accept>(
        self,
        mut listener: A,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let mut shutdown = pin!(shutdown);
        let core = Core::new(self.broker, self.observer, self.listener, self.starts_at);
        let core = Rc::new(core);
        let mut tasks = JoinSet::new();
        let clock = tasks.spawn_local(unconstrained(keep_time(Rc::clone(&core))));
        let told = self.scripts.map(|scripts| {
            let told = hand_on(Rc::clone(&core), scripts);
            tasks.spawn_local(unconstrained(told))
        });
        let verifying = self.verifier.map(|verifier| {
            let verified = verify::all(Rc::clone(&core), verifier, core.verifications());
            tasks.spawn_local(unconstrained(verified))
        });
        for number in 0.. {
            let stream = {
                let mut accepting = pin!(listen::next(&mut listener));
                loop {
                    select! {
                        biased;
                        Some(ended) = tasks.join_next() => surface(ended),
                        () = &mut shutdown => break None,
                        () = core.failed() => break None,
                        () = self.stored.notified() => core.stored(),
                        accepted = &mut accepting => break Some(accepted?),
                    }
                }
            };
            let Some(stream) = stream else { break };
            let conn = ConnId(number);
            let line = carry::open(&mut tasks, &core, conn, stream, A::peer);
            core.open(conn, line);
            if number % TURN_ACCEPTS == TURN_ACCEPTS - 1 {
                // Who connects without end must not keep others, the clock and signals waiting.
                yield_now().await;
            }
        }
        drop(listener);
        clock.abort();
        told.iter().chain(&verifying).for_each(AbortHandle::abort);
        end(&core, tasks, &self.stored).await
    }
}

/// Says good-bye, and waits for whoever takes it and for the store.
async fn end(core: &Core, mut tasks: JoinSet<()>, stored: &Notify) -> io::Result<()> {
    core.call(|broker, now| broker.handle_shutdown(now));
    let ends = async {
        loop {
            select! {
                biased;
                ended = tasks.join_next() => match ended {
                    Some(ended) => surface(ended),
                    None => break,
                },
                // What it stores now lets answers go.
                () = stored.notified() => core.stored(),
            }
        }
    };
    // Who does not take it in time is cut off.
    let _ = timeout(Server::FLUSH, ends).await;
    core.settle(stored).await;
    match core.failure() {
        Some(why) => Err(io::Error::other(why)),
        None => {
            core.stopped();
            Ok(())
        }
    }
}

/// Connections that are accepted before others have their turn. More than a simulation has.
const TURN_ACCEPTS: u64 = 256;

/// A task's panic is ours.
fn surface(ended: Result<(), JoinError>) {
    match ended {
        Ok(()) => {}
        Err(error) if error.is_cancelled() => {}
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
