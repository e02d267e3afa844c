//! SCRAM-SHA-256 (RFC 5802, RFC 7677) as an Authentication Method: the client's side.

use crate::core::Method;
use base64ct::{Base64, Encoding};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use squall_protocol::Text;
use std::fmt;

/// SCRAM-SHA-256: the client proves that it knows the password without saying it, and the server that it knows what was
/// kept of it. A server that proves nothing is left.
///
/// ```
/// use squall_client::{Authentication, ScramSha256, Settings};
/// use squall_protocol::Version;
///
/// # fn eighteen_random_bytes() -> [u8; 18] { [7; 18] }
/// let method = ScramSha256::new("user", "pencil", eighteen_random_bytes);
/// let settings = Settings::new(Version::V5_0, "c").authentication(Authentication::new(method));
/// ```
pub struct ScramSha256<R> {
    user: String,
    password: String,
    random: R,
    stage: Stage,
    /// The costly part of the last exchange: salt, iterations and what they led to.
    salted: Option<(Vec<u8>, u32, [u8; 32])>,
}

/// What was said of an exchange.
enum Stage {
    Idle,
    /// `client-first-message-bare`, with its nonce.
    Begun {
        bare: String,
        nonce: String,
    },
    /// The signature that proves the server.
    Proven {
        key: [u8; 32],
        said: String,
    },
}

impl<R> fmt::Debug for ScramSha256<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramSha256")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Fewer iterations a server that keeps the RFC does not ask for, and they would make a password easy to guess.
const FEWEST: u32 = 4096;
/// More would keep the client busy for longer than anybody waits.
const MOST: u32 = 1_000_000;

impl<R: FnMut() -> [u8; 18] + Send> ScramSha256<R> {
    /// User and password as they are: what is not ASCII has to be prepared (SASLprep) by the caller. `random` is asked once
    /// for each exchange, for bytes that nobody can guess and that never come again.
    #[must_use]
    pub fn new(user: impl Into<String>, password: impl Into<String>, random: R) -> Self {
        Self {
            user: user.into(),
            password: password.into(),
            random,
            stage: Stage::Idle,
            salted: None,
        }
    }

    fn salted(&mut self, salt: Vec<u8>, iterations: u32) -> [u8; 32] {
        match &self.salted {
            Some((s, i, salted)) if (s, *i) == (&salt, iterations) => *salted,
            _ => {
                let password = self.password.as_bytes();
                let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password, &salt, iterations);
                self.salted = Some((salt, iterations, salted));
                salted
            }
        }
    }

    /// `client-final-message`, for what the server said first.
    fn prove(&mut self, bare: &str, nonce: &str, server: &str) -> Result<String, String> {
        let mut attributes = server.split(',');
        let mut attribute = |name: &str| attributes.next().and_then(|a| a.strip_prefix(name));
        let parts = (attribute("r="), attribute("s="), attribute("i="));
        let (Some(both), Some(salt), Some(iterations)) = parts else {
            return Err("the server's first message is none of SCRAM".to_owned());
        };
        if !both.starts_with(nonce) || both.len() == nonce.len() {
            return Err("the server does not go on with the client's nonce".to_owned());
        }
        let salt = Base64::decode_vec(salt).map_err(|_| "the salt is no base64".to_owned())?;
        let iterations: u32 = iterations.parse().unwrap_or(0);
        if !(FEWEST..=MOST).contains(&iterations) {
            return Err(format!(
                "{iterations} iterations; {FEWEST} to {MOST} are taken"
            ));
        }
        let salted = self.salted(salt, iterations);
        let client_key = hmac(&salted, b"Client Key");
        // No channel binding: `n,,`.
        let without = format!("c=biws,r={both}");
        let said = format!("{bare},{server},{without}");
        let stored_key: [u8; 32] = Sha256::digest(client_key).into();
        let mut proof = hmac(&stored_key, said.as_bytes());
        proof.iter_mut().zip(client_key).for_each(|(p, k)| *p ^= k);
        let key = hmac(&salted, b"Server Key");
        self.stage = Stage::Proven { key, said };
        Ok(format!("{without},p={}", Base64::encode_string(&proof)))
    }
}

