//! One connection's tasks: a reader that calls the core, a writer that sends one packet a write, and a quiet end.

use super::Core;
use crate::{ConnId, Hangup};
use bytes::Bytes;
use std::{cell::Cell, io, rc::Rc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split},
    select,
    sync::{
        Notify,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    task::{AbortHandle, JoinSet, unconstrained, yield_now},
    time::sleep,
};

/// The core's end of a connection. Dropping it lets the writer finish and then close.
pub(super) struct Line {
    packets: UnboundedSender<Bytes>,
    waiting: Rc<Waiting>,
    reader: AbortHandle,
    writer: AbortHandle,
}

/// What both tasks and the core's end share.
struct Waiting {
    /// Bytes that were handed to the writer and not yet to the transport.
    bytes: Cell<usize>,
    /// The same of all connections.
    in_all: Rc<Cell<usize>>,
    reader_closes: Notify,
    writer_closes: Notify,
}

impl Waiting {
    fn set(&self, bytes: usize) {
        self.in_all
            .set(self.in_all.get() - self.bytes.get() + bytes);
        self.bytes.set(bytes);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// Starts the tasks of a connection. They run only after the caller has told the core.
pub(super) fn open<S>(tasks: &mut JoinSet<()>, core: &Rc<Core>, conn: ConnId, stream: S) -> Line
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (read_half, write_half) = split(stream);
    let (packets, queue) = unbounded_channel();
    let waiting = Rc::new(Waiting {
        bytes: Cell::new(0),
        in_all: core.outgoing(),
        reader_closes: Notify::new(),
        writer_closes: Notify::new(),
    });
    let read = read(Rc::clone(core), conn, read_half, Rc::clone(&waiting));
    let write = write(
        Rc::clone(core),
        conn,
        write_half,
        queue,
        Rc::clone(&waiting),
    );
    Line {
        packets,
        waiting,
        reader: tasks.spawn_local(unconstrained(read)),
        writer: tasks.spawn_local(unconstrained(write)),
    }
}

impl Line {
    /// Hands one packet to the writer; `false` when that would be more than `limit` bytes waiting.
    pub(super) fn send(&self, packet: Bytes, limit: usize) -> bool {
        let bytes = self.waiting.bytes.get() + packet.len() + PACKET_BYTES;
        if bytes > limit {
            return false;
        }
        self.waiting.set(bytes);
        // The writer may have failed; then the end of the connection is on its way to the core.
        let _ = self.packets.send(packet);
        true
    }

    /// Bytes that wait for the transport.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.bytes.get()
    }

    /// Closes once everything was sent, or could not be within [`GRACE`].
    pub(super) fn close(self) {
        self.waiting.reader_closes.notify_one();
        self.waiting.writer_closes.notify_one();
    }

    /// Drops the connection at once.
    pub(super) fn abort(self) {
        self.reader.abort();
        self.writer.abort();
        // The writer lets go of its packets when it is next awake.
        self.waiting.set(0);
    }
}

/// Hands what arrives to the core. After the core has closed the connection it reads on for a while and throws away:
/// a socket that is closed with unread bytes is reset, and the peer would lose our last packet.
async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    core: Rc<Core>,
    conn: ConnId,
    mut half: ReadHalf<S>,
    waiting: Rc<Waiting>,
) {
    let listen = async {
        let mut buffer = vec![0; READ_BYTES];
        let mut turn = 0;
        loop {
            match half.read(&mut buffer).await {
                Ok(0) => return Hangup::Eof,
                Ok(n) => {
                    core.bytes(conn, &buffer[..n]);
                    turn += n;
                    if turn > TURN_BYTES {
                        // Who sends without end must not keep others, the clock and signals waiting.
                        turn = 0;
                        yield_now().await;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Hangup::Reset,
            }
        }
    };
    select! {
        biased;
        how = listen => core.closed(conn, how),
        () = grace(&waiting.reader_closes) => {}
    }
}

/// Sends packet by packet, then closes our side.
async fn write<S: AsyncRead + AsyncWrite + Unpin>(
    core: Rc<Core>,
    conn: ConnId,
    mut half: WriteHalf<S>,
    mut queue: UnboundedReceiver<Bytes>,
    waiting: Rc<Waiting>,
) {
    let send = async {
        while let Some(packet) = queue.recv().await {
            half.write_all(&packet).await?;
            half.flush().await?;
            let sent = packet.len() + PACKET_BYTES;
            waiting.set(waiting.bytes.get().saturating_sub(sent));
        }
        half.shutdown().await
    };
    select! {
        biased;
        sent = send => if sent.is_err() {
            // Nothing to report when the core has closed it already.
            core.closed(conn, Hangup::Reset);
        },
        () = grace(&waiting.writer_closes) => {}
    }
}

/// Ends [`GRACE`] after the connection was closed.
async fn grace(closes: &Notify) {
    closes.notified().await;
    sleep(GRACE).await;
}

/// How long a closed connection may take to send its last packets, and its peer to hang up.
const GRACE: Duration = Duration::from_secs(5);
const READ_BYTES: usize = 16 * 1024;
/// What a connection may say before others have their turn. Far more than arrives in one instant of a simulation.
const TURN_BYTES: usize = 256 << 10;
/// What a waiting packet takes beside its bytes.
const PACKET_BYTES: usize = 128;
