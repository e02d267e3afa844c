//! The client, and what is asked of it. It does not know who asks.

use crate::{
    options::{filters, message, options},
    value::{No, answer, bytes, code, number, only, pairs, qos, text},
};
use rumqttc::v5::mqttbytes::v5 as packets;
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    process,
};
use tokio::{
    sync::{mpsc::UnboundedSender, oneshot},
    task::{JoinHandle, spawn_local},
};

/// What the library tells, or why the connection is over, and the code of a refusal.
pub(crate) type News = Result<Event, (String, Option<u8>)>;

/// Polls until the connection is over or somebody drops it; gives the event loop back, for the session's sake.
async fn poll(
    mut events: EventLoop,
    news: UnboundedSender<News>,
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

pub(crate) struct Adapter {
    pub(crate) client: Option<AsyncClient>,
    pub(crate) polling: Option<(JoinHandle<EventLoop>, oneshot::Sender<()>)>,
    pub(crate) before: Option<EventLoop>,
    pub(crate) whose: Option<String>,
    pub(crate) news: UnboundedSender<News>,
    pub(crate) connecting: Option<u64>,
    pub(crate) live: bool,
    pub(crate) left: Option<u8>,
    pub(crate) by_hand: bool,
    /// Requests that were not sent yet, in order; which requests are messages, which the library keeps for a session.
    pub(crate) unsent: VecDeque<u64>,
    pub(crate) messages: BTreeSet<u64>,
    pub(crate) waiting: BTreeMap<u16, u64>,
    pub(crate) handles: Vec<packets::Publish>,
}

impl Adapter {
    pub(crate) fn new(news: UnboundedSender<News>) -> Self {
        Self {
            client: None,
            polling: None,
            before: None,
            whose: None,
            news,
            connecting: None,
            live: false,
            left: None,
            by_hand: false,
            unsent: VecDeque::new(),
            messages: BTreeSet::new(),
            waiting: BTreeMap::new(),
            handles: vec![],
        }
    }

    pub(crate) async fn act(&mut self, id: u64, name: &str, asked: &Value) -> Result<(), No> {
        let failed = |error: rumqttc::v5::ClientError| No::Failed(error.to_string());
        let client = self
            .client
            .clone()
            .ok_or_else(|| No::Failed("there was no connection yet".to_owned()));
        match name {
            "hello" => answer(
                id,
                "hello",
                json!({"protocol": 1, "name": "rumqttc", "version": "0.25.1", "mqtt": ["5.0"]}),
            ),
            "connect" => self.connect(id, asked).await?,
            "publish" => {
                only(
                    asked,
                    &["topic", "payload", "qos", "retain", "properties"],
                    name,
                )?;
                let properties = message(&asked["properties"])?;
                let (topic, payload) = (
                    text(&asked["topic"]).unwrap_or_default(),
                    bytes(&asked["payload"]).unwrap_or_default(),
                );
                let retain = asked["retain"] == true;
                client?
                    .try_publish_with_properties(
                        topic,
                        qos(&asked["qos"]),
                        retain,
                        payload,
                        properties,
                    )
                    .map_err(failed)?;
                self.messages.insert(id);
                self.unsent.push_back(id);
            }
            "subscribe" => {
                only(
                    asked,
                    &[
                        "subscriptions",
                        "subscription_identifier",
                        "user_properties",
                    ],
                    name,
                )?;
                let filters = filters(asked)?;
                let properties = packets::SubscribeProperties {
                    id: number(&asked["subscription_identifier"]),
                    user_properties: pairs(&asked["user_properties"]),
                };
                client?
                    .try_subscribe_many_with_properties(filters, properties)
                    .map_err(failed)?;
                self.unsent.push_back(id);
            }
            "unsubscribe" => {
                only(asked, &["topic_filters", "user_properties"], name)?;
                let [filter] = &asked["topic_filters"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default()[..]
                else {
                    return Err(No::Unsupported(
                        "several filters in one UNSUBSCRIBE".to_owned(),
                    ));
                };
                let properties = packets::UnsubscribeProperties {
                    user_properties: pairs(&asked["user_properties"]),
                };
                client?
                    .try_unsubscribe_with_properties(text(filter).unwrap_or_default(), properties)
                    .map_err(failed)?;
                self.unsent.push_back(id);
            }
            "acknowledge" => {
                only(asked, &["handle"], name)?;
                let at = number::<usize>(&asked["handle"])
                    .and_then(|handle| self.handles.get(handle.checked_sub(1)?));
                client?
                    .try_ack(at.ok_or_else(|| No::Failed("no such handle".to_owned()))?)
                    .map_err(failed)?;
                answer(id, "done", json!({}));
            }
            "disconnect" => {
                only(asked, &[], name)?;
                match self.live {
                    true => client?
                        .try_disconnect()
                        .map_err(failed)
                        .map(|()| answer(id, "done", json!({})))?,
                    false => answer(id, "lost", json!({"why": "there is no connection"})),
                }
            }
            "drop" | "stop" => {
                only(asked, &[], name)?;
                answer(id, "done", json!({}));
                if name == "stop" {
                    process::exit(0);
                }
                if let Some((handle, drop_it)) = self.polling.take() {
                    let _ = drop_it.send(());
                    self.before = handle.await.ok();
                }
            }
            _ => return Err(No::Unsupported(format!("the operation `{name}`"))),
        }
        Ok(())
    }

    async fn connect(&mut self, id: u64, asked: &Value) -> Result<(), No> {
        let options = options(asked)?;
        if self.live || self.connecting.is_some() {
            return Err(No::Failed("there is a connection".to_owned()));
        }
        let who = text(&asked["client_identifier"]).unwrap_or_default();
        if let Some((handle, _drop_it)) = self.polling.take() {
            self.before = handle.await.ok();
        }
        let is_kept = asked["clean_start"] != true && self.whose.as_ref() == Some(&who);
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
        self.polling = Some((
            spawn_local(poll(events, self.news.clone(), dropped)),
            drop_it,
        ));
        self.by_hand = asked["manual_acknowledgement"] == true;
        (self.connecting, self.whose, self.left) = (Some(id), Some(who), None);
        Ok(())
    }
}
