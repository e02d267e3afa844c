//! How connections and sessions end, and what becomes of wills.

use super::{
    core::{Double, Later},
    state::{ConnectionId, End, Session, Stage},
};
use crate::{Decoy, Switch};
use bytes::{BufMut, Bytes, BytesMut};
use squall_protocol::{
    Packet, PacketType, Property, QoS, ReasonCode, Rule, Version, Violation, packet::Disconnect,
};

/// Where the protocol level of a short CONNECT ends: fixed header, protocol name, level.
const VERSION_END: usize = 2 + 6 + 1;

impl Double {
    /// A packet that breaks a rule: the connection is closed [MQTT-4.8.0-1] (3.1.1), [MQTT-4.13.1-1] (5.0).
    pub(super) fn refuse_packet(&mut self, id: ConnectionId, violation: &Violation) {
        if self
            .connections
            .get(&id)
            .is_some_and(|c| c.version.is_some())
        {
            return self.disconnect(id, violation.reason(), &violation.to_string());
        }
        if violation.packet != Some(PacketType::Connect) {
            return self.hang_up(id);
        }
        match (violation.rule, violation.version) {
            (Rule::UnsupportedProtocolName, _) => self.hang_up(id),
            (Rule::UnsupportedProtocolVersion(_), _) => {
                // [MQTT-3.1.2-2]
                if !self.wrong(Switch::UnknownLevelSilent) {
                    let bytes = Bytes::from_static(&[0x20, 2, 0, 1]);
                    self.emit(id, PacketType::ConnAck, bytes);
                }
                self.hang_up(id);
            }
            // The version is not known yet, and with it not what a CONNACK looks like.
            _ if violation.offset < VERSION_END => self.hang_up(id),
            (Rule::ClientIdEmptyWithoutCleanSession, _) => {
                // [MQTT-3.1.3-8] (3.1.1)
                self.refuse(id, Version::V3_1_1, violation.reason(), 2, "");
            }
            (_, Version::V3_1_1) => {
                // [MQTT-3.1.4-1] (3.1.1)
                if self.wrong(Switch::InvalidConnectAnswered) {
                    return self.refuse(id, Version::V3_1_1, violation.reason(), 5, "");
                }
                self.hang_up(id);
            }
            (_, Version::V5_0) => {
                let why = violation.to_string();
                self.refuse(id, Version::V5_0, violation.reason(), 0, &why);
            }
        }
    }

    /// Ends a connection for a reason, which 5.0 is told.
    pub(super) fn disconnect(&mut self, id: ConnectionId, reason: ReasonCode, why: &str) {
        let is_error = !matches!(
            reason,
            ReasonCode::SESSION_TAKEN_OVER | ReasonCode::KEEP_ALIVE_TIMEOUT
        );
        let taken_over = reason == ReasonCode::SESSION_TAKEN_OVER;
        if is_error && self.wrong(Switch::NoWillOnProtocolError) {
            self.remove_will(id);
        }
        let silent = taken_over && self.wrong(Switch::TakeoverSilent)
            || !taken_over && self.odd(Decoy::BareClose);
        let mut told = false;
        match self.version(id) {
            Version::V3_1_1 => {
                if self.wrong(Switch::DisconnectToV3) {
                    let bytes = Bytes::from_static(&[0xE0, 0]);
                    self.emit(id, PacketType::Disconnect, bytes);
                }
            }
            Version::V5_0 if silent => {}
            Version::V5_0 => {
                told = true;
                let packet = self.disconnect_packet(reason, why, taken_over);
                self.send(id, Packet::Disconnect(packet));
                if self.wrong(Switch::DisconnectFollowed) {
                    self.send(id, Packet::PingResp);
                }
            }
        }
        let others: Vec<_> = self
            .connections
            .keys()
            .copied()
            .filter(|c| *c != id)
            .collect();
        if told && self.wrong(Switch::DisconnectWithoutClose) {
            self.flush(id);
            self.end_connection(id, End::ByServer);
        } else {
            self.hang_up(id);
        }
        if is_error && self.wrong(Switch::ErrorClosesOthers) {
            others.into_iter().for_each(|other| self.hang_up(other));
        }
    }

