//! A broker made of the rows that one before it has left.

use super::{
    Broker, Timer,
    deadlines::Deadlines,
    journal::{Journal, MessageRow},
    ledger::Ledger,
    message::{Delivery, KeptWill, Message},
    owned,
    saved::{self, SavedDelivery},
    session::{Session, SessionId, subscription_bytes},
};
use crate::{
    config::Config,
    store::{Change, Key},
};
use bytes::Bytes;
use squall_protocol::{PacketId, Time};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A row that no broker has written, or that names one which is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the row {0:?} does not say what such a row says")]
pub struct DamagedRow(pub Key);

/// The messages there are rows of, until all who name them have taken them.
struct Messages(BTreeMap<u64, Arc<Message>>);

impl Broker {
    /// A broker that goes on where another ended which left these rows, and writes down every change from now on, see
    /// [`Self::poll_changes`]. Without rows it is a new one. Nobody knows when a connection broke that was open then:
    /// it counts as broken at `now`, so sessions and the delays of wills end no sooner than they should. Limits hold
    /// for what comes; what is there already is kept beyond them.
    ///
    /// Times in rows are those of the broker that wrote them, so all brokers of one store have to count time from the
    /// same point, see [`crate::Server::starts_at`].
    ///
    /// # Errors
    /// When a row is damaged.
    pub fn restored(
        config: Config,
        rows: impl IntoIterator<Item = (Key, Bytes)>,
        now: Time,
    ) -> Result<Self, DamagedRow> {
        let mut broker = Self::new(config);
        // Messages come first in the order of keys, and a session before all that is its own.
        let rows: BTreeMap<Key, Bytes> = rows.into_iter().collect();
        let highest = rows.keys().map_while(|key| match key {
            Key::Message(number) => Some(number + 1),
            _ => None,
        });
        broker.journal = Journal::on(highest.last().unwrap_or_default());
        let mut messages = Messages(BTreeMap::new());
        let mut online = BTreeSet::new();
        for (key, value) in rows {
            let taken = match &key {
                Key::Message(number) => messages.read(&broker, *number, &value),
                Key::Session(id) => broker.restore_session(SessionId(*id), &value, &mut online),
                Key::Retained(topic) => broker.restore_retained(topic, &value, &messages),
                key => broker.restore_of_session(key, &value, &messages),
            };
            taken.ok_or(DamagedRow(key))?;
        }
        for id in broker.sessions.ids() {
            let session = &mut broker.sessions[id];
            session.weigh_exchanges();
            match online.contains(&id) {
                true => broker.leave(now, id),
                false => broker.deadlines_of(id),
            }
        }
        // What is due already, has become due while nobody was there.
        broker.handle_timeout(now);
        Ok(broker)
    }

    /// What changed since it was taken last, in order. All of it belongs together: it is to be stored wholly or not at
    /// all, and nothing that [`Self::poll_output`] gives after the call that caused it may leave before it is. Nothing
    /// for a broker that was not [restored](Self::restored).
    pub fn poll_changes(&mut self) -> Vec<Change> {
        self.journal.take()
    }

    fn restore_session(
        &mut self,
        id: SessionId,
        value: &Bytes,
        online: &mut BTreeSet<SessionId>,
    ) -> Option<()> {
        let saved = saved::read_session(value)?;
        if self.sessions.find(&saved.client_id).is_some() {
            return None;
        }
        let mut session = Session::new(
            owned::text(&saved.client_id),
            &self.states,
            &self.messages,
            &self.journal,
        );
        session.user = saved.user.as_ref().map(owned::text);
        session.expiry = saved.expiry;
        session.ends_at = saved.ends_at;
        session.notes.listed = true;
        session.notes.kept = true;
        if saved.online {
            online.insert(id);
        }
        self.sessions.begin_as(id, session);
        Some(())
    }

    fn restore_retained(&mut self, topic: &str, value: &Bytes, messages: &Messages) -> Option<()> {
        let (message, number) = saved::read_retained(value)?;
        let message = messages.find(message)?;
        if message.topic.as_str() != topic {
            return None;
        }
        let discard_at = message.discard_at();
        let timer = Timer::Retained(message.topic.clone());
        self.retained.put(number, message);
        if let Some(at) = discard_at {
            self.deadlines.set(at, timer);
        }
        Some(())
    }

