//! What a server owes a client of a check: the acknowledgement of each packet, in whatever order they come. One that
//! does not come, or is another's, is the server's fault; what the packets were about is not known here.

use crate::{
    outcome::{Outcome, inconclusive},
    party::{Client, unexpected},
};
use squall_protocol::{Packet, PacketId, PacketType, QoS};
use squall_reports::Verdict;
use tokio::time::Instant;

impl Client<'_> {
    /// A packet goes out: its answer is due from now on.
    pub(crate) fn owe(&mut self, packet: &Packet) {
        self.owed.extend(owed_for(packet));
    }

    /// Keeps what came while something else was waited for: no statement orders acknowledgements of different packets
    /// towards each other, so what is due may come now.
    pub(crate) fn keep(&mut self, packet: Packet) -> Result<(), Outcome> {
        match packet {
            Packet::Publish(publish) => self.inbox.push_back(publish),
            other if self.is_owed(&other) => self.early.push(other),
            other => return Err(unexpected(&other)),
        }
        Ok(())
    }

    fn is_owed(&self, packet: &Packet) -> bool {
        let early = |p: &Packet| {
            (p.packet_type(), p.packet_id()) == (packet.packet_type(), packet.packet_id())
        };
        let came = self.early.iter().filter(|p| early(p)).count();
        let due = |(kind, id): &&(PacketType, PacketId)| {
            *kind == packet.packet_type() && Some(*id) == packet.packet_id()
        };
        self.owed.iter().filter(due).count() > came
    }

    /// An earlier connection of this session has sent what is answered by this; the answer may come now.
    pub(crate) fn still_owed(&mut self, kind: PacketType, id: PacketId) {
        self.owed.push((kind, id));
    }

    fn paid(&mut self, kind: PacketType, id: PacketId) {
        if let Some(at) = self.owed.iter().position(|due| *due == (kind, id)) {
            self.owed.remove(at);
        }
        self.cx.control_seen();
    }

    /// Waits for the answer to a packet; what comes before it is kept for later.
    pub(crate) async fn answer_to(
        &mut self,
        expected: PacketType,
        id: PacketId,
    ) -> Result<Packet, Outcome> {
        let is_it = |p: &Packet| p.packet_type() == expected && p.packet_id() == Some(id);
        if let Some(at) = self.early.iter().position(is_it) {
            self.paid(expected, id);
            return Ok(self.early.remove(at));
        }
        let until = Instant::now() + self.cx.wait();
        while let Some(packet) = self.hear(until).await? {
            if is_it(&packet) {
                self.paid(expected, id);
                return Ok(packet);
            }
            if packet.packet_id() == Some(id) && of_the_other_qos(expected, packet.packet_type()) {
                let text = format!(
                    "{} got {} where {expected} was due",
                    self.name,
                    packet.summary()
                );
                let outcome = Outcome::new(Verdict::Fail, text);
                return Err(outcome.citing(&[self.rule_of(expected)]).showing(&packet));
            }
            if packet.packet_type() == expected && !self.is_owed(&packet) {
                return Err(self.wrong_identifier(&packet, id));
            }
            self.keep(packet)?;
        }
        self.lost(expected, id).await
    }

    /// The answer has not come within the wait: asks whether the connection lives, and blames the server if it does and
    /// has nothing else to wait for.
    async fn lost(&mut self, expected: PacketType, id: PacketId) -> Result<Packet, Outcome> {
        let wait = self.cx.wait();
        let text = format!("{} got no {expected} within {wait:?}", self.name);
        self.probe.note(&text);
        let others = self.cx.receivers() > u32::from(self.receives);
        let waits = matches!(expected, PacketType::PubAck | PacketType::PubRec);
        if waits && (others || !self.answers) {
            return Err(inconclusive(format!(
                "{text}, but a server may first wait for subscribers to acknowledge, and this check has some"
            )));
        }
        self.send(&Packet::PingReq).await?;
        let until = Instant::now() + wait;
        while let Some(packet) = self.hear(until).await? {
            match packet {
                Packet::PingResp => {
                    let outcome =
                        Outcome::new(Verdict::Fail, format!("{text}, on a connection that lives"));
                    return Err(outcome.citing(&[self.rule_of(expected)]));
                }
                late if late.packet_type() == expected && late.packet_id() == Some(id) => {
                    self.paid(expected, id);
                    self.probe.note(format!("{expected} was late, not lost"));
                    // The PINGRESP is still to come, and nobody waits for it any more.
                    self.pongs_without_use += 1;
                    return Ok(late);
                }
                other => self.keep(other)?,
            }
        }
        let text = format!("{text}, nor PINGRESP within as much again");
        let rules = [self.rule_of(expected), "MQTT-3.12.4-1"];
        Err(Outcome::new(Verdict::Fail, text).citing(&rules))
    }

    /// The statement that asks for this answer.
    fn rule_of(&self, answer: PacketType) -> &'static str {
        match answer {
            PacketType::PubAck => self.cx.pick("MQTT-4.3.2-2", "MQTT-4.3.2-4"),
            PacketType::PubRec => self.cx.pick("MQTT-4.3.3-2", "MQTT-4.3.3-8"),
            PacketType::PubRel => self.cx.pick("MQTT-4.3.3-1", "MQTT-4.3.3-4"),
            PacketType::PubComp => self.cx.pick("MQTT-4.3.3-2", "MQTT-4.3.3-11"),
            PacketType::SubAck => "MQTT-3.8.4-1",
            PacketType::UnsubAck => "MQTT-3.10.4-4",
            _ => "MQTT-3.12.4-1",
        }
    }

    /// [MQTT-2.3.1-6], [MQTT-2.3.1-7] (3.1.1), [MQTT-2.2.1-5], [MQTT-2.2.1-6] (5.0)
    fn wrong_identifier(&self, packet: &Packet, id: PacketId) -> Outcome {
        let rule = match packet.packet_type() {
            PacketType::SubAck | PacketType::UnsubAck => {
                self.cx.pick("MQTT-2.3.1-7", "MQTT-2.2.1-6")
            }
            PacketType::PubRel => return unexpected(packet),
            _ => self.cx.pick("MQTT-2.3.1-6", "MQTT-2.2.1-5"),
        };
        let text = format!("{} answers packet identifier {id}", packet.summary());
        let outcome = Outcome::new(Verdict::Fail, text);
        outcome.citing(&[rule]).showing(packet)
    }
}

/// What a server owes for a packet of a client.
fn owed_for(packet: &Packet) -> Option<(PacketType, PacketId)> {
    let kind = match packet {
        Packet::Publish(p) if p.qos == QoS::AtLeastOnce => PacketType::PubAck,
        Packet::Publish(p) if p.qos == QoS::ExactlyOnce => PacketType::PubRec,
        Packet::PubRec(_) => PacketType::PubRel,
        Packet::PubRel(_) => PacketType::PubComp,
        Packet::Subscribe(_) => PacketType::SubAck,
        Packet::Unsubscribe(_) => PacketType::UnsubAck,
        _ => return None,
    };
    Some((kind, packet.packet_id()?))
}

const fn of_the_other_qos(expected: PacketType, came: PacketType) -> bool {
    matches!(
        (expected, came),
        (PacketType::PubAck, PacketType::PubRec) | (PacketType::PubRec, PacketType::PubAck)
    )
}
