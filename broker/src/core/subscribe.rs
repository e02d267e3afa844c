//! SUBSCRIBE and UNSUBSCRIBE: what is granted, and the retained messages a new subscription finds.

use super::{
    Broker, Client, CloseCause, ProtocolError, owned,
    retained::Found,
    session::{SessionId, subscription_bytes},
    subscriptions::Granted,
};
use squall_protocol::{
    Packet, Properties, QoS, ReasonCode, Time, Version,
    packet::{RetainHandling, SubAck, Subscribe, Subscription, UnsubAck, Unsubscribe},
};

impl Broker {
    pub(super) fn handle_subscribe(
        &mut self,
        now: Time,
        client: Client,
        subscribe: Subscribe,
    ) -> Result<(), CloseCause> {
        let (id, version) = (client.session, client.version);
        if version == Version::V5_0 {
            self.check_offer(&subscribe)?;
        }
        let identifier = subscribe.properties.subscription_identifier();
        let mut reasons = Vec::with_capacity(subscribe.subscriptions.len());
        let mut found = Vec::new();
        // As if each filter had come in a packet of its own [MQTT-3.8.4-4] (3.1.1), [MQTT-3.8.4-5] (5.0).
        for subscription in &subscribe.subscriptions {
            if subscription.filter.has_wildcard() && !self.config.wildcard_subscriptions {
                // [MQTT-3.8.3-2], [X-3.1.1-subscribe-1] (3.1.1)
                reasons.push(ReasonCode::V3_SUBSCRIBE_FAILURE);
                continue;
            }
            if !self.may_subscribe(id, &subscription.filter) {
                reasons.push(match version {
                    Version::V3_1_1 => ReasonCode::V3_SUBSCRIBE_FAILURE,
                    Version::V5_0 => ReasonCode::NOT_AUTHORIZED,
                });
                continue;
            }
            let Some((granted, existed)) = self.subscribe(id, version, subscription, identifier)
            else {
                reasons.push(match version {
                    Version::V3_1_1 => ReasonCode::V3_SUBSCRIBE_FAILURE,
                    Version::V5_0 => ReasonCode::QUOTA_EXCEEDED,
                });
                continue;
            };
            reasons.push(ReasonCode(granted.qos.as_u8()));
            if wants_retained(subscription, existed) {
                found.push(Found::new(
                    &subscription.filter,
                    granted.qos,
                    granted.no_local,
                    granted.identifier,
                    self.retained.number(),
                ));
            }
        }
        // [MQTT-3.8.4-1], [MQTT-3.8.4-2], [MQTT-3.9.3-1]; one code for each filter [MQTT-3.8.4-5] (3.1.1),
        // [MQTT-3.8.4-6] (5.0)
        let ack = SubAck {
            packet_id: subscribe.packet_id,
            properties: Properties::new(),
            reasons,
        };
        self.answer(client, Packet::SubAck(ack))?;
        for found in found {
            self.send_found(now, client, found);
        }
        Ok(())
    }

    /// What CONNACK said is not offered may not be asked for (5.0).
    fn check_offer(&self, subscribe: &Subscribe) -> Result<(), ProtocolError> {
        let config = &self.config;
        let identifier = subscribe.properties.subscription_identifier();
        if identifier.is_some() && !config.subscription_identifiers {
            // [X-5.0-limit-5]
            return Err(ProtocolError::SubscriptionIdentifiersNotSupported);
        }
        for subscription in &subscribe.subscriptions {
            if subscription.filter.is_shared() && !config.shared_subscriptions {
                // [X-5.0-limit-6]
                return Err(ProtocolError::SharedSubscriptionsNotSupported);
            }
            if subscription.filter.has_wildcard() && !config.wildcard_subscriptions {
                // [X-5.0-limit-4]
                return Err(ProtocolError::WildcardSubscriptionsNotSupported);
            }
        }
        Ok(())
    }

