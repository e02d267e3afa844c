//! The async driver: moves bytes between a stream and a [`Client`], and waits.
//!
//! It decides nothing. Its one duty beyond moving bytes is order: it calls the core in exactly the order in which a
//! plain event loop over the same inputs would.

#[cfg(test)]
mod tests;

use crate::{
    core::{Client, Command, Event, Output},
    machine::Machine,
    wire::Wire,
};
use squall_protocol::Time;
use squall_transport::{Dial, Hangup};
use std::{
    future::{Future, Ready, poll_fn},
    io,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc::UnboundedReceiver,
    time::{Instant, Sleep, sleep_until},
};

/// How long a connection that is closed may take to send what was queued.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes taken from the stream at a time.
const CHUNK: usize = 16 * 1024;

/// Turns without a wait after which other tasks get a chance.
const TURNS_AT_A_STRETCH: u32 = 256;

/// [`run_machine`] with a new [`Client`].
pub async fn run<D: Dial>(
    dial: D,
    commands: UnboundedReceiver<Command>,
    observer: impl FnMut(Time, &Event),
) {
    let machine = Client::new();
    tokio::task::unconstrained(drive(machine, dial, commands, observer, Limits::NONE)).await;
}

/// Runs a machine over connections from `dial` until [`Command::Stop`] comes or every sender of `commands` is
/// gone, then drops its connection. `observer` sees every event with its time, in order.
///
/// Time is whole milliseconds of [`tokio::time::Instant`] since the first poll. At one instant timers come before
/// commands before what arrives; each is handed to the core alone, then events are observed, then outputs are done.
/// Each packet is one write. A peer that does not read delays nothing but its own packets, which are kept in memory
/// meanwhile.
///
/// Needs a tokio runtime with time (and I/O for [`crate::TcpDial`]). The future does not send itself anywhere: poll
/// it beside other work with `tokio::join!`, or give it to a `LocalSet`. That of [`run`] is `Send` where `dial` and
/// `observer` are.
pub async fn run_machine<D: Dial>(
    machine: Box<dyn Machine>,
    dial: D,
    commands: UnboundedReceiver<Command>,
    observer: impl FnMut(Time, &Event),
) {
    // Cooperative scheduling would let a stream that is ready look as if it were not, and so change the order.
    tokio::task::unconstrained(drive(machine, dial, commands, observer, Limits::NONE)).await;
}

/// [`run`] with limits, and with [`Command`]s that were sent before it is polled handled first.
pub(crate) async fn run_within<D: Dial, G: FnMut(&mut Context<'_>) -> Poll<()>>(
    dial: D,
    commands: UnboundedReceiver<Command>,
    observer: impl FnMut(Time, &Event),
    limits: Limits<G>,
) {
    let machine = Client::new();
    tokio::task::unconstrained(drive(machine, dial, commands, observer, limits)).await;
}

/// What bounds the memory of a driver.
pub(crate) struct Limits<G> {
    /// Ready while more may be read; wakes when it is ready again.
    pub(crate) reads: G,
    /// Bytes that may wait for the peer to take them before the machine is told that there is no room.
    pub(crate) unsent: usize,
}

impl Limits<fn(&mut Context<'_>) -> Poll<()>> {
    /// No bound.
    const NONE: Self = Self {
        reads: |_| Poll::Ready(()),
        unsent: usize::MAX,
    };
}

