//! One connection's tasks: a reader that calls the core, a writer that sends one packet a write, and a quiet end.

use super::{
    core::Core,
    line::{Line, Waiting},
};
use crate::{ConnId, Hangup};
use bytes::Bytes;
use std::{io, rc::Rc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split},
    select,
    sync::{
        Notify,
        mpsc::{UnboundedReceiver, unbounded_channel},
    },
    task::{JoinSet, unconstrained, yield_now},
    time::sleep,
};

/// How long a closed connection may take to send its last packets, and its peer to hang up.
pub(super) const GRACE: Duration = Duration::from_secs(5);
const READ_BYTES: usize = 16 * 1024;
/// What a connection may say before others have their turn. Far more than arrives in one instant of a simulation.
const TURN_BYTES: usize = 256 << 10;

/// Starts the tasks of a connection. They run only after the caller has told the core.
pub(super) fn open<S>(tasks: &mut JoinSet<()>, core: &Rc<Core>, conn: ConnId, stream: S) -> Line
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (read_half, write_half) = split(stream);
    let (packets, queue) = unbounded_channel();
    let waiting = Rc::new(Waiting::new(core.outgoing()));
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
            waiting.sent(packet.len());
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
