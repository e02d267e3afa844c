//! The adapter of Squall's own client: the reference client on the protocol that adapters speak. It does what
//! `clients/README.md` says and knows nothing of who asks.

use crate::{
    exit::{CliError, Ending, Result},
    screen,
};
use squall_client::{Command, ConnectOptions, Dial, EndCause, Event, Message, Ticket};
use squall_clients::{
    Connect, Delivered, Doing, Happened, MessageProperties, Operation, Outcome, PROTOCOL, Publish,
    Report, Subscribe, Will,
};
use squall_protocol::{
    Properties, Property, QoS, ReasonCode, Text, Version,
    packet::{self, RetainHandling},
    topic::TopicFilter,
};
use std::{cell::RefCell, io, rc::Rc, thread};
use tokio::{
    join,
    net::TcpStream,
    runtime::Builder,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

/// Reads operations until standard input ends.
pub(super) fn serve() -> Result<Ending> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| CliError::input(format!("cannot start the runtime: {e}")))?;
    let (sender, lines) = unbounded_channel();
    // A thread of its own may wait for standard input; it ends with the process.
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(io::Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    runtime.block_on(work(lines));
    Ok(Ending::Good)
}

async fn work(mut lines: UnboundedReceiver<String>) {
    let (commands, orders) = unbounded_channel();
    let place = Rc::new(RefCell::new((String::new(), 0)));
    let desk = Rc::new(RefCell::new(Desk {
        commands,
        place: Rc::clone(&place),
        connecting: None,
        live: false,
        mqtt: Version::V5_0,
    }));
    let observer = Rc::clone(&desk);
    let dial = Dialler { place };
    let driver = squall_client::run(dial, orders, move |_, event| {
        observer.borrow_mut().observe(event)
    });
    let reader = async {
        while let Some(line) = lines.recv().await {
            if !desk.borrow_mut().take(&line) {
                break;
            }
        }
        // The driver ends after the last of its orders.
        let _ = desk.borrow().commands.send(Command::Stop);
    };
    join!(reader, driver);
}

/// Connects to where the last `connect` said.
struct Dialler {
    place: Rc<RefCell<(String, u16)>>,
}

impl Dial for Dialler {
    type Stream = TcpStream;

