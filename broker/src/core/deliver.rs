//! Messages to clients: who gets a copy, when it may be sent, the sender's half of QoS 1 and 2, and resumption.

use super::{
    Broker, Client, CloseCause, ConnId, ProtocolError,
    message::{Delivery, Message},
    queue::Next,
    session::{Session, SessionId},
    subscriptions::{Granted, Match},
};
use crate::config::WhenFull;
use squall_protocol::{
    Packet, PacketId, QoS, ReasonCode, Time,
    flow::{Resend, sender::Action},
    packet::Ack,
};
use std::sync::Arc;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Routed {
    /// Nobody subscribed to it.
    Nowhere,
    /// At least one subscriber has it, or it waits for one.
    Taken,
    /// There was no room for it in the queue of any subscriber.
    QueuesFull,
    /// There was no room for it in the broker: nobody has it, and nothing has changed.
    Refused,
}

impl Broker {
    /// Hands a message to every session with a matching subscription [MQTT-3.3.2-3], whatever becomes of it at the others
    /// [X-5.0-qos-3].
    pub(super) fn route(&mut self, now: Time, message: &Arc<Message>) -> Routed {
        let sessions = &self.sessions;
        let standing = |id, granted: &Granted| self.standing(id, message, granted);
        let mut matches = self.subscriptions.matching(&message.topic, standing);
        // [MQTT-3.8.3-3] (5.0)
        matches.retain(|m| !(m.granted.no_local && sessions[m.session].published(message)));
        matches.retain(|m| self.may_read(m.session, &message.topic));
        let mut routed = match matches.is_empty() {
            true => Routed::Nowhere,
            false => Routed::QueuesFull,
        };
        let mut matches = matches.into_iter().peekable();
        while let Some(first) = matches.next() {
            let (session, shared) = (first.session, first.shared.is_some());
            let mut all = vec![first];
            // Overlapping subscriptions of one session cause one copy [MQTT-3.3.5-1] (3.1.1), [MQTT-3.3.4-2] (5.0), as they
            // may [X-3.1.1-publish-2], [X-5.0-publish-4]; a shared one is served for itself [X-5.0-shared-2].
            while let Some(next) =
                matches.next_if(|m| !shared && m.shared.is_none() && m.session == session)
            {
                all.push(next);
            }
            let delivery = Self::delivery(message, all);
            if self.deliver(now, session, delivery) {
                routed = Routed::Taken;
            }
        }
        routed
    }

    /// The one copy for all these subscriptions of one session.
    pub(super) fn delivery(message: &Arc<Message>, subscriptions: Vec<Match>) -> Delivery {
        let granted = subscriptions.iter().map(|m| m.granted.qos).max();
        let as_published = subscriptions.iter().any(|m| m.granted.retain_as_published);
        // [MQTT-3.3.4-3]; a copy of its own has those of its own subscription [MQTT-3.3.4-5] (5.0), one for a shared
        // subscription those of the member [X-5.0-subid-4]
        let identifiers = subscriptions.iter().filter_map(|m| m.granted.identifier);
        Delivery {
            message: Arc::clone(message),
            qos: message.delivery_qos(granted.unwrap_or_default()),
            // [MQTT-3.3.1-9] (3.1.1), [MQTT-3.3.1-12], [MQTT-3.3.1-13] (5.0)
            retain: message.retain && as_published,
            identifiers: identifiers.collect(),
            shared: subscriptions.into_iter().find_map(|m| m.shared),
            kept: None,
        }
    }

    /// Gives what a session of a shared subscription never got to another member.
    pub(super) fn redistribute(&mut self, now: Time, delivery: Delivery) {
        let Some(filter) = &delivery.shared else {
            return;
        };
        let standing = |id, granted: &Granted| self.standing(id, &delivery.message, granted);
        if let Some(member) = self.subscriptions.next_member(filter, standing) {
            let session = member.session;
            let delivery = Self::delivery(&delivery.message, vec![member]);
            self.deliver(now, session, delivery);
        }
    }

    /// Sends a message to a session, or keeps it until it can be sent. False when there was no room for it.
    pub(super) fn deliver(&mut self, now: Time, id: SessionId, mut delivery: Delivery) -> bool {
        if delivery.message.is_expired(now) {
            // [MQTT-3.3.2-5] (5.0)
            self.counters.dropped_expired += 1;
            return true;
        }
        let (session, conns) = (&mut self.sessions[id], &self.conns);
        let clear = |conn: &ConnId| session.is_clear() && conns.has_room(*conn);
        match (session.conn, delivery.qos) {
            (Some(conn), QoS::AtMostOnce) => {
                let takes = conns.has_room(conn) && !session.queue.has_found(&delivery);
                match takes {
                    true => self.transmit(now, conn, id, delivery),
                    false => self.counters.dropped_line_full += 1,
                }
                return takes;
            }
            // QoS 0 is not kept for a client that is away [X-3.1.1-session-1], [X-5.0-session-4].
            (None, QoS::AtMostOnce) => return true,
            _ => {}
        }
        let clear = session.conn.filter(clear);
        self.drop_expired(now, id);
        if !self.make_room(id, &delivery, clear.is_some()) {
            self.counters.dropped_queue_full += 1;
            return false;
        }
        let session = &mut self.sessions[id];
        delivery.keep(&session.kept, &self.messages);
        match clear {
            Some(conn) => self.transmit(now, conn, id, delivery),
            // [MQTT-3.1.2-5] (3.1.1); after those that came before it [MQTT-4.6.0-5]
            None => {
                let shared = delivery.shared.clone();
                session.enqueue(delivery);
                if let Some(filter) = shared {
                    self.note_waiting(id, &filter);
                }
            }
        }
        true
    }

