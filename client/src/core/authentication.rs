//! Enhanced authentication (5.0, section 4.12): the exchange, whatever the method.
//!
//! It does not know what the data mean; a [`Method`] does.

use super::{
    Client, Stage,
    event::{Abandonment, EndCause, Event},
    fault::ProtocolError,
    message::Ticket,
};
use bytes::Bytes;
use squall_protocol::{
    Packet, Properties, Property, ReasonCode, Text, Time, Version,
    packet::{Auth, ConnAck},
};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// An Authentication Method: what a client says to prove who it is, and what it asks of the server.
///
/// A method draws no random numbers and knows no time of its own: whoever makes it hands in what it needs.
pub trait Method: Send {
    /// Its name, as it stands in every packet of an exchange [MQTT-4.12.0-5].
    fn name(&self) -> Text;

    /// Begins an exchange, on a new connection or anew on this one: the Authentication Data of CONNECT or of the AUTH
    /// that asks for it, where the client speaks first [X-5.0-auth-5]. What was under way is over.
    fn begin(&mut self) -> Option<Bytes>;

    /// The server goes on, with AUTH 0x18 and these data: the data of the answer.
    ///
    /// # Errors
    /// Why there is none: the connection ends.
    fn answer(&mut self, data: Option<&[u8]>) -> Result<Option<Bytes>, String>;

    /// The server has accepted, with CONNACK or AUTH 0x00 and these data.
    ///
    /// # Errors
    /// Why the client does not accept the server: the connection ends.
    fn finish(&mut self, data: Option<&[u8]>) -> Result<(), String>;
}

/// A [`Method`], for the options of a client. Clones stand for the same one, and are equal.
#[derive(Clone)]
pub struct Authentication(Arc<Mutex<dyn Method>>);

impl Authentication {
    /// By this method. Each client needs one of its own.
    #[must_use]
    pub fn new(method: impl Method + 'static) -> Self {
        Self(Arc::new(Mutex::new(method)))
    }

    fn method(&self) -> MutexGuard<'_, dyn Method + 'static> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Name and Authentication Data of an exchange that begins.
    pub(super) fn begin(&self) -> Vec<Property> {
        let mut method = self.method();
        let name = Property::AuthenticationMethod(method.name());
        let data = method.begin().map(Property::AuthenticationData);
        [name].into_iter().chain(data).collect()
    }
}

impl fmt::Debug for Authentication {
    /// Its name alone: the rest is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authentication")
            .field(&self.method().name())
            .finish()
    }
}

impl PartialEq for Authentication {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Authentication {}

/// An exchange on a connection.
#[derive(Debug)]
pub(super) struct Exchange {
    method: Authentication,
    stage: Progress,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// CONNECT began it, CONNACK ends it.
    Connecting,
    /// None is under way.
    Done,
    /// AUTH began it, AUTH ends it.
    Anew(Ticket),
}

impl Exchange {
    /// CONNECT begins it, if its options name a method [X-5.0-auth-7].
    pub(super) fn of(method: Option<&Authentication>, version: Version) -> Option<Self> {
        let method = method.filter(|_| version == Version::V5_0)?.clone();
        let stage = Progress::Connecting;
        Some(Self { method, stage })
    }

    /// The re-authentication that has no outcome.
    pub(super) const fn unanswered(&self) -> Option<Ticket> {
        match self.stage {
            Progress::Anew(ticket) => Some(ticket),
            Progress::Connecting | Progress::Done => None,
        }
    }

