//! A client's stream with the tap on it: the async clothing of [`crate::tap::Tap`].

use super::Shared;
use crate::{
    net::ConnIx,
    tap::{Cut, Tap},
    trace::{Node, What},
};
use squall_protocol::{Role, Time};
use squall_scenarios::model::{ClientIx, CutBy};
use std::{
    cell::RefCell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The tap of one client and what it did to the current connection.
pub(super) struct TapState {
    pub(super) tap: Tap,
    /// The connection that is open, if one is.
    open: Option<ConnIx>,
    cut: Option<CutBy>,
    reader: Option<Waker>,
}

impl TapState {
    pub(super) fn new(tap: Tap) -> Self {
        Self {
            tap,
            open: None,
            cut: None,
            reader: None,
        }
    }

    /// Cuts the current connection, if there is one that is whole.
    pub(super) fn cut_now(&mut self, by: CutBy) -> Option<ConnIx> {
        let conn = self.open.filter(|_| self.cut.is_none())?;
        self.cut = Some(by);
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
        Some(conn)
    }
}

/// Writes the cut down, and silences the connection if that is what the cut means.
pub(super) fn note_cut(shared: &mut Shared, at: Time, client: ClientIx, conn: ConnIx, cut: Cut) {
    shared.record(at, Node::Client(client), What::Cut(cut));
    if cut.by == CutBy::Silence {
        shared.net.kill(at.as_millis(), conn);
    }
}

/// A stream that dies where the tap says so.
pub(super) struct Tapped<S> {
    /// Gone once the connection was reset or closed by the tap.
    inner: Option<S>,
    state: Rc<RefCell<TapState>>,
    shared: Rc<RefCell<Shared>>,
    client: ClientIx,
    conn: ConnIx,
}

impl<S> Tapped<S> {
    pub(super) fn new(
        inner: S,
        state: Rc<RefCell<TapState>>,
        shared: Rc<RefCell<Shared>>,
        client: ClientIx,
        conn: ConnIx,
    ) -> Self {
        {
            let state = &mut *state.borrow_mut();
            state.tap.begin();
            state.open = Some(conn);
            state.cut = None;
            state.reader = None;
        }
        Self {
            inner: Some(inner),
            state,
            shared,
            client,
            conn,
        }
    }

    /// Lets bytes pass the tap; gives how many.
    fn pass(&self, from: Role, bytes: &[u8]) -> usize {
        let state = &mut *self.state.borrow_mut();
        let passage = state.tap.pass(from, bytes);
        if let Some(cut) = passage.cut {
            state.cut = Some(cut.by);
            let shared = &mut *self.shared.borrow_mut();
            note_cut(shared, shared.now, self.client, self.conn, cut);
        }
        passage.bytes
    }

    fn cut(&self) -> Option<CutBy> {
        self.state.borrow().cut
    }
}

impl<S> Drop for Tapped<S> {
    fn drop(&mut self) {
        if let Ok(mut state) = self.state.try_borrow_mut()
            && state.open == Some(self.conn)
        {
            state.open = None;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tapped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.cut() {
            Some(CutBy::Reset) => {
                self.inner = None;
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            Some(CutBy::Close) => {
                self.inner = None;
                return Poll::Ready(Ok(()));
            }
            Some(CutBy::Silence) => return Poll::Pending,
            None => {}
        }
        let before = buf.filled().len();
        let Some(inner) = self.inner.as_mut() else {
            return Poll::Ready(Ok(()));
        };
        match Pin::new(inner).poll_read(cx, buf) {
            Poll::Pending => {
                self.state.borrow_mut().reader = Some(cx.waker().clone());
                Poll::Pending
            }
            Poll::Ready(result) => {
                let passed = self.pass(Role::Server, &buf.filled()[before..]);
                let nothing = passed == 0 && buf.filled().len() > before;
                buf.set_filled(before + passed);
                // An empty read would mean the end of the stream: look again, now that it is cut.
                if nothing {
                    self.poll_read(cx, buf)
                } else {
                    Poll::Ready(result)
                }
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tapped<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        // After a cut, writes vanish; the reading side tells the client, at the same instant in every world.
        if self.cut().is_some() {
            return Poll::Ready(Ok(buf.len()));
        }
        let passed = self.pass(Role::Client, buf);
        let cut = self.cut().is_some_and(|by| by != CutBy::Silence);
        if let (Some(inner), true) = (self.inner.as_mut(), passed > 0) {
            match Pin::new(inner).poll_write(cx, &buf[..passed]) {
                Poll::Ready(Ok(n)) if n == passed => {}
                other => {
                    panic!("a simulated socket always takes a whole packet, but said {other:?}")
                }
            }
        }
        if cut {
            self.inner = None;
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner
            .as_mut()
            .map_or(Poll::Ready(Ok(())), |inner| Pin::new(inner).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.as_mut().map_or(Poll::Ready(Ok(())), |inner| {
            Pin::new(inner).poll_shutdown(cx)
        })
    }
}
