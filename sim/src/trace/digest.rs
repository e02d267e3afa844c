//! The canonical bytes of a record. Written out field by field, codes and bytes alone: the hash must not change because
//! a type got a new name, or a sentence other words.

use super::{AtServer, Node, Record, What};
use crate::{net::Way, order::Order, tap::Cut};
use squall_client::{Backoff, Command, ConnectOptions, EndCause, Message, Script, Ticket};
use squall_protocol::{
    Frame, PacketType, Properties, Property, ReasonCode, Role,
    packet::{Subscription, Will},
};
use squall_scenarios::model::{Crash, CutBy, CutPoint, Trouble, Unsynced};
use std::time::Duration;

/// Format of the canonical bytes; part of every hash.
const FORMAT: &[u8] = b"squall trace 2";
/// Bytes that are collected before they are hashed: a long trace is never held a second time.
const BLOCK: usize = 64 << 10;

pub(super) fn hash(records: &[Record]) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut out = Bytes(Vec::with_capacity(BLOCK.min(64 * records.len()) + 64));
    out.0.extend_from_slice(FORMAT);
    for record in records {
        out.record(record);
        if out.0.len() >= BLOCK {
            hasher.update(&out.0);
            out.0.clear();
        }
    }
    hasher.update(&out.0);
    hasher.finalize().to_hex().to_string()
}

/// Each value is written with a fixed length or with its length in front, so no two records give the same bytes.
struct Bytes(Vec<u8>);

impl Bytes {
    fn tag(&mut self, tag: u8) -> &mut Self {
        self.0.push(tag);
        self
    }

