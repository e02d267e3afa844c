//! A client that does what it is told, packet by packet.
//!
//! It sends what it is given, whether that is right or wrong, answers what it is not told to withhold, and keeps
//! nothing in order: what a peer makes of a client like this is for stories to find out.

#[cfg(test)]
mod tests;

use crate::{
    answers::Answers,
    core::{
        Abandonment, Command, ConnectOptions, EndCause, Event, Message, Output, Script, Ticket,
        connect_packet, publish_of,
    },
    machine::Machine,
};
use bytes::{Bytes, BytesMut};
use squall_protocol::{
    Decoder, Packet, PacketId, Properties, QoS, ReasonCode, Role, Text, Time, Version, encode,
    packet::{Disconnect, Publish, Subscribe, Unsubscribe},
};
use squall_transport::Hangup;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The first packet identifier that it chooses itself: what a script says by hand is below.
const FIRST_ID: u16 = 1000;

/// A client that does what it is told.
///
/// [`Command::Connect`], `Subscribe`, `Unsubscribe`, `Publish` and `Disconnect` each send their packet, with packet
/// identifiers from 1,000 on, and their outcomes are told as a [`crate::Client`] tells them. Nothing is sent again,
/// nothing is refused, and nothing that arrives makes it close: it stays until the server goes or it is told to.
#[derive(Debug, Default)]
pub struct Scripted {
    stage: Stage,
    version: Option<Version>,
    answers: Answers,
    /// What stands in `Script::Send` beyond the number of bytes.
    rest: Bytes,
    next_id: u16,
    requests: BTreeMap<PacketId, Ticket>,
    /// QoS 2 messages that came and were not released.
    coming: BTreeSet<PacketId>,
    outputs: VecDeque<Output>,
    events: VecDeque<Event>,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Idle,
    /// With what is to be sent as soon as there is a connection.
    Dialing(Vec<Bytes>),
    Open(Box<Line>),
}

/// A connection.
#[derive(Debug)]
struct Line {
    hears: Decoder,
    /// What arrived can't be read any more.
    deaf: bool,
    /// What it sends, as a server reads it.
    speaks: Decoder,
    /// What it sent can't be read any more.
    garbled: bool,
    /// What arrived and is left where it is; `None` while it reads.
    unread: Option<BytesMut>,
    aliases: BTreeMap<u16, Text>,
}

impl Line {
    fn new(version: Version, read: bool) -> Self {
        let decoder = |of| {
            let mut decoder = Decoder::new(of);
            decoder.set_version(version);
            decoder
        };
        Self {
            hears: decoder(Role::Server),
            deaf: false,
            speaks: Decoder::new(Role::Client),
            garbled: false,
            unread: (!read).then(BytesMut::new),
            aliases: BTreeMap::new(),
        }
    }
}

impl Scripted {
    /// A client without a connection.
    #[must_use]
    pub fn new() -> Self {
        Self {
            next_id: FIRST_ID,
            ..Self::default()
        }
    }

    fn script(&mut self, script: Script) {
        match script {
            Script::Dial(version) => self.dial(version),
            Script::Send(mut bytes, first) => {
                let first = first.unwrap_or(bytes.len()).min(bytes.len());
                self.rest = bytes.split_off(first);
                self.send(bytes);
            }
            Script::SendRest => {
                let rest = std::mem::take(&mut self.rest);
                self.send(rest);
            }
            Script::Answer(answers) => self.answers = answers,
            Script::Read(read) => self.read(read),
        }
    }

    fn dial(&mut self, version: Version) {
        self.end(EndCause::Dropped, true);
        self.version = Some(version);
        self.stage = Stage::Dialing(Vec::new());
        self.outputs.push_back(Output::Dial);
    }

    fn connect(&mut self, options: &ConnectOptions) {
        match connect_packet(options, Vec::new()) {
            Ok((_, bytes)) => {
                self.dial(options.version);
                self.send(bytes);
            }
            Err(why) => {
                let cause = EndCause::InvalidOptions(why);
                self.events.push_back(Event::Ended { cause });
            }
        }
    }

