//! The command line of `squall pub`.

use super::{
    caller::{Caller, endings},
    value::{expiry, interval, pair, qos, text, topic_name},
};
use clap::{ArgGroup, Args as ClapArgs, ValueEnum};
use squall_protocol::{QoS, Text};
use std::{path::PathBuf, time::Duration};

pub(super) const HELP: &str = concat!(
    "\
A message counts as published when its QoS is fulfilled: sent, PUBACK, or PUBCOMP. With --lines messages are published as the \
lines come, and a line of a MiB is the longest; otherwise a payload may have 256 MiB, which is what MQTT can carry.

",
    endings!(""),
    "

  squall pub mqtt://127.0.0.1 rooms/7/wanted 21.5 --qos 1 --retain
  squall pub mqtts://me:secret@example.org sensors/1 --format hex '00 ff' --user-property unit=C
  tail -f log | squall pub mqtt://127.0.0.1 logs/web --file - --lines --qos 1"
);

#[derive(Debug, ClapArgs)]
#[command(
    group = ArgGroup::new("payload").args(["message", "file"]).required(true),
    override_usage = "squall pub [OPTIONS] <URL> <TOPIC> <MESSAGE|--file FILE>"
)]
pub(crate) struct Publish {
    /// The broker: mqtt://[USER[:PASSWORD]@]HOST[:PORT], mqtts:// for TLS, ws:// or wss:// for WebSocket, unix:/PATH.
    pub(crate) url: String,
    /// The Topic Name.
    #[arg(value_parser = topic_name)]
    pub(crate) topic: Text,
    /// The payload; `''` is an empty one, which removes a retained message.
    #[arg(allow_negative_numbers = true)]
    pub(crate) message: Option<String>,
    /// Take the payload from this file, or from standard input: -.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) file: Option<PathBuf>,
    /// One message for each line of the file, without the end of the line.
    #[arg(long, requires = "file")]
    pub(crate) lines: bool,
    /// What the payload is written as: text (bytes as they are), hex (digits that stand for bytes), or json (text that is
    /// refused if it is no JSON).
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    pub(crate) format: Payload,
    /// Quality of Service.
    #[arg(long, value_name = "QOS", default_value = "0", value_parser = qos)]
    pub(crate) qos: QoS,
    /// Have the broker retain the message.
    #[arg(long)]
    pub(crate) retain: bool,
    /// Publish each message so many times.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) repeat: u64,
    /// From one message to the next, such as 100ms; without it as fast as they are taken.
    #[arg(long, value_name = "TIME", value_parser = interval)]
    pub(crate) every: Option<Duration>,
    #[command(flatten)]
    pub(crate) properties: MessageProperties,
    #[command(flatten)]
    pub(crate) caller: Caller,
}

/// Properties of PUBLISH.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Properties of the message (5.0)")]
pub(crate) struct MessageProperties {
    /// Payload Format Indicator: 0, or 1 for UTF-8.
    #[arg(long, value_name = "0|1", value_parser = clap::value_parser!(u8).range(..=1))]
    pub(crate) payload_format_indicator: Option<u8>,
    /// How long the broker may keep the message for somebody, such as 90s or 2h.
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    pub(crate) message_expiry: Option<u32>,
    /// Content Type, such as application/json.
    #[arg(long, value_name = "TEXT", value_parser = text)]
    pub(crate) content_type: Option<Text>,
    /// Response Topic.
    #[arg(long, value_name = "TOPIC", value_parser = topic_name)]
    pub(crate) response_topic: Option<Text>,
    /// Correlation Data.
    #[arg(long, value_name = "TEXT")]
    pub(crate) correlation_data: Option<String>,
    /// Correlation Data in hex digits.
    #[arg(long, value_name = "HEX", conflicts_with = "correlation_data")]
    pub(crate) correlation_hex: Option<String>,
    /// A User Property; may be said more than once.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) user_property: Vec<(Text, Text)>,
}

/// What a payload is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Payload {
    /// Bytes as they are.
    #[default]
    Text,
    /// Hex digits.
    Hex,
    /// JSON, as it is written.
    Json,
}
