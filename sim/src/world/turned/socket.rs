//! The sockets of a client: where its connections come in, and where its packets are seen.

use super::broker::Callers;
use crate::{
    net::Way,
    tap::{Cut, Taps},
    trace::{Node, What},
    world::{
        line::{Line, Parcel, Passage},
        live::{dial::open, scene::Scene},
    },
};
use squall_client::{EndCause, Event};
use squall_protocol::{Decoder, Frame, Packet, ReasonCode, Role, packet::ConnAck};
use squall_scenarios::model::{ClientIx, CutBy};
use squall_transport::{Accept, BoxStream, Endpoint, Hangup, Memory, MemoryListener, MemoryStream};
use std::{cell::RefCell, future::poll_fn, io, net::Ipv4Addr, rc::Rc};
use tokio::{net::TcpListener, sync::oneshot};

/// Where the connections of one client come in.
pub(super) enum Door {
    Tcp(TcpListener),
    Memory(MemoryListener),
}

impl Door {
    /// A door on this machine, and where it is.
    pub(super) async fn over_tcp() -> io::Result<(Self, Endpoint)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok((Self::Tcp(listener), address.into()))
    }

    /// A door in this process.
    pub(super) fn in_memory() -> (Self, Endpoint) {
        let (memory, listener) = Memory::listen();
        (Self::Memory(listener), memory.into())
    }

    async fn accept(&mut self) -> io::Result<BoxStream> {
        Ok(match self {
            Self::Tcp(listener) => Box::new(Accept::accept(listener).await?),
            Self::Memory(listener) => Box::new(listener.accept().await?),
        })
    }
}

/// What the sockets of a client have shown, and what it takes to open the next one. Copies are the same.
#[derive(Clone)]
pub(super) struct Sockets {
    client: ClientIx,
    tap: Taps,
    scene: Scene,
    callers: Callers,
    newest: Rc<RefCell<Newest>>,
}

/// The newest connection of a client.
#[derive(Default)]
pub(super) struct Newest {
    /// Connections so far.
    pub(super) number: u64,
    /// It is not over.
    pub(super) open: bool,
    /// The CONNACK that was written to it.
    pub(super) connack: Option<ConnAck>,
    /// The client has sent DISCONNECT.
    disconnects: bool,
    /// The server has sent DISCONNECT.
    disconnected: Option<ReasonCode>,
    /// The story wanted it dropped.
    pub(super) dropped: bool,
}

/// Both directions of a connection as packets.
struct Readers {
    up: Decoder,
    down: Decoder,
    /// What cannot be read any more.
    lost_up: bool,
    lost_down: bool,
}

impl Sockets {
    pub(super) fn new(client: ClientIx, tap: Taps, scene: Scene, callers: Callers) -> Self {
        Self {
            client,
            tap,
            scene,
            callers,
            newest: Rc::default(),
        }
    }

