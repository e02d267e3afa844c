//! The server as sender: which message goes out next, and what acknowledgements do.

use super::{
    core::Double,
    state::{ConnectionId, Delivery, InFlight, Session, Stage},
};
use crate::{Decoy, Switch};
use squall_protocol::{Packet, QoS, ReasonCode, Version, encode, packet::Ack};

impl Double {
    /// Sends a session's client what can be sent now.
    pub(super) fn pump(&mut self, key: &str) {
        let Some(id) = self.sessions.get(key).and_then(|s| s.connection) else {
            return;
        };
        if self.wrong(Switch::QueueBeforeResend) {
            self.pump_queue(key, id);
        }
        self.resend(key, id);
        self.pump_queue(key, id);
    }

    /// How many QoS 1 and 2 messages may be in flight [MQTT-3.3.4-9] (5.0).
    fn window(&self, id: ConnectionId) -> usize {
        let Some(connection) = self.connections.get(&id) else {
            return 0;
        };
        if self.odd(Decoy::OneInFlight) {
            return 1;
        }
        let maximum = usize::from(connection.receive_maximum);
        if self.wrong(Switch::IgnoreReceiveMaximum) {
            return usize::MAX;
        }
        let more = usize::from(self.wrong(Switch::ReceiveMaximumOneMore));
        (maximum + more + connection.extra_quota).saturating_sub(connection.lost_quota)
    }

    /// How many are in flight on the connection there is [MQTT-4.9.0-2] (5.0).
    fn in_use(&self, session: &Session) -> usize {
        let counts = |f: &&InFlight| {
            let given_back = f.stage == Stage::Released && self.wrong(Switch::QuotaGrowsAtPubRec);
            let forgotten = f.again && self.wrong(Switch::ReceiveMaximumForgottenOnResume);
            f.sent && !f.ghost && !given_back && !forgotten
        };
        session.in_flight.iter().filter(counts).count()
    }

    /// Whether a client's quota is used up.
    pub(super) fn quota_used_up(&self, id: ConnectionId) -> bool {
        let session = self.session_of(id).and_then(|key| self.sessions.get(&key));
        session.is_some_and(|s| self.in_use(s) >= self.window(id))
    }

    /// Sends again what an earlier connection left unacknowledged [MQTT-4.4.0-1].
    fn resend(&mut self, key: &str, id: ConnectionId) {
        let ways = self.ways;
        loop {
            let Some(session) = self.sessions.get(key) else {
                return;
            };
            let mut unsent = (0..session.in_flight.len()).filter(|i| !session.in_flight[*i].sent);
            let next = if ways.wrong(Switch::ResendOutOfOrder) {
                unsent.next_back()
            } else {
                unsent.next()
            };
            let Some(i) = next else {
                return;
            };
            let flight = session.in_flight[i].clone();
            let publishes = flight.stage == Stage::Published;
            if publishes && self.in_use(session) >= self.window(id) {
                return;
            }
            let expired = self.left(&flight.delivery, true) == Some(0);
            let gone = publishes && expired && ways.wrong(Switch::ExpiryDeletesInFlight);
            if gone || publishes && self.too_large(id, &flight.delivery, flight.id) {
                let session = self.sessions.get_mut(key).expect("seen above");
                session.in_flight.remove(i);
                continue;
            }
            let now = self.now;
            let session = self.sessions.get_mut(key).expect("seen above");
            if publishes && ways.wrong(Switch::ResendWithNewId) {
                let fresh = next_id(ways, session);
                session.in_flight[i].id = fresh;
            }
            let flight = &mut session.in_flight[i];
            (flight.sent, flight.sent_at) = (true, now);
            let flight = flight.clone();
            if ways.wrong(Switch::NoResendOnResume) {
                continue;
            }
            if publishes || ways.wrong(Switch::ResendPublishAfterPubRec) {
                self.send_publish(id, &flight.delivery, flight.id, true);
            } else if !ways.wrong(Switch::PubRelNotResent) {
                self.send_pubrel(id, flight.id, ReasonCode::SUCCESS, "");
            }
            if !self.connections.contains_key(&id) || !self.sessions.contains_key(key) {
                return;
            }
        }
    }

