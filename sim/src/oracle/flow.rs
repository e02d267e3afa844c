//! Rules on every packet of every run: who may send what when, packet identifiers, DUP, windows, resending in order.
//!
//! The broker is watched on its side of the wire and each client on its own, with the same rules.

use super::{Broken, Cite, History, cited, findings::Findings, history::Ix};
use crate::trace::{Node, What};
use squall_protocol::{
    Packet, QoS, Role,
    packet::{Ack, Publish},
};
use squall_scenarios::model::ClientIx;
use std::collections::BTreeMap;

const DUP: Cite = (&["MQTT-3.3.1-1"], &["MQTT-3.3.1-1"]);
const FIRST: Cite = (
    &["MQTT-4.3.2-1", "MQTT-4.3.3-1"],
    &["MQTT-4.3.2-2", "MQTT-4.3.3-2"],
);
const ID_IN_USE: Cite = (
    &["MQTT-2.3.1-2", "MQTT-2.3.1-4"],
    &["MQTT-2.2.1-3", "MQTT-2.2.1-4"],
);
const RESEND_ORDER: Cite = (&["MQTT-4.6.0-1"], &["MQTT-4.6.0-1"]);
const RESEND_WHEN: Cite = (&["MQTT-4.4.0-1"], &["MQTT-4.4.0-1"]);
const RESEND_ALL: Cite = (&["MQTT-4.4.0-1"], &["MQTT-4.4.0-1"]);
const WINDOW: Cite = (&[], &["MQTT-3.3.4-7", "MQTT-3.3.4-9"]);
const CONNACK_FIRST: Cite = (&["MQTT-3.2.0-1"], &["MQTT-3.2.0-1"]);
const CONNECT_FIRST: Cite = (&["MQTT-3.1.0-1"], &["MQTT-3.1.0-1"]);
const UNASKED: Cite = (
    &["MQTT-4.3.2-2", "MQTT-4.3.3-2"],
    &["MQTT-4.3.2-4", "MQTT-4.3.3-8"],
);

pub(super) fn judge(history: &History<'_>, broken: &mut Findings) {
    // One watcher per session and side: the broker's by session, the clients' by client.
    let all = || 0..history.plan.clients.len();
    let mut brokers: Vec<_> = all().map(|c| Watcher::new(Role::Server, c)).collect();
    let mut clients: Vec<_> = all().map(|c| Watcher::new(Role::Client, c)).collect();
    for (ix, record) in history.records.iter().enumerate() {
        match (&record.what, record.node) {
            (What::Broker { client, event }, _) => {
                let watcher = &mut brokers[history.session(*client)];
                watcher.client = *client;
                watcher.broker_event(history, ix, event, broken);
            }
            (What::Client(event), Node::Client(client)) => {
                clients[client].client_event(history, ix, event, broken);
            }
            _ => {}
        }
    }
}

/// Watches what one side of one session sends.
struct Watcher<'a> {
    side: Role,
    client: ClientIx,
    conn: u64,
    greeted: bool,
    /// The peer's Receive Maximum on this connection.
    window: usize,
    sending: BTreeMap<u16, Sending<'a>>,
    /// PUBLISH packets that came and are not answered: packet identifier → QoS.
    owed: BTreeMap<u16, QoS>,
    next_seq: u64,
    last_resent: Option<u64>,
    /// How many of `sending` are not released, and how many of these were sent on the current connection.
    unreleased: usize,
    unreleased_here: usize,
}

/// A QoS 1 or 2 message on its way out.
struct Sending<'a> {
    seq: u64,
    publish: &'a Publish,
    released: bool,
    conn: u64,
    ix: Ix,
}

impl<'a> Watcher<'a> {
    fn new(side: Role, client: ClientIx) -> Self {
        Self {
            side,
            client,
            conn: 0,
            greeted: false,
            window: usize::from(u16::MAX),
            sending: BTreeMap::new(),
            owed: BTreeMap::new(),
            next_seq: 0,
            last_resent: None,
            unreleased: 0,
            unreleased_here: 0,
        }
    }

