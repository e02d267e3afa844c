//! Where those wait who asked for something: what a handle and the driver have in common.
//!
//! It does not know how commands reach the client, or what its events mean.

use super::{
    delivery::Delivery, error::RequestError, happening::Happening, inbox::Inboxes, routes::Routes,
    settings::Settings,
};
use crate::core::{EndCause, Message, QueueLimit, Ticket};
use bytes::Bytes;
use squall_protocol::{ReasonCode, Text, packet::ConnAck, topic::TopicFilter};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    task::unconstrained,
};

/// What a request led to: its reason codes.
pub(super) type Outcome = Result<Vec<ReasonCode>, RequestError>;

/// What stands in the line of a stream.
#[derive(Debug)]
pub(super) enum Item {
    Delivery(Delivery),
    Happening(Box<Happening>),
}

/// The desk of one client, as its handles and its driver hold it.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    desk: Arc<Mutex<Desk>>,
    /// Room for messages and requests, and for the bytes of messages.
    room: Room,
    /// Acknowledgement is the application's own affair.
    pub(super) manual: bool,
}

/// Room for what goes out: whoever asks takes a share of it until there is an outcome.
#[derive(Clone, Debug)]
struct Room {
    messages: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    most: u32,
}

/// A share of the room.
#[derive(Debug)]
pub(super) struct Place {
    _message: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl Room {
    fn new(limit: QueueLimit) -> Self {
        let bytes = limit.bytes.min(Semaphore::MAX_PERMITS);
        Self {
            messages: Arc::new(Semaphore::new(
                limit.messages.clamp(1, Semaphore::MAX_PERMITS),
            )),
            bytes: Arc::new(Semaphore::new(bytes)),
            most: u32::try_from(bytes).unwrap_or(u32::MAX),
        }
    }

    /// Waits for room, in the order of those who ask. What is larger than all of it goes alone.
    async fn place(&self, weight: usize) -> Result<Place, RequestError> {
        let weight = u32::try_from(weight).unwrap_or(u32::MAX).min(self.most);
        // Cooperative scheduling would have one who asks late go before one who asked early.
        let message = unconstrained(Arc::clone(&self.messages).acquire_owned()).await;
        let bytes = unconstrained(Arc::clone(&self.bytes).acquire_many_owned(weight)).await;
        match (message, bytes) {
            (Ok(_message), Ok(_bytes)) => Ok(Place { _message, _bytes }),
            _ => Err(RequestError::Stopped),
        }
    }

    /// The same at once or not at all.
    fn try_place(&self, weight: usize) -> Result<Place, RequestError> {
        let weight = u32::try_from(weight).unwrap_or(u32::MAX).min(self.most);
        if self.messages.is_closed() {
            return Err(RequestError::Stopped);
        }
        let message = Arc::clone(&self.messages).try_acquire_owned();
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(weight);
        match (message, bytes) {
            (Ok(_message), Ok(_bytes)) => Ok(Place { _message, _bytes }),
            _ => Err(RequestError::Full),
        }
    }
}

impl Shared {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            desk: Arc::new(Mutex::new(Desk::new(settings.incoming))),
            room: Room::new(settings.outgoing),
            manual: settings.manual,
        }
    }

    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room, in the order of those who ask. What is larger than all of it goes alone.
    pub(super) async fn place(&self, weight: usize) -> Result<Place, RequestError> {
        let place = self.room.place(weight).await;
        place.map_err(|why| self.why(why))
    }

    /// The same at once or not at all.
    pub(super) fn try_place(&self, weight: usize) -> Result<Place, RequestError> {
        self.room.try_place(weight).map_err(|why| self.why(why))
    }

    /// Why it has stopped, if it has.
    fn why(&self, error: RequestError) -> RequestError {
        match error {
            RequestError::Stopped => self.desk().gone(),
            error => error,
        }
    }

    /// The client has stopped: whoever waits learns it.
    pub(super) fn close(&self) {
        self.desk().close();
        self.room.messages.close();
        self.room.bytes.close();
    }
}

/// A request under way.
#[derive(Debug)]
struct Request {
    answer: oneshot::Sender<Outcome>,
    /// An UNSUBSCRIBE's.
    filters: Vec<TopicFilter>,
    _place: Option<Place>,
}

#[derive(Debug)]
pub(super) struct Desk {
    next_ticket: u64,
    requests: BTreeMap<Ticket, Request>,
    arrivals: Vec<oneshot::Sender<Result<ConnAck, RequestError>>>,
    departures: Vec<oneshot::Sender<()>>,
    /// What became of the latest attempt that has an outcome.
    connected: Option<Result<ConnAck, RequestError>>,
    /// Who waits for a response, by its Correlation Data, and the topic on which it comes.
    responses: BTreeMap<Bytes, (Text, oneshot::Sender<Message>)>,
    next_correlation: u64,
    pub(super) inboxes: Inboxes<Item>,
    pub(super) routes: Routes,
    /// The lines of those who listen to what happens.
    pub(super) listeners: Vec<u64>,
    /// The end that is followed by no other connection.
    over: Option<EndCause>,
    stopped: bool,
}

