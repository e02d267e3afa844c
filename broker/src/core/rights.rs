//! What clients may do, as the access rules say. A session that is kept may be older than the rules, so what it asked for
//! once says nothing about what it may be sent.

use super::{Broker, session::SessionId};
use crate::security::{Access, Identity};
use squall_protocol::{ReasonCode, packet::Connect, topic::TopicFilter};

impl Broker {
    /// Whether the client with this Client Identifier, which has a session, may publish to a topic.
    pub(super) fn may_publish(&self, client_id: &str, topic: &str) -> bool {
        if self.config.security.access.is_none() {
            return true;
        }
        let session = self.sessions.find(client_id);
        let user = session.and_then(|id| self.sessions[id].user.as_deref());
        self.may(user, client_id, |access, who| {
            access.may_publish(who, topic)
        })
    }

    /// Whether a session may be sent messages of a topic.
    pub(super) fn may_read(&self, id: SessionId, topic: &str) -> bool {
        self.may_of(id, |access, who| access.may_read(who, topic))
    }

    /// Whether a session may subscribe to a topic filter.
    pub(super) fn may_subscribe(&self, id: SessionId, filter: &TopicFilter) -> bool {
        self.may_of(id, |access, who| access.may_subscribe(who, filter))
    }

    /// Whether a will may be published.
    pub(super) fn check_will(
        &self,
        connect: &Connect,
        user: Option<&str>,
    ) -> Result<(), (ReasonCode, &'static str)> {
        let may = connect.will.as_ref().is_none_or(|will| {
            self.may(user, &connect.client_id, |access, who| {
                access.may_publish(who, &will.topic)
            })
        });
        match may {
            true => Ok(()),
            false => Err((
                ReasonCode::NOT_AUTHORIZED,
                "the will may not be published to this topic",
            )),
        }
    }

    fn may_of(&self, id: SessionId, asked: impl FnOnce(&Access, Identity<'_>) -> bool) -> bool {
        if self.config.security.access.is_none() {
            return true;
        }
        let session = &self.sessions[id];
        self.may(session.user.as_deref(), &session.client_id, asked)
    }

    /// What the rules say of somebody, if there are any.
    pub(super) fn may(
        &self,
        user: Option<&str>,
        client_id: &str,
        asked: impl FnOnce(&Access, Identity<'_>) -> bool,
    ) -> bool {
        let access = self.config.security.access.as_deref();
        access.is_none_or(|access| asked(access, Identity { user, client_id }))
    }
}
