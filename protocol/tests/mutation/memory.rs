//! How much heap a peer can make a decoder take: what arrived, times a constant; never what a header claims.

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use squall_protocol::{Decoder, Packet, Role, Version, decode_one};

/// Bytes of heap for each byte of packet at most, counted while a list grows (its old and new room at once).
const PER_BYTE: u64 = 120;
/// Bytes of heap beside that: the words of a violation and small change.
const BESIDE: u64 = 2_000;

/// The most heap that reading may take while `holds` bytes are there to be read.
pub(crate) fn allowed(holds: usize) -> u64 {
    holds as u64 * PER_BYTE + BESIDE
}

/// PUBLISH with a Remaining Length of 268,435,455.
const CLAIM: &[u8] = &[0x30, 0xFF, 0xFF, 0xFF, 0x7F];

fn decoder(max: u32) -> Decoder {
    let mut decoder = Decoder::new(Role::Server);
    decoder.set_version(Version::V5_0);
    decoder.set_max_packet_size(max);
    decoder
}

#[test]
fn a_claim_over_the_limit_takes_no_room() {
    let info = measure(|| {
        let mut decoder = decoder(1 << 20);
        decoder.push(CLAIM);
        decoder.next_frame().expect_err("over the limit");
        for _ in 0..1000 {
            decoder.push(&[0; 10_000]);
            decoder.next_frame().expect_err("broken for good");
        }
    });
    assert!(info.bytes_max < 1_000, "{info:?}");
}

#[test]
fn a_claim_within_the_limit_takes_room_for_what_arrived() {
    let mut decoder = decoder(Decoder::LARGEST_PACKET);
    let info = measure(|| {
        decoder.push(CLAIM);
        assert_eq!(decoder.next_frame(), Ok(None));
    });
    assert!(info.bytes_max < 1_000, "{info:?}");
    for sent in (0..).map(|n| n * 1_000).take(200) {
        let info = measure(|| {
            decoder.push(&[0; 1_000]);
            assert_eq!(decoder.next_frame(), Ok(None));
        });
        // A buffer that is full moves to one twice as large.
        assert!(info.bytes_max <= 4 * (sent + 1_000), "{sent}: {info:?}");
    }
}

/// A field inside a packet claims more than there is.
#[test]
fn a_claim_inside_a_packet_takes_no_room() {
    for wire in [
        &b"\x30\x07\xFF\xFF\0\x01a\0\0"[..],
        b"\x30\x07\0\x01a\xFF\xFF\xFF\x7F",
        b"\x30\x08\0\x01a\x04\x09\xFF\xFF\0",
        b"\x90\x03\0\x01\xFF",
    ] {
        let wire = Bytes::from_static(wire);
        let info = measure(|| {
            decode_one(&wire, Role::Server, Some(Version::V5_0)).expect_err("cut short");
        });
        assert!(info.bytes_max < 1_000, "{info:?}");
    }
}

/// A packet is a slice of what was pushed, not a copy: one that is kept keeps the chunk it came in, and no more. Who
/// stores a field for long copies it.
#[test]
fn a_packet_that_is_kept_keeps_its_chunk() {
    let chunk = b"\xD0\0\x30\x04\0\x01a\0".repeat(8_000);
    let mut kept = None;
    let info = measure(|| {
        let mut decoder = decoder(Decoder::LARGEST_PACKET);
        for _ in 0..20 {
            decoder.push(&chunk);
            while let Some(frame) = decoder.next_frame().expect("valid") {
                kept = Some(frame);
            }
        }
    });
    let held = info.bytes_current.unsigned_abs();
    let chunk = chunk.len() as u64;
    assert!(
        (chunk..=2 * chunk).contains(&held),
        "{held} bytes of {chunk}"
    );
    drop(kept);
}

/// A packet of about `size` bytes that says as much as it can with each: the same bytes over and over between a front
/// and a back.
fn bomb(first: u8, front: &[u8], each: &[u8], back: &[u8], list: bool, size: usize) -> Bytes {
    let items = each.repeat(size / each.len());
    let length = if list {
        variable(items.len())
    } else {
        Vec::new()
    };
    let body = [front, &length, &items, back].concat();
    [&[first][..], &variable(body.len()), &body].concat().into()
}

/// A variable byte integer (section 1.5.5 of 5.0).
fn variable(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let more = if value > 127 { 0x80 } else { 0 };
        bytes.push((value % 128) as u8 | more);
        value /= 128;
        if value == 0 {
            return bytes;
        }
    }
}

#[test]
fn a_packet_takes_a_constant_times_its_size() {
    type Bomb = (
        &'static str,
        Role,
        u8,
        &'static [u8],
        &'static [u8],
        &'static [u8],
        bool,
    );
    #[rustfmt::skip]
    const BOMBS: &[Bomb] = &[
        ("SUBSCRIBE", Role::Client, 0x82, b"\0\x01\0", b"\0\x01a\0", b"", false),
        ("UNSUBSCRIBE", Role::Client, 0xA2, b"\0\x01\0", b"\0\x01a", b"", false),
        ("SUBACK", Role::Server, 0x90, b"\0\x01\0", b"\0", b"", false),
        ("UNSUBACK", Role::Server, 0xB0, b"\0\x01\0", b"\x11", b"", false),
        ("User Property", Role::Server, 0x20, b"\0\0", b"\x26\0\0\0\0", b"", true),
        ("Subscription Identifier", Role::Server, 0x30, b"\0\x01a", b"\x0B\x01", b"", true),
        ("payload", Role::Server, 0x30, b"\0\x01a\0", b"x", b"", false),
        // The fault stands at the end, when the list is there already.
        ("broken SUBSCRIBE", Role::Client, 0x82, b"\0\x01\0", b"\0\x01a\0", b"\0", false),
    ];
    let mut rows = Vec::new();
    for (name, from, first, front, each, back, list) in BOMBS {
        // Just after a power of two, where a list that doubles wastes most.
        for size in [1_000, 66_000, 1_050_000] {
            let wire = bomb(*first, front, each, back, *list, size);
            let mut taken = false;
            let mut packet: Option<Packet> = None;
            let info: AllocationInfo = measure(|| {
                let read = decode_one(&wire, *from, Some(Version::V5_0));
                taken = read.is_ok();
                packet = read.ok().map(|frame| frame.packet);
            });
            assert_eq!(taken, !name.starts_with("broken"), "{name}");
            assert!(
                info.bytes_max <= allowed(wire.len()),
                "{name} {size}: {info:?}"
            );
            let times = |bytes: u64| bytes.div_ceil(wire.len() as u64);
            let kept = times(info.bytes_current.unsigned_abs());
            rows.push(format!(
                "{name} {size}: at most {}, kept {kept}",
                times(info.bytes_max)
            ));
        }
    }
    insta::assert_snapshot!(rows.join("\n"));
}
