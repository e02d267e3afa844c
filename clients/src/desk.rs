//! The other side of the protocol: what every adapter in Rust would have to write, whatever its library. It reads operations,
//! answers those that need no library, and keeps the rules about connections; it knows no library and no socket.

use crate::{
    adapter::Introduction,
    operation::{Doing, Operation, PROTOCOL},
    report::{Delivered, Happened, Outcome, Report},
};
use squall_protocol::ReasonCode;
use std::{
    io::{self, Write},
    thread,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// The lines of standard input, as they come; none when it has ended. A thread of its own reads them, so that an adapter on
/// one thread can wait for its library meanwhile. It ends with the process.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "standard input can only be waited for on a thread; the order of its lines is kept"
)]
pub fn operations() -> UnboundedReceiver<String> {
    let (sender, lines) = unbounded_channel();
    thread::spawn(move || {
        let read = io::stdin().lines().map_while(io::Result::ok);
        let _ = read.map(|line| sender.send(line)).all(|sent| sent.is_ok());
    });
    lines
}

/// What an adapter knows of its connection, and where it says what happens. It writes to standard output.
///
/// ```no_run
/// use squall_clients::{Desk, Doing, Introduction, Outcome, Taken, operations};
///
/// # async fn adapter() {
/// let (mut desk, mut lines) = (Desk::new(Introduction::default()), operations());
/// while let Some(line) = lines.recv().await {
///     match desk.take(&line) {
///         Taken::Operation(id, Doing::Drop {}) => {
///             // my_library.close();
///             desk.answer(id, Outcome::done(vec![]));
///             desk.ended("the client dropped the connection", None);
///         }
///         Taken::Operation(id, doing) => desk.answer(id, Outcome::unsupported(doing.name())),
///         Taken::Answered => {}
///         Taken::Last => break,
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Desk<W = io::Stdout> {
    introduction: Introduction,
    connecting: Option<u64>,
    live: bool,
    output: W,
}

/// What a line was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Something for the library; its number.
    Operation(u64, Doing),
    /// Something that has its answer.
    Answered,
    /// The last one: the adapter ends.
    Last,
}

impl Desk {
    /// The desk of an adapter that says this of itself.
    #[must_use]
    pub fn new(introduction: Introduction) -> Self {
        Self::writing(introduction, io::stdout())
    }
}

impl<W: Write> Desk<W> {
    const fn writing(introduction: Introduction, output: W) -> Self {
        Self {
            introduction,
            connecting: None,
            live: false,
            output,
        }
    }

    /// Takes a line. What nobody knows is `unsupported`; `connect` while there is a connection has `failed`, and `disconnect`
    /// without one is `lost`.
    pub fn take(&mut self, line: &str) -> Taken {
        let Operation { id, doing } = match Operation::read(line) {
            Ok(operation) => operation,
            Err((Some(id), what)) => return self.answered(id, Outcome::Unsupported { what }),
            Err((None, why)) => {
                let text = format!("this line is no operation: {why}");
                self.happened(Happened::Log { text });
                return Taken::Answered;
            }
        };
        match &doing {
            Doing::Hello { .. } => {
                let Introduction {
                    name,
                    version,
                    mqtt,
                    needs_part,
                } = self.introduction.clone();
                let hello = Outcome::Hello {
                    protocol: PROTOCOL,
                    name,
                    version,
                    mqtt,
                    needs_part,
                };
                self.answered(id, hello)
            }
            Doing::Connect(_) if self.live || self.connecting.is_some() => {
                self.answered(id, Outcome::failed("there is a connection"))
            }
            Doing::Connect(_) => {
                self.connecting = Some(id);
                Taken::Operation(id, doing)
            }
            Doing::Disconnect(_) if !self.live => self.answered(id, Outcome::no_connection()),
            Doing::Stop {} => {
                self.answer(id, Outcome::done(vec![]));
                Taken::Last
            }
            _ => Taken::Operation(id, doing),
        }
    }

    fn answered(&mut self, id: u64, outcome: Outcome) -> Taken {
        self.answer(id, outcome);
        Taken::Answered
    }

