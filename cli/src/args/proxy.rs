//! The command line of `squall proxy`.

use super::{
    tls::Tls,
    value::{address, seed},
};
use clap::Args as ClapArgs;
use std::{net::SocketAddr, path::PathBuf};

pub(super) const HELP: &str = "\
Each packet is a line: seconds since the first connection, the connection, who sends (→ the client, ← the broker), the \
packet in words. What breaks the standard is told beneath the packet that does, with the statement and who did it. \
Passwords and payloads are not shown. Ctrl-C ends it with a summary.

All connections of a client have to go through the proxy, and no two clients of one broker may have the same Client \
Identifier. What was before the first connection is not known, and nobody is accused of it.

Faults; WHO is all or a Client Identifier, SIDE is client or broker, HOW is reset, close or silence:

  { cut: WHO, after: PACKET, from: SIDE, nth: N, by: HOW }   once for each client; also before: and half: a packet
  { cut: WHO, byte: N, from: SIDE }   { cut: WHO, at: 5s }
  { flap: WHO, every: 2s..6s, for: 30s }                     seeded random cuts
  { latency: 50ms..200ms, loss: 1%, of: WHO }
  { partition: WHO, way: up, at: 5s, for: 10s }              nothing passes, and comes later
  { stall: WHO, from: SIDE, at: 5s, for: 10s }
  { fragment: 1, from: SIDE }   { coalesce: 50ms, from: SIDE }

Times count from the first connection. A fault that never struck is named in the end. Exit codes: 0 nothing was broken, 1 \
the standard was, 2 wrong usage or a file that cannot be written, 3 the broker cannot be reached or the port is taken.

  squall proxy --listen 127.0.0.1:1884 --to mqtt://broker.example
  squall proxy --listen 0.0.0.0:1884 --to mqtt://127.0.0.1 --fault '{ cut: all, half: PUBLISH, from: client }'";

#[derive(Debug, ClapArgs)]
pub(crate) struct Proxy {
    /// Where clients connect to: an address and a port, such as 127.0.0.1:1884; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) listen: SocketAddr,
    /// The broker, such as mqtt://broker.example:1883, mqtts://, ws://, wss:// or unix:/PATH. User name and password are
    /// those of the clients, who speak MQTT over TCP to the proxy.
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    /// What happens on the way, in the words of scenarios, such as '{ cut: all, after: PUBREC, from: broker }'; may be
    /// said more than once.
    #[arg(long, value_name = "FAULT")]
    pub(crate) fault: Vec<String>,
    /// The faults of a scenario, for clients with the names that they have there; times count from the first connection.
    #[arg(long, value_name = "FILE")]
    pub(crate) story: Option<PathBuf>,
    /// Write the conversation as a pcap file.
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap: Option<PathBuf>,
    /// Decides all that is random about faults.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = seed)]
    pub(crate) seed: u64,
    /// Print JSON, one object a line.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) tls: Tls,
}
