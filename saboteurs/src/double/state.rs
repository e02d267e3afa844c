//! What the double remembers: connections, sessions, messages. Decides nothing.

pub(super) use crate::ConnectionId;
use bytes::{Bytes, BytesMut};
use squall_protocol::{Properties, QoS, Text, Version, packet::RetainHandling};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    rc::Rc,
};

/// A connection whose end has not been seen yet.
#[derive(Debug, Default)]
pub(super) struct Connection {
    pub(super) buffer: BytesMut,
    pub(super) version: Option<Version>,
    /// The session it belongs to, once CONNECT was accepted.
    pub(super) session: Option<String>,
    /// Nothing that arrives is handled any more.
    pub(super) deaf: bool,
    /// Refused, and what follows is handled all the same.
    pub(super) refused: bool,
    pub(super) opened: u64,
    pub(super) heard: u64,
    /// Keep Alive in milliseconds; 0 for none.
    pub(super) keep_alive: u64,
    pub(super) receive_maximum: u16,
    pub(super) maximum_packet_size: Option<u32>,
    pub(super) alias_maximum: u16,
    pub(super) problem_information: bool,
    /// Session Expiry Interval of CONNECT was 0.
    pub(super) expiry_was_zero: bool,
    pub(super) aliases_in: BTreeMap<u16, Text>,
    pub(super) aliases_out: BTreeMap<String, u16>,
    /// Identifiers of QoS 2 messages received on this connection and not completed.
    pub(super) receiving: BTreeSet<u16>,
    pub(super) pinged: Option<u64>,
    /// Written and held back, to go out in one write.
    pub(super) held: BytesMut,
    /// Quota won by acknowledgements that belong to nothing.
    pub(super) extra_quota: usize,
    /// Quota lost for good.
    pub(super) lost_quota: usize,
}

/// An application message.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// The session that published it.
    pub(super) publisher: String,
    pub(super) topic: Text,
    pub(super) payload: Bytes,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    pub(super) dup: bool,
    /// What is forwarded, without Message Expiry Interval and Topic Alias.
    pub(super) properties: Properties,
    /// Message Expiry Interval in seconds.
    pub(super) expiry: Option<u32>,
    /// When the server took it over.
    pub(super) received: u64,
    /// Numbers messages in the order they were taken over.
    pub(super) number: u64,
    /// The alias it came with.
    pub(super) alias: Option<u16>,
}

/// A message on its way to one session.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) message: Rc<Message>,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    pub(super) subscription_ids: Vec<u32>,
    /// The shared subscription that brought it, with its filter as subscribed.
    pub(super) share: Option<String>,
    /// The filter that matched.
    pub(super) filter: String,
    /// Its client was away, or its quota used up, when it came.
    pub(super) waited: bool,
    /// It may not be sent before.
    pub(super) not_before: u64,
}

/// How far the delivery of a QoS 1 or 2 message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// PUBLISH waits for PUBACK or PUBREC.
    Published,
    /// PUBREL waits for PUBCOMP.
    Released,
}

/// A QoS 1 or 2 message that was sent and is not yet acknowledged in full.
#[derive(Clone, Debug)]
pub(super) struct InFlight {
    pub(super) id: u16,
    pub(super) delivery: Delivery,
    pub(super) stage: Stage,
    /// Sent on the connection there is now.
    pub(super) sent: bool,
    pub(super) sent_at: u64,
    /// Sent on an earlier connection too.
    pub(super) again: bool,
    /// Acknowledged, and kept by a fault.
    pub(super) ghost: bool,
}

/// One subscription of a session.
#[derive(Clone, Debug)]
pub(super) struct Subscribed {
    /// As on the wire, with `$share` and ShareName.
    pub(super) filter: String,
    /// What is matched.
    pub(super) pattern: String,
    pub(super) share: Option<String>,
    pub(super) qos: QoS,
    pub(super) no_local: bool,
    pub(super) retain_as_published: bool,
    pub(super) retain_handling: RetainHandling,
    pub(super) id: Option<u32>,
    /// The connection it was made on.
    pub(super) connection: ConnectionId,
}

/// A will that waits for its occasion.
#[derive(Clone, Debug)]
pub(super) struct StoredWill {
    pub(super) message: Message,
    /// Will Delay Interval in seconds.
    pub(super) delay: u32,
}

/// What is kept under a Client Identifier.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) version: Version,
    pub(super) connection: Option<ConnectionId>,
    /// Session Expiry Interval in seconds; `u32::MAX` for ever.
    pub(super) expiry: u32,
    /// When it ends, while its client is away.
    pub(super) ends: Option<u64>,
    pub(super) connected: u64,
    /// In the order they were made.
    pub(super) subscriptions: Vec<Subscribed>,
    pub(super) queue: VecDeque<Delivery>,
    pub(super) in_flight: Vec<InFlight>,
    /// QoS 2 identifiers that wait for PUBREL, with the message where that is passed on only then.
    pub(super) inbound: BTreeMap<u16, Option<Message>>,
    /// QoS 2 identifiers whose PUBLISH was repeated.
    pub(super) repeated: BTreeSet<u16>,
    /// QoS 2 identifiers of messages that expire, and when.
    pub(super) inbound_expiry: BTreeMap<u16, u64>,
    /// QoS 1 identifiers that were seen.
    pub(super) seen: BTreeSet<u16>,
    pub(super) last_id: u16,
    pub(super) will: Option<StoredWill>,
    /// When the will is due, after the end of a connection.
    pub(super) will_due: Option<u64>,
    /// Topics whose retained message is this client's.
    pub(super) retained: BTreeSet<String>,
    /// The first Receive Maximum it had.
    pub(super) first_receive_maximum: u16,
    /// Messages acknowledged after they had waited.
    pub(super) done: Vec<Delivery>,
    /// The last acknowledgement that came.
    pub(super) last_acked: Option<InFlight>,
    /// Identifier of the last SUBSCRIBE.
    pub(super) last_subscribe: u16,
    /// QoS 0 messages to it, counted.
    pub(super) qos0: u32,
    pub(super) aliases: BTreeMap<u16, Text>,
    /// How many SUBSCRIBE it sent.
    pub(super) subscribes: u16,
}

impl Session {
    pub(super) fn new(version: Version) -> Self {
        Self {
            version,
            connection: None,
            expiry: 0,
            ends: None,
            connected: 0,
            subscriptions: Vec::new(),
            queue: VecDeque::new(),
            in_flight: Vec::new(),
            inbound: BTreeMap::new(),
            repeated: BTreeSet::new(),
            inbound_expiry: BTreeMap::new(),
            seen: BTreeSet::new(),
            last_id: 0,
            will: None,
            will_due: None,
            retained: BTreeSet::new(),
            first_receive_maximum: 0,
            done: Vec::new(),
            last_acked: None,
            last_subscribe: 0,
            qos0: 0,
            aliases: BTreeMap::new(),
            subscribes: 0,
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client or the network closed it.
    Broken,
    /// DISCONNECT 0x00.
    Disconnected,
    /// DISCONNECT with another reason.
    DisconnectedWithWill,
    /// The server closed it.
    ByServer,
}