    /// Drops what has waited too long at the head of a queue.
    fn drop_expired(&mut self, now: Time, id: SessionId) {
        let session = &mut self.sessions[id];
        while (session.queue.front()).is_some_and(|d| d.message.is_expired(now)) {
            session.dequeue();
            self.counters.dropped_expired += 1;
        }
    }

    /// Whether there is room for one more message in a session, made as the settings say; `clear` when it is sent at
    /// once.
    fn make_room(&mut self, id: SessionId, delivery: &Delivery, clear: bool) -> bool {
        loop {
            let session = &self.sessions[id];
            let fits = clear || session.queue.len() < self.config.max_queued;
            if fits && self.can_keep(session, delivery) {
                return true;
            }
            let oldest = self.config.when_queue_full == WhenFull::DropOldest
                && delivery.bytes() <= self.config.max_queued_bytes;
            if !oldest || self.sessions[id].dequeue().is_none() {
                return false;
            }
            self.counters.dropped_queue_full += 1;
        }
    }

    /// Whether a session may keep one more message, by its bytes.
    pub(super) fn can_keep(&self, session: &Session, delivery: &Delivery) -> bool {
        let (config, place) = (&self.config, delivery.place_bytes());
        (session.kept).has_room(delivery.bytes(), config.max_queued_bytes)
            && self.messages.has_room(place, config.max_message_bytes)
    }

    /// Sends a message for the first time [MQTT-4.3.1-1], [MQTT-4.3.2-1], [MQTT-4.3.3-1] (3.1.1), [MQTT-4.3.2-2],
    /// [MQTT-4.3.3-2] (5.0). The caller made sure that there is room.
    pub(super) fn transmit(&mut self, now: Time, conn: ConnId, id: SessionId, delivery: Delivery) {
        let session = &mut self.sessions[id];
        let packet_id = match delivery.qos {
            QoS::AtMostOnce => None,
            // [MQTT-2.3.1-4] (3.1.1), [MQTT-2.2.1-4] (5.0)
            qos => {
                let Some(packet_id) = session.begin(qos, delivery.clone()) else {
                    session.put_back(delivery);
                    return;
                };
                Some(packet_id)
            }
        };
        // [MQTT-3.3.1-2], [MQTT-3.3.1-3]: the publisher's DUP is not passed on.
        let sent = self.put_on_the_wire(now, conn, &delivery, packet_id, false);
        if let (false, Some(packet_id)) = (sent, packet_id) {
            let given_up = self.sessions[id].give_up(packet_id);
            debug_assert_eq!(given_up, Action::Finish, "the flow was open");
        }
    }

    /// Sends PUBLISH; false when it is larger than the client takes, which counts as delivered [MQTT-3.1.2-25] (5.0), also
    /// where the client is one of many [X-5.0-size-3].
    fn put_on_the_wire(
        &mut self,
        now: Time,
        conn: ConnId,
        delivery: &Delivery,
        packet_id: Option<PacketId>,
        dup: bool,
    ) -> bool {
        let version = self.conns.link(conn).version;
        let publish = delivery.packet(now, version, packet_id, dup);
        let sent = self.send_publish(conn, publish);
        self.counters.dropped_too_large += u64::from(!sent);
        sent
    }

    /// A client came back: what is unacknowledged is sent again in its old order [MQTT-4.4.0-1], then what waited.
    pub(super) fn resume(&mut self, now: Time, client: Client) -> Result<(), CloseCause> {
        self.sessions[client.session].outbound.resume();
        self.pump(now, client)
    }

