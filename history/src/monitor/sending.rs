//! QoS 1 and 2 messages on their way out: packet identifiers, DUP, the window, and what is sent again, when and in
//! which order.

use super::{Rule, Step};
use crate::finding::{Cite, Finding};
use squall_protocol::{
    Packet, QoS, Role,
    packet::{Ack, Publish},
};
use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

const DUP: Cite = (&["MQTT-3.3.1-1"], &["MQTT-3.3.1-1"]);
const FIRST: Cite = (
    &["MQTT-4.3.2-1", "MQTT-4.3.3-1"],
    &["MQTT-4.3.2-2", "MQTT-4.3.3-2"],
);
/// A server's DUP says nothing about what the publisher's said.
const FORWARDED: Cite = (&["MQTT-3.3.1-3"], &["MQTT-3.3.1-3"]);
const ID_IN_USE: Cite = (
    &["MQTT-2.3.1-2", "MQTT-2.3.1-4"],
    &["MQTT-2.2.1-3", "MQTT-2.2.1-4"],
);
const RESEND_ORDER: Cite = (&["MQTT-4.6.0-1"], &["MQTT-4.6.0-1"]);
/// What binds a server whatever it is made of.
const TOPIC_ORDER: Cite = (&["MQTT-4.6.0-6"], &["MQTT-4.6.0-5"]);
const RESEND_WHEN: Cite = (&[], &["MQTT-4.4.0-1"]);
const RESEND_ALL: Cite = (&["MQTT-4.4.0-1"], &["MQTT-4.4.0-1"]);
const WINDOW: Cite = (&[], &["MQTT-3.3.4-7", "MQTT-3.3.4-9"]);
const RELEASE: Cite = (&["MQTT-4.3.3-1"], &["MQTT-4.3.3-4"]);

/// The messages that the judged side sends, of one session.
#[derive(Debug)]
pub(super) struct Sending {
    conn: u64,
    /// The peer's Receive Maximum on this connection.
    window: usize,
    flows: BTreeMap<u16, Flow>,
    /// Messages whose flow has ended on this connection, by packet identifier: what crosses their last acknowledgement
    /// is no message of its own.
    ended: BTreeMap<u16, Flow>,
    /// Flows whose last acknowledgement came before the judged server went down, and may be forgotten; but what was
    /// released is never sent again.
    perhaps: BTreeMap<u16, Flow>,
    /// The judged server went down, and has sent nothing new in this session since: what it sends with DUP it may never
    /// have sent.
    restored: bool,
    next_seq: u64,
    /// The newest message that was sent again on this connection; of all, and of each topic and QoS.
    last_resent: Option<u64>,
    last_of_topic: BTreeMap<(u64, QoS), u64>,
    /// Connections that were accepted so far, and those on which a CONNECT went out.
    connections: u32,
    attempts: u32,
    /// How many flows wait for their first acknowledgement, and how many of these were sent on this connection.
    unreleased: usize,
    unreleased_here: usize,
    /// How many flows were sent on this connection and have not ended.
    flows_here: usize,
    /// The judged side has shown that it has what its peer answered its CONNECT with: it has gone on from something that
    /// came after that. Only asked where the peer looks and a client is judged.
    answered: bool,
}

/// What a message is recognised by when it is sent again. It is kept for as long as the message is under way, so no byte
/// of the message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Print {
    /// None where a Topic Alias stands for it.
    topic: Option<u64>,
    payload: u64,
    qos: QoS,
}

impl Print {
    fn of(publish: &Publish) -> Self {
        let topic = (!publish.topic.is_empty()).then(|| digest(publish.topic.as_bytes()));
        Self {
            topic,
            payload: digest(&publish.payload),
            qos: publish.qos,
        }
    }

    /// A topic may be left out where a Topic Alias stands for it.
    fn same_message(self, other: Self) -> bool {
        let same_topic = self.topic.is_none() || other.topic.is_none() || self.topic == other.topic;
        self.qos == other.qos && same_topic && self.payload == other.payload
    }
}

