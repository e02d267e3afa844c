//! A stream with a tap on it: the async clothing of [`Tap`] and [`Shaper`].

use super::{
    Cut, Ending, Shaper,
    taps::{Now, Taps},
};
use crate::Stream;
use bytes::Bytes;
use squall_protocol::Role;
use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep_until},
};

/// Bytes that wait in one direction before no more are taken, about what a kernel keeps.
const WINDOW: usize = 256 * 1024;
/// Bytes that are read at once where they have to wait.
const CHUNK: usize = 16 * 1024;

/// A stream that ends, stalls and comes in pieces as its taps say.
///
/// Its reader has to be polled: that is what moves bytes that wait, in both directions, and where the end is told. After
/// a cut by reset or in order the inner stream is ended so, once everything before the cut was written; over real
/// sockets a reset may overtake what the peer has not read. What still waits when it is dropped is written at once, as
/// far as the inner stream takes it.
pub struct Tapped<S: Stream> {
    /// Gone once the tap has ended the connection.
    inner: Option<S>,
    taps: Taps,
    /// Which of the connections it is.
    number: u64,
    /// Who holds this end.
    side: Role,
    incoming: Shaper,
    outgoing: Shaper,
    /// How the inner stream ended, and when its reader is told.
    end: Option<(u64, io::Result<()>)>,
    /// Who waits for room to write.
    writer: Option<Waker>,
    /// Until something that waits may pass.
    timer: Option<(u64, Pin<Box<Sleep>>)>,
}

impl Taps {
    /// Puts the tap on a stream of which this side holds one end. `told` is told when it is cut.
    pub fn on<S: Stream>(
        &self,
        stream: S,
        side: Role,
        told: impl FnOnce(Cut) + 'static,
    ) -> Tapped<S> {
        let state = &mut *self.shared.borrow_mut();
        state.tap.begin();
        state.connections += 1;
        state.now = Some(Now {
            cut: None,
            told: Some(Box::new(told)),
            reader: None,
        });
        Tapped {
            inner: Some(stream),
            taps: self.clone(),
            number: state.connections,
            side,
            incoming: Shaper::default(),
            outgoing: Shaper::default(),
            end: None,
            writer: None,
            timer: None,
        }
    }
}

