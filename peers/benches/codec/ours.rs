//! squall-protocol.

use crate::codec::Codec;
use bytes::BytesMut;
use squall_protocol::{Decoder, Frame, Packet, Role, Version, encode_into};

/// Packets alone, as the peers give them.
pub(crate) struct Squall {
    version: Version,
    decoder: Decoder,
}

impl Squall {
    pub(crate) fn new(version: Version) -> Self {
        let mut decoder = Decoder::new(Role::Client);
        decoder.set_version(version);
        Self { version, decoder }
    }
}

impl Clone for Squall {
    fn clone(&self) -> Self {
        Self::new(self.version)
    }
}

impl Codec for Squall {
    type Packet = Packet;
    type Job = Version;
    type Output = BytesMut;

    fn receive(&mut self, bytes: &[u8]) {
        self.decoder.push(bytes);
    }

    fn next(&mut self) -> Option<Self::Packet> {
        self.decoder.next_packet().expect("workloads are valid")
    }

    fn job(&self, _: &[Packet]) -> Version {
        self.version
    }

    fn encode(version: Version, packets: &[Packet], out: &mut BytesMut) -> usize {
        out.clear();
        for packet in packets {
            encode_into(packet, version, out).expect("decoded packets can be encoded");
        }
        out.len()
    }

    fn written(out: &BytesMut) -> Option<&[u8]> {
        Some(out)
    }
}

/// Packets together with the bytes they came in, which is more than any peer gives.
#[derive(Clone)]
pub(crate) struct Frames(Squall);

impl Frames {
    pub(crate) fn new(version: Version) -> Self {
        Self(Squall::new(version))
    }
}

impl Codec for Frames {
    type Packet = Frame;
    type Job = ();
    type Output = ();

    fn receive(&mut self, bytes: &[u8]) {
        self.0.decoder.push(bytes);
    }

    fn next(&mut self) -> Option<Frame> {
        self.0.decoder.next_frame().expect("workloads are valid")
    }

    fn job(&self, _: &[Frame]) {}

    fn encode((): (), packets: &[Frame], (): &mut ()) -> usize {
        packets.iter().map(|frame| frame.bytes.len()).sum()
    }

    fn written((): &()) -> Option<&[u8]> {
        None
    }
}
