//! Sessions, connections, subscriptions and messages, as the packets tell them.
//!
//! The model is built from what was seen and asks no party. Connections are looked at from one end: the server's where
//! a world can see it ([`Setting::watched`]), the clients' otherwise; what applications did and were told always comes
//! from the clients. Whatever a rule asks for by message, client or session is found through an index: a history of a
//! million records is judged in a time that grows with their number alone.

mod certain;
mod connection;
mod index;
mod less;
mod levels;
mod message;
mod outage;
mod reader;
mod session;
mod subscriptions;

pub use certain::Certain;
pub use connection::{Answer, Connection};
pub use index::{ClientIx, Mark, MessageIx, SessionIx};
pub use message::{Bounds, Carried, Delivered, Messages, Outcome, Published, Seen};
pub use outage::{Keeps, Outage};
pub use reader::Reader;
pub use session::{Kept, kept};

pub(crate) use levels::Levels;
pub(crate) use subscriptions::{Filter, Reach, Subscribed, Subscriptions};

use squall_protocol::{QoS, Role, Time, Version, topic::TopicFilter};
use std::{collections::BTreeMap, time::Duration};

/// What has to be known beside the records.
#[derive(Clone, Debug)]
pub struct Setting<'a> {
    /// The version that is spoken.
    pub version: Version,
    /// Clients that speak a version of their own.
    pub others: BTreeMap<usize, Version>,
    /// By client: what it is called in a sentence.
    pub names: Vec<&'a str>,
    /// By client: its session, the first client with its Client Identifier.
    pub sessions: Vec<SessionIx>,
    /// By session: one of its clients need not behave. What such a one is not sent proves nothing.
    pub unruly: Vec<bool>,
    /// What the other party is called: `the broker`.
    pub server: &'static str,
    /// Whose end of the connections is looked at.
    pub watched: Role,
    /// From here on nothing disturbed anybody, and what was under way then has had time to arrive. `None`: what did not
    /// happen proves nothing.
    pub settled: Option<Time>,
    /// The server may drop messages for a client that is away: its queue was limited on purpose.
    pub drops: bool,
    /// The server is known to discard no session before its time, and no retained message. Others may, by a policy of
    /// their own: sessions (section 4.1), retained messages of QoS 0 (section 3.3.1.3).
    pub keeps_sessions: bool,
    /// The server may hold back what it says, and takes its time over what it hears.
    pub buffers: bool,
    /// How late an act may be that is due at a time; none comes too early. More where the server may take its time, and
    /// is seen to.
    pub slack: Duration,
}

/// One topic filter of one SUBSCRIBE that was granted.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) client: ClientIx,
    pub(crate) filter: &'a TopicFilter,
    pub(crate) wants_retained: bool,
    /// It may bring retained messages, so far as it goes by its Retain Handling.
    pub(crate) may_bring_retained: bool,
    /// It asked for Retain As Published.
    pub(crate) as_published: bool,
    /// The subscription that was granted, into the list of all.
    pub(crate) subscription: Option<usize>,
    /// Its Subscription Identifier.
    pub(crate) id: Option<u32>,
    /// The QoS granted; the one asked for where no answer came.
    pub(crate) granted: QoS,
    /// Into `connections`.
    pub(crate) connection: usize,
    /// SUBACK; SUBSCRIBE where no answer came.
    pub(crate) at: Time,
    /// SUBACK, if one came.
    pub(crate) answered: Option<usize>,
    /// SUBSCRIBE.
    pub(crate) ix: usize,
    /// When that was.
    pub(crate) asked_at: Time,
}

/// The whole of a history.
#[derive(Debug)]
pub struct Model<'a> {
    /// What had to be known.
    pub setting: Setting<'a>,
    /// Every application message there was.
    pub messages: Messages<'a>,
    /// Messages handed to clients, in order.
    pub published: Vec<Published<'a>>,
    /// Messages handed to applications, in order.
    pub delivered: Vec<Delivered<'a>>,
    /// By client: indices into `delivered`, in order.
    pub delivered_to: Vec<Vec<usize>>,
    /// Network connections, in the order in which they began.
    pub connections: Vec<Connection<'a>>,
    /// By client: indices into `connections`, in order.
    pub connections_of: Vec<Vec<usize>>,
    /// By session: its connections that were accepted, in the order in which they were.
    pub(crate) accepted: Vec<Vec<usize>>,
    /// PUBLISH packets both ways, in order.
    pub packets: Vec<Carried<'a>>,
    /// What is certain of each of them; empty where the server's end is seen.
    bounds: Vec<Bounds>,
    /// Subscriptions, ended or not.
    pub(crate) subscriptions: Subscriptions<'a>,
    /// Every subscribe request for one filter that was granted, also of a subscription that existed.
    pub(crate) requests: Vec<Request<'a>>,
    /// The same of requests that were not answered: they may have been granted.
    pub(crate) unanswered: Vec<Request<'a>>,
    /// Something was sent of which nothing is known: it may have been a message, or anything else.
    pub unknown: bool,
    /// By session: the latest of its connections.
    last_of_session: Vec<Option<usize>>,
    /// The first thing that the server gave less of than was asked for, or that it ended of its own accord, although
    /// the standard lets it: the record, and what it was. Whoever counts on more than the standard cannot do so here.
    pub less: Option<(usize, String)>,
    /// The longest that the server took to answer CONNECT or SUBSCRIBE.
    pub slowest: Duration,
    /// When there was no server, in order.
    pub outages: Vec<Outage>,
    /// Until when somebody looked.
    pub end: Time,
}

