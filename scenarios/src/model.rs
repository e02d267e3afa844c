//! A scenario after reading: names resolved, defaults filled in, impossible things refused.
//!
//! This is what the director, the worlds and the oracles see. It knows nothing of YAML. Durations are virtual time
//! in whole milliseconds.

use bytes::Bytes;
use squall_protocol::{PacketType, QoS, ReasonCode, Role, Version};
use std::time::Duration;

pub use crate::{
    expect::{ExpectKind, Expectation, Times},
    source::{ClientIx, Source},
};

/// One story about an MQTT system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Short name: the file's path below the scenario folder without its ending, such as `qos2/cut-after-pubrec`.
    pub name: String,
    /// The file as it was named when it was read; for messages.
    pub file: String,
    /// What the story tells, in one sentence.
    pub title: String,
    /// Statements of the standard it is about, such as `MQTT-4.3.3-1`.
    pub statements: Vec<String>,
    /// Versions it runs with, at least one.
    pub versions: Vec<Version>,
    /// How many seeds (0, 1, …) a test run tries; at least 1.
    pub seeds: u32,
    /// Virtual time after which the run has failed.
    pub limit: Duration,
    /// The reference broker's settings.
    pub broker: BrokerSpec,
    /// The clients, in the order of the file; at least one.
    pub clients: Vec<ClientSpec>,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// What must be true of the whole history, beyond the oracles that always listen.
    pub expect: Vec<Expectation>,
}

/// Settings of the reference broker; `None` keeps its default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerSpec {
    /// Receive Maximum it announces (5.0).
    pub receive_maximum: Option<u16>,
    /// Topic Alias Maximum it announces (5.0).
    pub topic_alias_maximum: Option<u16>,
    /// Largest packet it takes, in bytes.
    pub maximum_packet_size: Option<u32>,
    /// Server Keep Alive in seconds (5.0).
    pub server_keep_alive: Option<u16>,
    /// Messages kept for one offline session.
    pub max_queued: Option<usize>,
}

/// One client of the story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSpec {
    /// Name in the scenario.
    pub name: String,
    /// Client Identifier; the name unless said otherwise. Two clients may share one (takeover).
    pub client_id: String,
    /// How it connects unless a step says otherwise.
    pub connect: ConnectSpec,
    /// Whether it dials again by itself after an unwanted end.
    pub reconnect: Option<ReconnectSpec>,
    /// Its link to the broker.
    pub link: LinkSpec,
}

/// Waiting times between dials, doubling from `first` to `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconnectSpec {
    /// Before the first new dial.
    pub first: Duration,
    /// The longest wait.
    pub max: Duration,
}

/// What a client puts into CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectSpec {
    /// Clean Start (5.0) or Clean Session (3.1.1).
    pub clean_start: bool,
    /// Session Expiry Interval in whole seconds (5.0; without meaning in 3.1.1).
    pub session_expiry: Option<u32>,
    /// Keep Alive in whole seconds; 0 is off.
    pub keep_alive: u16,
    /// Receive Maximum (5.0).
    pub receive_maximum: Option<u16>,
    /// The will.
    pub will: Option<WillSpec>,
}

/// A will message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WillSpec {
    /// Topic name.
    pub topic: String,
    /// Payload.
    pub payload: Bytes,
    /// QoS.
    pub qos: QoS,
    /// Published as retained message.
    pub retain: bool,
    /// Will Delay Interval in whole seconds (5.0).
    pub delay: u32,
}

/// How a link behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkSpec {
    /// Shortest one-way time in milliseconds, at least 1.
    pub latency_min_ms: u32,
    /// Longest one-way time in milliseconds; not less than the shortest.
    pub latency_max_ms: u32,
    /// Share of transmissions that are lost, in thousandths: 0 to 1000.
    pub loss_permille: u16,
}

/// A change of a link; `None` leaves a value as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkChange {
    /// Shortest and longest one-way time in milliseconds.
    pub latency_ms: Option<(u32, u32)>,
    /// Share lost, in thousandths.
    pub loss_permille: Option<u16>,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it stands.
    pub source: Source,
    /// What it is.
    pub kind: StepKind,
}

impl Step {
    /// The client that does something, if it is a client's step.
    #[must_use]
    pub const fn client(&self) -> Option<ClientIx> {
        match &self.kind {
            StepKind::Client { client, .. } => Some(*client),
            _ => None,
        }
    }
}

/// Kinds of steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// A client does something.
    Client {
        /// Who.
        client: ClientIx,
        /// What.
        action: Action,
        /// Its outcome must come within this time; otherwise the run fails.
        within: Option<Duration>,
        /// `false`: go on at once, whatever becomes of it.
        wait: bool,
    },
    /// Something breaks, or is mended.
    Fault(Fault),
    /// A link changes; all links when no client is named.
    Network {
        /// Whose link.
        client: Option<ClientIx>,
        /// To what.
        change: LinkChange,
    },
    /// Virtual time passes.
    Wait(Duration),
    /// Every fault is healed, loss ends, and this much time passes so that everything drains.
    Settle(Duration),
    /// All branches run at once; the step is over when each of them is.
    Parallel(Vec<Vec<Step>>),
    /// Steps that begin at given times after this step began; over when each of them is.
    Timeline(Vec<Entry>),
    /// Seeded random publishers. Becomes a [`StepKind::Timeline`] in the plan.
    Workload(Workload),
}

