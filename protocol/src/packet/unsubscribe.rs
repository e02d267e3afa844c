//! UNSUBSCRIBE: a client gives subscriptions up (section 3.10).

use crate::{
    EncodeError, PacketId, Properties, Rule, Text, Version, Violation,
    packet::fields::fill_filter,
    properties::Owner,
    topic::TopicFilter,
    wire::{Reader, Writer},
};

/// UNSUBSCRIBE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Packet identifier, answered in the UNSUBACK.
    pub packet_id: PacketId,
    /// Properties (5.0; empty in 3.1.1).
    pub properties: Properties,
    /// At least one topic filter.
    pub filters: Vec<TopicFilter>,
}

impl Unsubscribe {
    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, Violation> {
        let packet_id = r.packet_id()?;
        let properties = Properties::decode(r, Owner::Packet)?;
        let mut filters = Vec::with_capacity(r.count_strings(0));
        while r.remaining() > 0 {
            filters.push(TopicFilter::unchecked(Text::new()));
            fill_filter(r, filters.last_mut().expect("pushed above"))?;
        }
        if filters.is_empty() {
            // [MQTT-3.10.3-2]
            return Err(r.violation(Rule::UnsubscribeEmpty, r.offset(), "no topic filter"));
        }
        Ok(Self {
            packet_id,
            properties,
            filters,
        })
    }

    pub(super) fn encode(&self, w: &mut impl Writer, version: Version) -> Result<(), EncodeError> {
        w.packet_id(self.packet_id);
        if version == Version::V5_0 {
            self.properties.encode(w)?;
        }
        self.filters
            .iter()
            .try_for_each(|filter| w.binary(filter.as_str().as_bytes()))
    }
}
