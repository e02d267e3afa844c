//! The core's end of a connection, and what it shares with the tasks that carry it.

use bytes::Bytes;
use std::{cell::Cell, rc::Rc};
use tokio::{
    sync::{Notify, mpsc::UnboundedSender},
    task::AbortHandle,
};

/// The core's end of a connection. Dropping it lets the writer finish and then close.
pub(super) struct Line {
    pub(super) packets: UnboundedSender<Bytes>,
    pub(super) waiting: Rc<Waiting>,
    pub(super) reader: AbortHandle,
    pub(super) writer: AbortHandle,
}

/// What both tasks and the core's end share.
pub(super) struct Waiting {
    /// Bytes that were handed to the writer and not yet to the transport.
    bytes: Cell<usize>,
    /// The same of all connections.
    in_all: Rc<Cell<usize>>,
    pub(super) reader_closes: Notify,
    pub(super) writer_closes: Notify,
}

impl Waiting {
    /// Nothing waits yet; `in_all` counts it together with others.
    pub(super) fn new(in_all: Rc<Cell<usize>>) -> Self {
        Self {
            bytes: Cell::new(0),
            in_all,
            reader_closes: Notify::new(),
            writer_closes: Notify::new(),
        }
    }

    /// A packet of so many bytes was handed to the transport.
    pub(super) fn sent(&self, packet: usize) {
        let sent = packet + PACKET_BYTES;
        self.set(self.bytes.get().saturating_sub(sent));
    }

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

    /// Closes once everything was sent, or could not be within [`GRACE`](super::carry::GRACE).
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

/// What a waiting packet takes beside its bytes.
const PACKET_BYTES: usize = 128;
