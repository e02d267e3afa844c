//! An adapter for the MQTT 5.0 client of rumqttc: JSON lines on standard input and output, as clients/README.md says. The event
//! loop is polled until it fails, and no longer, so nothing connects again by itself.

use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::{QoS, v5 as packets};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, Incoming, MqttOptions};
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt::Debug,
    io, process, thread,
    time::Duration,
};
use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    oneshot,
};
use tokio::task::{JoinHandle, LocalSet, spawn_local};

/// The library has names where MQTT has numbers.
const CODES: &[(&str, u8)] = &[
    ("Success", 0),
    ("NoMatchingSubscribers", 0x10),
    ("NoSubscriptionExisted", 0x11),
    ("UnspecifiedError", 0x80),
    ("Failure", 0x80),
    ("Unspecified", 0x80),
    ("MalformedPacket", 0x81),
    ("ProtocolError", 0x82),
    ("ImplementationSpecificError", 0x83),
    ("ImplementationSpecific", 0x83),
    ("UnsupportedProtocolVersion", 0x84),
    ("ClientIdentifierNotValid", 0x85),
    ("BadUserNamePassword", 0x86),
    ("NotAuthorized", 0x87),
    ("ServerUnavailable", 0x88),
    ("ServerBusy", 0x89),
    ("Banned", 0x8A),
    ("BadAuthenticationMethod", 0x8C),
    ("TopicFilterInvalid", 0x8F),
    ("TopicNameInvalid", 0x90),
    ("PacketIdentifierInUse", 0x91),
    ("PkidInUse", 0x91),
    ("PacketIdentifierNotFound", 0x92),
    ("PacketTooLarge", 0x95),
    ("QuotaExceeded", 0x97),
    ("PayloadFormatInvalid", 0x99),
    ("RetainNotSupported", 0x9A),
    ("QoSNotSupported", 0x9B),
    ("UseAnotherServer", 0x9C),
    ("ServerMoved", 0x9D),
    ("SharedSubscriptionsNotSupported", 0x9E),
    ("ConnectionRateExceeded", 0x9F),
    ("SubscriptionIdNotSupported", 0xA1),
    ("WildcardSubscriptionsNotSupported", 0xA2),
];
const MESSAGE: &[&str] = &[
    "payload_format_indicator",
    "message_expiry_interval",
    "content_type",
    "response_topic",
    "correlation_data",
    "topic_alias",
    "user_properties",
];

type Fields = Map<String, Value>;
type News = Result<Event, (String, Option<u8>)>;

/// Why something is not done.
enum No {
    Unsupported(String),
    Failed(String),
}

fn code(reason: &impl Debug) -> u8 {
    let name = format!("{reason:?}");
    CODES
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(0x80, |(_, code)| *code)
}

fn answer(id: u64, outcome: &str, more: Value) {
    let mut line = json!({"id": id, "outcome": outcome});
    line.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    println!("{line}");
}

