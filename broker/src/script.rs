//! A broker that does what it is told, packet by packet.
//!
//! It sends its callers what it is given, whether that is right or wrong, answers what it is not told to withhold, and
//! keeps nothing: no session, no subscription, no message. What a client makes of a broker like this is for stories to
//! find out.

#[cfg(test)]
mod tests;

use crate::{
    Answers, CloseCause, Config, ConnId, Event, Hangup, Machine, Output, Peer, security::Verdict,
};
use bytes::{Bytes, BytesMut};
use squall_protocol::{Decoder, Packet, Role, Time, Version, encode};
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
};

/// Who opened a connection, by a number that stays the same for all of its connections.
pub type Callers = Box<dyn Fn(ConnId) -> usize>;

/// What a [`Scripted`] broker is told to do to one caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Script {
    /// Sends these bytes at once on its newest connection, whatever they are; with a number, only so many of them.
    Send(Bytes, Option<usize>),
    /// Sends what [`Self::Send`] has left of its bytes.
    SendRest,
    /// Answers like this from now on, on this connection and later ones.
    Answer(Answers),
    /// Reads what arrives on its newest connection, or leaves it.
    Read(bool),
    /// Closes its newest connection.
    Close,
}

/// A broker that does what it is told.
///
/// It answers CONNECT, SUBSCRIBE, PUBLISH and the rest as a server does that takes everything within its settings and
/// forgets it, unless a [`Script`] withholds the answer. It never sends by itself otherwise, never closes a connection
/// before the client has sent DISCONNECT, and minds no packet, however wrong.
pub struct Scripted {
    version: Version,
    config: Config,
    callers: Callers,
    answers: BTreeMap<usize, Answers>,
    /// By caller: what stands in `Script::Send` beyond the number of bytes.
    rest: BTreeMap<usize, Bytes>,
    /// By caller: its newest connection, until that is over.
    newest: BTreeMap<usize, ConnId>,
    lines: BTreeMap<ConnId, Line>,
    observing: bool,
    outputs: VecDeque<Output>,
    events: VecDeque<Event>,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted")
            .field("version", &self.version)
            .field("answers", &self.answers)
            .finish_non_exhaustive()
    }
}

/// A connection.
#[derive(Debug)]
struct Line {
    caller: usize,
    hears: Decoder,
    /// What arrived can't be read any more.
    deaf: bool,
    /// What is sent, as a client reads it.
    speaks: Decoder,
    /// What was sent can't be read any more.
    garbled: bool,
    /// What arrived and is left where it is; `None` while it is read.
    unread: Option<BytesMut>,
}

impl Line {
    fn new(caller: usize, version: Version) -> Self {
        let mut speaks = Decoder::new(Role::Server);
        speaks.set_version(version);
        Self {
            caller,
            hears: Decoder::new(Role::Client),
            deaf: false,
            speaks,
            garbled: false,
            unread: None,
        }
    }
}

