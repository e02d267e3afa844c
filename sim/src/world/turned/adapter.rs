//! Clients that are driven by adapters: other programs, each a process for each client of a story.

use super::{
    foreign::{Foreign, Hired, Hiring, Told, Troupe},
    part::part,
    stop::Stop,
};
use bytes::Bytes;
use squall_client::{Abandonment, Command, ConnectOptions, EndCause, Event, Message, Ticket};
use squall_clients::{
    Adapter, AdapterError, Binary, Command as Program, Connect, Delivered, Disconnect, Doing,
    Happened, Introduction, MessageProperties, Outcome, Publish, Report, Subscribe, Subscription,
    Unsubscribe, Will,
};
use squall_protocol::{Properties, ReasonCode, Text, Version, packet::ConnAck};
use squall_transport::{Endpoint, Hangup};
use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    pin::pin,
    task::{Context, Poll},
};

/// Clients of one library, driven by its adapter.
#[derive(Clone, Debug)]
pub struct Adapters {
    program: Program,
    introduction: Introduction,
}

impl Adapters {
    /// Starts the adapter once, to hear who it is.
    ///
    /// # Errors
    /// When it cannot be started, or is no adapter.
    pub async fn meet(program: Program) -> Result<Self, AdapterError> {
        let adapter = Adapter::start(&program).await?;
        let introduction = adapter.introduction().clone();
        adapter.stop().await?;
        Ok(Self {
            program,
            introduction,
        })
    }

    /// Who it says it is.
    #[must_use]
    pub const fn introduction(&self) -> &Introduction {
        &self.introduction
    }
}

impl Troupe for Adapters {
    fn hire<'t>(&'t self, hiring: Hiring<'t>) -> Hired<'t> {
        Box::pin(async move {
            let Endpoint::Tcp(address) = hiring.endpoint else {
                let why = "an adapter's client connects over TCP";
                return Err(Stop::Lost(why.to_owned()));
            };
            let adapter = Adapter::start(&self.program).await;
            let mut adapter = adapter.map_err(lost)?;
            if adapter.introduction().needs_part {
                let id = adapter.send(Doing::Part(part(hiring.plan, hiring.client)));
                if let Outcome::Unsupported { what } = adapter.answer(id).await.map_err(lost)? {
                    return Err(Stop::Unfit(format!("{}: {what}", hiring.name)));
                }
            }
            let driven = Driven {
                adapter,
                host: address.ip().to_string(),
                port: address.port(),
                asked: BTreeMap::new(),
                held: VecDeque::new(),
                told: VecDeque::new(),
            };
            Ok(Box::new(driven) as Box<dyn Foreign>)
        })
    }

    fn lacks(&self, version: Version) -> Option<String> {
        let speaks = &self.introduction.mqtt;
        (!speaks.contains(&version)).then(|| {
            let name = &self.introduction.name;
            format!("{name} does not speak MQTT {version}, says its adapter")
        })
    }
}

fn lost(error: AdapterError) -> Stop {
    Stop::Lost(error.to_string())
}

/// One client, driven by its adapter.
struct Driven {
    adapter: Adapter,
    host: String,
    port: u16,
    /// What was asked and has no answer.
    asked: BTreeMap<u64, Asked>,
    /// What is asked once it is known what became of `connect`: many libraries subscribe on a connection or not at all.
    held: VecDeque<Command>,
    told: VecDeque<Told>,
}

/// What an answer is for.
#[derive(Clone, Copy)]
enum Asked {
    Connect,
    Publish(Ticket),
    Subscribe(Ticket),
    Unsubscribe(Ticket),
    Other,
}

impl Driven {
    fn connects(&self) -> bool {
        self.asked.values().any(|a| matches!(a, Asked::Connect))
    }

    fn ask(&mut self, command: Command) {
        let (doing, asked) = match command {
            Command::Connect(options) => {
                let connect = connect(&self.host, self.port, &options);
                (Doing::Connect(Box::new(connect)), Asked::Connect)
            }
            Command::Publish(ticket, message) => {
                let publish = Publish {
                    topic: message.topic.to_string(),
                    payload: Binary::from(message.payload.clone()),
                    qos: message.qos,
                    retain: message.retain,
                    properties: MessageProperties::of(&message.properties),
                };
                (Doing::Publish(Box::new(publish)), Asked::Publish(ticket))
            }
            Command::Subscribe {
                ticket,
                subscriptions,
                properties,
            } => {
                let subscribe = Subscribe {
                    subscriptions: subscriptions.iter().map(Subscription::of).collect(),
                    subscription_identifier: properties.subscription_identifiers().next(),
                    user_properties: Vec::new(),
                };
                (Doing::Subscribe(subscribe), Asked::Subscribe(ticket))
            }
            Command::Unsubscribe {
                ticket, filters, ..
            } => {
                let unsubscribe = Unsubscribe {
                    topic_filters: filters.iter().map(ToString::to_string).collect(),
                    user_properties: Vec::new(),
                };
                (Doing::Unsubscribe(unsubscribe), Asked::Unsubscribe(ticket))
            }
            Command::Disconnect { reason, properties } => {
                let disconnect = Disconnect {
                    reason: Some(reason).filter(|r| *r != ReasonCode::SUCCESS),
                    session_expiry_interval: properties.session_expiry_interval(),
                };
                (Doing::Disconnect(disconnect), Asked::Other)
            }
            Command::Drop => (Doing::Drop {}, Asked::Other),
            // It ends with this value. Stories with scripted clients are not told to others.
            Command::Backoff(_)
            | Command::QueueLimit(_)
            | Command::Acknowledge(..)
            | Command::Reauthenticate(_)
            | Command::Script(_)
            | Command::Stop => return,
        };
        let id = self.adapter.send(doing);
        self.asked.insert(id, asked);
    }
}

