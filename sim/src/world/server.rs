//! The broker of a world: the reference broker, or a stranger that a test brings along.

use crate::{
    guest::{Client, Guest},
    trace::AtServer,
};
use squall_broker::{CloseCause, ConnId, Event, Machine, Script, store::Store};
use squall_protocol::{Decoder, Role, Time};
use squall_scenarios::model::ClientIx;
use squall_transport::{ConnectionId, Output, Server};
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
};

/// The broker of a world, whose doings can be seen. Connections are numbered from 0 in the order in which they are
/// opened.
pub(super) trait Observed {
    /// A client opened a connection.
    fn opened(&mut self, now: Time, conn: u64);
    /// Bytes arrived on an open connection.
    fn received(&mut self, now: Time, conn: u64, bytes: &[u8]);
    /// The client closed the connection, or the network failed.
    fn closed(&mut self, now: Time, conn: u64);
    /// It is told what to do to a client, if it is scripted.
    fn script(&mut self, now: Time, client: ClientIx, script: Script);
    /// Its deadline has come.
    fn timeout(&mut self, now: Time);
    /// When [`Self::timeout`] has to be called; `None` while it waits for nothing.
    fn deadline(&self) -> Option<Time>;
    /// What happened at it, in order.
    fn event(&mut self) -> Option<Told>;
    /// The next thing it wants done.
    fn output(&mut self) -> Option<Output>;
}

/// What a broker tells.
pub(super) enum Told {
    /// On this connection.
    On(u64, AtServer),
    /// It cannot go on: why.
    GivesUp(String),
}

/// What the reference broker tells, in the words of a trace.
pub(super) fn told(event: Event) -> Told {
    let (conn, seen) = match event {
        Event::Failed(why) => return Told::GivesUp(why),
        Event::Opened { conn } => (conn.0, AtServer::Opened),
        Event::Received { conn, frame } => (conn.0, AtServer::Received(frame)),
        Event::Violation { conn, violation } => (conn.0, AtServer::Violation(violation)),
        Event::Sent { conn, frame } => (conn.0, AtServer::Sent(frame)),
        Event::SentRaw {
            conn,
            bytes,
            broken,
        } => (conn.0, AtServer::SentRaw { bytes, broken }),
        Event::Closed { conn, cause } => {
            let by = match cause {
                CloseCause::Peer(_) => Role::Client,
                _ => Role::Server,
            };
            let remark = cause.to_string();
            (conn.0, AtServer::Closed { by, remark })
        }
    };
    Told::On(conn, seen)
}

/// The reference broker, or a scripted one.
pub(super) struct Reference(pub(super) Box<dyn Machine>);

impl Observed for Reference {
    fn opened(&mut self, now: Time, conn: u64) {
        self.0.handle_open(now, ConnId(conn));
    }

    fn received(&mut self, now: Time, conn: u64, bytes: &[u8]) {
        self.0.handle_bytes(now, ConnId(conn), bytes);
    }

    fn closed(&mut self, now: Time, conn: u64) {
        let how = squall_broker::Hangup::Eof;
        self.0.handle_closed(now, ConnId(conn), how);
    }

    fn script(&mut self, now: Time, client: ClientIx, script: Script) {
        self.0.handle_script(now, client, script);
    }

    fn timeout(&mut self, now: Time) {
        self.0.handle_timeout(now);
    }

    fn deadline(&self) -> Option<Time> {
        self.0.poll_timeout()
    }

    fn output(&mut self) -> Option<Output> {
        use squall_broker::Output as From;
        Some(match self.0.poll_output()? {
            From::Send { conn, bytes } => Output::Send(ConnectionId(conn.0), bytes),
            From::Close { conn } => Output::Close(ConnectionId(conn.0)),
            From::Verify { .. } => unreachable!("its settings say nothing of passwords"),
        })
    }

    fn event(&mut self) -> Option<Told> {
        self.0.poll_event().map(told)
    }
}

/// A stranger, and what can be seen of it: the packets at its end of the wire. It is given them one by one, so that
/// what it had seen when it spoke is known.
pub(super) struct Watched {
    server: Box<dyn Server>,
    lines: BTreeMap<ConnectionId, Line>,
    outputs: VecDeque<Output>,
    events: VecDeque<(u64, AtServer)>,
}

