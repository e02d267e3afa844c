//! Streams of what came in: messages of a subscription, and what happens.

use super::{
    delivery::Delivery,
    desk::{Item, Shared},
    error::RequestError,
    handle::Handle,
    happening::Happening,
};
use squall_protocol::{ReasonCode, topic::TopicFilter};
use std::{
    future::poll_fn,
    task::{Context, Poll},
};

/// The messages of a subscription, in the order in which they came.
///
/// What is not taken fills the room of the whole client ([`crate::Settings::incoming`]): when it is full, nothing more is
/// read from the connection, acknowledgements of what was published no more than messages. So take from every stream all
/// the while, also while waiting for something else.
///
/// A stream ends when the client stops, when its last filter is unsubscribed, or when the server grants it no more. A
/// stream that is dropped leaves its subscription in place; [`Self::unsubscribe`] ends that. What it still held is
/// acknowledged. It keeps the client running, like a [`Handle`].
#[derive(Debug)]
pub struct Messages {
    client: Handle,
    line: u64,
    filters: Vec<TopicFilter>,
    granted: Vec<ReasonCode>,
}

impl Messages {
    pub(super) const fn new(client: Handle, line: u64, filters: Vec<TopicFilter>) -> Self {
        Self {
            client,
            line,
            filters,
            granted: Vec::new(),
        }
    }

    pub(super) fn set_granted(&mut self, granted: Vec<ReasonCode>) {
        self.granted = granted;
    }

    /// What the server said to each subscription, in their order: the granted QoS, or why not.
    #[must_use]
    pub fn granted(&self) -> &[ReasonCode] {
        &self.granted
    }

    /// The filters, in the order in which they were asked for.
    #[must_use]
    pub fn filters(&self) -> &[TopicFilter] {
        &self.filters
    }

    /// The next message; `None` when no more will come. It is safe to stop waiting for it.
    ///
    /// With manual acknowledgement it is the caller's to acknowledge; else it is acknowledged now.
    pub async fn next(&mut self) -> Option<Delivery> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// [`Self::next`], for those who write their own futures and streams.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        loop {
            let taken = self.client.shared.desk().inboxes.poll_take(self.line, cx);
            match std::task::ready!(taken) {
                Some(Item::Delivery(mut delivery)) => {
                    if !self.client.shared.manual {
                        delivery.acknowledge();
                    }
                    return Poll::Ready(Some(delivery));
                }
                // Nobody puts it there.
                Some(Item::Happening(_)) => {}
                None => return Poll::Ready(None),
            }
        }
    }

    /// Ends the subscription and waits for UNSUBACK. What came before is still there.
    ///
    /// # Errors
    /// As [`Handle::unsubscribe`].
    pub async fn unsubscribe(&mut self) -> Result<Vec<ReasonCode>, RequestError> {
        self.client.unsubscribe(self.filters.clone()).await
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        let left = {
            let mut desk = self.client.shared.desk();
            desk.routes.remove(self.line);
            desk.inboxes.remove(self.line)
        };
        acknowledge(left);
    }
}

/// Nobody will take these; unacknowledged, they would hold up all after them.
fn acknowledge(left: Vec<Item>) {
    for item in left {
        let delivery = match item {
            Item::Delivery(delivery) => Some(delivery),
            Item::Happening(happening) => match *happening {
                Happening::Unclaimed(delivery) => Some(delivery),
                _ => None,
            },
        };
        if let Some(mut delivery) = delivery {
            delivery.acknowledge();
        }
    }
}

/// What happens to a client. What is not taken fills the same room as messages do, see [`Messages`]: take all the while, or
/// drop it. Where the room is full, of several [`Happening::Ended`] in a row the last one is kept.
#[derive(Debug)]
pub struct Events {
    shared: Shared,
    line: u64,
}

impl Events {
    pub(super) fn new(shared: Shared) -> Self {
        let line = {
            let mut desk = shared.desk();
            let line = desk.inboxes.open();
            desk.listeners.push(line);
            line
        };
        Self { shared, line }
    }

    /// What happens next; `None` when the client has stopped. It is safe to stop waiting for it.
    pub async fn next(&mut self) -> Option<Happening> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// [`Self::next`], for those who write their own futures and streams.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Happening>> {
        loop {
            let taken = self.shared.desk().inboxes.poll_take(self.line, cx);
            match std::task::ready!(taken) {
                Some(Item::Happening(mut happening)) => {
                    if let (Happening::Unclaimed(delivery), false) =
                        (&mut *happening, self.shared.manual)
                    {
                        delivery.acknowledge();
                    }
                    return Poll::Ready(Some(*happening));
                }
                // Nobody puts it there.
                Some(Item::Delivery(_)) => {}
                None => return Poll::Ready(None),
            }
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let left = {
            let mut desk = self.shared.desk();
            desk.listeners.retain(|line| *line != self.line);
            desk.inboxes.remove(self.line)
        };
        acknowledge(left);
    }
}
