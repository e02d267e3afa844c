//! Whole runs in both worlds, in one process, so that their ratio means something.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use squall_protocol::Version;
use squall_scenarios::model::Scenario;
use squall_sim::{run::Run, world::World};
use std::path::Path;

fn load(name: &str) -> Scenario {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    squall_scenarios::load_file(&root.join(format!("{name}.yaml")), &root)
        .unwrap_or_else(|p| panic!("{name}: {p:#?}"))
}

fn worlds(c: &mut Criterion) {
    for name in ["qos2/cut-before-pubrel", "network/five-percent-loss"] {
        let scenario = load(name);
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Elements(1)).sample_size(10);
        for world in World::ALL {
            let mut seed = 0;
            group.bench_function(world.as_str(), |b| {
                b.iter(|| {
                    seed += 1;
                    Run::new(&scenario, Version::V5_0, seed)
                        .in_world(world)
                        .judge()
                        .result
                        .trace_hash
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, worlds);
criterion_main!(benches);