    /// A client did not acknowledge in time on a living connection.
    pub(super) fn resend_live(&mut self, key: &str) {
        let now = self.now;
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let Some(id) = session.connection else {
            return;
        };
        let mut again = Vec::new();
        for flight in &mut session.in_flight {
            if flight.sent && flight.stage == Stage::Published {
                flight.sent_at = now;
                again.push(flight.clone());
            }
        }
        for flight in again {
            self.send_publish(id, &flight.delivery, flight.id, true);
        }
    }

    fn pump_queue(&mut self, key: &str, id: ConnectionId) {
        while self.connections.contains_key(&id) {
            let Some(session) = self.sessions.get(key) else {
                return;
            };
            let Some(i) = self.next_in_line(key, session, id) else {
                return;
            };
            let delivery = session.queue[i].clone();
            let expired = self.left(&delivery, false) == Some(0);
            let session = self.sessions.get_mut(key).expect("seen above");
            if expired {
                // [MQTT-3.3.2-5] (5.0)
                session.queue.remove(i);
                continue;
            }
            if self.too_large(id, &delivery, u16::MAX) {
                // [MQTT-3.1.2-25] (5.0): as if it had been sent
                if self.wrong(Switch::TooLargeBlocks) {
                    return;
                }
                let session = self.sessions.get_mut(key).expect("seen above");
                session.queue.remove(i);
                if self.wrong(Switch::TooLargeTakesQuota)
                    && let Some(connection) = self.connections.get_mut(&id)
                {
                    connection.lost_quota += 1;
                }
                if self.wrong(Switch::TooLargeCloses) {
                    let why = "a message is too large for this client";
                    return self.disconnect(id, ReasonCode::PACKET_TOO_LARGE, why);
                }
                continue;
            }
            self.start(key, id, i);
        }
    }

    /// Which waiting message goes out next: the oldest that may.
    fn next_in_line(&self, key: &str, session: &Session, id: ConnectionId) -> Option<usize> {
        let full = self.in_use(session) >= self.window(id);
        let stuck = self.wrong(Switch::StuckSubscriberBlocks)
            && self.sessions.iter().any(|(other, s)| {
                let at_limit = |id| self.in_use(s) >= self.window(id);
                other != key && !s.queue.is_empty() && s.connection.is_some_and(at_limit)
            });
        let may = |d: &Delivery| {
            d.not_before <= self.now && !stuck && (d.qos == QoS::AtMostOnce || !full)
        };
        let queue = &session.queue;
        let mut eligible: Vec<usize> = (0..queue.len()).filter(|i| may(&queue[*i])).collect();
        if self.wrong(Switch::LiveOvertakesQueue) {
            let waiting = queue.iter().filter(|d| d.waited).count();
            eligible.retain(|i| {
                !(queue[*i].waited && waiting == 1 && !queue[*i].qos.eq(&QoS::AtMostOnce))
            });
            if eligible.is_empty() && queue.iter().any(|d| !d.waited) {
                return None;
            }
        }
        if self.wrong(Switch::ReverseOrder)
            && let Some(i) = eligible.iter().rfind(|i| queue[**i].waited)
        {
            return Some(*i);
        }
        if self.wrong(Switch::NewestAtQuota) && self.window(id) < usize::from(u16::MAX) {
            return eligible.pop();
        }
        if self.wrong(Switch::ShortFirst) {
            return eligible
                .into_iter()
                .min_by_key(|i| queue[*i].message.payload.len());
        }
        eligible.first().copied()
    }

    /// Sends a waiting message for the first time.
    fn start(&mut self, key: &str, id: ConnectionId, i: usize) {
        let (ways, now) = (self.ways, self.now);
        let session = self.sessions.get_mut(key).expect("seen by the caller");
        let Some(delivery) = session.queue.remove(i) else {
            return;
        };
        if !delivery.waited
            && ways.wrong(Switch::LiveOvertakesQueue)
            && let Some(held) = session.queue.front_mut()
        {
            held.waited = false;
        }
        if delivery.qos == QoS::AtMostOnce {
            return self.send_publish(id, &delivery, 0, false);
        }
        let number = next_id(ways, session);
        session.in_flight.push(InFlight {
            id: number,
            delivery: delivery.clone(),
            stage: Stage::Published,
            sent: true,
            sent_at: now,
            again: false,
            ghost: false,
        });
        self.send_publish(id, &delivery, number, false);
    }

