//! The client of `squall pub` and `squall sub`: how it is set up, how it reaches the broker, what it tells of its
//! connection, and how it leaves. It does not know what it is used for.

use super::conform::runtime;
use crate::{
    args::Caller,
    exit::{CliError, Ending, Result},
    screen,
    signals::Signals,
    target,
};
use bytes::Bytes;
use squall_client::{
    Abandonment, Backoff, Delivery, Dial, EndCause, Events, Handle, Happening, RequestError,
    Settings, open,
};
use squall_conformance::Target;
use squall_protocol::{PacketType, Properties, Property, ReasonCode, Text, Version, packet::Will};
use squall_transport::{BoxStream, Endpoint};
use std::{
    cell::RefCell,
    io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{join, select, sync::Notify, time::timeout};

/// How long looking up the broker's name may take.
const LOOKING_UP: Duration = Duration::from_secs(10);
/// How long a broker that takes nothing may hold up the end.
const LEAVING: Duration = Duration::from_secs(2);
/// The longest wait before another connection.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
const HELP: &str = "start the broker, or check the address and the port";

/// Why the work of a client ends before it is done.
pub(super) enum Trouble {
    /// The client has ended, and its end says why.
    Gone,
    /// This is why.
    Told(CliError),
}

impl From<CliError> for Trouble {
    fn from(error: CliError) -> Self {
        Self::Told(error)
    }
}

/// How the work of a client came to its end.
pub(super) enum Over {
    /// It is done.
    Done(Ending),
    /// A signal with this number ended it.
    Signalled(u8),
}

/// Somebody who works with a client.
pub(super) trait Work {
    /// What is to be done; the client leaves when it is.
    async fn work(&self, client: Handle, line: &Line) -> std::result::Result<Ending, Trouble>;

    /// A message came that belongs to no subscription of this client, but to its session.
    fn unclaimed(&self, delivery: Delivery);
}

/// What the work may ask about the connection.
pub(super) struct Line {
    /// How long answers are waited for; `None` without an end.
    limit: Option<Duration>,
    verbose: bool,
    target: String,
    version: Version,
    ended: Notify,
    cause: RefCell<Option<EndCause>>,
}

impl Line {
    fn new(caller: &Caller, target: &Target) -> Self {
        let limit = Duration::from_secs(caller.timeout.into());
        Self {
            limit: (!caller.reconnect).then_some(limit),
            verbose: caller.verbose,
            target: target.to_string(),
            version: caller.mqtt,
            ended: Notify::new(),
            cause: RefCell::default(),
        }
    }

    /// Waits for an answer, as long as the command line allows.
    pub(super) async fn answer<T>(
        &self,
        what: &str,
        answer: impl Future<Output = std::result::Result<T, RequestError>>,
    ) -> std::result::Result<T, Trouble> {
        let answered = match self.limit {
            None => answer.await,
            Some(limit) => timeout(limit, answer).await.map_err(|_| {
                let message = format!(
                    "{} has not answered {what} within {} s",
                    self.target,
                    limit.as_secs()
                );
                CliError::unreachable(message).help("wait longer with --timeout")
            })?,
        };
        answered.map_err(|error| self.trouble(error))
    }

    /// Is ready when the client has ended.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }

    /// Says something with --verbose.
    pub(super) fn tell(&self, what: impl FnOnce() -> String) {
        if self.verbose {
            screen::complain(&what());
        }
    }

    /// A reason code in words, as this packet has it.
    pub(super) fn words(&self, packet: PacketType, reason: ReasonCode) -> String {
        match reason.name_in(packet, self.version) {
            Some(name) => format!("{reason} {name}"),
            None => reason.to_string(),
        }
    }

    fn trouble(&self, error: RequestError) -> Trouble {
        match error {
            RequestError::Stopped | RequestError::Ended(_) => Trouble::Gone,
            RequestError::Abandoned(why) => CliError::from(self.given_up(&why)).into(),
            other => CliError::unreachable(other.to_string()).into(),
        }
    }

    /// Whose fault it is that a request was given up.
    fn given_up(&self, why: &Abandonment) -> Refusal {
        let message = why.to_string();
        match why {
            Abandonment::InvalidTopic(_)
            | Abandonment::InvalidRequest(_)
            | Abandonment::NotEncodable(_)
            | Abandonment::PropertyNotAllowed(_) => Refusal::Input(message),
            Abandonment::ConnectionEnded | Abandonment::SessionEnded => {
                Refusal::Unanswered(format!("{}: {message}", self.target))
            }
            _ => Refusal::Denied(format!("{}: {message}", self.target)),
        }
    }

    /// Why there is no connection any more, or none at all.
    fn gone(&self) -> CliError {
        match self.cause.take() {
            Some(EndCause::InvalidOptions(why)) => CliError::input(why),
            Some(EndCause::DialFailed(why)) => {
                CliError::unreachable(format!("cannot reach {}: {why}", self.target)).help(HELP)
            }
            Some(cause) => CliError::unreachable(format!("{}: {cause}", self.target)),
            None => CliError::unreachable(format!("{}: the client has ended", self.target)),
        }
    }

    /// Follows what happens to the client, to its end.
    async fn watch(&self, mut events: Events, unclaimed: impl Fn(Delivery)) {
        while let Some(happening) = events.next().await {
            match happening {
                Happening::Connected {
                    session_present, ..
                } => self.tell(|| {
                    let session = match session_present {
                        true => "it has the session",
                        false => "with a new session",
                    };
                    format!("connected to {}, {session}", self.target)
                }),
                Happening::Ended { cause, again: true } => screen::complain(&format!(
                    "{}: {cause}; another connection follows",
                    self.target
                )),
                Happening::Ended { cause, .. } => {
                    self.cause.replace(Some(cause));
                    self.ended.notify_one();
                }
                Happening::Violation(violation) => {
                    screen::complain(&format!("the broker breaks the standard: {violation}"));
                }
                Happening::Resubscribed(codes) => self.tell(|| {
                    let codes = codes.iter();
                    let codes = codes.map(|code| self.words(PacketType::SubAck, *code));
                    let codes: Vec<_> = codes.collect();
                    format!("subscribed again: {}", codes.join(", "))
                }),
                Happening::Unclaimed(delivery) => unclaimed(delivery),
            }
        }
        self.ended.notify_one();
    }
}

/// Why a request was given up.
enum Refusal {
    /// It was none that can be sent.
    Input(String),
    /// The broker does not offer it.
    Denied(String),
    /// Nobody knows what became of it.
    Unanswered(String),
}

impl From<Refusal> for CliError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Input(message) => Self::input(message),
            Refusal::Denied(message) => Self::denied(message),
            Refusal::Unanswered(message) => Self::unreachable(message),
        }
    }
}

