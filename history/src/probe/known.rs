//! What is known of the sessions of probes, and what the model is therefore told.
//!
//! A probe is no client: it has no application, sends what no client may, and need not read. So it is said here what
//! an application in its place would have published and been given, and what nobody can know is kept from the model.
//! What it is not told of, it accuses nobody of:
//!
//! | what is not known | what the model is told |
//! | --- | --- |
//! | bytes that are no packet on purpose, packets too long to be kept, another version: they may have been anything | nothing any more |
//! | who publishes on topics that are not the probes' own | what comes there, not as a message for somebody |
//! | a session that was there before, or whose client has no name of this run | its messages come to nobody |
//! | whether a session is discarded for which Session Present is 0, and that may have been kept | its messages come to nobody, from there on |
//! | what a session is subscribed to: an UNSUBSCRIBE was refused or left without an answer, an answer does not fit what it answers | its messages come to nobody, from there on |
//! | which of two connections the server took for the newer one: neither had an answer before the other began | no CONNACK |
//! | when an older connection was sent what is read there after a newer one has begun | it comes to nobody |
//! | what a QoS 2 message is to the server that comes again in a session which it may have lost | another message |
//! | the order of QoS 2 messages whose PUBRELs were sent in another order | that they were published twice: of those there is no order |

use super::flows::Flows;
use crate::record::{Application, Message};
use squall_protocol::{
    Packet, QoS, ReasonCode, Text, Version,
    packet::{ConnAck, Connect, Publish, UnsubAck},
};
use std::collections::{BTreeMap, BTreeSet};

/// What the model is told of one record.
#[derive(Debug, Default)]
pub struct Told<'r> {
    /// What an application does before it.
    pub before: Option<Application<'r>>,
    /// The record itself.
    pub packet: bool,
    /// What an application gets by it.
    pub after: Option<Application<'r>>,
}

impl Told<'_> {
    const PACKET: Self = Self {
        before: None,
        packet: true,
        after: None,
    };
}

/// What is known of one session.
#[derive(Debug, Default)]
struct Session<'r> {
    /// Parties that have sent a CONNECT, and the newest of them.
    greeted: BTreeSet<usize>,
    newest: Option<usize>,
    /// CONNECTs without an answer, by party: whether every one before had its answer.
    unanswered: BTreeMap<usize, bool>,
    /// The newest connection was accepted.
    accepted: bool,
    /// It began in this history.
    met: bool,
    /// The newest CONNECT asks for what is there, and for a session that outlives its connection.
    asks_for_old: bool,
    asks_to_keep: bool,
    /// The session of the connection before that one may be there still.
    may_be_kept: bool,
    /// It cannot be known any more what has to come and what not.
    unknown: bool,
    /// Its client has no name of this run: somebody else may have been here.
    foreign: bool,
    /// SUBSCRIBE without SUBACK, by party and packet identifier: the number of filters. The same of UNSUBSCRIBE.
    subscribes: BTreeMap<(usize, u16), usize>,
    unsubscribes: BTreeMap<(usize, u16), usize>,
    flows: Flows<'r>,
}

/// What is known of a history.
#[derive(Debug)]
pub struct Known<'r> {
    /// What own topics begin with, without a separator at the end.
    own: &'r str,
    /// What every Client Identifier of the run has in it.
    run: &'r str,
    five: bool,
    sessions: BTreeMap<usize, Session<'r>>,
    /// Topics by party, direction (from the probe or not) and Topic Alias.
    aliases: BTreeMap<(usize, bool, u16), &'r Text>,
    tickets: u64,
    /// Messages without their last acknowledgement, by party and packet identifier.
    waiting: BTreeMap<(usize, u16), u64>,
    /// Something was sent of which nothing is known.
    blind: bool,
}

impl<'r> Known<'r> {
    /// Nothing yet. `topics` is what the topics begin with that nobody else uses, `run` what the Client Identifiers have
    /// in them that nobody else uses; both may be empty, where nobody else is there. `five`: version 5.0.
    #[must_use]
    pub fn new(topics: &'r str, run: &'r str, five: bool) -> Self {
        Self {
            own: topics.trim_end_matches('/'),
            run,
            five,
            sessions: BTreeMap::new(),
            aliases: BTreeMap::new(),
            tickets: 0,
            waiting: BTreeMap::new(),
            blind: false,
        }
    }

