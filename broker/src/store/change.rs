//! What of a broker's state is to outlive it, in rows: which there are, and how one changes.

use bytes::{BufMut, Bytes};
use std::fmt;

/// Which row of the state a [`Change`] is about. The number of a session or a message is never another's while a store
/// has a row that names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// An application message, for as long as another row names it.
    Message(u64),
    /// A session, with how long it lives. One that ends with its connection is there only while its client has a will.
    Session(u64),
    /// A subscription of a session: whether it is shared, and its topic filter.
    Subscription(u64, bool, String),
    /// A message of a session that waits: its place in the queue.
    Waiting(u64, u64),
    /// The retained messages that a subscription of a session found and that wait, in the order of subscribing.
    Found(u64, u64),
    /// A packet identifier of a session in use: a message to its client that is not finished [X-5.0-session-4].
    Flow(u64, u16),
    /// A packet identifier of a client between PUBREC and PUBREL [X-5.0-session-4].
    Received(u64, u16),
    /// The retained message of a topic.
    Retained(String),
    /// The will of a session's client.
    Will(u64),
}

/// A row that is new, has another value, or is gone.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// Which one.
    pub key: Key,
    /// What it says from now on; `None` when it is gone.
    pub value: Option<Bytes>,
    /// No row of this key is there before the change.
    pub is_new: bool,
}

/// Values can be large, and hold what clients say.
impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{:?} = {} bytes", self.key, value.len()),
            None => write!(f, "{:?} gone", self.key),
        }
    }
}

impl Key {
    /// The bytes of a key in a store, in the order of keys.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(24);
        match self {
            Self::Message(n) => numbered(&mut bytes, 1, *n),
            Self::Session(n) => numbered(&mut bytes, 2, *n),
            Self::Subscription(n, shared, filter) => {
                numbered(&mut bytes, 3, *n);
                bytes.put_u8((*shared).into());
                bytes.put_slice(filter.as_bytes());
            }
            Self::Waiting(n, place) => {
                numbered(&mut bytes, 4, *n);
                bytes.put_u64(*place);
            }
            Self::Found(n, place) => {
                numbered(&mut bytes, 5, *n);
                bytes.put_u64(*place);
            }
            Self::Flow(n, id) => {
                numbered(&mut bytes, 6, *n);
                bytes.put_u16(*id);
            }
            Self::Received(n, id) => {
                numbered(&mut bytes, 7, *n);
                bytes.put_u16(*id);
            }
            Self::Retained(topic) => {
                bytes.put_u8(8);
                bytes.put_slice(topic.as_bytes());
            }
            Self::Will(n) => numbered(&mut bytes, 9, *n),
        }
        bytes
    }

    /// The key of these bytes, if they are one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&kind, rest) = bytes.split_first()?;
        if kind == 8 {
            return Some(Self::Retained(text(rest)?));
        }
        let (number, rest) = rest.split_first_chunk()?;
        let number = u64::from_be_bytes(*number);
        let place = || Some(u64::from_be_bytes(rest.try_into().ok()?));
        let id = || Some(u16::from_be_bytes(rest.try_into().ok()?));
        Some(match kind {
            1 if rest.is_empty() => Self::Message(number),
            2 if rest.is_empty() => Self::Session(number),
            3 => {
                let (&shared, filter) = rest.split_first()?;
                Self::Subscription(number, shared != 0, text(filter)?)
            }
            4 => Self::Waiting(number, place()?),
            5 => Self::Found(number, place()?),
            6 => Self::Flow(number, id()?),
            7 => Self::Received(number, id()?),
            9 if rest.is_empty() => Self::Will(number),
            _ => return None,
        })
    }
}

fn numbered(bytes: &mut Vec<u8>, kind: u8, number: u64) {
    bytes.put_u8(kind);
    bytes.put_u64(number);
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_key_say_which_it_is_and_keep_the_order() {
        let mut keys = vec![
            Key::Message(3),
            Key::Session(1),
            Key::Subscription(1, true, "$share/g/a/#".into()),
            Key::Subscription(1, false, "ä/+".into()),
            Key::Waiting(1, 256),
            Key::Waiting(1, 1),
            Key::Found(1, 2),
            Key::Flow(1, 65_535),
            Key::Received(1, 256),
            Key::Retained("t".into()),
            Key::Will(1),
        ];
        keys.sort();
        let bytes: Vec<_> = keys.iter().map(Key::to_bytes).collect();
        assert!(bytes.is_sorted());
        for (key, bytes) in keys.iter().zip(&bytes) {
            assert_eq!(Key::from_bytes(bytes).as_ref(), Some(key));
        }
        for wrong in [
            &b""[..],
            b"\x01",
            b"\x04\0\0\0\0\0\0\0\x01",
            b"\x07a",
            b"\x08\xff",
        ] {
            assert_eq!(Key::from_bytes(wrong), None, "{wrong:?}");
        }
    }
}
