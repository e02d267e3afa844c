//! Every way a connection ends, and what becomes of its session then.

use super::{
    Broker, Client, CloseCause, ConnId, Event, Output, ProtocolError, Timer,
    session::{Expiry, SessionId},
};
use squall_protocol::{
    QoS, ReasonCode, Rule, Time, Version, Violation,
    packet::{ConnAck, Disconnect},
    topic::TopicFilter,
};

impl Broker {
    /// What arrived is not a packet: close [MQTT-4.8.0-1] (3.1.1), [MQTT-4.13.1-1] (5.0), and say why where the
    /// version has a way to.
    pub(super) fn handle_violation(&mut self, now: Time, conn: ConnId, violation: Violation) {
        let accepted = self.conns.client(conn).is_some();
        let reason = violation.reason();
        if accepted {
            let (text, cause) = (violation.to_string(), CloseCause::Violation);
            self.event(|| Event::Violation { conn, violation });
            self.disconnect(now, conn, reason, &text, cause);
            return;
        }
        let announced = self
            .conns
            .get(&conn)
            .and_then(|c| c.announced_version(violation.offset));
        let refusal = match (violation.rule, announced) {
            // 3.1.1 demands this answer [MQTT-3.1.2-2], 5.0 leaves the answer open, and who speaks neither version
            // understands the older form best.
            (Rule::UnsupportedProtocolVersion(_), _) => Some((
                Version::V3_1_1,
                ReasonCode::V3_UNACCEPTABLE_PROTOCOL_VERSION,
            )),
            // 3.1.1 demands this one too [MQTT-3.1.3-8]; the rule is of that version only.
            (Rule::ClientIdEmptyWithoutCleanSession, _) => {
                Some((Version::V3_1_1, ReasonCode::V3_IDENTIFIER_REJECTED))
            }
            // Only 5.0 forbids it, so the packet was read as one of 5.0 up to its end.
            (Rule::VariableByteIntegerPadded, _) => Some((Version::V5_0, reason)),
            // [X-5.0-error-1]
            (_, Some(Version::V5_0)) => Some((Version::V5_0, reason)),
            // 3.1.1 closes without an answer [MQTT-3.1.4-1].
            _ => None,
        };
        let text = violation.to_string();
        self.event(|| Event::Violation { conn, violation });
        if let Some((version, reason)) = refusal {
            let ack = ConnAck {
                session_present: false,
                reason,
                properties: super::why::reason_string(&text).unwrap_or_default(),
            };
            self.send_connack(conn, version, usize::MAX, ack);
        }
        self.end(now, conn, CloseCause::Violation);
    }

    pub(super) fn handle_disconnect(
        &mut self,
        now: Time,
        client: Client,
        disconnect: &Disconnect,
    ) -> Result<(), CloseCause> {
        if let Some(secs) = disconnect.properties.session_expiry_interval() {
            // [X-5.0-disconnect-3]
            if secs != 0 && !self.conns.link(client.conn).expiry_set {
                return Err(ProtocolError::SessionExpiryFromZero.into());
            }
            // [X-5.0-disconnect-4]
            let expiry = Expiry::from_secs(self.allowed_expiry(secs));
            self.sessions[client.session].expiry = expiry;
        }
        // Any other reason leaves the will in force [X-5.0-will-4].
        if disconnect.reason == ReasonCode::NORMAL_DISCONNECTION {
            // [MQTT-3.1.2-8], [MQTT-3.1.2-10], [MQTT-3.14.4-3]
            self.sessions[client.session].take_will();
        }
        // [X-3.1.1-disconnect-1], [X-5.0-disconnect-5]
        let cause = CloseCause::Disconnected(disconnect.reason);
        self.end(now, client.conn, cause);
        Ok(())
    }

    pub(super) fn keep_alive_timeout(&mut self, now: Time, conn: ConnId) {
        let reason = ReasonCode::KEEP_ALIVE_TIMEOUT;
        // [MQTT-3.1.2-24] (3.1.1), [MQTT-3.1.2-22] (5.0)
        self.disconnect(now, conn, reason, "", CloseCause::KeepAlive);
    }