    /// Whether a message is too large for a client [MQTT-3.1.2-24] (5.0).
    fn too_large(&self, id: ConnectionId, delivery: &Delivery, number: u16) -> bool {
        let version = self.version(id);
        let packet = Packet::Publish(self.publish_packet(id, delivery, number, false));
        let Ok(bytes) = encode(&packet, version) else {
            return true;
        };
        let mut len = bytes.len();
        if self.wrong(Switch::MaximumPacketSizeWithoutHeader) {
            len -= 2;
        }
        let ignored = self.wrong(Switch::MaximumPacketSizeIgnored)
            || delivery.waited && self.wrong(Switch::MaximumPacketSizeForgotten);
        !ignored && !self.fits(id, len)
    }

    fn send_publish(&mut self, id: ConnectionId, delivery: &Delivery, number: u16, again: bool) {
        let mut publish = self.publish_packet(id, delivery, number, again);
        self.use_alias(id, delivery, &mut publish);
        self.send(id, Packet::Publish(publish));
    }

    fn send_pubrel(&mut self, id: ConnectionId, number: u16, reason: ReasonCode, why: &str) {
        if let Some(ack) = Self::ack(number, reason, why) {
            self.send(id, Packet::PubRel(ack));
        }
    }

    /// Takes a message out of flight.
    fn finish(&mut self, key: &str, id: ConnectionId, i: usize, is_error: bool) {
        let ways = self.ways;
        let session = self.sessions.get_mut(key).expect("seen by the caller");
        let flight = session.in_flight[i].clone();
        let is_ghost = is_error && ways.wrong(Switch::ResendAfterError)
            || i > 0
                && flight.delivery.qos == QoS::AtLeastOnce
                && ways.wrong(Switch::PubAckForgotten);
        if is_ghost {
            session.in_flight[i].ghost = true;
        } else {
            session.in_flight.remove(i);
        }
        if ways.wrong(Switch::ResumedQueueSentTwice) && flight.delivery.waited {
            session.done.push(flight.delivery.clone());
        }
        session.last_acked = Some(flight.clone());
        if is_error {
            if ways.wrong(Switch::QuotaLostOnError)
                && let Some(connection) = self.connections.get_mut(&id)
            {
                connection.lost_quota += 1;
            }
            self.refused_by_member(key, &flight.delivery);
        }
    }

    /// An acknowledgement that belongs to nothing gives no quota [X-5.0-flow-6].
    fn unknown_ack(&mut self, id: ConnectionId) {
        if self.wrong(Switch::QuotaGrowsByRepetition)
            && let Some(connection) = self.connections.get_mut(&id)
        {
            connection.extra_quota += 1;
        }
    }

    /// Where a message in flight stands.
    fn position(&self, key: &str, ack: &Ack, qos: QoS) -> Option<usize> {
        let number = ack.packet_id.get();
        let flights = &self.sessions[key].in_flight;
        let found = |f: &InFlight| f.id == number && f.delivery.qos == qos && f.sent && !f.ghost;
        flights.iter().position(found)
    }

    /// [MQTT-4.3.2-1] (3.1.1), [MQTT-4.3.2-3] (5.0)
    pub(super) fn on_puback(&mut self, id: ConnectionId, ack: &Ack) {
        let Some(key) = self.session_of(id) else {
            return;
        };
        let short = ack.reason.0 == 0 && ack.properties.is_empty();
        if short && self.version(id) == Version::V5_0 && self.wrong(Switch::AckLengthTwoUnread) {
            let why = "PUBACK without a reason code";
            return self.disconnect(id, ReasonCode::MALFORMED_PACKET, why);
        }
        match self.position(&key, ack, QoS::AtLeastOnce) {
            Some(i) => self.finish(&key, id, i, ack.reason.is_error()),
            None => self.unknown_ack(id),
        }
        self.pump_after_ack(&key);
    }