    /// Sends bytes, and tells what a server reads in them. Without a connection they go nowhere.
    fn send(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        let line = match &mut self.stage {
            Stage::Idle => return,
            Stage::Dialing(unsent) => return unsent.push(bytes),
            Stage::Open(line) => line,
        };
        self.outputs.push_back(Output::Send(bytes.clone()));
        let mut whole = false;
        if !line.garbled {
            line.speaks.push(&bytes);
            loop {
                match line.speaks.next_frame() {
                    Ok(Some(frame)) => {
                        whole = true;
                        self.events.push_back(Event::Sent(frame));
                    }
                    Ok(None) => break,
                    Err(_) => {
                        line.garbled = true;
                        break;
                    }
                }
            }
        }
        // The server answers in the version that CONNECT says, whatever the story speaks otherwise.
        if let Some(version) = line.speaks.version() {
            line.hears.set_version(version);
            self.version = Some(version);
        }
        if line.garbled || line.speaks.buffered() > 0 || !whole {
            let broken = line.garbled;
            self.events.push_back(Event::SentRaw { bytes, broken });
        }
    }

    fn send_packet(&mut self, packet: &Packet) {
        if let Some(Ok(bytes)) = self.version.map(|version| encode(packet, version)) {
            self.send(bytes);
        }
    }

    fn id(&mut self, ticket: Ticket) -> PacketId {
        let id = PacketId::new(self.next_id).unwrap_or(PacketId::MIN);
        self.next_id = self.next_id.checked_add(1).unwrap_or(FIRST_ID);
        self.requests.insert(id, ticket);
        id
    }

    fn publish(&mut self, ticket: Ticket, message: &Message) {
        let Some(version) = self.open_version() else {
            return self.abandon(ticket);
        };
        let mut publish = publish_of(message, version);
        if message.qos != QoS::AtMostOnce {
            publish.packet_id = Some(self.id(ticket));
        }
        self.send_packet(&Packet::Publish(publish));
        if message.qos == QoS::AtMostOnce {
            let reason = ReasonCode::SUCCESS;
            self.events
                .push_back(Event::Acknowledged { ticket, reason });
        }
    }

    /// The version of the connection that is there, or under way.
    fn open_version(&self) -> Option<Version> {
        self.version.filter(|_| !matches!(self.stage, Stage::Idle))
    }

    fn abandon(&mut self, ticket: Ticket) {
        let why = Abandonment::ConnectionEnded;
        self.events.push_back(Event::Abandoned { ticket, why });
    }

    /// Sends a request that is answered with its packet identifier.
    fn ask(&mut self, ticket: Ticket, packet: impl FnOnce(PacketId) -> Packet) {
        if self.open_version().is_none() {
            return self.abandon(ticket);
        }
        let id = self.id(ticket);
        self.send_packet(&packet(id));
    }

    fn disconnect(&mut self, reason: ReasonCode, properties: Properties) {
        self.send_packet(&Packet::Disconnect(Disconnect { reason, properties }));
        self.end(EndCause::Requested, true);
    }

    /// Ends the connection or attempt there is. `close` unless the transport is gone already.
    fn end(&mut self, cause: EndCause, close: bool) {
        if matches!(std::mem::take(&mut self.stage), Stage::Idle) {
            return;
        }
        if close {
            self.outputs.push_back(Output::Close);
        }
        self.events.push_back(Event::Ended { cause });
        for ticket in std::mem::take(&mut self.requests).into_values() {
            self.abandon(ticket);
        }
    }

