//! The history of a run in the words the oracles use: messages, deliveries, connections, sessions, subscriptions.
//!
//! Sessions and subscriptions are a model of their own, built from the packets on the broker's side of the wire.

use super::reader;
use crate::{
    director::Order,
    plan::OBSERVER,
    scenario::model::{ClientIx, Scenario, Step, StepKind},
    trace::{Record, Trace, What},
};
use bytes::Bytes;
use squall_broker::{CloseCause, ConnId};
use squall_client::Message;
use squall_protocol::{
    QoS, ReasonCode, Text, Time, Version,
    packet::{Connect, Subscription, Will},
    topic::TopicFilter,
};
use std::collections::BTreeMap;

/// Index of a record in the trace.
pub(super) type Ix = usize;

/// What identifies an application message: scenarios give every message they count a topic and payload of its own.
pub(super) type MessageId = (Text, Bytes);

/// The history of one run.
pub struct History<'a> {
    pub(super) plan: &'a Scenario,
    pub(super) version: Version,
    pub(super) records: &'a [Record],
    /// Messages handed to clients, in order.
    pub(super) published: Vec<Published>,
    /// Messages handed to applications, in order.
    pub(super) delivered: Vec<Delivered>,
    /// Network connections as the broker saw them.
    pub(super) connections: Vec<Connection>,
    /// PUBLISH packets the broker received and sent, in order.
    pub(super) packets: Vec<PublishSeen>,
    /// Subscriptions, ended or not.
    pub(super) subscriptions: Vec<Subscribed>,
    /// Every subscribe request for one filter, also of a subscription that existed.
    pub(super) requests: Vec<Request>,
    /// Messages by identity: indices into `published`, in order.
    pub(super) by_id: BTreeMap<MessageId, Vec<usize>>,
    /// Messages by identity: how many times they were published by a client.
    pub(super) copies: BTreeMap<MessageId, usize>,
    /// Where the story ends with a `settle`: the first half of it has passed by this time, and what is under way then
    /// must have arrived at the end.
    pub(super) settled: Option<Time>,
}

/// A message that was handed to a client for publishing.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) by: ClientIx,
    pub(super) message: Message,
    pub(super) at: Time,
    pub(super) ix: Ix,
    /// PUBACK, PUBCOMP or an error: record and reason code.
    pub(super) acknowledged: Option<(Ix, ReasonCode)>,
    pub(super) abandoned: bool,
    /// First PUBLISH of it that reached the broker.
    pub(super) arrived: Option<Ix>,
}

impl Published {
    pub(super) fn id(&self) -> MessageId {
        (self.message.topic.clone(), self.message.payload.clone())
    }

    /// The broker has taken responsibility for it.
    pub(super) fn completed(&self) -> bool {
        self.acknowledged
            .is_some_and(|(_, reason)| !reason.is_error())
    }
}

/// A message that was handed to an application.
#[derive(Clone, Debug)]
pub(super) struct Delivered {
    pub(super) to: ClientIx,
    pub(super) message: Message,
    pub(super) at: Time,
    pub(super) ix: Ix,
}

impl Delivered {
    pub(super) fn id(&self) -> MessageId {
        (self.message.topic.clone(), self.message.payload.clone())
    }
}

/// A network connection, from the broker's side.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) client: ClientIx,
    /// The CONNECT, once it came.
    pub(super) connect: Option<(Ix, Box<Connect>)>,
    /// The CONNACK: record, Session Present, reason code.
    pub(super) answered: Option<(Ix, bool, ReasonCode)>,
    /// Keep Alive in force, in seconds.
    pub(super) keep_alive: u16,
    /// Session Expiry Interval in force; `None` never expires.
    pub(super) expiry: Option<u32>,
    /// A DISCONNECT the broker sent.
    pub(super) told: Option<ReasonCode>,
    pub(super) closed: Option<(Ix, Time, CloseCause)>,
    /// A cut made it silent: both ends may believe in it, and nothing passes.
    pub(super) silenced: bool,
    /// Times at which packets came from the client.
    pub(super) heard: Vec<(Ix, Time)>,
}

impl Connection {
    pub(super) fn accepted(&self) -> bool {
        self.answered
            .is_some_and(|(_, _, reason)| reason == ReasonCode::SUCCESS)
    }

    pub(super) fn will(&self) -> Option<&Will> {
        self.connect.as_ref()?.1.will.as_ref()
    }
}

/// Which way a packet went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    ToBroker,
    FromBroker,
}