    fn disconnect_packet(&self, reason: ReasonCode, why: &str, taken_over: bool) -> Disconnect {
        let specific = !matches!(reason.0, 0x80..=0x82);
        let reason = match reason {
            _ if self.wrong(Switch::DisconnectIllegalCode) => ReasonCode(0x04),
            _ if taken_over => reason,
            _ if self.odd(Decoy::VagueCodes) => ReasonCode::UNSPECIFIED_ERROR,
            _ if self.odd(Decoy::GeneralCodes) && specific => ReasonCode::PROTOCOL_ERROR,
            _ => reason,
        };
        let mut packet = Disconnect::with_reason(reason);
        let text = Property::ReasonString(why.into());
        if self.wrong(Switch::DisconnectReasonTwice) {
            packet.properties.push(text.clone());
        }
        packet.properties.push(text);
        if self.wrong(Switch::DisconnectWithSessionExpiry) {
            packet.properties.push(Property::SessionExpiryInterval(0));
        }
        packet
    }

    /// Closes a connection from this side.
    pub(super) fn hang_up(&mut self, id: ConnectionId) {
        if self.connections.contains_key(&id) {
            self.flush(id);
            self.end_connection(id, End::ByServer);
            self.close(id);
        }
    }

    /// The client's DISCONNECT.
    pub(super) fn on_disconnect(&mut self, id: ConnectionId, packet: &Disconnect) {
        let Some(key) = self.session_of(id) else {
            return;
        };
        let was_zero = self.connections[&id].expiry_was_zero;
        let session = self.sessions.get_mut(&key).expect("a connection has one");
        match packet.properties.session_expiry_interval() {
            Some(expiry) if expiry > 0 && was_zero => {
                // [X-5.0-disconnect-3]
                if !self.ways.wrong(Switch::DisconnectExpiryFromZero) {
                    let why = "the Session Expiry Interval was 0 in CONNECT";
                    return self.disconnect(id, ReasonCode::PROTOCOL_ERROR, why);
                }
                session.expiry = expiry;
            }
            // [X-5.0-disconnect-4]
            Some(_) if self.ways.wrong(Switch::DisconnectExpiryIgnored) => {}
            Some(expiry) => session.expiry = expiry,
            None if session.version == Version::V5_0
                && self.ways.wrong(Switch::DisconnectExpiryAlwaysTaken) =>
            {
                session.expiry = 0;
            }
            None => {}
        }
        let length_zero = packet.reason.0 == 0 && packet.properties.is_empty();
        let unread = length_zero
            && self.version(id) == Version::V5_0
            && self.wrong(Switch::DisconnectLengthZeroUnread);
        let is_normal = match packet.reason.0 {
            // [X-5.0-disconnect-2]
            0 if unread => false,
            0 => true,
            // [X-5.0-will-4]
            4 => self.wrong(Switch::NoWillOnDisconnect04),
            _ => self.wrong(Switch::NoWillOnDisconnectError),
        };
        let end = if is_normal {
            End::Disconnected
        } else {
            End::DisconnectedWithWill
        };
        self.flush(id);
        self.end_connection(id, end);
        // [X-3.1.1-disconnect-1], [X-5.0-disconnect-5]
        if !self.wrong(Switch::DisconnectNotObeyed) {
            self.close(id);
        }
    }

    /// The will of a connection is dropped unpublished.
    pub(super) fn remove_will(&mut self, id: ConnectionId) {
        if let Some(key) = self.session_of(id)
            && let Some(session) = self.sessions.get_mut(&key)
        {
            session.will = None;
        }
    }

    /// Forgets a connection, and does what its session asks for.
    pub(super) fn end_connection(&mut self, id: ConnectionId, end: End) {
        let Some(connection) = self.connections.remove(&id) else {
            return;
        };
        let (ways, now) = (self.ways, self.now);
        let Some(key) = connection.session else {
            return;
        };
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        if session.connection != Some(id) {
            return;
        }
        session.connection = None;
        if ways.wrong(Switch::LastAckLost)
            && let Some(lost) = session.last_acked.take()
        {
            session.in_flight.insert(0, lost);
        }
        for flight in &mut session.in_flight {
            flight.again |= flight.sent;
            flight.sent = false;
        }
        if ways.wrong(Switch::Qos2IdFreedAtClose) {
            session.inbound.clear();
        }
        if ways.wrong(Switch::AliasSurvivesConnection) {
            session.aliases = connection.aliases_in;
        }
        // [MQTT-3.14.4-3]
        if end == End::Disconnected && !ways.wrong(Switch::WillAfterDisconnect) {
            session.will = None;
        }
        if ways.wrong(Switch::SessionLostWithNetwork) && end == End::Broken {
            session.expiry = 0;
        }
        let forgets = session.expiry == 0 && !ways.wrong(Switch::SessionOutlivesConnection);
        session.ends = match session.expiry {
            0 | u32::MAX => None,
            _ if ways.wrong(Switch::SessionNeverExpires) => None,
            // [MQTT-3.1.2-23]
            expiry if ways.wrong(Switch::SessionExpiryFromConnect) => {
                Some((session.connected + u64::from(expiry) * 1_000).max(now))
            }
            expiry => Some(now + u64::from(expiry) * 1_000),
        };
        if ways.odd(Decoy::SessionsDiscarded) && !forgets {
            let end = now + 5_000;
            session.ends = Some(session.ends.map_or(end, |ends| ends.min(end)));
        }
        if let Some(will) = &session.will {
            // [MQTT-3.1.2-8]: after the delay, or at the end of the session, whichever comes first
            let delay = if ways.wrong(Switch::WillDelayIgnoresSessionEnd) {
                will.delay
            } else {
                will.delay.min(session.expiry)
            };
            let delay = if ways.wrong(Switch::WillIgnoresDelay) {
                0
            } else {
                u64::from(delay) * 1_000
            };
            session.will_due = Some(now + delay);
            if delay == 0 {
                self.publish_will(&key);
            }
        }
        self.move_shared_at_close(&key);
        if forgets {
            self.end_session(&key);
        }
    }

