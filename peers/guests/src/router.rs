//! What makes a broker of connections: sessions, subscriptions, and who gets which message. No packet is known here.

use mqtt_protocol_core::mqtt::{
    common::HashSet,
    packet::{Qos, StorePacket},
};
use squall_sim::guest::protocol::topic::TopicFilter;
use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};
use tokio::sync::Notify;

/// Sessions by Client Identifier. Copies are the same.
#[derive(Clone, Default)]
pub(crate) struct Router(Rc<RefCell<BTreeMap<String, Session>>>);

#[derive(Default)]
pub(crate) struct Session {
    pub(crate) filters: BTreeMap<String, (TopicFilter, Qos)>,
    pub(crate) stored: Vec<StorePacket>,
    pub(crate) handled: HashSet<u16>,
    /// Topic, payload and QoS.
    pub(crate) waiting: VecDeque<(String, Vec<u8>, Qos)>,
    /// The connection that has it. It is told when something waits, and when another one takes the session over.
    link: Option<Rc<Notify>>,
    keep: bool,
}

impl Router {
    /// Gives a session to a connection; whether there was one.
    pub(crate) fn begin(&self, id: &str, clean: bool, keep: bool, link: &Rc<Notify>) -> bool {
        let mut sessions = self.0.borrow_mut();
        if let Some(old) = sessions.get_mut(id).and_then(|session| session.link.take()) {
            old.notify_one();
        }
        if clean {
            sessions.remove(id);
        }
        let present = sessions.contains_key(id);
        let session = sessions.entry(id.to_owned()).or_default();
        (session.link, session.keep) = (Some(Rc::clone(link)), keep);
        present
    }

    /// The session, while this connection has it.
    pub(crate) fn with<T>(&self, id: &str, link: &Rc<Notify>, with: impl FnOnce(&mut Session) -> T) -> Option<T> {
        let mut sessions = self.0.borrow_mut();
        let session = sessions.get_mut(id)?;
        let has_it = session.link.as_ref().is_some_and(|has| Rc::ptr_eq(has, link));
        has_it.then(|| with(session))
    }

    /// Takes the session back from a connection that has it.
    pub(crate) fn end(&self, id: &str, link: &Rc<Notify>) {
        let lasts = self.with(id, link, |session| {
            session.link = None;
            session.keep
        });
        if lasts == Some(false) {
            self.0.borrow_mut().remove(id);
        }
    }

    /// Hands a message to every session that has asked for it, at the higher QoS of its filters.
    pub(crate) fn route(&self, topic: &str, payload: &[u8], qos: Qos) {
        for session in self.0.borrow_mut().values_mut() {
            let matching = session.filters.values().filter(|(filter, _)| filter.matches(topic));
            let Some(granted) = matching.map(|(_, qos)| *qos as u8).max() else {
                continue;
            };
            let qos = Qos::try_from(granted.min(qos as u8)).expect("0, 1 or 2");
            if session.link.is_some() || qos != Qos::AtMostOnce {
                session.waiting.push_back((topic.to_owned(), payload.to_vec(), qos));
            }
            if let Some(link) = &session.link {
                link.notify_one();
            }
        }
    }
}
