//! What a handle gives streams of: subscriptions, and what happens.

use super::{
    error::RequestError,
    handle::Handle,
    stream::{Events, Messages},
};
use crate::core::Command;
use squall_protocol::{Property, Version, packet::Subscription};

impl Handle {
    /// Subscribes and waits for SUBACK; gives the stream of what comes for it. Waits for a first connection, too.
    ///
    /// In 5.0 messages find their stream by Subscription Identifiers where the server has them, else by their topics.
    /// Where 3.1.1 servers send a message once for each of two subscriptions that overlap, each stream has it twice: nothing
    /// tells the copies apart.
    ///
    /// # Errors
    /// [`RequestError::NotGranted`] when the server grants none of them, [`RequestError::Abandoned`],
    /// [`RequestError::Ended`] without a connection, or [`RequestError::Stopped`].
    pub async fn subscribe(
        &self,
        subscriptions: impl IntoIterator<Item = Subscription>,
    ) -> Result<Messages, RequestError> {
        let subscriptions: Vec<_> = subscriptions.into_iter().collect();
        let ack = self.connected().await?;
        let offered = ack.properties.subscription_identifiers_available() != Some(0);
        let identified = self.identity.version == Version::V5_0 && offered;
        let place = self.shared.place(0).await?;
        let filters: Vec<_> = subscriptions.iter().map(|s| s.filter.clone()).collect();
        let (mut messages, outcome) = {
            let mut desk = self.shared.desk();
            let (ticket, outcome) = desk.open(Some(place), Vec::new());
            let line = desk.inboxes.open();
            let routes = &mut desk.routes;
            let identifier = routes.add(line, ticket, filters.clone(), identified);
            drop(desk);
            let identifier = identifier.map(Property::SubscriptionIdentifier);
            let messages = Messages::new(self.clone(), line, filters);
            self.order(Command::Subscribe {
                ticket,
                subscriptions,
                properties: identifier.into_iter().collect(),
            });
            (messages, outcome)
        };
        let granted = outcome.await.unwrap_or(Err(RequestError::Stopped))?;
        if granted.iter().all(|code| code.is_error()) {
            return Err(RequestError::NotGranted(granted));
        }
        messages.set_granted(granted);
        Ok(messages)
    }

    /// What happens to the client from now on.
    #[must_use]
    pub fn events(&self) -> Events {
        Events::new(self.shared.clone())
    }
}
