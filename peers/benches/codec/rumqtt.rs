//! rumqttc. Its CONNECT is written correctly at the beginning of a buffer alone, so the buffer is cleared before each
//! CONNECT; everything else is appended, as with the other codecs.

use crate::codec::Codec;
use bytes::BytesMut;
use rumqttc::{mqttbytes, v5::mqttbytes as mqttbytes5};

macro_rules! codec {
    ($name:ident, $packet:ty, $connect:path, $insufficient:path, $max:expr) => {
        #[derive(Clone, Default)]
        pub(crate) struct $name(BytesMut);

        impl Codec for $name {
            type Packet = $packet;
            type Job = ();
            type Output = BytesMut;

            fn receive(&mut self, bytes: &[u8]) {
                self.0.extend_from_slice(bytes);
            }

            fn next(&mut self) -> Option<Self::Packet> {
                match <$packet>::read(&mut self.0, $max) {
                    Ok(packet) => Some(packet),
                    Err($insufficient(_)) => None,
                    Err(e) => panic!("workloads are valid: {e}"),
                }
            }

            fn job(&self, _: &[Self::Packet]) {}

            fn encode((): (), packets: &[Self::Packet], out: &mut BytesMut) -> usize {
                out.clear();
                let written = packets.iter().map(|packet| {
                    if matches!(packet, $connect(..)) {
                        out.clear();
                    }
                    let length = packet.write(out, $max);
                    length.expect("decoded packets can be encoded")
                });
                written.sum()
            }

            fn written(_: &BytesMut) -> Option<&[u8]> {
                None
            }
        }
    };
}

codec!(
    V3,
    mqttbytes::v4::Packet,
    mqttbytes::v4::Packet::Connect,
    mqttbytes::Error::InsufficientBytes,
    1 << 20
);
codec!(
    V5,
    mqttbytes5::v5::Packet,
    mqttbytes5::v5::Packet::Connect,
    mqttbytes5::Error::InsufficientBytes,
    Some(1 << 20)
);
