//! What a transport takes: its driver says how much, and what does not fit waits or is dropped. A transport whose driver
//! says nothing takes everything at once.

use super::{Broker, Client, CloseCause, ConnId, retained::Found};
use squall_protocol::{QoS, Time};

impl Broker {
    /// From now on the transport of a connection takes `bytes` more, where each packet counts
    /// [`super::Output::PACKET_BYTES`] beside its own; what was said before holds no longer. The broker counts down
    /// with everything it sends. At 0, QoS 1 and 2 messages wait, QoS 0 messages are dropped and counted, and answers
    /// are sent all the same; a packet that is larger than what is left is sent whole. Until it is called for the first
    /// time on a connection, any number of bytes is taken. Ignored when the connection is over.
    ///
    /// This may send what has waited, so outputs and events are to be taken out, as after every other call.
    pub fn handle_room(&mut self, now: Time, conn: ConnId, bytes: usize) {
        let Some(connection) = self.conns.get_mut(&conn) else {
            return;
        };
        connection.room = Some(bytes);
        if let Some(client) = self.conns.client(conn) {
            let done = self.pump(now, client);
            self.settle(now, conn, done);
        }
    }

    /// The driver gave a connection up as its client does not read. Ignored when the connection is over already.
    pub fn handle_slow(&mut self, now: Time, conn: ConnId) {
        if self.conns.contains_key(&conn) {
            self.counters.closed_slow += 1;
            self.end(now, conn, CloseCause::TooSlow);
        }
    }

    /// Sends the retained messages that a subscription found [MQTT-3.3.1-6] (3.1.1), [MQTT-3.3.1-9] (5.0). Those that
    /// the transport does not take now wait.
    pub(super) fn send_found(&mut self, now: Time, client: Client, mut found: Found) {
        let (conn, id) = (client.conn, client.session);
        let session = &mut self.sessions[id];
        // The same messages are sent again, from the first [MQTT-3.8.4-3]: once is enough.
        session.retain_found(|before| before.filter != found.filter);
        while let Some(message) = self.retained.next(&found, now) {
            if !self.conns.has_room(conn) || self.sessions[id].queue.has_any_found() {
                self.sessions[id].enqueue_found(found);
                return;
            }
            // [MQTT-3.8.3-3] (5.0)
            let own = found.no_local && self.sessions[id].published(&message);
            let kept_from = own || !self.may_read(id, &message.topic);
            found.pass(&message);
            if !kept_from {
                self.deliver(now, id, found.delivery(&message));
            }
        }
    }

    /// Sends the next of the retained messages that wait; false when it has to wait longer.
    pub(super) fn pump_found(&mut self, now: Time, client: Client) -> bool {
        let session = &mut self.sessions[client.session];
        let Some(waiting) = session.queue.first_found() else {
            return false;
        };
        let found = &waiting.found;
        let Some(message) = self.retained.next(found, now) else {
            session.finish_found();
            return true;
        };
        let mut delivery = found.delivery(&message);
        // [MQTT-3.8.3-3] (5.0)
        let own = found.no_local && session.client_id == message.publisher;
        let kept_from = own || !self.may_read(client.session, &message.topic);
        if !kept_from && delivery.qos > QoS::AtMostOnce {
            let session = &self.sessions[client.session];
            let keeps = self.can_keep(session, &delivery);
            let acknowledged = !session.outbound.is_empty();
            if !session.outbound.has_room() || !keeps && acknowledged {
                // An acknowledgement makes room, and comes by here.
                return false;
            }
            if keeps {
                delivery.keep(&session.kept, &self.messages);
            } else {
                self.counters.dropped_queue_full += 1;
            }
        }
        let send = !kept_from && (delivery.qos == QoS::AtMostOnce || delivery.kept.is_some());
        self.sessions[client.session].pass_found(&message);
        if send {
            self.transmit(now, client.conn, client.session, delivery);
        }
        true
    }
}