    /// What the newest connection has shown.
    pub(super) fn newest(&self) -> std::cell::RefMut<'_, Newest> {
        self.newest.borrow_mut()
    }

    pub(super) fn record(&self, event: Event) {
        self.scene
            .record(Node::Client(self.client), What::Client(event));
    }

    /// Takes what comes in through the door, until nothing can.
    pub(super) async fn open(self, mut door: Door) {
        loop {
            match door.accept().await {
                Ok(stream) => self.connect(stream),
                // A connection that was gone before it was taken.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(_) => return,
            }
        }
    }

    /// Joins a connection of the client to the broker, by its tap and the link model.
    fn connect(&self, stream: BoxStream) {
        // An older one that is still open is not listened to any more.
        self.end(EndCause::Dropped);
        let number = {
            let mut newest = self.newest();
            let number = newest.number + 1;
            *newest = Newest {
                number,
                open: true,
                ..Newest::default()
            };
            number
        };
        self.scene.record(Node::Client(self.client), What::Dial);
        let (near, far) = MemoryStream::pair();
        let (through, arrived) = oneshot::channel();
        let conn = {
            let shared = &mut *self.scene.shared.borrow_mut();
            let now = shared.now().as_millis();
            shared.net.open(now, self.client, Parcel::Syn(through))
        };
        let (scene, client) = (self.scene.clone(), self.client);
        let told = move |cut: squall_transport::tap::Cut| {
            let cut = Cut::from(cut);
            scene.record(Node::Client(client), What::Cut(cut));
            if cut.by == CutBy::Silence {
                let shared = &mut *scene.shared.borrow_mut();
                let now = shared.now().as_millis();
                shared.net.kill(now, conn);
            }
        };
        // This is the server's side of the client's connection.
        let tapped = self.tap.on(far, Role::Server, told);
        self.watch(number, Passage::new(stream, Box::new(near)));
        let (scene, callers) = (self.scene.clone(), self.callers.clone());
        let joins = async move {
            // A way that is dead stays so, and nobody says it.
            if arrived.await.is_ok() {
                let broker = callers.dial(client);
                open(
                    &scene,
                    conn,
                    Line::new(conn, Box::new(tapped), Box::new(broker)),
                );
            } else {
                std::future::pending::<()>().await;
            }
        };
        self.scene.tasks.borrow_mut().spawn_local(joins);
    }

    /// Lets a connection move its bytes, and looks at them.
    fn watch(&self, number: u64, mut passage: Passage) {
        let mut readers = Readers {
            up: Decoder::new(Role::Client),
            down: Decoder::new(Role::Server),
            lost_up: false,
            lost_down: false,
        };
        let this = self.clone();
        let moves = poll_fn(move |cx| {
            passage.poll(cx, &mut |way, parcel| {
                if this.newest().number == number {
                    this.see(&mut readers, way, parcel);
                }
            })
        });
        self.scene.tasks.borrow_mut().spawn_local(moves);
    }

    fn see(&self, readers: &mut Readers, way: Way, parcel: &Parcel) {
        match (way, parcel) {
            (_, Parcel::Syn(_)) => {}
            (Way::Up, Parcel::Data(bytes)) => self.sent(readers, bytes),
            (Way::Down, Parcel::Data(bytes)) => self.received(readers, bytes),
            (Way::Up, Parcel::End { .. }) => {
                let cause = match self.newest().disconnects {
                    true => EndCause::Requested,
                    false => EndCause::Dropped,
                };
                self.end(cause);
            }
            (Way::Down, Parcel::End { reset }) => {
                let newest = self.newest();
                let answered = newest.connack.as_ref().map(|connack| connack.reason);
                let refused = answered.filter(|reason| reason.is_error());
                let cause = match (newest.disconnects, newest.disconnected, refused) {
                    (true, ..) => EndCause::Requested,
                    (_, Some(reason), _) => EndCause::ServerDisconnect(reason),
                    (.., Some(reason)) => EndCause::Refused(reason),
                    _ if *reset => EndCause::Peer(Hangup::Reset),
                    _ => EndCause::Peer(Hangup::Eof),
                };
                drop(newest);
                self.end(cause);
            }
        }
    }

    /// What the client wrote. What is no packet the broker will complain of; what comes once the client has said that the
    /// connection is over belongs to no other one.
    fn sent(&self, readers: &mut Readers, bytes: &[u8]) {
        if readers.lost_up || !self.newest().open {
            return;
        }
        readers.up.push(bytes);
        loop {
            match readers.up.next_frame() {
                Ok(Some(frame)) => {
                    if let Some(version) = readers.up.version() {
                        readers.down.set_version(version);
                    }
                    self.newest().disconnects |= matches!(frame.packet, Packet::Disconnect(_));
                    self.record(Event::Sent(frame));
                }
                Ok(None) => return,
                Err(_) => return readers.lost_up = true,
            }
        }
    }

    /// What is written to the client.
    fn received(&self, readers: &mut Readers, bytes: &[u8]) {
        if readers.lost_down {
            return;
        }
        readers.down.push(bytes);
        loop {
            match readers.down.next_frame() {
                Ok(Some(frame)) => {
                    self.note(&frame);
                    self.record(Event::Received(frame));
                }
                Ok(None) => return,
                Err(_) => return readers.lost_down = true,
            }
        }
    }

    fn note(&self, frame: &Frame) {
        match &frame.packet {
            Packet::ConnAck(ack) => self.newest().connack = Some(ack.clone()),
            Packet::Disconnect(disconnect) => {
                self.newest().disconnected = Some(disconnect.reason);
            }
            _ => {}
        }
    }

    /// The newest connection is over, if it was not before.
    fn end(&self, cause: EndCause) {
        if std::mem::take(&mut self.newest().open) {
            self.record(Event::Ended { cause });
        }
    }
}