    /// Enters one subscription, in place of one with the same filter [MQTT-3.8.4-3]; says what was granted and
    /// whether there was one. `None` when there is no room for it.
    fn subscribe(
        &mut self,
        id: SessionId,
        version: Version,
        subscription: &Subscription,
        identifier: Option<u32>,
    ) -> Option<(Granted, bool)> {
        let granted = Granted {
            // Any QoS may be asked for [MQTT-3.2.2-10] (5.0), and less be granted [X-3.1.1-subscribe-3],
            // [X-5.0-subscribe-1].
            qos: subscription.qos.min(self.config.maximum_qos),
            no_local: subscription.no_local,
            retain_as_published: subscription.retain_as_published,
            // [X-5.0-subid-6]
            identifier,
        };
        let filter = &subscription.filter;
        let session = &mut self.sessions[id];
        if session.filters.contains(filter) {
            session.record_subscription(filter, granted);
            self.subscriptions.insert(id, filter, granted);
            return Some((granted, true));
        }
        let (config, bytes) = (&self.config, subscription_bytes(filter));
        let state = session.state.bytes() + bytes;
        if session.filters.len() >= config.max_subscriptions
            || state > config.max_session_bytes
            || !self.states.has_room(bytes, config.max_sessions_bytes)
        {
            return None;
        }
        session.state.set(state);
        let filter = owned::filter(filter, version);
        session.record_subscription(&filter, granted);
        self.subscriptions.insert(id, &filter, granted);
        session.filters.insert(filter);
        Some((granted, false))
    }

    pub(super) fn handle_unsubscribe(
        &mut self,
        now: Time,
        client: Client,
        unsubscribe: &Unsubscribe,
    ) -> Result<(), CloseCause> {
        let session = &mut self.sessions[client.session];
        let mut reasons = Vec::with_capacity(unsubscribe.filters.len());
        let mut left = false;
        for filter in &unsubscribe.filters {
            // [MQTT-3.10.4-1], [MQTT-3.10.4-2]; what was begun is finished [MQTT-3.10.4-3], and what waits is sent
            // [X-3.1.1-unsubscribe-1], [X-5.0-unsubscribe-1]
            let existed = session.filters.remove(filter);
            if existed {
                let state = session.state.bytes() - subscription_bytes(filter);
                session.state.set(state);
                self.subscriptions.remove(client.session, filter);
                session.record_unsubscribed(filter);
                session.retain_found(|found| found.filter != *filter);
                left |= filter.is_shared();
            }
            reasons.push(match existed {
                true => ReasonCode::SUCCESS,
                // [X-5.0-unsubscribe-3]
                false => ReasonCode::NO_SUBSCRIPTION_EXISTED,
            });
        }
        if client.version == Version::V3_1_1 {
            reasons.clear();
        }
        // [MQTT-3.10.4-4], [MQTT-3.10.4-5], [MQTT-3.10.4-6]; [MQTT-3.11.3-1] (5.0)
        let ack = UnsubAck {
            packet_id: unsubscribe.packet_id,
            properties: Properties::new(),
            reasons,
        };
        self.answer(client, Packet::UnsubAck(ack))?;
        if left {
            self.hand_over(now, client.session);
        }
        Ok(())
    }
}

/// Whether retained messages are sent at this SUBSCRIBE, and at no other time because of it [X-5.0-subopt-3].
fn wants_retained(subscription: &Subscription, existed: bool) -> bool {
    // [X-5.0-subscribe-2]
    !subscription.filter.is_shared()
        && match subscription.retain_handling {
            // [MQTT-3.8.4-3] (3.1.1), [MQTT-3.3.1-9], [MQTT-3.8.4-4] (5.0)
            RetainHandling::Send => true,
            // [MQTT-3.3.1-10] (5.0)
            RetainHandling::SendIfNew => !existed,
            // [MQTT-3.3.1-11] (5.0)
            RetainHandling::DoNotSend => false,
        }
}

// The granted QoS is a reason code of its own [MQTT-3.8.4-7], [MQTT-3.9.3-2] (5.0).
const _: () = assert!(
    QoS::ExactlyOnce.as_u8() == ReasonCode::GRANTED_QOS_2.0
        && QoS::AtLeastOnce.as_u8() == ReasonCode::GRANTED_QOS_1.0
);
