//! The broker's host: it runs the broker's driver, once for each of the broker's lives.

use super::{BROKER, PORT, Shared, lived::Lived};
use crate::{
    guest,
    trace::{Node, What},
    world::{
        Play,
        disk::Disk,
        server::{Told, told},
    },
};
use squall_broker::{Accept, ConnId, Event, Machine, Script, Server};
use squall_protocol::Time;
use squall_scenarios::model::{ClientIx, Crash};
use std::{
    cell::{Cell, RefCell},
    io,
    net::Ipv4Addr,
    pin::{Pin, pin},
    rc::{Rc, Weak},
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    select,
    sync::{
        Notify,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    task::unconstrained,
};
use turmoil::{Sim, net::TcpListener};

/// The way to the broker.
pub(super) struct Reins {
    scripts: UnboundedSender<(ClientIx, Script)>,
    turns: UnboundedSender<Turn>,
    /// The number of the life that is on.
    life: Rc<Cell<u64>>,
}

/// What its host is told.
enum Turn {
    Crash(Crash),
    Restart(Begun),
}

/// A broker that begins.
struct Begun {
    machine: Lived,
    since: Time,
}

impl Reins {
    /// A scripted broker is told what to do to a client.
    pub(super) fn script(&self, client: ClientIx, script: Script) {
        let told = self.scripts.send((client, script));
        assert!(told.is_ok(), "the driver of the broker has ended");
    }

    /// Nothing that it still does counts.
    pub(super) fn crash(&mut self, how: Crash) {
        self.life.set(self.life.get() + 1);
        self.turn(Turn::Crash(how));
    }

    /// Another one begins at `now`, after so many connections.
    pub(super) fn restart(&mut self, machine: Box<dyn Machine>, now: Time, before: usize) {
        // The one before may have given up by itself.
        self.life.set(self.life.get() + 1);
        let life = (Rc::clone(&self.life), self.life.get());
        let machine = Lived::new(machine, life, before as u64);
        self.turn(Turn::Restart(Begun {
            machine,
            since: now,
        }));
    }

    fn turn(&self, turn: Turn) {
        let told = self.turns.send(turn);
        assert!(told.is_ok(), "the host of the broker has ended");
    }
}

/// The host of the broker of the story, and the way to it.
pub(super) fn host(
    sim: &mut Sim<'_>,
    play: &Play<'_>,
    disk: Option<&Disk>,
    shared: Rc<RefCell<Shared>>,
) -> Reins {
    let called = Rc::clone(&shared);
    let callers = move |conn: ConnId| {
        let shared = called.borrow();
        shared.net.client_of(shared.accepted[conn.0 as usize])
    };
    let (reins, scripts, turns) = {
        let (scripts, told) = unbounded_channel();
        let (turns, turned) = unbounded_channel();
        let life = Rc::default();
        let reins = Reins {
            scripts,
            turns,
            life,
        };
        (reins, told, turned)
    };
    let life = (Rc::clone(&reins.life), 0);
    let first = Begun {
        machine: Lived::new(play.broker(Box::new(callers), disk), life, 0),
        since: Time::ZERO,
    };
    let cast = Rc::new(RefCell::new(Some((first, scripts, turns))));
    let disk = disk.cloned();
    sim.host(BROKER, move || {
        let cast = cast.borrow_mut().take();
        let (shared, disk) = (Rc::clone(&shared), disk.clone());
        async move {
            let (first, scripts, turns) = cast.expect("the host is started once");
            let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
            let machine = Machinery {
                listener: Rc::new(listener),
                shared,
                disk,
            };
            unconstrained(machine.live(first, scripts, turns)).await?;
            Ok(())
        }
    });
    reins
}

/// What outlives a broker.
struct Machinery {
    /// Bound for good: who dials while the broker is down is never brought here.
    listener: Rc<TcpListener>,
    shared: Rc<RefCell<Shared>>,
    disk: Option<Disk>,
}

impl Machinery {
    /// One life after the other.
    async fn live(
        self,
        first: Begun,
        scripts: UnboundedReceiver<(ClientIx, Script)>,
        mut turns: UnboundedReceiver<Turn>,
    ) -> io::Result<()> {
        // What a machine without power had: nobody closes it.
        let mut dark = Vec::new();
        let (mut next, mut scripts) = (Some(first), Some(scripts));
        loop {
            let begun = match next.take() {
                Some(begun) => begun,
                None => match turns.recv().await {
                    Some(Turn::Restart(begun)) => begun,
                    Some(Turn::Crash(_)) => continue,
                    None => return Ok(()),
                },
            };
            let sockets = Sockets::default();
            let turn = self
                .one(begun, scripts.take(), &mut turns, &sockets)
                .await?;
            let left = sockets.take();
            let left = left.iter().filter_map(Weak::upgrade);
            let left = left.filter_map(|socket| socket.take());
            match turn {
                // In order, as the system closes what a process leaves.
                Turn::Crash(Crash::Kill) => left.for_each(drop),
                Turn::Crash(Crash::PowerLoss) => dark.extend(left),
                Turn::Restart(begun) => {
                    left.for_each(drop);
                    next = Some(begun);
                }
            }
        }
    }

    /// A life, until the host is told something.
    async fn one(
        &self,
        begun: Begun,
        scripts: Option<UnboundedReceiver<(ClientIx, Script)>>,
        turns: &mut UnboundedReceiver<Turn>,
        sockets: &Sockets,
    ) -> io::Result<Turn> {
        let given_up = Rc::new(Notify::new());
        let mut server = Server::new(begun.machine)
            .starts_at(begun.since)
            .observer(self.observer(Rc::clone(&given_up)));
        if let Some(scripts) = scripts {
            server = server.scripts(scripts);
        }
        let serving = server.run(Listener {
            listener: Rc::clone(&self.listener),
            sockets: Rc::clone(sockets),
        });
        let mut serving = pin!(serving);
        let (mut is_over, mut has_ended) = (false, false);
        loop {
            select! {
                biased;
                Some(turn) = turns.recv() => return Ok(turn),
                () = given_up.notified(), if !is_over => is_over = true,
                served = &mut serving, if !has_ended => match served {
                    Err(_) if is_over => has_ended = true,
                    served => served.map(|()| unreachable!("nobody shuts it down"))?,
                },
                // Who dialled in the same instant: the system closes what nobody has accepted.
                accepted = self.listener.accept(), if is_over => drop(accepted?),
            }
        }
    }

    /// Writes down what the broker tells.
    fn observer(&self, given_up: Rc<Notify>) -> impl FnMut(Time, Event) + use<> {
        let (shared, disk) = (Rc::clone(&self.shared), self.disk.clone());
        move |at, event| {
            let shared = &mut *shared.borrow_mut();
            match told(event) {
                Told::On(conn, seen) => {
                    let client = shared.net.client_of(shared.accepted[conn as usize]);
                    let what = What::Broker { client, conn, seen };
                    shared.record(at, Node::Broker, what);
                }
                Told::GivesUp(why) => {
                    shared.gave_up(why, disk.as_ref());
                    given_up.notify_one();
                }
            }
        }
    }
}

/// The sockets of one life, as they were accepted.
type Sockets = Rc<RefCell<Vec<Weak<RefCell<Option<guest::Stream>>>>>>;

struct Listener {
    listener: Rc<TcpListener>,
    sockets: Sockets,
}

impl Accept for Listener {
    type Stream = Socket;

    async fn accept(&mut self) -> io::Result<Socket> {
        let (stream, _) = self.listener.accept().await?;
        let stream = Rc::new(RefCell::new(Some(guest::Stream(stream))));
        self.sockets.borrow_mut().push(Rc::downgrade(&stream));
        Ok(Socket(stream))
    }
}

/// The broker's end of a connection. Whoever ends its life takes it away.
struct Socket(Rc<RefCell<Option<guest::Stream>>>);

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self.0.borrow_mut() {
            Some(stream) => Pin::new(stream).poll_read(cx, buf),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self.0.borrow_mut() {
            Some(stream) => Pin::new(stream).poll_write(cx, buf),
            None => Poll::Ready(Ok(buf.len())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.0.borrow_mut() {
            Some(stream) => Pin::new(stream).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.0.borrow_mut() {
            Some(stream) => Pin::new(stream).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}
