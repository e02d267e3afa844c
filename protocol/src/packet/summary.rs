//! Packets in words: one short line for logs and ladders, and a line per field for reports.
//!
//! Whatever a peer put into a field comes out printable and short: control characters are escaped, long values cut.

use super::{Ack, Connect, Packet, Publish, Subscribe, Subscription, Unsubscribe, Will};
use crate::{Properties, Property, QoS, ReasonCode, Version, hex, text::Shown, wire::Count};
use std::fmt::{self, Write as _};

/// Characters of a text that are shown, on one short line and in a report.
const SHORT: usize = Shown::SHORT;
const LONG: usize = 256;
/// Topic filters and reason codes that a summary names before it counts the rest.
const LIST: usize = 4;

impl Packet {
    /// One short line, such as `PUBLISH a/b QoS 1 id 7 DUP RETAIN 6 bytes`.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut line = self.packet_type().name().to_owned();
        match self {
            Self::Connect(p) => summarise_connect(&mut line, p),
            Self::ConnAck(p) => {
                let present = u8::from(p.session_present);
                add(
                    &mut line,
                    format_args!(" session present {present} reason {}", p.reason),
                );
            }
            Self::Publish(p) => summarise_publish(&mut line, p),
            Self::PubAck(p) | Self::PubRec(p) | Self::PubRel(p) | Self::PubComp(p) => {
                summarise_ack(&mut line, p)
            }
            Self::Subscribe(p) => summarise_subscribe(&mut line, p),
            Self::SubAck(p) => {
                add(&mut line, format_args!(" id {}", p.packet_id));
                add_reasons(&mut line, &p.reasons);
            }
            Self::Unsubscribe(p) => summarise_unsubscribe(&mut line, p),
            Self::UnsubAck(p) => {
                add(&mut line, format_args!(" id {}", p.packet_id));
                add_reasons(&mut line, &p.reasons);
            }
            Self::PingReq | Self::PingResp => {}
            Self::Disconnect(p) => add(&mut line, format_args!(" reason {}", p.reason)),
            Self::Auth(p) => add(&mut line, format_args!(" reason {}", p.reason)),
        }
        line
    }

    /// Field by field, in the order of the wire; the first line is the packet's name.
    #[must_use]
    pub fn describe(&self, version: Version) -> Vec<String> {
        let mut lines = Lines {
            version,
            packet: self,
            out: vec![self.packet_type().name().to_owned()],
        };
        match self {
            Self::Connect(p) => lines.connect(p),
            Self::ConnAck(p) => {
                lines.field("Session Present", u8::from(p.session_present));
                lines.reason(p.reason);
                lines.properties(&p.properties);
            }
            Self::Publish(p) => lines.publish(p),
            Self::PubAck(p) | Self::PubRec(p) | Self::PubRel(p) | Self::PubComp(p) => {
                lines.field("Packet Identifier", p.packet_id);
                if version == Version::V5_0 {
                    lines.reason(p.reason);
                }
                lines.properties(&p.properties);
            }
            Self::Subscribe(p) => {
                lines.field("Packet Identifier", p.packet_id);
                lines.properties(&p.properties);
                p.subscriptions.iter().for_each(|s| lines.subscription(s));
            }
            Self::SubAck(p) => {
                lines.field("Packet Identifier", p.packet_id);
                lines.properties(&p.properties);
                p.reasons.iter().for_each(|reason| lines.reason(*reason));
            }
            Self::Unsubscribe(p) => {
                lines.field("Packet Identifier", p.packet_id);
                lines.properties(&p.properties);
                p.filters
                    .iter()
                    .for_each(|filter| lines.field("Topic Filter", Shown(filter.as_str(), LONG)));
            }
            Self::UnsubAck(p) => {
                lines.field("Packet Identifier", p.packet_id);
                lines.properties(&p.properties);
                p.reasons.iter().for_each(|reason| lines.reason(*reason));
            }
            Self::PingReq | Self::PingResp => {}
            Self::Disconnect(p) => {
                if version == Version::V5_0 {
                    lines.reason(p.reason);
                }
                lines.properties(&p.properties);
            }
            Self::Auth(p) => {
                lines.reason(p.reason);
                lines.properties(&p.properties);
            }
        }
        lines.out
    }
}

