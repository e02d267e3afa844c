//! The client's core: everything that decides, nothing that waits.
//!
//! It knows no socket, clock, task or randomness. [`Client`] has the calling order.

mod acknowledging;
mod again;
mod authentication;
mod command;
mod connection;
mod dialing;
mod ending;
mod event;
mod fault;
mod message;
mod naming;
mod receive;
mod redial;
mod renewal;
mod send;
mod session;
mod shared;
mod sharing;
mod taking;
#[cfg(test)]
mod tests;
mod waiting;

pub use again::Again;
pub use authentication::{Authentication, Method};
pub use command::{Acknowledgement, Backoff, Command, ConnectOptions, QueueLimit, Script};
pub use event::{Abandonment, EndCause, Event, Output};
pub use fault::ProtocolError;
pub use message::{Message, Receipt, Ticket};
pub use shared::SharedSession;

pub(crate) use send::{connect_packet, publish_of};

use bytes::Bytes;
use connection::{Connection, Due};
use redial::Redial;
use renewal::Renewal;
use session::Session;
use shared::Share;
use squall_protocol::{
    Packet, Properties, ReasonCode, Text, Time,
    packet::Subscription,
    topic::{self, TopicFilter},
};
use squall_transport::Hangup;
use std::collections::VecDeque;
use waiting::{Item, Waiting};

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
    renewal: Renewal,
    /// The transport takes nothing for now.
    full: bool,
    /// The driver reads nothing for now.
    deaf: bool,
    outputs: VecDeque<Output>,
    events: VecDeque<Event>,
}

#[derive(Debug)]
enum Stage {
    Idle,
    Dialing {
        /// The options as they are used.
        options: Box<ConnectOptions>,
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
            renewal: Renewal::default(),
            full: false,
            deaf: false,
            outputs: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// With `Some`, dials again by itself, with the same options, where [`Again`] says so. With `None`, a dial that is
    /// due is not made.
    pub fn set_backoff(&mut self, backoff: Option<Backoff>) {
        self.redial.set(backoff);
    }

    /// How much may wait to be sent from now on; what waits already stays. No limit as it begins.
    pub fn set_queue_limit(&mut self, limit: QueueLimit) {
        self.waiting.limit = limit;
    }

    /// Whether the transport has room. While it has none, no message or request is sent, of whatever QoS; they wait.
    /// It has room as it begins, and on each new connection.
    pub fn handle_room(&mut self, now: Time, room: bool) {
        self.with_session(|client| {
            client.full = !room;
            client.pump(now);
        });
    }

    /// Whether what arrives is read. While it is not, an answer to PINGREQ is not missed.
    pub fn handle_reading(&mut self, now: Time, reading: bool) {
        self.deaf = !reading;
        if let Stage::Open(connection) = &mut self.stage {
            connection.timers.set_deaf(now, self.deaf);
        }
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
            Command::QueueLimit(limit) => self.set_queue_limit(limit),
            Command::Acknowledge(receipt, reason) => self.acknowledge(now, receipt, reason),
            Command::Reauthenticate(ticket) => self.reauthenticate(now, ticket),
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
            client.redial.begin();
            client.share(options.shared.clone());
            client.options = Some(options);
            client.dial(now, false);
        });
    }

    /// Publishes: at once, or when there is a connection and room in the [window](ConnectOptions::window) and the
    /// server's Receive Maximum. Messages are sent in the order of the calls. Ends in [`Event::Acknowledged`] or [`Event::Abandoned`].
    pub fn publish(&mut self, now: Time, ticket: Ticket, message: Message) {
        self.with_session(|client| {
            // [MQTT-3.3.2-2], [MQTT-4.7.3-1]
            if let Err(error) = topic::check_name(&message.topic) {
                client.abandon(ticket, Abandonment::InvalidTopic(error));
                return;
            }
            if !client.waiting.push_message(ticket, message) {
                return client.abandon(ticket, Abandonment::QueueFull);
            }
            client.pump(now);
        });
    }

    /// Subscribes: at once, or when there is a connection. Ends in [`Event::Subscribed`] or [`Event::Abandoned`].
    /// Subscribing again on a new session is up to the caller, unless the options say [`ConnectOptions::resubscribe`].
    pub fn subscribe(
        &mut self,
        now: Time,
        ticket: Ticket,
        subscriptions: Vec<Subscription>,
        properties: Properties,
    ) {
        self.with_session(|client| {
            let request = Item::Subscribe(ticket, subscriptions, properties);
            client.ask(now, ticket, request);
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
            let request = Item::Unsubscribe(ticket, filters, properties);
            client.ask(now, ticket, request);
        });
    }

    fn ask(&mut self, now: Time, ticket: Ticket, request: Item) {
        if !self.waiting.push_request(request) {
            return self.abandon(ticket, Abandonment::QueueFull);
        }
        self.pump(now);
    }

    /// Sends DISCONNECT and closes [MQTT-3.14.4-1], [MQTT-3.14.4-2]; without a connection, gives up dialing. What waits to be
    /// sent goes on waiting. A caller that closes without it may do so, too [X-5.0-disconnect-1].
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
                        client.dial(now, true);
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
        let received = self.session.inbound.len() + self.session.taking.len();
        let own = self.session.outbound().len() + received;
        shared + own + self.waiting.messages()
    }
}
