//! SCRAM-SHA-256 (RFC 5802, RFC 7677) from the server's side, without channel binding: as an Authentication Method of MQTT
//! 5.0, messages in, messages out.
//!
//! The libraries that there are draw their nonces from the thread's or the system's randomness, or bring a whole
//! framework or a library of C. This one decides nothing else and takes its nonces from a seed; hashes and keys are RustCrypto's.

mod message;
#[cfg(test)]
mod prove;
mod record;

#[cfg(test)]
pub(crate) use prove::prove;
pub use record::Record;

use base64ct::{Base64, Encoding};
use message::{ClientFinal, ClientFirst};
use record::{hash, hmac};
use std::{collections::BTreeMap, fmt};
use subtle::ConstantTimeEq;

/// The name of the method in CONNECT.
pub const METHOD: &str = "SCRAM-SHA-256";

/// Users that can prove that they know their password, and where nonces come from. [`Debug`] shows names alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Scram {
    users: BTreeMap<String, Record>,
    seed: [u8; 32],
}

impl fmt::Debug for Scram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.users.keys()).finish()
    }
}

/// An exchange in which the client has to prove now that it knows its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Exchange {
    user: String,
    record: Record,
    /// Whether there is such a user: the others are let go through the whole of it.
    known: bool,
    /// What the client said first, without its header, and the answer.
    said: String,
    /// The header, as the client has to repeat it.
    header: String,
    nonce: String,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Scram {
    /// These users. `seed` is secret and has to be another one each time a broker is made: all nonces come from it.
    #[must_use]
    pub const fn new(users: BTreeMap<String, Record>, seed: [u8; 32]) -> Self {
        Self { users, seed }
    }

    /// Begins an exchange with what the client says first; gives it, and the answer. `number` is another one for each
    /// exchange. `None` when the client says what this server does not understand.
    #[must_use]
    pub fn begin(&self, data: &[u8], number: u64) -> Option<(Exchange, String)> {
        let random = hmac(&self.seed, &number.to_be_bytes());
        // A multiple of three bytes, so that no `=` stands in it.
        self.answer(data, &Base64::encode_string(&random[..18]))
    }

    fn answer(&self, data: &[u8], nonce: &str) -> Option<(Exchange, String)> {
        let first = ClientFirst::parse(data)?;
        let known = self.users.get(&first.user);
        let record = known.cloned().unwrap_or_else(|| self.nobody(&first.user));
        let nonce = format!("{}{nonce}", first.nonce);
        let salt = Base64::encode_string(&record.salt);
        let answer = format!("r={nonce},s={salt},i={}", record.iterations);
        let exchange = Exchange {
            known: known.is_some(),
            record,
            said: format!("{},{answer}", first.bare),
            header: Base64::encode_string(first.header.as_bytes()),
            user: first.user,
            nonce,
        };
        Some((exchange, answer))
    }

    /// What is said of a user who is not there: always the same, also after the broker was started again, and nothing
    /// that could be told from what is said of others.
    fn nobody(&self, user: &str) -> Record {
        let first = self.users.values().next();
        let secret = first.map_or(&self.seed, |record| &record.stored_key);
        let salt = hmac(secret, user.as_bytes());
        let iterations = first.map_or(Record::ITERATIONS, |record| record.iterations);
        let salt_bytes = first.map_or(16, |record| record.salt.len()).min(salt.len());
        Record {
            iterations,
            salt: salt[..salt_bytes].to_vec(),
            stored_key: hmac(secret, &salt),
            server_key: hmac(&self.seed, &salt),
        }
    }
}

impl Exchange {
    /// Who the client says it is.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Holds what the client says last against what is known of its password; gives the server's own proof, which
    /// belongs into the packet that says yes. `None` when the client is not who it says, or says something else.
    #[must_use]
    pub fn finish(&self, data: &[u8]) -> Option<String> {
        let last = ClientFinal::parse(data)?;
        let all = format!("{},{}", self.said, last.without_proof);
        let signature = hmac(&self.record.stored_key, all.as_bytes());
        let mut client_key = last.proof;
        for (byte, mask) in client_key.iter_mut().zip(signature) {
            *byte ^= mask;
        }
        let proven = bool::from(hash(&client_key).ct_eq(&self.record.stored_key));
        let repeated = last.header == self.header && last.nonce == self.nonce;
        let verifier = hmac(&self.record.server_key, all.as_bytes());
        (proven && repeated && self.known)
            .then(|| format!("v={}", Base64::encode_string(&verifier)))
    }
}

#[cfg(test)]
mod tests;
