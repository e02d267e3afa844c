//! The command line of `squall broker`.

use super::value::address;
use clap::Args as ClapArgs;
use std::{net::SocketAddr, path::PathBuf};

pub(super) const HELP: &str = "\
Each way in may be said more than once, and all serve the same sessions; without any it is MQTT over TCP at 127.0.0.1:1883. \
A line is printed for each when it is ready. MQTT over WebSocket is at the path /mqtt and has the subprotocol mqtt.

SIGINT (Ctrl-C), SIGTERM and SIGHUP end it: MQTT 5.0 clients get DISCONNECT 0x8B (Server shutting down), what waits for \
clients is sent within a second, and the exit code is 0. A second signal ends it at once, with 128 and the number of the first.

Nothing is kept beyond its end, and all that it keeps is bounded: packets of 16 MiB, 64 MiB of messages for a session, 64 \
MiB retained, 256 MiB of messages in all, 64 MiB of unfinished packets, 256 MiB of packets to be sent, 50,000 sessions, \
16,384 connections. Who finds no room is told with Quota exceeded or Server busy where MQTT has a word for it.

  squall broker --listen 127.0.0.1:1883 --tls-listen 0.0.0.0:8883 --tls-cert server.pem --tls-key server.key";

#[derive(Debug, ClapArgs)]
pub(crate) struct Broker {
    #[command(flatten)]
    pub(crate) ways: Ways,
}

/// Where clients come in.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Ways in")]
pub(crate) struct Ways {
    /// MQTT over TCP: an address and a port; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) listen: Vec<SocketAddr>,
    /// MQTT over TLS.
    #[arg(long, value_name = "ADDRESS", value_parser = address, requires = "tls_cert")]
    pub(crate) tls_listen: Vec<SocketAddr>,
    /// MQTT over WebSocket.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) ws_listen: Vec<SocketAddr>,
    /// MQTT over WebSocket over TLS.
    #[arg(long, value_name = "ADDRESS", value_parser = address, requires = "tls_cert")]
    pub(crate) wss_listen: Vec<SocketAddr>,
    /// MQTT at a unix socket.
    #[cfg(unix)]
    #[arg(long, value_name = "PATH")]
    pub(crate) unix_listen: Vec<PathBuf>,
    /// The certificate for TLS: a PEM file, with those that it is signed with after it.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of it, as PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Let in over TLS only who shows a certificate that a CA in this PEM file has signed.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) client_ca: Option<PathBuf>,
}