/// Dials a broker's addresses, one after the other.
struct Way(Vec<Endpoint>);

impl Dial for Way {
    type Stream = BoxStream;

    async fn dial(&mut self) -> io::Result<BoxStream> {
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for endpoint in &self.0 {
            match endpoint.dial().await {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

/// Has somebody work with a client, and leaves in order.
pub(super) fn with_client(url: &str, caller: &Caller, work: &impl Work) -> Result<Over> {
    let target = target::parsed(url, &caller.tls)?;
    let settings = settings(caller, &target)?;
    runtime()?.block_on(play(caller, &target, settings, work))
}

async fn play(
    caller: &Caller,
    target: &Target,
    settings: Settings,
    work: &impl Work,
) -> Result<Over> {
    let mut signals =
        Signals::new().map_err(|e| CliError::input(format!("cannot wait for signals: {e}")))?;
    let endpoints = target
        .resolve(LOOKING_UP)
        .await
        .map_err(|error| CliError::unreachable(error.to_string()).help(HELP))?;
    let line = Line::new(caller, target);
    let (client, driver) = open(Way(endpoints), settings);
    let watch = line.watch(client.events(), |delivery| work.unclaimed(delivery));
    let hurry = Notify::new();
    // What came and was not shown is not acknowledged: the work, which holds it, is there until the client has left.
    let mut doing = Some(Box::pin(work.work(client.clone(), &line)));
    let session = async {
        let over = select! {
            biased;
            signal = signals.next() => Ok(Over::Signalled(signal)),
            done = doing.as_mut().expect("it is there") => done.map(Over::Done),
        };
        let in_order = async {
            match (caller.will.leave_will, caller.mqtt) {
                (false, _) => client.disconnect().await,
                (true, Version::V5_0) => {
                    let reason = ReasonCode::DISCONNECT_WITH_WILL_MESSAGE;
                    client.disconnect_with(reason, None).await;
                }
                // The last who has a handle closes the connection, and says nothing.
                (true, Version::V3_1_1) => {
                    drop((client, doing.take()));
                    line.ended().await;
                }
            }
        };
        let patient = timeout(LEAVING, in_order);
        select! {
            biased;
            _ = patient => {}
            _ = signals.next() => {}
        }
        hurry.notify_one();
        over
    };
    let background = async {
        select! {
            biased;
            _ = async { join!(watch, driver) } => {}
            () = hurry.notified() => {}
        }
    };
    let (over, ()) = join!(session, background);
    over.map_err(|trouble| match trouble {
        Trouble::Gone => line.gone(),
        Trouble::Told(error) => error,
    })
}

/// What the command line says, as the client takes it.
fn settings(caller: &Caller, target: &Target) -> Result<Settings> {
    let will = will(caller)?;
    let (session, five) = (&caller.session, caller.mqtt == Version::V5_0);
    if session.session_expiry.is_some() {
        needs_5_0(caller.mqtt, "--session-expiry")?;
    }
    let id = caller.client_id.clone().unwrap_or_else(stranger);
    let mut settings = Settings::new(caller.mqtt, id)
        .keep_alive(caller.keep_alive)
        .manual_acknowledgement();
    settings = match caller.reconnect {
        true => settings.reconnect(Backoff::new(Duration::from_secs(1), LONGEST_WAIT)),
        false => settings.without_reconnect(),
    };
    let connect = &mut settings.connect;
    connect.clean_start = !session.resume;
    // A session that nobody will ask for again is no use to the broker.
    connect.session_expiry = session.session_expiry.filter(|_| five);
    connect.connect_timeout = Duration::from_secs(caller.timeout.into());
    connect.will = will;
    if let Some(credentials) = target.credentials() {
        connect.user_name = Some(credentials.user_name().clone());
        connect.password = credentials.password().map(Bytes::copy_from_slice);
    }
    Ok(settings)
}

fn will(caller: &Caller) -> Result<Option<Will>> {
    let will = &caller.will;
    let Some(topic) = will.will_topic.clone() else {
        return Ok(None);
    };
    if will.will_delay.is_some() {
        needs_5_0(caller.mqtt, "--will-delay")?;
    }
    let delay = will.will_delay.map(Property::WillDelayInterval);
    Ok(Some(Will {
        topic,
        payload: will.will_payload.clone().into(),
        qos: will.will_qos,
        retain: will.will_retain,
        properties: delay.into_iter().collect::<Properties>(),
    }))
}

/// Refuses what 3.1.1 has no place for.
pub(super) fn needs_5_0(version: Version, flag: &str) -> Result<()> {
    match version {
        Version::V5_0 => Ok(()),
        Version::V3_1_1 => Err(
            CliError::input(format!("MQTT 3.1.1 has nothing like {flag}"))
                .help("leave it out, or speak --mqtt 5.0"),
        ),
    }
}

/// A Client Identifier that every server takes [MQTT-3.1.3-5], and that no other process has at the same time.
fn stranger() -> Text {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanoseconds = now.map_or(0, |now| now.subsec_nanos());
    format!("squall{:x}x{nanoseconds:x}", std::process::id()).into()
}
