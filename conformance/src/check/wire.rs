//! Packets that no encoder of good manners writes.
//!
//! Bytes only: what a server has to make of them is the business of the checks.

use crate::{
    cx::Cx,
    ledger::session,
    outcome::{Outcome, inconclusive},
    target::credentials::Secret,
};
use bytes::Bytes;
use squall_protocol::{Packet, encode};

/// A control packet with this first byte and body; the length fits.
pub(super) fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut left = body.len();
    loop {
        let more = if left > 0x7F { 0x80 } else { 0 };
        bytes.push((left & 0x7F) as u8 | more);
        left >>= 7;
        if left == 0 {
            break;
        }
    }
    bytes.extend(body);
    bytes
}

/// A length-prefixed field.
pub(super) fn field(bytes: &[u8]) -> Vec<u8> {
    let mut out = (bytes.len() as u16).to_be_bytes().to_vec();
    out.extend(bytes);
    out
}

/// Parts, one after the other.
pub(super) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// What stands where 5.0 has properties: their length and bytes; nothing in 3.1.1.
pub(super) fn properties(cx: &Cx, bytes: &[u8]) -> Vec<u8> {
    match cx.five() {
        false => Vec::new(),
        true => join(&[&[bytes.len() as u8], bytes]),
    }
}

/// The bytes of a packet as it should be.
pub(super) fn good(cx: &Cx, packet: &Packet) -> Result<Vec<u8>, Outcome> {
    let bytes = encode(packet, cx.version).map_err(|error| inconclusive(error.to_string()))?;
    Ok(bytes.to_vec())
}

/// The parts of a CONNECT, to be spoilt one by one.
pub(super) struct RawConnect {
    id: String,
    pub(super) name: Vec<u8>,
    pub(super) level: u8,
    pub(super) flags: u8,
    pub(super) keep_alive: u16,
    /// Properties without their length (5.0).
    pub(super) properties: Vec<u8>,
    /// Everything after the properties, up to the credentials.
    pub(super) payload: Vec<u8>,
    /// What stands after the last field.
    surplus: Vec<u8>,
    /// Nothing stands after the payload, as it breaks off.
    broken_off: bool,
}

impl RawConnect {
    /// A correct one with a clean session.
    pub(super) fn new(cx: &Cx) -> Self {
        let id = cx.id();
        Self {
            name: b"MQTT".to_vec(),
            level: cx.version.level(),
            flags: 0x02,
            keep_alive: 60,
            properties: Vec::new(),
            payload: field(id.as_bytes()),
            surplus: Vec::new(),
            broken_off: false,
            id,
        }
    }

    /// With these flags besides Clean Session.
    pub(super) fn flags(mut self, flags: u8) -> Self {
        self.flags |= flags;
        self
    }

    /// A server that takes it keeps a session, which ends after the check.
    pub(super) fn kept(self, cx: &Cx) -> Self {
        let id = Bytes::copy_from_slice(self.id.as_bytes());
        cx.will_leave(session(id, cx.version));
        self
    }

    /// The payload ends where it ends now: clients that say credentials say none here.
    pub(super) fn breaks_off(mut self) -> Self {
        self.broken_off = true;
        self
    }

    /// With this after the last field.
    pub(super) fn surplus(mut self, bytes: &[u8]) -> Self {
        self.surplus = bytes.to_vec();
        self
    }

    /// With this after what the payload has.
    pub(super) fn more(mut self, bytes: &[u8]) -> Self {
        self.payload.extend(bytes);
        self
    }

    /// With this as the whole payload.
    pub(super) fn payload(mut self, bytes: &[u8]) -> Self {
        self.payload = bytes.to_vec();
        self
    }

    /// With these properties.
    pub(super) fn properties(mut self, bytes: &[u8]) -> Self {
        self.properties = bytes.to_vec();
        self
    }

    /// The will fields: empty will properties (5.0), topic and payload.
    pub(super) fn will(self, cx: &Cx, topic: &[u8]) -> Self {
        let empty = properties(cx, &[]);
        self.more(&join(&[&empty, &field(topic), &field(b"will")]))
    }

    pub(super) fn bytes(&self, cx: &Cx) -> Vec<u8> {
        packet(0x10, &self.body(cx))
    }

    /// The credentials of the checks' clients stand in it, where it has none of its own: a server that refuses it shall
    /// refuse what is broken, and not the client.
    pub(super) fn body(&self, cx: &Cx) -> Vec<u8> {
        let own = self.flags & 0xC0 != 0 || self.broken_off;
        let login = cx.env.credentials.as_ref().filter(|_| !own);
        let (flags, login) = login.map_or((0, Vec::new()), |c| c.fields());
        join(&[
            &field(&self.name),
            &[self.level, self.flags | flags],
            &self.keep_alive.to_be_bytes(),
            &properties(cx, &self.properties),
            &self.payload,
            &login,
            &self.surplus,
        ])
    }
}
