//! Values of the command line.

use bytes::Bytes;
use clap::ValueEnum;
use squall_protocol::{QoS, Role, Text, Version, topic};
use std::{net::SocketAddr, time::Duration};

/// How results are printed on standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text for people.
    #[default]
    Text,
    /// JSON for programs.
    Json,
}

pub(super) fn seed(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("write a whole number up to {}", u64::MAX))
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "write an IP address and a port, such as 127.0.0.1:1883 or [::1]:1883".to_owned()
    })
}

pub(super) fn version(text: &str) -> Result<Version, String> {
    text.parse()
        .map_err(|e: squall_protocol::UnknownVersion| e.to_string())
}

/// How long something may take.
pub(super) fn patience(text: &str) -> Result<Duration, String> {
    between(text, Duration::from_secs(1), "1s")
}

/// A time between two things.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    between(text, Duration::from_millis(1), "1ms")
}

fn between(text: &str, least: Duration, shown: &str) -> Result<Duration, String> {
    let duration = squall_scenarios::duration(text)?;
    match (least..=Duration::from_secs(24 * 3600)).contains(&duration) {
        true => Ok(duration),
        false => Err(format!("write a time from {shown} to 24h")),
    }
}

/// Whole seconds as a property has them: a time such as 90s or 2h, or `never`, which is the largest number.
pub(super) fn expiry(text: &str) -> Result<u32, String> {
    if text == "never" {
        return Ok(u32::MAX);
    }
    let duration = squall_scenarios::duration(text)?;
    match u32::try_from(duration.as_secs()) {
        Ok(seconds) if duration.subsec_nanos() == 0 && seconds < u32::MAX => Ok(seconds),
        _ => Err(format!(
            "write whole seconds up to {}s, or never",
            u32::MAX - 1
        )),
    }
}

pub(super) fn qos(text: &str) -> Result<QoS, String> {
    let qos = text.parse().ok().and_then(QoS::from_bits);
    qos.ok_or_else(|| "write 0, 1 or 2".to_owned())
}

/// A string that MQTT can carry.
pub(super) fn text(text: &str) -> Result<Text, String> {
    Text::from_bytes(Bytes::copy_from_slice(text.as_bytes())).map_err(|error| error.to_string())
}

pub(super) fn topic_name(name: &str) -> Result<Text, String> {
    let name = text(name)?;
    match topic::check_name(&name) {
        Ok(()) => Ok(name),
        Err(error) => Err(error.to_string()),
    }
}

/// NAME=VALUE; the value may have further `=` in it.
pub(super) fn pair(pair: &str) -> Result<(Text, Text), String> {
    let (name, value) = pair
        .split_once('=')
        .ok_or("write a name, `=` and a value")?;
    Ok((text(name)?, text(value)?))
}
/// An end of a connection.
pub(crate) fn role(text: &str) -> Result<Role, String> {
    match text {
        "client" => Ok(Role::Client),
        "server" | "broker" => Ok(Role::Server),
        _ => Err(format!("`{text}` is neither client nor server")),
    }
}