impl Foreign for Driven {
    fn tell(&mut self, command: Command) {
        let waits = matches!(
            command,
            Command::Subscribe { .. } | Command::Unsubscribe { .. }
        );
        match waits && self.connects() {
            true => self.held.push_back(command),
            false => self.ask(command),
        }
    }

    fn poll_told(&mut self, cx: &mut Context<'_>) -> Poll<Told> {
        loop {
            if let Some(told) = self.told.pop_front() {
                return Poll::Ready(told);
            }
            let report = match pin!(self.adapter.next()).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(report) => report,
            };
            match report {
                Ok(Report::Answer { id, outcome }) => {
                    let asked = self.asked.remove(&id).unwrap_or(Asked::Other);
                    self.told.extend(answered(asked, outcome));
                    if matches!(asked, Asked::Connect) {
                        std::mem::take(&mut self.held)
                            .into_iter()
                            .for_each(|command| self.ask(command));
                    }
                }
                Ok(Report::Event(happened)) => self.told.extend(told(happened)),
                Err(error) => return Poll::Ready(Told::Lost(error.to_string())),
            }
        }
    }
}

fn connect(host: &str, port: u16, options: &ConnectOptions) -> Connect {
    let mut connect = Connect::new(host, port, options.version, options.client_id.to_string());
    connect.clean_start = options.clean_start;
    connect.keep_alive = options.keep_alive;
    connect.session_expiry_interval = options.session_expiry;
    connect.receive_maximum = options.receive_maximum;
    connect.maximum_packet_size = options.maximum_packet_size;
    connect.topic_alias_maximum = options.topic_alias_maximum;
    connect.user_name = options.user_name.as_ref().map(ToString::to_string);
    connect.password = options.password.clone().map(Binary::from);
    connect.will = options.will.as_ref().map(Will::of);
    connect
}

/// What an answer means.
fn answered(asked: Asked, outcome: Outcome) -> Vec<Told> {
    let event = |event| vec![Told::Event(event)];
    let abandoned = |ticket, why| event(Event::Abandoned { ticket, why });
    match (asked, outcome) {
        (_, Outcome::Unsupported { what }) => vec![Told::Unsupported(what)],
        (
            Asked::Connect,
            Outcome::Connected {
                reason,
                session_present,
            },
        ) => event(connected(reason, session_present)),
        (Asked::Connect, Outcome::Refused { reason }) => {
            let ack = connack(reason, false);
            let cause = EndCause::Refused(reason);
            vec![
                Told::Event(Event::Refused { ack }),
                Told::Event(Event::Ended { cause }),
            ]
        }
        (Asked::Connect, Outcome::Lost { why } | Outcome::Failed { why }) => {
            let cause = EndCause::DialFailed(why);
            event(Event::Ended { cause })
        }
        (Asked::Publish(ticket), Outcome::Done { reasons }) => {
            let reason = reasons.first().copied().unwrap_or(ReasonCode::SUCCESS);
            event(Event::Acknowledged { ticket, reason })
        }
        (Asked::Subscribe(ticket), Outcome::Done { reasons }) => {
            event(Event::Subscribed { ticket, reasons })
        }
        (Asked::Unsubscribe(ticket), Outcome::Done { reasons }) => {
            event(Event::Unsubscribed { ticket, reasons })
        }
        (
            Asked::Publish(ticket) | Asked::Subscribe(ticket) | Asked::Unsubscribe(ticket),
            Outcome::Failed { why },
        ) => abandoned(ticket, Abandonment::Declined(why)),
        (
            Asked::Publish(ticket) | Asked::Subscribe(ticket) | Asked::Unsubscribe(ticket),
            Outcome::Lost { .. },
        ) => abandoned(ticket, Abandonment::ConnectionEnded),
        // Whatever is left says nothing that is not seen at the socket.
        _ => Vec::new(),
    }
}

/// What an event means.
fn told(happened: Happened) -> Option<Told> {
    Some(match happened {
        Happened::Connected { session_present } => {
            Told::Event(connected(ReasonCode::SUCCESS, session_present))
        }
        Happened::Delivered(delivered) => match message(&delivered) {
            Ok(message) => Told::Event(Event::Delivered {
                message,
                dup: delivered.dup.unwrap_or(false),
                packet_id: None,
                receipt: None,
            }),
            Err(what) => Told::Lost(format!(
                "the adapter reported a message whose {what} is no text of MQTT"
            )),
        },
        Happened::Ended { reason, .. } => Told::Event(Event::Ended {
            cause: match reason {
                Some(reason) => EndCause::ServerDisconnect(reason),
                None => EndCause::Peer(Hangup::Eof),
            },
        }),
        Happened::Acknowledged { .. } | Happened::Log { .. } => return None,
    })
}

/// The message as it was delivered; an error names what of it cannot be.
fn message(delivered: &Delivered) -> Result<Message, &'static str> {
    let topic = Bytes::copy_from_slice(delivered.topic.as_bytes());
    let properties = delivered.properties.to_properties();
    Ok(Message {
        topic: Text::from_bytes(topic).map_err(|_| "topic")?,
        payload: delivered.payload.0.clone(),
        qos: delivered.qos,
        retain: delivered.retain,
        properties: properties.map_err(|_| "properties")?,
    })
}

fn connected(reason: ReasonCode, session_present: bool) -> Event {
    Event::Connected {
        session_present,
        ack: connack(reason, session_present),
    }
}

fn connack(reason: ReasonCode, session_present: bool) -> ConnAck {
    ConnAck {
        session_present,
        reason,
        properties: Properties::new(),
    }
}
