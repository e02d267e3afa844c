//! How often the codec asks for memory, where that is said of it.

use crate::notation::bytes;
use allocation_counter::measure;
use bytes::BytesMut;
use squall_protocol::{Decoder, Packet, Role, Version, encode_into};

/// How many allocations it takes to decode this packet of a client, and to encode it again into a buffer with room.
fn allocations(version: Version, wire: &str) -> (u64, u64) {
    let mut decoder = Decoder::new(Role::Client);
    decoder.set_version(version);
    decoder.push(&bytes(wire));
    let mut packet: Option<Packet> = None;
    let decode = measure(|| packet = decoder.next_packet().expect("valid"));
    let packet = packet.expect("a whole packet");
    let mut out = BytesMut::with_capacity(1024);
    let encode = measure(|| encode_into(&packet, version, &mut out).expect("decoded"));
    assert_eq!(out, bytes(wire));
    (decode.count_total, encode.count_total)
}

#[test]
fn a_small_publish_allocates_its_payload_alone() {
    for (version, wire, decode) in [
        (Version::V3_1_1, "30 08 0003 'a/b' 'xyz'", 1),
        (Version::V5_0, "30 09 0003 'a/b' 00 'xyz'", 1),
        (Version::V5_0, "32 08 0003 'a/b' 0001 00", 0),
        (Version::V5_0, "40 02 0001", 0),
        (Version::V5_0, "C0 00", 0),
    ] {
        assert_eq!(allocations(version, wire), (decode, 0), "{wire}");
    }
}

#[test]
fn filters_allocate_their_list_alone() {
    let filters = "0003 'a/+' 00 ".repeat(20);
    let wire = format!("82 7B 0001 00 {filters}");
    assert_eq!(allocations(Version::V5_0, &wire), (1, 0));
}