    /// The client was heard: its silence begins anew.
    pub(super) fn heard(&mut self, now: Time, conn: ConnId) {
        let Some(connection) = self.conns.get_mut(&conn) else {
            return;
        };
        let Some(silence) = connection.link.as_ref().and_then(|link| link.silence) else {
            return;
        };
        let at = now + silence;
        if connection.deadline != Some(at) {
            let timer = Timer::KeepAlive(conn);
            if let Some(before) = connection.deadline.replace(at) {
                self.deadlines.clear(before, timer.clone());
            }
            self.deadlines.set(at, timer);
        }
    }

    /// Ends a connection from our side, with DISCONNECT where there is one [X-5.0-disconnect-1]. It is over with that,
    /// whether DISCONNECT fits or not [MQTT-4.13.2-1], and nothing follows on it [MQTT-3.14.4-1], [MQTT-3.14.4-2] (5.0).
    pub(super) fn disconnect(
        &mut self,
        now: Time,
        conn: ConnId,
        reason: ReasonCode,
        text: &str,
        cause: CloseCause,
    ) {
        self.send_disconnect(conn, reason, text);
        self.end(now, conn, cause);
    }

    /// The connection is over. Its session goes on as its expiry says.
    pub(super) fn end(&mut self, now: Time, conn: ConnId, cause: CloseCause) {
        let Some(connection) = self.conns.remove(&conn) else {
            return;
        };
        self.unfinished -= connection.unfinished;
        let asked = connection
            .early
            .as_ref()
            .is_some_and(|early| early.is_asked());
        self.verifying -= usize::from(asked);
        if let Some(at) = connection.deadline {
            let timer = match connection.link {
                Some(_) => Timer::KeepAlive(conn),
                None => Timer::Connect(conn),
            };
            self.deadlines.clear(at, timer);
        }
        if !matches!(cause, CloseCause::Peer(_)) {
            self.outputs.push_back(Output::Close { conn });
        }
        self.event(|| Event::Closed { conn, cause });
        if let Some(link) = connection.link {
            self.leave(now, link.session);
        }
    }

    /// The session's connection is gone.
    pub(super) fn leave(&mut self, now: Time, id: SessionId) {
        let session = &mut self.sessions[id];
        // Only from here on can it end [MQTT-4.1.0-1], [MQTT-4.1.0-2] (3.1.1), [MQTT-4.1.0-1] (5.0).
        session.conn = None;
        // QoS 0 is not kept for a client that is away [X-3.1.1-session-1], [X-5.0-session-4].
        session.retain_found(|found| found.qos > QoS::AtMostOnce);
        let expiry = session.expiry;
        let shares = session.filters.iter().any(TopicFilter::is_shared);
        if shares && expiry != Expiry::AtOnce {
            self.hand_over(now, id);
        }
        let session = &mut self.sessions[id];
        let ends_at = match expiry {
            // [MQTT-3.1.2-6] (3.1.1), [X-5.0-session-1]
            Expiry::AtOnce => {
                self.end_session(now, id);
                return;
            }
            // [MQTT-3.1.2-23] (5.0)
            Expiry::After(kept) => Some(now + kept),
            Expiry::Never => None,
        };
        session.left(ends_at);
        if let Some(at) = ends_at {
            self.deadlines.set(at, Timer::SessionEnd(id));
        }
        self.connection_lost_will(now, id);
    }

    /// The session is over: its will is due at the latest now, and nothing of it remains [MQTT-4.1.0-2] (5.0).
    pub(super) fn end_session(&mut self, now: Time, id: SessionId) {
        let mut session = self.sessions.end(id);
        for filter in &session.filters {
            self.subscriptions.remove(id, filter);
        }
        if let Some(at) = session.ends_at {
            self.deadlines.clear(at, Timer::SessionEnd(id));
        }
        if let Some(at) = session.will_at {
            self.deadlines.clear(at, Timer::Will(id));
        }
        session.forget();
        if let Some(will) = session.will.take() {
            let client_id = session.client_id.clone();
            self.publish_will(now, will, client_id, session.user.as_deref());
        }
        // A message of a shared subscription that was never delivered goes to another member [X-5.0-shared-5]; a
        // QoS 2 delivery that had begun must not [MQTT-4.8.2-5] (5.0).
        let begun = session.outbound.clear();
        let begun = begun.into_iter().filter(|d| d.qos == QoS::AtLeastOnce);
        for delivery in begun.chain(session.queue.into_messages()) {
            self.redistribute(now, delivery);
        }
    }
}
