//! The history of a run in the words the oracles use: messages, deliveries, connections, sessions, subscriptions.
//!
//! Sessions and subscriptions are a model of their own, built from the packets on the broker's side of the wire.

use crate::{
    director::Order,
    plan::OBSERVER,
    scenario::model::{ClientIx, CutBy, Scenario, Step, StepKind},
    trace::{Node, Record, Trace, What},
};
use bytes::Bytes;
use squall_broker::{CloseCause, ConnId};
use squall_client::{Message, Ticket};
use squall_protocol::{
    Frame, Packet, QoS, ReasonCode, Text, Time, Version,
    packet::{Connect, RetainHandling, Subscription, Will},
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
        let mut reader = Reader {
            history,
            tickets: BTreeMap::new(),
            open_qos2: BTreeMap::new(),
            asked: BTreeMap::new(),
        };
        for (ix, record) in trace.records().iter().enumerate() {
            reader.read(ix, record);
        }
        reader.finish()
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

/// Reads records one by one.
struct Reader<'a> {
    history: History<'a>,
    tickets: BTreeMap<(ClientIx, u64), usize>,
    /// QoS 2 flows towards the broker by client identifier: packet identifiers between PUBLISH and PUBREL.
    open_qos2: BTreeMap<String, Vec<u16>>,
    /// SUBSCRIBE packets not answered yet.
    asked: BTreeMap<(u64, u16), (Ix, Vec<Subscription>)>,
}