impl Desk {
    fn new(incoming: QueueLimit) -> Self {
        Self {
            next_ticket: 0,
            requests: BTreeMap::new(),
            arrivals: Vec::new(),
            departures: Vec::new(),
            connected: None,
            responses: BTreeMap::new(),
            next_correlation: 0,
            inboxes: Inboxes::new(incoming),
            routes: Routes::default(),
            listeners: Vec::new(),
            over: None,
            stopped: false,
        }
    }

    /// Why nobody will answer any more.
    fn gone(&self) -> RequestError {
        match &self.over {
            None | Some(EndCause::Requested | EndCause::Dropped) => RequestError::Stopped,
            Some(cause) => RequestError::Ended(cause.clone()),
        }
    }

    /// This end is the last one.
    pub(super) fn end(&mut self, cause: &EndCause) {
        self.over.get_or_insert_with(|| cause.clone());
    }

    /// A request, and what will come of it; when the client has stopped that is known already.
    pub(super) fn open(
        &mut self,
        place: Option<Place>,
        filters: Vec<TopicFilter>,
    ) -> (Ticket, oneshot::Receiver<Outcome>) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let (answer, outcome) = oneshot::channel();
        let request = Request {
            answer,
            filters,
            _place: place,
        };
        if self.stopped {
            let _ = request.answer.send(Err(self.gone()));
        } else {
            self.requests.insert(ticket, request);
        }
        (ticket, outcome)
    }

    /// The outcome of a request: whether somebody had asked, and the filters of an UNSUBSCRIBE.
    pub(super) fn settle(&mut self, ticket: Ticket, outcome: Outcome) -> Option<Vec<TopicFilter>> {
        let request = self.requests.remove(&ticket)?;
        // Whoever asked may have stopped waiting.
        let _ = request.answer.send(outcome);
        Some(request.filters)
    }

    /// Asks for the first CONNACK; or what is known already.
    pub(super) fn await_arrival(
        &mut self,
    ) -> Result<ConnAck, oneshot::Receiver<Result<ConnAck, RequestError>>> {
        let (sender, answer) = oneshot::channel();
        match &self.connected {
            Some(Ok(ack)) => return Ok(ack.clone()),
            Some(known) => drop(sender.send(known.clone())),
            None if self.stopped => drop(sender.send(Err(self.gone()))),
            None => self.arrivals.push(sender),
        }
        Err(answer)
    }

    pub(super) fn arrive(&mut self, result: Result<ConnAck, RequestError>) {
        for sender in self.arrivals.drain(..) {
            let _ = sender.send(result.clone());
        }
        // The first refusal stays what it was; a later CONNACK says what the server offers now.
        if result.is_ok() || self.connected.is_none() {
            self.connected = Some(result);
        }
    }

    pub(super) fn leave(&mut self, sender: oneshot::Sender<()>) {
        if !self.stopped {
            self.departures.push(sender);
        }
    }

    /// Correlation Data that nobody else of this client waits with, and what comes for it.
    pub(super) fn expect_response(&mut self, topic: Text) -> (Bytes, oneshot::Receiver<Message>) {
        self.next_correlation += 1;
        let correlation = Bytes::copy_from_slice(&self.next_correlation.to_be_bytes());
        let (sender, response) = oneshot::channel();
        if !self.stopped {
            self.responses.insert(correlation.clone(), (topic, sender));
        }
        (correlation, response)
    }

    /// Nobody waits with these any more.
    pub(super) fn forget_response(&mut self, correlation: &Bytes) {
        self.responses.remove(correlation);
    }

    /// Whether a message is a response that somebody waits for; then he has it.
    pub(super) fn respond(&mut self, message: &Message) -> bool {
        let correlation = message.properties.correlation_data();
        let correlation = correlation.unwrap_or_default();
        match self.responses.get(&correlation) {
            Some((topic, _)) if *topic == message.topic => {
                let waits = self.responses.remove(&correlation);
                // He may have stopped waiting; it is taken all the same.
                let _ = waits.map(|(_, waits)| waits.send(message.clone()));
                true
            }
            _ => false,
        }
    }

    fn close(&mut self) {
        self.stopped = true;
        let gone = self.gone();
        for (_, request) in std::mem::take(&mut self.requests) {
            let _ = request.answer.send(Err(gone.clone()));
        }
        for sender in self.arrivals.drain(..) {
            let _ = sender.send(Err(gone.clone()));
        }
        self.departures.clear();
        self.responses.clear();
        self.inboxes.close();
    }
}
