//! CONNECT: is it acceptable, whose session is it, and what does CONNACK say.

use super::{
    Broker, Client, CloseCause, ConnId, Timer,
    admit::{Admission, Entrant},
    alias::OutgoingAliases,
    connection::Link,
    exchange::{self, Proven},
    message::{KeptWill, will_bytes},
    owned,
    send::maximum_packet_size,
    session::{Expiry, Session, SessionId, session_bytes},
};
use crate::offer;
use squall_protocol::{
    Packet, Properties, Property, ReasonCode, Text, Time, Version, encode,
    flow::ReceiveQuota,
    packet::{ConnAck, Connect},
    topic::TopicAliases,
};
use std::time::Duration;

/// What the broker grants a client, where that is not simply what it asked for.
struct Terms {
    client_id: Text,
    /// Seconds; 0 turns it off.
    keep_alive: u16,
    expiry: Expiry,
    maximum_packet_size: usize,
    /// What CONNACK has to say about it.
    properties: Properties,
}

impl Broker {
    pub(super) fn handle_connect(
        &mut self,
        now: Time,
        conn: ConnId,
        connect: Connect,
    ) -> Result<(), CloseCause> {
        if let Some(redirect) = self.config.redirect.clone() {
            self.send_elsewhere(now, conn, &connect, &redirect);
            return Ok(());
        }
        if let Err((reason, why)) = self.check(conn, &connect) {
            self.refuse(now, conn, &connect, reason, why);
            return Ok(());
        }
        match self.admission(conn, &connect) {
            Admission::Admitted(user) => {
                self.enter(now, conn, &connect, Entrant { user, proof: None })
            }
            Admission::Proving(exchange, answer) => {
                self.ask_for_proof(now, conn, connect, exchange, &answer);
                Ok(())
            }
            Admission::Asked(credentials) => {
                self.ask(conn, connect, credentials);
                Ok(())
            }
            Admission::Refused(reason, why) => {
                self.refuse(now, conn, &connect, reason, why);
                Ok(())
            }
        }
    }

    /// What a CONNECT asks for, and whether there is room for it.
    pub(super) fn check(
        &self,
        conn: ConnId,
        connect: &Connect,
    ) -> Result<(), (ReasonCode, &'static str)> {
        self.check_connect(connect)?;
        self.check_room(conn, connect)
    }

    /// Lets a client in of whom is known who it is.
    pub(super) fn enter(
        &mut self,
        now: Time,
        conn: ConnId,
        connect: &Connect,
        entrant: Entrant,
    ) -> Result<(), CloseCause> {
        let Entrant { user, proof } = entrant;
        let owned = self.check_owner(connect, user.as_ref());
        let allowed = owned.and_then(|()| self.check_will(connect, user.as_deref()));
        if let Err((reason, why)) = allowed {
            self.refuse(now, conn, connect, reason, why);
            return Ok(());
        }
        let mut terms = self.terms(connect);
        exchange::announce(connect, proof, &mut terms.properties);
        let properties = &mut terms.properties;
        self.inform(connect, user.as_deref(), &terms.client_id, properties);
        if !fits(&terms, connect.version) {
            // [MQTT-3.1.2-24] (5.0): not even this answer may be sent.
            self.end(now, conn, CloseCause::AnswerTooLarge);
            return Ok(());
        }
        let (session, present) = self.take_session(now, connect, &terms.client_id);
        self.sessions[session].user = user.as_ref().map(owned::text);
        let client = Client {
            conn,
            session,
            version: connect.version,
        };
        self.accept_connection(now, client, present, connect, terms)
    }

