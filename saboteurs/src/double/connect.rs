//! CONNECT: who is let in, and with which session.

use super::{
    core::{Double, Later},
    state::{ConnectionId, Message, Session, StoredWill},
};
use crate::{Decoy, Switch};
use squall_protocol::{
    Packet, PacketType, Properties, Property, PropertyId, ReasonCode, Version, encode,
    packet::{ConnAck, Connect, Disconnect, Will},
};

impl Double {
    /// The key of a Client Identifier [MQTT-3.1.3-2].
    fn session_key(&self, client_id: &str) -> String {
        if self.wrong(Switch::ClientIdCaseFolded) {
            return client_id.to_lowercase();
        }
        if self.wrong(Switch::ClientIdCut) {
            return client_id.chars().take(20).collect();
        }
        client_id.to_owned()
    }

    /// Refuses a CONNECT: CONNACK, then the end.
    pub(super) fn refuse(
        &mut self,
        id: ConnectionId,
        version: Version,
        reason: ReasonCode,
        v3: u8,
        why: &str,
    ) {
        let reason = match version {
            _ if self.wrong(Switch::ConnAckUnknownCode) => ReasonCode(0x06),
            Version::V3_1_1 => ReasonCode(v3),
            Version::V5_0 => reason,
        };
        let silent = match version {
            Version::V3_1_1 => self.wrong(Switch::RefusalSilent),
            Version::V5_0 => self.odd(Decoy::RefusesInSilence),
        };
        if version == Version::V5_0 && self.wrong(Switch::DisconnectBeforeConnAck) {
            let packet = Packet::Disconnect(Disconnect::with_reason(ReasonCode::PROTOCOL_ERROR));
            if let Ok(bytes) = encode(&packet, version) {
                self.emit(id, PacketType::Disconnect, bytes);
            }
            return self.hang_up(id);
        }
        if !silent {
            let mut properties = Properties::new();
            if !why.is_empty() && version == Version::V5_0 {
                properties.push(Property::ReasonString(why.into()));
            }
            // [MQTT-3.2.2-4] (3.1.1), [MQTT-3.2.2-6] (5.0)
            let packet = Packet::ConnAck(ConnAck {
                session_present: self.wrong(Switch::SessionPresentOnRefusal),
                reason,
                properties,
            });
            let connection = self.connections.get_mut(&id).expect("it is there");
            connection.version = Some(version);
            self.send(id, packet);
        }
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        // [MQTT-3.1.4-5] (3.1.1), [MQTT-3.1.4-6] (5.0): what follows is not handled.
        if self.ways.wrong(Switch::RejectedConnectFollowed) {
            connection.refused = true;
            connection.version = Some(version);
            return self.later(300, Later::HangUp(id));
        }
        connection.deaf = true;
        if self.wrong(Switch::RefusedConnectionKeptOpen) {
            return;
        }
        if self.odd(Decoy::RefusalClosedLate) {
            return self.later(500, Later::HangUp(id));
        }
        // [MQTT-3.2.2-5] (3.1.1), [MQTT-3.2.2-7] (5.0)
        self.hang_up(id);
    }

    /// Why a valid CONNECT is refused, with the code of either version.
    fn objection(&self, connect: &Connect) -> Option<(ReasonCode, u8, &'static str)> {
        let properties = &connect.properties;
        let method = properties.authentication_method().is_some();
        if method && !self.wrong(Switch::AuthenticationMethodIgnored) {
            // [MQTT-4.12.0-1]
            let why = "no authentication method is offered";
            return Some((ReasonCode::BAD_AUTHENTICATION_METHOD, 5, why));
        }
        if connect.user_name.is_some() && self.odd(Decoy::UserNameRefused) {
            return Some((ReasonCode::NOT_AUTHORIZED, 5, "nobody is known here"));
        }
        if connect.password.is_some() && self.odd(Decoy::BadPassword) {
            let why = "the Password is wrong";
            return Some((ReasonCode::BAD_USER_NAME_OR_PASSWORD, 4, why));
        }
        let refused_id = connect.client_id.len() > 16 && self.wrong(Switch::LongClientIdRefused)
            || connect.client_id.is_empty() && self.odd(Decoy::EmptyClientIdRefused);
        let key = self.session_key(&connect.client_id);
        let unknown = !connect.clean_start && !self.sessions.contains_key(&key);
        if refused_id || unknown && self.wrong(Switch::UnknownSessionRefused) {
            let why = "no such Client Identifier";
            return Some((ReasonCode::CLIENT_IDENTIFIER_NOT_VALID, 2, why));
        }
        let will = connect.will.as_ref()?;
        let five = connect.version == Version::V5_0;
        if five
            && will.qos > self.maximum_qos(connect.version)
            && !self.wrong(Switch::MaximumQosWillAccepted)
        {
            // [MQTT-3.2.2-12]
            return Some((
                ReasonCode::QOS_NOT_SUPPORTED,
                5,
                "the Will QoS is not offered",
            ));
        }
        if five
            && will.retain
            && !self.has_retained()
            && !self.wrong(Switch::RetainUnavailableWillAccepted)
        {
            // [MQTT-3.2.2-13]
            return Some((
                ReasonCode::RETAIN_NOT_SUPPORTED,
                5,
                "nothing is retained here",
            ));
        }
        None
    }