/// A PUBLISH on the broker's side of the wire.
#[derive(Clone, Debug)]
pub(super) struct PublishSeen {
    pub(super) client: ClientIx,
    pub(super) direction: Direction,
    pub(super) id: MessageId,
    pub(super) dup: bool,
    pub(super) retain: bool,
    /// The first of its QoS 2 flow, or not QoS 2.
    pub(super) fresh: bool,
    pub(super) expires: bool,
    pub(super) ix: Ix,
}

/// A subscription while it lasts.
#[derive(Clone, Debug)]
pub(super) struct Subscribed {
    pub(super) client: ClientIx,
    pub(super) subscription: Subscription,
    pub(super) granted: QoS,
    pub(super) since: Ix,
    /// Record at which it ended: UNSUBSCRIBE, replacement, or the end of its session.
    pub(super) until: Option<Ix>,
}

/// One topic filter of one SUBSCRIBE that was granted.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) client: ClientIx,
    pub(super) filter: TopicFilter,
    pub(super) wants_retained: bool,
    pub(super) conn: ConnId,
    pub(super) at: Time,
    pub(super) ix: Ix,
}

impl<'a> History<'a> {
    /// Reads a trace. `told`: the story was told to its end.
    #[must_use]
    pub fn of(plan: &'a Scenario, version: Version, trace: &'a Trace, told: bool) -> Self {
        let history = Self {
            plan,
            version,
            records: trace.records(),
            published: Vec::new(),
            delivered: Vec::new(),
            connections: Vec::new(),
            packets: Vec::new(),
            subscriptions: Vec::new(),
            requests: Vec::new(),
            by_id: BTreeMap::new(),
            copies: BTreeMap::new(),
            settled: settled(plan, trace).filter(|_| told),
        };
        reader::read(history, trace)
    }

    /// What was published with this identity, in order.
    pub(super) fn published_as(&self, id: &MessageId) -> impl Iterator<Item = &Published> {
        let indices = self.by_id.get(id).map_or(&[][..], Vec::as_slice);
        indices.iter().map(|n| &self.published[*n])
    }

    /// Name of a client in the scenario.
    pub(super) fn name(&self, client: ClientIx) -> &'a str {
        &self.plan.clients[client].name
    }

    /// Whether two clients of the story are one to the broker.
    pub(super) fn same_session(&self, a: ClientIx, b: ClientIx) -> bool {
        a == b || self.plan.clients[a].client_id == self.plan.clients[b].client_id
    }

    /// Whether the client's last connection was open during the second half of the final settle, and still is: time
    /// enough for everything to drain.
    pub(super) fn online_at_end(&self, client: ClientIx) -> bool {
        let Some(settled) = self.settled else {
            return false;
        };
        let last = self
            .connections
            .iter()
            .rev()
            .find(|c| self.same_session(c.client, client));
        last.is_some_and(|c| {
            let in_time = c.answered.is_some_and(|(ix, ..)| self.at(ix) <= settled);
            c.accepted() && c.closed.is_none() && !c.silenced && in_time
        })
    }

    /// Time of a record.
    pub(super) fn at(&self, ix: Ix) -> Time {
        self.records[ix].at
    }
}

/// The middle of the settle that ends the story itself (without the observer's part), if one does.
fn settled(plan: &Scenario, trace: &Trace) -> Option<Time> {
    let StepKind::Settle(time) = own_steps(plan).last()?.kind else {
        return None;
    };
    // A settle begins by sending again whatever waits.
    let begins = |r: &&Record| matches!(r.what, What::Order(Order::Nudge(_)));
    let began = trace.records().iter().rev().find(begins)?.at;
    Some(began + time / 2)
}

/// The steps without what a plan adds at the end for the observer: a connect, a subscribe and a wait.
fn own_steps(plan: &Scenario) -> &[Step] {
    let Some(observer) = plan.clients.iter().position(|c| c.name == OBSERVER) else {
        return &plan.steps;
    };
    let by_observer = |s: &Step| s.client() == Some(observer);
    let added = |s: &Step| by_observer(s) || matches!(s.kind, StepKind::Wait(_));
    let own = plan
        .steps
        .iter()
        .rposition(|s| !added(s))
        .map_or(0, |n| n + 1);
    // Waits of the story itself may stand in front of what was added.
    let first_added = plan.steps[own..].iter().position(by_observer);
    &plan.steps[..first_added.map_or(plan.steps.len(), |n| own + n)]
}
