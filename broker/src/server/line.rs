//! The core's end of a connection, and what it shares with the tasks that carry it: the packets that wait for the
//! transport, and how many they are.

use crate::Output;
use bytes::Bytes;
use squall_protocol::PacketType;
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};
use tokio::{io::AsyncWrite, sync::Notify, task::AbortHandle};

/// The core's end of a connection. Dropping it lets the writer finish and then close.
pub(super) struct Line {
    pub(super) waiting: Rc<Waiting>,
    pub(super) reader: AbortHandle,
    pub(super) writer: AbortHandle,
}

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes for one client, as [`crate::Config::max_outgoing_bytes`] says.
    pub(super) window: usize,
    /// Bytes of answers, as [`crate::Config::max_unread_answers`] says.
    pub(super) answers: usize,
}

/// What both tasks and the core's end share.
pub(super) struct Waiting {
    limits: Limits,
    packets: RefCell<VecDeque<Bytes>>,
    /// Bytes of the first of them that were handed to the transport.
    begun: Cell<usize>,
    /// Whether the core's end is there.
    open: Cell<bool>,
    /// Bytes of packets that were handed to the writer and not yet whole to the transport.
    bytes: Cell<usize>,
    /// Of these, those of answers.
    answers: Cell<usize>,
    /// The same of all connections.
    in_all: Rc<Cell<usize>>,
    /// What the core takes for the room that there is: it counts down from what it was told last, as is done here.
    believed: Cell<usize>,
    /// Whether it is not known yet who its client is.
    unverified: Cell<bool>,
    /// Wakes the writer.
    more: Notify,
    /// Wakes whoever waits until less is waiting.
    less: Notify,
    pub(super) reader_closes: Notify,
    pub(super) writer_closes: Notify,
}

impl Waiting {
    /// Nothing waits yet; `in_all` counts it together with others.
    pub(super) fn new(limits: Limits, in_all: Rc<Cell<usize>>) -> Self {
        Self {
            limits,
            packets: RefCell::default(),
            begun: Cell::new(0),
            open: Cell::new(true),
            bytes: Cell::new(0),
            answers: Cell::new(0),
            in_all,
            believed: Cell::new(limits.window),
            unverified: Cell::new(false),
            more: Notify::new(),
            less: Notify::new(),
            reader_closes: Notify::new(),
            writer_closes: Notify::new(),
        }
    }

    /// Waits for a packet; false when there is none and none will come.
    pub(super) async fn any(&self) -> bool {
        loop {
            if !self.is_empty() || !self.open.get() {
                return !self.is_empty();
            }
            self.more.notified().await;
        }
    }

    /// Whether no packet waits to be handed to the transport.
    pub(super) fn is_empty(&self) -> bool {
        self.packets.borrow().is_empty()
    }

    /// Hands the transport what it takes at once: many packets, or one, where it takes no more than one slice. Gives
    /// the number of bytes. There is a packet.
    pub(super) fn poll_write<W: AsyncWrite + Unpin>(
        &self,
        cx: &mut Context<'_>,
        transport: &mut W,
    ) -> Poll<io::Result<usize>> {
        let most = match transport.is_write_vectored() {
            true => MOST_SLICES,
            false => 1,
        };
        let packets = self.packets.borrow();
        let mut slices = [IoSlice::new(&[]); MOST_SLICES];
        let mut count = 0;
        for (slice, packet) in slices.iter_mut().zip(&*packets).take(most) {
            *slice = IoSlice::new(packet);
            count += 1;
        }
        slices[0].advance(self.begun.get());
        let wrote = ready!(Pin::new(transport).poll_write_vectored(cx, &slices[..count]))?;
        drop(packets);
        if wrote == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.wrote(wrote);
        Poll::Ready(Ok(wrote))
    }

    /// So many bytes were handed to the transport.
    fn wrote(&self, bytes: usize) {
        let mut packets = self.packets.borrow_mut();
        let (mut left, mut waiting, mut answers) = (
            self.begun.get() + bytes,
            self.bytes.get(),
            self.answers.get(),
        );
        while let Some(packet) = packets.front().filter(|packet| packet.len() <= left) {
            left -= packet.len();
            waiting = waiting.saturating_sub(weight(packet));
            if is_answer(packet) {
                answers = answers.saturating_sub(weight(packet));
            }
            packets.pop_front();
        }
        self.begun.set(left);
        self.answers.set(answers);
        self.set(waiting);
        if packets.is_empty() && packets.capacity() > PLACES_KEPT {
            *packets = VecDeque::new();
        }
    }

