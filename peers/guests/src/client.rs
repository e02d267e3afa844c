//! Somebody else's client under Squall: mqtt-protocol-core's client half (MQTT 5.0), which knows no socket and no clock.

use crate::core::{Core, level};
use mqtt_protocol_core::mqtt::{
    packet::{self, Packet, Property, SubEntry, SubOpts, v5_0},
    role,
};
use squall_sim::{
    guest::{
        Client, ConnectOptions, Connection, Message, Order, Part, Ticket,
        protocol::{QoS, ReasonCode, Version},
    },
    harness::Storm,
};
use std::{
    collections::{BTreeMap, VecDeque},
    io,
};

/// The stories of a folder with this client. `wrong` plants a fault: each message of QoS 2 is handed over twice.
pub fn storm(folder: &str, wrong: bool) -> Storm {
    Storm::of(folder).version(Version::V5_0).client(Client::new(move |part| play(part, wrong)))
}

async fn play(part: Part, wrong: bool) -> io::Result<()> {
    let mut player = Player { part, core: Core::new(), waiting: VecDeque::new(), tickets: BTreeMap::new(), wrong };
    loop {
        tokio::select! {
            biased;
            what = player.core.wire.next() => {
                let came = player.core.happen(what).await;
                came.into_iter().for_each(|packet| player.heard(packet));
            }
            order = player.part.next() => player.obey(order).await,
        }
        player.publish().await;
    }
}

struct Player {
    part: Part,
    core: Core<role::Client, Connection>,
    waiting: VecDeque<(Ticket, Message)>,
    tickets: BTreeMap<u16, Ticket>,
    wrong: bool,
}

impl Player {
    async fn obey(&mut self, order: Order) {
        match order {
            Order::Connect(options) => self.connect(*options).await,
            Order::Publish(ticket, message) => self.waiting.push_back((ticket, message)),
            Order::Subscribe { properties, .. } if !properties.is_empty() => {
                self.part.lacks("Subscription Identifiers");
            }
            Order::Subscribe { ticket, subscriptions, .. } => {
                let entries = subscriptions.iter().map(|s| {
                    let options = SubOpts::new().set_qos(level(s.qos)).set_nl(s.no_local);
                    let options = options.set_rap(s.retain_as_published);
                    SubEntry::new(s.filter.as_str(), options).expect("a filter")
                });
                let packet = v5_0::Subscribe::builder().packet_id(self.identifier(ticket));
                let packet = packet.entries(entries.collect::<Vec<_>>()).build();
                self.core.send(packet.expect("it is valid")).await;
            }
            Order::Unsubscribe { ticket, filters, .. } => {
                let filters = filters.iter().map(|f| f.as_str().to_owned());
                let packet = v5_0::Unsubscribe::builder().packet_id(self.identifier(ticket));
                let packet = packet.entries(filters).expect("filters").build();
                self.core.send(packet.expect("it is valid")).await;
            }
            Order::Disconnect { .. } => {
                let packet = v5_0::Disconnect::builder().build();
                self.core.send(packet.expect("it is valid")).await;
                self.core.close().await;
            }
            Order::Drop => self.core.close().await,
        }
    }

    /// A Packet Identifier for what has this ticket.
    fn identifier(&mut self, ticket: Ticket) -> u16 {
        let id = self.core.half.acquire_packet_id().expect("a free identifier");
        self.tickets.insert(id, ticket);
        id
    }

    async fn connect(&mut self, options: ConnectOptions) {
        if options.will.is_some() {
            return self.part.lacks("wills");
        }
        self.core.close().await;
        let expiry = options.session_expiry.map(|s| packet::SessionExpiryInterval::new(s).expect("any number"));
        let window = options.receive_maximum.map(|n| packet::ReceiveMaximum::new(n).expect("not 0"));
        let properties = expiry.map(Property::from).into_iter().chain(window.map(Property::from));
        let packet = v5_0::Connect::builder().clean_start(options.clean_start);
        let packet = packet.client_id(options.client_id.as_str()).expect("it fits");
        let packet = packet.keep_alive(options.keep_alive).props(properties.collect::<Vec<_>>()).build();
        if let Ok(stream) = self.part.dial().await {
            self.core.wire.open(stream);
        }
        self.core.send(packet.expect("it is valid")).await;
    }

    /// Sends what waits, as far as that goes.
    async fn publish(&mut self) {
        while self.core.may_publish()
            && let Some((ticket, message)) = self.waiting.pop_front()
        {
            let (topic, qos) = (message.topic.as_str(), level(message.qos));
            match self.core.publish(topic, &message.payload, qos, message.retain).await {
                Some(id) => drop(self.tickets.insert(id, ticket)),
                None => self.part.acknowledged(ticket, ReasonCode::SUCCESS),
            }
        }
    }

    fn heard(&mut self, packet: Packet) {
        match packet {
            Packet::V5_0Publish(p) => {
                let qos = QoS::from_bits(p.qos() as u8).unwrap_or_default();
                let mut message = Message::new(p.topic_name(), p.payload().as_slice().to_vec(), qos);
                message.retain = p.retain();
                if self.wrong && qos == QoS::ExactlyOnce {
                    self.part.delivered(message.clone());
                }
                self.part.delivered(message);
            }
            Packet::V5_0Puback(p) => self.acknowledged(p.packet_id(), p.reason_code().map_or(0, |r| r as u8)),
            Packet::V5_0Pubcomp(p) => self.acknowledged(p.packet_id(), 0),
            Packet::V5_0Pubrec(p) if p.reason_code().is_some_and(|r| r as u8 >= 0x80) => {
                self.acknowledged(p.packet_id(), p.reason_code().map_or(0, |r| r as u8));
            }
            Packet::V5_0Suback(p) => {
                let reasons = p.reason_codes().into_iter().map(|r| ReasonCode(r as u8)).collect();
                self.part.subscribed(self.tickets[&p.packet_id()], reasons);
            }
            Packet::V5_0Unsuback(p) => {
                let reasons = p.reason_codes().into_iter().map(|r| ReasonCode(r as u8)).collect();
                self.part.unsubscribed(self.tickets[&p.packet_id()], reasons);
            }
            _ => {}
        }
    }

    fn acknowledged(&mut self, id: u16, reason: u8) {
        self.tickets.remove(&id).inspect(|ticket| self.part.acknowledged(*ticket, ReasonCode(reason)));
    }
}