impl<'a> Reader<'a> {
    fn finish(self) -> History<'a> {
        self.history
    }

    fn read(&mut self, ix: Ix, record: &'a Record) {
        match &record.what {
            What::Order(order) => {
                if let Some((client, ticket, message)) = order.published() {
                    self.published(ix, record.at, client, ticket, message);
                }
            }
            What::Client(event) => {
                if let Node::Client(client) = record.node {
                    self.client(ix, record.at, client, event);
                }
            }
            What::Broker { client, event } => self.broker(ix, record.at, *client, event),
            What::Cut(cut) if cut.by == CutBy::Silence => {
                let mut of_client = self.history.connections.iter_mut().rev();
                if let Some(c) = of_client.find(|c| Some(c.client) == record.client()) {
                    c.silenced = true;
                }
            }
            What::Dial | What::Cut(_) => {}
        }
    }

    fn published(&mut self, ix: Ix, at: Time, client: ClientIx, ticket: Ticket, message: &Message) {
        self.tickets
            .insert((client, ticket.0), self.history.published.len());
        let published = Published {
            by: client,
            message: message.clone(),
            at,
            ix,
            acknowledged: None,
            abandoned: false,
            arrived: None,
        };
        *self.history.copies.entry(published.id()).or_default() += 1;
        let n = self.history.published.len();
        self.history
            .by_id
            .entry(published.id())
            .or_default()
            .push(n);
        self.history.published.push(published);
    }

    fn client(&mut self, ix: Ix, at: Time, client: ClientIx, event: &squall_client::Event) {
        use squall_client::Event;
        match event {
            Event::Delivered { message, .. } => {
                self.history.delivered.push(Delivered {
                    to: client,
                    message: message.clone(),
                    at,
                    ix,
                });
            }
            Event::Acknowledged { ticket, reason } => {
                if let Some(&n) = self.tickets.get(&(client, ticket.0)) {
                    self.history.published[n].acknowledged = Some((ix, *reason));
                }
            }
            Event::Abandoned { ticket, .. } => {
                if let Some(&n) = self.tickets.get(&(client, ticket.0)) {
                    self.history.published[n].abandoned = true;
                }
            }
            _ => {}
        }
    }

    fn broker(&mut self, ix: Ix, at: Time, client: ClientIx, event: &squall_broker::Event) {
        use squall_broker::Event;
        match event {
            Event::Opened { .. } => self.history.connections.push(Connection {
                client,
                connect: None,
                answered: None,
                keep_alive: 0,
                expiry: Some(0),
                told: None,
                closed: None,
                silenced: false,
                heard: Vec::new(),
            }),
            Event::Received { conn, frame } => {
                self.history.connections[conn.0 as usize]
                    .heard
                    .push((ix, at));
                self.received(ix, client, *conn, frame);
            }
            Event::Sent { conn, frame } => self.sent(ix, at, client, *conn, frame),
            Event::Closed { conn, cause } => {
                self.history.connections[conn.0 as usize].closed = Some((ix, at, *cause));
            }
            Event::Violation { .. } => {}
        }
    }

    fn received(&mut self, ix: Ix, client: ClientIx, conn: ConnId, frame: &Frame) {
        let connection = &mut self.history.connections[conn.0 as usize];
        match &frame.packet {
            Packet::Connect(connect) => {
                connection.keep_alive = connect.keep_alive;
                connection.expiry = expiry(connect);
                connection.connect = Some((ix, connect.clone()));
            }
            // From 0 it cannot be changed: that is an error of the client (section 3.14.2.2.2).
            Packet::Disconnect(d) if connection.expiry != Some(0) => {
                if let Some(expiry) = d.properties.session_expiry_interval() {
                    connection.expiry = (expiry != u32::MAX).then_some(expiry);
                }
            }
            Packet::Publish(p) => {
                let fresh = p.qos != QoS::ExactlyOnce
                    || self.opens_flow(client, p.packet_id.map_or(0, |i| i.get()));
                let id = (p.topic.clone(), p.payload.clone());
                self.arrived(ix, client, &id);
                self.history.packets.push(PublishSeen {
                    client,
                    direction: Direction::ToBroker,
                    id,
                    dup: p.dup,
                    retain: p.retain,
                    fresh,
                    expires: p.properties.message_expiry_interval().is_some(),
                    ix,
                });
            }
            Packet::PubRel(ack) => {
                let open = self
                    .open_qos2
                    .entry(self.history.plan.clients[client].client_id.clone())
                    .or_default();
                open.retain(|id| *id != ack.packet_id.get());
            }
            Packet::Subscribe(s) => {
                self.asked
                    .insert((conn.0, s.packet_id.get()), (ix, s.subscriptions.clone()));
            }
            Packet::Unsubscribe(u) => {
                for filter in &u.filters {
                    self.end_subscriptions(client, ix, |s| s.subscription.filter == *filter);
                }
            }
            _ => {}
        }
    }

    fn sent(&mut self, ix: Ix, at: Time, client: ClientIx, conn: ConnId, frame: &Frame) {
        match &frame.packet {
            Packet::ConnAck(ack) => {
                let connection = &mut self.history.connections[conn.0 as usize];
                connection.answered = Some((ix, ack.session_present, ack.reason));
                if let Some(keep_alive) = ack.properties.server_keep_alive() {
                    connection.keep_alive = keep_alive;
                }
                if let Some(expiry) = ack.properties.session_expiry_interval() {
                    connection.expiry = (expiry != u32::MAX).then_some(expiry);
                }
                let clean = connection
                    .connect
                    .as_ref()
                    .is_some_and(|(_, c)| c.clean_start);
                let accepted = connection.accepted();
                if accepted && (clean || !super::session::kept(&self.history, conn.0 as usize)) {
                    self.end_subscriptions(client, ix, |_| true);
                    self.open_qos2
                        .remove(&self.history.plan.clients[client].client_id);
                }
            }
            Packet::SubAck(ack) => {
                let Some((asked, subscriptions)) =
                    self.asked.remove(&(conn.0, ack.packet_id.get()))
                else {
                    return;
                };
                for (subscription, reason) in subscriptions.into_iter().zip(&ack.reasons) {
                    if let Some(granted) = QoS::from_bits(reason.0) {
                        self.subscribed(client, conn, asked, at, subscription, granted);
                    }
                }
            }
            Packet::Publish(p) => self.history.packets.push(PublishSeen {
                client,
                direction: Direction::FromBroker,
                id: (p.topic.clone(), p.payload.clone()),
                dup: p.dup,
                retain: p.retain,
                fresh: !p.dup,
                expires: false,
                ix,
            }),
            Packet::Disconnect(d) => {
                self.history.connections[conn.0 as usize].told = Some(d.reason)
            }
            _ => {}
        }
    }

    fn subscribed(
        &mut self,
        client: ClientIx,
        conn: ConnId,
        ix: Ix,
        at: Time,
        subscription: Subscription,
        granted: QoS,
    ) {
        let existed = self.history.subscriptions.iter().any(|s| {
            s.until.is_none()
                && self.history.same_session(s.client, client)
                && s.subscription.filter == subscription.filter
        });
        self.end_subscriptions(client, ix, |s| s.subscription.filter == subscription.filter);
        let wants_retained = match subscription.retain_handling {
            RetainHandling::Send => true,
            RetainHandling::SendIfNew => !existed,
            RetainHandling::DoNotSend => false,
        } && subscription.filter.share_name().is_none()
            && !subscription.no_local;
        let filter = subscription.filter.clone();
        self.history.requests.push(Request {
            client,
            filter,
            wants_retained,
            conn,
            at,
            ix,
        });
        self.history.subscriptions.push(Subscribed {
            client,
            subscription,
            granted,
            since: ix,
            until: None,
        });
    }

    fn end_subscriptions(&mut self, client: ClientIx, ix: Ix, which: impl Fn(&Subscribed) -> bool) {
        let plan = self.history.plan;
        for s in &mut self.history.subscriptions {
            if s.until.is_none()
                && plan.clients[s.client].client_id == plan.clients[client].client_id
                && which(s)
            {
                s.until = Some(ix);
            }
        }
    }

    /// Whether a QoS 2 PUBLISH with this packet identifier begins a flow.
    fn opens_flow(&mut self, client: ClientIx, id: u16) -> bool {
        let open = self
            .open_qos2
            .entry(self.history.plan.clients[client].client_id.clone())
            .or_default();
        let fresh = !open.contains(&id);
        if fresh {
            open.push(id);
        }
        fresh
    }

    /// Notes the first arrival of a published message at the broker.
    fn arrived(&mut self, ix: Ix, client: ClientIx, id: &MessageId) {
        for &n in self.history.by_id.get(id).map_or(&[][..], Vec::as_slice) {
            let p = &mut self.history.published[n];
            if p.by == client && p.arrived.is_none() {
                p.arrived = Some(ix);
                return;
            }
        }
    }
}

/// Session Expiry Interval a CONNECT asks for; `None` never expires.
fn expiry(connect: &Connect) -> Option<u32> {
    match connect.version {
        // A 3.1.1 session lasts as long as its connection, or without limit [MQTT-3.1.2-4], [MQTT-3.1.2-6].
        Version::V3_1_1 => connect.clean_start.then_some(0),
        // Absent means 0; 0xFFFFFFFF means never (section 3.1.2.11.2).
        Version::V5_0 => Some(connect.properties.session_expiry_interval().unwrap_or(0))
            .filter(|e| *e != u32::MAX),
    }
}
