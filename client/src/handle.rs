//! A client for people: publish and await the outcome. Built on [`run`] alone.

use crate::{
    core::{Abandonment, Backoff, Command, ConnectOptions, EndCause, Event, Message, Ticket},
    driver::run,
};
use squall_protocol::{
    Properties, ReasonCode, Time,
    packet::{ConnAck, Subscription},
    topic::TopicFilter,
};
use squall_transport::Dial;
use std::{cell::RefCell, collections::BTreeMap, future::Future, rc::Rc};
use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    oneshot,
};

/// Connects. Gives a handle to work with, what happens, and the driver: a future that has to be polled for anything
/// to happen, beside the work with `tokio::join!` or as a task of a `LocalSet`. With a backoff the client connects
/// again by itself.
///
/// ```no_run
/// use squall_client::{ConnectOptions, EndCause, Message, TcpDial, open};
/// use squall_protocol::{QoS, Version, packet::Subscription, topic::TopicFilter};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let dial = TcpDial { address: "127.0.0.1:1883".parse()? };
/// let (client, mut events, driver) = open(dial, ConnectOptions::new(Version::V5_0, "greeter"), None);
/// let work = async {
///     client.connected().await?;
///     let everything = Subscription::new(TopicFilter::parse_v5("hello/#")?, QoS::AtLeastOnce);
///     client.subscribe(vec![everything]).await?;
///     client.publish(Message::new("hello/world", "hi", QoS::AtLeastOnce)).await?;
///     let message = events.next_message().await;
///     client.disconnect().await;
///     Ok::<_, Box<dyn std::error::Error>>(message)
/// };
/// let (message, ()) = tokio::join!(work, driver);
/// assert_eq!(message?.map(|m| m.payload), Some("hi".into()));
/// # Ok(())
/// # }
/// ```
pub fn open<D: Dial>(
    dial: D,
    options: ConnectOptions,
    backoff: Option<Backoff>,
) -> (Handle, Events, impl Future<Output = ()>) {
    let (commands, orders) = unbounded_channel();
    let (news, events) = unbounded_channel();
    let desk = Rc::new(RefCell::new(Desk::default()));
    let reporter = Reporter {
        desk: Rc::clone(&desk),
        news,
        reconnects: backoff.is_some(),
    };
    for command in [Command::Backoff(backoff), Command::Connect(options.into())] {
        commands.send(command).expect("the receiver is right here");
    }
    let driver = run(dial, orders, move |_: Time, event: &Event| {
        reporter.report(event)
    });
    (Handle { commands, desk }, Events(events), driver)
}

/// Why a request has no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// It will never be acknowledged.
    #[error("{0}")]
    Abandoned(Abandonment),
    /// The connection, or the first attempt at one, is over.
    #[error("{0}")]
    Ended(EndCause),
    /// The driver is not running any more.
    #[error("the client has stopped")]
    Stopped,
}

/// Asks a running client for things. Clones ask the same one; when the last is gone the client drops its connection
/// and its driver ends.
#[derive(Clone, Debug)]
pub struct Handle {
    commands: UnboundedSender<Command>,
    desk: Rc<RefCell<Desk>>,
}

impl Handle {
    /// Waits for the first CONNACK that accepts the connection.
    ///
    /// # Errors
    /// [`RequestError::Ended`] when the connection ended without one and is not tried again, or
    /// [`RequestError::Stopped`].
    pub async fn connected(&self) -> Result<ConnAck, RequestError> {
        let answer = {
            let mut desk = self.desk.borrow_mut();
            if let Some(known) = &desk.connected {
                return known.clone();
            }
            let (sender, answer) = oneshot::channel();
            if !desk.stopped {
                desk.arrivals.push(sender);
            }
            answer
        };
        answer.await.unwrap_or(Err(RequestError::Stopped))
    }

    /// Publishes and waits for the acknowledgement: nothing for QoS 0, PUBACK, or PUBCOMP. Gives its reason code,
    /// which may be an error of the server's.
    ///
    /// # Errors
    /// [`RequestError::Abandoned`] or [`RequestError::Stopped`].
    pub async fn publish(&self, message: Message) -> Result<ReasonCode, RequestError> {
        let reasons = self
            .request(|ticket| Command::Publish(ticket, message))
            .await?;
        Ok(reasons.first().copied().unwrap_or(ReasonCode::SUCCESS))
    }

    /// Subscribes and waits for SUBACK. Gives one reason code for each subscription.
    ///
    /// # Errors
    /// [`RequestError::Abandoned`] or [`RequestError::Stopped`].
    pub async fn subscribe(
        &self,
        subscriptions: Vec<Subscription>,
    ) -> Result<Vec<ReasonCode>, RequestError> {
        let properties = Properties::new();
        self.request(|ticket| Command::Subscribe {
            ticket,
            subscriptions,
            properties,
        })
        .await
    }