/// The same number for the same bytes.
fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// A QoS 1 or 2 message on its way out.
#[derive(Debug)]
struct Flow {
    /// Its place in the order in which messages were first sent; unknown where this may not be the first attempt.
    seq: Option<u64>,
    print: Print,
    /// A PUBREC has come; PUBREL is due, and PUBCOMP ends it.
    released: bool,
    /// PUBREL was sent, so that the PUBREC is not forgotten.
    told: bool,
    /// The PUBREC came before the judged server went down, and may be forgotten.
    unsure: bool,
    conn: u64,
    ix: usize,
}

impl Default for Sending {
    fn default() -> Self {
        Self {
            conn: 0,
            window: usize::from(u16::MAX),
            flows: BTreeMap::new(),
            ended: BTreeMap::new(),
            perhaps: BTreeMap::new(),
            restored: false,
            next_seq: 0,
            last_resent: None,
            last_of_topic: BTreeMap::new(),
            connections: 0,
            attempts: 0,
            unreleased: 0,
            unreleased_here: 0,
            flows_here: 0,
            answered: false,
        }
    }
}

impl Rule for Sending {
    fn allow(&mut self, window: Option<u16>) {
        self.window = window.unwrap_or(u16::MAX).into();
    }

    fn resume(&mut self, present: bool, _: bool) {
        self.last_resent = None;
        self.last_of_topic.clear();
        self.connections += 1;
        if !present {
            self.perhaps.clear();
            self.restored = false;
            self.flows.clear();
            (self.unreleased, self.unreleased_here, self.flows_here) = (0, 0, 0);
        }
    }

    fn turn_to(&mut self, conn: u64) {
        if conn == self.conn {
            return;
        }
        let back = conn < self.conn;
        self.attempts += 1;
        self.conn = conn;
        self.answered = false;
        self.ended.clear();
        (self.unreleased_here, self.flows_here) = (0, 0);
        if back {
            let here = self.flows.values().filter(|f| f.conn == conn);
            self.flows_here = here.clone().count();
            self.unreleased_here = here.filter(|f| !f.released).count();
        }
    }

    fn crashes(&mut self) {
        self.restored = true;
        self.perhaps.extend(std::mem::take(&mut self.ended));
        for flow in self.flows.values_mut() {
            flow.unsure |= flow.released && !flow.told;
        }
    }

    fn hears(&mut self, packet: &Packet) {
        match packet {
            Packet::PubAck(Ack { packet_id, .. }) | Packet::PubComp(Ack { packet_id, .. }) => {
                self.done(packet_id.get(), false);
            }
            Packet::PubRec(ack) => self.done(ack.packet_id.get(), !ack.reason.is_error()),
            _ => {}
        }
    }

    fn hears_late(&mut self, packet: &Packet) {
        self.hears(packet);
    }

    fn says(&mut self, step: &Step<'_>, broken: &mut dyn FnMut(Finding)) {
        match step.packet {
            Packet::Publish(publish) if publish.qos != QoS::AtMostOnce => {
                self.publish(step, publish, broken);
            }
            Packet::PubRel(ack) => self.release(step, ack.packet_id.get(), broken),
            _ => {}
        }
    }
}

impl Sending {
    /// The first part of a flow is done; where it is not only `released`, all of it.
    fn done(&mut self, id: u16, released: bool) {
        let Some(flow) = self.flows.get_mut(&id) else {
            return;
        };
        let here = usize::from(flow.conn == self.conn);
        if !std::mem::replace(&mut flow.released, true) {
            self.unreleased -= 1;
            self.unreleased_here -= here;
        }
        if !released && let Some(flow) = self.flows.remove(&id) {
            self.flows_here -= here;
            // What was sent on an older connection may be sent again on this one, if the answer crossed with that.
            if here > 0 {
                self.ended.insert(id, flow);
            }
        }
    }

    /// PUBREL comes after PUBREC. One for a flow that nobody knows any more is an answer to a PUBREC that was sent
    /// again, or was sent again itself.
    fn release(&mut self, step: &Step<'_>, id: u16, broken: &mut dyn FnMut(Finding)) {
        if let Some(flow) = self.flows.get_mut(&id) {
            flow.told = true;
        }
        let flow = self.flows.get(&id);
        // It answers a PUBREC, which came after CONNACK.
        self.answered |= flow.is_some_and(|flow| flow.released && flow.conn == self.conn);
        let Some(flow) = flow.filter(|flow| !flow.released) else {
            return;
        };
        let message = format!("{} sent PUBREL {id} before there was a PUBREC", step.who());
        let expected = "PUBREL answers PUBREC";
        broken(step.finding("packet flow", RELEASE, message, expected, Some(flow.ix)));
    }

