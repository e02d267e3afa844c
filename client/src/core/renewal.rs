//! Subscriptions that are made again where a server has no session any more.
//!
//! It does not know when that is, or how a request is sent.

use super::message::Ticket;
use squall_protocol::{Properties, ReasonCode, packet::Subscription, topic::TopicFilter};

/// What the server was asked for and has granted, as it was asked for.
#[derive(Debug, Default)]
pub(super) struct Renewal {
    kept: Vec<Kept>,
}

#[derive(Clone, Debug)]
struct Kept {
    ticket: Ticket,
    subscriptions: Vec<Subscription>,
    properties: Properties,
    /// SUBACK has come for it, if only on an earlier connection.
    granted: bool,
}

impl Renewal {
    /// SUBSCRIBE is sent.
    pub(super) fn asked(
        &mut self,
        ticket: Ticket,
        subscriptions: &[Subscription],
        properties: &Properties,
    ) {
        self.kept.push(Kept {
            ticket,
            subscriptions: subscriptions.to_vec(),
            properties: properties.clone(),
            granted: false,
        });
    }

    /// SUBACK has come. What is granted replaces what was granted before for the same filters [MQTT-3.8.4-3].
    pub(super) fn answered(&mut self, ticket: Ticket, reasons: &[ReasonCode]) {
        let Some(at) = self.kept.iter().position(|kept| kept.ticket == ticket) else {
            return;
        };
        let mut kept = self.kept.remove(at);
        let mut codes = reasons.iter();
        kept.subscriptions
            .retain(|_| codes.next().is_some_and(|code| !code.is_error()));
        kept.granted = true;
        self.forget(kept.subscriptions.iter().map(|s| &s.filter));
        if !kept.subscriptions.is_empty() {
            self.kept.push(kept);
        }
    }

    /// These are not wanted any more.
    pub(super) fn forget<'a>(&mut self, filters: impl Iterator<Item = &'a TopicFilter>) {
        for filter in filters {
            for kept in self.kept.iter_mut().filter(|kept| kept.granted) {
                kept.subscriptions.retain(|s| s.filter != *filter);
            }
        }
        self.kept.retain(|kept| !kept.subscriptions.is_empty());
    }

    /// The connection has ended: what was asked for and not answered is over.
    pub(super) fn part(&mut self) {
        self.kept.retain(|kept| kept.granted);
    }

    /// Everything that was granted, as it is asked for again.
    pub(super) fn again(&self) -> Vec<(Ticket, Vec<Subscription>, Properties)> {
        let kept = self.kept.iter().filter(|kept| kept.granted);
        kept.map(|kept| {
            (
                kept.ticket,
                kept.subscriptions.clone(),
                kept.properties.clone(),
            )
        })
        .collect()
    }
}
