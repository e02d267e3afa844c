//! What reaches the application is what came on the wire: nothing else, a QoS 2 message once, and nothing that the client
//! has taken over is lost.

use super::{Duty, Ending, Step, wire::Content};
use crate::{
    finding::{Cite, Finding},
    record::{Application, Message, Seen},
    words,
};
use squall_protocol::{Packet, QoS, packet::Publish};
use std::collections::BTreeMap;

const NONE: Cite = (&[], &[]);
const ONE: Cite = (&["MQTT-4.3.2-2"], &["MQTT-4.3.2-4"]);
const TWO: Cite = (&["MQTT-4.3.3-2"], &["MQTT-4.3.3-8"]);
const ONCE: Cite = (&["MQTT-4.3.3-2"], &["MQTT-4.3.3-10"]);

/// Messages, and what became of them.
#[derive(Debug, Default)]
pub(super) struct Applications<'a> {
    messages: BTreeMap<Content<'a>, Counts>,
    /// QoS 1 and 2 messages under way in the session, by identifier.
    flows: BTreeMap<u16, Flow<'a>>,
    /// It has unsubscribed from something: who handles what still comes is nobody's to say.
    unsubscribed: bool,
}

/// How often a message came, and how often it reached the application.
#[derive(Debug, Default)]
struct Counts {
    /// Packets.
    packets: usize,
    /// QoS 2 flows.
    twos: usize,
    /// QoS 1 and 2 flows that the client has acknowledged to their end, and the highest QoS among them.
    taken: usize,
    taken_at: QoS,
    delivered: usize,
    delivered_at_two: usize,
    last: usize,
}

#[derive(Debug)]
struct Flow<'a> {
    qos: QoS,
    content: Content<'a>,
}

impl<'a> Duty<'a> for Applications<'a> {
    fn see(&mut self, step: &Step<'_, 'a>, broken: &mut dyn FnMut(Finding)) {
        match step.record.seen {
            Seen::Received(Packet::Publish(publish)) => {
                if let Some(topic) = step.wire.received_topic(publish) {
                    self.came(publish, (topic, &publish.payload), step.record.ix);
                }
            }
            Seen::Received(Packet::ConnAck(ack))
                if !ack.reason.is_error() && !ack.session_present =>
            {
                self.flows.clear();
            }
            Seen::Sent(packet) => self.sent(packet),
            Seen::Application(Application::Delivered(message)) => {
                self.delivered(step, message, broken);
            }
            _ => {}
        }
    }

    fn finish(&mut self, ending: &Ending<'_, 'a>, broken: &mut dyn FnMut(Finding)) {
        if ending.settled.is_none() || self.unsubscribed {
            return;
        }
        for ((topic, payload), seen) in &self.messages {
            if seen.delivered >= seen.taken {
                continue;
            }
            let message = format!(
                "{} acknowledged {} on `{topic}` {}, and its application got it {}",
                ending.about.who(),
                words::payload(payload),
                words::times(seen.taken),
                words::times(seen.delivered)
            );
            let cite = match seen.taken_at {
                QoS::ExactlyOnce => TWO,
                _ => ONE,
            };
            let expected = "what a client acknowledges it has taken over";
            broken(Finding {
                absence: true,
                ..ending
                    .about
                    .finding(cite, message, expected, vec![seen.last])
            });
        }
    }
}

impl<'a> Applications<'a> {
    fn came(&mut self, publish: &Publish, content: Content<'a>, ix: usize) {
        let seen = self.messages.entry(content).or_default();
        seen.packets += 1;
        seen.last = ix;
        let Some(id) = publish.packet_id else { return };
        let again = publish.dup
            && self
                .flows
                .get(&id.get())
                .is_some_and(|flow| flow.content == content && flow.qos == publish.qos);
        if again {
            return;
        }
        seen.twos += usize::from(publish.qos == QoS::ExactlyOnce);
        let qos = publish.qos;
        self.flows.insert(id.get(), Flow { qos, content });
    }

    fn sent(&mut self, packet: &Packet) {
        let (ack, ends) = match packet {
            Packet::Unsubscribe(_) => return self.unsubscribed = true,
            Packet::PubAck(ack) => (ack, QoS::AtLeastOnce),
            Packet::PubComp(ack) => (ack, QoS::ExactlyOnce),
            Packet::PubRec(ack) if ack.reason.is_error() => {
                self.flows.remove(&ack.packet_id.get());
                return;
            }
            _ => return,
        };
        let id = ack.packet_id.get();
        if self.flows.get(&id).is_none_or(|flow| flow.qos != ends) {
            return;
        }
        if let Some(flow) = self.flows.remove(&id)
            && !ack.reason.is_error()
            && let Some(seen) = self.messages.get_mut(&flow.content)
        {
            seen.taken += 1;
            seen.taken_at = seen.taken_at.max(flow.qos);
        }
    }

    fn delivered(
        &mut self,
        step: &Step<'_, 'a>,
        message: Message<'a>,
        broken: &mut dyn FnMut(Finding),
    ) {
        let (about, ix) = (&step.about, step.record.ix);
        let content: Content<'a> = (message.topic, message.payload);
        let shown = words::payload(message.payload);
        let topic = message.topic;
        let who = about.who();
        let seen = self.messages.entry(content).or_default();
        seen.delivered += 1;
        seen.delivered_at_two += usize::from(message.qos == QoS::ExactlyOnce);
        let mut say = |cite, message, expected: &str, before: Option<usize>| {
            let witness = before.into_iter().chain([ix]).collect();
            broken(about.finding(cite, message, expected, witness));
        };
        if seen.packets == 0 {
            let cite = match message.qos {
                QoS::AtMostOnce => NONE,
                QoS::AtLeastOnce => ONE,
                QoS::ExactlyOnce => TWO,
            };
            let said = format!(
                "the application of {who} got {shown} on `{topic}`, which was never sent to it"
            );
            return say(cite, said, "topic and payload as they came", None);
        }
        let twos = seen.delivered_at_two;
        if message.qos == QoS::ExactlyOnce && twos > seen.twos && seen.twos > 0 {
            let said = format!(
                "the application of {who} got {shown} on `{topic}` {}, and it came {}",
                words::times(twos),
                words::times(seen.twos)
            );
            let expected = "one delivery of a QoS 2 message, however often it is sent again";
            return say(ONCE, said, expected, Some(seen.last));
        }
        if seen.delivered > seen.packets {
            let said = format!(
                "the application of {who} got {shown} on `{topic}` {}, and it was sent {}",
                words::times(seen.delivered),
                words::times(seen.packets)
            );
            say(
                NONE,
                said,
                "one delivery at most of each PUBLISH",
                Some(seen.last),
            );
        }
    }
}