    fn publish(&mut self, step: &Step<'_>, publish: &Publish, broken: &mut dyn FnMut(Finding)) {
        let Some(id) = publish.packet_id.map(squall_protocol::PacketId::get) else {
            return;
        };
        let print = Print::of(publish);
        if self.brings_back(id, publish, print) {
            return self.again(step, id, publish, broken);
        }
        match self.flows.get(&id) {
            Some(flow) if !flow.released && flow.print.same_message(print) => {
                self.again(step, id, publish, broken);
            }
            // Where the peer looks, its PUBREC may have been lost with an older connection, or is still under way.
            Some(flow) if !step.sharp() && publish.dup && flow.print.same_message(print) => {
                if flow.conn == self.conn {
                    return self.resent_here(step, id, Some(flow.ix), broken);
                }
                self.not_released(id);
                self.again(step, id, publish, broken);
            }
            Some(flow) => {
                let message = format!(
                    "{} used packet identifier {id} for a new message while it was in use",
                    step.who()
                );
                let expected = "an identifier is free once its flow has ended";
                broken(step.finding("packet flow", ID_IN_USE, message, expected, Some(flow.ix)));
            }
            None => {
                let crossed = |ended: &Flow| publish.dup && ended.print.same_message(print);
                if !step.sharp() && self.ended.get(&id).is_some_and(crossed) {
                    return self.resent_here(step, id, None, broken);
                }
                // Where the peer looks, the first attempt may have been lost with an older connection; a client's also with
                // one that nobody saw, in a session that the server has lost.
                let unseen = self.restored && step.sharp() && !self.is_released(id, print);
                if publish.dup && !unseen && (step.sharp() || self.is_first(step)) {
                    let message = format!(
                        "{} sent packet {id} for the first time with the DUP flag",
                        step.who()
                    );
                    let expected = "DUP is 0 at the first attempt";
                    let cite = match step.judged {
                        Role::Client => FIRST,
                        Role::Server => FORWARDED,
                    };
                    broken(step.finding("packet flow", cite, message, expected, None));
                }
                self.fresh(step, id, publish, broken);
            }
        }
    }

    /// Brings a flow back whose last acknowledgement a crash has made forgotten, if that is what is sent again. Another
    /// message with its identifier shows that it was not.
    fn brings_back(&mut self, id: u16, publish: &Publish, print: Print) -> bool {
        let unsure = |flow: &Flow| flow.unsure && publish.dup && flow.print.same_message(print);
        if self.flows.get(&id).is_some_and(unsure) {
            self.not_released(id);
            return true;
        }
        if self.is_released(id, print) {
            return false;
        }
        let Some(flow) = self.perhaps.remove(&id) else {
            return false;
        };
        let same = publish.dup && flow.print.same_message(print) && flow.conn != self.conn;
        if same {
            let released = false;
            self.flows.insert(id, Flow { released, ..flow });
            self.unreleased += 1;
        }
        same
    }

    /// Whether this is a message that was released before a crash.
    fn is_released(&self, id: u16, print: Print) -> bool {
        let released = |flow: &Flow| flow.told && flow.print.same_message(print);
        self.perhaps.get(&id).is_some_and(released)
    }

    /// Nothing can have been sent on an older connection. A client may publish before it is let in.
    fn is_first(&self, step: &Step<'_>) -> bool {
        match step.judged {
            Role::Server => self.connections == 1,
            Role::Client => self.attempts == 1 && step.scene.whole,
        }
    }

    /// The PUBREC of an older connection did not arrive after all.
    fn not_released(&mut self, id: u16) {
        if let Some(flow) = self.flows.get_mut(&id)
            && std::mem::take(&mut flow.released)
        {
            (flow.told, flow.unsure) = (false, false);
            self.unreleased += 1;
            self.unreleased_here += usize::from(flow.conn == self.conn);
        }
    }