impl<R: FnMut() -> [u8; 18] + Send> Method for ScramSha256<R> {
    fn name(&self) -> Text {
        Text::from("SCRAM-SHA-256")
    }

    fn begin(&mut self) -> Option<Bytes> {
        let nonce = Base64::encode_string(&(self.random)());
        let user = self.user.replace('=', "=3D").replace(',', "=2C");
        let bare = format!("n={user},r={nonce}");
        let first = format!("n,,{bare}");
        self.stage = Stage::Begun { bare, nonce };
        Some(first.into())
    }

    fn answer(&mut self, data: Option<&[u8]>) -> Result<Option<Bytes>, String> {
        let Stage::Begun { bare, nonce } = std::mem::replace(&mut self.stage, Stage::Idle) else {
            return Err("the server asks for more than SCRAM has to say".to_owned());
        };
        let server = data.and_then(|data| std::str::from_utf8(data).ok());
        let server = server.ok_or("the server's first message is no text")?;
        self.prove(&bare, &nonce, server)
            .map(|answer| Some(answer.into()))
    }

    fn finish(&mut self, data: Option<&[u8]>) -> Result<(), String> {
        let Stage::Proven { key, said } = std::mem::replace(&mut self.stage, Stage::Idle) else {
            return Err("the server accepts what was not proven".to_owned());
        };
        let last = data
            .and_then(|data| std::str::from_utf8(data).ok())
            .unwrap_or_default();
        let signature = last.split(',').next().and_then(|a| a.strip_prefix("v="));
        let signature = signature.and_then(|v| Base64::decode_vec(v).ok());
        let proven = mac(&key, said.as_bytes()).verify_slice(&signature.unwrap_or_default());
        proven.map_err(|_| "the server does not prove that it knows the password".to_owned())
    }
}

fn mac(key: &[u8], bytes: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    mac.update(bytes);
    mac
}

fn hmac(key: &[u8], bytes: &[u8]) -> [u8; 32] {
    mac(key, bytes).finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER_FIRST: &str =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    /// At the place of the RFC's example, whose nonce is no base64.
    fn begun() -> ScramSha256<fn() -> [u8; 18]> {
        let mut scram = ScramSha256::new("user", "pencil", (|| [0; 18]) as fn() -> [u8; 18]);
        scram.begin();
        scram.stage = Stage::Begun {
            bare: "n=user,r=rOprNGfwEbeRWgbNEkqO".to_owned(),
            nonce: "rOprNGfwEbeRWgbNEkqO".to_owned(),
        };
        scram
    }

    #[test]
    fn the_example_of_rfc_7677() {
        let mut scram = begun();
        let answer = scram
            .answer(Some(SERVER_FIRST.as_bytes()))
            .unwrap()
            .unwrap();
        assert_eq!(
            answer,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert_eq!(scram.finish(Some(SERVER_FINAL.as_bytes())), Ok(()));
    }

    #[test]
    fn a_server_that_proves_nothing_is_not_accepted() {
        for last in [
            None,
            Some(&b""[..]),
            Some(b"v=6rriTRBi"),
            Some(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5="),
        ] {
            let mut scram = begun();
            scram.answer(Some(SERVER_FIRST.as_bytes())).unwrap();
            assert!(scram.finish(last).is_err(), "{last:?}");
        }
        assert!(
            begun().finish(Some(SERVER_FINAL.as_bytes())).is_err(),
            "before any proof"
        );
    }

    #[test]
    fn what_a_server_must_not_ask_is_not_answered() {
        for first in [
            "",
            "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=somebody else's,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=?,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4000000000",
        ] {
            assert!(begun().answer(Some(first.as_bytes())).is_err(), "{first}");
        }
        let mut twice = begun();
        twice.answer(Some(SERVER_FIRST.as_bytes())).unwrap();
        assert!(twice.answer(Some(SERVER_FIRST.as_bytes())).is_err());
    }

    #[test]
    fn a_name_is_written_so_that_it_can_be_read() {
        let mut scram = ScramSha256::new("a,b=c", "x", || [0; 18]);
        let first = scram.begin().unwrap();
        assert_eq!(first, "n,,n=a=2Cb=3Dc,r=AAAAAAAAAAAAAAAAAAAAAAAA");
    }
}
