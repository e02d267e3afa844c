//! The host of a client that somebody brought along: its connections are pipes to the wire, on which its packets are seen.

use super::{Shared, dialer::Dialer};
use crate::{
    guest::{Client, Connection, Dialling, Order, Part, Report, Stage},
    panics,
    trace::{Node, What},
    world::Fallen,
};
use bytes::Bytes;
use squall_client::{Backoff, Command, EndCause, Event};
use squall_protocol::{Decoder, Packet, ReasonCode, Role, Version};
use squall_scenarios::model::ClientIx;
use squall_transport::{Hangup, MemoryStream, Stream};
use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    select,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::sleep,
};

/// Bytes that are read at once.
const CHUNK: usize = 16 * 1024;

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// What the tasks of one host share.
struct Desk {
    client: ClientIx,
    version: Version,
    shared: Rc<RefCell<Shared>>,
    dialer: Dialer,
    /// Pipes and waits that are to be begun.
    new: RefCell<Vec<Task>>,
    orders: UnboundedSender<Order>,
    again: RefCell<Again>,
}

/// How the client connects again by itself.
#[derive(Default)]
struct Again {
    backoff: Option<Backoff>,
    next: Duration,
    /// The last order to connect, while the story wants a connection.
    connect: Option<Order>,
    /// Counts orders: a wait that another order has made void does nothing.
    orders: u64,
}

impl Desk {
    fn record(&self, event: Event) {
        let shared = &mut *self.shared.borrow_mut();
        let now = shared.now;
        shared.record(now, Node::Client(self.client), What::Client(event));
    }

    /// Hands an order of the director on.
    fn order(&self, command: Command) {
        let order = match command {
            Command::Backoff(backoff) => {
                self.again.borrow_mut().backoff = backoff;
                return;
            }
            // A client that somebody brought along answers and queues as it does.
            Command::QueueLimit(_)
            | Command::Acknowledge(..)
            | Command::Reauthenticate(_)
            | Command::Stop => return,
            Command::Script(_) => {
                let what = "packets that a story says itself".to_owned();
                let fallen = Fallen::Lacks(what);
                self.shared.borrow_mut().fallen.get_or_insert(fallen);
                return;
            }
            Command::Connect(options) => Order::Connect(options),
            Command::Publish(ticket, message) => Order::Publish(ticket, message),
            Command::Subscribe {
                ticket,
                subscriptions,
                properties,
            } => Order::Subscribe {
                ticket,
                subscriptions,
                properties,
            },
            Command::Unsubscribe {
                ticket,
                filters,
                properties,
            } => Order::Unsubscribe {
                ticket,
                filters,
                properties,
            },
            Command::Disconnect { reason, properties } => Order::Disconnect { reason, properties },
            Command::Drop => Order::Drop,
        };
        let again = &mut *self.again.borrow_mut();
        match &order {
            Order::Connect(_) => {
                again.connect = Some(order.clone());
                again.next = again.backoff.map_or(Duration::ZERO, |b| b.first);
                again.orders += 1;
            }
            Order::Disconnect { .. } | Order::Drop => {
                again.connect = None;
                again.orders += 1;
            }
            _ => {}
        }
        // A client that has ended is told of already.
        let _ = self.orders.send(order);
    }

    fn connected(&self) {
        let again = &mut *self.again.borrow_mut();
        again.next = again.backoff.map_or(Duration::ZERO, |b| b.first);
    }

    /// A connection, or an attempt at one, is over.
    fn ended(self: &Rc<Self>, cause: EndCause) {
        let wanted = !cause.is_unwanted();
        self.record(Event::Ended { cause });
        let (wait, order, number) = {
            let again = &mut *self.again.borrow_mut();
            let (Some(backoff), Some(order), false) =
                (again.backoff, again.connect.clone(), wanted)
            else {
                return;
            };
            let wait = again.next.max(Duration::from_millis(1));
            again.next = (wait * 2).min(backoff.max);
            (wait, order, again.orders)
        };
        let desk = Rc::clone(self);
        self.new.borrow_mut().push(Box::pin(async move {
            sleep(wait).await;
            if desk.again.borrow().orders == number {
                let _ = desk.orders.send(order);
            }
        }));
    }
}