fn add(line: &mut String, text: fmt::Arguments<'_>) {
    line.write_fmt(text)
        .expect("writing to a string does not fail");
}

fn summarise_connect(line: &mut String, p: &Connect) {
    add(
        line,
        format_args!(" {} {}", Shown(&p.client_id, SHORT), p.version),
    );
    if p.clean_start {
        line.push_str(match p.version {
            Version::V3_1_1 => " clean session",
            Version::V5_0 => " clean start",
        });
    }
    add(line, format_args!(" keep alive {}", p.keep_alive));
    if let Some(will) = &p.will {
        let retain = if will.retain { " RETAIN" } else { "" };
        add(
            line,
            format_args!(
                " will {} QoS {}{retain}",
                Shown(&will.topic, SHORT),
                will.qos
            ),
        );
    }
}

fn summarise_publish(line: &mut String, p: &Publish) {
    match p.properties.topic_alias() {
        Some(alias) if p.topic.is_empty() => add(line, format_args!(" alias {alias}")),
        _ => add(line, format_args!(" {}", Shown(&p.topic, SHORT))),
    }
    add(line, format_args!(" QoS {}", p.qos));
    if let Some(id) = p.packet_id {
        add(line, format_args!(" id {id}"));
    }
    line.push_str(if p.dup { " DUP" } else { "" });
    line.push_str(if p.retain { " RETAIN" } else { "" });
    add(line, format_args!(" {}", Count(p.payload.len())));
}

fn summarise_ack(line: &mut String, p: &Ack) {
    add(line, format_args!(" id {}", p.packet_id));
    if p.reason != ReasonCode::SUCCESS {
        add(line, format_args!(" reason {}", p.reason));
    }
}

fn summarise_subscribe(line: &mut String, p: &Subscribe) {
    add(line, format_args!(" id {}", p.packet_id));
    for (i, s) in p.subscriptions.iter().take(LIST).enumerate() {
        let comma = if i == 0 { "" } else { "," };
        add(
            line,
            format_args!("{comma} {} QoS {}", Shown(s.filter.as_str(), SHORT), s.qos),
        );
    }
    add_more(line, p.subscriptions.len());
}

fn summarise_unsubscribe(line: &mut String, p: &Unsubscribe) {
    add(line, format_args!(" id {}", p.packet_id));
    for (i, filter) in p.filters.iter().take(LIST).enumerate() {
        let comma = if i == 0 { "" } else { "," };
        add(
            line,
            format_args!("{comma} {}", Shown(filter.as_str(), SHORT)),
        );
    }
    add_more(line, p.filters.len());
}

fn add_reasons(line: &mut String, reasons: &[ReasonCode]) {
    match reasons {
        [] => {}
        [reason] => add(line, format_args!(" reason {reason}")),
        several => {
            line.push_str(" reasons");
            several
                .iter()
                .take(LIST)
                .for_each(|reason| add(line, format_args!(" {reason}")));
            add_more(line, several.len());
        }
    }
}

fn add_more(line: &mut String, total: usize) {
    if total > LIST {
        add(line, format_args!(" and {} more", total - LIST));
    }
}

/// The lines of a description as they grow.
struct Lines<'a> {
    version: Version,
    packet: &'a Packet,
    out: Vec<String>,
}

