//! SUBSCRIBE: a client asks for messages (section 3.8).

use crate::{
    EncodeError, PacketId, Properties, QoS, Rule, Text, Version, Violation,
    packet::fields::fill_filter,
    properties::Owner,
    topic::TopicFilter,
    wire::{Reader, Writer},
};

/// SUBSCRIBE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// Packet identifier, answered in the SUBACK.
    pub packet_id: PacketId,
    /// Properties (5.0; empty in 3.1.1).
    pub properties: Properties,
    /// At least one subscription.
    pub subscriptions: Vec<Subscription>,
}

/// One topic filter with its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Topic filter.
    pub filter: TopicFilter,
    /// Highest QoS the subscriber wants.
    pub qos: QoS,
    /// No Local (5.0; false in 3.1.1).
    pub no_local: bool,
    /// Retain As Published (5.0; false in 3.1.1).
    pub retain_as_published: bool,
    /// Retain Handling (5.0; [`RetainHandling::Send`] in 3.1.1).
    pub retain_handling: RetainHandling,
}

impl Subscription {
    /// A subscription with the default options of 5.0, which is all 3.1.1 knows.
    #[must_use]
    pub const fn new(filter: TopicFilter, qos: QoS) -> Self {
        Self {
            filter,
            qos,
            no_local: false,
            retain_as_published: false,
            retain_handling: RetainHandling::Send,
        }
    }
}

/// When retained messages are sent (5.0, section 3.8.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RetainHandling {
    /// 0: at every subscribe.
    #[default]
    Send = 0,
    /// 1: only if the subscription did not exist before.
    SendIfNew = 1,
    /// 2: never at subscribe.
    DoNotSend = 2,
}

impl RetainHandling {
    /// The option for a two-bit field, `None` for the reserved value 3.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::Send),
            1 => Some(Self::SendIfNew),
            2 => Some(Self::DoNotSend),
            _ => None,
        }
    }
}

impl Subscribe {
    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, Violation> {
        let packet_id = r.packet_id()?;
        let properties = Properties::decode(r, Owner::Packet)?;
        let mut subscriptions = Vec::with_capacity(r.count_strings(1));
        while r.remaining() > 0 {
            let empty = TopicFilter::unchecked(Text::new());
            subscriptions.push(Subscription::new(empty, QoS::AtMostOnce));
            let subscription = subscriptions.last_mut().expect("pushed above");
            subscription.fill(r)?;
        }
        if subscriptions.is_empty() {
            // [MQTT-3.8.3-3] (3.1.1), [MQTT-3.8.3-2] (5.0)
            return Err(r.violation(Rule::SubscribeEmpty, r.offset(), "no topic filter"));
        }
        Ok(Self {
            packet_id,
            properties,
            subscriptions,
        })
    }

    pub(super) fn encode(&self, w: &mut impl Writer, version: Version) -> Result<(), EncodeError> {
        w.packet_id(self.packet_id);
        if version == Version::V5_0 {
            self.properties.encode(w)?;
        }
        for subscription in &self.subscriptions {
            w.binary(subscription.filter.as_str().as_bytes())?;
            w.u8(match version {
                Version::V3_1_1 => subscription.qos.as_u8(),
                Version::V5_0 => subscription.options(),
            });
        }
        Ok(())
    }
}

impl Subscription {
    /// Reads filter and options into a subscription without either.
    fn fill(&mut self, r: &mut Reader<'_>) -> Result<(), Violation> {
        fill_filter(r, &mut self.filter)?;
        let at = r.offset();
        let (field, reserved) = match r.version {
            Version::V3_1_1 => ("Requested QoS", 0xFC),
            Version::V5_0 => ("Subscription Options", 0xC0),
        };
        let options = r.u8(field)?;
        r.explain(|| format!("0x{options:02X}"));
        if options & reserved != 0 {
            // [MQTT-3.8.3-4] (3.1.1), [MQTT-3.8.3-5] (5.0)
            let message = format!("{field} 0x{options:02X} has reserved bits set");
            return Err(r.violation(Rule::SubscriptionReservedBits, at, message));
        }
        let Some(qos) = QoS::from_bits(options & 3) else {
            let rule = match r.version {
                // [MQTT-3.8.3-4] (3.1.1)
                Version::V3_1_1 => Rule::RequestedQoS3,
                // [X-5.0-subopt-1]
                Version::V5_0 => Rule::SubscriptionQoS3,
            };
            return Err(r.violation(rule, at, format!("{field} asks for QoS 3")));
        };
        let Some(retain_handling) = RetainHandling::from_bits(options >> 4 & 3) else {
            // [X-5.0-subopt-2]
            return Err(r.violation(Rule::RetainHandling3, at, "Retain Handling 3"));
        };
        let no_local = options & NO_LOCAL != 0;
        if no_local && self.filter.is_shared() {
            // [MQTT-3.8.3-4] (5.0)
            let message = "No Local on a shared subscription";
            return Err(r.violation(Rule::NoLocalShared, at, message));
        }
        self.qos = qos;
        self.no_local = no_local;
        self.retain_as_published = options & RETAIN_AS_PUBLISHED != 0;
        self.retain_handling = retain_handling;
        let version = r.version;
        r.explain(|| self.options_in_words(version));
        Ok(())
    }

    /// What the byte after the topic filter says.
    pub(super) fn options_in_words(&self, version: Version) -> String {
        match version {
            Version::V3_1_1 => format!("QoS {}", self.qos),
            Version::V5_0 => format!(
                "QoS {}, No Local {}, Retain As Published {}, Retain Handling {}",
                self.qos,
                u8::from(self.no_local),
                u8::from(self.retain_as_published),
                self.retain_handling as u8
            ),
        }
    }

    /// The Subscription Options byte of 5.0 (section 3.8.3.1).
    fn options(&self) -> u8 {
        let no_local = if self.no_local { NO_LOCAL } else { 0 };
        let retain_as_published = if self.retain_as_published {
            RETAIN_AS_PUBLISHED
        } else {
            0
        };
        self.qos.as_u8() | no_local | retain_as_published | (self.retain_handling as u8) << 4
    }
}

const NO_LOCAL: u8 = 0x04;
const RETAIN_AS_PUBLISHED: u8 = 0x08;