fn only(fields: &Value, known: &[&str], place: &str) -> Result<(), No> {
    let mut keys = fields.as_object().into_iter().flat_map(Map::keys);
    keys.find(|key| !known.contains(&key.as_str()))
        .map_or(Ok(()), |key| {
            Err(No::Unsupported(format!("`{key}` in {place}")))
        })
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn number<T: TryFrom<u64>>(value: &Value) -> Option<T> {
    value.as_u64().and_then(|number| T::try_from(number).ok())
}

fn qos(value: &Value) -> QoS {
    [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce]
        [number::<usize>(value).unwrap_or(0).min(2)]
}

fn pairs(value: &Value) -> Vec<(String, String)> {
    serde_json::from_value(value.clone()).unwrap_or_default()
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    let hex = value["hex"].as_str();
    let byte = |at: usize| u8::from_str_radix(hex?.get(at..at + 2)?, 16).ok();
    text(value)
        .map(String::into_bytes)
        .or_else(|| (0..hex?.len()).step_by(2).map(byte).collect())
}

fn written(bytes: &[u8]) -> Value {
    let hex = || json!({"hex": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()});
    std::str::from_utf8(bytes).map_or_else(|_| hex(), Value::from)
}

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

struct Adapter {
    client: Option<AsyncClient>,
    polling: Option<(JoinHandle<EventLoop>, oneshot::Sender<()>)>,
    before: Option<EventLoop>,
    whose: Option<String>,
    news: UnboundedSender<News>,
    connecting: Option<u64>,
    live: bool,
    left: Option<u8>,
    by_hand: bool,
    /// Requests that were not sent yet, in order; which requests are messages, which the library keeps for a session.
    unsent: VecDeque<u64>,
    messages: BTreeSet<u64>,
    waiting: BTreeMap<u16, u64>,
    handles: Vec<packets::Publish>,
}

impl Adapter {
    async fn act(&mut self, id: u64, name: &str, asked: &Value) -> Result<(), No> {
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
                only(&asked["properties"], MESSAGE, "properties")?;
                let of = &asked["properties"];
                let properties = packets::PublishProperties {
                    payload_format_indicator: number(&of["payload_format_indicator"]),
                    message_expiry_interval: number(&of["message_expiry_interval"]),
                    topic_alias: number(&of["topic_alias"]),
                    response_topic: text(&of["response_topic"]),
                    correlation_data: bytes(&of["correlation_data"]).map(Into::into),
                    user_properties: pairs(&of["user_properties"]),
                    content_type: text(&of["content_type"]),
                    subscription_identifiers: vec![],
                };
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
                let mut filters = vec![];
                for one in asked["subscriptions"].as_array().into_iter().flatten() {
                    only(
                        one,
                        &[
                            "topic_filter",
                            "qos",
                            "no_local",
                            "retain_as_published",
                            "retain_handling",
                        ],
                        "a subscription",
                    )?;
                    let mut filter = packets::Filter::new(
                        text(&one["topic_filter"]).unwrap_or_default(),
                        qos(&one["qos"]),
                    );
                    (filter.nolocal, filter.preserve_retain) =
                        (one["no_local"] == true, one["retain_as_published"] == true);
                    filter.retain_forward_rule =
                        match number(&one["retain_handling"]).unwrap_or(0u8) {
                            0 => packets::RetainForwardRule::OnEverySubscribe,
                            1 => packets::RetainForwardRule::OnNewSubscribe,
                            _ => packets::RetainForwardRule::Never,
                        };
                    filters.push(filter);
                }
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
        only(
            asked,
            &[
                "host",
                "port",
                "mqtt",
                "client_identifier",
                "clean_start",
                "keep_alive",
                "session_expiry_interval",
                "receive_maximum",
                "maximum_packet_size",
                "topic_alias_maximum",
                "user_properties",
                "will",
                "user_name",
                "password",
                "manual_acknowledgement",
            ],
            "connect",
        )?;
        if self.live || self.connecting.is_some() {
            return Err(No::Failed("there is a connection".to_owned()));
        }
        let who = text(&asked["client_identifier"]).unwrap_or_default();
        let keep_alive = number(&asked["keep_alive"]).unwrap_or(0);
        if (1..5).contains(&keep_alive) {
            return Err(No::Unsupported("a Keep Alive from 1 to 4 s".to_owned()));
        }
        let mut options = MqttOptions::new(
            who.clone(),
            text(&asked["host"]).unwrap_or_default(),
            number(&asked["port"]).unwrap_or(0),
        );
        options
            .set_keep_alive(Duration::from_secs(keep_alive))
            .set_clean_start(asked["clean_start"] == true);
        options.set_manual_acks(asked["manual_acknowledgement"] == true);
        options.set_session_expiry_interval(number(&asked["session_expiry_interval"]));
        options
            .set_receive_maximum(number(&asked["receive_maximum"]))
            .set_max_packet_size(number(&asked["maximum_packet_size"]));
        options
            .set_topic_alias_max(number(&asked["topic_alias_maximum"]))
            .set_user_properties(pairs(&asked["user_properties"]));
        if asked["user_name"].is_string() || !asked["password"].is_null() {
            let password =
                bytes(&asked["password"]).and_then(|bytes| String::from_utf8(bytes).ok());
            let password = password.ok_or_else(|| {
                No::Unsupported("a user name without a password that is text".to_owned())
            })?;
            options.set_credentials(text(&asked["user_name"]).unwrap_or_default(), password);
        }
        if let will @ Value::Object(_) = &asked["will"] {
            only(
                will,
                &[
                    "topic",
                    "payload",
                    "qos",
                    "retain",
                    "will_delay_interval",
                    "properties",
                ],
                "will",
            )?;
            only(
                &will["properties"],
                &MESSAGE[..5]
                    .iter()
                    .chain(&MESSAGE[6..])
                    .copied()
                    .collect::<Vec<_>>(),
                "the will's properties",
            )?;
            let of = &will["properties"];
            let properties = packets::LastWillProperties {
                delay_interval: number(&will["will_delay_interval"]),
                payload_format_indicator: number(&of["payload_format_indicator"]),
                message_expiry_interval: number(&of["message_expiry_interval"]),
                content_type: text(&of["content_type"]),
                response_topic: text(&of["response_topic"]),
                correlation_data: bytes(&of["correlation_data"]).map(Into::into),
                user_properties: pairs(&of["user_properties"]),
            };
            let (topic, payload) = (
                text(&will["topic"]).unwrap_or_default(),
                bytes(&will["payload"]).unwrap_or_default(),
            );
            options.set_last_will(packets::LastWill::new(
                topic,
                payload,
                qos(&will["qos"]),
                will["retain"] == true,
                Some(properties),
            ));
        }
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

    /// Answers what will not be answered any more: all, or what the library does not keep for the next connection.
    fn lose(&mut self, why: &str, all: bool) {
        let kept = |id: &u64| !all && self.messages.contains(id);
        let (unsent, waiting) = (
            std::mem::take(&mut self.unsent),
            std::mem::take(&mut self.waiting),
        );
        let lost: Vec<u64> = unsent
            .iter()
            .chain(waiting.values())
            .filter(|id| !kept(id))
            .copied()
            .collect();
        self.unsent = unsent.into_iter().filter(&kept).collect();
        self.waiting = waiting.into_iter().filter(|(_, id)| kept(id)).collect();
        lost.iter()
            .for_each(|id| answer(*id, "lost", json!({"why": why})));
    }

    fn came(&mut self, pkid: u16, reasons: Vec<u8>) {
        if let Some(id) = self.waiting.remove(&pkid) {
            answer(id, "done", json!({"reasons": reasons}));
        }
    }

    fn sent(&mut self, pkid: u16) {
        if !self.waiting.contains_key(&pkid)
            && let Some(id) = self.unsent.pop_front()
        {
            match pkid {
                0 => answer(id, "done", json!({})),
                _ => drop(self.waiting.insert(pkid, id)),
            }
        }
    }

    fn heard(&mut self, news: News) {
        match news {
            Ok(Event::Outgoing(
                Outgoing::Publish(pkid) | Outgoing::Subscribe(pkid) | Outgoing::Unsubscribe(pkid),
            )) => self.sent(pkid),
            Ok(Event::Incoming(Incoming::ConnAck(ack))) => {
                self.live = true;
                if !ack.session_present {
                    self.lose("the server had no session", true);
                }
                println!(
                    "{}",
                    json!({"event": "connected", "session_present": ack.session_present})
                );
                if let Some(id) = self.connecting.take() {
                    answer(
                        id,
                        "connected",
                        json!({"reason": code(&ack.code), "session_present": ack.session_present}),
                    );
                }
            }
            Ok(Event::Incoming(Incoming::PubAck(ack))) => {
                self.came(ack.pkid, vec![code(&ack.reason)])
            }
            Ok(Event::Incoming(Incoming::PubComp(ack))) => {
                self.came(ack.pkid, vec![code(&ack.reason)])
            }
            Ok(Event::Incoming(Incoming::UnsubAck(ack))) => {
                self.came(ack.pkid, ack.reasons.iter().map(code).collect())
            }
            Ok(Event::Incoming(Incoming::SubAck(ack))) => self.came(
                ack.pkid,
                ack.return_codes
                    .iter()
                    .map(|reason| match reason {
                        packets::SubscribeReasonCode::Success(qos) => *qos as u8,
                        other => code(other),
                    })
                    .collect(),
            ),
            Ok(Event::Incoming(Incoming::Disconnect(left))) => {
                self.left = Some(left.reason_code as u8)
            }
            Ok(Event::Incoming(Incoming::Publish(message))) => self.delivered(message),
            Ok(_) => {}
            Err((why, refused)) => {
                match (self.connecting.take(), refused) {
                    (Some(id), Some(reason)) => answer(id, "refused", json!({"reason": reason})),
                    (Some(id), None) => answer(id, "lost", json!({"why": why})),
                    (None, _) => {}
                }
                if std::mem::take(&mut self.live) {
                    self.lose(&why, false);
                    println!(
                        "{}",
                        json!({"event": "ended", "why": why, "reason": self.left.take()})
                    );
                }
            }
        }
    }

    fn delivered(&mut self, message: packets::Publish) {
        let of = message.properties.clone().unwrap_or_default();
        let mut properties = Map::new();
        let told = [
            (
                "payload_format_indicator",
                of.payload_format_indicator.map(Value::from),
            ),
            (
                "message_expiry_interval",
                of.message_expiry_interval.map(Value::from),
            ),
            ("content_type", of.content_type.map(Value::from)),
            ("response_topic", of.response_topic.map(Value::from)),
            ("topic_alias", of.topic_alias.map(Value::from)),
            (
                "correlation_data",
                of.correlation_data.map(|bytes| written(&bytes)),
            ),
            ("user_properties", Some(json!(of.user_properties))),
            (
                "subscription_identifiers",
                Some(json!(of.subscription_identifiers)),
            ),
        ];
        properties.extend(
            told.into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?))),
        );
        let mut line = json!({"event": "delivered", "topic": String::from_utf8_lossy(&message.topic), "payload": written(&message.payload),
            "qos": message.qos as u8, "retain": message.retain, "dup": message.dup, "properties": properties});
        if self.by_hand && message.qos != QoS::AtMostOnce {
            self.handles.push(message);
            line["handle"] = self.handles.len().into();
        }
        println!("{line}");
    }
}

async fn serve(mut lines: UnboundedReceiver<String>) {
    let (news, mut heard) = unbounded_channel();
    let mut adapter = Adapter {
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
    };
    loop {
        tokio::select! {
            biased;
            Some(news) = heard.recv() => adapter.heard(news),
            line = lines.recv() => {
                let Some(line) = line else { return };
                let mut asked: Fields = serde_json::from_str(&line).expect("Squall writes JSON objects");
                let (id, name) = (asked["id"].as_u64().unwrap_or(0), text(&asked["do"]).unwrap_or_default());
                asked.retain(|key, _| key != "id" && key != "do");
                match adapter.act(id, &name, &Value::Object(asked)).await {
                    Ok(()) => {}
                    Err(No::Unsupported(what)) => answer(id, "unsupported", json!({"what": what})),
                    Err(No::Failed(why)) => answer(id, "failed", json!({"why": why})),
                }
            }
        }
    }
}

fn main() -> io::Result<()> {
    let (sender, lines) = unbounded_channel();
    thread::spawn(move || {
        io::stdin()
            .lines()
            .map_while(Result::ok)
            .all(|line| sender.send(line).is_ok())
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, serve(lines));
    process::exit(0)
}
