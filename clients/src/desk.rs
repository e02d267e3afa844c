//! The other side of the protocol: what every adapter in Rust would have to write, whatever its library. It reads operations,
//! answers those that need no library, and keeps the rules about connections; it knows no library and no socket.

use crate::{
    adapter::Introduction,
    operation::{Doing, Operation, PROTOCOL},
    report::{Delivered, Happened, Outcome, Report},
    waiting::Waiting,
};
use squall_protocol::ReasonCode;
use std::{
    io::{self, Write},
    pin::pin,
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
/// use squall_clients::{Connect, Delivered, Desk, Doing, Introduction, Outcome};
///
/// # struct Library;
/// # impl Library {
/// #     async fn connect(&mut self, _: Connect) -> Result<(), String> { Ok(()) }
/// #     async fn receive(&self) -> Result<Delivered, String> { Err(String::new()) }
/// #     fn acknowledge(&self, _: u64) -> Result<(), String> { Ok(()) }
/// # }
/// # async fn adapter(mut library: Library) {
/// let mut desk = Desk::new(Introduction::default());
/// let request = |library: &Library, doing| match doing {
///     Doing::Acknowledge(asked) => Ok(library.acknowledge(asked.handle)?),
///     other => Err(Outcome::unsupported(other.name())),
/// };
/// while let Some((id, doing)) = desk.next().await {
///     match doing {
///         Doing::Connect(asked) => match library.connect(*asked).await {
///             Ok(()) => {
///                 desk.connected(squall_protocol::ReasonCode::SUCCESS, false);
///                 let why = loop {
///                     match desk.meanwhile(library.receive(), |doing| request(&library, doing)).await {
///                         Some(Ok(message)) => desk.delivered(message),
///                         Some(Err(why)) => break why,
///                         None => break "the client dropped the connection".to_owned(),
///                     }
///                 };
///                 desk.ended(&why, None);
///             }
///             Err(why) => desk.answer(id, Outcome::lost(why)),
///         },
///         other => desk.ask(id, other, |doing| request(&library, doing)),
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Desk<W = io::Stdout> {
    introduction: Introduction,
    connecting: Option<u64>,
    live: bool,
    lines: Option<UnboundedReceiver<String>>,
    waiting: Waiting,
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
    fn writing(introduction: Introduction, output: W) -> Self {
        Self {
            introduction,
            connecting: None,
            live: false,
            lines: None,
            waiting: Waiting::default(),
            output,
        }
    }

    /// The next operation that needs the library, and its number; `None` after the last. Standard input is read from the
    /// first call on. Whoever stops waiting loses nothing.
    pub async fn next(&mut self) -> Option<(u64, Doing)> {
        loop {
            let line = self.lines.get_or_insert_with(operations).recv().await?;
            match self.take(&line) {
                Taken::Operation(id, doing) => return Some((id, doing)),
                Taken::Answered => {}
                // Nothing is read after that.
                Taken::Last => self.lines = Some(unbounded_channel().1),
            }
        }
    }

    /// What a library tells that has a connection, or tries to have one; [asks](Self::ask) meanwhile for what comes.
    /// `None` when the connection is to be closed without DISCONNECT.
    pub async fn meanwhile<T>(
        &mut self,
        telling: impl Future<Output = T>,
        mut request: impl FnMut(Doing) -> Result<(), Outcome>,
    ) -> Option<T> {
        let mut telling = pin!(telling);
        loop {
            tokio::select! {
                biased;
                told = &mut telling => return Some(told),
                next = self.next() => match next? {
                    (id, Doing::Drop {}) => {
                        self.answer(id, Outcome::done(vec![]));
                        return None;
                    }
                    (id, doing) => self.ask(id, doing, &mut request),
                },
            }
        }
    }

    /// Asks the library for an operation, by a function that says whether it took it. Messages, SUBSCRIBE and UNSUBSCRIBE
    /// are answered when they are [sent](Self::sent) and [acknowledged](Self::acknowledged); what else was taken is done.
    /// What ends before that with its connection or session is `lost`; messages outlive connections.
    pub fn ask(
        &mut self,
        id: u64,
        doing: Doing,
        request: impl FnOnce(Doing) -> Result<(), Outcome>,
    ) {
        let outlives = matches!(doing, Doing::Publish(_));
        let waits = outlives || matches!(doing, Doing::Subscribe(_) | Doing::Unsubscribe(_));
        match request(doing) {
            Ok(()) if waits => self.waiting.took(id, outlives),
            Ok(()) => self.answer(id, Outcome::done(vec![])),
            Err(outcome) => self.answer(id, outcome),
        }
    }

    /// Takes a line. What nobody knows is `unsupported`; `connect` while there is a connection has `failed`; without one
    /// `disconnect` is `lost`, and `drop` is `done` unless one is being opened.
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
            Doing::Drop {} if !self.live && self.connecting.is_none() => {
                self.answered(id, Outcome::done(vec![]))
            }
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

    /// The library sent the next packet of those that it was [asked](Self::ask) for, in their order, or one of them again,
    /// under this Packet Identifier. A message of QoS 0 has none, which is 0 here, and is done.
    pub fn sent(&mut self, packet_identifier: u16) {
        if let Some(id) = self.waiting.sent(packet_identifier) {
            self.answer(id, Outcome::done(vec![]));
        }
    }

    /// PUBACK, PUBCOMP, SUBACK or UNSUBACK came with these reason codes. One that nobody waits for is none of the desk's
    /// business.
    pub fn acknowledged(
        &mut self,
        packet_identifier: u16,
        reasons: impl IntoIterator<Item = ReasonCode>,
    ) {
        if let Some(id) = self.waiting.acknowledged(packet_identifier) {
            self.answer(id, Outcome::done(reasons.into_iter().collect()));
        }
    }

    /// The library gave the session up, and what it was [asked](Self::ask) for with it.
    pub fn session_ended(&mut self, why: &str) {
        self.lose(true, why);
    }

    fn lose(&mut self, session: bool, why: &str) {
        for id in self.waiting.lost(session) {
            self.answer(id, Outcome::lost(why));
        }
    }

    /// CONNACK accepted the connection. Without Session Present the session before has ended.
    pub fn connected(&mut self, reason: ReasonCode, session_present: bool) {
        if !session_present {
            self.session_ended("the server had no session");
        }
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

    /// The connection is over, or there was none to be had. That is told once, however often it is said, and before it what
    /// is lost with the connection.
    pub fn ended(&mut self, why: &str, reason: Option<ReasonCode>) {
        if let Some(id) = self.connecting {
            self.answer(id, Outcome::lost(why));
        }
        if std::mem::take(&mut self.live) {
            self.lose(false, why);
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

        /// These are all lines that come.
        fn hears(&mut self, lines: &[&str]) {
            let (sender, receiver) = unbounded_channel();
            for line in lines {
                sender.send((*line).to_owned()).unwrap();
            }
            self.0.lines = Some(receiver);
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

    #[tokio::test]
    async fn operations_for_the_library_come_until_the_last() {
        let mut desk = Heard::new();
        desk.hears(&[
            r#"{"id":1,"do":"drop"}"#,
            r#"{"id":2,"do":"unsubscribe","topic_filters":["a"]}"#,
            r#"{"id":3,"do":"stop"}"#,
            r#"{"id":4,"do":"unsubscribe","topic_filters":["a"]}"#,
        ]);
        let next = desk.0.next().await;
        assert!(matches!(next, Some((2, Doing::Unsubscribe(_)))), "{next:?}");
        // There was nothing to drop.
        assert_eq!(desk.said().trim(), r#"{"id":1,"outcome":"done"}"#);
        assert_eq!(desk.0.next().await, None);
        assert_eq!(desk.said().trim(), r#"{"id":3,"outcome":"done"}"#);
        assert_eq!(desk.0.next().await, None);
    }

    #[tokio::test]
    async fn a_library_is_asked_while_it_has_nothing_to_tell() {
        let mut desk = Heard::new();
        desk.ask(1, connect());
        desk.0.connected(ReasonCode::SUCCESS, false);
        desk.hears(&[
            r#"{"id":2,"do":"acknowledge","handle":1}"#,
            r#"{"id":3,"do":"unsubscribe","topic_filters":["a"]}"#,
            r#"{"id":4,"do":"disconnect"}"#,
            r#"{"id":5,"do":"drop"}"#,
            r#"{"id":6,"do":"drop"}"#,
        ]);
        desk.said();
        let request = |doing| match doing {
            Doing::Disconnect(_) => Err(Outcome::unsupported("that")),
            _ => Ok(()),
        };
        let told = desk.0.meanwhile(async { 7 }, request).await;
        assert_eq!((told, desk.said()), (Some(7), String::new()));
        let told: Option<()> = desk.0.meanwhile(std::future::pending(), request).await;
        assert_eq!(told, None);
        // What needs an acknowledgement waits for it, and nothing is done after a drop.
        let answers = [
            r#"{"id":2,"outcome":"done"}"#,
            r#"{"id":4,"outcome":"unsupported","what":"that"}"#,
            r#"{"id":5,"outcome":"done"}"#,
        ];
        assert_eq!(desk.said().lines().collect::<Vec<_>>(), answers);
    }

    #[test]
    fn what_waits_is_answered_by_its_acknowledgement_or_lost() {
        let mut desk = Heard::new();
        desk.ask(1, connect());
        desk.0.connected(ReasonCode::SUCCESS, false);
        let publish = r#"{"do":"publish","topic":"a","payload":"","qos":1}"#;
        let unsubscribe = r#"{"do":"unsubscribe","topic_filters":["a"]}"#;
        for (id, doing) in [(2, publish), (3, publish), (4, unsubscribe), (5, publish)] {
            let doing = serde_json::from_str(doing).unwrap();
            desk.0.ask(id, doing, |_| Ok(()));
        }
        desk.0.sent(1);
        desk.0.sent(0);
        desk.0.sent(2);
        desk.said();
        desk.0.acknowledged(1, [ReasonCode::SUCCESS]);
        assert_eq!(
            desk.said().trim(),
            r#"{"id":2,"outcome":"done","reasons":[0]}"#
        );
        // The connection takes the subscription along, and the message outlives it.
        desk.0.ended("gone", None);
        let said = desk.said();
        let (lost, ended) = said.split_once('\n').unwrap();
        assert_eq!(lost, r#"{"id":4,"outcome":"lost","why":"gone"}"#);
        assert!(ended.starts_with(r#"{"event":"ended""#), "{ended}");
        // Without the session nothing is left of it.
        desk.ask(6, connect());
        desk.0.connected(ReasonCode::SUCCESS, false);
        let said = desk.said();
        assert!(said.starts_with(r#"{"id":5,"outcome":"lost""#), "{said}");
    }
}
