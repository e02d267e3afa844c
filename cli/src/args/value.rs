//! Values of the command line.

use std::net::SocketAddr;

pub(super) fn seed(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("write a whole number up to {}", u64::MAX))
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "write an IP address and a port, such as 127.0.0.1:1883 or [::1]:1883".to_owned()
    })
}
