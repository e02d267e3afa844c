//! What driver tests are played with: streams in memory, a script, a server's end.

use crate::{
    core::{Command, ConnectOptions, EndCause, Event, Message, Ticket},
    driver::run,
};
use squall_protocol::{
    Decoder, Packet, Properties, QoS, ReasonCode, Role, Time, Version, encode,
    packet::{ConnAck, Publish},
};
use squall_transport::Dial;
use std::{
    cell::RefCell,
    collections::VecDeque,
    future::Future,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex},
    sync::mpsc::{UnboundedSender, unbounded_channel},
    time::timeout,
};

pub(super) const V5: Version = Version::V5_0;

/// Gives the streams it was handed, in order; without one it goes on dialing until it is dropped.
#[derive(Clone, Default)]
pub(super) struct Board {
    pub(super) lines: Rc<RefCell<VecDeque<io::Result<Slow>>>>,
    /// Dials begun and dials given up.
    pub(super) begun: Rc<RefCell<u32>>,
    pub(super) given_up: Rc<RefCell<u32>>,
}

impl Board {
    pub(super) fn plug(&self, capacity: usize) -> DuplexStream {
        let (near, far) = duplex(capacity);
        self.lines.borrow_mut().push_back(Ok(Slow {
            inner: near,
            writes: Rc::default(),
        }));
        far
    }
}

pub(super) struct GivenUp(Option<Rc<RefCell<u32>>>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        if let Some(count) = &self.0 {
            *count.borrow_mut() += 1;
        }
    }
}

impl Dial for Board {
    type Stream = Slow;

    async fn dial(&mut self) -> io::Result<Slow> {
        *self.begun.borrow_mut() += 1;
        let mut guard = GivenUp(Some(Rc::clone(&self.given_up)));
        let line = self.lines.borrow_mut().pop_front();
        let result = match line {
            Some(line) => line,
            None => std::future::pending().await,
        };
        guard.0 = None;
        result
    }
}

/// A stream that keeps what each write was given.
pub(super) struct Slow {
    pub(super) inner: DuplexStream,
    pub(super) writes: Rc<RefCell<Vec<Vec<u8>>>>,
}

impl AsyncRead for Slow {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Slow {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writes.borrow_mut().push(buf.to_vec());
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// What a script has in hand.
pub(super) struct Cast {
    pub(super) commands: UnboundedSender<Command>,
    pub(super) board: Board,
    pub(super) events: Rc<RefCell<Vec<(u64, Event)>>>,
}

impl Cast {
    pub(super) fn order(&self, command: Command) {
        self.commands.send(command).expect("the driver runs");
    }

    pub(super) fn connect(&self, keep_alive: u16) {
        let options = ConnectOptions {
            clean_start: false,
            session_expiry: Some(60),
            keep_alive,
            ..ConnectOptions::new(V5, "c")
        };
        self.order(Command::Connect(options.into()));
    }

    pub(super) fn publish(&self, ticket: u64, payload: Vec<u8>, qos: QoS) {
        self.order(Command::Publish(
            Ticket(ticket),
            Message::new("a", payload, qos),
        ));
    }

    /// Plugs a stream in and connects over it.
    pub(super) async fn online(&self, capacity: usize, keep_alive: u16) -> Peer {
        let mut peer = Peer::new(self.board.plug(capacity));
        self.connect(keep_alive);
        assert!(matches!(peer.next().await, Some(Packet::Connect(_))));
        peer.send(&connack()).await;
        // The driver's turn.
        tokio::task::yield_now().await;
        peer
    }

    pub(super) fn ends(&self) -> Vec<(u64, EndCause)> {
        let events = self.events.borrow();
        let ends = events.iter().filter_map(|(at, event)| match event {
            Event::Ended { cause } => Some((*at, cause.clone())),
            _ => None,
        });
        ends.collect()
    }
}

/// The server's end.
pub(super) struct Peer {
    pub(super) stream: DuplexStream,
    pub(super) decoder: Decoder,
}

impl Peer {
    pub(super) fn new(stream: DuplexStream) -> Self {
        let mut decoder = Decoder::new(Role::Client);
        decoder.set_version(V5);
        Self { stream, decoder }
    }