/// Both directions of a connection.
struct Line {
    up: Decoder,
    down: Decoder,
}

impl Watched {
    pub(super) fn new(server: Box<dyn Server>) -> Self {
        Self {
            server,
            lines: BTreeMap::new(),
            outputs: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Takes out what the stranger wants done.
    fn gather(&mut self) {
        for output in self.server.outputs() {
            match &output {
                Output::Send(conn, bytes) => {
                    // What is no packet leaves as it is; the client will say what it thinks of it.
                    if let Some(line) = self.lines.get_mut(conn) {
                        line.down.push(bytes);
                        while let Ok(Some(frame)) = line.down.next_frame() {
                            self.events.push_back((conn.0, AtServer::Sent(frame)));
                        }
                    }
                }
                Output::Close(conn) => self.ended(*conn, Role::Server),
            }
            self.outputs.push_back(output);
        }
    }

    fn ended(&mut self, conn: ConnectionId, by: Role) {
        if self.lines.remove(&conn).is_none() {
            return;
        }
        let remark = match by {
            Role::Client => "the client's end is gone",
            Role::Server => "the broker closed",
        };
        let remark = remark.to_owned();
        self.events
            .push_back((conn.0, AtServer::Closed { by, remark }));
    }
}

impl Observed for Watched {
    fn opened(&mut self, now: Time, conn: u64) {
        let line = Line {
            up: Decoder::new(Role::Client),
            down: Decoder::new(Role::Server),
        };
        self.lines.insert(ConnectionId(conn), line);
        self.events.push_back((conn, AtServer::Opened));
        self.server.opened(now.as_millis(), ConnectionId(conn));
        self.gather();
    }

    fn received(&mut self, now: Time, conn: u64, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let Some(line) = self.lines.get_mut(&ConnectionId(conn)) else {
                return;
            };
            let before = line.up.buffered();
            line.up.push(bytes);
            let taken = match line.up.next_frame() {
                Ok(Some(frame)) => {
                    let taken = frame.bytes.len() - before;
                    if let Some(version) = line.up.version() {
                        line.down.set_version(version);
                    }
                    self.events.push_back((conn, AtServer::Received(frame)));
                    taken
                }
                Ok(None) => bytes.len(),
                Err(violation) => {
                    self.events
                        .push_back((conn, AtServer::Violation(violation)));
                    bytes.len()
                }
            };
            // What follows the packet was pushed as well: it is taken back, and comes again.
            let keep = line.up.buffered().saturating_sub(bytes.len() - taken);
            line.up.read_buf().truncate(keep);
            self.server
                .received(now.as_millis(), ConnectionId(conn), &bytes[..taken]);
            self.gather();
            bytes = &bytes[taken..];
        }
    }

    fn closed(&mut self, now: Time, conn: u64) {
        self.ended(ConnectionId(conn), Role::Client);
        self.server.closed(now.as_millis(), ConnectionId(conn));
        self.gather();
    }

    /// Stories with a scripted broker are not told to strangers.
    fn script(&mut self, _: Time, _: ClientIx, _: Script) {}

    fn timeout(&mut self, now: Time) {
        self.server.passed(now.as_millis());
        self.gather();
    }

    fn deadline(&self) -> Option<Time> {
        self.server.deadline().map(Time::from_millis)
    }

    fn event(&mut self) -> Option<Told> {
        self.events
            .pop_front()
            .map(|(conn, seen)| Told::On(conn, seen))
    }

    fn output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }
}

/// A broker in place of the reference broker or of a part of it, or a client in place of the reference client.
#[derive(Clone, Copy)]
pub enum Stranger<'a> {
    /// A machine without I/O, made anew for each run. It plays in the loop world.
    Machine(&'a (dyn Fn() -> Box<dyn Server> + Sync)),
    /// Async code. It plays in the turmoil world.
    Guest(&'a Guest),
    /// A client in place of the reference client; the broker is the reference broker. It plays in the turmoil world.
    Client(&'a Client),
    /// Something between the reference broker and its store, put there at each start. It plays in both virtual worlds, in
    /// stories whose broker has a store.
    Store(&'a (dyn Fn(Box<dyn Store>) -> Box<dyn Store> + Sync)),
}

impl fmt::Debug for Stranger<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stranger")
    }
}
