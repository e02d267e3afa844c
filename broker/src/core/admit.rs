//! Who may come in: what has to be known of who sent a CONNECT before it is answered.

use super::{Broker, ConnId, Output, owned};
use crate::security::{Credentials, Secret, Security, Verdict, scram::Exchange};
use bytes::Bytes;
use squall_protocol::{Frame, Packet, ReasonCode, Text, Time, encode, packet::Connect};
use squall_transport::Peer;
use std::fmt;

/// What is known of who sent a CONNECT.
pub(super) enum Admission {
    /// This user did; `None` for nobody in particular.
    Admitted(Option<Text>),
    /// That has to be found out.
    Asked(Credentials),
    /// It has to prove it, and is told this.
    Proving(Exchange, String),
    /// Nobody who may come in.
    Refused(ReasonCode, &'static str),
}

/// A CONNECT of which is not known yet who sent it.
pub(super) struct Early {
    pub(super) connect: Connect,
    pub(super) stage: Stage,
    /// Bytes that it takes.
    pub(super) bytes: usize,
}

/// How it is found out.
pub(super) enum Stage {
    /// Somebody was asked whether it is this user.
    Asked(Text),
    /// It is asked itself.
    Proving(Exchange),
}

impl Early {
    /// Keeps a CONNECT.
    pub(super) fn new(connect: Connect, stage: Stage) -> Box<Self> {
        Box::new(Self {
            bytes: owned::connect_bytes(&connect),
            connect,
            stage,
        })
    }

    /// Whether somebody else was asked, so that the client has to wait.
    pub(super) const fn is_asked(&self) -> bool {
        matches!(self.stage, Stage::Asked(_))
    }
}

/// Who comes in.
pub(super) struct Entrant {
    /// `None` for nobody in particular.
    pub(super) user: Option<Text>,
    /// The server's own proof, for a client that has proven who it is.
    pub(super) proof: Option<String>,
}

// It holds a password.
impl fmt::Debug for Early {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Early")
            .field("client_id", &self.connect.client_id)
            .finish_non_exhaustive()
    }
}

impl Broker {
    /// Who is at the other end of a connection that was just opened. Of a connection of which this is never said,
    /// nothing more is known than that it can be reached from this machine alone. Ignored when the connection is over.
    pub fn handle_peer(&mut self, _now: Time, conn: ConnId, peer: Peer) {
        if let Some(connection) = self.conns.get_mut(&conn) {
            connection.peer = Some(Box::new(peer));
        }
    }

    /// What verifying the credentials of [`Output::Verify`] came to. Ignored when the connection is over, or when nobody
    /// asked.
    pub fn handle_verified(&mut self, now: Time, conn: ConnId, verdict: Verdict) {
        let connection = self.conns.get_mut(&conn);
        let early = connection.map(|connection| &mut connection.early);
        let Some(early) = early.and_then(|early| early.take_if(|early| early.is_asked())) else {
            return;
        };
        self.verifying -= 1;
        let Early { connect, stage, .. } = *early;
        let user = match stage {
            Stage::Asked(user) => Some(user),
            Stage::Proving(_) => None,
        };
        let refused = match verdict {
            Verdict::Right => {
                let done = self.come_in(now, conn, &connect, Entrant { user, proof: None });
                self.settle(now, conn, done);
                return self.read(now, conn);
            }
            Verdict::Wrong => WRONG,
            Verdict::Unknown => (
                ReasonCode::SERVER_UNAVAILABLE,
                "who this is could not be found out",
            ),
        };
        // [MQTT-3.1.4-2] (5.0), [X-3.1.1-connect-2]
        self.refuse(now, conn, &connect, refused.0, refused.1);
    }

