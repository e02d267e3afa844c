//! Values of the command line.

use clap::ValueEnum;
use squall_protocol::{Role, Version};
use std::net::SocketAddr;

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

/// An end of a connection.
pub(crate) fn role(text: &str) -> Result<Role, String> {
    match text {
        "client" => Ok(Role::Client),
        "server" | "broker" => Ok(Role::Server),
        _ => Err(format!("`{text}` is neither client nor server")),
    }
}
