//! What a server keeps of a password for SCRAM, from which nobody can say it.

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt;

/// What a server keeps of a password. [`Debug`] shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    pub(super) iterations: u32,
    pub(super) salt: Vec<u8>,
    pub(super) stored_key: [u8; 32],
    pub(super) server_key: [u8; 32],
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Record {
    /// What a line of a password file has after the user's name and colon if it is a record.
    pub(in crate::security) const PREFIX: &str = "$scram-sha-256$";
    /// How often a password is hashed if nobody says otherwise. It is the client that has the work each time.
    pub const ITERATIONS: u32 = 15_000;
    /// As RFC 7677 has it.
    pub const FEWEST_ITERATIONS: u32 = 4096;

    /// What has to be kept of a password. It has to be ASCII: clients may write anything else differently
    /// (SASLprep). Takes time.
    ///
    /// # Errors
    /// What is wrong with the password or the iterations.
    pub fn new(password: &str, salt: &[u8; 16], iterations: u32) -> Result<Self, String> {
        if password.is_empty() {
            return Err("the password is empty".into());
        }
        if !password.bytes().all(|b| (b' '..0x7F).contains(&b)) {
            return Err("a password for SCRAM has to be printable ASCII".into());
        }
        if iterations < Self::FEWEST_ITERATIONS {
            return Err(format!(
                "SCRAM takes {} iterations at least",
                Self::FEWEST_ITERATIONS
            ));
        }
        let salted = salted(password.as_bytes(), salt, iterations);
        Ok(Self {
            iterations,
            salt: salt.to_vec(),
            stored_key: hash(&hmac(&salted, b"Client Key")),
            server_key: hmac(&salted, b"Server Key"),
        })
    }

    /// The line of a password file.
    #[must_use]
    pub fn line(&self, user: &str) -> String {
        let [salt, stored, server] =
            [&self.salt[..], &self.stored_key, &self.server_key].map(Base64::encode_string);
        let prefix = Self::PREFIX;
        format!(
            "{user}:{prefix}i={}${salt}${stored}${server}",
            self.iterations
        )
    }

    /// Reads what comes after [`Self::PREFIX`].
    pub(in crate::security) fn parse(text: &str) -> Result<Self, String> {
        let read = || {
            let [iterations, salt, stored, server] =
                <[&str; 4]>::try_from(text.split('$').collect::<Vec<_>>()).ok()?;
            let decode = |text| Base64::decode_vec(text).ok();
            Some(Self {
                iterations: iterations.strip_prefix("i=")?.parse().ok()?,
                salt: decode(salt).filter(|salt| !salt.is_empty())?,
                stored_key: decode(stored)?.try_into().ok()?,
                server_key: decode(server)?.try_into().ok()?,
            })
        };
        let record: Self = read().ok_or(
            "what comes after the user is no record of SCRAM-SHA-256: write one with `squall passwd --scram`",
        )?;
        match record.iterations {
            Self::FEWEST_ITERATIONS.. => Ok(record),
            _ => Err(format!(
                "SCRAM takes {} iterations at least",
                Self::FEWEST_ITERATIONS
            )),
        }
    }
}

/// `SaltedPassword`.
pub(super) fn salted(password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
    pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password, salt, iterations)
}

pub(super) fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

pub(super) fn hmac(key: &[u8], bytes: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}