async fn drive<M: Machine, D: Dial, G: FnMut(&mut Context<'_>) -> Poll<()>>(
    core: M,
    mut dial: D,
    mut commands: UnboundedReceiver<Command>,
    observer: impl FnMut(Time, &Event),
    limits: Limits<G>,
) {
    let began = Instant::now();
    let mut driver = Driver {
        core,
        began,
        timer: Box::pin(sleep_until(began)),
        observer,
        limits,
        room: true,
        reading: true,
        wire: None,
        closing: Vec::new(),
        buffer: vec![0; CHUNK].into_boxed_slice(),
        turns: 0,
    };
    let mut next = Next::Wait;
    loop {
        next = match next {
            Next::Wait => {
                let none = None::<Pin<&mut Ready<io::Result<D::Stream>>>>;
                driver.turns(&mut commands, none).await
            }
            Next::Dial => {
                let dialing = pin!(dial.dial());
                driver.turns(&mut commands, Some(dialing)).await
            }
            Next::Stop => break,
        };
    }
    poll_fn(|cx| {
        driver.poll_closing(cx);
        if driver.closing.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

struct Driver<M, S, O, G> {
    core: M,
    began: Instant,
    timer: Pin<Box<Sleep>>,
    observer: O,
    limits: Limits<G>,
    /// What the machine knows of the transport's room.
    room: bool,
    /// What the machine knows of the reading.
    reading: bool,
    wire: Option<Wire<S>>,
    closing: Vec<Closing<S>>,
    buffer: Box<[u8]>,
    /// Turns since the driver last had to wait.
    turns: u32,
}

/// A connection the core has closed and that still has packets to send.
struct Closing<S> {
    wire: Wire<S>,
    until: Pin<Box<Sleep>>,
}

/// What to do when a series of turns is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Go on without a dial.
    Wait,
    /// Begin a dial; one that was under way is given up.
    Dial,
    /// End.
    Stop,
}

/// What a turn begins with.
enum Input<S> {
    Timer,
    Room(bool),
    Reading(bool),
    Command(Option<Command>),
    Dialed(io::Result<S>),
    Read(io::Result<usize>),
}

impl<M, S, O, G> Driver<M, S, O, G>
where
    M: Machine,
    S: AsyncRead + AsyncWrite + Unpin,
    O: FnMut(Time, &Event),
    G: FnMut(&mut Context<'_>) -> Poll<()>,
{
    /// Takes turns, with one input each, until a dial begins, or the one under way is over.
    async fn turns<F: Future<Output = io::Result<S>>>(
        &mut self,
        commands: &mut UnboundedReceiver<Command>,
        mut dialing: Option<Pin<&mut F>>,
    ) -> Next {
        loop {
            let mut waited = false;
            let input = poll_fn(|cx| {
                let input = self.poll_input(cx, commands, dialing.as_mut());
                waited |= input.is_pending();
                input
            })
            .await;
            let now = self.now();
            let (dialed, stop) = (matches!(input, Input::Dialed(_)), self.handle(now, input));
            let dial = poll_fn(|cx| Poll::Ready(self.settle(now, cx))).await;
            match dial {
                _ if stop => return Next::Stop,
                Some(next) => return next,
                None if dialed => return Next::Wait,
                None => {}
            }
            self.turns = if waited { 0 } else { self.turns + 1 };
            if self.turns >= TURNS_AT_A_STRETCH {
                self.turns = 0;
                tokio::task::yield_now().await;
            }
        }
    }

    /// The next input: of those that are there, timers before commands before what the network brings.
    fn poll_input<F: Future<Output = io::Result<S>>>(
        &mut self,
        cx: &mut Context<'_>,
        commands: &mut UnboundedReceiver<Command>,
        dialing: Option<&mut Pin<&mut F>>,
    ) -> Poll<Input<S>> {
        if self.poll_timer(cx).is_ready() {
            return Poll::Ready(Input::Timer);
        }
        if let Poll::Ready(command) = commands.poll_recv(cx) {
            return Poll::Ready(Input::Command(command));
        }
        if let Some(Poll::Ready(result)) = dialing.map(|dialing| dialing.as_mut().poll(cx)) {
            return Poll::Ready(Input::Dialed(result));
        }
        self.poll_closing(cx);
        let Some(wire) = &mut self.wire else {
            return Poll::Pending;
        };
        let _ = wire.poll_drain(cx);
        let (unsent, most) = (wire.queued(), self.limits.unsent);
        // It has room again when half of it is free.
        let room = unsent <= if self.room { most } else { most / 2 };
        if room != std::mem::replace(&mut self.room, room) {
            return Poll::Ready(Input::Room(room));
        }
        let reading = (self.limits.reads)(cx).is_ready();
        if reading != std::mem::replace(&mut self.reading, reading) {
            return Poll::Ready(Input::Reading(reading));
        }
        // Answers have no limit of their own: a peer that takes none is not listened to for ever.
        if !reading || unsent / 4 > most {
            return Poll::Pending;
        }
        wire.poll_read(cx, &mut self.buffer).map(Input::Read)
    }

    /// Ready when the core's deadline has come.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self
            .core
            .poll_timeout()
            .map(|at| Duration::from_millis(at.as_millis()));
        let Some(at) = deadline.and_then(|after| self.began.checked_add(after)) else {
            return Poll::Pending;
        };
        // A timer that is due need not have fired yet.
        if at <= Instant::now() {
            return Poll::Ready(());
        }
        if self.timer.deadline() != at {
            self.timer.as_mut().reset(at);
        }
        self.timer.as_mut().poll(cx)
    }

    /// Lets connections that the core has closed send the rest, within their time.
    fn poll_closing(&mut self, cx: &mut Context<'_>) {
        self.closing.retain_mut(|closing| {
            closing.wire.poll_close(cx).is_pending() && closing.until.as_mut().poll(cx).is_pending()
        });
    }

    /// Hands an input to the core; `true` when it was the last one.
    fn handle(&mut self, now: Time, input: Input<S>) -> bool {
        match input {
            Input::Timer => self.core.handle_timeout(now),
            Input::Room(room) => self.core.handle_room(now, room),
            Input::Reading(reading) => self.core.handle_reading(now, reading),
            Input::Command(None | Some(Command::Stop)) => {
                self.core.handle_command(now, Command::Stop);
                return true;
            }
            Input::Command(Some(command)) => self.core.handle_command(now, command),
            Input::Dialed(Ok(stream)) => {
                self.wire = Some(Wire::new(stream));
                self.room = true;
                self.core.handle_dialed(now);
            }
            Input::Dialed(Err(error)) => self.core.handle_dial_failed(now, error.to_string()),
            Input::Read(Ok(0)) => self.hang_up(now, Hangup::Eof),
            Input::Read(Ok(n)) => self.core.handle_bytes(now, &self.buffer[..n]),
            Input::Read(Err(_)) => self.hang_up(now, Hangup::Reset),
        }
        false
    }

    fn hang_up(&mut self, now: Time, how: Hangup) {
        self.wire = None;
        self.core.handle_closed(now, how);
    }

    /// Observes the events and does the outputs of a core call. Gives how to go on where a dial begins or is given
    /// up.
    fn settle(&mut self, now: Time, cx: &mut Context<'_>) -> Option<Next> {
        while let Some(event) = self.core.poll_event() {
            (self.observer)(now, &event);
        }
        let mut next = None;
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Dial => {
                    self.close(cx);
                    next = Some(Next::Dial);
                }
                Output::Send(packet) => {
                    if let Some(wire) = &mut self.wire {
                        wire.send(packet, cx);
                    }
                }
                Output::Close => {
                    self.close(cx);
                    next = Some(Next::Wait);
                }
            }
        }
        next
    }

    /// Lets go of the connection: at once if everything was sent.
    fn close(&mut self, cx: &mut Context<'_>) {
        let Some(mut wire) = self.wire.take() else {
            return;
        };
        if wire.poll_close(cx).is_pending() {
            let until = Box::pin(sleep_until(Instant::now() + CLOSE_TIMEOUT));
            self.closing.push(Closing { wire, until });
        }
    }

    /// Whole milliseconds since the beginning.
    fn now(&self) -> Time {
        Time::ZERO + self.began.elapsed()
    }
}
