//! One connection of a run in real time: the client's end, the broker's end, and the link model between them.
//!
//! What the client writes goes into the link model, and from there, when it is due, to the broker; the other way round
//! likewise. So delay, loss and partitions are the same as in the virtual worlds; only one of the ends is real. A
//! [`Passage`] is the same without a link model: somebody looks at what passes.

use crate::net::{ConnIx, Kind, Way};
use bytes::Bytes;
use squall_transport::Stream;
use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes under way in one direction before no more are read, about what kernels keep.
const WINDOW: usize = 256 * 1024;
/// Bytes that are read at once.
const CHUNK: usize = 16 * 1024;
/// Pieces that are moved at a stretch, before others get their turn.
const TURNS: u32 = 32;

/// What travels through the link model.
#[derive(Debug)]
pub(crate) enum Parcel {
    /// The opening; who dialled is told when it is through.
    Syn(tokio::sync::oneshot::Sender<()>),
    /// Bytes.
    Data(Bytes),
    /// The end of a direction: by a reset, or in order.
    End { reset: bool },
}

impl Parcel {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Syn(_) => Kind::Syn,
            Self::Data(_) => Kind::Data,
            Self::End { .. } => Kind::End,
        }
    }
}

/// Puts something under way: false when it can never arrive.
pub(crate) trait Post {
    fn post(&mut self, conn: ConnIx, way: Way, parcel: Parcel) -> bool;
}

/// One end of a connection.
struct Side {
    /// Until it is let go.
    stream: Option<Box<dyn Stream>>,
    /// Nothing more comes from it.
    silent: bool,
    /// Bytes that came from it and have not reached the other side yet.
    under_way: usize,
    /// What has arrived for it, and waits to be written.
    queue: VecDeque<Bytes>,
    /// Something was written that may not be on its way yet.
    unflushed: bool,
    /// What has arrived ends here: by a reset or in order.
    ends: Option<bool>,
    /// It was told so.
    ended: bool,
}

impl Side {
    const fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            stream: Some(stream),
            silent: false,
            under_way: 0,
            queue: VecDeque::new(),
            unflushed: false,
            ends: None,
            ended: false,
        }
    }

    /// Takes what the network has brought.
    fn take(&mut self, parcel: Parcel) {
        match parcel {
            Parcel::Syn(_) => {}
            Parcel::Data(bytes) => self.queue.push_back(bytes),
            Parcel::End { reset } => {
                self.ends.get_or_insert(reset);
            }
        }
    }

    /// What came from it, as far as there is room; `None` when it has to be waited for.
    fn read(&mut self, cx: &mut Context<'_>) -> Option<Parcel> {
        if self.silent || self.under_way >= WINDOW {
            return None;
        }
        let stream = self.stream.as_mut()?;
        let mut chunk = [0; CHUNK];
        let mut chunk = ReadBuf::new(&mut chunk);
        let read = match Pin::new(stream).poll_read(cx, &mut chunk) {
            Poll::Pending => return None,
            Poll::Ready(read) => read,
        };
        let parcel = match (read, chunk.filled()) {
            (Err(_), _) => Parcel::End { reset: true },
            (Ok(()), []) => Parcel::End { reset: false },
            (Ok(()), bytes) => Parcel::Data(Bytes::copy_from_slice(bytes)),
        };
        match &parcel {
            Parcel::Data(bytes) => self.under_way += bytes.len(),
            _ => self.silent = true,
        }
        Some(parcel)
    }

    /// Writes what has arrived, and the end of it. Gives how many bytes are through.
    fn write(&mut self, cx: &mut Context<'_>) -> usize {
        let mut through = 0;
        while let Some(bytes) = self.queue.front_mut() {
            let Some(stream) = self.stream.as_mut() else {
                through += self.queue.drain(..).map(|b| b.len()).sum::<usize>();
                break;
            };
            match Pin::new(stream).poll_write(cx, bytes) {
                Poll::Pending => return through,
                Poll::Ready(Ok(n)) if n > 0 => {
                    through += n;
                    self.unflushed = true;
                    match n < bytes.len() {
                        true => *bytes = bytes.slice(n..),
                        false => drop(self.queue.pop_front()),
                    }
                }
                // Nobody reads it any more; that it is so, the reading side tells.
                Poll::Ready(_) => {
                    through += self.queue.drain(..).map(|b| b.len()).sum::<usize>();
                }
            }
        }
        if self.flush(cx) {
            self.end(cx);
        }
        through
    }

    /// Sends on its way what was written; whether all is. A failure the reading side tells.
    fn flush(&mut self, cx: &mut Context<'_>) -> bool {
        if let (true, Some(stream)) = (self.unflushed, self.stream.as_mut()) {
            self.unflushed = Pin::new(stream).poll_flush(cx).is_pending();
        }
        !self.unflushed || self.stream.is_none()
    }

    /// Tells it that nothing more comes, when that is so.
    fn end(&mut self, cx: &mut Context<'_>) {
        let (Some(reset), false) = (self.ends, self.ended) else {
            return;
        };
        if reset {
            self.ended = true;
            self.stream
                .take()
                .into_iter()
                .for_each(|s| Box::new(s).reset());
            return;
        }
        // What it still sends is read on, so that its kernel does not answer with a reset and lose what was sent before.
        let stream = self.stream.as_mut();
        let shut = stream.map_or(Poll::Ready(Ok::<(), io::Error>(())), |stream| {
            Pin::new(stream).poll_shutdown(cx)
        });
        self.ended = shut.is_ready();
    }

    /// So many bytes that came from it have reached the other side, or are lost.
    const fn has_passed(&mut self, bytes: usize) {
        self.under_way = self.under_way.saturating_sub(bytes);
    }

    /// Whether there is nothing left to do for it.
    const fn is_over(&self) -> bool {
        self.stream.is_none() || (self.ended && self.silent)
    }
}

