//! A broker under Squall that is not ours: a small router on mqtt-protocol-core's server half (MQTT 5.0). It has sessions and
//! subscriptions. Stories that need retained messages or wills find that it has neither.

use mqtt_protocol_core::mqtt::{
    self,
    common::{Cursor, HashSet},
    connection::{Event, TimerKind},
    packet::{self, GenericPacketTrait as _, Packet, Property, Qos, StorePacket},
    result_code::{ConnectReasonCode, SubackReasonCode, UnsubackReasonCode},
    role,
};
use squall_sim::{
    guest::{
        Guest, Stream,
        protocol::{Version, topic::TopicFilter},
    },
    harness::Storm,
};
use std::{cell::RefCell, collections::BTreeMap, collections::VecDeque, rc::Rc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// The stories of a folder with this broker. `wrong` plants a fault: which QoS 2 messages came is forgotten with the
/// connection.
pub fn storm(folder: &str, wrong: bool) -> Storm {
    let broker = Guest::new(move |mut listener| async move {
        let (sessions, mut tasks) = (Sessions::default(), JoinSet::new());
        loop {
            let stream = listener.accept().await?;
            tasks.spawn_local(Link::serve(stream, Rc::clone(&sessions), wrong));
        }
    });
    Storm::of(folder).version(Version::V5_0).broker(broker)
}

type Sessions = Rc<RefCell<BTreeMap<String, Session>>>;

#[derive(Default)]
struct Session {
    filters: BTreeMap<String, (TopicFilter, Qos)>,
    stored: Vec<StorePacket>,
    handled: HashSet<u16>,
    waiting: VecDeque<Message>,
    /// The connection that has it, and is told of what comes; nothing when another one takes it over.
    link: Option<UnboundedSender<Option<Message>>>,
    keep: bool,
}

#[derive(Clone)]
struct Message {
    topic: String,
    payload: Vec<u8>,
    qos: Qos,
}

struct Link {
    stream: Stream,
    core: mqtt::Connection<role::Server>,
    sessions: Sessions,
    id: Option<String>,
    news: UnboundedSender<Option<Message>>,
    waiting: VecDeque<Message>,
    timer: Option<Instant>,
    open: bool,
}

impl Link {
    async fn serve(stream: Stream, sessions: Sessions, wrong: bool) {
        let mut core = mqtt::Connection::new(mqtt::Version::V5_0);
        core.set_auto_pub_response(true);
        core.set_auto_ping_response(true);
        let (news, mut comes) = unbounded_channel();
        let (id, waiting, timer, open) = (None, VecDeque::new(), None, true);
        let mut link = Self {
            stream,
            core,
            sessions,
            id,
            news,
            waiting,
            timer,
            open,
        };
        let mut bytes = [0; 4096];
        let far = Duration::from_secs(86_400);
        while link.open {
            let due = link.timer.unwrap_or_else(|| Instant::now() + far);
            tokio::select! {
                biased;
                () = sleep_until(due) => {
                    let events = link.core.notify_timer_fired(TimerKind::PingreqRecv);
                    link.follow(events).await;
                }
                message = comes.recv() => match message.flatten() {
                    Some(message) => link.waiting.push_back(message),
                    None => return link.end(true, wrong),
                },
                read = link.stream.read(&mut bytes) => {
                    let count = read.unwrap_or(0);
                    let mut cursor = Cursor::new(&bytes[..count]);
                    link.open = count > 0;
                    while link.open && cursor.position() < count as u64 {
                        let events = link.core.recv(&mut cursor);
                        link.follow(events).await;
                    }
                }
            }
            link.forward().await;
        }
        link.end(false, wrong);
    }

    /// Gives the session back.
    fn end(mut self, taken_over: bool, wrong: bool) {
        let mut sessions = self.sessions.borrow_mut();
        let Some(session) = self.id.as_ref().and_then(|id| sessions.get_mut(id)) else {
            return;
        };
        if taken_over {
            return;
        }
        session.link = None;
        session.waiting.append(&mut self.waiting);
        session.stored = self.core.get_stored_packets();
        if !wrong {
            session.handled = self.core.get_qos2_publish_handled();
        }
        if !session.keep {
            sessions.remove(self.id.as_deref().unwrap_or_default());
        }
    }

    async fn follow(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::RequestSendPacket { packet, .. } => {
                    let sent = self.stream.write_all(&packet.to_continuous_buffer()).await;
                    self.open &= sent.is_ok();
                }
                Event::NotifyPacketReceived(packet) => Box::pin(self.heard(packet)).await,
                Event::RequestTimerReset { duration_ms, .. } => {
                    self.timer = Some(Instant::now() + Duration::from_millis(duration_ms));
                }
                Event::RequestTimerCancel(_) => self.timer = None,
                Event::RequestClose => self.open = false,
                Event::NotifyPacketIdReleased(_) | Event::NotifyError(_) => {}
            }
        }
    }

    async fn heard(&mut self, packet: Packet) {
        match packet {
            Packet::V5_0Connect(connect) => self.greet(&connect).await,
            Packet::V5_0Publish(p) => {
                let (topic, payload) = (p.topic_name().to_owned(), p.payload().as_slice().to_vec());
                self.route(&Message {
                    topic,
                    payload,
                    qos: p.qos(),
                });
            }
            Packet::V5_0Subscribe(s) => {
                let is_identifier = |p: &Property| matches!(p, Property::SubscriptionIdentifier(_));
                let identified = s.props().iter().any(is_identifier);
                let granted = s.entries().iter().map(|entry| {
                    let (filter, qos) = (entry.topic_filter(), entry.sub_opts().qos());
                    let Ok(parsed) = TopicFilter::parse_v5(filter) else {
                        return SubackReasonCode::TopicFilterInvalid;
                    };
                    if parsed.share_name().is_some() {
                        return SubackReasonCode::SharedSubscriptionsNotSupported;
                    }
                    if identified {
                        return SubackReasonCode::SubscriptionIdentifiersNotSupported;
                    }
                    let new = (filter.to_owned(), (parsed, qos));
                    self.session(|session| session.filters.extend([new]));
                    SubackReasonCode::try_from(qos as u8).expect("a QoS is a code")
                });
                let granted = granted.collect();
                let packet = packet::v5_0::Suback::builder().packet_id(s.packet_id());
                self.send(
                    packet
                        .reason_codes(granted)
                        .build()
                        .expect("it is valid")
                        .into(),
                )
                .await;
            }
            Packet::V5_0Unsubscribe(u) => {
                let gone = u.entries().iter().map(|filter| {
                    match self
                        .session(|session| session.filters.remove(filter.as_str()))
                        .flatten()
                    {
                        Some(_) => UnsubackReasonCode::Success,
                        None => UnsubackReasonCode::NoSubscriptionExisted,
                    }
                });
                let gone = gone.collect();
                let packet = packet::v5_0::Unsuback::builder().packet_id(u.packet_id());
                self.send(
                    packet
                        .reason_codes(gone)
                        .build()
                        .expect("it is valid")
                        .into(),
                )
                .await;
            }
            Packet::V5_0Disconnect(_) => self.open = false,
            _ => {}
        }
    }

    fn session<T>(&self, with: impl FnOnce(&mut Session) -> T) -> Option<T> {
        let mut sessions = self.sessions.borrow_mut();
        self.id
            .as_ref()
            .and_then(|id| sessions.get_mut(id))
            .map(with)
    }

    async fn greet(&mut self, connect: &packet::v5_0::Connect) {
        let id = connect.client_id().to_owned();
        let expiry = connect.props().iter().find_map(|p| match p {
            Property::SessionExpiryInterval(p) => Some(p.val()),
            _ => None,
        });
        let present = {
            let mut sessions = self.sessions.borrow_mut();
            let old = sessions
                .get_mut(&id)
                .and_then(|session| session.link.take());
            // Whoever had it is told that it has it no more.
            let _ = old.map(|old| old.send(None));
            if connect.clean_start() {
                sessions.remove(&id);
            }
            let present = sessions.contains_key(&id);
            let session = sessions.entry(id.clone()).or_default();
            session.link = Some(self.news.clone());
            session.keep = expiry.is_some_and(|expiry| expiry > 0);
            self.core
                .restore_packets(std::mem::take(&mut session.stored));
            self.core
                .restore_qos2_publish_handled(std::mem::take(&mut session.handled));
            self.waiting = std::mem::take(&mut session.waiting);
            present
        };
        self.id = Some(id);
        let packet = packet::v5_0::Connack::builder().session_present(present);
        let packet = packet.reason_code(ConnectReasonCode::Success);
        let packet = packet.build();
        self.send(packet.expect("it is valid").into()).await;
    }

    /// Hands a message to every session that has asked for it, at the higher QoS of its filters.
    fn route(&self, message: &Message) {
        for session in self.sessions.borrow_mut().values_mut() {
            let matching = session
                .filters
                .values()
                .filter(|(f, _)| f.matches(&message.topic));
            let Some(granted) = matching.map(|(_, qos)| *qos as u8).max() else {
                continue;
            };
            let qos = Qos::try_from(granted.min(message.qos as u8)).expect("0, 1 or 2");
            let message = Message {
                qos,
                ..message.clone()
            };
            match &session.link {
                Some(link) => drop(link.send(Some(message))),
                None if qos != Qos::AtMostOnce => session.waiting.push_back(message),
                None => {}
            }
        }
    }

    /// Sends what waits, as far as the client's Receive Maximum goes.
    async fn forward(&mut self) {
        while self.open
            && self.core.get_receive_maximum_vacancy_for_send() != Some(0)
            && let Some(message) = self.waiting.pop_front()
        {
            let mut packet = packet::v5_0::Publish::builder().qos(message.qos);
            if message.qos != Qos::AtMostOnce {
                packet =
                    packet.packet_id(self.core.acquire_packet_id().expect("a free identifier"));
            }
            let packet = packet
                .topic_name(message.topic)
                .expect("it came as a topic");
            self.send(
                packet
                    .payload(message.payload)
                    .build()
                    .expect("it is valid")
                    .into(),
            )
            .await;
        }
    }

    async fn send(&mut self, packet: Packet) {
        let events = self.core.send(packet);
        Box::pin(self.follow(events)).await;
    }
}
