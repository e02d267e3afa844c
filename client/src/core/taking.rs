//! Messages that were delivered and wait until somebody acknowledges them by hand: in which order the answers go out,
//! and what becomes of them when the connection ends.
//!
//! It does not know packets on the wire, or whether there is a connection.

use super::message::Receipt;
use squall_protocol::{PacketId, QoS, ReasonCode};
use std::collections::{BTreeMap, VecDeque};

/// What waits, in the order in which it came on this connection; and what came on an earlier one.
#[derive(Debug, Default)]
pub(super) struct Taking {
    given: u64,
    /// QoS 1 and 2, apart: each has an order of its own [MQTT-4.6.0-2], [MQTT-4.6.0-3].
    lines: [VecDeque<Held>; 2],
    /// QoS 2 messages of an earlier connection that nobody has acknowledged: when they come again they are no news.
    away: BTreeMap<PacketId, Receipt>,
}

/// A PUBLISH that has no answer yet.
#[derive(Clone, Copy, Debug)]
struct Held {
    id: PacketId,
    dup: bool,
    /// None for one that came again [MQTT-4.3.3-10] (5.0): it is answered after the first.
    receipt: Option<Receipt>,
    said: Option<ReasonCode>,
}

/// An answer that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) id: PacketId,
    pub(super) qos: QoS,
    /// The DUP flag that the message came with.
    pub(super) dup: bool,
    pub(super) reason: ReasonCode,
}

impl Taking {
    /// How many messages wait.
    pub(super) fn len(&self) -> usize {
        self.lines.iter().map(VecDeque::len).sum::<usize>() + self.away.len()
    }

    /// A PUBLISH came that is to be delivered, unless it is known; its receipt.
    pub(super) fn hold(&mut self, id: PacketId, qos: QoS, dup: bool) -> Option<Receipt> {
        let line = &mut self.lines[usize::from(qos == QoS::ExactlyOnce)];
        let known = qos == QoS::ExactlyOnce && line.iter().any(|held| held.id == id);
        if known {
            line.push_back(Held {
                id,
                dup,
                receipt: None,
                said: Some(ReasonCode::SUCCESS),
            });
            return None;
        }
        let again = (qos == QoS::ExactlyOnce)
            .then(|| self.away.remove(&id))
            .flatten();
        let receipt = again.unwrap_or_else(|| {
            self.given += 1;
            Receipt(self.given)
        });
        line.push_back(Held {
            id,
            dup,
            receipt: Some(receipt),
            said: None,
        });
        again.is_none().then_some(receipt)
    }

    /// A QoS 2 message came again that was taken over already: it is answered when it is its turn.
    pub(super) fn repeat(&mut self, id: PacketId, dup: bool) {
        let said = Some(ReasonCode::SUCCESS);
        self.lines[1].push_back(Held {
            id,
            dup,
            receipt: None,
            said,
        });
    }

    /// Somebody has taken a message, or refuses it. Gives the identifier of a QoS 2 message that is the client's from now
    /// on although nothing can be answered: it came on an earlier connection.
    pub(super) fn say(&mut self, receipt: Receipt, reason: ReasonCode) -> Option<PacketId> {
        let mut held = self.lines.iter_mut().flatten();
        if let Some(held) = held.find(|held| held.receipt == Some(receipt)) {
            held.said.get_or_insert(reason);
            return None;
        }
        let id = self
            .away
            .iter()
            .find(|(_, r)| **r == receipt)
            .map(|(id, _)| *id)?;
        self.away.remove(&id);
        (!reason.is_error()).then_some(id)
    }

    /// The next answer that may go out.
    pub(super) fn next(&mut self) -> Option<Answer> {
        for (line, qos) in self
            .lines
            .iter_mut()
            .zip([QoS::AtLeastOnce, QoS::ExactlyOnce])
        {
            let Some(reason) = line.front().and_then(|held| held.said) else {
                continue;
            };
            let Held { id, dup, .. } = line.pop_front()?;
            if reason.is_error() {
                // What came again of a message that is refused was never taken over.
                line.retain(|held| held.id != id || held.receipt.is_some());
            }
            return Some(Answer {
                id,
                qos,
                dup,
                reason,
            });
        }
        None
    }

    /// The connection is over. What was not answered comes again: a QoS 1 message as news, a QoS 2 message not. Gives the
    /// QoS 2 messages that were taken and could not be answered: they are the client's.
    pub(super) fn part(&mut self) -> Vec<PacketId> {
        self.lines[0].clear();
        let mut taken = Vec::new();
        for held in self.lines[1].drain(..) {
            match (held.said, held.receipt) {
                (None, Some(receipt)) => {
                    self.away.insert(held.id, receipt);
                }
                (Some(reason), Some(_)) if !reason.is_error() => taken.push(held.id),
                _ => {}
            }
        }
        taken
    }

    /// The session is gone, and with it what could be answered. No receipt is given twice.
    pub(super) fn forget(&mut self) {
        self.lines = Default::default();
        self.away.clear();
    }
}