    /// Something was sent of which nothing is known.
    pub fn lose_sight(&mut self) -> Told<'r> {
        self.blind = true;
        Told::default()
    }

    /// Something came to the session that nobody can read.
    pub fn miss(&mut self, session: usize) -> Told<'r> {
        self.session(session).unknown = true;
        Told::default()
    }

    /// A connection is over.
    #[must_use]
    pub const fn ended(&self) -> Told<'r> {
        Told {
            before: None,
            packet: !self.blind,
            after: None,
        }
    }

    fn session(&mut self, session: usize) -> &mut Session<'r> {
        self.sessions.entry(session).or_default()
    }

    /// Whether something was sent of which nothing is known, so that nothing more is concluded.
    #[must_use]
    pub const fn is_blind(&self) -> bool {
        self.blind
    }

    /// Whether it is known what has to come to a session and what not.
    #[must_use]
    pub fn is_known(&self, session: usize) -> bool {
        let of = self.sessions.get(&session);
        !self.blind && of.is_none_or(|of| !of.unknown && !of.foreign)
    }

    /// A probe sent a packet; `party` is its connection.
    pub fn sent(&mut self, party: usize, session: usize, packet: &'r Packet) -> Told<'r> {
        if self.blind {
            return Told::default();
        }
        let run = self.run;
        let of = self.sessions.entry(session).or_default();
        match packet {
            Packet::Connect(connect) => Told {
                packet: of.connects(party, connect, run),
                ..Told::default()
            },
            Packet::Subscribe(s) => {
                let asked = (party, s.packet_id.get());
                let known = of.subscribes.insert(asked, s.subscriptions.len());
                of.unknown |= known.is_some();
                Told::PACKET
            }
            Packet::Unsubscribe(u) => {
                let asked = (party, u.packet_id.get());
                let known = of.unsubscribes.insert(asked, u.filters.len());
                of.unknown |= known.is_some();
                Told::PACKET
            }
            Packet::Publish(publish) => self.publishes(party, session, publish),
            Packet::PubRel(ack) => Told {
                before: of
                    .flows
                    .release(ack.packet_id.get())
                    .map(|message| self.published(message)),
                ..Told::PACKET
            },
            _ => Told::PACKET,
        }
    }

    fn publishes(&mut self, party: usize, session: usize, publish: &'r Publish) -> Told<'r> {
        let Some(topic) = self.topic(party, true, publish) else {
            // What the server makes of an alias that stands for nothing is not known.
            return self.lose_sight();
        };
        let message = message(topic, publish);
        let of = self.session(session);
        let here = of.accepted && of.newest == Some(party);
        let id = publish.packet_id.map_or(0, |id| id.get());
        let again =
            publish.qos == QoS::ExactlyOnce && !of.flows.begin(id, message, publish.dup && here);
        if again {
            return Told::PACKET;
        }
        let before = Some(self.published(message));
        if publish.qos != QoS::AtMostOnce {
            self.waiting.insert((party, id), self.tickets);
        }
        Told {
            before,
            ..Told::PACKET
        }
    }

    const fn published(&mut self, message: Message<'r>) -> Application<'r> {
        self.tickets += 1;
        Application::Published {
            ticket: self.tickets,
            message,
        }
    }

    /// The topic of a message, also where an alias stands for it.
    fn topic(&mut self, party: usize, sent: bool, publish: &'r Publish) -> Option<&'r Text> {
        let alias = publish.properties.topic_alias();
        let key = |alias| (party, sent, alias);
        if publish.topic.is_empty() {
            return self.aliases.get(&key(alias?)).copied();
        }
        if let Some(alias) = alias {
            self.aliases.insert(key(alias), &publish.topic);
        }
        Some(&publish.topic)
    }

    /// The server sent a packet.
    pub fn received(&mut self, party: usize, session: usize, packet: &'r Packet) -> Told<'r> {
        if self.blind {
            return Told::default();
        }
        let five = self.five;
        let of = self.sessions.entry(session).or_default();
        match packet {
            Packet::ConnAck(ack) => Told {
                packet: of.answered(party, ack),
                ..Told::default()
            },
            Packet::SubAck(ack) => {
                let asked = of.subscribes.remove(&(party, ack.packet_id.get()));
                of.unknown |= asked.is_some_and(|filters| filters != ack.reasons.len());
                Told::PACKET
            }
            Packet::UnsubAck(ack) => {
                let asked = of.unsubscribes.remove(&(party, ack.packet_id.get()));
                of.unknown |= asked.is_some_and(|filters| !all_ended(ack, filters, five));
                Told::PACKET
            }
            Packet::PubRel(ack) => {
                of.flows.came_to_end(ack.packet_id.get());
                Told::PACKET
            }
            Packet::Publish(publish) => self.delivered(party, session, publish),
            Packet::PubAck(ack) | Packet::PubComp(ack) => {
                self.acknowledged(party, ack.packet_id.get(), ack.reason)
            }
            Packet::PubRec(ack) if ack.reason.is_error() => {
                of.flows.forget(ack.packet_id.get());
                self.acknowledged(party, ack.packet_id.get(), ack.reason)
            }
            _ => Told::PACKET,
        }
    }

    fn acknowledged(&mut self, party: usize, id: u16, reason: ReasonCode) -> Told<'r> {
        let ticket = self.waiting.remove(&(party, id));
        Told {
            after: ticket.map(|ticket| Application::Acknowledged { ticket, reason }),
            ..Told::PACKET
        }
    }

    fn delivered(&mut self, party: usize, session: usize, publish: &'r Publish) -> Told<'r> {
        let Some(topic) = self.topic(party, false, publish) else {
            return self.miss(session);
        };
        let rest = topic.strip_prefix(self.own);
        let below = |rest: &str| rest.is_empty() || rest.starts_with('/');
        let own = self.own.is_empty() || rest.is_some_and(below);
        let of = self.session(session);
        let id = publish.packet_id.map_or(0, |id| id.get());
        // What is sent again before its PUBREL is no second message.
        let new = publish.qos != QoS::ExactlyOnce || of.flows.comes(id);
        let known = !of.unknown && !of.foreign && of.newest == Some(party);
        let message = message(topic, publish);
        Told {
            after: (own && new && known).then_some(Application::Delivered(message)),
            ..Told::PACKET
        }
    }
}

impl Session<'_> {
    /// A CONNECT is sent; whether the model is told.
    fn connects(&mut self, party: usize, connect: &Connect, run: &str) -> bool {
        if !self.greeted.insert(party) {
            // A second one on a connection is an error, and what becomes of the session is not known.
            self.unknown = true;
            return false;
        }
        self.foreign |= !connect.client_id.is_empty() && !connect.client_id.contains(run);
        self.unknown |= !self.unsubscribes.is_empty();
        let certain = self.unanswered.is_empty();
        self.unanswered.insert(party, certain);
        self.newest = Some(party);
        self.accepted = false;
        self.may_be_kept = self.asks_to_keep;
        self.asks_for_old = !connect.clean_start;
        // A DISCONNECT may set it later, where it is more than 0 from the beginning.
        self.asks_to_keep = match connect.version {
            Version::V3_1_1 => !connect.clean_start,
            Version::V5_0 => connect.properties.session_expiry_interval() > Some(0),
        };
        true
    }

    /// A CONNACK comes; whether the model is told.
    fn answered(&mut self, party: usize, ack: &ConnAck) -> bool {
        let Some(certain) = self.unanswered.remove(&party) else {
            return false;
        };
        if self.newest != Some(party) {
            self.unknown = true;
            return false;
        }
        if !ack.reason.is_error() {
            self.accepted = true;
            // It may have discarded the session, or say so wrongly: that is for a check of its own to find out.
            self.unknown |= !ack.session_present && self.asks_for_old && self.may_be_kept;
            if !ack.session_present {
                self.flows = Flows::default();
                self.met = true;
            }
            self.unknown |= !self.met;
        }
        certain && !self.foreign
    }
}

/// Whether an UNSUBACK says of each filter that there is no subscription any more.
fn all_ended(ack: &UnsubAck, filters: usize, five: bool) -> bool {
    let fits = !five || ack.reasons.len() == filters;
    fits && !ack.reasons.iter().any(|reason| reason.is_error())
}

const fn message<'r>(topic: &'r Text, publish: &'r Publish) -> Message<'r> {
    Message {
        topic,
        payload: &publish.payload,
        qos: publish.qos,
        retain: publish.retain,
        properties: &publish.properties,
    }
}
