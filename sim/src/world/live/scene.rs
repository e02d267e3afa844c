//! What the clients of a live run and the one who plays it share.

use super::line::{Line, Parcel, Post};
use crate::{
    net::{ConnIx, Network, Way},
    trace::{Node, Record, Trace, What},
};
use squall_protocol::Time;
use std::{cell::RefCell, rc::Rc};
use tokio::{sync::Notify, task::JoinSet, time::Instant};

pub(super) type Tasks = Rc<RefCell<JoinSet<()>>>;

/// What the clients and the one who plays the story share.
pub(super) struct Shared {
    pub(super) start: Instant,
    pub(super) trace: Trace,
    pub(super) net: Network<Parcel>,
    /// By connection, once it is open.
    pub(super) lines: Vec<Option<Rc<RefCell<Line>>>>,
}

impl Shared {
    /// Whole milliseconds since the beginning; never less than what was written already.
    pub(super) fn now(&self) -> Time {
        let now = Time::ZERO + self.start.elapsed();
        let written = self.trace.records().last().map_or(Time::ZERO, |r| r.at);
        now.max(written)
    }

    pub(super) fn record(&mut self, node: Node, what: What) {
        let at = self.now();
        self.trace.push(Record { at, node, what });
    }
}

/// [`Shared`], and how to wake the one who plays.
#[derive(Clone)]
pub(super) struct Scene {
    pub(super) shared: Rc<RefCell<Shared>>,
    pub(super) news: Rc<Notify>,
    pub(super) tasks: Tasks,
}

impl Scene {
    pub(super) fn record(&self, node: Node, what: What) {
        self.shared.borrow_mut().record(node, what);
        self.news.notify_one();
    }
}

impl Post for Scene {
    fn post(&mut self, conn: ConnIx, way: Way, parcel: Parcel) -> bool {
        let shared = &mut *self.shared.borrow_mut();
        let now = shared.now().as_millis();
        self.news.notify_one();
        shared.net.send(now, conn, way, parcel.kind(), parcel)
    }
}
