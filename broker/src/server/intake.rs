//! What arrives on a connection on its way to the core, a fair turn at a time.

use super::{core::Core, halves::Source, line::Waiting};
use crate::{ConnId, Hangup};
use std::{
    io, mem,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, ReadBuf};

/// What a connection may make the server do before others have their turn: bytes that arrive, and for each packet that
/// is sent on, its bytes and [`crate::Output::PACKET_BYTES`]. Far more than happens in one instant of a simulation.
const TURN_WORK: usize = 256 << 10;
/// What a portion of it is to be: of those whom it makes somebody wait for, each may go as far beyond before it stops.
const PORTION_WORK: usize = 64 << 10;
/// Bytes that the core is given at once; fewer where they make much work.
const MOST_BYTES: usize = 16 << 10;
const FEWEST_BYTES: usize = 64;

/// One connection's.
pub(super) struct Intake {
    /// Read, and left for the next turn.
    rest: Vec<u8>,
    /// What was done in this turn.
    work: usize,
    /// Bytes that the core is given next.
    portion: usize,
}

/// How a turn ends.
pub(super) enum Turn {
    /// Others come first now.
    Over,
    /// Somebody is sent more than the transport takes.
    Pressed(Rc<Waiting>),
    /// The client does not take its answers.
    Unread,
    /// It is not known yet who the client is.
    Unverified,
    /// Nothing more will come.
    Ended(Hangup),
}

impl Intake {
    pub(super) const fn new() -> Self {
        Self {
            rest: Vec::new(),
            work: 0,
            portion: FEWEST_BYTES,
        }
    }

    /// One turn: hands what arrives to the core, until that was enough.
    pub(super) fn poll<S: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        core: &Core,
        conn: ConnId,
        stream: &mut Source<S>,
        own: &Waiting,
    ) -> Poll<Turn> {
        loop {
            let rest = mem::take(&mut self.rest);
            if let Some(turn) = self.hand_on(core, conn, &rest, own) {
                return Poll::Ready(turn);
            }
            let mut buffer = core.buffer();
            let mut bytes = ReadBuf::new(&mut buffer);
            let read = Pin::new(&mut *stream).poll_read(cx, &mut bytes);
            if read.is_pending() {
                // Others have their turn by themselves.
                self.work = 0;
            }
            match ready!(read) {
                Ok(()) if bytes.filled().is_empty() => {
                    return Poll::Ready(Turn::Ended(Hangup::Eof));
                }
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Poll::Ready(Turn::Ended(Hangup::Reset)),
            }
            if let Some(peer) = stream.introduced() {
                core.peer(conn, peer);
            }
            if let Some(turn) = self.hand_on(core, conn, bytes.filled(), own) {
                return Poll::Ready(turn);
            }
        }
    }

    /// Hands bytes to the core. When that ends the turn, the others are kept.
    fn hand_on(
        &mut self,
        core: &Core,
        conn: ConnId,
        mut bytes: &[u8],
        own: &Waiting,
    ) -> Option<Turn> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(self.portion.min(bytes.len()));
            let done = core.bytes(conn, now);
            bytes = later;
            self.count(now.len(), done.work);
            let turn = match done.pressed {
                Some(line) => Turn::Pressed(line),
                None if own.is_unverified() => Turn::Unverified,
                None if own.is_unread() => Turn::Unread,
                None if self.work > TURN_WORK => Turn::Over,
                None => continue,
            };
            self.work = 0;
            self.rest = later.to_vec();
            return Some(turn);
        }
        None
    }

    /// So many bytes made so much work: the next portion is such that it makes about [`PORTION_WORK`], where that is
    /// possible. As the work comes with the end of a packet, what made none says little of the next bytes: at most
    /// twice as many are tried.
    fn count(&mut self, bytes: usize, work: usize) {
        self.work += bytes + work;
        let times = work / bytes + 1;
        let portion = (PORTION_WORK / times).min(2 * bytes);
        self.portion = portion.clamp(FEWEST_BYTES, MOST_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_makes_much_work_is_heard_in_small_portions() {
        let mut intake = Intake::new();
        assert_eq!(intake.portion, FEWEST_BYTES);
        for _ in 0..10 {
            intake.count(intake.portion, 0);
        }
        assert_eq!(intake.portion, MOST_BYTES, "it makes none");
        // 20 bytes for a thousand clients.
        intake.count(2_000, 100 * 1_000 * 150);
        assert_eq!(intake.portion, FEWEST_BYTES);
        intake.count(FEWEST_BYTES, 0);
        assert_eq!(
            intake.portion,
            2 * FEWEST_BYTES,
            "a packet that is not whole makes none, and says nothing of the next"
        );
        // Ten clients.
        intake.count(2_000, 100 * 10 * 150);
        assert_eq!(intake.portion, PORTION_WORK / 76);
    }
}
