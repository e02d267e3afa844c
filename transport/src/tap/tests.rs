use super::*;
use bytes::Bytes;
use proptest::{collection::vec, prelude::*, sample::select};
use std::time::Duration;

const PUBREC: [u8; 4] = [0x50, 2, 0, 1];
const PINGRESP: [u8; 2] = [0xD0, 0];

const fn place(part: Part, nth: u32) -> Place {
    Place::Packet {
        packet: PacketType::PubRec,
        from: Role::Server,
        nth,
        part,
    }
}

fn passes(bytes: usize, by: Ending) -> Passage {
    let packet = Some(PacketType::PubRec);
    Passage {
        bytes,
        cut: Some(Cut { by, packet }),
    }
}

#[test]
fn cuts_after_the_packet_and_only_once() {
    let mut tap = Tap::new();
    tap.arm(place(Part::Whole, 1), Ending::Reset);
    let bytes = [&PINGRESP[..], &PUBREC, &PINGRESP].concat();
    assert_eq!(tap.pass(Role::Server, &bytes), passes(6, Ending::Reset));
    tap.begin();
    let all = Passage {
        bytes: 8,
        cut: None,
    };
    assert_eq!(tap.pass(Role::Server, &bytes), all);
}

#[test]
fn cuts_before_the_packet_and_in_its_middle() {
    let bytes = [&PINGRESP[..], &PUBREC].concat();
    for (part, passed) in [(Part::Nothing, 2), (Part::Half, 4)] {
        let mut tap = Tap::new();
        tap.arm(place(part, 1), Ending::Close);
        assert_eq!(
            tap.pass(Role::Server, &bytes),
            passes(passed, Ending::Close)
        );
    }
}

#[test]
fn half_of_a_packet_of_two_bytes_is_one() {
    let half = Place::Packet {
        packet: PacketType::PingResp,
        from: Role::Server,
        nth: 1,
        part: Part::Half,
    };
    for pieces in [vec![&PINGRESP[..]], vec![&PINGRESP[..1], &PINGRESP[1..]]] {
        let mut tap = Tap::new();
        tap.arm(half, Ending::Reset);
        let passages = pieces.iter().map(|p| tap.pass(Role::Server, p));
        assert_eq!(passages.map(|p| p.bytes).sum::<usize>(), 1);
    }
}

#[test]
fn counts_over_connections_and_ignores_the_other_direction() {
    let mut tap = Tap::new();
    tap.arm(place(Part::Whole, 2), Ending::Silence);
    assert_eq!(tap.pass(Role::Client, &PUBREC).cut, None);
    assert_eq!(tap.pass(Role::Server, &PUBREC).cut, None);
    tap.begin();
    let passage = tap.pass(Role::Server, &PUBREC);
    assert_eq!(passage, passes(4, Ending::Silence));
}

#[test]
fn what_went_by_is_known_of_every_place() {
    let mut tap = Tap::new();
    tap.pass(Role::Server, &PINGRESP);
    tap.arm(place(Part::Whole, 2), Ending::Reset);
    tap.arm(
        Place::Byte {
            from: Role::Server,
            nth: 5,
        },
        Ending::Close,
    );
    let passage = tap.pass(Role::Server, &[&PUBREC[..], &PINGRESP].concat());
    let by = Ending::Close;
    assert_eq!(passage.bytes, 5);
    assert_eq!(passage.cut, Some(Cut { by, packet: None }));
    tap.disarm();
    let (seen, bit) = (tap.waited(), |n: usize, w: &[Waited]| w[n].bit);
    assert_eq!(
        (seen[0].seen, seen[0].packets, bit(0, &seen)),
        (1, 1, false)
    );
    assert_eq!((seen[1].seen, bit(1, &seen)), (5, true));
}

/// Packets, whole or cut off, of several kinds and lengths.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let first = select(vec![0x30u8, 0x32, 0x40, 0x50, 0xC0, 0xD0]);
    let packet = (first, 0usize..300).prop_map(|(first, length)| {
        let mut packet = vec![first];
        match length {
            0..128 => packet.push(length as u8),
            _ => packet.extend([(length % 128) as u8 | 0x80, (length / 128) as u8]),
        }
        packet.extend(std::iter::repeat_n(7, length));
        packet
    });
    let any = vec(any::<u8>(), 1..20);
    vec(prop_oneof![8 => packet, 1 => any], 1..8).prop_map(|parts| parts.concat())
}

