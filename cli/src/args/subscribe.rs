//! The command line of `squall sub`.

use super::{
    caller::{Caller, endings},
    value::{interval, qos, text},
};
use clap::{Args as ClapArgs, ValueEnum};
use squall_protocol::{QoS, Text};
use std::time::Duration;

pub(super) const HELP: &str = concat!(
    "\
A message is a line: its topic and its payload, as text or as hex digits. Text is shown with visible signs in the place of what \
a terminal would obey, and bytes that are no UTF-8 with \u{FFFD}. With --quiet it is the payload alone, with --verbose there are \
flags and properties, too. As JSON it is an object with every field and property under the names that `squall decode` has for \
them, and the time at which it came. A message is acknowledged after it was printed.

Without --count it goes on until Ctrl-C or another signal, which is then a good end, or as long as --for says.

",
    endings!(", or fewer messages than --count came"),
    "

  squall sub mqtt://127.0.0.1 'rooms/+/wanted' 'alarms/#' --qos 1
  squall sub mqtt://127.0.0.1 '#' --format json --for 10s | jq .topic_name
  squall sub mqtt://127.0.0.1 t --client-id me --resume --session-expiry 1h --count 1 --quiet"
);

#[derive(Debug, ClapArgs)]
#[command(override_usage = "squall sub [OPTIONS] <URL> <FILTER>...")]
pub(crate) struct Subscribe {
    /// The broker: mqtt://[USER[:PASSWORD]@]HOST[:PORT], mqtts:// for TLS, ws:// or wss:// for WebSocket, unix:/PATH.
    pub(crate) url: String,
    /// Topic Filters; with --resume there need not be any.
    #[arg(value_name = "FILTER", required_unless_present = "resume", value_parser = text)]
    pub(crate) filters: Vec<Text>,
    /// The highest QoS that messages are to come with.
    #[arg(long, value_name = "QOS", default_value = "0", value_parser = qos)]
    pub(crate) qos: QoS,
    /// Do not send what this client publishes itself (5.0).
    #[arg(long)]
    pub(crate) no_local: bool,
    /// Leave the RETAIN flag as it was published (5.0).
    #[arg(long)]
    pub(crate) retain_as_published: bool,
    /// Retained messages come 0: with each subscription, 1: with one that is new, 2: never (5.0).
    #[arg(long, value_name = "0|1|2", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=2))]
    pub(crate) retain_handling: u8,
    /// End after so many messages.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// End after this time, such as 500ms or 10s, counted from SUBACK.
    #[arg(long, value_name = "TIME", value_parser = interval)]
    pub(crate) r#for: Option<Duration>,
    /// How to print messages: text, hex, json (one object a line), or raw, which is the payload as it came, with a line's
    /// end after it, and nothing for a terminal.
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    pub(crate) format: Shown,
    #[command(flatten)]
    pub(crate) caller: Caller,
}

/// How messages are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shown {
    /// Text for people.
    #[default]
    Text,
    /// Topics as text, payloads as hex digits.
    Hex,
    /// One JSON object a line.
    Json,
    /// Payloads as they came.
    Raw,
}
