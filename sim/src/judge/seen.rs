//! A trace in the words of `squall-history`: what was seen at each end of each connection.

use super::scripted::{For, Scripts};
use crate::trace::{AtServer, Node, Record as Written, What};
use squall_client::{EndCause, Event, Ticket};
use squall_history::{Application, End, Ended, Message, Record, Seen};
use squall_protocol::{Role, Time, Version};
use squall_scenarios::model::{ClientIx, ClientSpec, CutBy, Scenario};
use std::collections::BTreeMap;

/// Which ends of the connections are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// The clients' and the broker's: verdicts are sharp.
    Both,
    /// The clients' alone, as with any broker out there: verdicts are sound, and fewer.
    Clients,
    /// The reference broker's own, and of the clients, which somebody else wrote, the bytes at their sockets: it is they
    /// who are judged.
    Sockets,
}

/// How a run is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Which ends of the connections are seen.
    pub ends: Ends,
    /// The broker is a stranger: it has promised what the standard asks for and nothing else. It may be late, offer
    /// less than a story counts on, end connections, lose QoS 0 messages.
    pub stranger: bool,
}

impl Sight {
    /// The reference broker, seen from everywhere.
    pub const WHOLE: Self = Self {
        ends: Ends::Both,
        stranger: false,
    };

    /// Clients that somebody else wrote, and the reference broker.
    pub const OF_CLIENTS: Self = Self {
        ends: Ends::Sockets,
        stranger: false,
    };

    /// Broker and clients are ours, so that a story that goes another way is a finding.
    pub(crate) fn knows_both(self) -> bool {
        !self.stranger && self.ends != Ends::Sockets
    }
}

impl Ends {
    /// The side whose end of the connections the model is built from.
    pub(super) const fn watched(self) -> Role {
        match self {
            Self::Both | Self::Sockets => Role::Server,
            Self::Clients => Role::Client,
        }
    }
}

/// By client of the story: its session, the first client with its Client Identifier.
pub(super) fn sessions(plan: &Scenario) -> Vec<ClientIx> {
    let mut first = BTreeMap::new();
    let own = plan.clients.iter().enumerate();
    // Who has none is given one of its own.
    own.map(|(n, c)| match c.client_id.as_str() {
        "" => n,
        id => *first.entry(id).or_insert(n),
    })
    .collect()
}

/// Translates the records of a trace, one by one.
pub(super) struct Translator<'s, 'a> {
    /// The clients of the story.
    clients: &'s [ClientSpec],
    scripts: Scripts<'a>,
    ends: Ends,
    sessions: &'s [ClientIx],
    /// Dials so far, of all clients.
    dials: u64,
    /// By client: its latest dial.
    dialled: Vec<u64>,
    /// By client: the latest connection that the broker has accepted.
    accepted: Vec<u64>,
    /// By client: whether it has its session in turn with others.
    in_turn: Vec<bool>,
    /// Who was given each message to publish, of clients that have a session in turn: another one may finish it.
    given: BTreeMap<Ticket, ClientIx>,
    /// By client: the dial of the latest connection that the story has cut, so that its end is nobody's doing.
    cut: Vec<u64>,
}

impl<'s, 'a> Translator<'s, 'a> {
    pub(super) fn new(
        ends: Ends,
        sessions: &'s [ClientIx],
        clients: &'s [ClientSpec],
        version: Version,
    ) -> Self {
        Self {
            clients,
            scripts: Scripts::new(version == Version::V5_0),
            ends,
            sessions,
            dials: 0,
            dialled: vec![0; sessions.len()],
            accepted: vec![0; sessions.len()],
            in_turn: {
                let mut clients = vec![0; sessions.len()];
                sessions.iter().for_each(|s| clients[*s] += 1);
                sessions.iter().map(|s| clients[*s] > 1).collect()
            },
            given: BTreeMap::new(),
            cut: vec![0; sessions.len()],
        }
    }

    /// Who was given the message whose outcome this is, where another client may have finished it.
    fn asked_by(&self, event: &Event) -> Option<ClientIx> {
        match event {
            Event::Acknowledged { ticket, .. } | Event::Abandoned { ticket, .. } => {
                self.given.get(ticket).copied()
            }
            _ => None,
        }
    }

    /// From when on nothing is concluded any more.
    pub(super) const fn blind(&self) -> Option<Time> {
        self.scripts.blind()
    }