/// A client's part, as its host sees it.
struct Seat(Rc<Desk>);

impl Stage for Seat {
    fn dial(&self) -> Dialling {
        let desk = Rc::clone(&self.0);
        let dialling = desk.dialer.begin();
        let mut attempt = Attempt { desk, over: false };
        Box::pin(async move {
            let dialled = dialling.await;
            attempt.over = true;
            let desk = Rc::clone(&attempt.desk);
            match dialled {
                Ok(wire) => {
                    let (near, far) = MemoryStream::pair();
                    let pipe = pipe(Rc::clone(&desk), far, wire);
                    desk.new.borrow_mut().push(Box::pin(pipe));
                    Ok(Connection(near))
                }
                Err(error) => {
                    desk.ended(EndCause::DialFailed(error.to_string()));
                    Err(error)
                }
            }
        })
    }

    fn report(&self, report: Report) {
        let event = match report {
            Report::Subscribed(ticket, reasons) => Event::Subscribed { ticket, reasons },
            Report::Unsubscribed(ticket, reasons) => Event::Unsubscribed { ticket, reasons },
            Report::Acknowledged(ticket, reason) => Event::Acknowledged { ticket, reason },
            Report::Delivered(message) => Event::Delivered {
                message,
                dup: false,
                packet_id: None,
                receipt: None,
            },
            Report::Lacks(what) => {
                let fallen = &mut self.0.shared.borrow_mut().fallen;
                fallen.get_or_insert(Fallen::Lacks(what));
                return;
            }
        };
        self.0.record(event);
    }
}

/// A dial that is given up is over, too.
struct Attempt {
    desk: Rc<Desk>,
    over: bool,
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.over && !std::thread::panicking() {
            self.desk.ended(EndCause::Dropped);
        }
    }
}

/// One direction, taken apart into packets, so that each is one write.
struct Sniffed {
    decoder: Decoder,
    raw: bool,
}

impl Sniffed {
    fn new(from: Role, version: Version) -> Self {
        let mut decoder = Decoder::new(from);
        decoder.set_version(version);
        Self {
            decoder,
            raw: false,
        }
    }

    /// The pieces in which these bytes are passed on, and the packet that each is.
    fn take(&mut self, bytes: &[u8]) -> Vec<(Bytes, Option<squall_protocol::Frame>)> {
        if self.raw {
            return vec![(Bytes::copy_from_slice(bytes), None)];
        }
        self.decoder.push(bytes);
        let mut pieces = Vec::new();
        loop {
            // What is no packet is passed on as it came: whoever gets it says what it thinks of it.
            let waiting = Bytes::copy_from_slice(self.decoder.read_buf());
            match self.decoder.next_frame() {
                Ok(Some(frame)) => pieces.push((frame.bytes.clone(), Some(frame))),
                Ok(None) => return pieces,
                Err(_) => {
                    self.raw = true;
                    pieces.push((waiting, None));
                    return pieces;
                }
            }
        }
    }
}