    /// What the core has to be told of the room there is after something was handed to the transport: when it takes
    /// what is left for little, and there is much.
    pub(super) fn news(&self) -> Option<usize> {
        let window = self.limits.window;
        self.tell(self.believed.get() <= window / 4 && self.room() > window / 2)
    }

    /// The same after something was handed to the writer: when it takes the line for full, and it is not.
    pub(super) fn correction(&self) -> Option<usize> {
        self.tell(self.believed.get() == 0 && self.room() > 0)
    }

    fn room(&self) -> usize {
        self.limits.window.saturating_sub(self.bytes.get())
    }

    fn tell(&self, due: bool) -> Option<usize> {
        let room = self.room();
        due.then(|| {
            self.believed.set(room);
            room
        })
    }

    /// Whether much is waiting, but not so much that new messages wait elsewhere or are dropped.
    pub(super) fn is_pressed(&self) -> bool {
        self.bytes.get() > self.limits.window / 2 && self.believed.get() > 0
    }

    /// Waits until little is waiting.
    pub(super) async fn eased(&self) {
        while self.bytes.get() > self.limits.window / 4 {
            self.less.notified().await;
        }
    }

    /// Whether its client asks and does not take the answers.
    pub(super) fn is_unread(&self) -> bool {
        self.answers.get() > self.limits.answers
    }

    /// Waits until its client has taken answers, if it is [`Self::is_unread`].
    pub(super) async fn read(&self) {
        while self.is_unread() {
            self.less.notified().await;
        }
    }

    /// Says whether it is known who its client is.
    pub(super) fn set_unverified(&self, on: bool) {
        self.unverified.set(on);
        self.less.notify_waiters();
    }

    /// Whether it is not known yet who its client is: it is not read until then.
    pub(super) fn is_unverified(&self) -> bool {
        self.unverified.get()
    }

    /// Waits until that is known.
    pub(super) async fn verified(&self) {
        while self.is_unverified() {
            self.less.notified().await;
        }
    }

    fn set(&self, bytes: usize) {
        self.in_all
            .set(self.in_all.get() - self.bytes.get() + bytes);
        self.bytes.set(bytes);
        self.less.notify_waiters();
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl Line {
    /// Hands one packet to the writer; gives the bytes that it takes while it waits.
    pub(super) fn send(&self, packet: Bytes) -> usize {
        let (waiting, weight) = (&self.waiting, weight(&packet));
        if is_answer(&packet) {
            waiting.answers.set(waiting.answers.get() + weight);
        }
        waiting.in_all.set(waiting.in_all.get() + weight);
        waiting.bytes.set(waiting.bytes.get() + weight);
        let believed = waiting.believed.get().saturating_sub(weight);
        waiting.believed.set(believed);
        waiting.packets.borrow_mut().push_back(packet);
        waiting.more.notify_one();
        weight
    }

    /// Bytes that wait for the transport.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.bytes.get()
    }

    /// Closes once everything was sent, or could not be within [`GRACE`](super::carry::GRACE).
    pub(super) fn close(self) {
        self.waiting.reader_closes.notify_one();
        self.waiting.writer_closes.notify_one();
    }

    /// Drops the connection at once, and what waited for it.
    pub(super) fn abort(self) {
        self.reader.abort();
        self.writer.abort();
        self.waiting.packets.take();
        self.waiting.set(0);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.waiting.open.set(false);
        self.waiting.more.notify_one();
    }
}

/// Bytes that a packet takes while it waits.
fn weight(packet: &Bytes) -> usize {
    packet.len() + Output::PACKET_BYTES
}

/// Whether it is none of the packets that the core sends only while there is room.
fn is_answer(packet: &Bytes) -> bool {
    let first = packet.first().copied().unwrap_or_default();
    PacketType::from_number(first >> 4) != Some(PacketType::Publish)
}

/// Packets that a transport is given at once.
const MOST_SLICES: usize = 64;
/// Places for packets that are kept while none waits.
const PLACES_KEPT: usize = 16;