/// One step of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Milliseconds after the timeline began.
    pub after: Duration,
    /// The step.
    pub step: Step,
}

/// What a client can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Dials and sends CONNECT; over when CONNACK came or the attempt failed.
    Connect {
        /// The CONNECT, the client's defaults already merged in.
        connect: ConnectSpec,
        /// What must come of it.
        expect: ConnectExpect,
    },
    /// Sends DISCONNECT and closes.
    Disconnect {
        /// Reason code (5.0).
        reason: ReasonCode,
        /// Session Expiry Interval in seconds (5.0).
        session_expiry: Option<u32>,
    },
    /// Drops the connection without DISCONNECT.
    Drop,
    /// Sends SUBSCRIBE; over when SUBACK came or the connection is gone.
    Subscribe {
        /// The subscriptions.
        filters: Vec<String>,
        /// Maximum QoS, the same for all.
        qos: QoS,
        /// No Local (5.0).
        no_local: bool,
        /// Retain As Published (5.0).
        retain_as_published: bool,
        /// Retain Handling (5.0): 0, 1 or 2.
        retain_handling: u8,
        /// Subscription Identifier (5.0).
        id: Option<u32>,
    },
    /// Sends UNSUBSCRIBE; over when UNSUBACK came or the connection is gone.
    Unsubscribe {
        /// The filters.
        filters: Vec<String>,
    },
    /// Hands a message to the client; over when it is acknowledged, or the connection is gone, or at once when
    /// the client is offline (it is then sent after the next connect).
    Publish {
        /// The message.
        message: MessageSpec,
        /// Reason code the acknowledgement must carry (5.0); any below 0x80 when `None`.
        expect_reason: Option<ReasonCode>,
    },
    /// Waits for messages; fails when they do not come in time.
    Receive {
        /// Which.
        what: MessagePattern,
        /// How many; at least 1.
        count: u32,
    },
    /// Nothing may be delivered to the client for this long.
    Silent(Duration),
}

/// What must come of a connect step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectExpect {
    /// The Session Present flag, if it matters.
    pub session_present: Option<bool>,
    /// A refusal with this code; acceptance when `None`.
    pub reason: Option<ReasonCode>,
}

/// A message to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageSpec {
    /// Topic name.
    pub topic: String,
    /// Payload.
    pub payload: Bytes,
    /// QoS.
    pub qos: QoS,
    /// RETAIN.
    pub retain: bool,
    /// Message Expiry Interval in seconds (5.0).
    pub expiry: Option<u32>,
}

/// Which messages are meant; `None` means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessagePattern {
    /// Topic filter.
    pub topic: Option<String>,
    /// Payload.
    pub payload: Option<Bytes>,
    /// QoS.
    pub qos: Option<QoS>,
    /// RETAIN flag.
    pub retain: Option<bool>,
    /// DUP flag.
    pub dup: Option<bool>,
}

/// What can break, or be mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client's connection dies: now, or at a protocol point of the current or next connection.
    Cut {
        /// Whose.
        client: ClientIx,
        /// At which packet; now when `None`.
        point: Option<CutPoint>,
        /// How.
        by: CutBy,
    },
    /// Nothing passes until it is healed.
    Partition {
        /// Whose link; everybody's when `None`.
        client: Option<ClientIx>,
        /// Which way.
        way: Way,
        /// Heals by itself after this time.
        lasts: Option<Duration>,
    },
    /// Partitions end and armed cuts are disarmed.
    Heal {
        /// Whose; everybody's when `None`.
        client: Option<ClientIx>,
    },
    /// Seeded random cuts. Becomes a [`StepKind::Timeline`] in the plan.
    Flap {
        /// Whose connection.
        client: ClientIx,
        /// Shortest and longest time between two cuts.
        every: (Duration, Duration),
        /// For how long.
        lasts: Duration,
        /// How.
        by: CutBy,
    },
}

/// Directions of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Both.
    Both,
    /// From client to broker.
    Up,
    /// From broker to client.
    Down,
}

/// A point in the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutPoint {
    /// `true`: the packet still arrives. `false`: it does not.
    pub after: bool,
    /// The packet.
    pub packet: PacketType,
    /// The how-manieth since the fault was armed; from 1.
    pub nth: u32,
    /// Who sends it.
    pub from: Role,
}

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutBy {
    /// The connection is reset; both ends notice.
    Reset,
    /// The connection is closed in order; both ends notice.
    Close,
    /// Nothing passes any more and nobody is told.
    Silence,
}

/// Seeded random publishers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Who publishes.
    pub publishers: Vec<ClientIx>,
    /// Topics to choose from.
    pub topics: Vec<String>,
    /// QoS levels to choose from.
    pub qos: Vec<QoS>,
    /// Messages of each publisher.
    pub count: u32,
    /// Shortest and longest time between two messages of one publisher.
    pub every: (Duration, Duration),
    /// Shortest and longest payload in bytes (the unique text that identifies it included).
    pub size: (u32, u32),
    /// Share of messages with RETAIN, in thousandths.
    pub retain_permille: u16,
}