    pub(super) fn on_connect(&mut self, id: ConnectionId, connect: &Connect) {
        let (ways, now, version) = (self.ways, self.now, connect.version);
        let connection = self.connections.get_mut(&id).expect("it sent the packet");
        if connection.version.is_some() {
            // [MQTT-3.1.0-2]
            if !ways.wrong(Switch::SecondConnectTolerated) {
                self.disconnect(id, ReasonCode::PROTOCOL_ERROR, "a second CONNECT");
            }
            return;
        }
        let properties = &connect.properties;
        connection.version = Some(version);
        connection.receive_maximum = properties.receive_maximum().unwrap_or(u16::MAX);
        connection.maximum_packet_size = properties.maximum_packet_size();
        connection.alias_maximum = properties.topic_alias_maximum().unwrap_or(0);
        connection.problem_information = properties.request_problem_information() != Some(0);
        if let Some((reason, v3, why)) = self.objection(connect) {
            return self.refuse(id, version, reason, v3, why);
        }
        let assigned = connect
            .client_id
            .is_empty()
            .then(|| self.assign_client_id());
        let client_id = assigned.as_deref().unwrap_or(&connect.client_id);
        let key = self.session_key(client_id);
        if !self.take_over(id, &key) {
            return;
        }
        let present = self.open_session(id, &key, connect);
        let keep_alive = self.agree_keep_alive(connect.keep_alive, version);
        let connection = self.connections.get_mut(&id).expect("it sent the packet");
        connection.session = Some(key.clone());
        connection.heard = now;
        connection.keep_alive = keep_alive;
        let session = self.sessions.get_mut(&key).expect("it was opened");
        connection.expiry_was_zero = session.expiry == 0;
        if ways.wrong(Switch::AliasSurvivesConnection) {
            connection.aliases_in = session.aliases.clone();
        }
        if ways.wrong(Switch::QuotaKept) && session.first_receive_maximum > 0 {
            connection.receive_maximum = session.first_receive_maximum;
        }
        session.first_receive_maximum = connection.receive_maximum;
        // [MQTT-3.2.0-1]
        if self.wrong(Switch::PublishBeforeConnAck) {
            self.pump(&key);
        }
        let connack = self.connack(connect, present, assigned.as_deref());
        // [MQTT-3.1.4-4] (3.1.1), [MQTT-3.1.4-5] (5.0)
        let name_alone = connect.user_name.is_some() && connect.password.is_none();
        if !(name_alone && self.wrong(Switch::UserNameAloneUnanswered)) {
            self.send(id, Packet::ConnAck(connack.clone()));
        }
        self.pump(&key);
        if present && self.wrong(Switch::TwoConnAcks) {
            self.send(id, Packet::ConnAck(connack));
        }
    }

    /// A Client Identifier that nobody has [MQTT-3.1.3-6], [MQTT-3.2.2-16] (5.0).
    fn assign_client_id(&mut self) -> String {
        if self.wrong(Switch::EmptyClientIdShared) {
            return "double-guest".to_owned();
        }
        loop {
            self.assigned += 1;
            let candidate = format!("double-{}", self.assigned);
            if !self.sessions.contains_key(&candidate) {
                return candidate;
            }
        }
    }

    /// Closes an older connection with the same Client Identifier. Gives whether the new one may go on.
    fn take_over(&mut self, new: ConnectionId, key: &str) -> bool {
        let ways = self.ways;
        let Some(session) = self.sessions.get_mut(key) else {
            return true;
        };
        let Some(old) = session.connection else {
            return true;
        };
        // [MQTT-3.1.4-2] (3.1.1), [MQTT-3.1.4-3] (5.0)
        if ways.wrong(Switch::NoTakeover) {
            return true;
        }
        if ways.wrong(Switch::TakeoverClosesNewer) {
            self.hang_up(new);
            return false;
        }
        if ways.wrong(Switch::TakeoverWithoutWill) {
            session.will = None;
        }
        if ways.wrong(Switch::TakeoverForgetsQos2) {
            session.inbound.clear();
        }
        if ways.wrong(Switch::TakeoverLosesInFlight) {
            session.in_flight.clear();
        }
        if ways.wrong(Switch::TakeoverWillInSameSession)
            && let Some(will) = &mut session.will
        {
            will.delay = 0;
        }
        let afresh = ways.wrong(Switch::TakeoverStartsAfresh);
        self.disconnect(
            old,
            ReasonCode::SESSION_TAKEN_OVER,
            "another connection took over",
        );
        if afresh {
            self.end_session(key);
        }
        true
    }