impl<'a> Model<'a> {
    fn new(setting: Setting<'a>) -> Self {
        let clients = setting.names.len();
        Self {
            messages: Messages::default(),
            published: Vec::new(),
            delivered: Vec::new(),
            delivered_to: vec![Vec::new(); clients],
            connections: Vec::new(),
            connections_of: vec![Vec::new(); clients],
            accepted: vec![Vec::new(); clients],
            packets: Vec::new(),
            bounds: Vec::new(),
            subscriptions: Subscriptions::new(clients),
            requests: Vec::new(),
            unanswered: Vec::new(),
            unknown: false,
            last_of_session: vec![None; clients],
            less: None,
            slowest: Duration::ZERO,
            outages: Vec::new(),
            end: Time::ZERO,
            setting,
        }
    }

    /// The server itself is looked at: what it had heard when it spoke is known.
    #[must_use]
    pub fn sharp(&self) -> bool {
        self.setting.watched == Role::Server
    }

    /// Whether somebody looked at a clock: without one, no time that passed is known.
    #[must_use]
    pub fn has_clock(&self) -> bool {
        self.end > Time::ZERO
    }

    /// Whether what has not come by the end will not come: all was settled for longer than the server may take.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let settled = self.setting.settled;
        settled.is_some_and(|at| !self.setting.buffers || self.end.since(at) >= self.setting.slack)
    }

    /// What a client is called.
    #[must_use]
    pub fn name(&self, client: ClientIx) -> &'a str {
        self.setting.names[client]
    }

    /// The version that a client speaks.
    #[must_use]
    pub fn speaks(&self, client: ClientIx) -> Version {
        let own = self.setting.others.get(&client).copied();
        own.unwrap_or(self.setting.version)
    }

    /// The session of a client: clients may be one to the server.
    #[must_use]
    pub fn session(&self, client: ClientIx) -> SessionIx {
        self.setting.sessions[client]
    }

    /// Whether a connection has the session that `began` with that one, so far as it is known.
    pub(crate) fn may_have_session(&self, connection: usize, began: usize) -> bool {
        self.connections[connection]
            .began
            .is_none_or(|own| own == began)
    }

    /// Everything a session ever subscribed to, also what was never answered; in order.
    pub(crate) fn asked(&self) -> Vec<Vec<&Request<'a>>> {
        let mut asked: Vec<Vec<&Request<'a>>> = vec![Vec::new(); self.setting.names.len()];
        for request in self.requests.iter().chain(&self.unanswered) {
            asked[self.session(request.client)].push(request);
        }
        asked.iter_mut().for_each(|all| all.sort_by_key(|r| r.ix));
        asked
    }

    /// The connections of a client, in order.
    pub fn connections_of(&self, client: ClientIx) -> impl Iterator<Item = &Connection<'a>> {
        let own = self.connections_of[client].iter();
        own.map(|n| &self.connections[*n])
    }

    /// The highest QoS that was ever granted to the client's session for a topic; `None` when it never subscribed to it.
    #[must_use]
    pub fn granted(&self, client: ClientIx, topic: &str) -> Option<QoS> {
        let session = self.session(client);
        let all = self.subscriptions.all.iter();
        all.filter(|s| self.session(s.client) == session)
            .filter(|s| s.subscription.filter.matches(topic))
            .map(|s| s.granted)
            .max()
    }

    /// What is certain of the server's end of a PUBLISH; nothing where that end is seen.
    #[must_use]
    pub fn bounds(&self, packet: &Carried<'_>) -> Bounds {
        let n = self.packets.partition_point(|p| p.ix < packet.ix);
        self.bounds.get(n).copied().unwrap_or_default()
    }

    /// Records of the packets that carried a message.
    pub fn packets_of(&self, what: MessageIx) -> impl Iterator<Item = usize> {
        let packets = self.messages.get(what).packets.iter();
        packets.map(|n| self.packets[*n].ix)
    }

    /// Whether the last connection of the client's session was open when all was settled, and still is: time enough
    /// for everything to drain. Never where a client need not take what it is sent.
    #[must_use]
    pub fn online_at_end(&self, client: ClientIx) -> bool {
        if self.setting.unruly[self.session(client)] {
            return false;
        }
        let (Some(settled), Some(last)) = (self.setting.settled, self.last_connection(client))
        else {
            return false;
        };
        let in_time = last.answered.is_some_and(|a| a.mark.at <= settled);
        last.accepted() && last.closed.is_none() && !last.silenced && in_time
    }

    /// The latest connection of a client's session.
    #[must_use]
    pub fn last_connection(&self, client: ClientIx) -> Option<&Connection<'a>> {
        let last = self.last_of_session[self.session(client)]?;
        Some(&self.connections[last])
    }
}
