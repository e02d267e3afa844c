//! Classes of valid packets that a peer refuses, misreads or writes wrongly, each with the reason why the packet is
//! valid. A class may hold packets that the peer reads well, never the other way round.

use squall_peers::Peer;
use squall_protocol::{Packet, ReasonCode, Version};

/// One class.
pub(crate) struct Known {
    pub(crate) peer: Peer,
    /// What it does, and why the packet is valid.
    pub(crate) what: &'static str,
    pub(crate) class: fn(&Packet, Version) -> bool,
}

pub(crate) const KNOWN: &[Known] = &[
    Known {
        peer: Peer::Ntex,
        what: "refuses Message Expiry Interval 0: section 3.3.2.3.3 names no least value, and a message may expire \
               at once",
        class: |packet, _| {
            let properties = match packet {
                Packet::Publish(p) => Some(&p.properties),
                Packet::Connect(p) => p.will.as_ref().map(|will| &will.properties),
                _ => None,
            };
            properties.is_some_and(|p| p.message_expiry_interval() == Some(0))
        },
    },
    Known {
        peer: Peer::Ntex,
        what: "writes an AUTH without properties as F0 02 00 00: Remaining Length 0 is the form that may go without \
               a method [X-5.0-auth-4], with a Property Length the method has to stand there [X-5.0-auth-3]",
        class: |packet, _| matches!(packet, Packet::Auth(p) if p.properties.is_empty()),
    },
    Known {
        peer: Peer::Mqtt5,
        what: PASSWORD_ALONE,
        class: password_alone,
    },
    Known {
        peer: Peer::Mqtt5,
        what: BAD_AUTHENTICATION_METHOD,
        class: bad_authentication_method,
    },
    Known {
        peer: Peer::Core,
        what: PASSWORD_ALONE,
        class: password_alone,
    },
    Known {
        peer: Peer::Core,
        what: BAD_AUTHENTICATION_METHOD,
        class: bad_authentication_method,
    },
    Known {
        peer: Peer::Rumqttc,
        what: BAD_AUTHENTICATION_METHOD,
        class: bad_authentication_method,
    },
    Known {
        peer: Peer::Rumqttc,
        what: "refuses a password that is not UTF-8: the Password is Binary Data (section 3.1.3.5 of 3.1.1, 3.1.3.6 \
               of 5.0)",
        class: |packet, _| {
            matches!(packet, Packet::Connect(p)
                if p.password.as_ref().is_some_and(|p| std::str::from_utf8(p).is_err()))
        },
    },
    Known {
        peer: Peer::Rumqttc,
        what: "writes an empty user name as none, and with it a password without a user name, which 3.1.1 forbids \
               [MQTT-3.1.2-22]; an empty user name is a user name",
        class: |packet, version| {
            version == Version::V3_1_1
                && matches!(packet, Packet::Connect(p)
                    if p.user_name.as_ref().is_some_and(|name| name.is_empty()))
        },
    },
    Known {
        peer: Peer::Rumqttc,
        what: "refuses a DISCONNECT without a Property Length: below Remaining Length 2 there are no properties, and \
               0 means Normal disconnection [X-5.0-disconnect-2]",
        class: |packet, version| {
            version == Version::V5_0
                && matches!(packet, Packet::Disconnect(p) if p.properties.is_empty())
        },
    },
    Known {
        peer: Peer::Rumqttc,
        what: "counts one byte too many for each Subscription Identifier, so after two of them a short property \
               becomes payload; a server may send several [MQTT-3.3.4-4]",
        class: |packet, _| matches!(packet, Packet::Publish(p) if p.properties.subscription_identifiers().count() > 1),
    },
];

const PASSWORD_ALONE: &str =
    "refuses a password without a user name: 5.0 allows it, 3.1.1 did not [X-5.0-connect-2]";

fn password_alone(packet: &Packet, version: Version) -> bool {
    version == Version::V5_0
        && matches!(packet, Packet::Connect(p) if p.password.is_some() && p.user_name.is_none())
}

const BAD_AUTHENTICATION_METHOD: &str = "refuses DISCONNECT 0x8C: the table of section 2.4 gives it to DISCONNECT, that of 3.14.2.1 leaves it out; what \
     is arguable is accepted";

fn bad_authentication_method(packet: &Packet, _: Version) -> bool {
    matches!(packet, Packet::Disconnect(p) if p.reason == ReasonCode::BAD_AUTHENTICATION_METHOD)
}
