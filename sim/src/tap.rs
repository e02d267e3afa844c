//! Faults at an exact point of the conversation: the tap sits on a client's byte stream and watches the packets.
//!
//! It only decides: how many of the bytes may pass, and whether the connection dies here. The worlds carry it out.
//! It knows no time and no payloads, only where packets begin and end.

use squall_protocol::{PacketType, Role};
use squall_scenarios::model::{CutBy, CutPoint};
use std::collections::BTreeMap;

/// Watches one client's connections.
#[derive(Debug, Default)]
pub struct Tap {
    armed: Vec<Armed>,
    /// What became of those that wait no more.
    over: BTreeMap<usize, Waited>,
    /// Whole packets that went by, in both directions.
    packets: u64,
    up: Splitter,
    down: Splitter,
}

#[derive(Debug)]
struct Armed {
    /// How many were armed before.
    number: usize,
    point: CutPoint,
    by: CutBy,
    seen: u32,
    /// Packets that had gone by.
    packets_before: u64,
}

/// What an armed point saw while it waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waited {
    /// Packets of its kind that went by.
    pub seen: u32,
    /// Packets of any kind.
    pub packets: u64,
    /// It was reached.
    pub bit: bool,
}

/// What the tap lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// How many of the bytes pass, from the beginning.
    pub bytes: usize,
    /// The connection dies behind them.
    pub cut: Option<Cut>,
}

/// A cut that bites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// How the connection dies.
    pub by: CutBy,
    /// The packet at which it dies; none for a cut at a time.
    pub packet: Option<PacketType>,
}

impl Tap {
    /// A tap that lets everything pass.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for a point of the conversation, on this connection or a later one, and cuts there once.
    pub fn arm(&mut self, point: CutPoint, by: CutBy) {
        self.armed.push(Armed {
            number: self.armed.len() + self.over.len(),
            point,
            by,
            seen: 0,
            packets_before: self.packets,
        });
    }

    /// Forgets every point.
    pub fn disarm(&mut self) {
        for armed in std::mem::take(&mut self.armed) {
            self.over(&armed, false);
        }
    }

    fn over(&mut self, armed: &Armed, bit: bool) {
        let waited = armed.waited(self.packets, bit);
        self.over.insert(armed.number, waited);
    }

    /// What each point saw that was ever armed, in the order in which they were armed.
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

    /// Bytes go by. `from` is who sent them.
    pub fn pass(&mut self, from: Role, bytes: &[u8]) -> Passage {
        let mut at = 0;
        while at < bytes.len() {
            let splitter = if from == Role::Client {
                &mut self.up
            } else {
                &mut self.down
            };
            if splitter.at_start()
                && let Some(cut) = self.matching(from, bytes[at], false)
            {
                return Passage {
                    bytes: at,
                    cut: Some(cut),
                };
            }
            let splitter = if from == Role::Client {
                &mut self.up
            } else {
                &mut self.down
            };
            let (taken, finished) = splitter.take(&bytes[at..]);
            at += taken;
            self.packets += u64::from(finished.is_some());
            if let Some(first) = finished
                && let Some(cut) = self.matching(from, first, true)
            {
                return Passage {
                    bytes: at,
                    cut: Some(cut),
                };
            }
        }
        Passage {
            bytes: at,
            cut: None,
        }
    }

    /// Counts the packet with this first byte for every armed point and takes out the first that is reached.
    fn matching(&mut self, from: Role, first: u8, after: bool) -> Option<Cut> {
        let packet = PacketType::from_number(first >> 4)?;
        let mut reached = None;
        for (i, armed) in self.armed.iter_mut().enumerate() {
            let p = armed.point;
            if p.packet == packet && p.from == from && p.after == after {
                armed.seen += 1;
                if armed.seen >= p.nth && reached.is_none() {
                    reached = Some(i);
                }
            }
        }
        let armed = self.armed.remove(reached?);
        self.over(&armed, true);
        Some(Cut {
            by: armed.by,
            packet: Some(packet),
        })
    }
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

/// Finds where packets begin and end in one direction of a stream.
#[derive(Debug, Default)]
struct Splitter {
    header: Vec<u8>,
    first: u8,
    body_left: Option<usize>,
}

impl Splitter {
    fn at_start(&self) -> bool {
        self.header.is_empty() && self.body_left.is_none()
    }