    /// [MQTT-4.3.3-1] (3.1.1), [MQTT-4.3.3-4] (5.0)
    pub(super) fn on_pubrec(&mut self, id: ConnectionId, ack: &Ack) {
        let ways = self.ways;
        let Some(key) = self.session_of(id) else {
            return;
        };
        let number = ack.packet_id.get();
        let Some(i) = self.position(&key, ack, QoS::ExactlyOnce) else {
            let (reason, why) = if ways.wrong(Switch::PubRelIllegalCode) {
                (ReasonCode(0x10), "")
            } else {
                (ReasonCode::PACKET_IDENTIFIER_NOT_FOUND, "no such message")
            };
            return self.send_pubrel(id, number, reason, why);
        };
        let is_error = ack.reason.is_error() && !ways.wrong(Switch::PubRecErrorAnswered);
        let session = self.sessions.get_mut(&key).expect("a connection has one");
        let flight = session.in_flight[i].clone();
        if is_error && flight.stage == Stage::Published {
            // [MQTT-4.4.0-2] (5.0)
            self.finish(&key, id, i, true);
            return self.pump_after_ack(&key);
        }
        if flight.stage == Stage::Released && ways.wrong(Switch::PubRelOnce) {
            return;
        }
        if ways.wrong(Switch::ReuseQos2AfterPubRec) {
            return self.send_publish(id, &flight.delivery, number, true);
        }
        session.in_flight[i].stage = Stage::Released;
        let wrong_id = session.in_flight[0].id;
        if ways.wrong(Switch::DoneAtPubRec) {
            session.in_flight.remove(i);
        }
        let expired = self.left(&flight.delivery, true) == Some(0);
        if !(expired && ways.wrong(Switch::ExpiryStopsPubRel)) {
            let number = if ways.wrong(Switch::PubRelWrongId) {
                wrong_id
            } else {
                number
            };
            self.send_pubrel(id, number, ReasonCode::SUCCESS, "");
        }
        self.pump_after_ack(&key);
    }

    /// [MQTT-4.3.3-5] (5.0)
    pub(super) fn on_pubcomp(&mut self, id: ConnectionId, ack: &Ack) {
        let Some(key) = self.session_of(id) else {
            return;
        };
        let released = self
            .position(&key, ack, QoS::ExactlyOnce)
            .filter(|i| self.sessions[&key].in_flight[*i].stage == Stage::Released);
        match released {
            Some(i) => self.finish(&key, id, i, false),
            None => self.unknown_ack(id),
        }
        self.pump_after_ack(&key);
    }

    fn pump_after_ack(&mut self, key: &str) {
        self.pump(key);
        if self.wrong(Switch::StuckSubscriberBlocks) {
            let keys: Vec<_> = self.sessions.keys().cloned().collect();
            keys.iter().for_each(|key| self.pump(key));
        }
    }
}

/// An identifier that is not in use [MQTT-2.3.1-4] (3.1.1), [MQTT-2.2.1-4] (5.0).
fn next_id(ways: super::ways::Ways, session: &mut Session) -> u16 {
    if ways.wrong(Switch::IdReusedInFlight) {
        session.last_id = session.last_id % 4 + 1;
        return session.last_id;
    }
    if ways.wrong(Switch::IdsRestartOnResume) {
        session.last_id = session.last_id.wrapping_add(1);
        return session.last_id;
    }
    if ways.wrong(Switch::IdZero) && session.last_id == 0 {
        session.last_id = 1;
        return 0;
    }
    let used = |id: u16, session: &Session| session.in_flight.iter().any(|f| f.id == id);
    if ways.odd(Decoy::LowestFreeId) {
        session.last_id = 0;
    }
    loop {
        session.last_id = match session.last_id {
            0 | 1 if ways.odd(Decoy::HighIds) => u16::MAX,
            last if ways.odd(Decoy::HighIds) => last - 1,
            u16::MAX => 1,
            last => last + 1,
        };
        if !used(session.last_id, session) {
            return session.last_id;
        }
    }
}