    /// What is known of who sent a CONNECT, or how it is found out [X-5.0-connect-5]. Without an Authentication Method by
    /// what CONNECT says, and by what the connection says of its peer [X-5.0-auth-8].
    pub(super) fn admission(&mut self, conn: ConnId, connect: &Connect) -> Admission {
        if connect.properties.authentication_method().is_some() {
            return self.begin_exchange(connect);
        }
        let security = &self.config.security;
        let peer = self.conns.get(&conn).and_then(|c| c.peer.as_deref());
        if !security.is_said() {
            return match peer.is_none_or(|peer| peer.local) {
                true => Admission::Admitted(None),
                false => Admission::Refused(
                    ReasonCode::NOT_AUTHORIZED,
                    "nobody was told who may come in from elsewhere",
                ),
            };
        }
        let certificate = peer.and_then(|peer| peer.certificate.as_deref());
        if let Some(name) = certificate.filter(|_| security.certificate_is_user) {
            return Admission::Admitted(Some(name.into()));
        }
        match (security.passwords, &connect.user_name, &connect.password) {
            (true, Some(user_name), password) => self.verification(user_name, password.as_ref()),
            (true, None, Some(_)) => Admission::Refused(WRONG.0, WRONG.1),
            _ if security.allow_anonymous == Some(true) => Admission::Admitted(None),
            _ => Admission::Refused(
                ReasonCode::NOT_AUTHORIZED,
                "who connects has to say who it is",
            ),
        }
    }

    fn verification(&self, user_name: &Text, password: Option<&Bytes>) -> Admission {
        if self.verifying >= self.config.security.max_verifying {
            return Admission::Refused(
                ReasonCode::SERVER_BUSY,
                "too many clients are waiting to be verified",
            );
        }
        let copy = |password: &Bytes| Secret::from(Bytes::copy_from_slice(password));
        Admission::Asked(Credentials {
            user_name: owned::text(user_name),
            password: password.map(copy),
        })
    }

    /// Keeps a CONNECT until it is known who sent it. Its time goes on running.
    pub(super) fn ask(&mut self, conn: ConnId, connect: Connect, credentials: Credentials) {
        let Some(connection) = self.conns.get_mut(&conn) else {
            return;
        };
        let stage = Stage::Asked(credentials.user_name.clone());
        connection.early = Some(Early::new(connect, stage));
        self.verifying += 1;
        self.outputs.push_back(Output::Verify { conn, credentials });
    }

    /// Bytes have come of a client that was not verified yet.
    pub(super) fn count_early(&mut self, now: Time, conn: ConnId) {
        let connection = self.conns.get_mut(&conn);
        let Some(connection) =
            connection.filter(|connection| connection.decoder.buffered() > Security::EARLY_BYTES)
        else {
            return self.count_unfinished(now, conn);
        };
        let early = connection.early.take();
        self.verifying -= usize::from(early.is_some());
        if let Some(early) = early {
            let why = "too much came before it was known who this is";
            self.refuse(now, conn, &early.connect, ReasonCode::QUOTA_EXCEEDED, why);
        }
    }

    /// Whether the session that a CONNECT asks for is the user's, if there is one.
    pub(super) fn check_owner(
        &self,
        connect: &Connect,
        user: Option<&Text>,
    ) -> Result<(), (ReasonCode, &'static str)> {
        let session = self.sessions.find(&connect.client_id);
        let owner = session.map(|id| self.sessions[id].user.as_ref());
        let security = &self.config.security;
        match owner {
            Some(owner) if owner == user || !security.is_said() => Ok(()),
            // It is older than these settings, and whoever began it cannot come in any more.
            Some(None) if security.allow_anonymous != Some(true) => Ok(()),
            Some(_) => Err((
                ReasonCode::NOT_AUTHORIZED,
                "the session of this Client Identifier is another user's",
            )),
            None => Ok(()),
        }
    }
}

/// The frame, with stars in the place of a password that somebody may really have: it has no place in a trace.
pub(super) fn without_password(frame: &Frame) -> Frame {
    let mut frame = frame.clone();
    if let Packet::Connect(connect) = &mut frame.packet
        && let Some(password) = &mut connect.password
    {
        *password = Bytes::from_static(b"***");
        let version = connect.version;
        frame.bytes = encode(&frame.packet, version).unwrap_or_default();
    }
    frame
}

/// The answer to credentials that are wrong, which says no more than that.
const WRONG: (ReasonCode, &str) = (
    ReasonCode::BAD_USER_NAME_OR_PASSWORD,
    "User Name or Password is wrong",
);