    /// Takes bytes up to the end of the packet; gives its first byte when it is whole.
    fn take(&mut self, bytes: &[u8]) -> (usize, Option<u8>) {
        let mut taken = 0;
        if self.body_left.is_none() {
            for &byte in bytes {
                taken += 1;
                self.header.push(byte);
                // A length of more than four bytes is not MQTT: the decoder behind says so, here it ends the header.
                if self.header.len() > 1 && (byte & 0x80 == 0 || self.header.len() == 5) {
                    self.first = self.header[0];
                    self.body_left = Some(remaining_length(&self.header[1..]));
                    self.header.clear();
                    break;
                }
            }
        }
        let Some(left) = self.body_left else {
            return (taken, None);
        };
        let more = left.min(bytes.len() - taken);
        taken += more;
        if more == left {
            self.body_left = None;
            return (taken, Some(self.first));
        }
        self.body_left = Some(left - more);
        (taken, None)
    }
}

fn remaining_length(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .rev()
        .fold(0, |length, byte| length << 7 | usize::from(byte & 0x7F))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBREC: [u8; 4] = [0x50, 2, 0, 1];
    const PINGRESP: [u8; 2] = [0xD0, 0];

    fn point(after: bool, nth: u32) -> CutPoint {
        CutPoint {
            after,
            packet: PacketType::PubRec,
            nth,
            from: Role::Server,
        }
    }

    fn cut(by: CutBy) -> Option<Cut> {
        Some(Cut {
            by,
            packet: Some(PacketType::PubRec),
        })
    }

    #[test]
    fn cuts_behind_the_packet_and_only_once() {
        let mut tap = Tap::new();
        tap.arm(point(true, 1), CutBy::Reset);
        let bytes = [&PINGRESP[..], &PUBREC, &PINGRESP].concat();
        assert_eq!(
            tap.pass(Role::Server, &bytes),
            Passage {
                bytes: 6,
                cut: cut(CutBy::Reset)
            }
        );
        tap.begin();
        assert_eq!(
            tap.pass(Role::Server, &bytes),
            Passage {
                bytes: 8,
                cut: None
            }
        );
    }

    #[test]
    fn cuts_in_front_of_the_packet() {
        let mut tap = Tap::new();
        tap.arm(point(false, 1), CutBy::Close);
        let bytes = [&PINGRESP[..], &PUBREC].concat();
        assert_eq!(
            tap.pass(Role::Server, &bytes),
            Passage {
                bytes: 2,
                cut: cut(CutBy::Close)
            }
        );
    }

    #[test]
    fn counts_over_connections_and_ignores_the_other_direction() {
        let mut tap = Tap::new();
        tap.arm(point(true, 2), CutBy::Silence);
        assert_eq!(tap.pass(Role::Client, &PUBREC).cut, None);
        assert_eq!(tap.pass(Role::Server, &PUBREC).cut, None);
        tap.begin();
        assert_eq!(tap.pass(Role::Server, &PUBREC).cut, cut(CutBy::Silence));
    }

    #[test]
    fn any_split_of_the_bytes_cuts_at_the_same_byte() {
        let bytes = [
            &PINGRESP[..],
            &[0x30, 0x85, 0x01],
            &[7; 133],
            &PUBREC,
            &PINGRESP,
        ]
        .concat();
        for split in 1..bytes.len() {
            let mut tap = Tap::new();
            tap.arm(point(true, 1), CutBy::Reset);
            let mut passed = 0;
            for chunk in [&bytes[..split], &bytes[split..]] {
                let passage = tap.pass(Role::Server, chunk);
                passed += passage.bytes;
                if passage.cut.is_some() {
                    break;
                }
            }
            assert_eq!(passed, bytes.len() - PINGRESP.len(), "split at {split}");
        }
    }
}
