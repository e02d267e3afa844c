//! One session in the hands of several clients, one after the other: a client that has moved to another network
//! connection.
//!
//! A client that asks for a session which it has not begun itself has to know what of it is unfinished: what is
//! unacknowledged is sent again [MQTT-4.4.0-1], and no packet identifier that is in use may be used for something new
//! [MQTT-2.3.1-2] (3.1.1), [MQTT-2.2.1-3] (5.0). What was received is not handed over: to whom the application has
//! moved, it is news.

use super::session::{Session, Unfinished};
use std::{
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A session that several clients with one Client Identifier have in turn. Whoever has sent the latest CONNECT for it
/// has it, with all that is unfinished of what was sent in it; a client that had it before sends nothing of its own any
/// more on the connection that it still has.
///
/// Clones stand for the same session, and are equal. The clients that share one have to run on the same thread, or who of
/// them is first is a matter of chance.
#[derive(Clone, Default)]
pub struct SharedSession(Arc<Mutex<Place>>);

/// Where the session lies while no client is being called.
#[derive(Default)]
struct Place {
    unfinished: Unfinished,
    /// Who has it, by number; 0 before anybody had it.
    holder: u64,
    /// Numbers that were given out.
    numbers: u64,
}

impl SharedSession {
    /// A session that nobody has yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SharedSession {
    /// What is in it depends on when one looks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSession")
    }
}

impl PartialEq for SharedSession {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SharedSession {}

/// A client's part in a shared session.
#[derive(Debug)]
pub(super) struct Share {
    session: SharedSession,
    me: u64,
    /// What is unfinished has been taken from its place: its holder is being called.
    taken: bool,
}

impl Share {
    /// A part in this session, which somebody else may have.
    pub(super) fn of(session: SharedSession) -> Self {
        let me = {
            let mut place = session.place();
            place.numbers += 1;
            place.numbers
        };
        Self {
            session,
            me,
            taken: false,
        }
    }

    /// Whether it is a part in this session.
    pub(super) fn is_of(&self, session: &SharedSession) -> bool {
        self.session == *session
    }

    /// Whether this client has the session.
    pub(super) fn has_it(&self) -> bool {
        self.taken || self.session.place().holder == self.me
    }

    /// How many messages are unfinished that lie at the session's place and are this client's.
    pub(super) fn unfinished(&self) -> usize {
        let place = self.session.place();
        match place.holder == self.me && !self.taken {
            true => place.unfinished.outbound.len(),
            false => 0,
        }
    }

    /// The client is called: it takes what is unfinished, if it has the session.
    pub(super) fn take(&mut self, own: &mut Session) {
        let mut place = self.session.place();
        if !self.taken && place.holder == self.me {
            mem::swap(&mut place.unfinished, &mut own.unfinished);
            self.taken = true;
        }
    }

    /// The call is over: what is unfinished goes back to its place.
    pub(super) fn put_back(&mut self, own: &mut Session) {
        if mem::take(&mut self.taken) {
            mem::swap(&mut self.session.place().unfinished, &mut own.unfinished);
        }
    }

    /// CONNECT is sent: the session is this client's from here on. Whether another client had it.
    pub(super) fn claim(&mut self, own: &mut Session) -> bool {
        let before = {
            let mut place = self.session.place();
            mem::replace(&mut place.holder, self.me)
        };
        self.take(own);
        before != 0 && before != self.me
    }
}
