//! A running adapter: asked with [`Adapter::send`], listened to with [`Adapter::next`].
//!
//! It knows which operations wait for an answer, since when, and which answers fit them, and nothing about what they mean.

use crate::{
    command::Command,
    error::{AdapterError, Trouble},
    operation::{Doing, Operation, PROTOCOL},
    process::{Heard, Limits, Process, short},
    report::{Happened, Outcome, Report},
};
use serde_json::{Map, Value};
use squall_protocol::Version;
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    time::Duration,
};
use tokio::time::Instant;

/// A running adapter. It ends with this value, with all its children.
///
/// ```no_run
/// use squall_clients::{Adapter, Command, Connect, Doing, Outcome, Report};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let mut adapter = Adapter::start(&Command::parse("python3 clients/paho/adapter.py")?).await?;
/// let version = adapter.introduction().mqtt[0];
/// let connect = Connect::new("127.0.0.1", 1883, version, "greeter");
/// let id = adapter.send(Doing::Connect(Box::new(connect)));
/// loop {
///     match adapter.next().await? {
///         Report::Answer { id: of, outcome } if of == id => break println!("{outcome:?}"),
///         Report::Answer { .. } => {}
///         Report::Event(event) => println!("{event:?}"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Adapter {
    command: String,
    process: Process,
    limits: Limits,
    introduction: Introduction,
    next_id: u64,
    /// The operations that wait for an answer.
    open: BTreeMap<u64, Open>,
    /// The question whether it is alive.
    probe: Option<u64>,
    /// Reports that were not waited for when they came, and their bytes.
    kept: VecDeque<(Report, usize)>,
    kept_bytes: usize,
    log_bytes: usize,
    /// What `send` met; `next` tells it.
    trouble: Option<Trouble>,
}

/// Who an adapter says it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Introduction {
    /// The library's name.
    pub name: String,
    /// The library's version.
    pub version: String,
    /// The versions of MQTT that it speaks.
    pub mqtt: Vec<Version>,
    /// Whether it has to be told the client's part before the client connects.
    pub needs_part: bool,
}

impl Introduction {
    /// Of one that need not know its part.
    #[must_use]
    pub fn new(name: &str, version: &str, mqtt: &[Version]) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            mqtt: mqtt.to_vec(),
            needs_part: false,
        }
    }
}

/// An operation that waits for an answer.
#[derive(Clone, Debug)]
struct Open {
    name: String,
    /// `None` for one that does not exist.
    doing: Option<Doing>,
    /// When its time is over.
    until: Instant,
}

impl Open {
    /// Whether nobody but the adapter has a part in it.
    const fn is_its_own(&self) -> bool {
        !matches!(
            self.doing,
            Some(
                Doing::Connect(_) | Doing::Publish(_) | Doing::Subscribe(_) | Doing::Unsubscribe(_)
            )
        )
    }
}

impl fmt::Debug for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adapter")
            .field("command", &self.command)
            .field("introduction", &self.introduction)
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

impl Adapter {
    /// Starts it, asks who it is, and has it prove that it answers `unsupported` to an operation that does not exist.
    ///
    /// # Errors
    /// When it cannot be started, does anything that an adapter may not do, or speaks another version of the protocol.
    pub async fn start(command: &Command) -> Result<Self, AdapterError> {
        Self::start_within(command, Limits::default()).await
    }

