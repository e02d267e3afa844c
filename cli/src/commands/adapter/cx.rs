//! What a probe of an adapter works with: questions to the adapter, its events one by one, and the broker's view.

use super::stage::{PATIENCE, Stage, closed, received};
use squall_broker::CloseCause;
use squall_clients::{
    Adapter, AdapterError, Connect, Delivered, Doing, Happened, Outcome, Part, Publish, Report,
    Subscribe, Subscription,
};
use squall_protocol::{Packet, QoS, ReasonCode, Version};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{Instant, timeout_at};

/// The one topic that everything is published to: a client that can do only one is told this one.
pub(super) const TOPIC: &str = "squall/adapter/check";
/// How long something is waited for that must not come.
const SILENCE: Duration = Duration::from_millis(60);

/// Why a probe did not come to its end.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The adapter cannot do it.
    Unsupported(String),
    /// It did it otherwise.
    Wrong(String),
    /// The adapter is of no use any more.
    Broken(Box<AdapterError>),
}

impl From<AdapterError> for Trouble {
    fn from(error: AdapterError) -> Self {
        Self::Broken(Box::new(error))
    }
}

pub(super) type Found<T = ()> = Result<T, Trouble>;

/// Something is otherwise.
pub(super) fn wrong<T>(what: impl Into<String>) -> Found<T> {
    Err(Trouble::Wrong(what.into()))
}

/// What a probe works with.
pub(super) struct Cx {
    pub(super) adapter: Adapter,
    pub(super) stage: Stage,
    pub(super) mqtt: Version,
    /// The Client Identifier of this probe.
    pub(super) client: String,
    /// `connected` without its `ended`.
    live: bool,
    /// Answers that came while an event was waited for.
    answers: BTreeMap<u64, Outcome>,
}

impl Cx {
    pub(super) fn new(adapter: Adapter, stage: Stage, mqtt: Version, number: usize) -> Self {
        Self {
            adapter,
            stage,
            mqtt,
            client: format!("probe{number}"),
            live: false,
            answers: BTreeMap::new(),
        }
    }

    pub(super) const fn is_v5(&self) -> bool {
        matches!(self.mqtt, Version::V5_0)
    }

    /// Tells the adapter what it will be asked for, if it has to know.
    pub(super) async fn part(&mut self, part: Part) -> Found {
        match self.adapter.introduction().needs_part {
            true => self.done(Doing::Part(part)).await.map(drop),
            false => Ok(()),
        }
    }

    /// CONNECT with nothing special. Not every client can do without Keep Alive.
    pub(super) fn plain(&self) -> Connect {
        let (host, port) = (
            self.stage.address.ip().to_string(),
            self.stage.address.port(),
        );
        Connect {
            keep_alive: 600,
            ..Connect::new(host, port, self.mqtt, self.client.as_str())
        }
    }

    /// The answer to an operation, if the adapter can do it.
    pub(super) async fn ask(&mut self, doing: Doing) -> Found<Outcome> {
        let name = doing.name();
        let id = self.adapter.send(doing);
        self.answer(id, name).await
    }

    pub(super) async fn answer(&mut self, id: u64, name: &str) -> Found<Outcome> {
        match self.answer_within(id, PATIENCE).await? {
            Some(Outcome::Unsupported { what }) => Err(Trouble::Unsupported(what)),
            Some(outcome) => Ok(outcome),
            None => wrong(format!(
                "`{name}` was not answered within {} s{}",
                PATIENCE.as_secs(),
                self.violation()
            )),
        }
    }

    /// What the broker says against the client, to go on an error.
    fn violation(&self) -> String {
        match self.stage.violation(&self.client) {
            Some(violation) => format!("; the broker closed the connection: {violation}"),
            None => String::new(),
        }
    }

    /// Connects, with this on the wire and `connected` once.
    pub(super) async fn connect(&mut self, connect: Connect) -> Found<bool> {
        match self.ask(Doing::Connect(Box::new(connect))).await? {
            Outcome::Connected {
                session_present, ..
            } => {
                let event = self.event("connected").await?;
                if event != (Happened::Connected { session_present }) {
                    return wrong(format!(
                        "the first event was {}, not `connected`",
                        told(&event)
                    ));
                }
                self.live = true;
                Ok(session_present)
            }
            other => wrong(format!("`connect` was answered with {}", outcome(&other))),
        }
    }

