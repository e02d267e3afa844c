//! Time for each message of a long story: it must not grow with their number.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use squall_protocol::Version;
use squall_scenarios::model::Scenario;
use squall_sim::run::Run;

/// A burst of QoS 1 messages, with expectations that look at each of them.
fn burst(messages: u32, qos: u8) -> Scenario {
    let text = format!(
        "title: t\nnetwork: {{ latency: 20ms..60ms }}\nclients: {{ a: {{}}, b: {{}} }}\nsteps:\n  - b: connect\n  \
         - b: {{ subscribe: t, qos: {qos} }}\n  - a: connect\n  \
         - a: {{ publish: t, payload: m, qos: {qos}, count: {messages} }}\n  - settle: 15s\nexpect:\n  \
         - delivered: {{ topic: t, to: b, exactly: once, in_order: true }}\n"
    );
    squall_scenarios::load_str("burst", "burst.yaml", &text).unwrap_or_else(|p| panic!("{p:#?}"))
}

fn scale(c: &mut Criterion) {
    // More than 26,000 messages of QoS 1, or 58,000 of QoS 0, are more than the 350,000 records of one story.
    for (qos, sizes) in [(1, [1_000, 10_000, 26_000]), (0, [1_000, 10_000, 55_000])] {
        let mut group = c.benchmark_group(format!("burst of QoS {qos}"));
        group.sample_size(10);
        for messages in sizes {
            let scenario = burst(messages, qos);
            group.throughput(Throughput::Elements(messages.into()));
            group.bench_function(messages.to_string(), |b| {
                b.iter(|| {
                    let result = Run::new(&scenario, Version::V5_0, 1).judge().result;
                    assert!(result.findings.is_empty(), "{:#?}", result.findings);
                    result.trace_hash
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, scale);
criterion_main!(benches);