    /// What the broker cannot or will not serve, in the reason codes of 5.0.
    fn check_connect(&self, connect: &Connect) -> Result<(), (ReasonCode, &'static str)> {
        if let Some(method) = connect.properties.authentication_method()
            && !self.supports(&method)
        {
            // [MQTT-4.12.0-1] (5.0)
            let reason = ReasonCode::BAD_AUTHENTICATION_METHOD;
            return Err((reason, "this Authentication Method is not supported"));
        }
        // Any other one is accepted [MQTT-3.1.3-5], also a longer one or one of other characters [X-3.1.1-clientid-1],
        // [X-5.0-clientid-1].
        if connect.client_id.is_empty() && !self.config.empty_client_id {
            // [MQTT-3.1.3-9] (3.1.1), [MQTT-3.1.3-8] (5.0)
            let reason = ReasonCode::CLIENT_IDENTIFIER_NOT_VALID;
            return Err((reason, "an empty Client Identifier is not accepted here"));
        }
        if let Some(will) = &connect.will {
            if will.qos > self.config.maximum_qos {
                // [MQTT-3.2.2-12] (5.0)
                let reason = ReasonCode::QOS_NOT_SUPPORTED;
                return Err((reason, "the Will QoS is above the Maximum QoS"));
            }
            if will.retain && !self.config.retain_available {
                // [MQTT-3.2.2-13] (5.0)
                let reason = ReasonCode::RETAIN_NOT_SUPPORTED;
                return Err((reason, "retained messages are not offered"));
            }
            if will.topic.starts_with('$') && !self.config.dollar_topics {
                // [X-3.1.1-topic-3], [X-5.0-topic-3]
                let reason = ReasonCode::TOPIC_NAME_INVALID;
                return Err((
                    reason,
                    "clients may not publish to topics that begin with $",
                ));
            }
        }
        Ok(())
    }

    /// Whether there is room for one more client.
    fn check_room(
        &self,
        conn: ConnId,
        connect: &Connect,
    ) -> Result<(), (ReasonCode, &'static str)> {
        let config = &self.config;
        if self.conns.get(&conn).is_some_and(|c| c.surplus) {
            return Err((ReasonCode::SERVER_BUSY, "there are too many connections"));
        }
        let full = |why| Err((ReasonCode::QUOTA_EXCEEDED, why));
        let is_new = self.sessions.find(&connect.client_id).is_none();
        let bytes = session_bytes(&connect.client_id);
        if is_new && self.sessions.len() >= config.max_sessions {
            return full("there are too many sessions");
        }
        if is_new
            && (bytes > config.max_session_bytes
                || !self.states.has_room(bytes, config.max_sessions_bytes))
        {
            return full("there is no room for another session");
        }
        let will = connect.will.as_ref().map_or(0, will_bytes);
        if will > 0 && !self.messages.has_room(will, config.max_message_bytes) {
            return full("there is no room for the will");
        }
        Ok(())
    }

    /// Says no and closes [MQTT-3.2.2-5] (3.1.1), [MQTT-3.2.2-7], [MQTT-4.13.2-1] (5.0); it says why where it can
    /// [X-3.1.1-connack-4], [X-5.0-connack-2].
    pub(super) fn refuse(
        &mut self,
        now: Time,
        conn: ConnId,
        connect: &Connect,
        reason: ReasonCode,
        why: &str,
    ) {
        let on_the_wire = match (connect.version, reason) {
            (Version::V5_0, _) => Some(reason),
            (Version::V3_1_1, ReasonCode::CLIENT_IDENTIFIER_NOT_VALID) => {
                Some(ReasonCode::V3_IDENTIFIER_REJECTED)
            }
            (Version::V3_1_1, ReasonCode::BAD_USER_NAME_OR_PASSWORD) => {
                Some(ReasonCode::V3_BAD_USER_NAME_OR_PASSWORD)
            }
            (Version::V3_1_1, ReasonCode::NOT_AUTHORIZED) => Some(ReasonCode::V3_NOT_AUTHORIZED),
            (
                Version::V3_1_1,
                ReasonCode::SERVER_BUSY
                | ReasonCode::SERVER_UNAVAILABLE
                | ReasonCode::QUOTA_EXCEEDED,
            ) => Some(ReasonCode::V3_SERVER_UNAVAILABLE),
            // No return code fits: close without CONNACK [MQTT-3.2.2-6] (3.1.1).
            (Version::V3_1_1, _) => None,
        };
        if let Some(reason) = on_the_wire {
            let mut ack = ConnAck {
                // [MQTT-3.2.2-4] (3.1.1), [MQTT-3.2.2-6] (5.0)
                session_present: false,
                reason,
                properties: Properties::new(),
            };
            let maximum = maximum_packet_size(connect);
            let explained = explain(connect, why).is_some_and(|properties| {
                let ack = ConnAck {
                    properties,
                    ..ack.clone()
                };
                self.send_connack(conn, connect.version, maximum, ack)
            });
            if !explained {
                // [MQTT-3.2.2-19] (5.0)
                ack.properties = Properties::new();
                self.send_connack(conn, connect.version, maximum, ack);
            }
        }
        self.end(now, conn, CloseCause::Refused(reason));
    }

