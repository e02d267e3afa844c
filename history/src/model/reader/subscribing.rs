//! SUBSCRIBE, UNSUBSCRIBE and their answers.

use super::{Reader, asked::Asked};
use crate::model::{Mark, Request, Subscribed, index::SessionIx, less};
use squall_protocol::{
    QoS,
    packet::{RetainHandling, SubAck, UnsubAck},
};

impl<'a> Reader<'a> {
    /// SUBSCRIBE got no answer, or none by which it could be told from another one: it may have been granted.
    pub(super) fn unanswered(&mut self, connection: usize, asked: Asked<'a>) {
        let client = self.model.connections[connection].client;
        let session = self.model.session(client);
        for subscription in &asked.subscribe.subscriptions {
            let (filter, most) = (&subscription.filter, subscription.qos);
            let subscriptions = &mut self.model.subscriptions;
            subscriptions.perhaps(session, filter, most, asked.mark.ix);
            let handling = subscription.retain_handling;
            self.model.unanswered.push(Request {
                client,
                filter,
                wants_retained: false,
                may_bring_retained: handling != RetainHandling::DoNotSend && !filter.is_shared(),
                as_published: subscription.retain_as_published,
                id: asked.subscribe.properties.subscription_identifiers().next(),
                subscription: None,
                granted: most,
                connection,
                at: asked.mark.at,
                answered: None,
                ix: asked.mark.ix,
                asked_at: asked.mark.at,
            });
        }
    }

    pub(super) fn granted(&mut self, mark: Mark, n: usize, ack: &SubAck) {
        let Some(asked) = self.asked.remove(&(n, ack.packet_id.get())) else {
            return;
        };
        self.took(mark.at.since(asked.mark.at));
        let Asked {
            mark: since,
            subscribe,
        } = asked;
        let client = self.model.connections[n].client;
        let session = self.model.session(client);
        if ack.reasons.len() < subscribe.subscriptions.len() {
            self.unanswered(n, asked);
        }
        for (subscription, reason) in subscribe.subscriptions.iter().zip(&ack.reasons) {
            if let Some(what) = less::of_suback(subscription, *reason) {
                let name = self.model.name(client);
                self.model.note_less(mark.ix, format!("to {name}, {what}"));
            }
            if let Some(granted) = QoS::from_bits(reason.0) {
                let new = Subscribed {
                    client,
                    subscription,
                    granted,
                    since: since.ix,
                    surely: mark.ix,
                    until: None,
                    gone: None,
                };
                let id = subscribe.properties.subscription_identifiers().next();
                self.subscribed(session, n, (since, mark), new, id);
            }
        }
    }

    pub(super) fn ended(&mut self, mark: Mark, n: usize, ack: &UnsubAck) {
        let Some((asked, filters)) = self.unasked.remove(&(n, ack.packet_id.get())) else {
            return;
        };
        let session = self.model.session(self.model.connections[n].client);
        for (i, filter) in filters.iter().enumerate() {
            // 3.1.1 gives no reason codes; in 5.0 a subscription may be refused its end.
            if ack.reasons.get(i).is_none_or(|reason| !reason.is_error()) {
                let subscriptions = &mut self.model.subscriptions;
                subscriptions.gone(session, filter, asked, mark.ix);
            }
        }
    }

    fn subscribed(
        &mut self,
        session: SessionIx,
        n: usize,
        (since, mark): (Mark, Mark),
        new: Subscribed<'a>,
        id: Option<u32>,
    ) {
        let Subscribed {
            client,
            subscription,
            granted,
            ..
        } = new;
        let existed = self.model.subscriptions.add(session, new);
        let may_bring_retained = match subscription.retain_handling {
            RetainHandling::Send => true,
            RetainHandling::SendIfNew => !existed,
            RetainHandling::DoNotSend => false,
        } && subscription.filter.share_name().is_none();
        self.model.requests.push(Request {
            client,
            filter: &subscription.filter,
            wants_retained: may_bring_retained && !subscription.no_local,
            may_bring_retained,
            as_published: subscription.retain_as_published,
            id,
            subscription: Some(self.model.subscriptions.all.len() - 1),
            granted,
            connection: n,
            at: mark.at,
            answered: Some(mark.ix),
            ix: since.ix,
            asked_at: since.at,
        });
    }
}