fn places() -> impl Strategy<Value = Vec<(Place, Ending)>> {
    let ending = || select(vec![Ending::Reset, Ending::Close, Ending::Silence]);
    let packet = select(vec![
        PacketType::Publish,
        PacketType::PubAck,
        PacketType::PubRec,
        PacketType::PingReq,
    ]);
    let part = select(vec![Part::Nothing, Part::Half, Part::Whole]);
    let packet = (packet, 1u32..3, part).prop_map(|(packet, nth, part)| Place::Packet {
        packet,
        from: Role::Client,
        nth,
        part,
    });
    let byte = (1u64..900).prop_map(|nth| Place::Byte {
        from: Role::Client,
        nth,
    });
    vec((prop_oneof![3 => packet, 1 => byte], ending()), 1..5)
}

/// Cuts these bytes at these places.
fn pieces<'b>(bytes: &'b [u8], cuts: &[usize]) -> Vec<&'b [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|c| c % (bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let mut from = 0;
    let mut all = Vec::new();
    for to in cuts.into_iter().chain([bytes.len()]) {
        all.push(&bytes[from..to]);
        from = to;
    }
    all
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_is_cut_at_the_same_byte(
        bytes in stream(), armed in places(), cuts in vec(any::<usize>(), 0..12),
    ) {
        let run = |pieces: &[&[u8]]| {
            let mut tap = Tap::new();
            armed.iter().for_each(|(place, by)| tap.arm(*place, *by));
            let mut passed = 0;
            for piece in pieces {
                let passage = tap.pass(Role::Client, piece);
                passed += passage.bytes;
                if passage.cut.is_some() {
                    return (passed, passage.cut, tap.waited());
                }
            }
            (passed, None, tap.waited())
        };
        prop_assert_eq!(run(&pieces(&bytes, &cuts)), run(&[&bytes]));
    }

    #[test]
    fn any_split_of_the_bytes_passes_at_the_same_times_in_the_same_pieces(
        sent in vec((0u64..50, vec(any::<u8>(), 1..40)), 1..6),
        cuts in vec(any::<usize>(), 0..6),
        (latency, coalesce, fragment) in (0u64..30, 0u64..30, 0usize..9),
        stall in proptest::option::of(0u64..100),
    ) {
        let ms = Duration::from_millis;
        let shape = Shape { latency: ms(latency), coalesce: ms(coalesce), fragment };
        let run = |cuts: &[usize]| {
            let mut shaper = Shaper::default();
            shaper.adjust(shape, stall);
            let mut now = 0;
            let mut came = Vec::new();
            let mut all = Vec::new();
            for (after, bytes) in &sent {
                let then = now + after;
                drain(&mut shaper, then.saturating_sub(1), &mut came);
                now = then;
                pieces(bytes, cuts).into_iter().for_each(|p| shaper.push(now, Bytes::copy_from_slice(p)));
                all.extend_from_slice(bytes);
            }
            drain(&mut shaper, u64::MAX - 1, &mut came);
            assert_eq!(shaper.held(), 0);
            (came, all)
        };
        let (came, all) = run(&cuts);
        prop_assert_eq!(came.iter().flat_map(|(_, piece)| piece.clone()).collect::<Vec<_>>(), all);
        prop_assert!(fragment == 0 || came.iter().all(|(_, piece)| piece.len() <= fragment));
        prop_assert_eq!(came, run(&[]).0);
    }
}

/// Everything that passes until this time, and when.
fn drain(shaper: &mut Shaper, until: u64, came: &mut Vec<(u64, Vec<u8>)>) {
    while let Some(at) = shaper.deadline().filter(|at| *at <= until) {
        let piece = shaper.pop(at, usize::MAX);
        assert!(
            !piece.is_empty(),
            "something passes when the deadline has come"
        );
        came.push((at, piece.to_vec()));
    }
}
