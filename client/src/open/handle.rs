//! What an application asks its client for.

use super::{
    desk::{Outcome, Place, Shared},
    error::RequestError,
};
use crate::core::{Command, Message, Ticket};
use squall_protocol::{
    Properties, Property, ReasonCode, Text, Version, packet::ConnAck, topic::TopicFilter,
};
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::sync::{OnceCell, mpsc::UnboundedSender, oneshot};

/// Asks a running client for things. Clones ask the same one, from any task or thread; when the last one and the last
/// stream of messages are gone the client drops its connection and its driver ends.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(super) commands: UnboundedSender<Command>,
    pub(super) shared: Shared,
    pub(super) identity: Arc<Identity>,
}

/// What a client is.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) version: Version,
    pub(super) client_id: Text,
    /// Where responses come, once it is subscribed.
    pub(super) response_topic: OnceCell<Text>,
}

impl Handle {
    /// Waits for a CONNACK that accepts the connection; with one from before, gives the latest.
    ///
    /// # Errors
    /// [`RequestError::Ended`] when the first connection ended without one and is not tried again, or
    /// [`RequestError::Stopped`].
    pub async fn connected(&self) -> Result<ConnAck, RequestError> {
        let answer = match self.shared.desk().await_arrival() {
            Ok(ack) => return Ok(ack),
            Err(answer) => answer,
        };
        answer.await.unwrap_or(Err(RequestError::Stopped))
    }

    /// Publishes and waits until its QoS is fulfilled: sent with QoS 0, PUBACK, or PUBCOMP. Gives the reason code, which may
    /// be an error of the server's. Whoever stops waiting after it was queued does not stop the message.
    ///
    /// Where as much waits as may ([`crate::Settings::outgoing`]), it waits for room first, in the order of the calls.
    ///
    /// # Errors
    /// [`RequestError::Abandoned`] or [`RequestError::Stopped`].
    pub async fn publish(&self, message: Message) -> Result<ReasonCode, RequestError> {
        self.enqueue(message).await?.await
    }

    /// Waits until there is room for a message, and queues it. What becomes of it the [`Publication`] tells, which need not
    /// be waited for. Messages of one task are sent in the order of its calls.
    ///
    /// # Errors
    /// [`RequestError::Stopped`].
    pub async fn enqueue(&self, message: Message) -> Result<Publication, RequestError> {
        let place = self.shared.place(message.weight()).await?;
        Ok(self.queue(message, place))
    }

    /// Queues a message if there is room for it now.
    ///
    /// # Errors
    /// [`RequestError::Full`] or [`RequestError::Stopped`].
    pub fn try_publish(&self, message: Message) -> Result<Publication, RequestError> {
        let place = self.shared.try_place(message.weight())?;
        Ok(self.queue(message, place))
    }

    fn queue(&self, message: Message, place: Place) -> Publication {
        let publish = |ticket| Command::Publish(ticket, message);
        let outcome = self.ask(Some(place), Vec::new(), publish);
        Publication { outcome }
    }

    /// Unsubscribes and waits for UNSUBACK. Gives one reason code for each filter (5.0) or none (3.1.1). A stream without
    /// any filter left ends.
    ///
    /// # Errors
    /// [`RequestError::Abandoned`] or [`RequestError::Stopped`].
    pub async fn unsubscribe(
        &self,
        filters: impl IntoIterator<Item = TopicFilter>,
    ) -> Result<Vec<ReasonCode>, RequestError> {
        let filters: Vec<_> = filters.into_iter().collect();
        let place = self.shared.place(0).await?;
        let outcome = self.ask(Some(place), filters.clone(), |ticket| {
            Command::Unsubscribe {
                ticket,
                filters,
                properties: Properties::new(),
            }
        });
        outcome.await.unwrap_or(Err(RequestError::Stopped))
    }

    /// Authenticates anew on the connection there is (5.0), by the method of the settings.
    ///
    /// # Errors
    /// [`RequestError::Abandoned`], also when the server does not accept it and the connection is over, or
    /// [`RequestError::Stopped`].
    pub async fn reauthenticate(&self) -> Result<(), RequestError> {
        let outcome = self.ask(None, Vec::new(), Command::Reauthenticate);
        outcome
            .await
            .unwrap_or(Err(RequestError::Stopped))
            .map(drop)
    }

    /// Sends DISCONNECT, and waits until the driver has ended. What was not acknowledged is over for every clone.
    pub async fn disconnect(self) {
        self.disconnect_with(ReasonCode::NORMAL_DISCONNECTION, None)
            .await;
    }

    /// The same with a reason code, as 0x04 *Disconnect with Will Message*, and another Session Expiry Interval in seconds
    /// (5.0). A code that a client may not send is replaced as [`crate::Client::disconnect`] says.
    pub async fn disconnect_with(self, reason: ReasonCode, session_expiry: Option<u32>) {
        let expiry = session_expiry.map(Property::SessionExpiryInterval);
        let properties = expiry.into_iter().collect();
        let (sender, ended) = oneshot::channel::<()>();
        self.shared.desk().leave(sender);
        self.order(Command::Disconnect { reason, properties });
        self.order(Command::Stop);
        // Nobody says it: who would have to is gone.
        let _ = ended.await;
    }

    fn ask(
        &self,
        place: Option<Place>,
        filters: Vec<TopicFilter>,
        command: impl FnOnce(Ticket) -> Command,
    ) -> oneshot::Receiver<Outcome> {
        // The order of the commands is that of the tickets, whoever asks.
        let mut desk = self.shared.desk();
        let (ticket, outcome) = desk.open(place, filters);
        self.order(command(ticket));
        outcome
    }

    /// A driver that has ended has told so to whoever waits.
    pub(super) fn order(&self, command: Command) {
        let _ = self.commands.send(command);
    }
}

/// A message that is queued: a future of its reason code, ready when its QoS is fulfilled.
#[derive(Debug)]
pub struct Publication {
    outcome: oneshot::Receiver<Outcome>,
}

impl Future for Publication {
    type Output = Result<ReasonCode, RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = std::task::ready!(Pin::new(&mut self.outcome).poll(cx));
        let reasons = outcome.unwrap_or(Err(RequestError::Stopped));
        let first = |reasons: Vec<ReasonCode>| reasons.first().copied();
        Poll::Ready(reasons.map(|reasons| first(reasons).unwrap_or(ReasonCode::SUCCESS)))
    }
}