    /// What the client gets, and what CONNACK tells it about that.
    fn terms(&mut self, connect: &Connect) -> Terms {
        let mut properties = Properties::new();
        let client_id = if connect.client_id.is_empty() {
            // [MQTT-3.1.3-6], [MQTT-3.1.3-7], [MQTT-3.2.2-16] (5.0)
            let assigned = self.assign_client_id();
            properties.push(Property::AssignedClientIdentifier(assigned.clone()));
            assigned
        } else {
            connect.client_id.clone()
        };
        let (keep_alive, expiry) = match connect.version {
            Version::V3_1_1 => (connect.keep_alive, self.expiry_v3(connect.clean_start)),
            Version::V5_0 => (
                self.keep_alive_v5(connect, &mut properties),
                self.expiry_v5(connect, &mut properties),
            ),
        };
        match connect.version {
            Version::V3_1_1 => properties = Properties::new(),
            Version::V5_0 => offer::announce(&self.config, &mut properties),
        }
        Terms {
            client_id,
            keep_alive,
            expiry,
            maximum_packet_size: maximum_packet_size(connect),
            properties,
        }
    }

    /// A Client Identifier that no session uses.
    fn assign_client_id(&mut self) -> Text {
        loop {
            self.next_assigned += 1;
            let id = Text::from(format!("squall-{}", self.next_assigned));
            if self.sessions.find(&id).is_none() {
                return id;
            }
        }
    }

    fn keep_alive_v5(&self, connect: &Connect, properties: &mut Properties) -> u16 {
        let asked = connect.keep_alive;
        let limit = offer::server_keep_alive(&self.config, asked);
        if let Some(limit) = limit {
            properties.push(Property::ServerKeepAlive(limit));
        }
        // [MQTT-3.2.2-22] (5.0)
        limit.unwrap_or(asked)
    }

    fn expiry_v5(&self, connect: &Connect, properties: &mut Properties) -> Expiry {
        let asked = connect.properties.session_expiry_interval().unwrap_or(0);
        let allowed = self.allowed_expiry(asked);
        if allowed != asked {
            // [X-5.0-connack-4]
            properties.push(Property::SessionExpiryInterval(allowed));
        }
        Expiry::from_secs(allowed)
    }

    /// A Session Expiry Interval within the limit, in seconds.
    pub(super) fn allowed_expiry(&self, secs: u32) -> u32 {
        secs.min(self.config.session_expiry_maximum.unwrap_or(u32::MAX))
    }

    /// [MQTT-3.1.2-4], [MQTT-3.1.2-6] (3.1.1)
    fn expiry_v3(&self, clean_session: bool) -> Expiry {
        match self.config.session_expiry_3_1_1 {
            _ if clean_session => Expiry::AtOnce,
            None => Expiry::Never,
            Some(secs) => Expiry::from_secs(secs),
        }
    }

    /// The session the client goes on with, and whether that is an old one [MQTT-3.1.4-3] (3.1.1), [MQTT-3.1.4-4] (5.0).
    fn take_session(
        &mut self,
        now: Time,
        connect: &Connect,
        client_id: &Text,
    ) -> (SessionId, bool) {
        let before = self.sessions.find(client_id);
        if let Some(old) = before.and_then(|id| self.sessions[id].conn) {
            // [MQTT-3.1.4-2] (3.1.1), [MQTT-3.1.4-3] (5.0). The will of the old connection follows the usual rules
            // [X-5.0-will-11]: the session ends, or its delay begins and is cut short below.
            let reason = ReasonCode::SESSION_TAKEN_OVER;
            self.disconnect(now, old, reason, "", CloseCause::TakenOver);
        }
        // A session that ended with the old connection is gone.
        match self.sessions.find(client_id) {
            Some(id) if connect.clean_start => {
                // [MQTT-3.1.2-6] (3.1.1), [MQTT-3.1.2-4] (5.0)
                self.end_session(now, id);
                (self.new_session(client_id), false)
            }
            // [MQTT-3.1.2-4] (3.1.1), [MQTT-3.1.2-5] (5.0)
            Some(id) => (id, !connect.clean_start),
            // [MQTT-3.1.2-4] (3.1.1), [MQTT-3.1.2-6] (5.0)
            None => (self.new_session(client_id), false),
        }
    }

    fn new_session(&mut self, client_id: &Text) -> SessionId {
        let client_id = owned::text(client_id);
        let session = Session::new(client_id, &self.states, &self.messages, &self.journal);
        self.sessions.begin(session)
    }

