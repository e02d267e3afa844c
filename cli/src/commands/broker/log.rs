//! What the broker tells of itself on standard error: a line each, with a time, a level, a word for what happened, and
//! fields. Payloads and passwords are in none of them.

use super::pen::Pen;
use crate::settings::{Settings, Verbosity};
use chrono::{SecondsFormat, Utc};
use squall_broker::{CloseCause, ConnId, Counters, Event, Notice, Server};
use squall_protocol::{
    Packet, ReasonCode, Text, Version,
    packet::{ConnAck, Connect},
};
use squall_transport::{Listener, Peer};
use std::{cell::RefCell, collections::BTreeMap, fmt::Write, rc::Rc};

/// Most characters of a text that a client says.
const MOST_CHARACTERS: usize = 256;

/// The log of a broker.
pub(super) struct Log {
    level: Verbosity,
    pen: Pen,
    /// What is known of each connection.
    conns: BTreeMap<ConnId, Known>,
}

/// What is known of a connection.
#[derive(Default)]
struct Known {
    peer: Option<Peer>,
    version: Option<Version>,
    client_id: Option<Text>,
    user_name: Option<Text>,
    /// Which rule its client broke.
    broke: Option<String>,
}

/// Has a server tell the log.
pub(super) fn told(log: &Rc<RefCell<Log>>, server: Server) -> Server {
    let (of_events, of_notices) = (Rc::clone(log), Rc::clone(log));
    let follows = log.borrow().level >= Verbosity::Info;
    let server = server.notices(move |notice| of_notices.borrow_mut().notice(notice));
    match follows {
        true => server.follower(move |_, event| of_events.borrow_mut().event(event)),
        false => server,
    }
}

impl Log {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            level: settings.log_level.unwrap_or(Verbosity::Info),
            pen: Pen::new(),
            conns: BTreeMap::new(),
        }
    }

    /// Nobody was said to be let in where others than this machine can come.
    pub(super) fn nobody_may_come_in(&self, listener: &Listener) {
        let line = Line::new(Verbosity::Warn, "closed-way")
            .field("listener", listener)
            .text(
                "why",
                "everybody is refused here until it is said who may come in: --password-file, \
                --certificate-is-user or --allow-anonymous",
            );
        self.tell(&line);
    }

    fn tell(&self, line: &Line) {
        if line.level <= self.level {
            let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
            let told = |left_out| format!("{now} warn lines-left-out number={left_out}");
            self.pen.write(format!("{now} {}", line.text), told);
        }
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Stopped { counters } => self.stopped(counters),
            Notice::Arrived { conn, peer } => {
                // It may be over already.
                if let Some(known) = self.conns.get_mut(&conn) {
                    known.peer = Some(peer);
                }
            }
            Notice::TooSlow {
                conn,
                waiting,
                in_all,
            } => {
                let line = Line::new(Verbosity::Warn, "given-up").field("conn", conn);
                let line = line.field("waiting_bytes", waiting);
                self.tell(&line.field("waiting_bytes_in_all", in_all));
            }
            other => {
                self.tell(&Line::new(Verbosity::Warn, "notice").text("what", &other.to_string()))
            }
        }
    }

    /// The broker has ended in order: what it had to give up is told.
    fn stopped(&self, counters: Counters) {
        let Counters {
            dropped_queue_full,
            dropped_line_full,
            closed_slow,
            refused_full,
            denied,
            dropped_expired,
            dropped_too_large,
        } = counters;
        let line = Line::new(Verbosity::Info, "stopped")
            .field("dropped_queue_full", dropped_queue_full)
            .field("dropped_line_full", dropped_line_full)
            .field("closed_slow", closed_slow)
            .field("refused_full", refused_full)
            .field("denied", denied)
            .field("dropped_expired", dropped_expired);
        self.tell(&line.field("dropped_too_large", dropped_too_large));
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Received { conn, frame } => {
                if let Packet::Connect(connect) = &frame.packet
                    && let Some(known) = self.conns.get_mut(&conn)
                {
                    known.said(connect);
                }
            }
            Event::Sent { conn, frame } => {
                if let Packet::ConnAck(ack) = frame.packet {
                    self.answered(conn, &ack);
                }
            }
            Event::Violation { conn, violation } => {
                if let Some(known) = self.conns.get_mut(&conn) {
                    known.broke = Some(violation.to_string());
                }
            }
            Event::Closed { conn, cause } => self.closed(conn, cause),
            Event::Opened { conn } => {
                self.conns.insert(conn, Known::default());
            }
            // That it failed is how it ends, with an error.
            Event::SentRaw { .. } | Event::Failed(_) => {}
        }
    }

    fn answered(&mut self, conn: ConnId, ack: &ConnAck) {
        let Some(known) = self.conns.get_mut(&conn) else {
            return;
        };
        if let Some(assigned) = ack.properties.assigned_client_identifier() {
            known.client_id = Some(assigned.as_str().into());
        }
        let line = match ack.reason {
            ReasonCode::SUCCESS => Line::new(Verbosity::Info, "connected"),
            reason => Line::new(Verbosity::Info, "refused")
                .field("reason", format_args!("0x{:02X}", reason.0)),
        };
        let line = known.on(line.field("conn", conn));
        let line = line.field("session_present", u8::from(ack.session_present));
        self.tell(&line);
    }

    fn closed(&mut self, conn: ConnId, cause: CloseCause) {
        let known = self.conns.remove(&conn).unwrap_or_default();
        let line = known.on(Line::new(Verbosity::Info, "closed").field("conn", conn));
        let why = match (cause, &known.broke) {
            (CloseCause::Violation, Some(broke)) => broke.clone(),
            // What 3.1.1 was told stands in the line before, and is no code of 5.0.
            (CloseCause::Refused(_), _) if known.version == Some(Version::V3_1_1) => {
                "CONNECT was refused".to_owned()
            }
            (cause, _) => cause.to_string(),
        };
        self.tell(&line.text("why", &why));
    }
}

