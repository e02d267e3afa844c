//! A connection of mqtt-protocol-core, either half, with what it knows nothing of: its stream and its timers.

use mqtt_protocol_core::mqtt::{
    Connection, Version,
    common::Cursor,
    connection::{Event, TimerKind, role::RoleType},
    packet::{GenericPacketTrait as _, Packet, Qos, v5_0},
};
use squall_sim::guest::{Happening, Wire, protocol::QoS};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) struct Core<R: RoleType, S> {
    pub(crate) half: Connection<R>,
    pub(crate) wire: Wire<S, TimerKind>,
}

impl<R: RoleType, S: AsyncRead + AsyncWrite + Unpin> Core<R, S> {
    pub(crate) fn new() -> Self {
        let mut half = Connection::new(Version::V5_0);
        half.set_auto_pub_response(true);
        half.set_auto_ping_response(true);
        let wire = Wire::new();
        Self { half, wire }
    }

    /// Tells the core what happened, and does what it wants; the packets that came.
    pub(crate) async fn happen(&mut self, what: Happening<TimerKind>) -> Vec<Packet> {
        match what {
            Happening::Due(kind) => {
                let events = self.half.notify_timer_fired(kind);
                self.follow(events).await
            }
            Happening::Closed => {
                let events = self.half.notify_closed();
                self.follow(events).await
            }
            Happening::Bytes(bytes) => {
                let (mut cursor, mut came) = (Cursor::new(&bytes[..]), Vec::new());
                while self.wire.is_open() && cursor.position() < bytes.len() as u64 {
                    let events = self.half.recv(&mut cursor);
                    came.extend(self.follow(events).await);
                }
                came
            }
        }
    }

    pub(crate) async fn send(&mut self, packet: impl Into<Packet>) {
        let events = self.half.send(packet.into());
        self.follow(events).await;
    }

    /// Whether a message may be sent: there is a connection, and the other side's Receive Maximum is not reached.
    pub(crate) fn may_publish(&self) -> bool {
        self.wire.is_open() && self.half.get_receive_maximum_vacancy_for_send() != Some(0)
    }

    /// Sends a message; its Packet Identifier, if it has one.
    pub(crate) async fn publish(&mut self, topic: &str, payload: &[u8], qos: Qos, retain: bool) -> Option<u16> {
        let id = (qos != Qos::AtMostOnce).then(|| self.half.acquire_packet_id().expect("a free identifier"));
        let mut packet = v5_0::Publish::builder().qos(qos).retain(retain).payload(payload.to_vec());
        if let Some(id) = id {
            packet = packet.packet_id(id);
        }
        let packet = packet.topic_name(topic).expect("a topic").build();
        self.send(packet.expect("it is valid")).await;
        id
    }

    /// Ends the connection.
    pub(crate) async fn close(&mut self) {
        if self.wire.close() {
            let events = self.half.notify_closed();
            Box::pin(self.follow(events)).await;
        }
    }

    async fn follow(&mut self, events: Vec<Event>) -> Vec<Packet> {
        let mut came = Vec::new();
        for event in events {
            match event {
                Event::RequestSendPacket { packet, .. } => {
                    self.wire.write(&packet.to_continuous_buffer()).await;
                }
                Event::NotifyPacketReceived(packet) => came.push(packet),
                Event::RequestTimerReset { kind, duration_ms } => {
                    self.wire.set(kind, Duration::from_millis(duration_ms));
                }
                Event::RequestTimerCancel(kind) => self.wire.cancel(kind),
                Event::RequestClose => self.close().await,
                Event::NotifyPacketIdReleased(_) | Event::NotifyError(_) => {}
            }
        }
        came
    }
}

/// A QoS as the core has it.
pub(crate) fn level(qos: QoS) -> Qos {
    Qos::try_from(qos.as_u8()).expect("0, 1 or 2")
}