/// One connection.
pub(crate) struct Line {
    conn: ConnIx,
    client: Side,
    broker: Side,
    waker: Option<Waker>,
}

impl Line {
    pub(crate) const fn new(
        conn: ConnIx,
        client: Box<dyn Stream>,
        broker: Box<dyn Stream>,
    ) -> Self {
        Self {
            conn,
            client: Side::new(client),
            broker: Side::new(broker),
            waker: None,
        }
    }

    /// The network brings something.
    pub(crate) fn deliver(&mut self, way: Way, parcel: Parcel) {
        match way {
            Way::Up => self.broker.take(parcel),
            Way::Down => self.client.take(parcel),
        }
        self.waker.take().into_iter().for_each(Waker::wake);
    }

    /// Moves what can be moved; ready when the connection is over.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, post: &mut impl Post) -> Poll<()> {
        let conn = self.conn;
        let mut turns = 0;
        loop {
            self.client.has_passed(self.broker.write(cx));
            self.broker.has_passed(self.client.write(cx));
            let mut moved = false;
            for (way, side) in [(Way::Up, &mut self.client), (Way::Down, &mut self.broker)] {
                if let Some(parcel) = side.read(cx) {
                    moved = true;
                    let length = length(&parcel);
                    if !post.post(conn, way, parcel) {
                        side.has_passed(length);
                    }
                }
            }
            if !moved {
                break;
            }
            turns += 1;
            if turns == TURNS {
                cx.waker().wake_by_ref();
                break;
            }
        }
        if self.client.is_over() && self.broker.is_over() {
            return Poll::Ready(());
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// Two streams that are one connection: what comes out of one goes into the other at once, and is looked at.
pub(super) struct Passage {
    client: Side,
    broker: Side,
}

impl Passage {
    pub(super) const fn new(client: Box<dyn Stream>, broker: Box<dyn Stream>) -> Self {
        Self {
            client: Side::new(client),
            broker: Side::new(broker),
        }
    }

    /// Moves what can be moved, and shows it to `look` before it arrives; ready when the connection is over.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        look: &mut impl FnMut(Way, &Parcel),
    ) -> Poll<()> {
        let mut turns = 0;
        loop {
            self.client.has_passed(self.broker.write(cx));
            self.broker.has_passed(self.client.write(cx));
            let up = self.client.read(cx);
            let down = self.broker.read(cx);
            if up.is_none() && down.is_none() {
                break;
            }
            if let Some(parcel) = up {
                look(Way::Up, &parcel);
                self.broker.take(parcel);
            }
            if let Some(parcel) = down {
                look(Way::Down, &parcel);
                self.client.take(parcel);
            }
            turns += 1;
            if turns == TURNS {
                cx.waker().wake_by_ref();
                break;
            }
        }
        if self.client.is_over() && self.broker.is_over() {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

fn length(parcel: &Parcel) -> usize {
    match parcel {
        Parcel::Data(bytes) => bytes.len(),
        _ => 0,
    }
}