    /// The same with limits of one's own.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_within(command: &Command, limits: Limits) -> Result<Self, AdapterError> {
        let process = Process::start(command, limits).map_err(|trouble| AdapterError {
            command: command.to_string(),
            trouble,
            said: Vec::new(),
            complained: Vec::new(),
        })?;
        let mut adapter = Self {
            command: command.to_string(),
            process,
            limits,
            introduction: Introduction::default(),
            next_id: 1,
            open: BTreeMap::new(),
            probe: None,
            kept: VecDeque::new(),
            kept_bytes: 0,
            log_bytes: 0,
            trouble: None,
        };
        adapter.introduce().await?;
        Ok(adapter)
    }

    async fn introduce(&mut self) -> Result<(), AdapterError> {
        let hello = self.send(Doing::hello());
        if let Outcome::Hello {
            protocol,
            name,
            version,
            mqtt,
            needs_part,
        } = self.answer(hello).await?
        {
            if protocol != PROTOCOL {
                return Err(self.error(Trouble::Protocol(protocol)));
            }
            self.introduction = Introduction {
                name,
                version,
                mqtt,
                needs_part,
            };
        }
        let invented = self.send_raw("squall_invented_this", Map::new());
        match self.answer(invented).await? {
            Outcome::Unsupported { .. } => Ok(()),
            other => Err(self.error(Trouble::Credulous(other.name()))),
        }
    }

    /// Who it says it is.
    #[must_use]
    pub const fn introduction(&self) -> &Introduction {
        &self.introduction
    }

    /// The command that started it.
    #[must_use]
    pub fn command(&self) -> &str {
        &self.command
    }

    /// Asks it to do something. Gives the identifier that the answer will have. Whatever goes wrong is told by the next call
    /// of [`Self::next`].
    pub fn send(&mut self, doing: Doing) -> u64 {
        let name = doing.name().to_owned();
        let id = self.enter(name, Some(doing.clone()));
        let line = serde_json::to_vec(&Operation { id, doing });
        self.write(&line.expect("an operation is strings and numbers"));
        id
    }

    /// Asks for something that this protocol need not know, to see what becomes of it.
    pub fn send_raw(&mut self, name: &str, fields: Map<String, Value>) -> u64 {
        let id = self.enter(name.to_owned(), None);
        let mut line = Map::new();
        line.insert("id".to_owned(), id.into());
        line.insert("do".to_owned(), name.into());
        line.extend(fields);
        self.write(Value::Object(line).to_string().as_bytes());
        id
    }

    /// The next report. Nothing is lost when the future is dropped. While operations are open and the adapter is not asked
    /// for reports, their time goes on.
    ///
    /// # Errors
    /// When the adapter did anything that an adapter may not do; it is of no use any more then.
    pub async fn next(&mut self) -> Result<Report, AdapterError> {
        if let Some((report, bytes)) = self.kept.pop_front() {
            self.kept_bytes -= bytes;
            return Ok(report);
        }
        Ok(self.hear().await?.0)
    }

    /// The answer to an operation. What else is reported before is given by [`Self::next`] later.
    ///
    /// # Errors
    /// As [`Self::next`]; and when more than [`Limits::queue`] bytes of other reports come first.
    pub async fn answer(&mut self, id: u64) -> Result<Outcome, AdapterError> {
        let is_it = |report: &Report| matches!(report, Report::Answer { id: of, .. } if *of == id);
        if let Some(at) = self.kept.iter().position(|(report, _)| is_it(report))
            && let Some((Report::Answer { outcome, .. }, bytes)) = self.kept.remove(at)
        {
            self.kept_bytes -= bytes;
            return Ok(outcome);
        }
        loop {
            match self.hear().await? {
                (Report::Answer { id: of, outcome }, _) if of == id => return Ok(outcome),
                (report, bytes) => self.keep(report, bytes)?,
            }
        }
    }

    /// Asks it to end, and waits for that. Its process is over then in any case.
    ///
    /// # Errors
    /// When it did not answer, or did not end by itself with exit code 0.
    pub async fn stop(mut self) -> Result<(), AdapterError> {
        let stop = self.send(Doing::Stop {});
        self.answer(stop).await?;
        let limit = self.limits.answer;
        match self.process.ends(limit).await {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(self.error(Trouble::Died(status))),
            None => Err(self.error(Trouble::Hung {
                operation: "stop".to_owned(),
                limit,
            })),
        }
    }

    /// Closes its standard input; whether it ends by itself with exit code 0, as an adapter has to.
    pub async fn abandon(mut self) -> bool {
        let ends = self.process.ends(self.limits.answer).await;
        ends.is_some_and(|status| status.success())
    }

    /// Keeps a report for later.
    fn keep(&mut self, report: Report, bytes: usize) -> Result<(), AdapterError> {
        self.kept_bytes += bytes;
        if self.kept_bytes > self.limits.queue {
            return Err(self.error(Trouble::Flood(self.limits.queue)));
        }
        self.kept.push_back((report, bytes));
        Ok(())
    }

    fn enter(&mut self, name: String, doing: Option<Doing>) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let until = Instant::now() + self.limits.answer;
        self.open.insert(id, Open { name, doing, until });
        id
    }

    fn write(&mut self, line: &[u8]) {
        if let Err(trouble) = self.process.write(line) {
            self.trouble.get_or_insert(trouble);
        }
    }

    /// The next report, and its bytes.
    async fn hear(&mut self) -> Result<(Report, usize), AdapterError> {
        loop {
            if let Some(trouble) = self.trouble.take() {
                return Err(self.error(trouble));
            }
            let first = self.open.values().map(|open| open.until).min();
            let until = first.unwrap_or_else(|| Instant::now() + A_LONG_TIME);
            let line = match self.process.line(until).await {
                Ok(Heard::Line(line)) => line,
                Ok(Heard::Late) => {
                    self.look_after_late_ones()?;
                    continue;
                }
                Err(trouble) => return Err(self.error(trouble)),
            };
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match self.take(&line) {
                Ok(Some(report)) => return Ok((report, line.len())),
                Ok(None) => {}
                Err(trouble) => return Err(self.error(trouble)),
            }
        }
    }

    /// What a line says, if it is for others.
    fn take(&mut self, line: &[u8]) -> Result<Option<Report>, Trouble> {
        let report = Report::read(line).map_err(|why| Trouble::Garbage {
            line: short(line),
            why,
        })?;
        match &report {
            Report::Answer { id, outcome } => {
                let Some(open) = self.open.remove(id) else {
                    return Err(Trouble::UnknownId(*id));
                };
                if open.doing.is_some_and(|doing| !outcome.answers(&doing)) {
                    return Err(Trouble::Unfit {
                        operation: open.name,
                        outcome: outcome.name(),
                    });
                }
                if self.probe == Some(*id) {
                    self.probe = None;
                    self.wait_on();
                    return Ok(None);
                }
            }
            Report::Event(Happened::Log { .. }) => {
                self.log_bytes += line.len();
                if self.log_bytes > self.limits.queue {
                    return Err(Trouble::Flood(self.limits.queue));
                }
            }
            Report::Event(_) => {}
        }
        Ok(Some(report))
    }

    /// The time of an operation is over. One that waits for a broker may, as long as the adapter is alive.
    fn look_after_late_ones(&mut self) -> Result<(), AdapterError> {
        let now = Instant::now();
        let late = self.open.values().filter(|open| open.until <= now);
        if let Some(hung) = late.clone().find(|open| open.is_its_own()) {
            let operation = hung.name.clone();
            let limit = self.limits.answer;
            return Err(self.error(Trouble::Hung { operation, limit }));
        }
        if late.count() > 0 {
            self.wait_on();
            if self.probe.is_none() {
                self.probe = Some(self.send(Doing::hello()));
            }
        }
        Ok(())
    }

    /// Gives those that wait for a broker their time once more.
    fn wait_on(&mut self) {
        let until = Instant::now() + self.limits.answer;
        for open in self.open.values_mut().filter(|open| !open.is_its_own()) {
            open.until = until;
        }
    }

    fn error(&mut self, trouble: Trouble) -> AdapterError {
        let (said, complained) = self.process.last_lines();
        self.process.kill();
        AdapterError {
            command: self.command.clone(),
            trouble,
            said,
            complained,
        }
    }
}

/// A time that is only waited for in pieces.
const A_LONG_TIME: Duration = Duration::from_secs(24 * 3600);
