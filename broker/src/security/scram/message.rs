//! What a client says in SCRAM: its two messages, read.

use base64ct::{Base64, Encoding};
use std::str::from_utf8;

/// `client-first-message`.
pub(super) struct ClientFirst {
    /// `gs2-header`.
    pub(super) header: String,
    /// `client-first-message-bare`.
    pub(super) bare: String,
    pub(super) user: String,
    pub(super) nonce: String,
}

impl ClientFirst {
    /// `None` for what is no such message, or asks for channel binding, another identity or an extension.
    pub(super) fn parse(data: &[u8]) -> Option<Self> {
        let text = from_utf8(data).ok()?;
        let (binding, rest) = text.split_once(',')?;
        let (identity, bare) = rest.split_once(',')?;
        if !matches!(binding, "n" | "y") || !identity.is_empty() {
            return None;
        }
        // Further attributes are optional extensions, of which none is known.
        let mut attributes = bare.split(',');
        let user = attributes.next()?.strip_prefix("n=")?;
        let nonce = attributes.next()?.strip_prefix("r=")?;
        Some(Self {
            header: format!("{binding},,"),
            user: name(user)?,
            nonce: Some(nonce).filter(|nonce| is_nonce(nonce))?.to_owned(),
            bare: bare.to_owned(),
        })
    }
}

/// `client-final-message`.
pub(super) struct ClientFinal {
    /// `client-final-message-without-proof`.
    pub(super) without_proof: String,
    /// The value of `c`.
    pub(super) header: String,
    pub(super) nonce: String,
    pub(super) proof: [u8; 32],
}

impl ClientFinal {
    /// `None` for what is no such message.
    pub(super) fn parse(data: &[u8]) -> Option<Self> {
        let text = from_utf8(data).ok()?;
        let (without_proof, proof) = text.rsplit_once(",p=")?;
        let mut attributes = without_proof.split(',');
        let header = attributes.next()?.strip_prefix("c=")?;
        let nonce = attributes.next()?.strip_prefix("r=")?;
        Some(Self {
            header: header.to_owned(),
            nonce: nonce.to_owned(),
            proof: Base64::decode_vec(proof).ok()?.try_into().ok()?,
            without_proof: without_proof.to_owned(),
        })
    }
}

/// Printable ASCII without a comma.
fn is_nonce(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| (0x21..0x7F).contains(&b) && b != b',')
}

/// `saslname`: a comma is written `=2C`, an equals sign `=3D`.
fn name(text: &str) -> Option<String> {
    let mut parts = text.split('=');
    let mut name = parts.next()?.to_owned();
    for part in parts {
        let (sign, rest) = match (part.strip_prefix("2C"), part.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return None,
        };
        name.push(sign);
        name.push_str(rest);
    }
    let clean = !name.is_empty() && !name.contains(char::is_control);
    clean.then_some(name)
}
