//! An adapter for the MQTT 5.0 client of rumqttc, as clients/README.md says. The event loop is polled until it fails, and no
//! longer, so nothing connects again by itself.

mod words;

use rumqttc::{
    Outgoing,
    v5::{
        AsyncClient, ClientError, ConnectionError, Event, EventLoop, Incoming,
        mqttbytes::{QoS, v5 as packets},
    },
};
use squall_clients::{Connect, Desk, Doing, Introduction, Outcome, Taken, operations};
use squall_protocol::{ReasonCode, Version};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tokio::{
    runtime::Builder,
    sync::{mpsc, oneshot},
    task::{JoinHandle, LocalSet, spawn_local},
};
use words::{code, delivered, filter, options, properties, qos};

/// What the library tells, or why the connection is over, and the code of a refusal.
type News = Result<Event, (String, Option<ReasonCode>)>;

/// Polls until the connection is over or somebody drops it; gives the event loop back, for the session's sake.
async fn poll(
    mut events: EventLoop,
    news: mpsc::UnboundedSender<News>,
    mut drop_it: oneshot::Receiver<()>,
) -> EventLoop {
    loop {
        let seen = tokio::select! {
            biased;
            _ = &mut drop_it => Err(("the client dropped the connection".to_owned(), None)),
            seen = events.poll() => seen.map_err(|error| match error {
                ConnectionError::ConnectionRefused(reason) => (format!("{reason:?}"), Some(code(&reason))),
                other => (other.to_string(), None),
            }),
        };
        let is_over = seen.is_err();
        let _ = news.send(seen);
        if is_over {
            events.clean();
            return events;
        }
    }
}

struct Adapter {
    desk: Desk,
    client: Option<AsyncClient>,
    polling: Option<(JoinHandle<EventLoop>, oneshot::Sender<()>)>,
    before: Option<EventLoop>,
    whose: String,
    news: mpsc::UnboundedSender<News>,
    left: Option<ReasonCode>,
    by_hand: bool,
    /// Requests that were not sent yet, in order, and others by packet identifier; those of messages outlive the connection.
    unsent: VecDeque<u64>,
    waiting: BTreeMap<u16, u64>,
    messages: BTreeSet<u64>,
    handles: Vec<packets::Publish>,
}

impl Adapter {
    /// Does it; the answer, if there is one already.
    async fn act(&mut self, id: u64, doing: Doing) -> Result<Option<Outcome>, Outcome> {
        let failed = |error: ClientError| Outcome::failed(error.to_string());
        if let Doing::Connect(asked) = doing {
            return self.connect(*asked).await.map(|()| None);
        }
        let Some(client) = self.client.clone() else {
            return Err(Outcome::no_connection());
        };
        match doing {
            Doing::Publish(asked) => {
                let (qos, payload) = (qos(asked.qos), asked.payload.0);
                let properties = properties(asked.properties);
                client
                    .try_publish_with_properties(asked.topic, qos, asked.retain, payload, properties)
                    .map_err(failed)?;
                self.messages.insert(id);
            }
            Doing::Subscribe(asked) => {
                let properties = packets::SubscribeProperties {
                    id: asked.subscription_identifier.map(|id| id as usize),
                    user_properties: asked.user_properties,
                };
                let filters = asked.subscriptions.into_iter().map(filter);
                client.try_subscribe_many_with_properties(filters, properties).map_err(failed)?;
            }
            Doing::Unsubscribe(mut asked) if asked.topic_filters.len() == 1 => {
                let user_properties = asked.user_properties;
                let properties = packets::UnsubscribeProperties { user_properties };
                client.try_unsubscribe_with_properties(asked.topic_filters.remove(0), properties).map_err(failed)?;
            }
            Doing::Unsubscribe(_) => {
                return Err(Outcome::unsupported("several filters in one UNSUBSCRIBE"));
            }
            Doing::Acknowledge(asked) => {
                let handle =
                    usize::try_from(asked.handle).ok().and_then(|handle| self.handles.get(handle.checked_sub(1)?));
                client.try_ack(handle.ok_or_else(|| Outcome::failed("no such handle"))?).map_err(failed)?;
                return Ok(Some(Outcome::done(vec![])));
            }
            Doing::Disconnect(asked) if asked == Default::default() => {
                client.try_disconnect().map_err(failed)?;
                return Ok(Some(Outcome::done(vec![])));
            }
            Doing::Drop {} => {
                self.drop_connection().await;
                return Ok(Some(Outcome::done(vec![])));
            }
            other => return Err(Outcome::unsupported(format!("this `{}`", other.name()))),
        }
        self.unsent.push_back(id);
        Ok(None)
    }

    async fn drop_connection(&mut self) {
        if let Some((handle, drop_it)) = self.polling.take() {
            let _ = drop_it.send(());
            self.before = handle.await.ok();
        }
    }

