//! Plays one client: hands it what the story wants, tells what comes of it, and has it connect again where the story says
//! so and the client does not do it by itself.

use super::{
    foreign::{Foreign, Told},
    socket::Sockets,
    stop::{Stop, Verdict},
};
use squall_client::{Backoff, Command, ConnectOptions, EndCause, Event};
use std::{future::poll_fn, time::Duration};
use tokio::{
    select,
    sync::mpsc::UnboundedReceiver,
    time::{Instant, sleep_until},
};

pub(super) struct Player {
    /// What it is called in the story.
    name: String,
    foreign: Box<dyn Foreign>,
    sockets: Sockets,
    verdict: Verdict,
    /// How it connects, while the story wants it connected.
    wanted: Option<Box<ConnectOptions>>,
    backoff: Option<Backoff>,
    /// When it connects again, and how long it waits the next time.
    again: Option<Instant>,
    wait: Duration,
    /// It was told to connect, and has not told of an end since.
    busy: bool,
    /// It was told to give up what it has, and connects when that has ended.
    gives_up: bool,
    /// Connections that there were when it was last told to connect.
    before: u64,
    /// The connection of which its application was told that it is there.
    connected: u64,
}

/// What happens next.
enum Next {
    Command(Option<Command>),
    Told(Told),
    Again,
}

impl Player {
    pub(super) fn new(
        name: &str,
        foreign: Box<dyn Foreign>,
        sockets: Sockets,
        verdict: Verdict,
    ) -> Self {
        Self {
            name: name.to_owned(),
            foreign,
            sockets,
            verdict,
            wanted: None,
            backoff: None,
            again: None,
            wait: Duration::ZERO,
            busy: false,
            gives_up: false,
            before: 0,
            connected: 0,
        }
    }

    /// Plays it until the run is over, or it is of no more use.
    pub(super) async fn play(mut self, mut commands: UnboundedReceiver<Command>) {
        loop {
            let again = self.again;
            let foreign = &mut self.foreign;
            let next = select! {
                biased;
                () = sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => Next::Again,
                command = commands.recv() => Next::Command(command),
                told = poll_fn(|cx| foreign.poll_told(cx)) => Next::Told(told),
            };
            match next {
                Next::Command(None) => return,
                Next::Command(Some(command)) => self.command(command),
                Next::Again => self.connect(),
                Next::Told(Told::Event(event)) => self.event(event),
                Next::Told(Told::Unsupported(what)) => {
                    return self.verdict.stop(Stop::Unfit(what));
                }
                Next::Told(Told::Lost(why)) => {
                    let why = format!("{}: {why}", self.name);
                    return self.verdict.stop(Stop::Lost(why));
                }
            }
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Backoff(backoff) => {
                self.backoff = backoff;
                if self.foreign.redials() {
                    self.foreign.tell(Command::Backoff(backoff));
                }
            }
            Command::Connect(options) => {
                self.wanted = Some(options);
                self.wait = self.backoff.map_or(Duration::ZERO, |b| b.first);
                self.connect();
            }
            Command::Disconnect { .. } | Command::Drop | Command::Stop => {
                self.wanted = None;
                self.again = None;
                self.gives_up = false;
                self.sockets.newest().dropped = true;
                self.foreign.tell(command);
            }
            command => self.foreign.tell(command),
        }
    }

    /// Has it connect, after it has given up what it may still hold.
    fn connect(&mut self) {
        self.again = None;
        let Some(options) = self.wanted.clone() else {
            return;
        };
        if self.busy {
            self.gives_up = true;
            return self.foreign.tell(Command::Drop);
        }
        self.busy = true;
        self.before = self.sockets.newest().number;
        self.foreign.tell(Command::Connect(options));
    }

    fn event(&mut self, event: Event) {
        match event {
            // These are seen at the socket.
            Event::Sent(_) | Event::Received(_) | Event::Violation(_) => {}
            Event::Connected { .. } => self.connected(),
            Event::Refused { .. } => {
                let ack = self.sockets.newest().connack.clone();
                if let Some(ack) = ack.filter(|ack| ack.reason.is_error()) {
                    self.sockets.record(Event::Refused { ack });
                }
                self.wanted = None;
            }
            Event::Ended { cause } => self.ended(cause),
            event => self.sockets.record(event),
        }
    }

    /// Its application was told so. Which connection that is the socket knows; one that is over already was not met.
    fn connected(&mut self) {
        let (number, open, ack) = {
            let newest = self.sockets.newest();
            (newest.number, newest.open, newest.connack.clone())
        };
        let Some(ack) = ack.filter(|ack| open && !ack.reason.is_error()) else {
            return;
        };
        if std::mem::replace(&mut self.connected, number) == number {
            return;
        }
        self.wait = self.backoff.map_or(Duration::ZERO, |b| b.first);
        let session_present = ack.session_present;
        self.sockets.record(Event::Connected {
            session_present,
            ack,
        });
    }

    /// It tells of an end. The end of a connection that there was is seen at the socket.
    fn ended(&mut self, cause: EndCause) {
        self.busy = false;
        if std::mem::take(&mut self.gives_up) {
            return self.connect();
        }
        let (number, open, wanted) = {
            let newest = self.sockets.newest();
            (newest.number, newest.open, !newest.dropped)
        };
        if number == self.before && !open && wanted {
            self.sockets.record(Event::Ended { cause });
        }
        if let (Some(_), Some(backoff), false) =
            (&self.wanted, self.backoff, self.foreign.redials())
        {
            self.again = Some(Instant::now() + self.wait);
            self.wait = (self.wait * 2).min(backoff.max);
        }
    }
}