    /// Connects with nothing special.
    pub(super) async fn connected(&mut self) -> Found {
        self.connect(self.plain()).await.map(drop)
    }

    /// Asks for something that has to be done; its reason codes.
    pub(super) async fn done(&mut self, doing: Doing) -> Found<Vec<ReasonCode>> {
        let name = doing.name();
        let id = self.adapter.send(doing);
        self.is_done(id, name).await
    }

    pub(super) async fn is_done(&mut self, id: u64, name: &str) -> Found<Vec<ReasonCode>> {
        match self.answer(id, name).await? {
            Outcome::Done { reasons } => Ok(reasons),
            other => wrong(format!(
                "`{name}` was answered with {}{}",
                outcome(&other),
                self.violation()
            )),
        }
    }

    /// Subscribes to the topic with QoS 2.
    pub(super) async fn subscribed(&mut self) -> Found {
        let qos = QoS::ExactlyOnce;
        let subscribe = Subscribe {
            subscriptions: vec![Subscription::new(TOPIC, qos)],
            subscription_identifier: None,
            user_properties: Vec::new(),
        };
        let reasons = self.done(Doing::Subscribe(subscribe)).await?;
        match reasons[..] == [ReasonCode(qos.as_u8())] {
            true => Ok(()),
            false => wrong(format!(
                "the reason codes of SUBACK were {}",
                codes(&reasons)
            )),
        }
    }

    /// Publishes; the reason codes are at most one, of success.
    pub(super) async fn published(&mut self, publish: Publish) -> Found {
        let reasons = self.done(Doing::Publish(Box::new(publish))).await?;
        match reasons[..] {
            [] | [ReasonCode(0 | 0x10)] => Ok(()),
            _ => wrong(format!(
                "the reason codes of PUBLISH were {}",
                codes(&reasons)
            )),
        }
    }

    /// The answer to an operation, if it comes soon.
    pub(super) async fn soon(&mut self, id: u64) -> Found<Option<Outcome>> {
        self.answer_within(id, SILENCE).await
    }

    async fn answer_within(&mut self, id: u64, limit: Duration) -> Found<Option<Outcome>> {
        if let Some(outcome) = self.answers.remove(&id) {
            return Ok(Some(outcome));
        }
        match timeout_at(Instant::now() + limit, self.adapter.answer(id)).await {
            Ok(outcome) => Ok(Some(outcome?)),
            Err(_) => Ok(None),
        }
    }

    /// The next event that is none of `log`.
    pub(super) async fn event(&mut self, wanted: &str) -> Found<Happened> {
        let until = Instant::now() + PATIENCE;
        match self.event_until(until).await? {
            Some(event) => Ok(event),
            None => wrong(format!(
                "`{wanted}` did not come within {} s{}",
                PATIENCE.as_secs(),
                self.violation()
            )),
        }
    }

    async fn event_until(&mut self, until: Instant) -> Found<Option<Happened>> {
        loop {
            match timeout_at(until, self.adapter.next()).await {
                Err(_) => return Ok(None),
                Ok(report) => match report? {
                    Report::Answer { id, outcome } => {
                        self.answers.insert(id, outcome);
                    }
                    // That is for people.
                    Report::Event(Happened::Log { .. }) => {}
                    Report::Event(event) => return Ok(Some(event)),
                },
            }
        }
    }

    /// The next event is a message.
    pub(super) async fn delivered(&mut self) -> Found<Delivered> {
        match self.event("delivered").await? {
            Happened::Delivered(message) => Ok(*message),
            other => wrong(format!("instead of `delivered` came {}", told(&other))),
        }
    }

