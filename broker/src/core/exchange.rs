//! Enhanced authentication (5.0, section 4.12): the client proves who it is in an exchange of AUTH packets, before its
//! CONNECT is answered and again when it likes.

use super::{
    Broker, Client, CloseCause, ConnId, ProtocolError,
    admit::{Admission, Early, Entrant, Stage},
    send::maximum_packet_size,
    session::Session,
};
use crate::security::scram::{Exchange, METHOD};
use bytes::Bytes;
use squall_protocol::{
    Packet, Properties, Property, ReasonCode, Text, Time, Version,
    packet::{Auth, Connect},
};

/// How a client has proven who it is.
#[derive(Debug)]
pub(super) struct Proven {
    user: Text,
    /// In which it is about to do so again.
    again: Option<Exchange>,
}

impl Proven {
    /// What is to be kept of a client that came in with this CONNECT.
    pub(super) fn of(connect: &Connect, session: &Session) -> Option<Box<Self>> {
        connect.properties.authentication_method()?;
        Some(Box::new(Self {
            user: session.user.clone()?,
            again: None,
        }))
    }
}

/// What CONNACK says of the exchange that came before it [MQTT-4.12.0-5]; nothing without one [MQTT-4.12.0-6] (5.0).
pub(super) fn announce(connect: &Connect, proof: Option<String>, properties: &mut Properties) {
    if let (Some(method), Some(proof)) = (connect.properties.authentication_method(), proof) {
        properties.push(Property::AuthenticationMethod(method.clone()));
        properties.push(Property::AuthenticationData(proof.into()));
    }
}

/// Says no in the course of an exchange.
const UNPROVEN: (ReasonCode, &str) = (
    ReasonCode::NOT_AUTHORIZED,
    "the client did not prove who it is",
);

impl Broker {
    /// Whether clients may use this Authentication Method; unless the settings say so they may use none [X-5.0-auth-7].
    pub(super) fn supports(&self, method: &str) -> bool {
        method == METHOD && self.config.security.scram.is_some()
    }

    /// Begins the exchange that a CONNECT asks for.
    pub(super) fn begin_exchange(&mut self, connect: &Connect) -> Admission {
        match self.begin(connect.properties.authentication_data().as_deref()) {
            Some((exchange, answer)) => Admission::Proving(exchange, answer),
            None => Admission::Refused(UNPROVEN.0, UNPROVEN.1),
        }
    }

    fn begin(&mut self, data: Option<&[u8]>) -> Option<(Exchange, String)> {
        self.exchanges += 1;
        let scram = self.config.security.scram.as_deref();
        scram?.begin(data?, self.exchanges)
    }

    /// Has the client prove who it is before its CONNECT is answered. Its time goes on running.
    pub(super) fn ask_for_proof(
        &mut self,
        now: Time,
        conn: ConnId,
        connect: Connect,
        exchange: Exchange,
        answer: &str,
    ) {
        // [MQTT-4.12.0-2], [MQTT-3.2.0-1] (5.0)
        let auth = auth(ReasonCode::CONTINUE_AUTHENTICATION, answer);
        let maximum = maximum_packet_size(&connect);
        if !self.send_within(conn, Version::V5_0, maximum, auth) {
            self.end(now, conn, CloseCause::AnswerTooLarge);
        } else if let Some(connection) = self.conns.get_mut(&conn) {
            let stage = Stage::Proving(exchange);
            connection.early = Some(Early::new(connect, stage));
        }
    }

    /// A packet of a client that has to prove who it is before its CONNECT is answered.
    pub(super) fn handle_early(
        &mut self,
        now: Time,
        conn: ConnId,
        packet: Packet,
    ) -> Result<(), CloseCause> {
        if let Packet::Disconnect(disconnect) = packet {
            self.end(now, conn, CloseCause::Disconnected(disconnect.reason));
            return Ok(());
        }
        let connection = self.conns.get_mut(&conn);
        let early = connection.and_then(|connection| connection.early.take());
        let Some((connect, stage)) = early.map(|early| (early.connect, early.stage)) else {
            return Ok(());
        };
        let refused = match (packet, stage) {
            (Packet::Auth(auth), Stage::Proving(exchange)) => match proof(&auth, &exchange) {
                Ok(proof) => {
                    let entrant = Entrant {
                        user: Some(exchange.user().into()),
                        proof: Some(proof),
                    };
                    return self.come_in(now, conn, &connect, entrant);
                }
                Err(refused) => refused,
            },
            // [MQTT-3.1.2-30] (5.0)
            _ => (
                ReasonCode::PROTOCOL_ERROR,
                "neither AUTH nor DISCONNECT while the client has to prove who it is",
            ),
        };
        // [MQTT-4.12.0-4] (5.0)
        self.refuse(now, conn, &connect, refused.0, refused.1);
        Ok(())
    }