    fn broker_event(
        &mut self,
        history: &History<'a>,
        ix: Ix,
        event: &'a squall_broker::Event,
        broken: &mut Findings,
    ) {
        use squall_broker::Event;
        match event {
            // A connection that only dials must not disturb the one that is there.
            Event::Opened { .. } | Event::Violation { .. } | Event::Closed { .. } => {}
            Event::Received { conn, frame } => {
                if let Packet::Connect(connect) = &frame.packet {
                    self.turn_to(conn.0);
                    self.greeted = false;
                    self.window = connect
                        .properties
                        .receive_maximum()
                        .unwrap_or(u16::MAX)
                        .into();
                } else if self.conn == conn.0 {
                    self.received(&frame.packet);
                }
            }
            Event::Sent { conn, frame } if self.conn == conn.0 => {
                self.sent(history, ix, &frame.packet, broken)
            }
            Event::Sent { .. } => {}
        }
    }

    fn client_event(
        &mut self,
        history: &History<'a>,
        ix: Ix,
        event: &'a squall_client::Event,
        broken: &mut Findings,
    ) {
        use squall_client::Event;
        match event {
            Event::Received(frame) => {
                if let Packet::ConnAck(ack) = &frame.packet {
                    self.window = ack.properties.receive_maximum().unwrap_or(u16::MAX).into();
                    self.resume(ack.session_present);
                } else {
                    self.received(&frame.packet);
                }
            }
            Event::Sent(frame) => self.sent(history, ix, &frame.packet, broken),
            Event::Ended { .. } => self.greeted = false,
            _ => {}
        }
    }

    fn resume(&mut self, present: bool) {
        self.last_resent = None;
        self.owed.clear();
        if !present {
            self.sending.clear();
            (self.unreleased, self.unreleased_here) = (0, 0);
        }
    }

    /// What comes now is on another connection.
    fn turn_to(&mut self, conn: u64) {
        if conn == self.conn {
            return;
        }
        let back = conn < self.conn;
        self.conn = conn;
        // Nothing was sent yet on a connection that is new.
        let here = |s: &&Sending<'_>| s.conn == conn && !s.released;
        self.unreleased_here = match back {
            true => self.sending.values().filter(here).count(),
            false => 0,
        };
    }

    /// A message is on its way no more, or the message itself is not.
    fn done(&mut self, id: u16, released: bool) {
        let Some(sending) = self.sending.get_mut(&id) else {
            return;
        };
        if !std::mem::replace(&mut sending.released, true) {
            self.unreleased -= 1;
            self.unreleased_here -= usize::from(sending.conn == self.conn);
        }
        if !released {
            self.sending.remove(&id);
        }
    }

    fn received(&mut self, packet: &'a Packet) {
        match packet {
            Packet::Publish(Publish {
                packet_id: Some(id),
                qos,
                ..
            }) => {
                self.owed.insert(id.get(), *qos);
            }
            Packet::PubAck(Ack { packet_id, .. }) | Packet::PubComp(Ack { packet_id, .. }) => {
                self.done(packet_id.get(), false);
            }
            Packet::PubRec(ack) => self.done(ack.packet_id.get(), !ack.reason.is_error()),
            _ => {}
        }
    }