impl Known {
    fn said(&mut self, connect: &Connect) {
        self.version = Some(connect.version);
        // Copies: what was read shares its buffer with the whole packet.
        self.client_id = Some(short(&connect.client_id).into());
        self.user_name = connect.user_name.as_deref().map(|name| short(name).into());
    }

    /// The fields of a line.
    fn on(&self, mut line: Line) -> Line {
        if let Some(address) = self.peer.as_ref().and_then(|peer| peer.address) {
            line = line.field("from", address);
        }
        if let Some(version) = self.version {
            line = line.field("mqtt", version);
        }
        if let Some(client_id) = &self.client_id {
            line = line.text("client", client_id);
        }
        if let Some(user_name) = &self.user_name {
            line = line.text("user", user_name);
        }
        let certificate = self.peer.as_ref().and_then(|p| p.certificate.as_deref());
        match certificate {
            Some(name) => line.text("certificate", name),
            None => line,
        }
    }
}

/// A text with an end.
fn short(text: &str) -> &str {
    let end = text.char_indices().nth(MOST_CHARACTERS);
    end.map_or(text, |(end, _)| &text[..end])
}

/// A line of the log.
struct Line {
    level: Verbosity,
    text: String,
}

impl Line {
    fn new(level: Verbosity, what: &str) -> Self {
        Self {
            text: format!("{level} {what}"),
            level,
        }
    }

    /// A value without blanks.
    fn field(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        // A string takes whatever comes.
        let _ = write!(self.text, " {name}={value}");
        self
    }

    /// A text, in quotation marks.
    fn text(mut self, name: &str, value: &str) -> Self {
        let _ = write!(self.text, " {name}=\"{}\"", short(value).escape_debug());
        self
    }
}