    /// Sends what has to be sent again and what waited, as far as the client's Receive Maximum [MQTT-3.3.4-9],
    /// [MQTT-4.9.0-2] (5.0) and its transport go.
    pub(super) fn pump(&mut self, now: Time, client: Client) -> Result<(), CloseCause> {
        loop {
            if !self.conns.has_room(client.conn) {
                return Ok(());
            }
            match self.sessions[client.session].outbound.next_again() {
                // [MQTT-4.3.3-6] (5.0)
                Some(Resend::PubRel(id)) => {
                    self.answer(client, Packet::PubRel(Ack::success(id)))?;
                }
                Some(Resend::Publish(id, _, delivery)) => {
                    let delivery = delivery.borrowed();
                    self.send_again(now, client, id, &delivery);
                }
                None => break,
            }
        }
        while self.conns.has_room(client.conn) {
            let session = &mut self.sessions[client.session];
            let (next, has_room) = (session.queue.next(), session.outbound.has_room());
            match next {
                Next::Found if self.pump_found(now, client) => {}
                Next::Message if has_room => self.pump_message(now, client),
                _ => break,
            }
        }
        self.take_work(now, client);
        Ok(())
    }

    /// Sends the oldest message that waits.
    fn pump_message(&mut self, now: Time, client: Client) {
        let Some(delivery) = self.sessions[client.session].dequeue() else {
            return;
        };
        if delivery.message.is_expired(now) {
            // [MQTT-3.3.2-5] (5.0)
            self.counters.dropped_expired += 1;
        } else if self.may_read(client.session, &delivery.message.topic) {
            self.transmit(now, client.conn, client.session, delivery);
        }
    }

    /// Sends an unacknowledged PUBLISH again. A message does not expire once it was sent [MQTT-4.3.3-7] (5.0). One that
    /// the client does not take any more is dropped, but the client may know its packet identifier. It has the Subscription
    /// Identifiers that it had [X-5.0-subid-7].
    fn send_again(&mut self, now: Time, client: Client, id: PacketId, delivery: &Delivery) {
        // [MQTT-3.3.1-1]; what never left is no duplicate [MQTT-3.3.1-3]
        let dup = !self.sessions[client.session].unsent.remove(&id);
        if !self.put_on_the_wire(now, client.conn, delivery, Some(id), dup) {
            let abandoned = self.sessions[client.session].abandon(id);
            debug_assert_eq!(abandoned, Action::Drop, "the flow was open");
        }
    }

    /// A PUBLISH that was given out never reached the transport of its connection, which is over: when it is sent, that
    /// is the first time. To be called before the core is told of the end.
    pub(crate) fn handle_unsent(&mut self, conn: ConnId, id: PacketId) {
        if let Some(client) = self.conns.client(conn) {
            self.sessions[client.session].unsent.insert(id);
        }
    }

    /// The CONNACK that was given out for a connection will never reach its transport: nothing else may [MQTT-3.2.0-1].
    /// To be called before the broker is stopped.
    pub(crate) fn handle_unanswered(&mut self, conn: ConnId) {
        if let Some(connection) = self.conns.get_mut(&conn) {
            connection.link = None;
        }
    }

    /// PUBACK ends a QoS 1 flow, whatever its reason code [MQTT-4.3.2-3], [MQTT-4.4.0-2], [MQTT-4.8.2-6] (5.0).
    pub(super) fn handle_puback(
        &mut self,
        now: Time,
        client: Client,
        ack: &Ack,
    ) -> Result<(), CloseCause> {
        let session = &mut self.sessions[client.session];
        let action = session.acknowledged(client.version, ack.packet_id);
        self.acknowledged(now, client, action)
    }

    /// PUBREC: the message is the client's now, or it does not want it.
    pub(super) fn handle_pubrec(
        &mut self,
        now: Time,
        client: Client,
        ack: &Ack,
    ) -> Result<(), CloseCause> {
        let session = &mut self.sessions[client.session];
        let action = session.taken(client.version, ack.packet_id, ack.reason);
        let reason = match action {
            Action::SendPubRel => ReasonCode::SUCCESS,
            Action::SendPubRelNotFound => ReasonCode::PACKET_IDENTIFIER_NOT_FOUND,
            // [MQTT-4.4.0-2] (5.0)
            action => return self.acknowledged(now, client, action),
        };
        // [MQTT-4.3.3-1] (3.1.1), [MQTT-4.3.3-4] (5.0)
        let release = Ack::with_reason(ack.packet_id, reason);
        self.answer(client, Packet::PubRel(release))
    }

    /// PUBCOMP ends a QoS 2 flow [MQTT-4.3.3-5] (5.0), with any reason code [X-5.0-flow-5].
    pub(super) fn handle_pubcomp(
        &mut self,
        now: Time,
        client: Client,
        ack: &Ack,
    ) -> Result<(), CloseCause> {
        let session = &mut self.sessions[client.session];
        let action = session.completed(client.version, ack.packet_id);
        self.acknowledged(now, client, action)
    }

    /// An acknowledgement that needs no answer: where a flow ended, there may be room for the next message.
    fn acknowledged(
        &mut self,
        now: Time,
        client: Client,
        action: Action,
    ) -> Result<(), CloseCause> {
        match action {
            Action::Close => Err(ProtocolError::WrongAcknowledgement.into()),
            _ => self.pump(now, client),
        }
    }
}
