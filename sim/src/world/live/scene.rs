//! What the clients of a live run and the one who plays it share.

use crate::{
    net::{ConnIx, Network, Way},
    trace::{Node, Record, Trace, What},
    world::line::{Line, Parcel, Post},
};
use squall_protocol::Time;
use std::{cell::RefCell, rc::Rc};
use tokio::{sync::Notify, task::JoinSet, time::Instant};

pub(in crate::world) type Tasks = Rc<RefCell<JoinSet<()>>>;

/// What the clients and the one who plays the story share.
pub(in crate::world) struct Shared {
    pub(in crate::world) start: Instant,
    pub(in crate::world) trace: Trace,
    pub(in crate::world) net: Network<Parcel>,
    /// By connection, once it is open.
    pub(in crate::world) lines: Vec<Option<Rc<RefCell<Line>>>>,
}

impl Shared {
    /// Whole milliseconds since the beginning; never less than what was written already.
    pub(in crate::world) fn now(&self) -> Time {
        let now = Time::ZERO + self.start.elapsed();
        let written = self.trace.records().last().map_or(Time::ZERO, |r| r.at);
        now.max(written)
    }

    pub(in crate::world) fn record(&mut self, node: Node, what: What) {
        let at = self.now();
        self.trace.push(Record { at, node, what });
    }
}

/// [`Shared`], and how to wake the one who plays.
#[derive(Clone)]
pub(in crate::world) struct Scene {
    pub(in crate::world) shared: Rc<RefCell<Shared>>,
    pub(in crate::world) news: Rc<Notify>,
    pub(in crate::world) tasks: Tasks,
}

impl Scene {
    pub(in crate::world) fn record(&self, node: Node, what: What) {
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