    fn check_name(&self, properties: &Properties) -> Result<(), ProtocolError> {
        match properties.authentication_method() == Some(self.method.method().name()) {
            true => Ok(()),
            false => Err(ProtocolError::AuthMethodChanged),
        }
    }
}

impl Client {
    /// Authenticates anew on the connection there is, by the method of CONNECT [MQTT-4.12.1-1] (5.0). Ends in
    /// [`Event::Acknowledged`] or [`Event::Abandoned`]; a server that does not accept it ends the connection
    /// [MQTT-4.12.1-2].
    pub fn reauthenticate(&mut self, now: Time, ticket: Ticket) {
        self.with_session(|client| {
            let exchange = match &mut client.stage {
                Stage::Open(connection) if connection.accepted => connection.exchange.as_mut(),
                _ => None,
            };
            // [MQTT-4.12.0-7]
            let Some(exchange) = exchange.filter(|exchange| exchange.stage == Progress::Done)
            else {
                return client.abandon(ticket, Abandonment::NotAuthenticated);
            };
            exchange.stage = Progress::Anew(ticket);
            let properties = exchange.method.begin().into_iter().collect();
            let reason = ReasonCode::RE_AUTHENTICATE;
            client.answer(now, Packet::Auth(Auth { reason, properties }));
        });
    }

    /// AUTH arrived.
    pub(super) fn handle_auth(&mut self, now: Time, auth: &Auth) -> Result<(), ProtocolError> {
        let exchange = self.stage.open_mut().exchange.as_mut();
        // [MQTT-4.12.0-6]
        let exchange = exchange.ok_or(ProtocolError::AuthNotExpected)?;
        exchange.check_name(&auth.properties)?;
        let data = auth.properties.authentication_data();
        match (auth.reason, exchange.stage) {
            (ReasonCode::CONTINUE_AUTHENTICATION, Progress::Connecting | Progress::Anew(_)) => {
                let answer = exchange.method.method().answer(data.as_deref());
                let name = Property::AuthenticationMethod(exchange.method.method().name());
                match answer {
                    Ok(data) => {
                        let data = data.map(Property::AuthenticationData);
                        let properties = [name].into_iter().chain(data).collect();
                        // [MQTT-4.12.0-3]
                        let reason = ReasonCode::CONTINUE_AUTHENTICATION;
                        self.answer(now, Packet::Auth(Auth { reason, properties }));
                    }
                    Err(why) => self.distrust(now, why),
                }
                Ok(())
            }
            (ReasonCode::SUCCESS, Progress::Anew(ticket)) => {
                exchange.stage = Progress::Done;
                let finished = exchange.method.method().finish(data.as_deref());
                match finished {
                    Ok(()) => {
                        let reason = ReasonCode::SUCCESS;
                        self.events
                            .push_back(Event::Acknowledged { ticket, reason });
                    }
                    Err(why) => {
                        self.abandon(ticket, Abandonment::ConnectionEnded);
                        self.distrust(now, why);
                    }
                }
                Ok(())
            }
            _ => Err(ProtocolError::AuthOutOfTurn),
        }
    }

    /// What an accepting CONNACK says of the exchange: the method again [MQTT-4.12.0-5], and what the client has to
    /// check. `false` when the client does not accept the server, and the connection is over.
    pub(super) fn conclude(&mut self, now: Time, ack: &ConnAck) -> Result<bool, ProtocolError> {
        let exchange = self.stage.open_mut().exchange.as_mut();
        let Some(exchange) = exchange else {
            return match ack.properties.authentication_method() {
                Some(_) => Err(ProtocolError::AuthNotExpected),
                None => Ok(true),
            };
        };
        exchange.check_name(&ack.properties)?;
        exchange.stage = Progress::Done;
        let data = ack.properties.authentication_data();
        let finished = exchange.method.method().finish(data.as_deref());
        Ok(match finished {
            Ok(()) => true,
            Err(why) => {
                self.distrust(now, why);
                false
            }
        })
    }

    /// The exchange came to nothing at this end, wherever it had got to [X-5.0-auth-6], [MQTT-4.12.1-2].
    fn distrust(&mut self, now: Time, why: String) {
        self.fail(
            now,
            ReasonCode::UNSPECIFIED_ERROR,
            EndCause::Authentication(why),
        );
    }
}
