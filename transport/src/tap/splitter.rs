//! Where packets begin and end in one direction of a stream.

/// The most bytes of a Fixed Header.
const HEADER: usize = 5;

/// Finds where packets begin and end.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    /// The Fixed Header of the packet under way, as far as it came.
    header: [u8; HEADER],
    /// Bytes of the packet under way that came.
    came: usize,
    /// The half of a packet of two or three bytes was told.
    halved: bool,
    /// Its length with the Fixed Header, once that is known.
    length: Option<usize>,
}

/// Bytes that were taken: not beyond the half of a packet, and not beyond its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) taken: usize,
    /// The first byte of their packet.
    pub(super) first: u8,
    /// The first half of the packet ends here.
    pub(super) half: bool,
    /// The packet ends here.
    pub(super) whole: bool,
}

impl Splitter {
    /// The first byte of a packet, if this one begins one.
    pub(super) const fn starts(&self, byte: u8) -> Option<u8> {
        match self.came {
            0 => Some(byte),
            _ => None,
        }
    }

    /// Takes some bytes of at least one; none when the half of a packet turns out to lie before them.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Step {
        let before = self.came;
        let mut taken = 0;
        while self.length.is_none() && taken < bytes.len() {
            // Half of the smallest packets is their first byte, which came before their length is known.
            if self.came == 1 && bytes[taken] <= 1 && !self.halved {
                self.halved = taken == 0;
                return self.step(taken, taken == 0, false);
            }
            self.header[self.came] = bytes[taken];
            self.came += 1;
            taken += 1;
            let last = self.header[self.came - 1];
            // A length of more than four bytes is not MQTT: whoever decodes it says so, here it ends the header.
            if self.came > 1 && (last & 0x80 == 0 || self.came == HEADER) {
                self.length = Some(self.came + remaining_length(&self.header[1..self.came]));
            }
        }
        let Some(length) = self.length else {
            return self.step(taken, false, false);
        };
        let half = length / 2;
        let until = if before < half { half } else { length };
        let more = until.saturating_sub(self.came).min(bytes.len() - taken);
        self.came += more;
        taken += more;
        let (halved, whole) = (before < half && self.came == half, self.came == length);
        let step = self.step(taken, halved, whole);
        if whole {
            *self = Self::default();
        }
        step
    }

    const fn step(&self, taken: usize, half: bool, whole: bool) -> Step {
        Step {
            taken,
            first: self.header[0],
            half,
            whole,
        }
    }
}

fn remaining_length(bytes: &[u8]) -> usize {
    let digits = bytes.iter().rev();
    digits.fold(0, |length, byte| length << 7 | usize::from(byte & 0x7F))
}
