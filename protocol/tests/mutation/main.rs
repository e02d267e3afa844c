//! Mutated packets by the megabyte, and the heap that reading them takes.
//!
//! A target of its own, because a counting allocator looks at every allocation in it. `cargo test` plays four
//! million bytes; the full run is
//! `SQUALL_MUTATION_BYTES=100000000 cargo test --release -p squall-protocol --test mutation -- --nocapture`.

mod memory;
mod mutate;
#[path = "../codec/strategies.rs"]
mod strategies;

use allocation_counter::measure;
use mutate::{Mutator, Stream};
use squall_protocol::{Decoder, Packet, Version, decode_one, encode};

/// What came out of a run.
#[derive(Debug, Default)]
struct Outcome {
    /// Bytes that the decoders were given before they broke.
    bytes: u64,
    streams: u64,
    accepted: u64,
    refused: u64,
    /// The most heap that a decoder and its packet held at one time, in bytes.
    peak: u64,
    /// The most heap over what [`memory::allowed`] grants, in thousandths of it.
    strain: u64,
}

impl Outcome {
    fn play(&mut self, stream: &Stream) {
        let (mut bytes, mut accepted, mut refused) = (0, 0, 0);
        let mut largest = 0;
        let info = measure(|| {
            let mut decoder = Decoder::new(stream.from);
            decoder.set_max_packet_size(stream.max);
            if let Some(version) = stream.version {
                decoder.set_version(version);
            }
            'stream: for chunk in stream.chunks() {
                bytes += chunk.len() as u64;
                largest = largest.max(chunk.len());
                decoder.push(chunk);
                loop {
                    match decoder.next_frame() {
                        Ok(Some(frame)) => {
                            assert!(frame.bytes.len() <= stream.max as usize, "{stream:?}");
                            accepted += 1;
                        }
                        Ok(None) => break,
                        Err(_) => {
                            refused += 1;
                            break 'stream;
                        }
                    }
                }
                assert!(
                    decoder.buffered() < (stream.max as usize).max(5),
                    "{stream:?}"
                );
            }
        });
        assert_eq!(info.bytes_current, 0, "{stream:?}");
        let holds = stream.wire.len().min(stream.max as usize + largest);
        let allowed = memory::allowed(holds);
        assert!(
            info.bytes_max <= allowed,
            "{} bytes of heap where {allowed} are allowed: {stream:?}",
            info.bytes_max
        );
        self.bytes += bytes;
        self.streams += 1;
        self.accepted += accepted;
        self.refused += refused;
        self.peak = self.peak.max(info.bytes_max);
        self.strain = self.strain.max(info.bytes_max * 1000 / allowed);
    }
}

/// What was taken means the same when it is written and read again.
fn one_meaning(stream: &Stream) {
    let mut version = stream.version;
    let mut rest = bytes::Bytes::copy_from_slice(&stream.wire);
    while let Ok(frame) = decode_one(&rest, stream.from, version) {
        let spoken = match &frame.packet {
            Packet::Connect(connect) => connect.version,
            _ => version.unwrap_or(Version::V5_0),
        };
        let again = encode(&frame.packet, spoken).expect("it fitted once");
        let back = decode_one(&again, stream.from, version).map(|frame| frame.packet);
        assert_eq!(back.as_ref(), Ok(&frame.packet), "{stream:?}");
        let _ = rest.split_to(frame.bytes.len());
        version.get_or_insert(spoken);
    }
}

#[test]
fn mutated_streams_never_panic_and_stay_small() {
    let wanted = wanted();
    let mut mutator = Mutator::new();
    let mut outcome = Outcome::default();
    while outcome.bytes < wanted {
        let stream = mutator.stream();
        outcome.play(&stream);
        if outcome.streams.is_multiple_of(8) {
            one_meaning(&stream);
        }
    }
    // A mutator that only ever breaks packets, or never does, would prove little.
    assert!(
        outcome.accepted > outcome.streams / 4 && outcome.refused > outcome.streams / 4,
        "{outcome:?}"
    );
    report(&outcome);
}

#[expect(clippy::print_stderr, reason = "shown with --nocapture")]
fn report(outcome: &Outcome) {
    eprintln!("{outcome:?}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "the choice between the quick form and the full one"
)]
fn wanted() -> u64 {
    std::env::var("SQUALL_MUTATION_BYTES").map_or(4_000_000, |bytes| {
        bytes
            .parse()
            .expect("SQUALL_MUTATION_BYTES is a number of bytes")
    })
}
