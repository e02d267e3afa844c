//! Faults at an exact point of a conversation: a tap sits on one end of a connection and watches the packets.
//!
//! [`Tap`] only decides: how many of the bytes may pass, and whether the connection ends there. [`Shaper`] decides when
//! bytes pass and in which pieces. Both are machines without clock and socket; [`Tapped`] is their async clothing for any
//! stream. They know where packets begin and end and no more of MQTT, and whatever they do depends on the bytes alone,
//! never on how those came in pieces.

mod shape;
mod splitter;
mod tapped;
mod taps;

pub use shape::{Shape, Shaper};
pub use tapped::Tapped;
pub use taps::Taps;

use splitter::Splitter;
use squall_protocol::{PacketType, Role};
use std::collections::BTreeMap;

/// Watches the connections of one client, one after the other.
#[derive(Debug, Default)]
pub struct Tap {
    armed: Vec<Armed>,
    /// What became of those that wait no more.
    over: BTreeMap<usize, Waited>,
    up: Splitter,
    down: Splitter,
    /// Whole packets that went by, in both directions.
    packets: u64,
}

/// A place in a conversation. What is counted is counted from when it was armed, over connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At a packet.
    Packet {
        /// Which kind.
        packet: PacketType,
        /// Who sends it.
        from: Role,
        /// The how-manieth of its kind; from 1.
        nth: u32,
        /// How much of it still passes.
        part: Part,
    },
    /// After so many bytes, from 1.
    Byte {
        /// Who sends them.
        from: Role,
        /// The last byte that passes.
        nth: u64,
    },
}

/// How much of a packet passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Nothing.
    Nothing,
    /// Its first half, rounded down: a packet has at least two bytes.
    Half,
    /// All of it.
    Whole,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is reset; both ends notice.
    Reset,
    /// It is closed in order; both ends notice.
    Close,
    /// Nothing passes any more and nobody is told.
    Silence,
}

/// What the tap lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// How many of the bytes pass, from the beginning.
    pub bytes: usize,
    /// The connection ends after them.
    pub cut: Option<Cut>,
}

/// A cut that bites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// How the connection ends.
    pub by: Ending,
    /// The packet at which it ends; none for a cut at a byte or at a time.
    pub packet: Option<PacketType>,
}

/// What an armed place saw while it waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waited {
    /// Packets of its kind that went by, or bytes from its side.
    pub seen: u64,
    /// Packets of any kind, in both directions.
    pub packets: u64,
    /// It was reached.
    pub bit: bool,
}

#[derive(Debug)]
struct Armed {
    /// How many were armed before.
    number: usize,
    place: Place,
    by: Ending,
    seen: u64,
    /// Packets that had gone by.
    packets_before: u64,
}

impl Armed {
    const fn waited(&self, packets: u64, bit: bool) -> Waited {
        Waited {
            seen: self.seen,
            packets: packets - self.packets_before,
            bit,
        }
    }
}

impl Tap {
    /// A tap that lets everything pass.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for a place in the conversation, on this connection or a later one, and cuts there once.
    pub fn arm(&mut self, place: Place, by: Ending) {
        self.armed.push(Armed {
            number: self.armed.len() + self.over.len(),
            place,
            by,
            seen: 0,
            packets_before: self.packets,
        });
    }

    /// Forgets every place.
    pub fn disarm(&mut self) {
        for armed in std::mem::take(&mut self.armed) {
            let waited = armed.waited(self.packets, false);
            self.over.insert(armed.number, waited);
        }
    }

    /// What each place saw that was ever armed, in the order in which they were armed.
    #[must_use]
    pub fn waited(&self) -> Vec<Waited> {
        let waiting = self.armed.iter();
        let mut all = self.over.clone();
        all.extend(waiting.map(|armed| (armed.number, armed.waited(self.packets, false))));
        all.into_values().collect()
    }

    /// A new connection begins.
    pub fn begin(&mut self) {
        self.up = Splitter::default();
        self.down = Splitter::default();
    }

    /// Bytes go by; `from` is who sent them. After a cut nothing more passes on this connection: do not call it again
    /// before [`Self::begin`].
    pub fn pass(&mut self, from: Role, bytes: &[u8]) -> Passage {
        let mut at = 0;
        let mut cut = None;
        while at < bytes.len() && cut.is_none() {
            if let Some(first) = self.splitter(from).starts(bytes[at]) {
                cut = self.reached(from, first, Part::Nothing);
                if cut.is_some() {
                    break;
                }
            }
            let most = self.until_byte(from, bytes.len() - at);
            let step = self.splitter(from).take(&bytes[at..at + most]);
            at += step.taken;
            // Whoever wants a byte is asked first: it is the place furthest back in the stream, or the same one.
            cut = self.reached_byte(from, step.taken);
            if step.half && cut.is_none() {
                cut = self.reached(from, step.first, Part::Half);
            }
            if step.whole {
                self.packets += 1;
                if cut.is_none() {
                    cut = self.reached(from, step.first, Part::Whole);
                }
            }
        }
        Passage { bytes: at, cut }
    }

    fn splitter(&mut self, from: Role) -> &mut Splitter {
        match from {
            Role::Client => &mut self.up,
            Role::Server => &mut self.down,
        }
    }

    /// How many of the next bytes are looked at together: not more than to the first byte that somebody waits for.
    fn until_byte(&self, from: Role, next: usize) -> usize {
        let left = |armed: &Armed| match armed.place {
            Place::Byte { from: f, nth } if f == from => {
                usize::try_from(nth.saturating_sub(armed.seen)).ok()
            }
            _ => None,
        };
        let nearest = self.armed.iter().filter_map(left).min();
        nearest.map_or(next, |left| left.clamp(1, next))
    }

    fn reached_byte(&mut self, from: Role, taken: usize) -> Option<Cut> {
        let mut reached = None;
        for (i, armed) in self.armed.iter_mut().enumerate() {
            if let Place::Byte { from: f, nth } = armed.place
                && f == from
            {
                armed.seen += taken as u64;
                if armed.seen >= nth {
                    reached.get_or_insert(i);
                }
            }
        }
        self.cut(reached?, None)
    }

    /// Counts the packet with this first byte for every place at this part of it and takes out the first that is
    /// reached.
    fn reached(&mut self, from: Role, first: u8, part: Part) -> Option<Cut> {
        let kind = PacketType::from_number(first >> 4)?;
        let mut reached = None;
        for (i, armed) in self.armed.iter_mut().enumerate() {
            if let Place::Packet {
                packet,
                from: f,
                nth,
                part: p,
            } = armed.place
                && (packet, f, p) == (kind, from, part)
            {
                armed.seen += 1;
                if armed.seen >= nth.into() {
                    reached.get_or_insert(i);
                }
            }
        }
        self.cut(reached?, Some(kind))
    }

    fn cut(&mut self, armed: usize, packet: Option<PacketType>) -> Option<Cut> {
        let armed = self.armed.remove(armed);
        let waited = armed.waited(self.packets, true);
        self.over.insert(armed.number, waited);
        let by = armed.by;
        Some(Cut { by, packet })
    }
}

#[cfg(test)]
mod tests;
