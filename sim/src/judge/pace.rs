//! How long the clients of a story take over what they do: who is late with everything has left out nothing.

use crate::{
    order::Order,
    trace::{Node, Trace, What},
};
use squall_client::{Command, Event};
use squall_protocol::{Packet, PacketType, QoS, Time};
use squall_scenarios::model::ClientIx;
use std::{collections::BTreeMap, time::Duration};

/// A client that has been seen to answer has left out what it did not do in this time at the least.
const SHORTEST: Duration = Duration::from_secs(5);

/// How long a client of this story has to be waited for before it is certain that it does nothing: ten times as long as
/// the slowest of what was seen, and [`SHORTEST`] at the least. `None` where none has done anything.
pub(super) fn slack(trace: &Trace) -> Option<Duration> {
    let mut asked: BTreeMap<(ClientIx, PacketType, u16), Time> = BTreeMap::new();
    let mut slowest: Option<Duration> = None;
    for record in trace.records() {
        let (client, packet, by_client) = match (&record.what, record.node) {
            (What::Order(Order::Client(client, command)), _) => {
                if matches!(**command, Command::Connect(_)) {
                    asked.insert((*client, PacketType::Connect, 0), record.at);
                }
                continue;
            }
            // A connection that is over leaves nothing to be answered on it.
            (What::Dial, Node::Client(client)) => {
                asked.retain(|(of, kind, _), _| *of != client || *kind == PacketType::Connect);
                continue;
            }
            (What::Client(Event::Sent(frame)), Node::Client(client)) => {
                (client, &frame.packet, true)
            }
            (What::Client(Event::Received(frame)), Node::Client(client)) => {
                (client, &frame.packet, false)
            }
            _ => continue,
        };
        if by_client {
            let did = (client, packet.packet_type(), number(packet));
            if let Some(since) = asked.remove(&did) {
                let took = record.at.since(since);
                slowest = Some(slowest.map_or(took, |slowest| slowest.max(took)));
            }
        } else if let Some(answer) = answer(packet) {
            let entry = asked.entry((client, answer, number(packet)));
            entry.or_insert(record.at);
        }
    }
    slowest.map(|slowest| (slowest * 10).max(SHORTEST))
}

/// What has to be answered by a client with the same packet identifier.
fn answer(packet: &Packet) -> Option<PacketType> {
    Some(match packet {
        Packet::Publish(publish) => match publish.qos {
            QoS::AtMostOnce => return None,
            QoS::AtLeastOnce => PacketType::PubAck,
            QoS::ExactlyOnce => PacketType::PubRec,
        },
        Packet::PubRec(ack) if !ack.reason.is_error() => PacketType::PubRel,
        Packet::PubRel(_) => PacketType::PubComp,
        _ => return None,
    })
}

fn number(packet: &Packet) -> u16 {
    packet.packet_id().map_or(0, |id| id.get())
}
