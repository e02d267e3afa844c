//! How long one wait reads on, and how often others come to run meanwhile.

use super::intake::Intake;
use tokio::{task::yield_now, time::Instant};

/// Packets after which others come to run.
pub(super) const PACKETS_AT_A_TIME: u32 = 64;
/// Reads after which others come to run.
const READS_AT_A_TIME: u32 = 8;
/// Reads after the deadline, of what is there already: as much as the longest packet.
const LATE_READS: u32 = 1 + Intake::LARGEST_PACKET / Intake::CHUNK as u32;

/// How long one wait reads on. A read whose bytes are there is never late by itself, so a server that does not stop
/// would have no end; and what has arrived in time is read although this machine was too busy to look earlier.
pub(super) struct Pace {
    deadline: Instant,
    reads: u32,
    late: u32,
}

impl Pace {
    pub(super) const fn new(deadline: Instant) -> Self {
        Self {
            deadline,
            reads: 0,
            late: 0,
        }
    }

    /// Lets others run now and then; `false` when there is no further read.
    pub(super) async fn go_on(&mut self) -> bool {
        if self.reads == READS_AT_A_TIME {
            self.reads = 0;
            yield_now().await;
        }
        self.reads += 1;
        if Instant::now() >= self.deadline {
            self.late += 1;
        }
        self.late <= LATE_READS
    }
}
