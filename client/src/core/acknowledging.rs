//! Acknowledgement by hand: the answers to PUBLISH when the application says so.
//!
//! It does not know in which order they go out, see what waits.

use super::message::Receipt;
use super::{Client, taking::Answer};
use squall_protocol::{
    Packet, PacketId, PacketType, QoS, ReasonCode, Role, Time, Version,
    flow::receiver,
    packet::{Ack, Publish},
};

impl Client {
    /// The application has taken a message, or with a reason code of 0x80 or above refuses it (5.0; 3.1.1 cannot say so
    /// and acknowledges it). PUBACK and PUBREC go out in the order in which the messages came, so one that is
    /// acknowledged early waits for those before it [MQTT-4.6.0-2], [MQTT-4.6.0-3].
    ///
    /// A reason code that these packets may not carry becomes Unspecified error or Success. A receipt of a connection or
    /// session that is over does no harm: a QoS 2 message that was taken is not delivered again, and a QoS 1 message is.
    /// Only with [`crate::Acknowledgement::ByHand`] are there receipts.
    pub fn acknowledge(&mut self, now: Time, receipt: Receipt, reason: ReasonCode) {
        self.with_session(|client| {
            let reason = refusal(reason);
            if let Some(id) = client.session.taking.say(receipt, reason) {
                let (qos, dup) = (QoS::ExactlyOnce, false);
                client
                    .session
                    .inbound
                    .handle_publish(Version::V5_0, id, qos, dup);
            }
            client.say_what_may_be_said(now);
        });
    }

    /// A message with a packet identifier came.
    pub(super) fn hold(&mut self, now: Time, publish: &Publish, id: PacketId) {
        let session = &mut self.session;
        if publish.qos == QoS::ExactlyOnce && session.inbound.is_open(id) {
            session.taking.repeat(id, publish.dup);
        } else if let Some(receipt) = session.taking.hold(id, publish.qos, publish.dup) {
            self.deliver(publish, Some(receipt));
        }
        self.say_what_may_be_said(now);
    }

    fn say_what_may_be_said(&mut self, now: Time) {
        while self.is_connected() {
            let Some(answer) = self.session.taking.next() else {
                return;
            };
            let packet = self.answer_to(answer);
            self.answer(now, packet);
        }
    }

    /// What the tables of the flows make of it.
    fn answer_to(
        &mut self,
        Answer {
            id,
            qos,
            dup,
            reason,
        }: Answer,
    ) -> Packet {
        let connection = self.stage.open_mut();
        let version = connection.version;
        let inbound = &mut self.session.inbound;
        let action = inbound.handle_publish(version, id, qos, dup);
        let reason = match version {
            Version::V3_1_1 => ReasonCode::SUCCESS,
            Version::V5_0 => reason,
        };
        if qos == QoS::AtLeastOnce {
            connection.release(id);
            // [MQTT-4.3.2-2] (3.1.1), [MQTT-4.3.2-4] (5.0)
            return Packet::PubAck(Ack::with_reason(id, reason));
        }
        let refused = reason.is_error()
            && action == receiver::Action::DeliverThenPubRec
            && inbound.refuse(id) == receiver::Action::SendPubRecError;
        if !refused {
            // [MQTT-4.3.3-2] (3.1.1), [MQTT-4.3.3-8], [MQTT-4.3.3-10] (5.0)
            return Packet::PubRec(Ack::success(id));
        }
        connection.release(id);
        Packet::PubRec(Ack::with_reason(id, reason))
    }
}

/// What a client may say in PUBACK and PUBREC; they have the same codes.
fn refusal(reason: ReasonCode) -> ReasonCode {
    if reason
        .senders_in(PacketType::PubAck)
        .contains(&Role::Client)
    {
        reason
    } else if reason.is_error() {
        ReasonCode::UNSPECIFIED_ERROR
    } else {
        ReasonCode::SUCCESS
    }
}