    /// A row of a session, which is there.
    fn restore_of_session(&mut self, key: &Key, value: &Bytes, messages: &Messages) -> Option<()> {
        let (Key::Subscription(id, ..)
        | Key::Waiting(id, _)
        | Key::Found(id, _)
        | Key::Flow(id, _)
        | Key::Received(id, _)
        | Key::Will(id)) = *key
        else {
            return None;
        };
        let id = SessionId(id);
        let session = self.sessions.get_mut(id)?;
        match key {
            Key::Subscription(_, shared, text) => {
                let granted = saved::read_subscription(value)?;
                let filter = saved::filter(*shared, text)?;
                (session.state).set(session.state.bytes() + subscription_bytes(&filter));
                self.subscriptions.insert(id, &filter, granted);
                session.filters.insert(filter);
            }
            Key::Waiting(_, place) => {
                let mut delivery = messages.delivery(saved::read_waiting(value)?)?;
                delivery.keep(&session.kept, &self.messages);
                let shared = delivery.shared.clone();
                session.queue.restore(*place, delivery).then_some(())?;
                if let Some(filter) = shared {
                    self.note_waiting(id, &filter);
                }
            }
            Key::Found(_, number) => {
                let (place, found) = saved::read_found(value)?;
                session.queue.put_found(*number, place, found);
            }
            Key::Flow(_, packet_id) => {
                restore_flow(session, *packet_id, value, messages, &self.messages)?;
            }
            Key::Received(_, packet_id) => {
                session.inbound.restore(PacketId::new(*packet_id)?);
            }
            Key::Will(_) => {
                let (will, due) = saved::read_will(value)?;
                session.will = Some(KeptWill::new(&will, &self.messages));
                session.will_at = due;
                session.notes.will = true;
            }
            Key::Message(_) | Key::Session(_) | Key::Retained(_) => {}
        }
        Some(())
    }

    /// Sets the deadlines of a session to which nobody was connected.
    fn deadlines_of(&mut self, id: SessionId) {
        let session = &self.sessions[id];
        let deadlines: &mut Deadlines = &mut self.deadlines;
        if let Some(at) = session.ends_at {
            deadlines.set(at, Timer::SessionEnd(id));
        }
        if let Some(at) = session.will_at {
            deadlines.set(at, Timer::Will(id));
        }
    }
}

impl Messages {
    fn read(&mut self, broker: &Broker, number: u64, value: &Bytes) -> Option<()> {
        let saved = saved::read_message(value)?;
        let message = Message::restored(
            MessageRow::of(number, &broker.journal),
            saved.publish,
            saved.publisher,
            saved.received,
            &broker.messages,
        );
        self.0.insert(number, Arc::new(message));
        Some(())
    }

    fn find(&self, number: u64) -> Option<Arc<Message>> {
        self.0.get(&number).cloned()
    }

    fn delivery(&self, saved: SavedDelivery) -> Option<Delivery> {
        Some(Delivery {
            message: self.find(saved.message)?,
            qos: saved.qos,
            retain: saved.retain,
            identifiers: saved.identifiers,
            shared: saved.shared,
            kept: None,
        })
    }
}

/// A message that was sent, or a packet identifier that is in use.
fn restore_flow(
    session: &mut Session,
    packet_id: u16,
    value: &Bytes,
    messages: &Messages,
    bytes: &Ledger,
) -> Option<()> {
    let flow = saved::read_flow(value)?;
    let mut delivery = match flow.delivery {
        Some(delivery) => Some(messages.delivery(delivery)?),
        None => None,
    };
    if let Some(delivery) = &mut delivery {
        delivery.keep(&session.kept, bytes);
    }
    let packet_id = PacketId::new(packet_id)?;
    let outbound = &mut session.outbound;
    (outbound.restore(packet_id, flow.state, flow.places, delivery)).then_some(())
}
