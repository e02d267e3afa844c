//! One connection's tasks: a reader that calls the core, a writer, and a quiet end. A packet is a write, unless the
//! transport takes many slices at once.

use super::{
    core::Core,
    halves::{Sink, Source, halves},
    intake::{Intake, Turn},
    line::{Line, Waiting},
};
use crate::{ConnId, Hangup};
use squall_transport::Peer;
use std::{future::poll_fn, io, rc::Rc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    select,
    sync::Notify,
    task::{JoinSet, unconstrained, yield_now},
    time::{sleep, timeout},
};

/// How long a closed connection may take to send its last packets, and its peer to hang up.
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// How long who sends much waits for those that are to get it. Who takes half of what may wait for it in this time
/// loses nothing; the others hold nobody up for longer.
const PAUSE: Duration = Duration::from_millis(20);
/// Writes to a client, and their bytes, before others have their turn. More than a simulation sends at once.
const TURN_WRITES: usize = 256;
const TURN_BYTES: usize = 256 << 10;

/// Starts the tasks of a connection. They run only after the caller has told the core. Who is at its other end is told it
/// by the reader, which asks `introduce`.
pub(super) fn open<S>(
    tasks: &mut JoinSet<()>,
    core: &Rc<Core>,
    conn: ConnId,
    stream: S,
    introduce: fn(&S) -> Option<Peer>,
) -> Line
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (read_half, write_half) = halves(stream, introduce);
    let waiting = Rc::new(Waiting::new(core.limits(), core.outgoing()));
    let read = read(Rc::clone(core), conn, read_half, Rc::clone(&waiting));
    let write = write(Rc::clone(core), conn, write_half, Rc::clone(&waiting));
    Line {
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
    mut half: Source<S>,
    waiting: Rc<Waiting>,
) {
    let listen = async {
        let mut intake = Intake::new();
        loop {
            let turn = poll_fn(|cx| intake.poll(cx, &core, conn, &mut half, &waiting));
            match turn.await {
                Turn::Ended(how) => return how,
                Turn::Over => {}
                // It is read no faster than those read who are to get it, as long as they do read.
                Turn::Pressed(line) => drop(Box::pin(timeout(PAUSE, line.eased())).await),
                Turn::Unread => waiting.read().await,
                Turn::Unverified => waiting.verified().await,
            }
            // Who sends without end must not keep others, the clock and signals waiting.
            yield_now().await;
        }
    };
    select! {
        biased;
        how = listen => core.closed(conn, how),
        () = grace(&waiting.reader_closes) => {}
    }
}

/// Sends what there is to send, then closes our side.
async fn write<S: AsyncRead + AsyncWrite + Unpin>(
    core: Rc<Core>,
    conn: ConnId,
    mut half: Sink<S>,
    waiting: Rc<Waiting>,
) {
    let send = async {
        let (mut writes, mut bytes) = (0, 0);
        while waiting.any().await {
            bytes += poll_fn(|cx| waiting.poll_write(cx, &mut half)).await?;
            half.flush().await?;
            writes += 1;
            if let Some(room) = waiting.news() {
                core.room(conn, room);
            }
            let over = writes >= TURN_WRITES || bytes >= TURN_BYTES;
            if over || waiting.is_empty() {
                (writes, bytes) = (0, 0);
            }
            if over {
                yield_now().await;
            }
        }
        half.shutdown().await
    };
    select! {
        biased;
        sent = send => {
            let sent: io::Result<()> = sent;
            if sent.is_err() {
                // Nothing to report when the core has closed it already.
                core.closed(conn, Hangup::Reset);
            }
        }
        () = grace(&waiting.writer_closes) => {}
    }
}

/// Ends [`GRACE`] after the connection was closed. Most connections are open: only one that closes takes room for a
/// timer.
async fn grace(closes: &Notify) {
    closes.notified().await;
    Box::pin(sleep(GRACE)).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Broker, Config};
    use squall_protocol::Time;
    use tokio::io::duplex;

    #[test]
    fn a_silent_connection_takes_little() {
        let broker = Box::new(Broker::new(Config::default()));
        let core = Rc::new(Core::new(broker, None, None, Time::ZERO));
        let waiting = Rc::new(Waiting::new(core.limits(), core.outgoing()));
        let (read_half, write_half) = halves(duplex(1).0, |_| None);
        let read = read(Rc::clone(&core), ConnId(0), read_half, Rc::clone(&waiting));
        let write = write(core, ConnId(0), write_half, Rc::clone(&waiting));
        let sizes = [
            size_of_val(&read),
            size_of_val(&write),
            size_of::<Waiting>(),
        ];
        assert!(sizes.iter().all(|bytes| *bytes <= 384), "{sizes:?}");
    }
}
