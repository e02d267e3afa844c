//! How a connection ends, and what ends with it.
//!
//! It does not know what led to it.

use super::{
    Abandonment, Client, EndCause, Event, Output, Stage, Ticket, again::Again,
    authentication::Exchange, send::disconnect_reason,
};
use squall_protocol::{
    Packet, Properties, PropertyId, QoS, ReasonCode, Time, Version, packet::Disconnect,
};

impl Client {
    /// Ends a connection for something the server did; 5.0 tells it why [X-5.0-error-2], and ends it even where that cannot be
    /// said [MQTT-4.13.2-1] (5.0), 3.1.1 just closes [MQTT-4.8.0-1].
    pub(super) fn fail(&mut self, now: Time, reason: ReasonCode, cause: EndCause) {
        let five =
            matches!(&self.stage, Stage::Open(connection) if connection.version == Version::V5_0);
        if five {
            self.send_disconnect(now, reason, Properties::new());
        }
        self.end(now, cause, true);
    }

    /// Ends the connection or attempt there is, if there is one. `close` unless the transport is gone already.
    pub(super) fn end(&mut self, now: Time, cause: EndCause, close: bool) {
        let stage = std::mem::replace(&mut self.stage, Stage::Idle);
        if matches!(stage, Stage::Idle) {
            return;
        }
        if close {
            self.outputs.push_back(Output::Close);
        }
        let again = Again::after(&cause);
        self.events.push_back(Event::Ended { cause });
        if let Stage::Open(connection) = stage {
            for (id, request) in connection.requests {
                self.session.outbound_mut().give_up(id);
                if !request.renews {
                    self.abandon(request.ticket, Abandonment::ConnectionEnded);
                }
            }
            let unanswered = connection.exchange.as_ref().and_then(Exchange::unanswered);
            if let Some(ticket) = unanswered {
                self.abandon(ticket, Abandonment::ConnectionEnded);
            }
            self.renewal.part();
            for id in self.session.taking.part() {
                // The application has it: it must not come again as news [MQTT-4.3.3-10] (5.0), [MQTT-4.3.3-2] (3.1.1).
                let (qos, dup) = (QoS::ExactlyOnce, false);
                self.session
                    .inbound
                    .handle_publish(connection.version, id, qos, dup);
            }
            // [MQTT-3.1.2-6] (3.1.1), [X-5.0-session-1]; any other is kept until a server has it no more [MQTT-3.1.2-23] (5.0),
            // [X-5.0-session-2]
            if connection.accepted && connection.expiry == 0 {
                let lost = self.session.discard();
                self.abandon_all(lost, &Abandonment::SessionEnded);
            }
        }
        let follow = self.options.as_ref().is_some_and(|o| o.follow_references);
        self.redial.ended(now, again, follow);
    }

    /// DISCONNECT, as far as it can be said; the connection ends right after it.
    pub(super) fn send_disconnect(
        &mut self,
        now: Time,
        reason: ReasonCode,
        mut properties: Properties,
    ) {
        let connection = self.stage.open_mut();
        if connection.version == Version::V3_1_1 {
            let plain = Disconnect::with_reason(ReasonCode::NORMAL_DISCONNECTION);
            self.send_if_it_fits(now, Packet::Disconnect(plain));
            return;
        }
        match properties.session_expiry_interval() {
            Some(expiry) if connection.expiry == 0 && expiry > 0 => {
                properties.remove(PropertyId::SESSION_EXPIRY_INTERVAL);
            }
            Some(expiry) => connection.expiry = expiry,
            None => {}
        }
        let reason = disconnect_reason(reason);
        // Only what helps a human may be left out to fit [MQTT-3.14.2-3], [MQTT-3.14.2-4].
        let short = properties
            .iter()
            .filter(|p| p.id() == PropertyId::SESSION_EXPIRY_INTERVAL);
        let short = short.cloned().collect();
        for properties in [properties, short, Properties::new()] {
            if self.send_if_it_fits(now, Packet::Disconnect(Disconnect { reason, properties })) {
                return;
            }
        }
    }

    pub(super) fn abandon(&mut self, ticket: Ticket, why: Abandonment) {
        self.events.push_back(Event::Abandoned { ticket, why });
    }

    pub(super) fn abandon_all(&mut self, tickets: Vec<Ticket>, why: &Abandonment) {
        for ticket in tickets {
            self.abandon(ticket, why.clone());
        }
    }
}
