//! Somebody else's client under Squall: mqtt-protocol-core's client half (MQTT 5.0), which knows no socket and no clock.

use mqtt_protocol_core::mqtt::{
    self,
    common::Cursor,
    connection::{Event, TimerKind},
    packet::{self, GenericPacketTrait as _, Packet, Property, SubEntry, SubOpts},
    role,
};
use squall_sim::{
    guest::{
        Client, ConnectOptions, Connection, Message, Order, Part, Ticket,
        protocol::{QoS, ReasonCode, Version},
    },
    harness::Storm,
};
use std::{collections::BTreeMap, collections::VecDeque, future::pending, io, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep_until},
};

/// The stories of a folder with this client. `wrong` plants a fault: each message of QoS 2 is handed over twice.
pub fn storm(folder: &str, wrong: bool) -> Storm {
    let client = Client::new(move |part| Player::new(part, wrong).play());
    Storm::of(folder).version(Version::V5_0).client(client)
}

struct Player {
    part: Part,
    core: mqtt::Connection<role::Client>,
    stream: Option<Connection>,
    timers: Vec<(TimerKind, Instant)>,
    waiting: VecDeque<(Ticket, Message)>,
    tickets: BTreeMap<u16, Ticket>,
    wrong: bool,
}

impl Player {
    fn new(part: Part, wrong: bool) -> Self {
        let mut core = mqtt::Connection::new(mqtt::Version::V5_0);
        core.set_auto_pub_response(true);
        let (timers, waiting, tickets) = (Vec::new(), VecDeque::new(), BTreeMap::new());
        Self {
            part,
            core,
            stream: None,
            timers,
            waiting,
            tickets,
            wrong,
        }
    }

    async fn play(mut self) -> io::Result<()> {
        let mut bytes = [0; 4096];
        loop {
            let timer = self.timers.iter().copied().min_by_key(|(_, at)| *at);
            let due = async {
                match timer {
                    Some((kind, at)) => {
                        sleep_until(at).await;
                        kind
                    }
                    None => pending().await,
                }
            };
            let read = async {
                match &mut self.stream {
                    Some(stream) => stream.read(&mut bytes).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                kind = due => {
                    self.timers.retain(|(k, _)| *k != kind);
                    let events = self.core.notify_timer_fired(kind);
                    self.follow(events).await;
                }
                read = read => match read {
                    Ok(count @ 1..) => {
                        let mut cursor = Cursor::new(&bytes[..count]);
                        while cursor.position() < count as u64 {
                            let events = self.core.recv(&mut cursor);
                            self.follow(events).await;
                        }
                        self.publish().await;
                    }
                    _ => self.close().await,
                },
                order = self.part.next() => self.obey(order).await,
            }
        }
    }

    async fn close(&mut self) {
        if self.stream.take().is_some() {
            let events = self.core.notify_closed();
            Box::pin(self.follow(events)).await;
        }
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Connect(options) => self.connect(*options).await,
            Order::Publish(ticket, message) => self.waiting.push_back((ticket, message)),
            Order::Subscribe {
                ticket,
                subscriptions,
                properties,
            } if properties.is_empty() => {
                let entries = subscriptions.iter().map(|s| {
                    let options = SubOpts::new().set_qos(level(s.qos)).set_nl(s.no_local);
                    let options = options.set_rap(s.retain_as_published);
                    SubEntry::new(s.filter.as_str(), options).expect("a filter")
                });
                let id = self.core.acquire_packet_id().expect("a free identifier");
                self.tickets.insert(id, ticket);
                let packet = packet::v5_0::Subscribe::builder().packet_id(id);
                let packet = packet
                    .entries(entries.collect::<Vec<_>>())
                    .build()
                    .expect("it is valid");
                self.send(packet.into()).await;
            }
            Order::Unsubscribe {
                ticket, filters, ..
            } => {
                let id = self.core.acquire_packet_id().expect("a free identifier");
                self.tickets.insert(id, ticket);
                let filters = filters.iter().map(|f| f.as_str().to_owned());
                let packet = packet::v5_0::Unsubscribe::builder()
                    .packet_id(id)
                    .entries(filters);
                self.send(
                    packet
                        .expect("filters")
                        .build()
                        .expect("it is valid")
                        .into(),
                )
                .await;
            }
            Order::Disconnect { .. } => {
                let packet = packet::v5_0::Disconnect::builder().build();
                self.send(packet.expect("it is valid").into()).await;
                self.close().await;
            }
            Order::Drop => self.close().await,
            Order::Subscribe { .. } => self.part.lacks("Subscription Identifiers"),
        }
        self.publish().await;
    }

