//! The frames of a client, taken apart as they come (RFC 6455, section 5). Nothing of a message is kept, however long it
//! says that it will be: a stranger who begins one and stops costs no more than one who says nothing.

use std::{fmt, mem};

/// Where somebody is in what a client sends.
#[derive(Debug, Default)]
pub(super) struct Frames {
    state: State,
    /// A message has begun, and its last frame has not come.
    in_message: bool,
}

#[derive(Debug)]
enum State {
    /// So much of the head of a frame has come.
    Head { bytes: [u8; HEAD], count: usize },
    /// In the payload of a frame of MQTT.
    Data { left: u64, mask: Mask },
    /// In the payload of a frame about the connection.
    Control {
        kind: u8,
        payload: Vec<u8>,
        left: usize,
        mask: Mask,
    },
}

impl Default for State {
    fn default() -> Self {
        Self::Head {
            bytes: [0; HEAD],
            count: 0,
        }
    }
}

/// What a client masks its payload with, and how far it is.
#[derive(Debug)]
struct Mask {
    key: [u8; 4],
    at: usize,
}

impl Mask {
    fn lift(&mut self, bytes: &mut [u8]) {
        for (n, byte) in bytes.iter_mut().enumerate() {
            *byte ^= self.key[(self.at + n) % 4];
        }
        self.at = (self.at + bytes.len()) % 4;
    }
}

/// Something other than bytes of MQTT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// It asks whether we are there, and wants this back.
    Ping(Vec<u8>),
    /// It closes the connection, with this code if it says one.
    Close(Option<u16>),
}

/// What a client sends and must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Another data frame than a binary one.
    Text,
    /// A rule of RFC 6455 is broken; how.
    Broken(&'static str),
}

impl Fault {
    /// The code of the Close frame that it is answered with (RFC 6455, section 7.4.1).
    pub(super) const fn code(self) -> u16 {
        match self {
            Self::Text => UNSUPPORTED,
            Self::Broken(_) => PROTOCOL_ERROR,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Who gets another data frame than a binary one closes the connection [MQTT-6.0.0-1].
            Self::Text => f.write_str(
                "the client sends a WebSocket frame of text, where MQTT asks for binary ones [MQTT-6.0.0-1]; have it send bytes, not strings",
            ),
            Self::Broken(how) => write!(f, "the client does not speak WebSocket as RFC 6455 says: {how}"),
        }
    }
}

/// What came of some bytes.
#[derive(Debug, Default)]
pub(super) struct Came {
    /// Bytes of MQTT, which stand at the beginning of what was given.
    pub(super) data: usize,
    /// What the last ping wants back.
    pub(super) ping: Option<Vec<u8>>,
    /// Nothing that comes later counts.
    pub(super) end: Option<End>,
}

/// How a client's frames end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client closes, with this code if it says one.
    Closed(Option<u16>),
    /// It has broken a rule.
    Fault(Fault),
}

/// The longest head: two bytes, eight for a length, four for a mask.
const HEAD: usize = 14;
/// The most that a frame about the connection may carry (RFC 6455, section 5.5).
const MOST_CONTROL: u64 = 125;
pub(super) const NORMAL: u16 = 1000;
const PROTOCOL_ERROR: u16 = 1002;
const UNSUPPORTED: u16 = 1003;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const KIND: u8 = 0x0F;
const MORE: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

impl Frames {
    /// Takes apart what has come, and moves the bytes of MQTT in it to the front. A packet may come in many frames, and a
    /// frame may hold many packets [MQTT-6.0.0-2]: where frames begin and end means nothing.
    pub(super) fn take(&mut self, bytes: &mut [u8]) -> Came {
        let mut came = Came::default();
        let mut at = 0;
        while at < bytes.len() {
            let step = match &mut self.state {
                State::Head { .. } => self.head(bytes[at]).map(|()| 1),
                State::Data { left, mask } => {
                    let count = usize::try_from(*left)
                        .unwrap_or(usize::MAX)
                        .min(bytes.len() - at);
                    bytes.copy_within(at..at + count, came.data);
                    mask.lift(&mut bytes[came.data..came.data + count]);
                    came.data += count;
                    *left -= count as u64;
                    Ok(count)
                }
                State::Control {
                    payload,
                    left,
                    mask,
                    ..
                } => {
                    let count = (*left).min(bytes.len() - at);
                    let begun = payload.len();
                    payload.extend(&bytes[at..at + count]);
                    mask.lift(&mut payload[begun..]);
                    *left -= count;
                    Ok(count)
                }
            };
            at += match step {
                Ok(count) => count,
                Err(fault) => {
                    came.end = Some(End::Fault(fault));
                    return came;
                }
            };
            match self.over() {
                None => {}
                Some(Ok(Word::Ping(payload))) => came.ping = Some(payload),
                Some(Ok(Word::Close(code))) => {
                    came.end = Some(End::Closed(code));
                    return came;
                }
                Some(Err(fault)) => {
                    came.end = Some(End::Fault(fault));
                    return came;
                }
            }
        }
        came
    }