    async fn dial(&mut self) -> io::Result<TcpStream> {
        let place = self.place.borrow().clone();
        let stream = TcpStream::connect(place).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// What the adapter knows of its client.
struct Desk {
    commands: UnboundedSender<Command>,
    place: Rc<RefCell<(String, u16)>>,
    /// The `connect` that waits.
    connecting: Option<u64>,
    /// Whether there is a connection.
    live: bool,
    mqtt: Version,
}

impl Desk {
    /// Does what a line asks for; `false` when it was the last one.
    fn take(&mut self, line: &str) -> bool {
        let Operation { id, doing } = match Operation::read(line) {
            Ok(operation) => operation,
            Err((Some(id), what)) => {
                answer(id, Outcome::Unsupported { what });
                return true;
            }
            Err((None, why)) => {
                screen::complain(&format!("this line is no operation: {why}"));
                return true;
            }
        };
        let is_last = doing == Doing::Stop {};
        match self.act(id, doing) {
            Ok(Some(outcome)) => answer(id, outcome),
            Ok(None) => {}
            Err(why) => answer(id, Outcome::Failed { why }),
        }
        !is_last
    }

    /// The answer, if there is one already.
    fn act(&mut self, id: u64, doing: Doing) -> std::result::Result<Option<Outcome>, String> {
        let ticket = Ticket(id);
        let done = Ok(Some(Outcome::Done { reasons: vec![] }));
        let command = match doing {
            Doing::Hello { .. } => return Ok(Some(introduction())),
            Doing::Acknowledge(_) => return Ok(Some(unsupported("acknowledgement by hand"))),
            Doing::Connect(asked) if asked.manual_acknowledgement => {
                return Ok(Some(unsupported("acknowledgement by hand")));
            }
            Doing::Stop {} => return done,
            Doing::Drop {} => {
                self.send(Command::Drop);
                return done;
            }
            Doing::Connect(_) if self.live || self.connecting.is_some() => {
                return Err("there is a connection".to_owned());
            }
            Doing::Connect(asked) => {
                let options = options(&asked)?;
                *self.place.borrow_mut() = (asked.host, asked.port);
                (self.connecting, self.mqtt) = (Some(id), asked.mqtt);
                Command::Connect(options.into())
            }
            Doing::Publish(asked) if !self.live && asked.qos == QoS::AtMostOnce => {
                return Ok(Some(no_connection()));
            }
            Doing::Publish(asked) => Command::Publish(ticket, published(*asked)?),
            Doing::Subscribe(asked) => self.subscribe(ticket, &asked)?,
            Doing::Unsubscribe(asked) => {
                let filters = asked.topic_filters.iter().map(|filter| self.filter(filter));
                Command::Unsubscribe {
                    ticket,
                    filters: filters.collect::<std::result::Result<_, _>>()?,
                    properties: user_properties(&asked.user_properties)?,
                }
            }
            Doing::Disconnect(_) if !self.live => return Ok(Some(no_connection())),
            Doing::Disconnect(asked) => {
                let expiry = asked
                    .session_expiry_interval
                    .map(Property::SessionExpiryInterval);
                self.send(Command::Disconnect {
                    reason: asked.reason.unwrap_or(ReasonCode::NORMAL_DISCONNECTION),
                    properties: expiry.into_iter().collect(),
                });
                return done;
            }
        };
        self.send(command);
        Ok(None)
    }

    fn send(&self, command: Command) {
        // The driver ends after `Stop` alone, and nothing is asked after that.
        let _ = self.commands.send(command);
    }

    fn filter(&self, filter: &str) -> std::result::Result<TopicFilter, String> {
        let filter = text(filter)?;
        let parsed = match self.mqtt {
            Version::V3_1_1 => TopicFilter::parse_v3(filter),
            Version::V5_0 => TopicFilter::parse_v5(filter),
        };
        parsed.map_err(|error| error.to_string())
    }

    fn subscribe(&self, ticket: Ticket, asked: &Subscribe) -> std::result::Result<Command, String> {
        let mut subscriptions = Vec::new();
        for one in &asked.subscriptions {
            let handling = RetainHandling::from_bits(one.retain_handling.unwrap_or(0));
            subscriptions.push(packet::Subscription {
                no_local: one.no_local,
                retain_as_published: one.retain_as_published,
                retain_handling: handling.ok_or("Retain Handling is 0, 1 or 2")?,
                ..packet::Subscription::new(self.filter(&one.topic_filter)?, one.qos)
            });
        }
        let mut properties = user_properties(&asked.user_properties)?;
        if let Some(identifier) = asked.subscription_identifier {
            properties.push(Property::SubscriptionIdentifier(identifier));
        }
        Ok(Command::Subscribe {
            ticket,
            subscriptions,
            properties,
        })
    }

    fn observe(&mut self, event: &Event) {
        match event {
            Event::Connected {
                session_present,
                ack,
            } => self.connected(*session_present, ack.reason),
            Event::Refused { ack } => {
                if let Some(id) = self.connecting.take() {
                    answer(id, Outcome::Refused { reason: ack.reason });
                }
            }
            Event::Ended { cause } => self.ended(cause),
            Event::Delivered { message, dup, .. } => say(&Report::Event(delivered(message, *dup))),
            Event::Acknowledged { ticket, reason } => {
                let reasons = vec![*reason];
                answer(ticket.0, Outcome::Done { reasons });
            }
            Event::Subscribed { ticket, reasons } | Event::Unsubscribed { ticket, reasons } => {
                let reasons = reasons.clone();
                answer(ticket.0, Outcome::Done { reasons });
            }
            Event::Abandoned { ticket, why } => answer(ticket.0, abandoned(why)),
            Event::Received(_) | Event::Sent(_) | Event::SentRaw { .. } | Event::Violation(_) => {}
        }
    }

    fn connected(&mut self, session_present: bool, reason: ReasonCode) {
        self.live = true;
        say(&Report::Event(Happened::Connected { session_present }));
        if let Some(id) = self.connecting.take() {
            answer(
                id,
                Outcome::Connected {
                    reason,
                    session_present,
                },
            );
        }
    }

    fn ended(&mut self, cause: &EndCause) {
        let why = cause.to_string();
        if let Some(id) = self.connecting.take() {
            let outcome = match cause {
                EndCause::InvalidOptions(_) => Outcome::Failed { why: why.clone() },
                _ => Outcome::Lost { why: why.clone() },
            };
            answer(id, outcome);
        }
        if std::mem::take(&mut self.live) {
            let reason = match cause {
                EndCause::ServerDisconnect(reason) => Some(*reason),
                _ => None,
            };
            say(&Report::Event(Happened::Ended { why, reason }));
        }
    }
}

fn introduction() -> Outcome {
    Outcome::Hello {
        protocol: PROTOCOL,
        name: "squall".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mqtt: Version::ALL.to_vec(),
    }
}

fn no_connection() -> Outcome {
    let why = "there is no connection".to_owned();
    Outcome::Lost { why }
}

fn published(asked: Publish) -> std::result::Result<Message, String> {
    Ok(Message {
        topic: text(&asked.topic)?,
        payload: asked.payload.0,
        qos: asked.qos,
        retain: asked.retain,
        properties: properties(&asked.properties)?,
    })
}

fn unsupported(what: &str) -> Outcome {
    let what = what.to_owned();
    Outcome::Unsupported { what }
}

fn abandoned(why: &squall_client::Abandonment) -> Outcome {
    use squall_client::Abandonment::{ConnectionEnded, PropertyNotAllowed, SessionEnded};
    let words = why.to_string();
    match why {
        PropertyNotAllowed(_) => Outcome::Unsupported { what: words },
        ConnectionEnded | SessionEnded => Outcome::Lost { why: words },
        _ => Outcome::Failed { why: words },
    }
}

fn delivered(message: &Message, dup: bool) -> Happened {
    Happened::Delivered(Box::new(Delivered {
        topic: message.topic.as_str().to_owned(),
        payload: message.payload.clone().into(),
        qos: message.qos,
        retain: message.retain,
        dup: Some(dup),
        properties: MessageProperties::of(&message.properties),
        handle: None,
    }))
}

fn options(asked: &Connect) -> std::result::Result<ConnectOptions, String> {
    let pair = |(name, value): &(String, String)| Ok((text(name)?, text(value)?));
    let user_properties = asked.user_properties.iter().map(pair);
    Ok(ConnectOptions {
        clean_start: asked.clean_start,
        session_expiry: asked.session_expiry_interval,
        keep_alive: asked.keep_alive,
        will: asked.will.as_ref().map(will).transpose()?,
        user_name: asked.user_name.as_deref().map(text).transpose()?,
        password: asked.password.as_ref().map(|password| password.0.clone()),
        receive_maximum: asked.receive_maximum,
        maximum_packet_size: asked.maximum_packet_size,
        topic_alias_maximum: asked.topic_alias_maximum,
        user_properties: user_properties.collect::<std::result::Result<_, String>>()?,
        ..ConnectOptions::new(asked.mqtt, text(&asked.client_identifier)?)
    })
}

fn will(asked: &Will) -> std::result::Result<packet::Will, String> {
    let mut properties = properties(&asked.properties)?;
    if let Some(delay) = asked.will_delay_interval {
        properties.push(Property::WillDelayInterval(delay));
    }
    Ok(packet::Will {
        topic: text(&asked.topic)?,
        payload: asked.payload.0.clone(),
        qos: asked.qos,
        retain: asked.retain,
        properties,
    })
}

fn properties(asked: &MessageProperties) -> std::result::Result<Properties, String> {
    asked.to_properties().map_err(|error| error.to_string())
}

fn user_properties(asked: &[(String, String)]) -> std::result::Result<Properties, String> {
    properties(&MessageProperties {
        user_properties: asked.to_vec(),
        ..MessageProperties::default()
    })
}

fn text(text: &str) -> std::result::Result<Text, String> {
    Text::from_bytes(bytes::Bytes::copy_from_slice(text.as_bytes())).map_err(|e| e.to_string())
}

fn answer(id: u64, outcome: Outcome) {
    say(&Report::Answer { id, outcome });
}

/// Whoever has gone away hears nothing; standard input ends then, too.
fn say(report: &Report) {
    if let Ok(line) = serde_json::to_string(report) {
        let _ = screen::say(&line);
    }
}
