//! What `squall pub` and `squall sub` have in common on the command line: who the client is, its session, its
//! will, and how much is said.

use super::{
    tls::Tls,
    value::{expiry, qos, text, topic_name, version},
};
use clap::Args as ClapArgs;
use squall_protocol::{QoS, Text, Version};

/// The beginning of what both have to say about how they end; each has more to say about code 3.
macro_rules! endings {
    ($more:literal) => {
        concat!(
            "Exit codes: 0 all good, 1 the broker said no to a message or a subscription, 2 wrong usage or an output that \
             cannot be written, 3 the broker cannot be reached, lets nobody in, goes away or does not answer",
            $more,
            "; interrupted: 130 by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP."
        )
    };
}
pub(super) use endings;

/// To be flattened last: what follows on the command line would stand under its last heading.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Caller {
    /// The version to speak: 3.1.1 or 5.0.
    #[arg(long, value_name = "VERSION", default_value = "5.0", value_parser = version)]
    pub(crate) mqtt: Version,
    /// The Client Identifier; one that nobody else has when absent.
    #[arg(long, value_name = "ID", value_parser = text)]
    pub(crate) client_id: Option<Text>,
    /// Seconds without a packet after which the client shows that it is there; 0 turns it off.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) keep_alive: u16,
    /// Seconds to wait for a connection, and for each answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub(crate) timeout: u16,
    /// Connect again when the connection is lost, and go on; the wait for answers is then without an end.
    #[arg(long)]
    pub(crate) reconnect: bool,
    /// Say nothing on standard error but what went wrong.
    #[arg(long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Tell on standard error of connections and of each answer.
    #[arg(long)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) session: Session,
    #[command(flatten)]
    pub(crate) will: WillArgs,
    #[command(flatten)]
    pub(crate) tls: Tls,
}

/// The session at the broker.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Session")]
pub(crate) struct Session {
    /// Go on with the session that the broker has for this Client Identifier (Clean Start 0, in 3.1.1 Clean Session 0).
    #[arg(long, requires = "client_id")]
    pub(crate) resume: bool,
    /// How long the broker is to keep the session after the connection, such as 90s, 2h or never (5.0).
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    pub(crate) session_expiry: Option<u32>,
}

/// The will message.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Will")]
pub(crate) struct WillArgs {
    /// Leave a will: the broker publishes it to this topic when the client is lost.
    #[arg(long, value_name = "TOPIC", value_parser = topic_name)]
    pub(crate) will_topic: Option<Text>,
    /// Its payload.
    #[arg(long, value_name = "TEXT", default_value = "", requires = "will_topic")]
    pub(crate) will_payload: String,
    /// Its QoS.
    #[arg(long, value_name = "QOS", default_value = "0", value_parser = qos, requires = "will_topic")]
    pub(crate) will_qos: QoS,
    /// Whether it is retained.
    #[arg(long, requires = "will_topic")]
    pub(crate) will_retain: bool,
    /// How long the broker is to wait with it, such as 30s (5.0).
    #[arg(long, value_name = "TIME", value_parser = expiry, requires = "will_topic")]
    pub(crate) will_delay: Option<u32>,
    /// Have it published in the end: leave with DISCONNECT 0x04, in 3.1.1 without DISCONNECT.
    #[arg(long, requires = "will_topic")]
    pub(crate) leave_will: bool,
}
