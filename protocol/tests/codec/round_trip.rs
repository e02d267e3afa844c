//! What is written is read: any valid packet, any split, several packets in a row.

use crate::strategies::{packet, sent};
use proptest::{collection::vec, prelude::*};
use squall_protocol::{Decoder, Packet, Role, Version, decode_one, encode};

proptest! {
    #[test]
    fn decode_reads_what_encode_wrote((role, version, packet) in sent()) {
        let wire = encode(&packet, version).unwrap();
        let known = (!matches!(packet, Packet::Connect(_))).then_some(version);
        let frame = decode_one(&wire, role, known).map_err(|v| TestCaseError::fail(v.to_string()))?;
        prop_assert_eq!(&frame.packet, &packet);
        prop_assert_eq!(&frame.bytes, &wire);
        prop_assert!(!packet.summary().contains('\n'));
        prop_assert!(!packet.describe(version).is_empty());
    }

    #[test]
    fn the_stream_does_not_depend_on_how_it_is_cut(
        packets in vec(packet(Role::Server, Version::V5_0), 1..6),
        sizes in vec(1usize..40, 1..8),
    ) {
        let wire: Vec<u8> = packets.iter().flat_map(|p| encode(p, Version::V5_0).unwrap().to_vec()).collect();
        let mut decoder = Decoder::new(Role::Server);
        decoder.set_version(Version::V5_0);
        let mut read = Vec::new();
        let mut rest = &wire[..];
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, tail) = rest.split_at((*size).min(rest.len()));
            decoder.push(chunk);
            rest = tail;
            while let Some(frame) = decoder.next_frame().unwrap() {
                read.push(frame);
            }
        }
        prop_assert_eq!(decoder.buffered(), 0);
        let bytes: Vec<u8> = read.iter().flat_map(|f| f.bytes.to_vec()).collect();
        prop_assert_eq!(bytes, wire);
        prop_assert_eq!(read.into_iter().map(|f| f.packet).collect::<Vec<_>>(), packets);
    }
}
