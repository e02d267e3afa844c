//! The history of a run in the words the oracles use: messages, deliveries, connections, sessions, subscriptions.
//!
//! Sessions and subscriptions are a model of their own, built from the packets on the broker's side of the wire.
//! Nothing is copied out of the trace, and whatever an oracle asks for by message, client or session is found through
//! an index: a history of a million records is judged in a time that grows with their number alone.

use super::{reader, subscriptions::Subscriptions};
use crate::{
    director::Order,
    trace::{Record, Trace, What},
};
use bytes::Bytes;
use squall_broker::{CloseCause, ConnId};
use squall_client::Message;
use squall_protocol::{
    ReasonCode, Text, Time, Version,
    packet::{Connect, Will},
    topic::TopicFilter,
};
use squall_scenarios::{
    model::{ClientIx, Scenario, Settle, Step, StepKind},
    plan::OBSERVER,
};
use std::collections::BTreeMap;

/// Index of a record in the trace.
pub(super) type Ix = usize;

/// Index of an application message in [`Messages`].
pub(super) type MessageIx = usize;

/// A session to the broker: the first client of the story with its Client Identifier.
pub(super) type SessionIx = ClientIx;

/// The history of one run.
pub struct History<'a> {
    pub(super) plan: &'a Scenario,
    pub(super) version: Version,
    pub(super) records: &'a [Record],
    /// Every application message there was.
    pub(super) messages: Messages<'a>,
    /// Messages handed to clients, in order.
    pub(super) published: Vec<Published<'a>>,
    /// Messages handed to applications, in order.
    pub(super) delivered: Vec<Delivered<'a>>,
    /// By client: indices into `delivered`, in order.
    pub(super) delivered_to: Vec<Vec<usize>>,
    /// Network connections as the broker saw them.
    pub(super) connections: Vec<Connection<'a>>,
    /// By client: indices into `connections`, in order.
    pub(super) connections_of: Vec<Vec<usize>>,
    /// By session: its connections that were accepted, in the order in which they were.
    pub(super) accepted: Vec<Vec<usize>>,
    /// PUBLISH packets the broker received and sent, in order.
    pub(super) packets: Vec<PublishSeen>,
    /// Subscriptions, ended or not.
    pub(super) subscriptions: Subscriptions<'a>,
    /// Every subscribe request for one filter, also of a subscription that existed.
    pub(super) requests: Vec<Request<'a>>,
    /// Where the story ends with a `settle`: the first half of it has passed by this time, and what is under way then
    /// must have arrived at the end.
    pub(super) settled: Option<Time>,
    /// By client.
    sessions: Vec<SessionIx>,
    /// By session: the latest of its connections.
    pub(super) last_of_session: Vec<Option<usize>>,
}

/// Application messages by what identifies them: scenarios give every message they count a topic and payload of its
/// own.
#[derive(Default)]
pub(super) struct Messages<'a> {
    all: Vec<Seen<'a>>,
    by_content: BTreeMap<(&'a str, &'a [u8]), MessageIx>,
}

/// Everything that carried one application message: indices into the lists of the history, in order.
pub(super) struct Seen<'a> {
    pub(super) topic: &'a Text,
    pub(super) payload: &'a Bytes,
    /// Into `published`: each time a client was given it.
    pub(super) published: Vec<usize>,
    /// Into `packets`.
    pub(super) packets: Vec<usize>,
    /// Into `delivered`.
    pub(super) delivered: Vec<usize>,
    /// Into `connections`: those whose will it is.
    pub(super) wills: Vec<usize>,
}

impl<'a> Messages<'a> {
    /// The number of a message; a new one when it was not seen before.
    pub(super) fn number(&mut self, topic: &'a Text, payload: &'a Bytes) -> MessageIx {
        let next = self.all.len();
        let n = *self.by_content.entry((topic, payload)).or_insert(next);
        if n == next {
            self.all.push(Seen {
                topic,
                payload,
                published: Vec::new(),
                packets: Vec::new(),
                delivered: Vec::new(),
                wills: Vec::new(),
            });
        }
        n
    }

    /// A message by its content, if it was ever seen.
    pub(super) fn find(&self, topic: &str, payload: &[u8]) -> Option<MessageIx> {
        self.by_content.get(&(topic, payload)).copied()
    }

    /// Messages of one topic, by payload.
    pub(super) fn on_topic(&self, topic: &'a str) -> impl Iterator<Item = MessageIx> {
        self.by_content
            .range((topic, &[][..])..)
            .take_while(move |((t, _), _)| *t == topic)
            .map(|(_, n)| *n)
    }

    pub(super) fn get(&self, n: MessageIx) -> &Seen<'a> {
        &self.all[n]
    }

    pub(super) fn get_mut(&mut self, n: MessageIx) -> &mut Seen<'a> {
        &mut self.all[n]
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}