    /// The next event is a message, unless the library ends the connection rather than take it.
    pub(super) async fn taken(&mut self) -> Found<Delivered> {
        match self.event("delivered").await? {
            Happened::Delivered(message) => Ok(*message),
            Happened::Ended { why, .. } => {
                self.live = false;
                let what = format!("the library ended the connection: {why}");
                Err(Trouble::Unsupported(what))
            }
            other => wrong(format!("instead of `delivered` came {}", told(&other))),
        }
    }

    /// The connection is over, and only that.
    pub(super) async fn ended(&mut self) -> Found<Option<ReasonCode>> {
        match self.event("ended").await? {
            Happened::Ended { reason, .. } => {
                self.live = false;
                Ok(reason)
            }
            other => wrong(format!("instead of `ended` came {}", told(&other))),
        }
    }

    /// Nothing more happens.
    pub(super) async fn silent(&mut self) -> Found {
        match self.event_until(Instant::now() + SILENCE).await? {
            None => Ok(()),
            Some(event) => wrong(format!("{} came, too", told(&event))),
        }
    }

    /// Nothing more happens, but that the library may tell of an acknowledgement.
    pub(super) async fn acknowledged(&mut self, handle: u64) -> Found {
        match self.event_until(Instant::now() + SILENCE).await? {
            None => Ok(()),
            Some(Happened::Acknowledged { handle: of }) if of == handle => Ok(()),
            Some(event) => wrong(format!("{} came, too", told(&event))),
        }
    }

    /// Ends what a probe has left, and sees that nothing more happens.
    pub(super) async fn settle(&mut self) -> Found {
        if self.live {
            self.ask(Doing::Drop {}).await?;
            // Messages may have been on their way.
            while self.live {
                if let Happened::Ended { .. } = self.event("ended").await? {
                    self.live = false;
                }
            }
        }
        self.ask(Doing::hello()).await?;
        self.silent().await
    }

    /// A packet of the newest connection, waited for.
    pub(super) async fn saw<T>(
        &self,
        what: &str,
        found: impl Fn(&Packet) -> Option<T>,
    ) -> Found<T> {
        let client = self.client.as_str();
        let look = |seen: &[_]| received(seen, client).iter().find_map(&found);
        match self.stage.until(look).await {
            Some(found) => Ok(found),
            None => wrong(format!("the broker saw no {what}{}", self.violation())),
        }
    }

    /// How the newest connection ended at the broker.
    pub(super) async fn closed(&self) -> Found<CloseCause> {
        let client = self.client.as_str();
        match self.stage.until(|seen| closed(seen, client)).await {
            Some(cause) => Ok(cause),
            None => wrong("the broker's end of the connection is still open"),
        }
    }

    /// Somebody else publishes.
    pub(super) async fn somebody_publishes(&self, message: squall_client::Message) -> Found {
        self.stage.publish(message).await.map_err(Trouble::Wrong)
    }
}

/// A message of our own without properties.
pub(super) fn message(payload: impl Into<squall_clients::Binary>, qos: QoS) -> Publish {
    Publish {
        topic: TOPIC.to_owned(),
        payload: payload.into(),
        qos,
        retain: false,
        properties: squall_clients::MessageProperties::default(),
    }
}

/// An event in words.
fn told(event: &Happened) -> String {
    match event {
        Happened::Connected { .. } => "`connected`".to_owned(),
        Happened::Delivered(message) => format!("`delivered` on {}", message.topic),
        Happened::Acknowledged { .. } => "`acknowledged`".to_owned(),
        Happened::Ended { why, .. } => format!("`ended` ({why})"),
        Happened::Log { .. } => "`log`".to_owned(),
    }
}

/// An outcome in words.
pub(super) fn outcome(outcome: &Outcome) -> String {
    let name = outcome.name();
    match outcome {
        Outcome::Lost { why } | Outcome::Failed { why } => format!("`{name}` ({why})"),
        Outcome::Refused { reason } => format!("`{name}` (0x{:02X})", reason.0),
        _ => format!("`{name}`"),
    }
}

pub(super) fn codes(reasons: &[ReasonCode]) -> String {
    let codes: Vec<String> = reasons.iter().map(|r| format!("0x{:02X}", r.0)).collect();
    format!("[{}]", codes.join(", "))
}
