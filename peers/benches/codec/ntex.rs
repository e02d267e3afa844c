//! ntex-mqtt. Its encoder consumes packets, so each run gets clones made outside the measured time.

use crate::codec::Codec;
use ntex_bytes::BytesMut;
use ntex_codec::{Decoder, Encoder};
use ntex_mqtt::{v3, v5};

macro_rules! codec {
    ($name:ident, $version:ident) => {
        #[derive(Clone, Default)]
        pub(crate) struct $name {
            buffer: BytesMut,
            codec: $version::codec::Codec,
        }

        impl Codec for $name {
            type Packet = $version::codec::Packet;
            type Job = Vec<Self::Packet>;
            type Output = BytesMut;

            fn receive(&mut self, bytes: &[u8]) {
                self.buffer.extend_from_slice(bytes);
            }

            fn next(&mut self) -> Option<Self::Packet> {
                let decoded = self
                    .codec
                    .decode(&mut self.buffer)
                    .expect("workloads are valid");
                decoded.map(|(packet, _)| packet)
            }

            fn job(&self, packets: &[Self::Packet]) -> Self::Job {
                packets.to_vec()
            }

            fn encode(job: Self::Job, _: &[Self::Packet], out: &mut BytesMut) -> usize {
                out.clear();
                let codec = $version::codec::Codec::new();
                for packet in job {
                    codec
                        .encode(packet, out)
                        .expect("decoded packets can be encoded");
                }
                out.len()
            }

            fn written(out: &BytesMut) -> Option<&[u8]> {
                Some(out)
            }
        }
    };
}

codec!(V3, v3);
codec!(V5, v5);