    /// Unsubscribes and waits for UNSUBACK. Gives one reason code for each filter (5.0) or none (3.1.1).
    ///
    /// # Errors
    /// [`RequestError::Abandoned`] or [`RequestError::Stopped`].
    pub async fn unsubscribe(
        &self,
        filters: Vec<TopicFilter>,
    ) -> Result<Vec<ReasonCode>, RequestError> {
        let properties = Properties::new();
        self.request(|ticket| Command::Unsubscribe {
            ticket,
            filters,
            properties,
        })
        .await
    }

    /// Sends DISCONNECT, and waits until the driver has ended. What was not acknowledged is over for every clone.
    pub async fn disconnect(self) {
        let reason = ReasonCode::NORMAL_DISCONNECTION;
        let properties = Properties::new();
        let (sender, ended) = oneshot::channel::<()>();
        self.desk.borrow_mut().leave(sender);
        // A send that fails says that the driver has ended already, and so does an answer that fails.
        let _ = self
            .commands
            .send(Command::Disconnect { reason, properties });
        let _ = self.commands.send(Command::Stop);
        let _ = ended.await;
    }

    async fn request(
        &self,
        command: impl FnOnce(Ticket) -> Command,
    ) -> Result<Vec<ReasonCode>, RequestError> {
        let (ticket, outcome) = self.desk.borrow_mut().open();
        self.commands
            .send(command(ticket))
            .map_err(|_| RequestError::Stopped)?;
        outcome.await.unwrap_or(Err(RequestError::Stopped))
    }
}

/// What happens to a client, packets aside: connections, messages, violations of the server.
#[derive(Debug)]
pub struct Events(UnboundedReceiver<Event>);

impl Events {
    /// The next event, `None` when the client has stopped.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.recv().await
    }

    /// The next message; other events before it are passed over. `None` when the client has stopped.
    pub async fn next_message(&mut self) -> Option<Message> {
        while let Some(event) = self.next().await {
            if let Event::Delivered { message, .. } = event {
                return Some(message);
            }
        }
        None
    }
}

type Outcome = Result<Vec<ReasonCode>, RequestError>;

/// Where those wait who asked for something.
#[derive(Debug, Default)]
struct Desk {
    next_ticket: u64,
    requests: BTreeMap<Ticket, oneshot::Sender<Outcome>>,
    arrivals: Vec<oneshot::Sender<Result<ConnAck, RequestError>>>,
    departures: Vec<oneshot::Sender<()>>,
    connected: Option<Result<ConnAck, RequestError>>,
    stopped: bool,
}

impl Desk {
    /// When the client has stopped, the sender is dropped at once, and so the outcome is known.
    fn open(&mut self) -> (Ticket, oneshot::Receiver<Outcome>) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let (sender, outcome) = oneshot::channel();
        if !self.stopped {
            self.requests.insert(ticket, sender);
        }
        (ticket, outcome)
    }

    fn leave(&mut self, sender: oneshot::Sender<()>) {
        if !self.stopped {
            self.departures.push(sender);
        }
    }

    fn close(&mut self, ticket: Ticket, outcome: Outcome) {
        if let Some(sender) = self.requests.remove(&ticket) {
            // Whoever asked may have stopped waiting.
            let _ = sender.send(outcome);
        }
    }

    fn arrive(&mut self, result: Result<ConnAck, RequestError>) {
        if self.connected.is_none() {
            for sender in self.arrivals.drain(..) {
                let _ = sender.send(result.clone());
            }
            self.connected = Some(result);
        }
    }
}

/// Hands events to those who wait for them; when it goes, so does every hope.
struct Reporter {
    desk: Rc<RefCell<Desk>>,
    news: UnboundedSender<Event>,
    reconnects: bool,
}

impl Reporter {
    fn report(&self, event: &Event) {
        let mut desk = self.desk.borrow_mut();
        match event {
            Event::Received(_) | Event::Sent(_) => return,
            Event::Acknowledged { ticket, reason } => {
                return desk.close(*ticket, Ok(vec![*reason]));
            }
            Event::Subscribed { ticket, reasons } | Event::Unsubscribed { ticket, reasons } => {
                return desk.close(*ticket, Ok(reasons.clone()));
            }
            Event::Abandoned { ticket, why } => {
                return desk.close(*ticket, Err(RequestError::Abandoned(why.clone())));
            }
            Event::Connected { ack, .. } => desk.arrive(Ok(ack.clone())),
            Event::Ended { cause } if !(self.reconnects && cause.is_unwanted()) => {
                desk.arrive(Err(RequestError::Ended(cause.clone())));
            }
            Event::Ended { .. }
            | Event::Refused { .. }
            | Event::Violation(_)
            | Event::SentRaw { .. }
            | Event::Delivered { .. } => {}
        }
        // Nobody has to listen.
        let _ = self.news.send(event.clone());
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        let mut desk = self.desk.borrow_mut();
        desk.stopped = true;
        desk.requests.clear();
        desk.arrivals.clear();
        desk.departures.clear();
    }
}
