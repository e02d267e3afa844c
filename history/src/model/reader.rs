//! Reads records into a [`Model`], one by one.

mod asked;
mod outage;
mod subscribing;

use super::{
    Answer, Bounds, Carried, Connection, Delivered, Kept, Mark, MessageIx, Model, Outcome,
    Published, Setting, certain::Waiting, connection::lasting, index::ClientIx, kept, less,
    message::Messages,
};
use crate::record::{Application, Ended, Message, Record, Seen};
use asked::Asked;
use squall_protocol::{
    Packet, QoS, Role, Text, Time,
    packet::{ConnAck, Publish},
    topic::TopicFilter,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// A server that answers this many times slower than it ever did has not merely taken its time.
const SLOW: u32 = 10;

/// Builds a model.
#[derive(Debug)]
pub struct Reader<'a> {
    model: Model<'a>,
    tickets: BTreeMap<(ClientIx, u64), usize>,
    /// QoS 2 flows towards the server by session: packet identifiers between PUBLISH and PUBREL.
    open_qos2: Vec<BTreeSet<u16>>,
    /// SUBSCRIBE packets that are not answered yet, by connection and packet identifier.
    asked: BTreeMap<(usize, u16), Asked<'a>>,
    /// UNSUBSCRIBE packets that are not answered yet, in the same way.
    unasked: BTreeMap<(usize, u16), (usize, &'a [TopicFilter])>,
    /// By message and publisher: how many of its publishes, counted over all publishers, need no look any more when
    /// the next one arrives.
    arrived: BTreeMap<(MessageIx, ClientIx), usize>,
    /// Topics by connection, sender (the client or not) and Topic Alias.
    aliases: BTreeMap<(usize, bool, u16), &'a Text>,
    /// What clients wait for, where their ends are seen.
    waiting: Waiting,
    /// By session: connections whose CONNECT has no answer yet, where the clients' ends are seen.
    dialling: Vec<Vec<usize>>,
}

impl<'a> Reader<'a> {
    /// A reader that has seen nothing.
    #[must_use]
    pub fn new(setting: Setting<'a>) -> Self {
        Self {
            tickets: BTreeMap::new(),
            open_qos2: vec![BTreeSet::new(); setting.names.len()],
            asked: BTreeMap::new(),
            unasked: BTreeMap::new(),
            arrived: BTreeMap::new(),
            aliases: BTreeMap::new(),
            waiting: Waiting::default(),
            dialling: vec![Vec::new(); setting.names.len()],
            model: Model::new(setting),
        }
    }

    /// The model of everything that was seen until `end`, which may be later than the last record.
    #[must_use]
    pub fn finish(mut self, end: Time) -> Model<'a> {
        self.model.end = end.max(self.model.end);
        if self.model.setting.buffers {
            let slow = self.model.slowest * SLOW;
            let slack = &mut self.model.setting.slack;
            *slack = slow.max(*slack);
        }
        self.model.note_limits();
        for (key, asked) in std::mem::take(&mut self.asked) {
            self.unanswered(key.0, asked);
        }
        self.model
    }

    /// Reads the next record.
    pub fn see(&mut self, record: &Record<'a>) {
        let Record { ix, at, end, seen } = *record;
        let mark = Mark { ix, at };
        self.model.end = self.model.end.max(at);
        if let Seen::Application(what) = seen {
            return self.application(mark, end.client, what);
        }
        if end.side != self.model.setting.watched {
            return;
        }
        let n = self.connection(end.client, end.conn);
        let other = match end.side {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        };
        let (packet, from) = match seen {
            Seen::Sent(packet) => (packet, end.side),
            Seen::Received(packet) => (packet, other),
            Seen::Silenced => {
                self.model.connections[n].silenced = true;
                return;
            }
            Seen::Closed(who) => {
                let by = match who {
                    Ended::Here => end.side,
                    Ended::There => other,
                };
                self.model.connections[n].closed.get_or_insert((mark, by));
                self.model.note_close(n);
                return;
            }
            Seen::Unknown => {
                self.model.unknown = true;
                return;
            }
            Seen::Broken(_) => {
                self.model.connections[n].broken = true;
                return;
            }
            Seen::Opened | Seen::Missed | Seen::Application(_) => return,
        };
        if end.side == Role::Client {
            self.certain(mark, n, from, packet);
        }
        match from {
            Role::Client => {
                self.model.connections[n].hears(mark);
                self.by_client(mark, n, packet);
            }
            Role::Server => self.by_server(mark, n, packet),
        }
    }

    /// The connection with this number; a new one when it was not seen before.
    fn connection(&mut self, client: ClientIx, conn: u64) -> usize {
        let model = &mut self.model;
        let own = model.connections_of[client].iter().rev();
        if let Some(n) = own.copied().find(|n| model.connections[*n].conn == conn) {
            return n;
        }
        let (n, session) = (model.connections.len(), model.session(client));
        model.connections_of[client].push(n);
        model.last_of_session[session] = Some(n);
        model.connections.push(Connection::new(client, conn));
        n
    }

    /// What a packet makes certain of the server, where the client's end is seen.
    fn certain(&mut self, mark: Mark, n: usize, from: Role, packet: &'a Packet) {
        let model = &mut self.model;
        if from == Role::Client {
            let message = model.packets.len();
            self.waiting.sends(n, mark, packet, message);
            if matches!(packet, Packet::Connect(_)) {
                let session = model.session(model.connections[n].client);
                let waits = |c: &usize| {
                    let c = &model.connections[*c];
                    c.answered.is_none() && c.closed.is_none()
                };
                let dialling = &mut self.dialling[session];
                dialling.retain(waits);
                dialling.push(n);
                if dialling.len() > 1 {
                    for &c in dialling.iter() {
                        model.connections[c].raced = true;
                    }
                }
            }
            return;
        }
        // In a resumed session a server may acknowledge here what came on an older connection.
        let acknowledges = matches!(
            packet,
            Packet::PubAck(_) | Packet::PubRec(_) | Packet::PubComp(_)
        );
        let connection = &mut model.connections[n];
        let asked = self.waiting.answers(n, packet);
        let taken = self.waiting.takes(n, packet);
        if acknowledges && connection.resumed() {
            return;
        }
        if let Some(asked) = asked {
            connection.certain.answers(asked, connection.heard, mark.at);
        }
        if let Some(taken) = taken {
            model.bounds[taken].taken = Some(mark);
        }
    }

    fn application(&mut self, mark: Mark, client: ClientIx, what: Application<'a>) {
        match what {
            Application::Connected => {}
            Application::Published { ticket, message } => {
                let n = self.model.published.len();
                self.tickets.insert((client, ticket), n);
                let what = self.number(message);
                self.model.messages.get_mut(what).published.push(n);
                self.model.published.push(Published {
                    by: client,
                    what,
                    message,
                    mark,
                    outcome: Outcome::Open,
                    arrived: None,
                });
            }
            Application::Delivered(message) => {
                let n = self.model.delivered.len();
                let what = self.number(message);
                self.model.messages.get_mut(what).delivered.push(n);
                self.model.delivered_to[client].push(n);
                self.model.delivered.push(Delivered {
                    to: client,
                    what,
                    message,
                    mark,
                });
            }
            Application::Acknowledged { ticket, reason } => {
                let outcome = match reason.is_error() {
                    true => Outcome::Refused(mark.ix, reason),
                    false => Outcome::Acknowledged(mark.ix),
                };
                self.outcome(client, ticket, outcome);
            }
            Application::Abandoned { ticket } => self.outcome(client, ticket, Outcome::Unknown),
        }
    }

    fn number(&mut self, message: Message<'a>) -> MessageIx {
        self.model.messages.number(message.topic, message.payload)
    }

    fn outcome(&mut self, client: ClientIx, ticket: u64, outcome: Outcome) {
        if let Some(&n) = self.tickets.get(&(client, ticket)) {
            self.model.published[n].outcome = outcome;
        }
    }

    fn by_client(&mut self, mark: Mark, n: usize, packet: &'a Packet) {
        let client = self.model.connections[n].client;
        let session = self.model.session(client);
        match packet {
            Packet::Connect(connect) => {
                let connection = &mut self.model.connections[n];
                // A second one is an error: it changes nothing, and the connection is over.
                if connection.connect.is_none() {
                    connection.connects(mark, connect);
                    self.will(n);
                }
            }
            Packet::Disconnect(d) => self.model.connections[n].says_farewell(d),
            Packet::Publish(p) => {
                let fresh = p.qos != QoS::ExactlyOnce
                    || self.open_qos2[session].insert(p.packet_id.map_or(0, |i| i.get()));
                let what = self.packet(mark, n, Role::Client, p, fresh);
                self.arrived(mark.ix, client, what);
            }
            Packet::PubRel(ack) => {
                self.open_qos2[session].remove(&ack.packet_id.get());
            }
            Packet::Subscribe(s) => {
                let connack = self.model.connections[n].connack;
                if let Some(what) = connack.and_then(|(_, ack)| less::of_subscribe(ack, s)) {
                    let name = self.model.name(client);
                    self.model.note_less(mark.ix, format!("to {name}, {what}"));
                }
                let asked = Asked { mark, subscribe: s };
                if let Some(before) = self.asked.insert((n, s.packet_id.get()), asked) {
                    self.unanswered(n, before);
                }
            }
            Packet::Unsubscribe(u) => {
                for filter in &u.filters {
                    self.model.subscriptions.end(session, filter, mark.ix);
                }
                self.unasked
                    .insert((n, u.packet_id.get()), (mark.ix, &u.filters));
            }
            _ => {}
        }
    }

    /// Notes whose will a message is.
    fn will(&mut self, n: usize) {
        let messages: &mut Messages<'a> = &mut self.model.messages;
        if let Some(will) = self.model.connections[n].will() {
            let what = messages.number(&will.topic, &will.payload);
            messages.get_mut(what).wills.push(n);
        }
    }

    fn by_server(&mut self, mark: Mark, n: usize, packet: &'a Packet) {
        match packet {
            Packet::ConnAck(ack) => self.answered(mark, n, ack),
            Packet::SubAck(ack) => self.granted(mark, n, ack),
            Packet::UnsubAck(ack) => self.ended(mark, n, ack),
            Packet::Publish(p) => {
                self.packet(mark, n, Role::Server, p, !p.dup);
            }
            Packet::Disconnect(d) => {
                let connection = &mut self.model.connections[n];
                (connection.told, connection.told_at) = (Some(d.reason), Some(mark));
            }
            _ => {}
        }
    }

    fn answered(&mut self, mark: Mark, n: usize, ack: &'a ConnAck) {
        if let Some((asked, _)) = self.model.connections[n].connect {
            self.took(mark.at.since(asked.at));
        }
        let model = &mut self.model;
        let connection = &mut model.connections[n];
        let again = connection.accepted();
        connection.answered = Some(Answer {
            mark,
            session_present: ack.session_present,
            reason: ack.reason,
        });
        connection.connack = Some((mark, ack));
        // Who need not behave may be refused, and no more is concluded from that.
        let unruly = model.setting.unruly[model.setting.sessions[connection.client]];
        let less = less::of_connack(ack).filter(|_| !unruly || !ack.reason.is_error());
        // What the server announces holds, not what was asked for [MQTT-3.1.2-21], section 3.2.2.3.2.
        if let Some(keep_alive) = ack.properties.server_keep_alive() {
            connection.keep_alive = keep_alive;
        }
        if let Some(expiry) = ack.properties.session_expiry_interval() {
            connection.expiry = lasting(expiry);
        }
        let accepted = connection.accepted();
        if let Some(what) = less {
            let name = model.name(model.connections[n].client);
            model.note_less(mark.ix, format!("to {name}, {what}"));
        }
        if !accepted {
            return;
        }
        let connection = &model.connections[n];
        let clean = connection.connect.is_some_and(|(_, c)| c.clean_start);
        let session = model.setting.sessions[connection.client];
        let ended = match kept(model, n) {
            Kept::Yes if model.setting.keeps_sessions => false,
            Kept::No => true,
            Kept::Yes | Kept::Either => !ack.session_present,
        };
        if clean || ended {
            model.subscriptions.end_all(session, mark.ix);
            self.open_qos2[session].clear();
        }
        let present = ack.session_present;
        let accepted = &mut model.accepted[session];
        let before = accepted.iter().rev().find(|c| **c != n);
        let began = match (present, before) {
            (false, _) => Some(n),
            (true, before) => before.and_then(|b| model.connections[*b].began),
        };
        let connection = &mut model.connections[n];
        connection.began = began.filter(|_| !connection.raced);
        if again {
            accepted.retain(|c| *c != n);
        }
        accepted.push(n);
    }

    fn took(&mut self, time: Duration) {
        self.model.slowest = time.max(self.model.slowest);
    }

    fn packet(
        &mut self,
        mark: Mark,
        n: usize,
        from: Role,
        publish: &'a Publish,
        fresh: bool,
    ) -> MessageIx {
        let topic = self.topic(n, from, publish);
        let model = &mut self.model;
        let connection = &mut model.connections[n];
        let client = connection.client;
        let what = model.messages.number(topic, &publish.payload);
        let seen = model.messages.get_mut(what);
        if model.setting.watched == Role::Client {
            model.bounds.push(Bounds {
                taken: None,
                after: connection.certain.open,
            });
            let published = seen.published.first().map(|p| model.published[*p].mark);
            if let Some(published) = published
                && from == Role::Server
                && seen.wills.is_empty()
            {
                connection.certain.sends_on(published, connection.heard);
            }
        }
        seen.packets.push(model.packets.len());
        model.packets.push(Carried {
            client,
            connection: n,
            from,
            what,
            dup: publish.dup,
            qos: publish.qos,
            retain: publish.retain,
            fresh,
            ix: mark.ix,
            at: mark.at,
            properties: &publish.properties,
        });
        what
    }

    /// The topic of a PUBLISH, also where an alias stands for it [MQTT-3.3.2-12].
    fn topic(&mut self, n: usize, from: Role, publish: &'a Publish) -> &'a Text {
        let Some(alias) = publish.properties.topic_alias() else {
            return &publish.topic;
        };
        let key = (n, from == Role::Client, alias);
        if !publish.topic.is_empty() {
            self.aliases.insert(key, &publish.topic);
        }
        self.aliases.get(&key).copied().unwrap_or(&publish.topic)
    }

    /// Notes the first PUBLISH of a message.
    fn arrived(&mut self, ix: usize, client: ClientIx, what: MessageIx) {
        let published = &self.model.messages.get(what).published;
        let done = self.arrived.entry((what, client)).or_default();
        while let Some(&n) = published.get(*done) {
            *done += 1;
            let p = &mut self.model.published[n];
            if p.by == client {
                p.arrived = Some(ix);
                return;
            }
        }
    }
}
