//! What a client has announced in CONNECT binds the server: the size of packets, Topic Aliases, what it wants to be told.

use super::{Rule, Step};
use crate::finding::{Cite, Finding};
use squall_protocol::{
    Packet, Properties, Property, Version, encode,
    packet::{ConnAck, Connect},
};

const SIZE: Cite = (&[], &["MQTT-3.1.2-24"]);
const ALIAS: Cite = (&[], &["MQTT-3.1.2-26"]);
const NO_ALIAS: Cite = (&[], &["MQTT-3.1.2-27"]);
const INFORMATION: Cite = (&[], &["MQTT-3.1.2-28"]);
const PROBLEM: Cite = (&[], &["MQTT-3.1.2-29"]);
const ASSIGNED: Cite = (&[], &["MQTT-3.2.2-16"]);
const METHOD: Cite = (&[], &["MQTT-4.12.0-6"]);

/// What the client of the connection has announced.
#[derive(Debug, Default)]
pub(super) struct Announced {
    /// Its CONNECT, if it is one of 5.0.
    said: Option<Said>,
}

#[derive(Debug)]
struct Said {
    /// Maximum Packet Size.
    largest: Option<u32>,
    /// Topic Alias Maximum.
    aliases: u16,
    /// Request Response Information.
    wants_response_information: bool,
    /// Request Problem Information.
    wants_problems: bool,
    /// It leaves its Client Identifier to the server.
    nameless: bool,
    /// It names an Authentication Method.
    authenticates: bool,
}

impl Said {
    fn of(connect: &Connect) -> Self {
        let p = &connect.properties;
        Self {
            largest: p.maximum_packet_size(),
            aliases: p.topic_alias_maximum().unwrap_or(0),
            wants_response_information: p.request_response_information() == Some(1),
            wants_problems: p.request_problem_information() != Some(0),
            nameless: connect.client_id.is_empty(),
            authenticates: p.authentication_method().is_some(),
        }
    }
}

impl Rule for Announced {
    fn connects(&mut self, connect: &Connect) {
        self.said = (connect.version == Version::V5_0).then(|| Said::of(connect));
    }

    fn greets(&mut self, step: &Step<'_>, ack: &ConnAck, broken: &mut dyn FnMut(Finding)) {
        let Some(said) = &self.said else { return };
        let mut tell = |cite, what: &str, expected: &str| {
            let message = format!("{} sent a CONNACK with {what}", step.who());
            broken(step.finding("announced", cite, message, expected, None));
        };
        let p = &ack.properties;
        if p.response_information().is_some() && !said.wants_response_information {
            let expected = "none: it was not requested";
            tell(INFORMATION, "Response Information", expected);
        }
        if p.authentication_method().is_some() && !said.authenticates {
            let expected = "none: CONNECT had none";
            tell(METHOD, "an Authentication Method", expected);
        }
        if !ack.reason.is_error() && said.nameless && p.assigned_client_identifier().is_none() {
            let expected = "the Client Identifier that was assigned to a client without one";
            tell(ASSIGNED, "no Assigned Client Identifier", expected);
        }
        size(step, said, broken);
    }

    fn says(&mut self, step: &Step<'_>, broken: &mut dyn FnMut(Finding)) {
        let Some(said) = &self.said else { return };
        size(step, said, broken);
        let packet = step.packet.packet_type();
        match step.packet {
            Packet::Publish(publish) => {
                let Some(alias) = publish.properties.topic_alias() else {
                    return;
                };
                if alias > said.aliases {
                    let message = format!("{} sent a PUBLISH with Topic Alias {alias}", step.who());
                    let (cite, expected) = match said.aliases {
                        0 => (NO_ALIAS, "none: the client takes no Topic Alias".to_owned()),
                        most => (
                            ALIAS,
                            format!("at most {most}, the client's Topic Alias Maximum"),
                        ),
                    };
                    broken(step.finding("announced", cite, message, expected, None));
                }
            }
            Packet::Auth(_) if !said.authenticates => {
                let message = format!("{} sent an AUTH", step.who());
                let expected = "none: the client named no Authentication Method in CONNECT";
                broken(step.finding("announced", METHOD, message, expected, None));
            }
            other if !said.wants_problems && explained(other).is_some_and(explains) => {
                let message = format!(
                    "{} sent a {packet} with a Reason String or User Properties",
                    step.who()
                );
                let expected = "neither: the client said Request Problem Information 0";
                broken(step.finding("announced", PROBLEM, message, expected, None));
            }
            _ => {}
        }
    }
}

/// The size of a packet as it is at least: what has a longer form is taken to have had its shortest.
fn size(step: &Step<'_>, said: &Said, broken: &mut dyn FnMut(Finding)) {
    let Some(largest) = said.largest else { return };
    let Ok(bytes) = encode(step.packet, Version::V5_0) else {
        return;
    };
    if bytes.len() > largest as usize {
        let (packet, size) = (step.packet.packet_type(), bytes.len());
        let message = format!("{} sent a {packet} of {size} bytes", step.who());
        let expected = format!("at most {largest}, the client's Maximum Packet Size");
        broken(step.finding("announced", SIZE, message, expected, None));
    }
}

/// The properties of packets that may explain nothing to a client that wants no explanations.
const fn explained(packet: &Packet) -> Option<&Properties> {
    match packet {
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            Some(&ack.properties)
        }
        Packet::SubAck(ack) => Some(&ack.properties),
        Packet::UnsubAck(ack) => Some(&ack.properties),
        Packet::Auth(auth) => Some(&auth.properties),
        _ => None,
    }
}

fn explains(properties: &Properties) -> bool {
    let explains =
        |p: &Property| matches!(p, Property::ReasonString(_) | Property::UserProperty(..));
    properties.iter().any(explains)
}
