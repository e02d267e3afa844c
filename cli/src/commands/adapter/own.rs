//! The adapter of Squall's own client: the reference client on the protocol that adapters speak. It does what
//! `clients/README.md` says and knows nothing of who asks.

use squall_client::{
    Abandonment as Why, Acknowledgement, Command, ConnectOptions, Dial, EndCause, Event, Message,
    Receipt, Ticket, run,
};
use squall_clients::{
    Connect, Delivered, Desk, Doing, Introduction, Outcome, Publish, Taken, Will, filter,
    operations, pairs, properties, text, user_properties,
};
use squall_protocol::{Property, QoS, ReasonCode, Version};
use std::{cell::RefCell, io, rc::Rc};
use tokio::{join, net::TcpStream, sync::mpsc};

/// Reads operations until standard input ends.
pub(super) async fn serve() {
    let (commands, orders) = mpsc::unbounded_channel();
    let place = Place::default();
    let version = env!("CARGO_PKG_VERSION");
    let own = Rc::new(RefCell::new(Own {
        desk: Desk::new(Introduction::new("squall", version, &Version::ALL)),
        commands,
        place: Rc::clone(&place),
        mqtt: Version::V5_0,
        receipts: Vec::new(),
    }));
    let observer = Rc::clone(&own);
    let driver = run(Dialler(place), orders, move |_, event| {
        observer.borrow_mut().observe(event);
    });
    let reader = async {
        let mut lines = operations();
        while let Some(line) = lines.recv().await {
            if !own.borrow_mut().take(&line) {
                break;
            }
        }
        // The driver ends after the last of its orders.
        let _ = own.borrow().commands.send(Command::Stop);
    };
    join!(reader, driver);
}

/// Where the last `connect` said.
type Place = Rc<RefCell<(String, u16)>>;

struct Dialler(Place);

impl Dial for Dialler {
    type Stream = TcpStream;

