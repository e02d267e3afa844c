//! The client's core: everything that decides, nothing that waits.
//!
//! It knows no socket, clock, task or randomness. [`Client`] has the calling order.

mod command;
mod connection;
mod event;
mod fault;
mod message;
mod receive;
mod redial;
mod send;
mod session;
mod shared;
mod sharing;
#[cfg(test)]
mod tests;

pub use command::{Backoff, Command, ConnectOptions, Script};
pub use event::{Abandonment, EndCause, Event, Output};
pub use fault::ProtocolError;
pub use message::{Message, Ticket};
pub use shared::SharedSession;

pub(crate) use send::{connect_packet, publish_of};

use bytes::Bytes;
use connection::{Connection, Due};
use redial::Redial;
use send::Waiting;
use session::{Session, Unfinished};
use shared::Share;
use squall_protocol::{
    Packet, Properties, PropertyId, ReasonCode, Text, Time, Version,
    packet::{Disconnect, Subscription},
    topic::{self, TopicFilter},
};
use squall_transport::Hangup;
use std::collections::VecDeque;

/// The client's state machine.
///
/// Call a command or a `handle_*` method with the time, then [`Self::poll_event`] until it gives `None`, then
/// [`Self::poll_output`] until it gives `None` and do what it says, in that order. Call [`Self::handle_timeout`] when
/// the time of [`Self::poll_timeout`] has come. Time must not go backwards.
///
/// One `Client` is one client with its session: unfinished QoS 1 and 2 flows survive connections. What is published
/// or requested without a connection waits for one.
#[derive(Debug)]
pub struct Client {
    stage: Stage,
    options: Option<ConnectOptions>,
    /// The Client Identifier the server gave to a client without one.
    assigned_id: Option<Text>,
    redial: Redial,
    session: Session,
    /// Its part in a session that others have in turn.
    share: Option<Share>,
    /// A call is going on.
    called: bool,
    waiting: Waiting,
    outputs: VecDeque<Output>,
    events: VecDeque<Event>,
}

#[derive(Debug)]
enum Stage {
    Idle,
    Dialing {
        /// The encoded CONNECT and the end of the connect timeout.
        connect: (Packet, Bytes),
        connect_by: Option<Time>,
    },
    /// CONNECT was sent.
    Open(Box<Connection>),
}

impl Stage {
    /// The connection, where what happens can only happen while one is open.
    fn open(&self) -> &Connection {
        match self {
            Self::Open(connection) => connection,
            stage => unreachable!("{NO_CONNECTION}: {stage:?}"),
        }
    }

    /// [`Self::open`], to be changed.
    fn open_mut(&mut self) -> &mut Connection {
        match self {
            Self::Open(connection) => connection,
            stage => unreachable!("{NO_CONNECTION}: {stage:?}"),
        }
    }
}