    /// Resumes the session or begins a new one; gives whether it was there.
    fn open_session(&mut self, id: ConnectionId, key: &str, connect: &Connect) -> bool {
        let (ways, now, version) = (self.ways, self.now, connect.version);
        let existing = self.sessions.contains_key(key);
        // [MQTT-3.1.2-6] (3.1.1), [MQTT-3.1.2-4] (5.0)
        let clean = connect.clean_start && !ways.wrong(Switch::KeepSessionOnCleanStart);
        if existing && clean {
            if let Some(session) = self.sessions.get_mut(key) {
                session.connection = None;
                if ways.wrong(Switch::WillLostOnCleanStart) {
                    session.will_due = None;
                }
            }
            self.end_session(key);
        }
        let present = existing && !clean;
        let will = connect.will.as_ref().map(|will| self.store_will(key, will));
        let expiry = self.agree_session_expiry(connect);
        let old_will = self.sessions.get_mut(key).and_then(|s| s.will.take());
        let session = self
            .sessions
            .entry(key.to_owned())
            .or_insert_with(|| Session::new(version));
        session.version = version;
        session.connection = Some(id);
        session.expiry = expiry;
        session.connected = now;
        if !ways.wrong(Switch::SessionEndsWhileConnected) {
            session.ends = None;
        } else if expiry == 0 {
            session.ends = Some(now + 5_000);
        }
        // [MQTT-3.1.3-9] (5.0)
        let due = session.will_due.take();
        if ways.wrong(Switch::WillSurvivesReconnect)
            && let (Some(due), Some(old)) = (due, &old_will)
        {
            let mut message = old.message.clone();
            message.received = due;
            let delay = due.saturating_sub(now);
            session.will = will;
            self.later(delay, Later::Publish(message));
        } else if will.is_none() && ways.wrong(Switch::WillKeptAfterPublishing) {
            session.will = old_will;
        } else {
            session.will = will;
        }
        let session = self.sessions.get_mut(key).expect("it was opened");
        if ways.wrong(Switch::SubscriptionsLostOnResume) && present {
            session.subscriptions.clear();
        }
        if ways.wrong(Switch::SubscriptionIdLostOnResume) && present {
            session.subscriptions.iter_mut().for_each(|s| s.id = None);
        }
        if ways.wrong(Switch::IdsRestartOnResume) {
            session.last_id = 0;
        }
        if ways.wrong(Switch::ResumedQueueSentTwice) {
            session.queue.extend(std::mem::take(&mut session.done));
        }
        present
    }

    fn store_will(&mut self, key: &str, will: &Will) -> StoredWill {
        let number = self.number();
        let properties = will.properties.iter().filter(|p| {
            let id = p.id();
            id != PropertyId::WILL_DELAY_INTERVAL && id != PropertyId::MESSAGE_EXPIRY_INTERVAL
        });
        StoredWill {
            message: Message {
                publisher: key.to_owned(),
                topic: will.topic.clone(),
                payload: will.payload.clone(),
                qos: will.qos,
                retain: will.retain,
                dup: false,
                properties: properties.cloned().collect(),
                expiry: will.properties.message_expiry_interval(),
                received: self.now,
                number,
                alias: None,
            },
            delay: will.properties.will_delay_interval().unwrap_or(0),
        }
    }

    /// In seconds; `u32::MAX` for ever.
    pub(super) fn agree_session_expiry(&self, connect: &Connect) -> u32 {
        match connect.version {
            // [MQTT-3.1.2-4], [MQTT-3.1.2-6] (3.1.1)
            Version::V3_1_1 if connect.clean_start => 0,
            Version::V3_1_1 => u32::MAX,
            Version::V5_0 => {
                // [X-5.0-session-1]
                let asked = connect.properties.session_expiry_interval().unwrap_or(0);
                if self.odd(Decoy::SessionExpiryCapped) {
                    asked.min(5)
                } else {
                    asked
                }
            }
        }
    }

    /// In milliseconds; 0 for none.
    fn agree_keep_alive(&self, asked: u16, version: Version) -> u64 {
        let five = version == Version::V5_0;
        let seconds = u64::from(asked);
        if five && self.odd(Decoy::ServerKeepAlive) {
            7_000
        } else if five && asked == 0 && self.wrong(Switch::KeepAliveZeroTaken) {
            5_000
        } else if five && self.wrong(Switch::ServerKeepAliveUntold) {
            seconds * 1_000 / 3
        } else {
            seconds * 1_000
        }
    }

    fn connack(&self, connect: &Connect, present: bool, assigned: Option<&str>) -> ConnAck {
        // [MQTT-3.2.2-1] to [MQTT-3.2.2-3] (3.1.1), [MQTT-3.2.2-2], [MQTT-3.2.2-3] (5.0)
        let session_present = present && !self.wrong(Switch::SessionPresentAlwaysZero)
            || self.wrong(Switch::SessionPresentAlwaysOne);
        let mut properties = Properties::new();
        if connect.version == Version::V5_0 {
            self.announce(&mut properties, connect);
            // [MQTT-3.1.3-7], [MQTT-3.2.2-16]
            if let Some(assigned) = assigned
                && !self.wrong(Switch::AssignedClientIdNotTold)
            {
                properties.push(Property::AssignedClientIdentifier(assigned.into()));
            }
        }
        ConnAck {
            session_present,
            reason: ReasonCode::SUCCESS,
            properties,
        }
    }
}