/// Carries one connection between a client and its wire, and tells what goes by.
async fn pipe<W>(desk: Rc<Desk>, mut far: MemoryStream, mut wire: W)
where
    W: Stream + AsyncRead + AsyncWrite + Unpin,
{
    let mut up = Sniffed::new(Role::Client, desk.version);
    let mut down = Sniffed::new(Role::Server, desk.version);
    let (mut from_client, mut from_broker) = (vec![0; CHUNK], vec![0; CHUNK]);
    let mut goodbye = false;
    let mut refused = None;
    loop {
        select! {
            biased;
            read = far.read(&mut from_client) => {
                let Ok(count @ 1..) = read else {
                    let cause = if goodbye { EndCause::Requested } else { EndCause::Dropped };
                    return desk.ended(refused.map_or(cause, EndCause::Refused));
                };
                for (bytes, frame) in up.take(&from_client[..count]) {
                    if let Some(frame) = frame {
                        goodbye |= matches!(frame.packet, Packet::Disconnect(_));
                        desk.record(Event::Sent(frame));
                    }
                    // That nobody is there any more, reading tells.
                    let _ = wire.write_all(&bytes).await;
                }
                let _ = wire.flush().await;
            }
            read = wire.read(&mut from_broker) => {
                let how = match read {
                    Ok(0) => Some(Hangup::Eof),
                    Ok(_) => None,
                    Err(_) => Some(Hangup::Reset),
                };
                if let Some(how) = how {
                    if how == Hangup::Reset {
                        Box::new(far).reset();
                    }
                    let cause = match (refused, goodbye) {
                        (Some(reason), _) => EndCause::Refused(reason),
                        (_, true) => EndCause::Requested,
                        _ => EndCause::Peer(how),
                    };
                    return desk.ended(cause);
                }
                let count = read.unwrap_or_default();
                for (bytes, frame) in down.take(&from_broker[..count]) {
                    if let Some(frame) = frame {
                        refused = refused.or(desk.received(frame));
                    }
                    let _ = far.write_all(&bytes).await;
                }
            }
        }
    }
}

impl Desk {
    /// A packet arrives; why it refuses the connection, if it does.
    fn received(&self, frame: squall_protocol::Frame) -> Option<ReasonCode> {
        let packet = frame.packet.clone();
        self.record(Event::Received(frame));
        let Packet::ConnAck(ack) = packet else {
            return None;
        };
        let refused = Some(ack.reason).filter(|reason| reason.is_error());
        if refused.is_some() {
            self.record(Event::Refused { ack });
        } else {
            self.connected();
            let session_present = ack.session_present;
            self.record(Event::Connected {
                session_present,
                ack,
            });
        }
        refused
    }
}

/// Plays a client's part. However the client ends, the run goes on, and says so.
pub(super) async fn play(
    client: &Client,
    who: (ClientIx, Version),
    dialer: Dialer,
    mut commands: UnboundedReceiver<Command>,
    shared: Rc<RefCell<Shared>>,
) -> io::Result<()> {
    let (orders, receiver) = unbounded_channel();
    let desk = Rc::new(Desk {
        client: who.0,
        version: who.1,
        shared: Rc::clone(&shared),
        dialer,
        new: RefCell::default(),
        orders,
        again: RefCell::default(),
    });
    let mut part = Some(Part::new(receiver, Rc::new(Seat(Rc::clone(&desk)))));
    let (mut running, mut tasks) = (None, Vec::<Task>::new());
    poll_fn(|cx: &mut Context<'_>| {
        while let Poll::Ready(Some(command)) = commands.poll_recv(cx) {
            desk.order(command);
        }
        loop {
            tasks.retain_mut(|task| task.as_mut().poll(cx).is_pending());
            if shared.borrow().fallen.is_some() {
                return Poll::<io::Result<()>>::Pending;
            }
            let poll = || match (&mut running, part.take()) {
                (running, Some(part)) => running.insert(client.run(part)).as_mut().poll(cx),
                (Some(running), None) => running.as_mut().poll(cx),
                (None, None) => Poll::Pending,
            };
            let why = match panics::caught(poll) {
                Ok(Poll::Pending) => None,
                Ok(Poll::Ready(Ok(()))) => Some("it plays its part no more".to_owned()),
                Ok(Poll::Ready(Err(error))) => Some(error.to_string()),
                Err(panic) => Some(format!("it panicked: {panic}")),
            };
            if let Some(why) = why {
                let fallen = &mut shared.borrow_mut().fallen;
                fallen.get_or_insert(Fallen::Client(why));
            }
            let new = std::mem::take(&mut *desk.new.borrow_mut());
            if new.is_empty() {
                return Poll::Pending;
            }
            tasks.extend(new);
        }
    })
    .await
}