    /// Lets a client in whose CONNECT waited, if there is still room.
    pub(super) fn come_in(
        &mut self,
        now: Time,
        conn: ConnId,
        connect: &Connect,
        entrant: Entrant,
    ) -> Result<(), CloseCause> {
        match self.check(conn, connect) {
            Ok(()) => self.enter(now, conn, connect, entrant),
            Err((reason, why)) => {
                self.refuse(now, conn, connect, reason, why);
                Ok(())
            }
        }
    }

    /// AUTH of a client that was accepted: it proves again who it is. Meanwhile everything goes on [X-5.0-auth-9].
    pub(super) fn handle_auth(&mut self, client: Client, auth: &Auth) -> Result<(), CloseCause> {
        let proven = &mut self.conns.link_mut(client.conn).proven;
        let Some(proven) = proven.as_mut() else {
            // [MQTT-4.12.0-7] (5.0)
            return Err(ProtocolError::AuthNotExpected.into());
        };
        if !names_method(auth) {
            // [MQTT-4.12.1-1] (5.0)
            return Err(ProtocolError::AuthMethodChanged.into());
        }
        let (user, again) = (proven.user.clone(), proven.again.take());
        let data = auth.properties.authentication_data();
        let (reason, answer) = match (auth.reason, again) {
            (ReasonCode::RE_AUTHENTICATE, None) => {
                let begun = self.begin(data.as_deref());
                // Nobody becomes somebody else: the session is that user's.
                let (exchange, answer) = begun
                    .filter(|(exchange, _)| exchange.user() == user.as_str())
                    .ok_or(ProtocolError::ReauthenticationFailed)?;
                if let Some(proven) = &mut self.conns.link_mut(client.conn).proven {
                    proven.again = Some(exchange);
                }
                // [MQTT-4.12.0-2] (5.0)
                (ReasonCode::CONTINUE_AUTHENTICATION, answer)
            }
            (ReasonCode::CONTINUE_AUTHENTICATION, Some(exchange)) => {
                let proof = data.and_then(|data| exchange.finish(&data));
                // [MQTT-4.12.1-2] (5.0)
                let proof = proof.ok_or(ProtocolError::ReauthenticationFailed)?;
                (ReasonCode::SUCCESS, proof)
            }
            _ => return Err(ProtocolError::AuthOutOfTurn.into()),
        };
        self.answer(client, self::auth(reason, &answer))
    }
}

/// The server's proof, where the client's is right.
fn proof(auth: &Auth, exchange: &Exchange) -> Result<String, (ReasonCode, &'static str)> {
    // [MQTT-4.12.0-3], [MQTT-4.12.0-5] (5.0)
    if auth.reason != ReasonCode::CONTINUE_AUTHENTICATION || !names_method(auth) {
        return Err((
            ReasonCode::PROTOCOL_ERROR,
            "an AUTH that does not belong to its exchange",
        ));
    }
    let data = auth.properties.authentication_data();
    data.and_then(|data| exchange.finish(&data)).ok_or(UNPROVEN)
}

/// Whether AUTH names the method that CONNECT named: there is one that can be named.
fn names_method(auth: &Auth) -> bool {
    let method = auth.properties.authentication_method();
    method.is_some_and(|method| method.as_str() == METHOD)
}

fn auth(reason: ReasonCode, data: &str) -> Packet {
    // [MQTT-4.12.0-5] (5.0)
    let properties = Properties::new()
        .with(Property::AuthenticationMethod(METHOD.into()))
        .with(Property::AuthenticationData(Bytes::copy_from_slice(
            data.as_bytes(),
        )));
    Packet::Auth(Auth { reason, properties })
}