    async fn connect(&mut self, options: ConnectOptions) {
        if options.will.is_some() {
            return self.part.lacks("wills");
        }
        self.close().await;
        let expiry = options
            .session_expiry
            .map(packet::SessionExpiryInterval::new);
        let window = options.receive_maximum.map(packet::ReceiveMaximum::new);
        let mut properties = Vec::new();
        properties.extend(expiry.map(|p| Property::from(p.expect("any number"))));
        properties.extend(window.map(|p| Property::from(p.expect("not 0"))));
        let packet = packet::v5_0::Connect::builder().clean_start(options.clean_start);
        let packet = packet
            .client_id(options.client_id.as_str())
            .expect("it fits");
        let packet = packet
            .keep_alive(options.keep_alive)
            .props(properties)
            .build();
        self.stream = self.part.dial().await.ok();
        self.send(packet.expect("it is valid").into()).await;
    }

    /// Sends what waits, as far as the broker's Receive Maximum goes.
    async fn publish(&mut self) {
        while self.stream.is_some()
            && self.core.get_receive_maximum_vacancy_for_send() != Some(0)
            && let Some((ticket, message)) = self.waiting.pop_front()
        {
            let mut packet = packet::v5_0::Publish::builder().qos(level(message.qos));
            if message.qos != QoS::AtMostOnce {
                let id = self.core.acquire_packet_id().expect("a free identifier");
                self.tickets.insert(id, ticket);
                packet = packet.packet_id(id);
            }
            let packet = packet.topic_name(message.topic.as_str()).expect("a topic");
            let packet = packet
                .retain(message.retain)
                .payload(message.payload.to_vec())
                .build();
            self.send(packet.expect("it is valid").into()).await;
            if message.qos == QoS::AtMostOnce {
                self.part.acknowledged(ticket, ReasonCode::SUCCESS);
            }
        }
    }

    async fn send(&mut self, packet: Packet) {
        let events = self.core.send(packet);
        self.follow(events).await;
    }

    async fn follow(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::RequestSendPacket { packet, .. } => {
                    if let Some(stream) = &mut self.stream {
                        // That it is gone, reading tells.
                        let _ = stream.write_all(&packet.to_continuous_buffer()).await;
                    }
                }
                Event::NotifyPacketReceived(packet) => self.heard(packet),
                Event::RequestTimerReset { kind, duration_ms } => {
                    self.timers.retain(|(k, _)| *k != kind);
                    self.timers
                        .push((kind, Instant::now() + Duration::from_millis(duration_ms)));
                }
                Event::RequestTimerCancel(kind) => self.timers.retain(|(k, _)| *k != kind),
                Event::RequestClose => Box::pin(self.close()).await,
                Event::NotifyPacketIdReleased(_) | Event::NotifyError(_) => {}
            }
        }
    }

    fn heard(&mut self, packet: Packet) {
        let (id, reason) = match packet {
            Packet::V5_0Publish(p) => {
                let payload = p.payload().as_slice().to_vec();
                let qos = QoS::from_bits(p.qos() as u8).unwrap_or_default();
                let mut message = Message::new(p.topic_name(), payload, qos);
                message.retain = p.retain();
                if self.wrong && qos == QoS::ExactlyOnce {
                    self.part.delivered(message.clone());
                }
                return self.part.delivered(message);
            }
            Packet::V5_0Puback(p) => (p.packet_id(), p.reason_code().map_or(0, |r| r as u8)),
            Packet::V5_0Pubcomp(p) => (p.packet_id(), 0),
            Packet::V5_0Pubrec(p) => match p.reason_code().map_or(0, |r| r as u8) {
                reason @ 0x80.. => (p.packet_id(), reason),
                _ => return,
            },
            Packet::V5_0Suback(p) => {
                let reasons = p
                    .reason_codes()
                    .into_iter()
                    .map(|r| ReasonCode(r as u8))
                    .collect();
                let ticket = self
                    .tickets
                    .remove(&p.packet_id())
                    .expect("it was asked for");
                return self.part.subscribed(ticket, reasons);
            }
            Packet::V5_0Unsuback(p) => {
                let reasons = p
                    .reason_codes()
                    .into_iter()
                    .map(|r| ReasonCode(r as u8))
                    .collect();
                let ticket = self
                    .tickets
                    .remove(&p.packet_id())
                    .expect("it was asked for");
                return self.part.unsubscribed(ticket, reasons);
            }
            _ => return,
        };
        if let Some(ticket) = self.tickets.remove(&id) {
            self.part.acknowledged(ticket, ReasonCode(reason));
        }
    }
}

fn level(qos: QoS) -> packet::Qos {
    packet::Qos::try_from(qos.as_u8()).expect("0, 1 or 2")
}