impl Lines<'_> {
    fn field(&mut self, name: &str, value: impl fmt::Display) {
        self.out.push(format!("{name}: {value}"));
    }

    fn flag(&mut self, name: &str, value: bool) {
        self.field(name, u8::from(value));
    }

    fn reason(&mut self, reason: ReasonCode) {
        let title = match self.version {
            Version::V3_1_1 => "Return Code",
            Version::V5_0 => "Reason Code",
        };
        let name = reason
            .name_in(self.packet.packet_type(), self.version)
            .unwrap_or("not defined for this packet");
        self.field(title, format_args!("{reason} {name}"));
    }

    fn properties(&mut self, properties: &Properties) {
        for property in properties {
            self.out.push(match property {
                Property::UserProperty(name, value) => {
                    format!(
                        "User Property: {} = {}",
                        Shown(name, LONG),
                        Shown(value, LONG)
                    )
                }
                // A secret, like the password.
                Property::AuthenticationData(bytes) => {
                    format!("Authentication Data: {}", Count(bytes.len()))
                }
                Property::CorrelationData(bytes) => {
                    format!("{}: {}", property.spec().name, Data(bytes))
                }
                other => match (other.as_integer(), other.as_text()) {
                    (Some(value), _) => format!("{}: {value}", other.spec().name),
                    (None, text) => {
                        format!(
                            "{}: {}",
                            other.spec().name,
                            Shown(text.map_or("", |t| t.as_str()), LONG)
                        )
                    }
                },
            });
        }
    }

    fn connect(&mut self, p: &Connect) {
        self.field(
            "Protocol Level",
            format_args!("{} (MQTT {})", p.version.level(), p.version),
        );
        let clean = if p.version == Version::V5_0 {
            "Clean Start"
        } else {
            "Clean Session"
        };
        self.flag(clean, p.clean_start);
        self.field("Keep Alive", format_args!("{} s", p.keep_alive));
        self.properties(&p.properties);
        self.field("Client Identifier", Shown(&p.client_id, LONG));
        if let Some(will) = &p.will {
            self.will(will);
        }
        if let Some(user_name) = &p.user_name {
            self.field("User Name", Shown(user_name, LONG));
        }
        if let Some(password) = &p.password {
            // A report goes to other people; a secret stays out of it.
            self.field("Password", Count(password.len()));
        }
    }

    fn will(&mut self, will: &Will) {
        self.field("Will Topic", Shown(&will.topic, LONG));
        self.field("Will QoS", will.qos);
        self.flag("Will Retain", will.retain);
        let first = self.out.len();
        self.properties(&will.properties);
        for line in self.out[first..]
            .iter_mut()
            .filter(|line| !line.starts_with("Will "))
        {
            line.insert_str(0, "Will ");
        }
        self.field("Will Payload", Data(&will.payload));
    }

    fn publish(&mut self, p: &Publish) {
        self.flag("DUP", p.dup);
        self.field("QoS", p.qos);
        self.flag("RETAIN", p.retain);
        self.field("Topic Name", Shown(&p.topic, LONG));
        if let Some(id) = p.packet_id.filter(|_| p.qos != QoS::AtMostOnce) {
            self.field("Packet Identifier", id);
        }
        self.properties(&p.properties);
        self.field("Payload", Data(&p.payload));
    }

    fn subscription(&mut self, s: &Subscription) {
        let filter = Shown(s.filter.as_str(), LONG);
        let options = s.options_in_words(self.version);
        self.field("Topic Filter", format_args!("{filter} {options}"));
    }
}

/// Binary data: its length, then the text if it is text, else the first bytes in hex.
struct Data<'a>(&'a [u8]);

impl fmt::Display for Data<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0;
        write!(f, "{}", Count(bytes.len()))?;
        if bytes.is_empty() {
            return Ok(());
        }
        match std::str::from_utf8(bytes) {
            Ok(text)
                if !text
                    .chars()
                    .any(|c| c.is_control() && !c.is_ascii_whitespace()) =>
            {
                let end = text
                    .char_indices()
                    .nth(LONG)
                    .map_or(text.len(), |(at, _)| at);
                write!(
                    f,
                    " \"{}{}\"",
                    text[..end].escape_debug(),
                    if end < text.len() { "…" } else { "" }
                )
            }
            _ => {
                write!(f, " {}", hex::dump(bytes, 32))
            }
        }
    }
}

#[cfg(test)]
mod tests;