impl Scripted {
    /// A broker without connections, for clients of this version. Of the settings it announces what CONNACK has a place
    /// for, and keeps to none of them.
    #[must_use]
    pub fn new(version: Version, config: Config, callers: Callers) -> Self {
        Self {
            version,
            config,
            callers,
            answers: BTreeMap::new(),
            rest: BTreeMap::new(),
            newest: BTreeMap::new(),
            lines: BTreeMap::new(),
            observing: false,
            outputs: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    fn event(&mut self, event: Event) {
        if self.observing {
            self.events.push_back(event);
        }
    }

    /// Sends bytes, and tells what a client reads in them.
    fn send(&mut self, conn: ConnId, bytes: Bytes) {
        let Some(line) = self.lines.get_mut(&conn).filter(|_| !bytes.is_empty()) else {
            return;
        };
        let mut frames = Vec::new();
        if !line.garbled {
            line.speaks.push(&bytes);
            loop {
                match line.speaks.next_frame() {
                    Ok(Some(frame)) => frames.push(frame),
                    Ok(None) => break,
                    Err(_) => {
                        line.garbled = true;
                        break;
                    }
                }
            }
        }
        let broken = line.garbled;
        let raw = broken || line.speaks.buffered() > 0 || frames.is_empty();
        for frame in frames {
            self.event(Event::Sent { conn, frame });
        }
        if raw {
            let bytes = bytes.clone();
            self.event(Event::SentRaw {
                conn,
                bytes,
                broken,
            });
        }
        self.outputs.push_back(Output::Send { conn, bytes });
    }

    fn hear(&mut self, conn: ConnId, bytes: &[u8]) {
        let Some(line) = self.lines.get_mut(&conn) else {
            return;
        };
        if let Some(unread) = &mut line.unread {
            unread.extend_from_slice(bytes);
            return;
        }
        if line.deaf {
            return;
        }
        line.hears.push(bytes);
        while let Some(line) = self.lines.get_mut(&conn) {
            match line.hears.next_frame() {
                Ok(Some(frame)) => {
                    let packet = frame.packet.clone();
                    self.event(Event::Received { conn, frame });
                    self.received(conn, &packet);
                }
                Ok(None) => return,
                Err(violation) => {
                    line.deaf = true;
                    self.event(Event::Violation { conn, violation });
                    return;
                }
            }
        }
    }

    fn received(&mut self, conn: ConnId, packet: &Packet) {
        if let Packet::Disconnect(disconnect) = packet {
            return self.close(conn, CloseCause::Disconnected(disconnect.reason));
        }
        let caller = self.lines[&conn].caller;
        let answers = self.answers.entry(caller).or_default();
        let assigned = format!("squall-{}", caller + 1);
        let answer = answers.to(packet, self.version, &self.config, &assigned);
        if let Some(Ok(bytes)) = answer.map(|answer| encode(&answer, self.version)) {
            self.send(conn, bytes);
        }
    }

    fn close(&mut self, conn: ConnId, cause: CloseCause) {
        if self.forget(conn) {
            self.outputs.push_back(Output::Close { conn });
            self.event(Event::Closed { conn, cause });
        }
    }

    /// A connection is over; `false` if it was so before.
    fn forget(&mut self, conn: ConnId) -> bool {
        let Some(line) = self.lines.remove(&conn) else {
            return false;
        };
        if self.newest.get(&line.caller) == Some(&conn) {
            self.newest.remove(&line.caller);
        }
        true
    }

    fn read(&mut self, conn: ConnId, read: bool) {
        let Some(line) = self.lines.get_mut(&conn) else {
            return;
        };
        if !read {
            line.unread.get_or_insert_default();
        } else if let Some(unread) = line.unread.take() {
            self.hear(conn, &unread);
        }
    }
}

impl Machine for Scripted {
    fn handle_open(&mut self, _: Time, conn: ConnId) {
        let caller = (self.callers)(conn);
        self.lines.insert(conn, Line::new(caller, self.version));
        self.newest.insert(caller, conn);
        self.event(Event::Opened { conn });
    }

    /// It lets everybody in.
    fn handle_peer(&mut self, _: Time, _: ConnId, _: Peer) {}

    /// It asks who nobody is.
    fn handle_verified(&mut self, _: Time, _: ConnId, _: Verdict) {}

    fn handle_bytes(&mut self, _: Time, conn: ConnId, bytes: &[u8]) {
        self.hear(conn, bytes);
    }

    fn handle_closed(&mut self, _: Time, conn: ConnId, how: Hangup) {
        if self.forget(conn) {
            let cause = CloseCause::Peer(how);
            self.event(Event::Closed { conn, cause });
        }
    }

    fn handle_script(&mut self, _: Time, caller: usize, script: Script) {
        if let Script::Answer(answers) = script {
            self.answers.insert(caller, answers);
            return;
        }
        let Some(conn) = self.newest.get(&caller).copied() else {
            return;
        };
        match script {
            Script::Send(mut bytes, first) => {
                let first = first.unwrap_or(bytes.len()).min(bytes.len());
                self.rest.insert(caller, bytes.split_off(first));
                self.send(conn, bytes);
            }
            Script::SendRest => {
                let rest = self.rest.remove(&caller).unwrap_or_default();
                self.send(conn, rest);
            }
            Script::Read(read) => self.read(conn, read),
            Script::Close => self.close(conn, CloseCause::Scripted),
            Script::Answer(_) => {}
        }
    }

    fn handle_timeout(&mut self, _: Time) {}

    fn handle_shutdown(&mut self, _: Time) {
        let conns: Vec<ConnId> = self.lines.keys().copied().collect();
        for conn in conns {
            self.close(conn, CloseCause::ServerShutdown);
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        None
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn observe(&mut self, on: bool) {
        self.observing = on;
    }

    fn config(&self) -> &Config {
        &self.config
    }
}