    /// What a record says, and to whom; nothing where no party of MQTT saw it.
    pub(super) fn translate(
        &mut self,
        ix: usize,
        written: &'a Written,
        tell: &mut dyn FnMut(For, Record<'a>),
    ) {
        let event = match &written.what {
            What::Client(event) => Some(event),
            _ => None,
        };
        let scripted = written.client().is_some_and(|c| self.clients[c].scripted);
        if scripted && matches!(written.what, What::Order(_)) {
            return;
        }
        let record = self.record(ix, written);
        match (record, event) {
            (Some(record), Some(_)) if scripted => self.scripts.at_client(record, tell),
            (Some(record), _) if scripted && record.end.side == Role::Server => {
                self.scripts.at_server(record, tell);
            }
            (Some(record), _) => tell(For::All, record),
            (None, _) => {}
        }
    }

    fn record(&mut self, ix: usize, written: &'a Written) -> Option<Record<'a>> {
        let (side, client, seen) = match (&written.what, written.node) {
            (What::Broker { client, conn, seen }, _) => {
                self.accepted[*client] = *conn;
                (Role::Server, *client, at_server(seen)?)
            }
            (What::Order(order), _) => {
                let (client, ticket, message) = order.published()?;
                if self.in_turn[client] {
                    self.given.insert(ticket, client);
                }
                let (ticket, message) = (ticket.0, as_seen(message));
                let published = Application::Published { ticket, message };
                (Role::Client, client, Seen::Application(published))
            }
            (What::Dial, Node::Client(client)) => {
                self.dials += 1;
                self.dialled[client] = self.dials;
                (Role::Client, client, Seen::Opened)
            }
            (What::Client(event), Node::Client(client)) => {
                let client = self.asked_by(event).unwrap_or(client);
                let mut seen = at_client(event)?;
                if let (Seen::Closed(by), Ends::Clients) = (&mut seen, self.ends)
                    && self.cut[client] == self.dialled[client]
                {
                    *by = Ended::Here;
                }
                (Role::Client, client, seen)
            }
            (What::Cut(cut), Node::Client(client)) if cut.by == CutBy::Silence => {
                (self.ends.watched(), client, Seen::Silenced)
            }
            (What::Cut(_), Node::Client(client)) => {
                self.cut[client] = self.dialled[client];
                return None;
            }
            _ => return None,
        };
        if side == Role::Server && self.ends == Ends::Clients {
            return None;
        }
        let conn = match (side, &written.what) {
            (_, What::Broker { conn, .. }) => *conn,
            (Role::Server, _) => self.accepted[client],
            (Role::Client, _) => self.dialled[client],
        };
        let end = End {
            side,
            client,
            session: self.sessions[client],
            conn,
        };
        Some(Record {
            ix,
            at: written.at,
            end,
            seen,
        })
    }
}

fn at_server(seen: &AtServer) -> Option<Seen<'_>> {
    Some(match seen {
        AtServer::Opened => Seen::Opened,
        AtServer::Received(frame) => Seen::Received(&frame.packet),
        AtServer::Sent(frame) => Seen::Sent(&frame.packet),
        AtServer::SentRaw { broken: true, .. } => Seen::Unknown,
        AtServer::SentRaw { .. } => return None,
        AtServer::Violation(violation) => Seen::Broken(violation),
        AtServer::Closed { by, .. } => Seen::Closed(match by {
            Role::Server => Ended::Here,
            Role::Client => Ended::There,
        }),
    })
}

fn at_client(event: &Event) -> Option<Seen<'_>> {
    Some(match event {
        Event::Received(frame) => Seen::Received(&frame.packet),
        Event::Sent(frame) => Seen::Sent(&frame.packet),
        Event::Violation(violation) => Seen::Broken(violation),
        Event::Ended { cause } => Seen::Closed(match cause {
            EndCause::Peer(_) | EndCause::ServerDisconnect(_) | EndCause::DialFailed(_) => {
                Ended::There
            }
            _ => Ended::Here,
        }),
        Event::Delivered { message, .. } => {
            Seen::Application(Application::Delivered(as_seen(message)))
        }
        Event::Acknowledged { ticket, reason } => Seen::Application(Application::Acknowledged {
            ticket: ticket.0,
            reason: *reason,
        }),
        Event::Abandoned { ticket, .. } => {
            Seen::Application(Application::Abandoned { ticket: ticket.0 })
        }
        Event::Connected { .. } => Seen::Application(Application::Connected),
        Event::SentRaw { broken: true, .. } => Seen::Unknown,
        Event::SentRaw { .. }
        | Event::Refused { .. }
        | Event::Subscribed { .. }
        | Event::Unsubscribed { .. } => return None,
    })
}

const fn as_seen(message: &squall_client::Message) -> Message<'_> {
    Message {
        topic: &message.topic,
        payload: &message.payload,
        qos: message.qos,
        retain: message.retain,
        properties: &message.properties,
    }
}
