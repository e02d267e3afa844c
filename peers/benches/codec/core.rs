//! mqtt-protocol-core: the parsers of its packets, which are faster than its `PacketBuilder`; framing is ours. PUBLISH
//! is parsed from an `Arc<[u8]>`, which is the copy its receive path makes as well. Its encoder gives a new `Vec` for
//! each packet.

use crate::codec::{Codec, frame};
use mqtt_protocol_core::mqtt::{
    common::Arc,
    packet::{GenericPacketTrait, Packet, v3_1_1, v5_0},
};
use std::hint::black_box;

macro_rules! codec {
    ($name:ident, $version:ident, [$($number:literal $packet:ident $variant:ident;)*], $publish:ident) => {
        #[derive(Clone, Default)]
        pub(crate) struct $name {
            buffer: Vec<u8>,
            read: usize,
        }

        impl Codec for $name {
            type Packet = Packet;
            type Job = ();
            type Output = ();

            fn receive(&mut self, bytes: &[u8]) {
                self.buffer.drain(..self.read);
                self.read = 0;
                self.buffer.extend_from_slice(bytes);
            }

            fn next(&mut self) -> Option<Packet> {
                let bytes = &self.buffer[self.read..];
                let at = frame(bytes)?;
                self.read += at.end;
                let (first, body) = (bytes[0], &bytes[at]);
                Some(match first >> 4 {
                    3 => {
                        let parsed = $version::Publish::parse(first & 0x0F, Arc::from(body));
                        Packet::$publish(parsed.expect("workloads are valid").0)
                    }
                    $($number => {
                        let parsed = $version::$packet::parse(body);
                        Packet::$variant(parsed.expect("workloads are valid").0)
                    })*
                    other => panic!("no workload has packet type {other}"),
                })
            }

            fn job(&self, _: &[Packet]) {}

            fn encode((): (), packets: &[Packet], (): &mut ()) -> usize {
                let encoded = packets.iter().map(|packet| black_box(packet.to_continuous_buffer()).len());
                encoded.sum()
            }

            fn written((): &()) -> Option<&[u8]> {
                None
            }
        }
    };
}

codec!(V3, v3_1_1, [
    1 Connect V3_1_1Connect;
    4 Puback V3_1_1Puback;
    6 Pubrel V3_1_1Pubrel;
    8 Subscribe V3_1_1Subscribe;
    10 Unsubscribe V3_1_1Unsubscribe;
    12 Pingreq V3_1_1Pingreq;
], V3_1_1Publish);
codec!(V5, v5_0, [
    1 Connect V5_0Connect;
    4 Puback V5_0Puback;
    6 Pubrel V5_0Pubrel;
    8 Subscribe V5_0Subscribe;
    10 Unsubscribe V5_0Unsubscribe;
    12 Pingreq V5_0Pingreq;
], V5_0Publish);