    fn read(&mut self, read: bool) {
        let Stage::Open(line) = &mut self.stage else {
            return;
        };
        if !read {
            line.unread.get_or_insert_default();
        } else if let Some(unread) = line.unread.take() {
            self.hear(&unread);
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        let Stage::Open(line) = &mut self.stage else {
            return;
        };
        if let Some(unread) = &mut line.unread {
            unread.extend_from_slice(bytes);
            return;
        }
        if line.deaf {
            return;
        }
        line.hears.push(bytes);
        while let Stage::Open(line) = &mut self.stage {
            match line.hears.next_frame() {
                Ok(Some(frame)) => {
                    let packet = frame.packet.clone();
                    self.events.push_back(Event::Received(frame));
                    self.received(packet);
                }
                Ok(None) => return,
                Err(violation) => {
                    line.deaf = true;
                    self.events.push_back(Event::Violation(violation));
                    return;
                }
            }
        }
    }

    fn received(&mut self, packet: Packet) {
        match packet {
            Packet::ConnAck(ack) if ack.reason.is_error() => {
                self.events.push_back(Event::Refused { ack });
            }
            Packet::ConnAck(ack) => {
                let session_present = ack.session_present;
                if !session_present {
                    self.coming.clear();
                }
                self.events.push_back(Event::Connected {
                    session_present,
                    ack,
                });
            }
            Packet::Publish(publish) => self.take(publish),
            Packet::PubAck(ack) | Packet::PubComp(ack) => {
                self.acknowledged(ack.packet_id, ack.reason);
            }
            Packet::PubRec(ack) if ack.reason.is_error() => {
                self.acknowledged(ack.packet_id, ack.reason);
            }
            Packet::PubRel(ref ack) => {
                self.coming.remove(&ack.packet_id);
                self.answer(&packet);
            }
            Packet::SubAck(ack) => {
                if let Some(ticket) = self.requests.remove(&ack.packet_id) {
                    let reasons = ack.reasons;
                    self.events.push_back(Event::Subscribed { ticket, reasons });
                }
            }
            Packet::UnsubAck(ack) => {
                if let Some(ticket) = self.requests.remove(&ack.packet_id) {
                    let reasons = ack.reasons;
                    self.events
                        .push_back(Event::Unsubscribed { ticket, reasons });
                }
            }
            packet => self.answer(&packet),
        }
    }

    fn acknowledged(&mut self, id: PacketId, reason: ReasonCode) {
        if let Some(ticket) = self.requests.remove(&id) {
            self.events
                .push_back(Event::Acknowledged { ticket, reason });
        }
    }

    /// A message: told once for each QoS 2 flow, with the topic that its alias stands for.
    fn take(&mut self, mut publish: Publish) {
        let answered = Packet::Publish(publish.clone());
        if let (Stage::Open(line), Some(alias)) =
            (&mut self.stage, publish.properties.topic_alias())
        {
            if publish.topic.is_empty() {
                publish.topic = line.aliases.get(&alias).cloned().unwrap_or_default();
            } else {
                line.aliases.insert(alias, publish.topic.clone());
            }
        }
        let exactly_once = publish.qos == QoS::ExactlyOnce;
        let again = exactly_once && publish.packet_id.is_some_and(|id| !self.coming.insert(id));
        if !again {
            self.events.push_back(Event::Delivered {
                dup: publish.dup,
                packet_id: publish.packet_id,
                receipt: None,
                message: Message {
                    topic: publish.topic,
                    payload: publish.payload,
                    qos: publish.qos,
                    retain: publish.retain,
                    properties: publish.properties,
                },
            });
        }
        self.answer(&answered);
    }

    fn answer(&mut self, packet: &Packet) {
        let five = self.version == Some(Version::V5_0);
        if let Some(answer) = self.answers.to(packet, five) {
            self.send_packet(&answer);
        }
    }
}

impl Machine for Scripted {
    fn handle_command(&mut self, _now: Time, command: Command) {
        match command {
            Command::Connect(options) => self.connect(&options),
            Command::Publish(ticket, message) => self.publish(ticket, &message),
            Command::Subscribe {
                ticket,
                subscriptions,
                properties,
            } => self.ask(ticket, |packet_id| {
                Packet::Subscribe(Subscribe {
                    packet_id,
                    properties,
                    subscriptions,
                })
            }),
            Command::Unsubscribe {
                ticket,
                filters,
                properties,
            } => self.ask(ticket, |packet_id| {
                Packet::Unsubscribe(Unsubscribe {
                    packet_id,
                    properties,
                    filters,
                })
            }),
            Command::Disconnect { reason, properties } => self.disconnect(reason, properties),
            Command::Drop | Command::Stop => self.end(EndCause::Dropped, true),
            // It never dials by itself, lets nothing wait, and answers as it was told.
            Command::Backoff(_) | Command::QueueLimit(_) | Command::Acknowledge(..) => {}
            Command::Reauthenticate(ticket) => self.events.push_back(Event::Abandoned {
                ticket,
                why: Abandonment::NotAuthenticated,
            }),
            Command::Script(script) => self.script(script),
        }
    }

    fn handle_dialed(&mut self, _now: Time) {
        let (Stage::Dialing(unsent), Some(version)) = (&mut self.stage, self.version) else {
            return;
        };
        let unsent = std::mem::take(unsent);
        self.stage = Stage::Open(Box::new(Line::new(version, true)));
        unsent.into_iter().for_each(|bytes| self.send(bytes));
    }

    fn handle_dial_failed(&mut self, _now: Time, why: String) {
        if matches!(self.stage, Stage::Dialing(_)) {
            self.end(EndCause::DialFailed(why), false);
        }
    }

    fn handle_bytes(&mut self, _now: Time, bytes: &[u8]) {
        self.hear(bytes);
    }

    fn handle_closed(&mut self, _now: Time, how: Hangup) {
        if matches!(self.stage, Stage::Open(_)) {
            self.end(EndCause::Peer(how), false);
        }
    }

    fn handle_timeout(&mut self, _now: Time) {}

    fn poll_timeout(&self) -> Option<Time> {
        None
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}