    /// Takes the next byte of a head.
    fn head(&mut self, byte: u8) -> Result<(), Fault> {
        let State::Head { bytes, count } = &mut self.state else {
            return Ok(());
        };
        bytes[*count] = byte;
        *count += 1;
        let (bytes, count) = (*bytes, *count);
        // What is wrong is refused as soon as it can be seen.
        match count {
            1 => self.first(byte)?,
            2 => second(bytes[0], byte)?,
            _ => {}
        }
        let lengths = match bytes[1] & 0x7F {
            _ if count < 2 => return Ok(()),
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if count < 2 + lengths + 4 {
            return Ok(());
        }
        let length = match lengths {
            0 => u64::from(bytes[1] & 0x7F),
            _ => bytes[2..2 + lengths]
                .iter()
                .fold(0, |length, byte| length << 8 | u64::from(*byte)),
        };
        if length > i64::MAX as u64 {
            return Err(Fault::Broken("a length has more than 63 bits"));
        }
        let mut key = [0; 4];
        key.copy_from_slice(&bytes[count - 4..count]);
        let mask = Mask { key, at: 0 };
        self.state = match bytes[0] & KIND {
            kind @ (CLOSE | PING | PONG) => State::Control {
                kind,
                payload: Vec::new(),
                left: length as usize,
                mask,
            },
            _ => {
                self.in_message = bytes[0] & FIN == 0;
                State::Data { left: length, mask }
            }
        };
        Ok(())
    }

    /// Whether a frame may begin so.
    fn first(&self, byte: u8) -> Result<(), Fault> {
        let fault = match byte & KIND {
            _ if byte & RESERVED != 0 => "a reserved bit of a frame is set",
            MORE if !self.in_message => "the rest of a message comes that never began",
            MORE => return Ok(()),
            TEXT => return Err(Fault::Text),
            BINARY if self.in_message => "a message begins inside of another",
            BINARY => return Ok(()),
            CLOSE | PING | PONG if byte & FIN == 0 => "a frame about the connection is cut",
            CLOSE | PING | PONG => return Ok(()),
            _ => "a frame is of a kind that is reserved",
        };
        Err(Fault::Broken(fault))
    }

    /// What has been said, if a frame is over; then the next one begins.
    fn over(&mut self) -> Option<Result<Word, Fault>> {
        match &self.state {
            State::Data { left: 0, .. } | State::Control { left: 0, .. } => {}
            _ => return None,
        }
        match mem::take(&mut self.state) {
            State::Control {
                kind: PING,
                payload,
                ..
            } => Some(Ok(Word::Ping(payload))),
            State::Control {
                kind: CLOSE,
                payload,
                ..
            } => Some(closing(&payload)),
            _ => None,
        }
    }
}

/// Whether a head may go on so.
fn second(first: u8, byte: u8) -> Result<(), Fault> {
    if byte & 0x80 == 0 {
        return Err(Fault::Broken("a client does not mask what it sends"));
    }
    let is_control = first & 0x8 != 0;
    if is_control && u64::from(byte & 0x7F) > MOST_CONTROL {
        return Err(Fault::Broken("a frame about the connection is too long"));
    }
    Ok(())
}

/// What a Close frame says (RFC 6455, sections 5.5.1 and 7.4).
fn closing(payload: &[u8]) -> Result<Word, Fault> {
    let code = match payload {
        [] => return Ok(Word::Close(None)),
        [_] => return Err(Fault::Broken("half of a code to close with")),
        [high, low, ..] => u16::from_be_bytes([*high, *low]),
    };
    match code {
        1000..=1003 | 1007..=1014 | 3000..=4999 => Ok(Word::Close(Some(code))),
        _ => Err(Fault::Broken("a code to close with that nobody may send")),
    }
}

/// The head of a server's frame of MQTT, of this length.
pub(super) fn data_head(out: &mut Vec<u8>, length: usize) {
    out.push(FIN | BINARY);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(n @ 0..=125), _) => out.push(n),
        (_, Ok(n)) => {
            out.push(126);
            out.extend(n.to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend((length as u64).to_be_bytes());
        }
    }
}

/// A server's answer to a ping; it carries at most 125 bytes, as the ping does.
pub(super) fn pong(out: &mut Vec<u8>, payload: &[u8]) {
    control(out, PONG, payload);
}

