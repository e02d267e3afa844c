//! Who may come in and what they may do [X-5.0-security-1]: settings, as plain data, and the files that say so.
//!
//! Nothing here knows a connection, a clock or a thread; a hook of the driver does what takes time.

pub(crate) mod access;
mod fault;
pub mod passwords;
pub mod scram;
mod secret;

pub use access::{Access, Identity};
pub use fault::FileError;
pub use passwords::Passwords;
pub use scram::Scram;
pub use secret::Secret;

use squall_protocol::Text;
use std::sync::Arc;

/// Who may come in. Part of [`crate::Config`]; the default says nothing at all.
///
/// A broker to which nothing is said serves everybody on listeners that can be reached from this machine alone, and on
/// those whose driver tells no peer, and looks at no User Name and no Password. On other listeners it refuses everybody
/// with Not authorized (0x87, 5.0) or 0x05 (3.1.1).
///
/// Once anything is said, who names no user is anonymous and is refused unless [`Self::allow_anonymous`] lets it in, on
/// every listener. Then a session belongs to the user who began it: for as long as it is there, a CONNECT of another user
/// with its Client Identifier is refused with Not authorized (0x87, 0x05), and the session and its connection stay as they
/// are. A session of nobody, which a store has from before anything was said, becomes that of the first user who comes with
/// its Client Identifier, unless anonymous clients may still come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Security {
    /// Whether anonymous clients may come in: said or not said. Who sends a User Name where passwords are not
    /// looked at is anonymous.
    pub allow_anonymous: Option<bool>,
    /// Whether User Name and Password are verified, which the driver does ([`crate::Output::Verify`]). Who fails is
    /// refused with Bad User Name or Password (0x86, 5.0) or 0x04 (3.1.1). A Password without a User Name (5.0) fails.
    pub passwords: bool,
    /// CONNECTs that may wait for their verification at a time, those that are being verified among them. On one more
    /// CONNECT is refused: Server busy (0x89, 5.0), 0x03 (3.1.1). 256.
    pub max_verifying: usize,
    /// Whether the name in a verified client certificate is the user. User Name and Password are then not looked at.
    /// Who has no certificate comes in as on any other listener, or not at all.
    pub certificate_is_user: bool,
    /// Users that may prove who they are with the Authentication Method `SCRAM-SHA-256` (5.0, section 4.12), without
    /// telling their passwords. A CONNECT with another method, or any where this says nothing, is refused with Bad
    /// authentication method (0x8C); who proves nothing with Not authorized (0x87). User Name and Password of such a
    /// CONNECT are not looked at, and neither is a certificate.
    pub scram: Option<Arc<Scram>>,
    /// Who may publish to which topics and subscribe to them; everybody to all where nothing is said.
    ///
    /// * A topic filter that asks for anything that is not allowed gets Not authorized (0x87, 5.0) or 0x80 (3.1.1) in
    ///   SUBACK. Who may be sent a message is asked again with each one, retained ones and those of shared subscriptions
    ///   among them: a session may be older than the rules.
    /// * A PUBLISH to a topic that is not allowed goes nowhere and is counted ([`crate::Counters::denied`]). With QoS 1
    ///   and 2 PUBACK or PUBREC says Not authorized (0x87, 5.0); 3.1.1 has no word for it, and of the two answers that it
    ///   allows [MQTT-3.3.5-2] this broker gives the usual acknowledgement.
    /// * A CONNECT with a will to a topic that is not allowed is refused with Not authorized (0x87, 5.0) or 0x05
    ///   (3.1.1). It is asked once more when the will is published.
    pub access: Option<Arc<Access>>,
}

impl Default for Security {
    fn default() -> Self {
        Self {
            allow_anonymous: None,
            passwords: false,
            max_verifying: 256,
            certificate_is_user: false,
            scram: None,
            access: None,
        }
    }
}

impl Security {
    /// Bytes that a client may send after its CONNECT and before it was verified. Beyond it CONNECT is refused with Quota
    /// exceeded (0x97, 5.0) or 0x03 (3.1.1). The server reads no client that waits to be verified, so its clients
    /// never come near. They count among [`crate::Config::max_unfinished_bytes`], as the CONNECT does.
    pub const EARLY_BYTES: usize = 64 << 10;

    /// Whether anything was said.
    #[must_use]
    pub const fn is_said(&self) -> bool {
        self.allow_anonymous.is_some()
            || self.passwords
            || self.certificate_is_user
            || self.scram.is_some()
            || self.access.is_some()
    }
}

/// What a client says who it is. [`Debug`] shows no password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The User Name of its CONNECT.
    pub user_name: Text,
    /// The Password, if it sent one.
    pub password: Option<Secret>,
}

/// What verifying [`Credentials`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is who it says.
    Right,
    /// It is not, or nobody knows that user: CONNECT is refused with Bad User Name or Password (0x86, 5.0) or 0x04
    /// (3.1.1).
    Wrong,
    /// It could not be found out: CONNECT is refused with Server unavailable (0x88, 5.0) or 0x03 (3.1.1).
    Unknown,
}
