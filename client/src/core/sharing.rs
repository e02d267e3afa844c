//! How a client has a part in a session that others have in turn.

use super::{
    Client,
    shared::{Share, SharedSession},
};

impl Client {
    /// Does something with the session at hand: one that is shared is taken from its place and put back.
    pub(super) fn with_session(&mut self, does: impl FnOnce(&mut Self)) {
        if std::mem::replace(&mut self.called, true) {
            return does(self);
        }
        if let Some(share) = &mut self.share {
            share.take(&mut self.session);
        }
        does(self);
        if let Some(share) = &mut self.share {
            share.put_back(&mut self.session);
        }
        self.called = false;
    }

    /// The session is with another client now.
    pub(super) fn has_moved(&self) -> bool {
        self.share.as_ref().is_some_and(|share| !share.has_it())
    }

    /// Takes part in the session that the options name, and no longer in another.
    pub(super) fn share(&mut self, session: Option<SharedSession>) {
        let same = match (&self.share, &session) {
            (Some(share), Some(session)) => share.is_of(session),
            (share, session) => share.is_none() && session.is_none(),
        };
        if !same {
            if let Some(mut share) = self.share.take() {
                share.put_back(&mut self.session);
            }
            self.share = session.map(Share::of);
        }
    }
}
