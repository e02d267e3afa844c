//! mqtt5-protocol: framing is ours, the rest its `decode_from_body_with_version`. PUBLISH is written with
//! `encode_body_direct`, which spares the second buffer of the general path.

use crate::codec::{Codec, frame};
use bytes::{Buf, BytesMut};
use mqtt5_protocol::{
    FixedHeader, Packet,
    packet::{MqttPacket, PacketType},
};
use squall_protocol::Version;

#[derive(Clone)]
pub(crate) struct Mqtt5 {
    level: u8,
    buffer: BytesMut,
}

impl Mqtt5 {
    pub(crate) fn new(version: Version) -> Self {
        let buffer = BytesMut::new();
        Self {
            level: version.level(),
            buffer,
        }
    }
}

impl Codec for Mqtt5 {
    type Packet = Packet;
    type Job = ();
    type Output = BytesMut;

    fn receive(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    fn next(&mut self) -> Option<Packet> {
        let at = frame(&self.buffer)?;
        let header =
            FixedHeader::decode(&mut &self.buffer[..at.start]).expect("workloads are valid");
        let mut body = self.buffer.split_to(at.end).freeze();
        body.advance(at.start);
        let packet = Packet::decode_from_body_with_version(
            header.packet_type,
            &header,
            &mut body,
            self.level,
        );
        Some(packet.expect("workloads are valid"))
    }

    fn job(&self, _: &[Packet]) {}

    fn encode((): (), packets: &[Packet], out: &mut BytesMut) -> usize {
        out.clear();
        for packet in packets {
            let encoded = match packet {
                Packet::Connect(p) => p.encode(out),
                Packet::Publish(p) => {
                    let body = u32::try_from(p.body_encoded_size()).expect("a packet's length");
                    let header = FixedHeader::new(PacketType::Publish, p.flags(), body);
                    out.reserve(header.encoded_len() + body as usize);
                    header.encode(out).and_then(|()| p.encode_body_direct(out))
                }
                Packet::PubAck(p) => p.encode(out),
                Packet::PubRel(p) => p.encode(out),
                Packet::Subscribe(p) => p.encode(out),
                Packet::Unsubscribe(p) => p.encode(out),
                Packet::PingReq => FixedHeader::new(PacketType::PingReq, 0, 0).encode(out),
                other => panic!("no workload has {}", other.packet_type_name()),
            };
            encoded.expect("decoded packets can be encoded");
        }
        out.len()
    }

    fn written(out: &BytesMut) -> Option<&[u8]> {
        Some(out)
    }
}