    fn number(&mut self, n: u64) -> &mut Self {
        self.0.extend_from_slice(&n.to_le_bytes());
        self
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) -> &mut Self {
        self.tag(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
        self
    }

    fn record(&mut self, record: &Record) {
        self.number(record.at.as_millis());
        match record.node {
            Node::Director => self.number(0),
            Node::Broker => self.number(1),
            Node::Client(c) => self.number(2 + c as u64),
        };
        match &record.what {
            What::Order(order) => self.tag(1).order(order),
            What::Broker { client, conn, seen } => {
                self.tag(2)
                    .number(*client as u64)
                    .number(*conn)
                    .broker(seen);
            }
            What::Dial => {
                self.tag(3);
            }
            What::Client(event) => self.tag(4).client(event),
            What::Cut(Cut { by, packet }) => {
                self.tag(5)
                    .tag(cut_by(*by))
                    .option(*packet, |out, p| out.packet_type(p));
            }
            What::GaveUp(_) => {
                self.tag(6);
            }
        }
    }

    fn packet_type(&mut self, packet: PacketType) {
        self.tag(packet as u8);
    }

    fn order(&mut self, order: &Order) {
        self.number(order.client().map_or(u64::MAX, |client| client as u64));
        match order {
            Order::Client(_, command) => self.tag(1).command(command),
            Order::Link(_, change) => {
                self.tag(2).option(change.latency_ms, |out, (min, max)| {
                    out.number(min.into()).number(max.into());
                });
                self.option(change.loss_permille, |out, loss| {
                    out.number(loss.into());
                });
            }
            Order::Block(_, way, blocked) => {
                self.tag(3)
                    .tag(u8::from(*way == Way::Down))
                    .tag(u8::from(*blocked));
            }
            Order::Arm(_, point, by) => {
                self.tag(4).point(point).tag(cut_by(*by));
            }
            Order::Cut(_, by) => {
                self.tag(5).tag(cut_by(*by));
            }
            Order::Disarm(_) => {
                self.tag(6);
            }
            Order::Nudge(_) => {
                self.tag(7);
            }
            Order::Broker(_, script) => self.tag(8).broker_script(script),
            Order::Crash(how, unsynced) => {
                self.tag(9).tag(crash(*how, *unsynced));
            }
            Order::Restart => {
                self.tag(10);
            }
            Order::Disk(what, (min, max)) => {
                let ms = |time: &Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                self.tag(11).tag(trouble(*what));
                self.number(ms(min)).number(ms(max));
            }
        }
    }

    fn point(&mut self, point: &CutPoint) -> &mut Self {
        self.tag(u8::from(point.after))
            .tag(point.packet as u8)
            .number(point.nth.into())
            .tag(u8::from(point.from == Role::Server))
    }

    fn command(&mut self, command: &Command) {
        match command {
            Command::Connect(options) => self.tag(1).options(options),
            Command::Publish(Ticket(ticket), message) => {
                self.tag(2).number(*ticket).message(message)
            }
            Command::Subscribe {
                ticket,
                subscriptions,
                properties,
            } => {
                self.tag(3).number(ticket.0).subscriptions(subscriptions);
                self.properties(properties);
            }
            Command::Unsubscribe {
                ticket,
                filters,
                properties,
            } => {
                self.tag(4).number(ticket.0).number(filters.len() as u64);
                for filter in filters {
                    self.bytes(filter.as_str().as_bytes());
                }
                self.properties(properties);
            }
            Command::Disconnect { reason, properties } => {
                self.tag(5).tag(reason.0).properties(properties)
            }
            Command::Drop => {
                self.tag(6);
            }
            Command::Backoff(backoff) => {
                self.tag(7).option(*backoff, Self::backoff);
            }
            Command::QueueLimit(limit) => {
                self.tag(10)
                    .number(limit.messages as u64)
                    .number(limit.bytes as u64);
            }
            // Who is meant is told by what is sent.
            Command::Acknowledge(_, reason) => {
                self.tag(11).tag(reason.0);
            }
            Command::Reauthenticate(ticket) => {
                self.tag(12).number(ticket.0);
            }
            Command::Stop => {
                self.tag(8);
            }
            Command::Script(script) => self.tag(9).script(script),
        }
    }

    fn backoff(&mut self, b: Backoff) {
        self.number(b.first.as_millis() as u64)
            .number(b.max.as_millis() as u64);
        // Only where they are there: most traces know neither.
        if let Some(seed) = b.jitter {
            self.tag(2).number(seed);
        }
        if !b.settled.is_zero() {
            self.tag(3).number(b.settled.as_millis() as u64);
        }
    }

    fn subscriptions(&mut self, all: &[Subscription]) {
        self.number(all.len() as u64);
        for s in all {
            self.bytes(s.filter.as_str().as_bytes())
                .tag(s.qos.as_u8())
                .tag(u8::from(s.no_local))
                .tag(u8::from(s.retain_as_published))
                .tag(s.retain_handling as u8);
        }
    }

    fn script(&mut self, script: &Script) {
        match script {
            Script::Dial(version) => self.tag(1).tag(version.level()),
            Script::Send(bytes, first) => self.tag(2).bytes(bytes).option(*first, |out, n| {
                out.number(n as u64);
            }),
            Script::SendRest => self.tag(3),
            Script::Answer(answers) => {
                self.tag(4).tag(answers.reason.0);
                for packet in &answers.withheld {
                    self.tag(*packet as u8);
                }
                self.tag(0)
            }
            Script::Read(read) => self.tag(5).tag(u8::from(*read)),
        };
    }

    fn broker_script(&mut self, script: &squall_broker::Script) {
        use squall_broker::Script;
        match script {
            Script::Send(bytes, first) => self.tag(1).bytes(bytes).option(*first, |out, n| {
                out.number(n as u64);
            }),
            Script::SendRest => self.tag(2),
            Script::Answer(answers) => {
                self.tag(3).tag(answers.reason.0);
                for packet in &answers.withheld {
                    self.tag(*packet as u8);
                }
                self.tag(0)
            }
            Script::Read(read) => self.tag(4).tag(u8::from(*read)),
            Script::Close => self.tag(5),
        };
    }

    fn options(&mut self, o: &ConnectOptions) {
        self.tag(o.version.level())
            .bytes(o.client_id.as_bytes())
            .tag(u8::from(o.clean_start));
        self.option(o.session_expiry, |out, s| {
            out.number(s.into());
        });
        self.number(o.keep_alive.into());
        self.option(o.receive_maximum, |out, r| {
            out.number(r.into());
        });
        // Only where they are there: most traces know neither.
        let credentials = [
            o.user_name.as_ref().map(|name| name.as_bytes()),
            o.password.as_deref(),
        ];
        for (tag, said) in [2, 3].into_iter().zip(credentials) {
            if let Some(said) = said {
                self.tag(tag).bytes(said);
            }
        }
        self.option(
            o.will.as_ref(),
            |out,
             Will {
                 topic,
                 payload,
                 qos,
                 retain,
                 properties,
             }| {
                out.bytes(topic.as_bytes())
                    .bytes(payload)
                    .tag(qos.as_u8())
                    .tag(u8::from(*retain))
                    .properties(properties);
            },
        );
    }

    fn message(&mut self, m: &Message) {
        self.bytes(m.topic.as_bytes())
            .bytes(&m.payload)
            .tag(m.qos.as_u8())
            .tag(u8::from(m.retain));
        self.properties(&m.properties);
    }

    fn properties(&mut self, properties: &Properties) {
        self.number(properties.iter().count() as u64);
        for property in properties {
            self.property(property);
        }
    }

    fn property(&mut self, property: &Property) {
        self.tag(property.id().0);
        match property {
            Property::PayloadFormatIndicator(v)
            | Property::RequestProblemInformation(v)
            | Property::RequestResponseInformation(v)
            | Property::MaximumQoS(v)
            | Property::RetainAvailable(v)
            | Property::WildcardSubscriptionAvailable(v)
            | Property::SubscriptionIdentifiersAvailable(v)
            | Property::SharedSubscriptionAvailable(v) => self.number((*v).into()),
            Property::ServerKeepAlive(v)
            | Property::ReceiveMaximum(v)
            | Property::TopicAliasMaximum(v)
            | Property::TopicAlias(v) => self.number((*v).into()),
            Property::MessageExpiryInterval(v)
            | Property::SubscriptionIdentifier(v)
            | Property::SessionExpiryInterval(v)
            | Property::WillDelayInterval(v)
            | Property::MaximumPacketSize(v) => self.number((*v).into()),
            Property::ContentType(v)
            | Property::ResponseTopic(v)
            | Property::AssignedClientIdentifier(v)
            | Property::AuthenticationMethod(v)
            | Property::ResponseInformation(v)
            | Property::ServerReference(v)
            | Property::ReasonString(v) => self.bytes(v.as_bytes()),
            Property::CorrelationData(v) | Property::AuthenticationData(v) => self.bytes(v),
            Property::UserProperty(k, v) => self.bytes(k.as_bytes()).bytes(v.as_bytes()),
        };
    }

    fn frame(&mut self, frame: &Frame) {
        self.bytes(&frame.bytes);
    }

    fn broker(&mut self, seen: &AtServer) {
        match seen {
            AtServer::Opened => {
                self.tag(1);
            }
            AtServer::Received(frame) => self.tag(2).frame(frame),
            AtServer::Violation(violation) => {
                self.tag(3).number(violation.offset as u64);
            }
            AtServer::Sent(frame) => self.tag(4).frame(frame),
            AtServer::SentRaw { bytes, broken } => {
                self.tag(6).tag(u8::from(*broken)).bytes(bytes);
            }
            AtServer::Closed { by, .. } => {
                self.tag(5).tag(u8::from(*by == Role::Server));
            }
        }
    }

    fn client(&mut self, event: &squall_client::Event) {
        use squall_client::Event;
        match event {
            Event::Received(frame) => self.tag(1).frame(frame),
            Event::Sent(frame) => self.tag(2).frame(frame),
            Event::SentRaw { bytes, broken } => {
                self.tag(12).tag(u8::from(*broken)).bytes(bytes);
            }
            Event::Violation(violation) => {
                self.tag(3).number(violation.offset as u64);
            }
            Event::Connected {
                session_present,
                ack,
            } => {
                self.tag(4)
                    .tag(u8::from(*session_present))
                    .tag(ack.reason.0);
            }
            Event::Refused { ack } => {
                self.tag(5).tag(ack.reason.0);
            }
            Event::Ended { cause } => self.tag(6).end_cause(cause),
            Event::Delivered {
                message,
                dup,
                packet_id,
                ..
            } => {
                self.tag(7)
                    .tag(u8::from(*dup))
                    .number(packet_id.map_or(0, |p| p.get().into()))
                    .message(message);
            }
            Event::Acknowledged { ticket, reason } => {
                self.tag(8).number(ticket.0).tag(reason.0);
            }
            Event::Subscribed { ticket, reasons } => self.tag(9).number(ticket.0).reasons(reasons),
            Event::Unsubscribed { ticket, reasons } => {
                self.tag(10).number(ticket.0).reasons(reasons)
            }
            Event::Abandoned { ticket, .. } => {
                self.tag(11).number(ticket.0);
            }
        }
    }

    fn end_cause(&mut self, cause: &EndCause) {
        match cause {
            EndCause::Requested => self.tag(1),
            EndCause::Dropped => self.tag(2),
            EndCause::Refused(_) => self.tag(3),
            EndCause::Peer(how) => self
                .tag(4)
                .tag(u8::from(*how == squall_client::Hangup::Reset)),
            EndCause::ServerDisconnect(reason) => self.tag(5).tag(reason.0),
            EndCause::PingTimeout => self.tag(6),
            EndCause::ConnectTimeout => self.tag(7),
            EndCause::DialFailed(_) => self.tag(8),
            EndCause::Violation => self.tag(9),
            EndCause::ProtocolError(_) => self.tag(10),
            EndCause::AnswerTooLarge => self.tag(11),
            EndCause::InvalidOptions(_) => self.tag(12),
            EndCause::Authentication(_) => self.tag(13),
        };
    }

    fn reasons(&mut self, reasons: &[ReasonCode]) {
        self.number(reasons.len() as u64);
        for reason in reasons {
            self.tag(reason.0);
        }
    }
}

const fn cut_by(by: CutBy) -> u8 {
    match by {
        CutBy::Reset => 1,
        CutBy::Close => 2,
        CutBy::Silence => 3,
    }
}

const fn crash(how: Crash, unsynced: Unsynced) -> u8 {
    match (how, unsynced) {
        (Crash::Kill, _) => 1,
        (Crash::PowerLoss, Unsynced::Any) => 2,
        (Crash::PowerLoss, Unsynced::Lost) => 3,
        (Crash::PowerLoss, Unsynced::Torn) => 4,
        (Crash::PowerLoss, Unsynced::Kept) => 5,
    }
}

const fn trouble(trouble: Trouble) -> u8 {
    match trouble {
        Trouble::Sound => 0,
        Trouble::Fails => 1,
        Trouble::Full => 2,
        Trouble::Slow => 3,
    }
}