impl<S: Stream> fmt::Debug for Tapped<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Tapped");
        shown.field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S: Stream> Tapped<S> {
    const fn other(&self) -> Role {
        match self.side {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        }
    }

    /// The time, after taking over how both directions are treated.
    fn adjust(&mut self) -> u64 {
        let state = &mut *self.taps.shared.borrow_mut();
        let (outgoing, incoming) = match self.side {
            Role::Client => (state.up, state.down),
            Role::Server => (state.down, state.up),
        };
        self.outgoing.adjust(outgoing.shape, outgoing.stalled);
        self.incoming.adjust(incoming.shape, incoming.stalled);
        let nothing_waits = self.outgoing.held() == 0 && self.incoming.held() == 0;
        state.time(nothing_waits && self.end.is_none())
    }

    fn cut(&self) -> Option<Ending> {
        let state = self.taps.shared.borrow();
        let now = state
            .now
            .as_ref()
            .filter(|_| state.connections == self.number);
        now.and_then(|now| now.cut)
    }

    /// Lets bytes pass the tap; gives how many.
    fn pass(&mut self, from: Role, bytes: &[u8]) -> usize {
        let (passage, tell) = {
            let state = &mut *self.taps.shared.borrow_mut();
            // A newer connection is watched now.
            if state.connections != self.number {
                return bytes.len();
            }
            let passage = state.tap.pass(from, bytes);
            let now = state.now.as_mut();
            (passage, passage.cut.zip(now).map(|(cut, now)| now.end(cut)))
        };
        tell.into_iter().for_each(|tell| tell());
        passage.bytes
    }

    /// Writes what may pass; an error ends the connection for the reader.
    fn pump(&mut self, now: u64, cx: &mut Context<'_>) -> io::Result<()> {
        let Some(inner) = self.inner.as_mut() else {
            return Ok(());
        };
        loop {
            let piece = self.outgoing.peek(now, usize::MAX);
            if piece.is_empty() {
                return Ok(());
            }
            match Pin::new(&mut *inner).poll_write(cx, &piece) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(n)) => {
                    self.outgoing.advance(n);
                    self.writer.take().into_iter().for_each(Waker::wake);
                }
                Poll::Ready(Err(e)) => return Err(e),
            }
        }
    }

    /// Ends the inner stream if it was cut and everything before the cut was written. Whether it is at its end.
    fn finish(&mut self) -> bool {
        let by = self.cut().filter(|by| *by != Ending::Silence);
        if by.is_none() || (self.outgoing.held() > 0 && self.inner.is_some()) {
            return false;
        }
        match (self.inner.take(), by) {
            (Some(inner), Some(Ending::Reset)) => Box::new(inner).reset(),
            (inner, _) => drop(inner),
        }
        true
    }

    /// Waits until something may pass.
    fn wait<T>(&mut self, now: u64, cx: &mut Context<'_>) -> Poll<T> {
        let start = {
            let state = &mut *self.taps.shared.borrow_mut();
            if let Some(current) = &mut state.now
                && state.connections == self.number
            {
                current.reader = Some(cx.waker().clone());
            }
            state.start
        };
        let ends = self.end.as_ref().map(|(at, _)| *at);
        let deadlines = [self.incoming.deadline(), self.outgoing.deadline(), ends];
        // What is due already waits for something else, which wakes for itself.
        let next = deadlines.into_iter().flatten().filter(|at| *at > now).min();
        let (Some(at), Some(start)) = (next, start) else {
            return Poll::Pending;
        };
        if self.timer.as_ref().is_none_or(|(set, _)| *set != at) {
            let sleep = sleep_until(start + Duration::from_millis(at));
            self.timer = Some((at, Box::pin(sleep)));
        }
        if let Some((_, sleep)) = &mut self.timer
            && sleep.as_mut().poll(cx).is_ready()
        {
            self.timer = None;
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Reads from the inner stream: into `buf` where bytes pass as they come, else into those that wait. Ready when it is
    /// to be looked at again.
    fn fill(&mut self, now: u64, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<()> {
        let (from, ended) = (self.other(), self.end.is_some());
        let Some(inner) = self.inner.as_mut().filter(|_| !ended) else {
            return Poll::Pending;
        };
        if self.incoming.is_open(now) {
            let before = buf.filled().len();
            let read = ready!(Pin::new(inner).poll_read(cx, buf));
            if read.is_err() || buf.filled().len() == before {
                self.end = Some((now, read));
                return Poll::Ready(());
            }
            let bytes = buf.filled()[before..].to_vec();
            let passed = self.pass(from, &bytes);
            buf.set_filled(before + passed);
            return Poll::Ready(());
        }
        if self.incoming.held() >= WINDOW {
            return Poll::Pending;
        }
        let mut chunk = [0; CHUNK];
        let mut chunk = ReadBuf::new(&mut chunk);
        let read = ready!(Pin::new(inner).poll_read(cx, &mut chunk));
        if read.is_err() || chunk.filled().is_empty() {
            self.end = Some((self.incoming.due(now), read));
            return Poll::Ready(());
        }
        let passed = self.pass(from, chunk.filled());
        let bytes = Bytes::copy_from_slice(&chunk.filled()[..passed]);
        self.incoming.push(now, bytes);
        Poll::Ready(())
    }
}

impl<S: Stream> Drop for Tapped<S> {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.as_mut() {
            let mut cx = Context::from_waker(Waker::noop());
            let rest = self.outgoing.all();
            if !rest.is_empty() && self.taps.shared.try_borrow().is_ok() {
                let _ = Pin::new(inner).poll_write(&mut cx, &rest);
            }
        }
        if let Ok(mut state) = self.taps.shared.try_borrow_mut()
            && state.connections == self.number
        {
            state.now = None;
        }
    }
}

impl<S: Stream> Stream for Tapped<S> {
    fn reset(mut self: Box<Self>) {
        if let Some(inner) = self.inner.take() {
            Box::new(inner).reset();
        }
    }
}

impl<S: Stream> AsyncRead for Tapped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            let now = this.adjust();
            if let Err(e) = this.pump(now, cx) {
                this.end.get_or_insert((now, Err(e)));
            }
            let piece = this.incoming.pop(now, buf.remaining());
            if !piece.is_empty() {
                buf.put_slice(&piece);
                return Poll::Ready(Ok(()));
            }
            let drained = this.incoming.held() == 0 && !this.incoming.is_stalled(now);
            match this.cut() {
                Some(by) if drained && this.finish() => {
                    return Poll::Ready(match by {
                        Ending::Reset => Err(io::ErrorKind::ConnectionReset.into()),
                        _ => Ok(()),
                    });
                }
                Some(_) => return this.wait(now, cx),
                None => {}
            }
            if let Some((at, _)) = &this.end
                && drained
                && *at <= now
            {
                let (_, end) = this.end.take().expect("it was just looked at");
                // Whoever reads on after the end is told so again.
                this.end = Some((now, Ok(())));
                return Poll::Ready(end);
            }
            let before = buf.filled().len();
            if this.fill(now, cx, buf).is_pending() {
                return this.wait(now, cx);
            }
            if buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: Stream> AsyncWrite for Tapped<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        // After a cut, writes vanish; the reading side tells who holds this end, at the same instant in every world.
        if this.cut().is_some() || this.inner.is_none() {
            return Poll::Ready(Ok(buf.len()));
        }
        let now = this.adjust();
        this.pump(now, cx)?;
        if this.outgoing.held() >= WINDOW {
            this.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        // What nothing holds up stays one piece, however large.
        let taken = match this.outgoing.is_open(now) {
            true => buf,
            false => &buf[..buf.len().min(WINDOW - this.outgoing.held())],
        };
        let passed = this.pass(this.side, taken);
        this.outgoing
            .push(now, Bytes::copy_from_slice(&buf[..passed]));
        this.pump(now, cx)?;
        this.finish();
        Poll::Ready(Ok(taken.len()))
    }

    /// What waits for its time is under way already.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let now = this.adjust();
        this.pump(now, cx)?;
        let inner = this.inner.as_mut();
        inner.map_or(Poll::Ready(Ok(())), |inner| Pin::new(inner).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let now = this.adjust();
        this.pump(now, cx)?;
        if this.outgoing.held() > 0 && this.inner.is_some() {
            return this.wait(now, cx);
        }
        let inner = this.inner.as_mut();
        inner.map_or(Poll::Ready(Ok(())), |inner| {
            Pin::new(inner).poll_shutdown(cx)
        })
    }
}
