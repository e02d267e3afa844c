//! The codec against other Rust codecs: the same bytes, the same work, one run.
//!
//! Decoding measures from bytes in the codec's own receive buffer to an owned packet, dropped at once. In the stream
//! workloads the copy of each 4 KiB chunk into that buffer counts too, as every codec has to make it. Encoding measures
//! from the codec's own packets to contiguous bytes, into a reused buffer where the codec can write into one.
//! `examples/ratios.rs` prints the table.

mod codec;
mod core;
mod mqtt5;
mod ntex;
mod ours;
mod rumqtt;
mod workload;

use codec::Codec;
use criterion::{
    BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main,
    measurement::WallTime,
};
use squall_protocol::{Decoder, Role, Version};
use std::{hint::black_box, time::Duration};
use workload::{CHUNK, Workload};

fn decode(
    group: &mut BenchmarkGroup<'_, WallTime>,
    work: &Workload,
    name: &str,
    codec: impl Codec,
) {
    let mut check = codec.clone();
    assert_eq!(
        run_stream(&mut check, work),
        work.packets,
        "{name} reads every packet of {}",
        work.name
    );
    group.bench_function(name, |bencher| {
        let fresh = || {
            let mut codec = codec.clone();
            if !work.stream {
                codec.receive(&work.wire);
            }
            codec
        };
        bencher.iter_batched(
            fresh,
            |mut codec| {
                let packets = if work.stream {
                    run_stream(&mut codec, work)
                } else {
                    drain(&mut codec)
                };
                (packets, codec)
            },
            BatchSize::PerIteration,
        );
    });
}

fn run_stream(codec: &mut impl Codec, work: &Workload) -> usize {
    work.wire
        .chunks(CHUNK)
        .map(|chunk| {
            codec.receive(chunk);
            drain(codec)
        })
        .sum()
}

fn drain(codec: &mut impl Codec) -> usize {
    let mut packets = 0;
    while let Some(packet) = codec.next() {
        black_box(&packet);
        packets += 1;
    }
    packets
}

fn encode<C: Codec>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    work: &Workload,
    name: &str,
    mut codec: C,
) {
    codec.receive(&work.wire);
    let packets: Vec<_> = std::iter::from_fn(|| codec.next()).collect();
    let mut out = C::Output::default();
    let written = C::encode(codec.job(&packets), &packets, &mut out);
    // Some write an acknowledgement's reason code and properties where they could be left out.
    assert!(
        written.abs_diff(work.wire.len()) * 100 <= work.wire.len(),
        "{name} writes {written} bytes where {} has {}",
        work.name,
        work.wire.len()
    );
    if let Some(bytes) = C::written(&out) {
        let mut decoder = Decoder::new(Role::Client);
        decoder.set_version(work.version);
        decoder.push(bytes);
        let read = std::iter::from_fn(|| {
            let frame = decoder.next_frame();
            frame.unwrap_or_else(|e| panic!("what {name} wrote is not valid: {e}"))
        });
        assert_eq!(read.count(), work.packets, "what {name} writes can be read");
    }
    group.bench_function(name, |bencher| {
        bencher.iter_batched(
            || codec.job(&packets),
            |job| black_box(C::encode(job, &packets, &mut out)),
            BatchSize::PerIteration,
        );
    });
}

fn every_workload(criterion: &mut Criterion) {
    for version in Version::ALL {
        for work in workload::all(version) {
            let mut group = criterion.benchmark_group(format!("decode {version} {}", work.name));
            group.throughput(Throughput::Elements(work.packets as u64));
            decode(&mut group, &work, "squall", ours::Squall::new(version));
            decode(
                &mut group,
                &work,
                "squall frames",
                ours::Frames::new(version),
            );
            match version {
                Version::V3_1_1 => {
                    decode(&mut group, &work, "ntex-mqtt", ntex::V3::default());
                    decode(&mut group, &work, "mqtt-protocol-core", core::V3::default());
                    decode(&mut group, &work, "rumqttc", rumqtt::V3::default());
                }
                Version::V5_0 => {
                    decode(&mut group, &work, "ntex-mqtt", ntex::V5::default());
                    decode(&mut group, &work, "mqtt-protocol-core", core::V5::default());
                    decode(&mut group, &work, "rumqttc", rumqtt::V5::default());
                }
            }
            decode(
                &mut group,
                &work,
                "mqtt5-protocol",
                mqtt5::Mqtt5::new(version),
            );
            group.finish();

            let mut group = criterion.benchmark_group(format!("encode {version} {}", work.name));
            group.throughput(Throughput::Elements(work.packets as u64));
            encode(&mut group, &work, "squall", ours::Squall::new(version));
            match version {
                Version::V3_1_1 => {
                    encode(&mut group, &work, "ntex-mqtt", ntex::V3::default());
                    encode(&mut group, &work, "mqtt-protocol-core", core::V3::default());
                    encode(&mut group, &work, "rumqttc", rumqtt::V3::default());
                }
                Version::V5_0 => {
                    encode(&mut group, &work, "ntex-mqtt", ntex::V5::default());
                    encode(&mut group, &work, "mqtt-protocol-core", core::V5::default());
                    encode(&mut group, &work, "rumqttc", rumqtt::V5::default());
                }
            }
            encode(
                &mut group,
                &work,
                "mqtt5-protocol",
                mqtt5::Mqtt5::new(version),
            );
            group.finish();
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(700))
        .without_plots();
    targets = every_workload
}
criterion_main!(benches);