    /// The next packet; `None` at the end of the stream.
    pub(super) async fn next(&mut self) -> Option<Packet> {
        loop {
            if let Some(frame) = self
                .decoder
                .next_frame()
                .expect("the client sends valid packets")
            {
                return Some(frame.packet);
            }
            let mut buffer = [0; 512];
            match self
                .stream
                .read(&mut buffer)
                .await
                .expect("a stream in memory")
            {
                0 => return None,
                n => self.decoder.push(&buffer[..n]),
            }
        }
    }

    pub(super) async fn send(&mut self, packet: &Packet) {
        self.stream
            .write_all(&encode(packet, V5).unwrap())
            .await
            .expect("a stream in memory");
    }
}

pub(super) fn connack() -> Packet {
    Packet::ConnAck(ConnAck {
        session_present: false,
        reason: ReasonCode::SUCCESS,
        properties: Properties::new(),
    })
}

pub(super) fn message_from_server(payload: &'static [u8]) -> Packet {
    Packet::Publish(Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: "in".into(),
        packet_id: None,
        properties: Properties::new(),
        payload: payload.into(),
    })
}

/// Plays a script beside the driver, the script first whenever both can go on; gives the events.
pub(super) async fn play<F: Future<Output = ()>>(
    script: impl FnOnce(Rc<Cast>) -> F,
) -> Vec<(u64, Event)> {
    let (commands, orders) = unbounded_channel();
    let board = Board::default();
    let events = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&events);
    let observer =
        move |at: Time, event: &Event| seen.borrow_mut().push((at.as_millis(), event.clone()));
    let driver = run(board.clone(), orders, observer);
    let script = script(Rc::new(Cast {
        commands,
        board,
        events: Rc::clone(&events),
    }));
    let both = async { tokio::join!(biased; script, driver) };
    timeout(Duration::from_secs(3_600), both)
        .await
        .expect("the story comes to its end");
    events.borrow().clone()
}

/// The events in short, with their times.
pub(super) fn told(events: &[(u64, Event)]) -> Vec<String> {
    let lines = events.iter().map(|(at, event)| match event {
        Event::Sent(frame) => format!("{at} > {}", frame.packet.packet_type()),
        Event::Received(frame) => format!("{at} < {}", frame.packet.packet_type()),
        Event::Connected { .. } => format!("{at} connected"),
        Event::Delivered { .. } => format!("{at} delivered"),
        Event::Acknowledged { ticket, .. } => format!("{at} acknowledged {ticket}"),
        Event::Ended { cause } => format!("{at} ended {cause:?}"),
        other => format!("{at} {other:?}"),
    });
    lines.collect()
}

pub(super) struct Flood(pub(super) Option<Torrent>);

impl Dial for Flood {
    type Stream = Torrent;

    async fn dial(&mut self) -> io::Result<Torrent> {
        self.0
            .take()
            .ok_or_else(|| io::ErrorKind::ConnectionRefused.into())
    }
}

/// CONNACK, and then so many PINGRESPs, all there at once.
pub(super) struct Torrent {
    pub(super) greeting: Vec<u8>,
    pub(super) left: u32,
}

impl AsyncRead for Torrent {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.greeting.is_empty() {
            self.left = self.left.saturating_sub(1);
            if self.left > 0 {
                buf.put_slice(&encode(&Packet::PingResp, V5).unwrap());
            }
        } else {
            buf.put_slice(&std::mem::take(&mut self.greeting));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Torrent {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A stream, and who dials it, on which nothing can be written and nothing ever comes.
pub(super) struct Mute;

impl Dial for Mute {
    type Stream = Self;

    async fn dial(&mut self) -> io::Result<Self> {
        Ok(Self)
    }
}

impl AsyncRead for Mute {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Mute {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