    fn sent(&mut self, history: &History<'a>, ix: Ix, packet: &'a Packet, broken: &mut Findings) {
        if !std::mem::replace(&mut self.greeted, true) {
            self.begin(history, ix, packet, broken);
        }
        match packet {
            Packet::Publish(publish) if publish.qos != QoS::AtMostOnce => {
                self.publish(history, ix, publish, broken)
            }
            Packet::PubAck(ack) | Packet::PubRec(ack) => {
                let wanted = match packet {
                    Packet::PubAck(_) => QoS::AtLeastOnce,
                    _ => QoS::ExactlyOnce,
                };
                if self.owed.remove(&ack.packet_id.get()) != Some(wanted) {
                    let message = format!(
                        "{} sent {} {} without a PUBLISH that asks for it",
                        self.who(history),
                        packet.packet_type(),
                        ack.packet_id
                    );
                    self.report(
                        history,
                        UNASKED,
                        message,
                        "one acknowledgement for each PUBLISH",
                        vec![ix],
                        broken,
                    );
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, history: &History<'a>, ix: Ix, packet: &'a Packet, broken: &mut Findings) {
        let (fits, cite, expected) = match self.side {
            Role::Server => (
                matches!(packet, Packet::ConnAck(_)),
                CONNACK_FIRST,
                "CONNACK is the first packet",
            ),
            Role::Client => (
                matches!(packet, Packet::Connect(_)),
                CONNECT_FIRST,
                "CONNECT is the first packet",
            ),
        };
        if !fits {
            let message = format!("{} began with {}", self.who(history), packet.packet_type());
            self.report(history, cite, message, expected, vec![ix], broken);
        }
        match packet {
            Packet::ConnAck(ack) => self.resume(ack.session_present),
            Packet::Connect(_) => self.turn_to(self.conn + 1),
            _ => {}
        }
    }

    fn publish(
        &mut self,
        history: &History<'a>,
        ix: Ix,
        publish: &'a Publish,
        broken: &mut Findings,
    ) {
        let Some(id) = publish.packet_id.map(squall_protocol::PacketId::get) else {
            return;
        };
        match self.sending.get_mut(&id) {
            Some(s) if !s.released && same_message(s.publish, publish) => {
                let (before, seq, same_conn) = (s.ix, s.seq, s.conn == self.conn);
                (s.conn, s.ix) = (self.conn, ix);
                self.unreleased_here += usize::from(!same_conn);
                let who = self.who(history);
                if !publish.dup {
                    let message = format!("{who} sent packet {id} again without the DUP flag");
                    self.report(
                        history,
                        DUP,
                        message,
                        "DUP is 1 when a PUBLISH is sent again",
                        vec![before, ix],
                        broken,
                    );
                }
                if same_conn {
                    let message = format!("{who} sent packet {id} again on the same connection");
                    self.report(
                        history,
                        RESEND_WHEN,
                        message,
                        "resending is for a resumed session only",
                        vec![before, ix],
                        broken,
                    );
                }
                if self.last_resent.is_some_and(|last| last > seq) {
                    let message =
                        format!("{who} resent packet {id} after one that was first sent later");
                    self.report(
                        history,
                        RESEND_ORDER,
                        message,
                        "resending keeps the original order",
                        vec![before, ix],
                        broken,
                    );
                }
                self.last_resent = Some(seq);
            }
            Some(s) => {
                let witness = vec![s.ix, ix];
                let who = self.who(history);
                let message = format!(
                    "{who} used packet identifier {id} for a new message while it was in use"
                );
                self.report(
                    history,
                    ID_IN_USE,
                    message,
                    "an identifier is free once its flow has ended",
                    witness,
                    broken,
                );
            }
            None => {
                if publish.dup {
                    let who = self.who(history);
                    let message =
                        format!("{who} sent packet {id} for the first time with the DUP flag");
                    self.report(
                        history,
                        FIRST,
                        message,
                        "DUP is 0 at the first attempt",
                        vec![ix],
                        broken,
                    );
                }
                self.fresh(history, ix, id, publish, broken);
            }
        }
    }

    fn fresh(
        &mut self,
        history: &History<'a>,
        ix: Ix,
        id: u16,
        publish: &'a Publish,
        broken: &mut Findings,
    ) {
        // What was in flight before must be sent again first, or the order of a resumed session is lost.
        let skipped = |s: &&Sending<'_>| s.conn != self.conn && !s.released;
        if self.unreleased > self.unreleased_here
            && !broken.full()
            && let Some(skipped) = self.sending.values().find(skipped).map(|s| s.ix)
        {
            let message = format!(
                "{} sent a new message before resending one that was in flight",
                self.who(history)
            );
            self.report(
                history,
                RESEND_ALL,
                message,
                "unacknowledged messages are resent first",
                vec![skipped, ix],
                broken,
            );
        }
        let seq = self.next_seq;
        self.next_seq += 1;
        let sending = Sending {
            seq,
            publish,
            released: false,
            conn: self.conn,
            ix,
        };
        self.sending.insert(id, sending);
        self.unreleased += 1;
        self.unreleased_here += 1;
        if self.sending.len() > self.window {
            let message = format!(
                "{} has {} messages in flight",
                self.who(history),
                self.sending.len()
            );
            let expected = format!("at most {}, the peer's Receive Maximum", self.window);
            self.report(history, WINDOW, message, &expected, vec![ix], broken);
        }
    }

    fn who(&self, history: &History<'_>) -> String {
        match self.side {
            Role::Server => format!("the broker, to {},", history.name(self.client)),
            Role::Client => history.name(self.client).to_owned(),
        }
    }

    fn report(
        &self,
        history: &History<'a>,
        cite: Cite,
        message: String,
        expected: &str,
        witness: Vec<Ix>,
        broken: &mut Findings,
    ) {
        broken.push(Broken {
            rule: "packet flow",
            statements: cited(history.version, cite),
            message,
            expected: expected.to_owned(),
            source: None,
            witness,
            absence: false,
        });
    }
}

fn same_message(a: &Publish, b: &Publish) -> bool {
    a.qos == b.qos && a.topic == b.topic && a.payload == b.payload
}
