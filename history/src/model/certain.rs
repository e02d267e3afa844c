//! What is certain of the server where only the clients' ends are seen: it had heard what it answered, it had the
//! connection open when it did so, and it had a message before it sent that on.

use super::index::Mark;
use squall_protocol::{Packet, PacketType, QoS, Time};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// What is certain of the server's end of a connection.
#[derive(Clone, Debug, Default)]
pub struct Certain {
    /// The client's latest packet that the server certainly heard, because it answered it here: when it was sent.
    pub heard: Option<Mark>,
    /// The latest moment at which the server certainly had the connection open: that of `heard`, or when a message was
    /// published that the server sent here.
    pub open: Option<Mark>,
    /// The longest time in which the server certainly heard nothing of the client and left the connection open: the
    /// client's packet before it, the moment up to which it lasted, and how long it was.
    pub silence: Option<(Mark, Mark, Duration)>,
    /// When the server answered the client's last packet. It had heard everything then.
    rest: Option<Time>,
    /// A silence after which the server has not been seen to have the connection open.
    perhaps: Option<(Mark, Mark, Duration)>,
}

impl Certain {
    /// The client sends a packet; the one before it was sent at `before`.
    pub(super) fn sends(&mut self, before: Option<Mark>, mark: Mark) {
        if let (Some(before), Some(rest)) = (before, self.rest.take()) {
            longer(&mut self.perhaps, (before, mark, mark.at.since(rest)));
        }
    }

    /// The server has answered a packet that was sent at `asked`; the client's latest is of `latest`.
    pub(super) fn answers(&mut self, asked: Mark, latest: Option<Mark>, now: Time) {
        if self.heard.is_none_or(|heard| heard < asked) {
            self.heard = Some(asked);
        }
        if latest == Some(asked) {
            self.rest = Some(now);
        }
        self.is_open(asked);
    }

    /// The server has sent on here what was published at `published`; the client's latest packet is of `latest`.
    pub(super) fn sends_on(&mut self, published: Mark, latest: Option<Mark>) {
        if let (Some(rest), Some(latest)) = (self.rest, latest)
            && rest < published.at
        {
            longer(
                &mut self.silence,
                (latest, published, published.at.since(rest)),
            );
        }
        self.is_open(published);
    }

    fn is_open(&mut self, mark: Mark) {
        if self.open.is_none_or(|open| open < mark) {
            self.open = Some(mark);
        }
        if let Some(silence) = self.perhaps.take_if(|(_, until, _)| *until <= mark) {
            longer(&mut self.silence, silence);
        }
    }
}

/// Keeps the longer one.
fn longer(kept: &mut Option<(Mark, Mark, Duration)>, new: (Mark, Mark, Duration)) {
    if kept.is_none_or(|(.., kept)| new.2 > kept) {
        *kept = Some(new);
    }
}

/// Packets of clients that wait for an answer, and the messages among them.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// By connection, type of the answer and packet identifier: when they were sent, in order.
    asked: BTreeMap<(usize, PacketType, u16), VecDeque<Mark>>,
    /// By connection and packet identifier: the PUBLISH, by its number. `None` when there were several at once, so that
    /// nobody can say which one an answer is for.
    messages: BTreeMap<(usize, u16), Option<usize>>,
}

impl Waiting {
    /// A client sends a packet on connection `n`; where it is a PUBLISH, it gets the number `message`.
    pub(super) fn sends(&mut self, n: usize, mark: Mark, packet: &Packet, message: usize) {
        let (answer, id) = match packet {
            Packet::Connect(_) => (PacketType::ConnAck, 0),
            Packet::PingReq => (PacketType::PingResp, 0),
            Packet::Subscribe(s) => (PacketType::SubAck, s.packet_id.get()),
            Packet::Unsubscribe(u) => (PacketType::UnsubAck, u.packet_id.get()),
            Packet::PubRel(ack) => (PacketType::PubComp, ack.packet_id.get()),
            Packet::Publish(p) => {
                let Some(id) = p.packet_id else { return };
                let own = self.messages.entry((n, id.get()));
                own.and_modify(|other| *other = None)
                    .or_insert(Some(message));
                match p.qos {
                    QoS::AtLeastOnce => (PacketType::PubAck, id.get()),
                    _ => (PacketType::PubRec, id.get()),
                }
            }
            _ => return,
        };
        self.asked
            .entry((n, answer, id))
            .or_default()
            .push_back(mark);
    }

    /// The server sends a packet on connection `n`: when the client sent what it answers.
    pub(super) fn answers(&mut self, n: usize, packet: &Packet) -> Option<Mark> {
        let id = match packet {
            Packet::ConnAck(_) | Packet::PingResp => 0,
            Packet::SubAck(ack) => ack.packet_id.get(),
            Packet::UnsubAck(ack) => ack.packet_id.get(),
            Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubComp(ack) => ack.packet_id.get(),
            _ => return None,
        };
        self.asked
            .get_mut(&(n, packet.packet_type(), id))?
            .pop_front()
    }

    /// The message that the server takes over with this packet, by its number.
    pub(super) fn takes(&mut self, n: usize, packet: &Packet) -> Option<usize> {
        let (ack, done) = match packet {
            Packet::PubAck(ack) | Packet::PubComp(ack) => (ack, true),
            Packet::PubRec(ack) => (ack, false),
            _ => return None,
        };
        let key = (n, ack.packet_id.get());
        if !done && !ack.reason.is_error() {
            return None;
        }
        let message = self.messages.remove(&key)?;
        message.filter(|_| !ack.reason.is_error())
    }
}
