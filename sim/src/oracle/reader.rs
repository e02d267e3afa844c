//! Reads a trace into a [`History`], record by record.
//!
//! This is the oracles' own model of sessions and subscriptions: it follows the packets and never asks the broker.

use super::{
    history::{
        Connection, Delivered, Direction, History, Ix, MessageIx, PublishSeen, Published, Request,
        SessionIx,
    },
    session,
    subscriptions::Subscribed,
};
use crate::trace::{Node, Record, Trace, What};
use squall_broker::ConnId;
use squall_client::{Message, Ticket};
use squall_protocol::{
    Frame, Packet, QoS, Time, Version,
    packet::{Connect, Publish, RetainHandling, Subscription, Will},
};
use squall_scenarios::model::{ClientIx, CutBy};
use std::collections::{BTreeMap, BTreeSet};

/// Fills an empty history from a trace.
pub(super) fn read<'a>(history: History<'a>, trace: &'a Trace) -> History<'a> {
    let sessions = history.plan.clients.len();
    let mut reader = Reader {
        history,
        tickets: BTreeMap::new(),
        open_qos2: vec![BTreeSet::new(); sessions],
        asked: BTreeMap::new(),
        arrived: BTreeMap::new(),
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
    /// QoS 2 flows towards the broker by session: packet identifiers between PUBLISH and PUBREL.
    open_qos2: Vec<BTreeSet<u16>>,
    /// SUBSCRIBE packets not answered yet.
    asked: BTreeMap<(u64, u16), (Ix, &'a [Subscription])>,
    /// By message and publisher: how many of its publishes, counted over all publishers, need no look any more when
    /// the next one arrives.
    arrived: BTreeMap<(MessageIx, ClientIx), usize>,
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
                let of_client = record.client().map(|c| &self.history.connections_of[c]);
                if let Some(&n) = of_client.and_then(|of| of.last()) {
                    self.history.connections[n].silenced = true;
                }
            }
            What::Dial | What::Cut(_) => {}
        }
    }

    fn published(
        &mut self,
        ix: Ix,
        at: Time,
        client: ClientIx,
        ticket: Ticket,
        message: &'a Message,
    ) {
        let n = self.history.published.len();
        self.tickets.insert((client, ticket.0), n);
        let messages = &mut self.history.messages;
        let what = messages.number(&message.topic, &message.payload);
        let seen = messages.get_mut(what);
        seen.published.push(n);
        self.history.published.push(Published {
            by: client,
            what,
            message,
            at,
            ix,
            acknowledged: None,
            abandoned: false,
            arrived: None,
        });
    }

    fn client(&mut self, ix: Ix, at: Time, client: ClientIx, event: &'a squall_client::Event) {
        use squall_client::Event;
        match event {
            Event::Delivered { message, .. } => {
                let n = self.history.delivered.len();
                let messages = &mut self.history.messages;
                let what = messages.number(&message.topic, &message.payload);
                messages.get_mut(what).delivered.push(n);
                self.history.delivered_to[client].push(n);
                self.history.delivered.push(Delivered {
                    to: client,
                    what,
                    message,
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

    fn broker(&mut self, ix: Ix, at: Time, client: ClientIx, event: &'a squall_broker::Event) {
        use squall_broker::Event;
        match event {
            Event::Opened { .. } => self.opened(client),
            Event::Received { conn, frame } => {
                self.history.connections[conn.0 as usize].heard = Some((ix, at));
                self.received(ix, client, *conn, frame);
            }
            Event::Sent { conn, frame } => self.sent(ix, at, client, *conn, frame),
            Event::Closed { conn, cause } => {
                self.history.connections[conn.0 as usize].closed = Some((ix, at, *cause));
            }
            Event::Violation { .. } => {}
        }
    }

    fn opened(&mut self, client: ClientIx) {
        let (n, session) = (self.history.connections.len(), self.history.session(client));
        self.history.connections_of[client].push(n);
        self.history.last_of_session[session] = Some(n);
        self.history.connections.push(Connection {
            client,
            connect: None,
            answered: None,
            keep_alive: 0,
            expiry: Some(0),
            told: None,
            closed: None,
            silenced: false,
            heard: None,
        });
    }

    fn received(&mut self, ix: Ix, client: ClientIx, conn: ConnId, frame: &'a Frame) {
        let session = self.history.session(client);
        let connection = &mut self.history.connections[conn.0 as usize];
        match &frame.packet {
            Packet::Connect(connect) => {
                let before = connection.will();
                connection.keep_alive = connect.keep_alive;
                connection.expiry = expiry(connect);
                connection.connect = Some((ix, connect));
                self.will(conn, before);
            }
            // From 0 it cannot be changed: that is an error of the client (section 3.14.2.2.2).
            Packet::Disconnect(d) if connection.expiry != Some(0) => {
                if let Some(expiry) = d.properties.session_expiry_interval() {
                    connection.expiry = (expiry != u32::MAX).then_some(expiry);
                }
            }
            Packet::Publish(p) => {
                let fresh = p.qos != QoS::ExactlyOnce
                    || self.open_qos2[session].insert(p.packet_id.map_or(0, |i| i.get()));
                let expires = p.properties.message_expiry_interval().is_some();
                let what = self.packet(ix, client, Direction::ToBroker, p, fresh, expires);
                self.arrived(ix, client, what);
            }
            Packet::PubRel(ack) => {
                self.open_qos2[session].remove(&ack.packet_id.get());
            }
            Packet::Subscribe(s) => {
                self.asked
                    .insert((conn.0, s.packet_id.get()), (ix, &s.subscriptions));
            }
            Packet::Unsubscribe(u) => {
                for filter in &u.filters {
                    self.history.subscriptions.end(session, filter, ix);
                }
            }
            _ => {}
        }
    }

    /// Notes whose will a message is. A second CONNECT, which is an error, takes the place of the first (`before`).
    fn will(&mut self, conn: ConnId, before: Option<&'a Will>) {
        let n = conn.0 as usize;
        let messages = &mut self.history.messages;
        if let Some(will) = before {
            let what = messages.number(&will.topic, &will.payload);
            messages.get_mut(what).wills.retain(|w| *w != n);
        }
        if let Some(will) = self.history.connections[n].will() {
            let what = messages.number(&will.topic, &will.payload);
            messages.get_mut(what).wills.push(n);
        }
    }

    fn sent(&mut self, ix: Ix, at: Time, client: ClientIx, conn: ConnId, frame: &'a Frame) {
        let session = self.history.session(client);
        let n = conn.0 as usize;
        match &frame.packet {
            Packet::ConnAck(ack) => {
                let connection = &mut self.history.connections[n];
                let again = connection.accepted();
                connection.answered = Some((ix, ack.session_present, ack.reason));
                if let Some(keep_alive) = ack.properties.server_keep_alive() {
                    connection.keep_alive = keep_alive;
                }
                if let Some(expiry) = ack.properties.session_expiry_interval() {
                    connection.expiry = (expiry != u32::MAX).then_some(expiry);
                }
                let clean = connection.connect.is_some_and(|(_, c)| c.clean_start);
                if connection.accepted() {
                    if clean || !session::kept(&self.history, n) {
                        self.history.subscriptions.end_all(session, ix);
                        self.open_qos2[session].clear();
                    }
                    let accepted = &mut self.history.accepted[session];
                    if again {
                        accepted.retain(|c| *c != n);
                    }
                    accepted.push(n);
                }
            }
            Packet::SubAck(ack) => {
                let Some((asked, subscriptions)) =
                    self.asked.remove(&(conn.0, ack.packet_id.get()))
                else {
                    return;
                };
                for (subscription, reason) in subscriptions.iter().zip(&ack.reasons) {
                    if let Some(granted) = QoS::from_bits(reason.0) {
                        let new = Subscribed {
                            client,
                            subscription,
                            granted,
                            since: asked,
                            until: None,
                        };
                        self.subscribed(session, conn, at, new);
                    }
                }
            }
            Packet::Publish(p) => {
                self.packet(ix, client, Direction::FromBroker, p, !p.dup, false);
            }
            Packet::Disconnect(d) => self.history.connections[n].told = Some(d.reason),
            _ => {}
        }
    }

    fn packet(
        &mut self,
        ix: Ix,
        client: ClientIx,
        direction: Direction,
        publish: &'a Publish,
        fresh: bool,
        expires: bool,
    ) -> MessageIx {
        let messages = &mut self.history.messages;
        let what = messages.number(&publish.topic, &publish.payload);
        messages
            .get_mut(what)
            .packets
            .push(self.history.packets.len());
        self.history.packets.push(PublishSeen {
            client,
            direction,
            what,
            dup: publish.dup,
            retain: publish.retain,
            fresh,
            expires,
            ix,
        });
        what
    }

    fn subscribed(&mut self, session: SessionIx, conn: ConnId, at: Time, new: Subscribed<'a>) {
        let (client, ix, subscription) = (new.client, new.since, new.subscription);
        let existed = self.history.subscriptions.add(session, new);
        let wants_retained = match subscription.retain_handling {
            RetainHandling::Send => true,
            RetainHandling::SendIfNew => !existed,
            RetainHandling::DoNotSend => false,
        } && subscription.filter.share_name().is_none()
            && !subscription.no_local;
        self.history.requests.push(Request {
            client,
            filter: &subscription.filter,
            wants_retained,
            conn,
            at,
            ix,
        });
    }

    /// Notes the first arrival of a published message at the broker.
    fn arrived(&mut self, ix: Ix, client: ClientIx, what: MessageIx) {
        let published = &self.history.messages.get(what).published;
        let done = self.arrived.entry((what, client)).or_default();
        while let Some(&n) = published.get(*done) {
            *done += 1;
            let p = &mut self.history.published[n];
            if p.by == client {
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