    async fn dial(&mut self) -> io::Result<TcpStream> {
        let place = self.0.borrow().clone();
        let stream = TcpStream::connect(place).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

struct Own {
    desk: Desk,
    commands: mpsc::UnboundedSender<Command>,
    place: Place,
    mqtt: Version,
    /// Of messages that are acknowledged by hand, by their handles from 1.
    receipts: Vec<Receipt>,
}

impl Own {
    /// Does what a line asks for; false when it was the last one.
    fn take(&mut self, line: &str) -> bool {
        let (id, doing) = match self.desk.take(line) {
            Taken::Operation(id, doing) => (id, doing),
            Taken::Answered => return true,
            Taken::Last => return false,
        };
        match self.command(Ticket(id), doing) {
            Ok(command) => {
                if let Command::Drop | Command::Disconnect { .. } | Command::Acknowledge(..) =
                    command
                {
                    self.desk.answer(id, Outcome::done(vec![]));
                }
                // The driver ends after `Stop` alone, and nothing is asked after that.
                let _ = self.commands.send(command);
            }
            Err(outcome) => self.desk.answer(id, outcome),
        }
        true
    }

    fn command(&mut self, ticket: Ticket, doing: Doing) -> Result<Command, Outcome> {
        Ok(match doing {
            Doing::Connect(asked) => {
                let options = options(&asked)?;
                *self.place.borrow_mut() = (asked.host, asked.port);
                self.mqtt = asked.mqtt;
                Command::Connect(options.into())
            }
            Doing::Publish(asked) => match asked.qos == QoS::AtMostOnce && !self.desk.is_live() {
                true => return Err(Outcome::no_connection()),
                false => Command::Publish(ticket, published(*asked)?),
            },
            Doing::Subscribe(asked) => {
                let mut properties = user_properties(&asked.user_properties)?;
                if let Some(identifier) = asked.subscription_identifier {
                    properties.push(Property::SubscriptionIdentifier(identifier));
                }
                let wanted = asked.subscriptions.iter().map(|s| s.to_packet(self.mqtt));
                Command::Subscribe {
                    ticket,
                    subscriptions: wanted.collect::<Result<_, _>>()?,
                    properties,
                }
            }
            Doing::Unsubscribe(asked) => {
                let filters = asked.topic_filters.iter().map(|f| filter(f, self.mqtt));
                Command::Unsubscribe {
                    ticket,
                    filters: filters.collect::<Result<_, _>>()?,
                    properties: user_properties(&asked.user_properties)?,
                }
            }
            Doing::Disconnect(asked) => {
                let expiry = asked.session_expiry_interval.into_iter();
                Command::Disconnect {
                    reason: asked.reason.unwrap_or(ReasonCode::NORMAL_DISCONNECTION),
                    properties: expiry.map(Property::SessionExpiryInterval).collect(),
                }
            }
            Doing::Drop {} => Command::Drop,
            Doing::Acknowledge(asked) => {
                let place = usize::try_from(asked.handle).unwrap_or(0).checked_sub(1);
                let receipt = place.and_then(|place| self.receipts.get(place));
                let receipt = receipt.ok_or_else(|| Outcome::failed("no such handle"))?;
                Command::Acknowledge(*receipt, ReasonCode::SUCCESS)
            }
            // The desk answers these itself.
            Doing::Hello { .. } | Doing::Part(_) | Doing::Stop {} => {
                return Err(Outcome::unsupported(doing.name()));
            }
        })
    }

    fn observe(&mut self, event: &Event) {
        match event {
            Event::Connected {
                session_present,
                ack,
            } => self.desk.connected(ack.reason, *session_present),
            Event::Refused { ack } => self.desk.refused(ack.reason),
            Event::Ended { cause } => {
                let why = &cause.to_string();
                match cause {
                    EndCause::ServerDisconnect(reason) => self.desk.ended(why, Some(*reason)),
                    EndCause::InvalidOptions(_) => self.desk.declined(why),
                    _ => self.desk.ended(why, None),
                }
            }
            Event::Delivered {
                message: m,
                dup,
                receipt,
                ..
            } => {
                let (topic, payload, flags) =
                    (m.topic.as_str(), m.payload.clone(), (m.retain, *dup));
                let message = Delivered::new(topic, payload, m.qos, flags, &m.properties);
                let handle = receipt.map(|receipt| {
                    self.receipts.push(receipt);
                    self.receipts.len() as u64
                });
                self.desk.delivered(Delivered { handle, ..message });
            }
            Event::Acknowledged { ticket, reason } => {
                self.desk.answer(ticket.0, Outcome::done(vec![*reason]));
            }
            Event::Subscribed { ticket, reasons } | Event::Unsubscribed { ticket, reasons } => {
                self.desk.answer(ticket.0, Outcome::done(reasons.clone()));
            }
            Event::Abandoned { ticket, why } => {
                let words = why.to_string();
                let outcome = match why {
                    Why::PropertyNotAllowed(_) => Outcome::unsupported(words),
                    Why::ConnectionEnded | Why::SessionEnded => Outcome::lost(words),
                    _ => Outcome::failed(words),
                };
                self.desk.answer(ticket.0, outcome);
            }
            Event::Received(_) | Event::Sent(_) | Event::SentRaw { .. } | Event::Violation(_) => {}
        }
    }
}

fn published(asked: Publish) -> Result<Message, String> {
    Ok(Message {
        topic: text(&asked.topic)?,
        payload: asked.payload.0,
        qos: asked.qos,
        retain: asked.retain,
        properties: properties(&asked.properties)?,
    })
}

fn options(asked: &Connect) -> Result<ConnectOptions, String> {
    Ok(ConnectOptions {
        clean_start: asked.clean_start,
        session_expiry: asked.session_expiry_interval,
        keep_alive: asked.keep_alive,
        will: asked.will.as_ref().map(Will::to_packet).transpose()?,
        user_name: asked.user_name.as_deref().map(text).transpose()?,
        password: asked.password.as_ref().map(|password| password.0.clone()),
        receive_maximum: asked.receive_maximum,
        maximum_packet_size: asked.maximum_packet_size,
        topic_alias_maximum: asked.topic_alias_maximum,
        acknowledgement: match asked.manual_acknowledgement {
            true => Acknowledgement::ByHand,
            false => Acknowledgement::AtOnce,
        },
        user_properties: pairs(&asked.user_properties)?,
        ..ConnectOptions::new(asked.mqtt, text(&asked.client_identifier)?)
    })
}