/// A packet arrived or is sent, and nothing to carry it.
const NO_CONNECTION: &str = "a packet without a connection";

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Client {
    /// A client without a connection or a session.
    #[must_use]
    pub fn new() -> Self {
        Self {
            stage: Stage::Idle,
            options: None,
            assigned_id: None,
            redial: Redial::default(),
            session: Session::new(),
            share: None,
            called: false,
            waiting: Waiting::default(),
            outputs: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// With `Some`, dials again by itself, with the same options, after an unwanted end: never after
    /// [`EndCause::Requested`], [`EndCause::Dropped`], [`EndCause::Refused`] or [`EndCause::InvalidOptions`]. With
    /// `None`, a dial that is due is not made.
    pub fn set_backoff(&mut self, backoff: Option<Backoff>) {
        self.redial = Redial {
            backoff,
            wait: None,
            at: self.redial.at.filter(|_| backoff.is_some()),
        };
    }

    /// Does what a command says. [`Command::Stop`] drops the connection.
    pub fn handle_command(&mut self, now: Time, command: Command) {
        match command {
            Command::Connect(options) => self.connect(now, *options),
            Command::Publish(ticket, message) => self.publish(now, ticket, message),
            Command::Subscribe {
                ticket,
                subscriptions,
                properties,
            } => self.subscribe(now, ticket, subscriptions, properties),
            Command::Unsubscribe {
                ticket,
                filters,
                properties,
            } => self.unsubscribe(now, ticket, filters, properties),
            Command::Disconnect { reason, properties } => self.disconnect(now, reason, properties),
            Command::Drop | Command::Stop => self.drop_connection(now),
            Command::Backoff(backoff) => self.set_backoff(backoff),
            Command::Script(_) => {}
        }
    }

    /// Connects. A connection or attempt from before is dropped first. With another Client Identifier the session
    /// from before is given up.
    ///
    /// Options of which no valid CONNECT can be made end at once in [`EndCause::InvalidOptions`].
    pub fn connect(&mut self, now: Time, options: ConnectOptions) {
        self.with_session(|client| {
            client.end(now, EndCause::Dropped, true);
            client.redial.wait = None;
            client.share(options.shared.clone());
            client.options = Some(options);
            client.dial(now);
        });
    }

    /// Publishes: at once, or when there is a connection and room in the server's Receive Maximum. Messages are sent
    /// in the order of the calls. Ends in [`Event::Acknowledged`] or [`Event::Abandoned`].
    pub fn publish(&mut self, now: Time, ticket: Ticket, message: Message) {
        self.with_session(|client| {
            // [MQTT-3.3.2-2], [MQTT-4.7.3-1]
            if let Err(error) = topic::check_name(&message.topic) {
                client.abandon(ticket, Abandonment::InvalidTopic(error));
                return;
            }
            client.waiting.push_message(ticket, message);
            client.pump(now);
        });
    }

    /// Subscribes: at once, or when there is a connection. Ends in [`Event::Subscribed`] or [`Event::Abandoned`].
    /// Subscribing again on a new session is up to the caller.
    pub fn subscribe(
        &mut self,
        now: Time,
        ticket: Ticket,
        subscriptions: Vec<Subscription>,
        properties: Properties,
    ) {
        self.with_session(|client| {
            client
                .waiting
                .push_subscribe(ticket, subscriptions, properties);
            client.pump(now);
        });
    }

    /// Unsubscribes: at once, or when there is a connection. Ends in [`Event::Unsubscribed`] or
    /// [`Event::Abandoned`].
    pub fn unsubscribe(
        &mut self,
        now: Time,
        ticket: Ticket,
        filters: Vec<TopicFilter>,
        properties: Properties,
    ) {
        self.with_session(|client| {
            client.waiting.push_unsubscribe(ticket, filters, properties);
            client.pump(now);
        });
    }

    /// Sends DISCONNECT and closes; without a connection, gives up dialing. What waits to be sent goes on waiting.
    ///
    /// In 5.0, a reason code a client may not send becomes Unspecified error (0x80 and above) or Normal
    /// disconnection, and a Session Expiry Interval above 0 is left out where the session was to end with the
    /// connection [X-5.0-disconnect-3]. Properties that do not fit are left out.
    pub fn disconnect(&mut self, now: Time, reason: ReasonCode, properties: Properties) {
        self.with_session(|client| match &mut client.stage {
            Stage::Idle => client.redial.at = None,
            Stage::Dialing { .. } => client.end(now, EndCause::Requested, true),
            Stage::Open(_) => {
                client.send_disconnect(now, reason, properties);
                client.end(now, EndCause::Requested, true);
            }
        });
    }

    /// Closes without DISCONNECT; without a connection, gives up dialing.
    pub fn drop_connection(&mut self, now: Time) {
        self.with_session(|client| {
            client.redial.at = None;
            client.end(now, EndCause::Dropped, true);
        });
    }

    /// The dial succeeded: CONNECT is sent.
    pub fn handle_dialed(&mut self, now: Time) {
        self.with_session(|client| {
            if !matches!(client.stage, Stage::Dialing { .. }) {
                return;
            }
            let stage = std::mem::replace(&mut client.stage, Stage::Idle);
            let (
                Stage::Dialing {
                    connect,
                    connect_by,
                },
                Some(options),
            ) = (stage, &client.options)
            else {
                return;
            };
            let share = client.share.as_mut();
            let moved_in = share.is_some_and(|share| share.claim(&mut client.session));
            let mut lost = Vec::new();
            if options.clean_start {
                // The server discards the session when it sees this CONNECT, so it must not live on here
                // [MQTT-3.1.2-6] (3.1.1), [MQTT-3.1.2-4] (5.0).
                lost = client.session.discard();
                if moved_in {
                    // Nor do identifiers that another client has used.
                    client.session.unfinished = Unfinished::default();
                }
            }
            let begun = std::mem::replace(&mut client.session.begun, true);
            let had_session = begun || options.shared.is_some();
            client.stage = Stage::Open(Box::new(Connection::new(options, connect_by, had_session)));
            client.abandon_all(lost, &Abandonment::SessionEnded);
            // [MQTT-3.1.0-1]
            client.transmit(now, connect.0, connect.1);
        });
    }

    /// The dial failed.
    pub fn handle_dial_failed(&mut self, now: Time, why: String) {
        if matches!(self.stage, Stage::Dialing { .. }) {
            self.end(now, EndCause::DialFailed(why), false);
        }
    }

    /// Bytes arrived. Bytes for a connection that is over are ignored.
    pub fn handle_bytes(&mut self, now: Time, bytes: &[u8]) {
        self.with_session(|client| {
            if let Stage::Open(connection) = &mut client.stage {
                connection.decoder.push(bytes);
            }
            while let Stage::Open(connection) = &mut client.stage {
                match connection.decoder.next_frame() {
                    Ok(Some(frame)) => client.handle_frame(now, frame),
                    Ok(None) => return,
                    Err(violation) => {
                        let reason = violation.reason();
                        client.events.push_back(Event::Violation(violation));
                        client.fail(now, reason, EndCause::Violation);
                    }
                }
            }
        });
    }

    /// The transport ended.
    pub fn handle_closed(&mut self, now: Time, how: Hangup) {
        self.with_session(|client| {
            if matches!(client.stage, Stage::Open(_)) {
                client.end(now, EndCause::Peer(how), false);
            }
        });
    }

    /// Does everything that is due.
    pub fn handle_timeout(&mut self, now: Time) {
        self.with_session(|client| {
            while client.poll_timeout().is_some_and(|at| at <= now) {
                match &client.stage {
                    Stage::Idle => {
                        client.redial.at = None;
                        client.dial(now);
                    }
                    Stage::Dialing { .. } => client.end(now, EndCause::ConnectTimeout, true),
                    Stage::Open(connection) => match connection.timers.next() {
                        // [X-3.1.1-connack-1], [X-5.0-connack-1]
                        Some((_, Due::Connect)) => client.end(now, EndCause::ConnectTimeout, true),
                        // [X-3.1.1-keepalive-2], [X-5.0-keepalive-2]
                        Some((_, Due::PingAnswer)) => client.end(now, EndCause::PingTimeout, true),
                        // [MQTT-3.1.2-23] (3.1.1), [MQTT-3.1.2-20] (5.0)
                        Some((_, Due::KeepAlive)) => client.answer(now, Packet::PingReq),
                        None => return,
                    },
                }
            }
        });
    }

    /// When [`Self::handle_timeout`] is due, if ever.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        let at = match &self.stage {
            Stage::Idle => self.redial.at,
            Stage::Dialing { connect_by, .. } => *connect_by,
            Stage::Open(connection) => connection.timers.next().map(|(at, _)| at),
        };
        // Additions of time stop there: it means never.
        at.filter(|at| *at < Time::MAX)
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether the server has accepted the connection and it is not known to be over.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(&self.stage, Stage::Open(connection) if connection.accepted)
    }

    /// QoS 1 and 2 flows that are open, in both directions, and messages that wait to be sent.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        let shared = self.share.as_ref().map_or(0, Share::unfinished);
        let own = self.session.outbound().len() + self.session.inbound.len();
        shared + own + self.waiting.messages()
    }

    /// Begins an attempt with the options at hand.
    fn dial(&mut self, now: Time) {
        self.redial.at = None;
        let Some(options) = &self.options else {
            return;
        };
        let mut connect = options.clone();
        if let (true, Version::V5_0, Some(id)) = (
            connect.client_id.is_empty(),
            connect.version,
            &self.assigned_id,
        ) {
            connect.client_id = id.clone();
        }
        let timeout = options.connect_timeout;
        match send::connect_packet(&connect) {
            Err(why) => self.events.push_back(Event::Ended {
                cause: EndCause::InvalidOptions(why),
            }),
            Ok(packet) => {
                if self.session.owner != connect.client_id {
                    let lost = self.session.discard();
                    self.session.owner = connect.client_id;
                    self.abandon_all(lost, &Abandonment::SessionEnded);
                }
                self.stage = Stage::Dialing {
                    connect: packet,
                    connect_by: (!timeout.is_zero()).then(|| now + timeout),
                };
                self.outputs.push_back(Output::Dial);
            }
        }
    }

    /// Ends a connection for something the server did; 5.0 tells it why [X-5.0-error-2], 3.1.1 just closes
    /// [MQTT-4.8.0-1].
    fn fail(&mut self, now: Time, reason: ReasonCode, cause: EndCause) {
        let five =
            matches!(&self.stage, Stage::Open(connection) if connection.version == Version::V5_0);
        if five {
            self.send_disconnect(now, reason, Properties::new());
        }
        self.end(now, cause, true);
    }

    /// Ends the connection or attempt there is, if there is one. `close` unless the transport is gone already.
    fn end(&mut self, now: Time, cause: EndCause, close: bool) {
        let stage = std::mem::replace(&mut self.stage, Stage::Idle);
        if matches!(stage, Stage::Idle) {
            return;
        }
        if close {
            self.outputs.push_back(Output::Close);
        }
        let unwanted = cause.is_unwanted();
        self.events.push_back(Event::Ended { cause });
        if let Stage::Open(connection) = stage {
            for (id, request) in connection.requests {
                self.session.outbound_mut().give_up(id);
                self.abandon(request.ticket, Abandonment::ConnectionEnded);
            }
            // [MQTT-3.1.2-6] (3.1.1), [X-5.0-session-1]
            if connection.accepted && connection.expiry == 0 {
                let lost = self.session.discard();
                self.abandon_all(lost, &Abandonment::SessionEnded);
            }
        }
        if unwanted {
            self.redial.schedule(now);
        }
    }

    /// DISCONNECT, as far as it can be said; the connection ends right after it.
    fn send_disconnect(&mut self, now: Time, reason: ReasonCode, mut properties: Properties) {
        let connection = self.stage.open_mut();
        if connection.version == Version::V3_1_1 {
            let plain = Disconnect::with_reason(ReasonCode::NORMAL_DISCONNECTION);
            self.send_if_it_fits(now, Packet::Disconnect(plain));
            return;
        }
        match properties.session_expiry_interval() {
            Some(expiry) if connection.expiry == 0 && expiry > 0 => {
                properties.remove(PropertyId::SESSION_EXPIRY_INTERVAL);
            }
            Some(expiry) => connection.expiry = expiry,
            None => {}
        }
        let reason = send::disconnect_reason(reason);
        // Only what helps a human may be left out to fit [MQTT-3.14.2-3], [MQTT-3.14.2-4].
        let short = properties
            .iter()
            .filter(|p| p.id() == PropertyId::SESSION_EXPIRY_INTERVAL);
        let short = short.cloned().collect();
        for properties in [properties, short, Properties::new()] {
            if self.send_if_it_fits(now, Packet::Disconnect(Disconnect { reason, properties })) {
                return;
            }
        }
    }

    fn abandon(&mut self, ticket: Ticket, why: Abandonment) {
        self.events.push_back(Event::Abandoned { ticket, why });
    }

    fn abandon_all(&mut self, tickets: Vec<Ticket>, why: &Abandonment) {
        for ticket in tickets {
            self.abandon(ticket, why.clone());
        }
    }
}
