//! What this server offers, and what CONNACK says about it.

use super::core::Double;
use crate::{Decoy, Switch};
use squall_protocol::{Properties, Property, QoS, Version, packet::Connect};

/// The server's own Receive Maximum, which CONNACK announces.
const RECEIVE_MAXIMUM: u16 = 16;
/// The server's own Topic Alias Maximum, which CONNACK announces.
const TOPIC_ALIAS_MAXIMUM: u16 = 8;

impl Double {
    /// The highest QoS this server has.
    pub(super) fn maximum_qos(&self, version: Version) -> QoS {
        let switches = [
            Switch::MaximumQosUntold,
            Switch::MaximumQosRefusesSubscribe,
            Switch::MaximumQosWillAccepted,
            Switch::MaximumQosNotHeld,
        ];
        let by_fault = version == Version::V5_0 && switches.iter().any(|s| self.wrong(*s));
        if self.odd(Decoy::MaximumQosZero) {
            QoS::AtMostOnce
        } else if self.odd(Decoy::MaximumQosOne) || by_fault {
            QoS::AtLeastOnce
        } else {
            QoS::ExactlyOnce
        }
    }

    /// Whether 5.0 clients may retain messages.
    pub(super) fn has_retained(&self) -> bool {
        !self.odd(Decoy::NoRetain)
            && !self.wrong(Switch::RetainUnavailableWillAccepted)
            && !self.wrong(Switch::RetainUnavailableTolerated)
    }

    pub(super) fn has_wildcards(&self) -> bool {
        !self.odd(Decoy::NoWildcards) && !self.wrong(Switch::WildcardUnavailableGranted)
    }

    pub(super) fn has_subscription_ids(&self) -> bool {
        !self.odd(Decoy::NoSubscriptionIds) && !self.wrong(Switch::SubscriptionIdUnavailableGranted)
    }

    pub(super) fn has_shared(&self) -> bool {
        !self.odd(Decoy::NoShared) && !self.wrong(Switch::SharedUnavailableGranted)
    }

    /// The server's Receive Maximum toward clients of 5.0.
    pub(super) fn own_receive_maximum(&self) -> u16 {
        if self.odd(Decoy::ReceiveMaximumOne) {
            1
        } else {
            RECEIVE_MAXIMUM
        }
    }

    pub(super) fn own_alias_maximum(&self) -> u16 {
        if self.odd(Decoy::NoTopicAlias) {
            0
        } else {
            TOPIC_ALIAS_MAXIMUM
        }
    }

    /// What CONNACK says about this server.
    pub(super) fn announce(&self, properties: &mut Properties, connect: &Connect) {
        use Property as P;
        let asked = connect.properties.session_expiry_interval().unwrap_or(0);
        let agreed = self.agree_session_expiry(connect);
        let wrong = |switch| self.wrong(switch);
        let maximum_qos = self.maximum_qos(Version::V5_0);
        let packet_size = self.own_maximum_packet_size();
        let alias_maximum = self.own_alias_maximum();
        let rows = [
            (agreed != asked, P::SessionExpiryInterval(agreed)),
            (
                wrong(Switch::SessionExpiryNotAsTold),
                P::SessionExpiryInterval(600),
            ),
            (
                !wrong(Switch::ReceiveMaximumZero),
                P::ReceiveMaximum(self.own_receive_maximum()),
            ),
            (wrong(Switch::ReceiveMaximumZero), P::ReceiveMaximum(0)),
            // [MQTT-3.2.2-9]
            (
                maximum_qos < QoS::ExactlyOnce && !wrong(Switch::MaximumQosUntold),
                P::MaximumQoS(maximum_qos.as_u8()),
            ),
            (wrong(Switch::MaximumQosTwo), P::MaximumQoS(2)),
            (!self.has_retained(), P::RetainAvailable(0)),
            (wrong(Switch::AvailableTwo), P::RetainAvailable(2)),
            (
                !wrong(Switch::MaximumPacketSizeZero),
                P::MaximumPacketSize(packet_size),
            ),
            (
                wrong(Switch::MaximumPacketSizeZero),
                P::MaximumPacketSize(0),
            ),
            (alias_maximum > 0, P::TopicAliasMaximum(alias_maximum)),
            (
                wrong(Switch::ConnAckPropertyTwice),
                P::TopicAliasMaximum(alias_maximum),
            ),
            (self.odd(Decoy::ServerKeepAlive), P::ServerKeepAlive(7)),
            (!self.has_wildcards(), P::WildcardSubscriptionAvailable(0)),
            (
                !self.has_subscription_ids(),
                P::SubscriptionIdentifiersAvailable(0),
            ),
            (!self.has_shared(), P::SharedSubscriptionAvailable(0)),
            (
                wrong(Switch::ServerReferenceWithoutCode),
                P::ServerReference("elsewhere:1883".into()),
            ),
            // [MQTT-3.1.2-28]
            (
                wrong(Switch::ResponseInformationUnasked)
                    && connect.properties.request_response_information() != Some(1),
                P::ResponseInformation("replies/".into()),
            ),
            // [MQTT-4.12.0-6]
            (
                wrong(Switch::AuthenticationMethodInvented),
                P::AuthenticationMethod("SCRAM-SHA-1".into()),
            ),
            (
                self.odd(Decoy::ChattyConnAck),
                P::ReasonString("welcome".into()),
            ),
            (
                self.odd(Decoy::ChattyConnAck),
                P::UserProperty("a".into(), "1".into()),
            ),
            (
                self.odd(Decoy::ChattyConnAck),
                P::UserProperty("a".into(), "2".into()),
            ),
        ];
        for (applies, property) in rows {
            if applies {
                properties.push(property);
            }
        }
    }
}