    /// Publishes the will that a session holds.
    pub(super) fn publish_will(&mut self, key: &str) {
        let (ways, now) = (self.ways, self.now);
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        session.will_due = None;
        // [MQTT-3.1.2-10]
        let will = if ways.wrong(Switch::WillKeptAfterPublishing) {
            session.will.clone()
        } else {
            session.will.take()
        };
        let Some(will) = will.filter(|_| !ways.wrong(Switch::NoWill)) else {
            return;
        };
        let mut message = will.message;
        if message.payload.is_empty() && ways.wrong(Switch::EmptyWillSkipped) {
            return;
        }
        if !ways.wrong(Switch::WillExpiryCountsFromConnect) {
            message.received = now;
        }
        if ways.wrong(Switch::WillWithLength) {
            let mut payload = BytesMut::new();
            payload.put_u16(u16::try_from(message.payload.len()).unwrap_or(u16::MAX));
            payload.extend_from_slice(&message.payload);
            message.payload = payload.freeze();
        }
        if ways.wrong(Switch::WillPropertiesLost) {
            message.properties = squall_protocol::Properties::new();
        }
        if ways.wrong(Switch::WillUserPropertiesReversed) {
            message.properties = message.properties.iter().rev().cloned().collect();
        }
        if ways.wrong(Switch::WillExpiryLost) {
            message.expiry = None;
        }
        if ways.wrong(Switch::WillQosLost) {
            message.qos = QoS::AtMostOnce;
        }
        // [MQTT-3.1.2-16], [MQTT-3.1.2-17] (3.1.1), [MQTT-3.1.2-14], [MQTT-3.1.2-15] (5.0)
        message.retain = message.retain && !ways.wrong(Switch::WillRetainIgnored)
            || ways.wrong(Switch::WillAlwaysRetained);
        if ways.odd(Decoy::WillLate) {
            return self.later(1_000, Later::Publish(message));
        }
        self.route(message);
    }

    /// Ends a session: its will is published if it waits, and its state is gone.
    pub(super) fn end_session(&mut self, key: &str) {
        let (ways, now) = (self.ways, self.now);
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        if session.connection.is_some() {
            // The timer of a session that is in use: only a fault lets it run.
            session.ends = None;
            session.subscriptions.clear();
            session.queue.clear();
            return;
        }
        if let Some(due) = session.will_due {
            if ways.wrong(Switch::WillDelayIgnoresSessionEnd)
                && let Some(will) = session.will.take()
            {
                let mut message = will.message;
                message.received = due;
                self.later(due - now, Later::Publish(message));
            } else {
                self.publish_will(key);
            }
        }
        let Some(session) = self.sessions.remove(key) else {
            return;
        };
        if ways.wrong(Switch::SessionEndClearsRetained) {
            self.retained
                .retain(|topic, _| !session.retained.contains(topic));
        }
        self.pass_on_shared(key, session);
    }

    /// A 3.1.1 client that does not acknowledge is sent its messages again on the same connection, by an oddity; one of
    /// 5.0 by a fault.
    pub(super) fn resend_due(&self, session: &Session) -> Option<u64> {
        session.connection?;
        let after = match session.version {
            Version::V3_1_1 if self.odd(Decoy::TimedRedelivery) => 1_000,
            Version::V5_0 if self.wrong(Switch::ResendOnLiveConnection) => 2_000,
            _ => return None,
        };
        let waits = session.in_flight.iter();
        let waits = waits.filter(|f| f.sent && f.stage == Stage::Published);
        waits.map(|f| f.sent_at + after).min()
    }
}