/// A server's Close frame.
pub(super) fn close(out: &mut Vec<u8>, code: Option<u16>) {
    match code {
        Some(code) => control(out, CLOSE, &code.to_be_bytes()),
        None => control(out, CLOSE, &[]),
    }
}

fn control(out: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    out.extend([FIN | kind, payload.len() as u8]);
    out.extend(payload);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A frame of a client.
    fn frame(first: u8, payload: &[u8], key: [u8; 4]) -> Vec<u8> {
        let mut out = Vec::new();
        data_head(&mut out, payload.len());
        out[0] = first;
        out[1] |= 0x80;
        out.extend(key);
        let begun = out.len();
        out.extend(payload);
        Mask { key, at: 0 }.lift(&mut out[begun..]);
        out
    }

    /// What comes of the bytes when they arrive in pieces that end here: data, pings that were not overtaken, and the end.
    fn taken(bytes: &[u8], cuts: &[usize]) -> (Vec<u8>, Option<Vec<u8>>, Option<End>) {
        let mut frames = Frames::default();
        let (mut data, mut ping, mut rest) = (Vec::new(), None, bytes);
        for cut in cuts.iter().chain([&usize::MAX]) {
            let (now, later) = rest.split_at(rest.len().min(*cut));
            rest = later;
            let mut now = now.to_vec();
            let came = frames.take(&mut now);
            data.extend(&now[..came.data]);
            ping = came.ping.or(ping);
            if came.end.is_some() {
                return (data, ping, came.end);
            }
        }
        (data, ping, None)
    }

    fn any_frame() -> impl Strategy<Value = (u8, Vec<u8>, [u8; 4])> {
        let kind = prop_oneof![
            8 => Just(FIN | BINARY),
            4 => prop_oneof![Just(BINARY), Just(MORE), Just(FIN | MORE)],
            4 => prop_oneof![Just(FIN | PING), Just(FIN | PONG)],
            1 => any::<u8>(),
        ];
        let length = prop_oneof![0..10_usize, 120..130_usize, 65_530..65_540_usize];
        let payload = length.prop_map(|n| (0..n).map(|n| (n * 7) as u8).collect());
        (kind, payload, any::<[u8; 4]>())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]
        #[test]
        fn where_bytes_are_cut_means_nothing(
            all in prop::collection::vec(any_frame(), 1..6),
            cuts in prop::collection::vec(0..40_usize, 0..60),
        ) {
            let bytes: Vec<u8> = all.iter().flat_map(|(f, p, k)| frame(*f, p, *k)).collect();
            prop_assert_eq!(taken(&bytes, &cuts), taken(&bytes, &[]));
        }

        #[test]
        fn bytes_in_binary_messages_are_the_data(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..8),
            key in any::<[u8; 4]>(),
        ) {
            let last = parts.len() - 1;
            let kind = |n: usize| {
                let first = if n == 0 { BINARY } else { MORE };
                if n == last { first | FIN } else { first }
            };
            let message: Vec<u8> = parts.iter().enumerate().flat_map(|(n, p)| frame(kind(n), p, key)).collect();
            prop_assert_eq!(taken(&message.repeat(2), &[]), (parts.concat().repeat(2), None, None));
        }

        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            taken(&bytes, &[1; 200]);
        }
    }

    #[test]
    fn what_a_client_closes_with_is_read() {
        let close = |payload: &[u8]| taken(&frame(FIN | CLOSE, payload, [7; 4]), &[]).2;
        assert_eq!(close(b""), Some(End::Closed(None)));
        assert_eq!(close(b"\x03\xE8bye"), Some(End::Closed(Some(1000))));
        for wrong in [&b"\x03"[..], b"\x03\xED", b"\x00\x00", b"\xFF\xFF"] {
            assert!(
                matches!(close(wrong), Some(End::Fault(Fault::Broken(_)))),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_refused_at_the_first_byte_that_shows_it() {
        for (bytes, code) in [
            (&[FIN | TEXT][..], 1003),
            (&[TEXT], 1003),
            (&[FIN | 0x40 | BINARY], 1002),
            (&[FIN | 0x3], 1002),
            (&[FIN | 0xB], 1002),
            (&[PING], 1002),
            (&[FIN | MORE], 1002),
            (&[FIN | BINARY, 0x00], 1002),
            (&[FIN | PING, 0xFE], 1002),
        ] {
            let (before, last) = bytes.split_at(bytes.len() - 1);
            assert_eq!(taken(before, &[]).2, None, "{bytes:?}");
            let Some(End::Fault(fault)) = taken(&[before, last].concat(), &[]).2 else {
                panic!("{bytes:?} are taken");
            };
            assert_eq!(fault.code(), code, "{bytes:?}");
        }
    }
}