    /// Whether there is a connection.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.live
    }

    /// CONNACK accepted the connection.
    pub fn connected(&mut self, reason: ReasonCode, session_present: bool) {
        self.live = true;
        self.happened(Happened::Connected { session_present });
        if let Some(id) = self.connecting {
            let connected = Outcome::Connected {
                reason,
                session_present,
            };
            self.answer(id, connected);
        }
    }

    /// CONNACK refused it.
    pub fn refused(&mut self, reason: ReasonCode) {
        if let Some(id) = self.connecting {
            self.answer(id, Outcome::Refused { reason });
        }
    }

    /// The library did not want to connect.
    pub fn declined(&mut self, why: &str) {
        if let Some(id) = self.connecting {
            self.answer(id, Outcome::failed(why));
        }
    }

    /// The connection is over, or there was none to be had. That is told once, however often it is said.
    pub fn ended(&mut self, why: &str, reason: Option<ReasonCode>) {
        if let Some(id) = self.connecting {
            self.answer(id, Outcome::lost(why));
        }
        if std::mem::take(&mut self.live) {
            let why = why.to_owned();
            self.happened(Happened::Ended { why, reason });
        }
    }

    /// The library handed over a message.
    pub fn delivered(&mut self, message: Delivered) {
        self.happened(Happened::Delivered(Box::new(message)));
    }

    /// Answers an operation.
    pub fn answer(&mut self, id: u64, outcome: Outcome) {
        self.connecting = self.connecting.filter(|connecting| *connecting != id);
        self.say(&Report::Answer { id, outcome });
    }

    fn happened(&mut self, happened: Happened) {
        self.say(&Report::Event(happened));
    }

    /// Whoever has gone away hears nothing; standard input ends then, too.
    fn say(&mut self, report: &Report) {
        if let Ok(line) = serde_json::to_string(report) {
            let _ = writeln!(self.output, "{line}").and_then(|()| self.output.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Connect;
    use squall_protocol::Version;

    struct Heard(Desk<Vec<u8>>);

    impl Heard {
        fn new() -> Self {
            let introduction = Introduction::new("mine", "1", &[Version::V5_0]);
            Self(Desk::writing(introduction, Vec::new()))
        }

        /// What is said since the last question.
        fn said(&mut self) -> String {
            String::from_utf8(std::mem::take(&mut self.0.output)).unwrap()
        }

        fn ask(&mut self, id: u64, doing: Doing) -> Taken {
            let line = serde_json::to_string(&Operation { id, doing }).unwrap();
            self.0.take(&line)
        }
    }

    fn connect() -> Doing {
        Doing::Connect(Connect::new("127.0.0.1", 1883, Version::V5_0, "c").into())
    }

    #[test]
    fn what_needs_no_library_is_answered() {
        let mut desk = Heard::new();
        assert_eq!(desk.ask(1, Doing::hello()), Taken::Answered);
        assert_eq!(
            desk.0.take(r#"{"id": 2, "do": "levitate"}"#),
            Taken::Answered
        );
        assert_eq!(
            desk.ask(3, Doing::Disconnect(Default::default())),
            Taken::Answered
        );
        assert_eq!(desk.0.take("no JSON"), Taken::Answered);
        assert_eq!(desk.ask(4, Doing::Stop {}), Taken::Last);
        let said = desk.said();
        let outcomes: Vec<&str> = ["hello", "unsupported", "lost", "no operation", "done"]
            .into_iter()
            .zip(said.lines())
            .filter(|(word, line)| !line.contains(word))
            .map(|(_, line)| line)
            .collect();
        assert!(
            outcomes.is_empty() && said.lines().count() == 5,
            "{outcomes:?} {said}"
        );
    }

    #[test]
    fn a_connection_begins_and_ends_once() {
        let mut desk = Heard::new();
        assert!(matches!(desk.ask(1, connect()), Taken::Operation(1, _)));
        assert_eq!(desk.ask(2, connect()), Taken::Answered);
        assert!(desk.said().contains(r#""id":2,"outcome":"failed""#));
        desk.0.connected(ReasonCode::SUCCESS, true);
        assert!(desk.0.is_live());
        let said = desk.said();
        assert!(said.starts_with(r#"{"event":"connected""#), "{said}");
        assert!(said.contains(r#""id":1,"outcome":"connected""#), "{said}");
        desk.0.ended("gone", None);
        desk.0.ended("gone", None);
        assert_eq!(desk.said().lines().count(), 1);
        // One that never came to be.
        assert!(matches!(desk.ask(3, connect()), Taken::Operation(3, _)));
        desk.0.ended("nobody there", None);
        let said = desk.said();
        assert!(said.contains(r#""id":3,"outcome":"lost""#), "{said}");
        assert!(!said.contains("ended"), "{said}");
        // One that the library did not even try.
        assert!(matches!(desk.ask(4, connect()), Taken::Operation(4, _)));
        desk.0.answer(4, Outcome::unsupported("wills"));
        assert!(matches!(desk.ask(5, connect()), Taken::Operation(5, _)));
    }
}