/// A message that was handed to a client for publishing.
#[derive(Clone, Debug)]
pub(super) struct Published<'a> {
    pub(super) by: ClientIx,
    pub(super) what: MessageIx,
    pub(super) message: &'a Message,
    pub(super) at: Time,
    pub(super) ix: Ix,
    /// PUBACK, PUBCOMP or an error: record and reason code.
    pub(super) acknowledged: Option<(Ix, ReasonCode)>,
    pub(super) abandoned: bool,
    /// First PUBLISH of it that reached the broker.
    pub(super) arrived: Option<Ix>,
}

impl Published<'_> {
    /// The broker has taken responsibility for it.
    pub(super) fn completed(&self) -> bool {
        self.acknowledged
            .is_some_and(|(_, reason)| !reason.is_error())
    }
}

/// A message that was handed to an application.
#[derive(Clone, Debug)]
pub(super) struct Delivered<'a> {
    pub(super) to: ClientIx,
    pub(super) what: MessageIx,
    pub(super) message: &'a Message,
    pub(super) at: Time,
    pub(super) ix: Ix,
}

/// A network connection, from the broker's side.
#[derive(Clone, Debug)]
pub(super) struct Connection<'a> {
    pub(super) client: ClientIx,
    /// The CONNECT, once it came.
    pub(super) connect: Option<(Ix, &'a Connect)>,
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
    /// The last packet that came from the client.
    pub(super) heard: Option<(Ix, Time)>,
}

impl<'a> Connection<'a> {
    pub(super) fn accepted(&self) -> bool {
        self.answered
            .is_some_and(|(_, _, reason)| reason == ReasonCode::SUCCESS)
    }

    pub(super) fn will(&self) -> Option<&'a Will> {
        self.connect?.1.will.as_ref()
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
    pub(super) what: MessageIx,
    pub(super) dup: bool,
    pub(super) retain: bool,
    /// The first of its QoS 2 flow, or not QoS 2.
    pub(super) fresh: bool,
    pub(super) expires: bool,
    pub(super) ix: Ix,
}

/// One topic filter of one SUBSCRIBE that was granted.
#[derive(Clone, Debug)]
pub(super) struct Request<'a> {
    pub(super) client: ClientIx,
    pub(super) filter: &'a TopicFilter,
    pub(super) wants_retained: bool,
    pub(super) conn: ConnId,
    pub(super) at: Time,
    pub(super) ix: Ix,
}

impl<'a> History<'a> {
    /// Reads a trace. `told`: the story was told to its end.
    #[must_use]
    pub fn of(plan: &'a Scenario, version: Version, trace: &'a Trace, told: bool) -> Self {
        let clients = plan.clients.len();
        let mut first = BTreeMap::new();
        let own = plan.clients.iter().enumerate();
        let sessions = own.map(|(n, c)| *first.entry(c.client_id.as_str()).or_insert(n));
        let history = Self {
            plan,
            version,
            records: trace.records(),
            messages: Messages::default(),
            published: Vec::new(),
            delivered: Vec::new(),
            delivered_to: vec![Vec::new(); clients],
            connections: Vec::new(),
            connections_of: vec![Vec::new(); clients],
            accepted: vec![Vec::new(); clients],
            packets: Vec::new(),
            subscriptions: Subscriptions::new(clients),
            requests: Vec::new(),
            settled: settled(plan, trace).filter(|_| told),
            sessions: sessions.collect(),
            last_of_session: vec![None; clients],
        };
        reader::read(history, trace)
    }

    /// Name of a client in the scenario.
    pub(super) fn name(&self, client: ClientIx) -> &'a str {
        &self.plan.clients[client].name
    }

    /// The session of a client: clients of the story may be one to the broker.
    pub(super) fn session(&self, client: ClientIx) -> SessionIx {
        self.sessions[client]
    }

    /// Records of the packets that carried a message.
    pub(super) fn packets_of(&self, what: MessageIx) -> impl Iterator<Item = Ix> {
        let packets = self.messages.get(what).packets.iter();
        packets.map(|n| self.packets[*n].ix)
    }

    /// Whether the client's last connection was open during the second half of the final settle, and still is: time
    /// enough for everything to drain.
    pub(super) fn online_at_end(&self, client: ClientIx) -> bool {
        let (Some(settled), Some(last)) = (self.settled, self.last_connection(client)) else {
            return false;
        };
        let in_time = last.answered.is_some_and(|(ix, ..)| self.at(ix) <= settled);
        last.accepted() && last.closed.is_none() && !last.silenced && in_time
    }

    /// The latest connection of a client's session.
    pub(super) fn last_connection(&self, client: ClientIx) -> Option<&Connection<'a>> {
        let last = self.last_of_session[self.session(client)]?;
        Some(&self.connections[last])
    }

    /// Time of a record.
    pub(super) fn at(&self, ix: Ix) -> Time {
        self.records[ix].at
    }
}
/// The middle of the settle that ends the story itself (without the observer's part), if one does.
fn settled(plan: &Scenario, trace: &Trace) -> Option<Time> {
    let StepKind::Settle(Settle(time)) = own_steps(plan).last()?.kind else {
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