    async fn connect(&mut self, asked: Connect) -> Result<(), Outcome> {
        self.drop_connection().await;
        let is_kept = !asked.clean_start && self.whose == asked.client_identifier;
        (self.whose, self.by_hand, self.left) = (asked.client_identifier.clone(), asked.manual_acknowledgement, None);
        let options = options(asked)?;
        let events = match self.before.take().filter(|_| is_kept) {
            Some(mut events) => {
                events.options = options;
                events
            }
            None => {
                self.lose("the session was begun anew", true);
                let (client, events) = AsyncClient::new(options, 1000);
                self.client = Some(client);
                events
            }
        };
        let (drop_it, dropped) = oneshot::channel();
        self.polling = Some((spawn_local(poll(events, self.news.clone(), dropped)), drop_it));
        Ok(())
    }

    /// Answers what will not be answered any more: all, or what the library does not keep for the next connection.
    fn lose(&mut self, why: &str, all: bool) {
        let kept = |id: &u64| !all && self.messages.contains(id);
        let numbers = self.unsent.iter().chain(self.waiting.values());
        let lost: Vec<u64> = numbers.filter(|id| !kept(id)).copied().collect();
        self.unsent.retain(kept);
        self.waiting.retain(|_, id| kept(id));
        lost.into_iter().for_each(|id| self.desk.answer(id, Outcome::lost(why)));
    }

    fn came(&mut self, pkid: u16, reasons: Vec<ReasonCode>) {
        if let Some(id) = self.waiting.remove(&pkid) {
            self.desk.answer(id, Outcome::done(reasons));
        }
    }

    fn heard(&mut self, news: News) {
        match news {
            Ok(Event::Outgoing(Outgoing::Publish(0))) => {
                let sent = self.unsent.pop_front();
                sent.into_iter().for_each(|id| self.desk.answer(id, Outcome::done(vec![])));
            }
            Ok(Event::Outgoing(Outgoing::Publish(pkid) | Outgoing::Subscribe(pkid) | Outgoing::Unsubscribe(pkid))) => {
                if !self.waiting.contains_key(&pkid) {
                    let sent = self.unsent.pop_front();
                    self.waiting.extend(sent.map(|id| (pkid, id)));
                }
            }
            Ok(Event::Incoming(Incoming::ConnAck(ack))) => {
                if !ack.session_present {
                    self.lose("the server had no session", true);
                }
                self.desk.connected(code(&ack.code), ack.session_present);
            }
            Ok(Event::Incoming(Incoming::PubAck(ack))) => self.came(ack.pkid, vec![code(&ack.reason)]),
            Ok(Event::Incoming(Incoming::PubComp(ack))) => self.came(ack.pkid, vec![code(&ack.reason)]),
            Ok(Event::Incoming(Incoming::UnsubAck(ack))) => {
                self.came(ack.pkid, ack.reasons.iter().map(code).collect());
            }
            Ok(Event::Incoming(Incoming::SubAck(ack))) => {
                let reason = |reason: &_| match reason {
                    packets::SubscribeReasonCode::Success(qos) => ReasonCode(*qos as u8),
                    other => code(other),
                };
                self.came(ack.pkid, ack.return_codes.iter().map(reason).collect());
            }
            Ok(Event::Incoming(Incoming::Disconnect(left))) => self.left = Some(ReasonCode(left.reason_code as u8)),
            Ok(Event::Incoming(Incoming::Publish(message))) => {
                let is_by_hand = self.by_hand && message.qos != QoS::AtMostOnce;
                self.handles.push(message);
                let message = &self.handles[self.handles.len() - 1];
                let handle = is_by_hand.then_some(self.handles.len() as u64);
                self.desk.delivered(delivered(message, handle));
            }
            Ok(_) => {}
            Err((_, Some(reason))) => self.desk.refused(reason),
            Err((why, None)) => {
                if self.desk.is_live() {
                    self.lose(&why, false);
                }
                self.desk.ended(&why, self.left.take());
            }
        }
    }
}

async fn serve() {
    let (news, mut heard) = mpsc::unbounded_channel();
    let introduction = Introduction::new("rumqttc", "0.25.1", &[Version::V5_0]);
    let mut adapter = Adapter {
        desk: Desk::new(introduction),
        client: None,
        polling: None,
        before: None,
        whose: String::new(),
        news,
        left: None,
        by_hand: false,
        unsent: VecDeque::new(),
        waiting: BTreeMap::new(),
        messages: BTreeSet::new(),
        handles: vec![],
    };
    let mut lines = operations();
    loop {
        tokio::select! {
            biased;
            Some(news) = heard.recv() => adapter.heard(news),
            line = lines.recv() => match line.map(|line| adapter.desk.take(&line)) {
                Some(Taken::Operation(id, doing)) => match adapter.act(id, doing).await {
                    Ok(Some(outcome)) | Err(outcome) => adapter.desk.answer(id, outcome),
                    Ok(None) => {}
                },
                Some(Taken::Answered) => {}
                Some(Taken::Last) | None => return,
            },
        }
    }
}

fn main() -> std::io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, serve());
    std::process::exit(0)
}
