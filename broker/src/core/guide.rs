//! Where clients are sent: to the topics of their responses, and to other servers.

use super::{Broker, CloseCause, ConnId, send::maximum_packet_size};
use crate::{
    config::Redirect,
    security::{Identity, access::fill},
};
use squall_protocol::{
    Packet, Properties, Property, ReasonCode, Text, Time, Version,
    packet::{ConnAck, Connect, Disconnect},
};

impl Broker {
    /// Tells a client the Response Information, if it asks for it [MQTT-3.1.2-28] (5.0) and there is any [X-5.0-reqresp-2].
    pub(super) fn inform(
        &self,
        connect: &Connect,
        user: Option<&str>,
        client_id: &str,
        properties: &mut Properties,
    ) {
        let asked = connect.properties.request_response_information() == Some(1);
        let pattern = self.config.response_information.as_ref();
        let who = Identity { user, client_id };
        let filled = pattern.filter(|_| asked).and_then(|text| fill(text, who));
        if let Some(text) = filled {
            properties.push(Property::ResponseInformation(Text::from(text)));
        }
    }

    /// Sends a client that connects to another server [X-5.0-redirect-2]. 3.1.1 has no word for it.
    pub(super) fn send_elsewhere(
        &mut self,
        now: Time,
        conn: ConnId,
        connect: &Connect,
        redirect: &Redirect,
    ) {
        if connect.version == Version::V3_1_1 {
            let why = "clients are served elsewhere";
            return self.refuse(now, conn, connect, ReasonCode::SERVER_UNAVAILABLE, why);
        }
        for properties in [reference(redirect), Properties::new()] {
            let ack = ConnAck {
                // [MQTT-3.2.2-6] (5.0)
                session_present: false,
                reason: redirect.reason(),
                properties,
            };
            if self.send_connack(conn, Version::V5_0, maximum_packet_size(connect), ack) {
                break;
            }
        }
        // [MQTT-3.2.2-7] (5.0)
        self.end(now, conn, CloseCause::Refused(redirect.reason()));
    }

    /// Says to a client why the broker stops, and where it is served from now on, if that is known.
    pub(super) fn say_goodbye(&mut self, conn: ConnId) {
        let Some(redirect) = self.config.redirect_at_shutdown.clone() else {
            return self.send_disconnect(conn, ReasonCode::SERVER_SHUTTING_DOWN, "");
        };
        if self
            .conns
            .client(conn)
            .is_none_or(|c| c.version == Version::V3_1_1)
        {
            return;
        }
        let mut disconnect = Disconnect::with_reason(redirect.reason());
        disconnect.properties = reference(&redirect);
        if !self.send(conn, Packet::Disconnect(disconnect)) {
            self.send_disconnect(conn, redirect.reason(), "");
        }
    }
}

/// Where to; it stands beside [`Redirect::reason`] alone [X-5.0-redirect-1].
fn reference(redirect: &Redirect) -> Properties {
    Properties::new().with(Property::ServerReference(redirect.to.as_str().into()))
}
