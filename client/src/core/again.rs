//! Which ends of a connection are followed by another dial: one rule for each reason code.
//!
//! It does not know when, see the redial.

use super::event::EndCause;
use squall_protocol::ReasonCode;

/// What a client with a [`crate::Backoff`] does when a connection, or an attempt at one, has ended.
///
/// | end | then |
/// | --- | --- |
/// | asked for by the caller, or options that cannot be dialed | never |
/// | the transport ended or could not be had; no CONNACK or PINGRESP in time; the server broke the standard | later |
/// | authentication failed at this end | never |
/// | CONNACK or DISCONNECT with a reason code | as [`Self::TABLE`] says; a code that is not there: later |
/// | CONNACK of 3.1.1 | later after 0x03, never after the others |
///
/// The rules of the table: a refusal that the same CONNECT would meet again is final. So is 0x8E *Session taken over*:
/// somebody with the same Client Identifier is there, and two that dial again would take the session from each other
/// for ever. A server that is busy, unavailable or shutting down, has had enough of this client, or does not say why, is
/// tried again later. A DISCONNECT for what the client has sent is no reason not to come back: CONNACK says whether it
/// may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It stays away until [`crate::Client::connect`].
    Never,
    /// It dials after the wait of its backoff.
    Later,
    /// It dials at once; when it has done so less than the longest wait of its backoff ago, later.
    AtOnce,
    /// The server names another one, for now or for good [X-5.0-redirect-3]. It dials like [`Self::AtOnce`] with
    /// [`crate::ConnectOptions::follow_references`], else never.
    Elsewhere,
}

impl Again {
    /// Reason codes of 5.0 by which a server ends a connection: what follows after CONNACK, and after DISCONNECT; `None`
    /// where the code may not stand.
    pub const TABLE: &[(ReasonCode, Option<Self>, Option<Self>)] = {
        use Again::{AtOnce, Elsewhere, Later, Never};
        &[
            (ReasonCode::NORMAL_DISCONNECTION, None, Some(Later)),
            (ReasonCode::UNSPECIFIED_ERROR, Some(Later), Some(Later)),
            (ReasonCode::MALFORMED_PACKET, Some(Never), Some(Later)),
            (ReasonCode::PROTOCOL_ERROR, Some(Never), Some(Later)),
            (
                ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR,
                Some(Later),
                Some(Later),
            ),
            (ReasonCode::UNSUPPORTED_PROTOCOL_VERSION, Some(Never), None),
            (ReasonCode::CLIENT_IDENTIFIER_NOT_VALID, Some(Never), None),
            (ReasonCode::BAD_USER_NAME_OR_PASSWORD, Some(Never), None),
            (ReasonCode::NOT_AUTHORIZED, Some(Never), Some(Later)),
            (ReasonCode::SERVER_UNAVAILABLE, Some(Later), None),
            (ReasonCode::SERVER_BUSY, Some(Later), Some(Later)),
            (ReasonCode::BANNED, Some(Never), None),
            (ReasonCode::SERVER_SHUTTING_DOWN, None, Some(Later)),
            (
                ReasonCode::BAD_AUTHENTICATION_METHOD,
                Some(Never),
                Some(Never),
            ),
            (ReasonCode::KEEP_ALIVE_TIMEOUT, None, Some(Later)),
            (ReasonCode::SESSION_TAKEN_OVER, None, Some(Never)),
            (ReasonCode::TOPIC_FILTER_INVALID, None, Some(Later)),
            (ReasonCode::TOPIC_NAME_INVALID, Some(Never), Some(Later)),
            (ReasonCode::RECEIVE_MAXIMUM_EXCEEDED, None, Some(Later)),
            (ReasonCode::TOPIC_ALIAS_INVALID, None, Some(Later)),
            (ReasonCode::PACKET_TOO_LARGE, Some(Never), Some(Later)),
            (ReasonCode::MESSAGE_RATE_TOO_HIGH, None, Some(Later)),
            (ReasonCode::QUOTA_EXCEEDED, Some(Later), Some(Later)),
            (ReasonCode::ADMINISTRATIVE_ACTION, None, Some(Later)),
            (ReasonCode::PAYLOAD_FORMAT_INVALID, Some(Never), Some(Later)),
            (ReasonCode::RETAIN_NOT_SUPPORTED, Some(Never), Some(Later)),
            (ReasonCode::QOS_NOT_SUPPORTED, Some(Never), Some(Later)),
            (
                ReasonCode::USE_ANOTHER_SERVER,
                Some(Elsewhere),
                Some(Elsewhere),
            ),
            (ReasonCode::SERVER_MOVED, Some(Elsewhere), Some(Elsewhere)),
            (
                ReasonCode::SHARED_SUBSCRIPTIONS_NOT_SUPPORTED,
                None,
                Some(Later),
            ),
            (
                ReasonCode::CONNECTION_RATE_EXCEEDED,
                Some(Later),
                Some(Later),
            ),
            // The connection was in order; its time was up.
            (ReasonCode::MAXIMUM_CONNECT_TIME, None, Some(AtOnce)),
            (
                ReasonCode::SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED,
                None,
                Some(Later),
            ),
            (
                ReasonCode::WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED,
                None,
                Some(Later),
            ),
        ]
    };

    /// What follows after this end.
    #[must_use]
    pub fn after(cause: &EndCause) -> Self {
        match cause {
            EndCause::Requested
            | EndCause::Dropped
            | EndCause::InvalidOptions(_)
            | EndCause::Authentication(_) => Self::Never,
            EndCause::Peer(_)
            | EndCause::PingTimeout
            | EndCause::ConnectTimeout
            | EndCause::DialFailed(_)
            | EndCause::Violation
            | EndCause::ProtocolError(_)
            | EndCause::AnswerTooLarge => Self::Later,
            EndCause::Refused(ReasonCode::V3_SERVER_UNAVAILABLE) => Self::Later,
            EndCause::Refused(reason) if !reason.is_error() => Self::Never,
            EndCause::Refused(reason) => Self::row(*reason)
                .and_then(|row| row.0)
                .unwrap_or(Self::Later),
            EndCause::ServerDisconnect(reason) => Self::row(*reason)
                .and_then(|row| row.1)
                .unwrap_or(Self::Later),
        }
    }

    fn row(reason: ReasonCode) -> Option<(Option<Self>, Option<Self>)> {
        let row = Self::TABLE.iter().find(|(code, ..)| *code == reason);
        row.map(|(_, refused, ended)| (*refused, *ended))
    }
}

impl EndCause {
    /// Whether a client with a [`crate::Backoff`] dials again after it, as [`Again`] says; one that does not follow
    /// Server References.
    #[must_use]
    pub fn is_unwanted(&self) -> bool {
        matches!(Again::after(self), Again::Later | Again::AtOnce)
    }
}
