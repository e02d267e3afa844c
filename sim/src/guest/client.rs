//! A client that somebody brings along: async code in Rust that speaks over a stream, run as it is on a simulated host in the
//! place of each client of a story.

use super::protocol::{Properties, ReasonCode, packet::Subscription, topic::TopicFilter};
use squall_client::{ConnectOptions, Message, Ticket};
use squall_transport::MemoryStream;
use std::{
    fmt,
    future::Future,
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::mpsc::UnboundedReceiver,
};

type Running = Pin<Box<dyn Future<Output = io::Result<()>>>>;
pub(crate) type Dialling = Pin<Box<dyn Future<Output = io::Result<Connection>>>>;

/// A client under test. It is started anew for each run and for each client of the story, on a host of its own, and knows
/// nothing but its [`Part`]. Its clock must be tokio's ([`tokio::time`]): time is virtual. It must not start threads, nor take
/// randomness or the order of hash maps from the system, or the same seed will not give the same run.
///
/// ```no_run
/// use squall_sim::guest::{Client, Order};
///
/// let client = Client::new(|mut part| async move {
///     loop {
///         match part.next().await {
///             Order::Connect(options) => {
///                 let stream = part.dial().await?; // AsyncRead + AsyncWrite + Unpin + Send
///                 // my_client.connect(stream, options.client_id, …)
///                 drop((stream, options));
///             }
///             Order::Publish(ticket, message) => {
///                 // my_client.publish(message), and once it is acknowledged:
///                 part.acknowledged(ticket, squall_sim::guest::protocol::ReasonCode::SUCCESS);
///                 drop(message);
///             }
///             // …
///             _ => {}
///         }
///     }
/// });
/// squall_sim::harness::Storm::of("tests/stories").client(client).check();
/// ```
#[derive(Clone)]
pub struct Client {
    run: Arc<dyn Fn(Part) -> Running + Send + Sync>,
}

impl Client {
    /// A client that `run` makes; its future plays its part until it is dropped. One that ends fails the run.
    pub fn new<F>(run: impl Fn(Part) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + 'static,
    {
        Self {
            run: Arc::new(move |part| Box::pin(run(part))),
        }
    }

    pub(crate) fn run(&self, part: Part) -> Running {
        (self.run)(part)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

/// What a story wants of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Dial, and send CONNECT. A connection from before is let go without DISCONNECT. What only 5.0 knows is empty in 3.1.1.
    Connect(Box<ConnectOptions>),
    /// Publish, now or when there is a connection again. [`Part::acknowledged`] says what became of it.
    Publish(Ticket, Message),
    /// Subscribe. [`Part::subscribed`] says what became of it.
    Subscribe {
        /// Names the outcome.
        ticket: Ticket,
        /// At least one.
        subscriptions: Vec<Subscription>,
        /// Properties (5.0).
        properties: Properties,
    },
    /// Unsubscribe. [`Part::unsubscribed`] says what became of it.
    Unsubscribe {
        /// Names the outcome.
        ticket: Ticket,
        /// At least one.
        filters: Vec<TopicFilter>,
        /// Properties (5.0).
        properties: Properties,
    },
    /// Send DISCONNECT and close the connection.
    Disconnect {
        /// Disconnect Reason Code (5.0).
        reason: ReasonCode,
        /// Properties (5.0).
        properties: Properties,
    },
    /// Close the connection without DISCONNECT. The session goes on.
    Drop,
}

/// What a client tells of itself. What can be seen on the wire it need not tell.
#[derive(Clone, Debug)]
pub(crate) enum Report {
    Subscribed(Ticket, Vec<ReasonCode>),
    Unsubscribed(Ticket, Vec<ReasonCode>),
    Acknowledged(Ticket, ReasonCode),
    Delivered(Message),
    Lacks(String),
}

/// Where a client's part is played.
pub(crate) trait Stage {
    fn dial(&self) -> Dialling;
    fn report(&self, report: Report);
}

/// The part of one client of a story: what it is asked for, and what it tells of it. Connections that begin and end, and
/// CONNACK, are seen on the wire.
pub struct Part {
    orders: UnboundedReceiver<Order>,
    stage: Rc<dyn Stage>,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").finish_non_exhaustive()
    }
}

impl Part {
    pub(crate) fn new(orders: UnboundedReceiver<Order>, stage: Rc<dyn Stage>) -> Self {
        Self { orders, stage }
    }

    /// Waits for the next order; for ever when there is none any more. Whoever gives up waiting misses none.
    pub async fn next(&mut self) -> Order {
        match self.orders.recv().await {
            Some(order) => order,
            None => std::future::pending().await,
        }
    }

    /// Dials the broker. Dialling is given up when the future is dropped.
    ///
    /// # Errors
    /// When there is no connection to be had.
    pub fn dial(&self) -> impl Future<Output = io::Result<Connection>> + use<> {
        self.stage.dial()
    }

    /// SUBACK has come: one code for each filter, in order.
    pub fn subscribed(&self, ticket: Ticket, reasons: Vec<ReasonCode>) {
        self.stage.report(Report::Subscribed(ticket, reasons));
    }

    /// UNSUBACK has come: one code for each filter, in order (5.0; empty in 3.1.1).
    pub fn unsubscribed(&self, ticket: Ticket, reasons: Vec<ReasonCode>) {
        self.stage.report(Report::Unsubscribed(ticket, reasons));
    }

    /// A message was published: QoS 0 when it was sent, QoS 1 with PUBACK, QoS 2 with PUBCOMP or with a PUBREC that refuses it.
    pub fn acknowledged(&self, ticket: Ticket, reason: ReasonCode) {
        self.stage.report(Report::Acknowledged(ticket, reason));
    }

    /// A message was handed to the application.
    pub fn delivered(&self, message: Message) {
        self.stage.report(Report::Delivered(message));
    }

    /// The client cannot do what the story wants: the run is n/a, and says why.
    pub fn lacks(&self, what: impl Into<String>) {
        self.stage.report(Report::Lacks(what.into()));
    }
}

/// A simulated connection of a client: ordered bytes, both ways. Dropping it ends it.
#[derive(Debug)]
pub struct Connection(pub(crate) MemoryStream);

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