    /// Says yes, and sends what waited for the client.
    fn accept_connection(
        &mut self,
        now: Time,
        client: Client,
        present: bool,
        connect: &Connect,
        terms: Terms,
    ) -> Result<(), CloseCause> {
        let Client { conn, session, .. } = client;
        self.cancel_will(session);
        self.attach(client, connect, &terms);
        self.link(client, connect, &terms);
        let ack = ConnAck {
            // [MQTT-3.2.2-1], [MQTT-3.2.2-2], [MQTT-3.2.2-3] (3.1.1), [MQTT-3.2.2-2], [MQTT-3.2.2-3] (5.0)
            session_present: present,
            reason: ReasonCode::SUCCESS,
            properties: terms.properties,
        };
        // [MQTT-3.1.4-4] (3.1.1), [MQTT-3.1.4-5] (5.0). The first packet to this client [MQTT-3.2.0-1] but for AUTH, and the
        // only CONNACK: from here on a CONNECT is refused [MQTT-3.2.0-2] (5.0).
        self.send_connack(conn, client.version, terms.maximum_packet_size, ack);
        self.heard(now, conn);
        self.resume(now, client)
    }

    /// The session's side of a new connection.
    fn attach(&mut self, client: Client, connect: &Connect, terms: &Terms) {
        let session = &mut self.sessions[client.session];
        let ends_at = session.ends_at.take();
        session.conn = Some(client.conn);
        // [MQTT-3.1.2-8] (3.1.1), [MQTT-3.1.2-7] (5.0); without the Will Flag there is none [MQTT-3.1.2-12] (3.1.1)
        let will = (connect.will.as_ref()).map(|will| KeptWill::new(will, &self.messages));
        session.attached(terms.expiry, will);
        // It holds for one connection [X-5.0-flow-2].
        let receive_maximum = connect.properties.receive_maximum().unwrap_or(u16::MAX);
        session.outbound.set_receive_maximum(receive_maximum);
        if let Some(at) = ends_at {
            self.deadlines.clear(at, Timer::SessionEnd(client.session));
        }
    }

    /// The connection's side.
    fn link(&mut self, client: Client, connect: &Connect, terms: &Terms) {
        let Client {
            conn,
            session,
            version,
        } = client;
        let connection = self
            .conns
            .get_mut(&conn)
            .expect("its CONNECT has just come");
        if let Some(at) = connection.deadline.take() {
            self.deadlines.clear(at, Timer::Connect(conn));
        }
        connection.head = Vec::new();
        let problem = connect.properties.request_problem_information();
        connection.link = Some(Link {
            session,
            version,
            silence: silence(terms.keep_alive),
            maximum_packet_size: terms.maximum_packet_size,
            // [MQTT-3.1.2-29] (5.0)
            problem_information: problem != Some(0),
            proven: Proven::of(connect, &self.sessions[session]),
            expiry_set: connect.properties.session_expiry_interval().unwrap_or(0) > 0,
            outgoing: OutgoingAliases::of(connect, self.config.topic_aliases_to_clients),
            // All up to the one that CONNACK names [MQTT-3.3.2-12] (5.0).
            aliases: TopicAliases::new(self.config.topic_alias_maximum),
            // 3.1.1 has no such limit.
            unfinished: ReceiveQuota::new(match version {
                Version::V3_1_1 => u16::MAX,
                Version::V5_0 => self.config.receive_maximum,
            }),
        });
    }
}

/// How long a client with this Keep Alive may be silent: one and a half of it [MQTT-3.1.2-24] (3.1.1),
/// [MQTT-3.1.2-22] (5.0); `None` for ever [X-3.1.1-keepalive-1], [X-5.0-keepalive-3].
fn silence(keep_alive: u16) -> Option<Duration> {
    (keep_alive > 0).then(|| Duration::from_millis(u64::from(keep_alive) * 1500))
}

/// Whether the client takes a CONNACK with these terms.
fn fits(terms: &Terms, version: Version) -> bool {
    let packet = Packet::ConnAck(ConnAck {
        session_present: false,
        reason: ReasonCode::SUCCESS,
        properties: terms.properties.clone(),
    });
    encode(&packet, version).is_ok_and(|bytes| bytes.len() <= terms.maximum_packet_size)
}

/// A Reason String, where the client wants one.
fn explain(connect: &Connect, why: &str) -> Option<Properties> {
    let wanted = connect.properties.request_problem_information() != Some(0);
    let possible = connect.version == Version::V5_0;
    (wanted && possible)
        .then(|| super::why::reason_string(why))
        .flatten()
}
