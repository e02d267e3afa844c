//! Reads a trace into a [`History`], record by record.
//!
//! This is the oracles' own model of sessions and subscriptions: it follows the packets and never asks the broker.

use super::{
    history::{
        Connection, Delivered, Direction, History, Ix, MessageId, PublishSeen, Published, Request,
        Subscribed,
    },
    session,
};
use crate::{
    scenario::model::{ClientIx, CutBy},
    trace::{Node, Record, Trace, What},
};
use squall_broker::ConnId;
use squall_client::{Message, Ticket};
use squall_protocol::{
    Frame, Packet, QoS, Time, Version,
    packet::{Connect, RetainHandling, Subscription},
};
use std::collections::BTreeMap;

/// Fills an empty history from a trace.
pub(super) fn read<'a>(history: History<'a>, trace: &'a Trace) -> History<'a> {
    let mut reader = Reader {
        history,
        tickets: BTreeMap::new(),
        open_qos2: BTreeMap::new(),
        asked: BTreeMap::new(),
    };
    for (ix, record) in trace.records().iter().enumerate() {
        reader.read(ix, record);
    }
    reader.history
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
                if accepted && (clean || !session::kept(&self.history, conn.0 as usize)) {
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