    /// A message that is under way is sent again.
    fn again(
        &mut self,
        step: &Step<'_>,
        id: u16,
        publish: &Publish,
        broken: &mut dyn FnMut(Finding),
    ) {
        let Some(flow) = self.flows.get_mut(&id) else {
            return;
        };
        let (before, seq, same_conn) = (flow.ix, flow.seq, flow.conn == self.conn);
        (flow.conn, flow.ix) = (self.conn, step.ix);
        if !same_conn {
            self.unreleased_here += 1;
            self.flows_here += 1;
        }
        if !publish.dup {
            let message = format!("{} sent packet {id} again without the DUP flag", step.who());
            let expected = "DUP is 1 when a PUBLISH is sent again";
            broken(step.finding("packet flow", DUP, message, expected, Some(before)));
        }
        if same_conn {
            return self.resent_here(step, id, Some(before), broken);
        }
        let Some(seq) = seq else { return };
        let of_topic = self.last_of_topic.insert(
            (Print::of(publish).topic.unwrap_or_default(), publish.qos),
            seq,
        );
        let of_all = self.last_resent.replace(seq);
        // Where the peer looks, only what is surely ordered counts: a topic and QoS [MQTT-4.6.0-6] [MQTT-4.6.0-5].
        let known = !publish.topic.is_empty();
        // What a client sends again it sends again in the order in which it was first sent, whatever it is.
        let of_client = step.judged == Role::Client;
        let last = if step.sharp() || of_client {
            of_all
        } else {
            of_topic.filter(|_| known)
        };
        if last.is_some_and(|last| last > seq) {
            let message = format!(
                "{} resent packet {id} after one that was first sent later",
                step.who()
            );
            let expected = "resending keeps the original order";
            let cite = match step.sharp() || of_client {
                true => RESEND_ORDER,
                false => TOPIC_ORDER,
            };
            broken(step.finding("packet flow", cite, message, expected, Some(before)));
        }
    }

    /// In 3.1.1 a message may be sent again whenever its sender likes; section 4.4 only says when it has to.
    fn resent_here(
        &self,
        step: &Step<'_>,
        id: u16,
        before: Option<usize>,
        broken: &mut dyn FnMut(Finding),
    ) {
        if step.five() {
            let message = format!(
                "{} sent packet {id} again on the same connection",
                step.who()
            );
            let expected = "resending is for a resumed session only";
            broken(step.finding("packet flow", RESEND_WHEN, message, expected, before));
        }
    }

    fn fresh(
        &mut self,
        step: &Step<'_>,
        id: u16,
        publish: &Publish,
        broken: &mut dyn FnMut(Finding),
    ) {
        // What was in flight before must be sent again first, or the order of a resumed session is lost. Where the
        // peer looks, an older message may have been given up for a reason that does not show.
        let skipped = |flow: &&Flow| flow.conn != self.conn && !flow.released;
        if step.sharp()
            && self.unreleased > self.unreleased_here
            && let Some(skipped) = self.flows.values().find(skipped).map(|flow| flow.ix)
        {
            let message = format!(
                "{} sent a new message before resending one that was in flight",
                step.who()
            );
            let expected = "unacknowledged messages are resent first";
            broken(step.finding("packet flow", RESEND_ALL, message, expected, Some(skipped)));
        }
        let first = step.sharp() || !publish.dup;
        self.restored &= publish.dup;
        let flow = Flow {
            seq: first.then_some(self.next_seq),
            print: Print::of(publish),
            released: false,
            told: false,
            unsure: false,
            conn: self.conn,
            ix: step.ix,
        };
        self.next_seq += 1;
        // Whoever uses an identifier again has had the answer to its first use, which came after CONNACK.
        self.answered |= self.ended.remove(&id).is_some();
        self.flows.insert(id, flow);
        self.unreleased += 1;
        self.unreleased_here += 1;
        self.flows_here += 1;
        // Where the peer looks, what an older connection sent may have been acknowledged there.
        let in_flight = if step.sharp() {
            self.flows.len()
        } else {
            self.flows_here
        };
        // A client may publish before it has read CONNACK, and with it the window.
        let told = step.sharp() || step.judged == Role::Server || self.answered;
        if step.five() && told && in_flight > self.window {
            let message = format!("{} has {in_flight} messages in flight", step.who());
            let expected = format!("at most {}, the peer's Receive Maximum", self.window);
            broken(step.finding("packet flow", WINDOW, message, expected, None));
        }
    }
}
