//! All sessions, by identity and by Client Identifier.
//!
//! Who holds a [`SessionId`] (a link, a deadline, a subscription) loses it before the session ends, so looking one up
//! by its identity always finds it.

use super::session::{Session, SessionId};
use squall_protocol::Text;
use std::{
    collections::BTreeMap,
    ops::{Index, IndexMut},
};

/// The sessions there are.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// Boxed, as a tree keeps room for more than it holds.
    all: BTreeMap<SessionId, Box<Session>>,
    by_client_id: BTreeMap<Text, SessionId>,
    next: u64,
}

impl Sessions {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The session of a client, by its Client Identifier [MQTT-3.1.3-2].
    pub(super) fn find(&self, client_id: &str) -> Option<SessionId> {
        self.by_client_id.get(client_id).copied()
    }

    /// Whether a session has not ended.
    pub(super) fn has(&self, id: SessionId) -> bool {
        self.all.contains_key(&id)
    }

    /// Takes in the session of a client that has none.
    pub(super) fn begin(&mut self, session: Session) -> SessionId {
        self.begin_as(SessionId(self.next), session)
    }

    /// Takes in a session with this identity, which nobody has; later ones get higher ones.
    pub(super) fn begin_as(&mut self, id: SessionId, mut session: Session) -> SessionId {
        self.next = self.next.max(id.0 + 1);
        session.notes.id = id;
        self.by_client_id.insert(session.client_id.clone(), id);
        self.all.insert(id, Box::new(session));
        id
    }

    /// One that may not be there.
    pub(super) fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.all.get_mut(&id).map(Box::as_mut)
    }

    /// All of them.
    pub(super) fn ids(&self) -> Vec<SessionId> {
        self.all.keys().copied().collect()
    }

    /// Takes a session out.
    pub(super) fn end(&mut self, id: SessionId) -> Session {
        let session = self.all.remove(&id).expect(KNOWN);
        self.by_client_id.remove(&session.client_id);
        *session
    }
}

/// Why a session is there.
const KNOWN: &str = "whoever knows a session loses it before it ends";

impl Index<SessionId> for Sessions {
    type Output = Session;

    fn index(&self, id: SessionId) -> &Session {
        self.all.get(&id).expect(KNOWN)
    }
}

impl IndexMut<SessionId> for Sessions {
    fn index_mut(&mut self, id: SessionId) -> &mut Session {
        self.all.get_mut(&id).expect(KNOWN)
    }
}
