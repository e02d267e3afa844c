//! Stories told live, over streams and on a paused clock: what the loop world finds with the clients' ends alone, the live
//! world must find too, and it must accuse no decoy.

use super::Who;
use squall_protocol::Version;
use squall_reports::Verdict;
use squall_saboteurs::{double::Double, serve::Handle};
use squall_scenarios::model::Scenario;
use squall_sim::{
    live::{Live, WORLD},
    world::live::Reach,
};
use squall_transport::{Accept, Memory, MemoryListener};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicU64},
    time::Duration,
};
use tokio::{runtime::Builder, task::LocalSet};

static NEVER: AtomicBool = AtomicBool::new(false);

/// Tells these stories with this seed; gives the first finding of each that fails.
pub(crate) fn live(who: Who, seed: u64, stories: Vec<(Scenario, Version)>) -> Vec<String> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    LocalSet::new().block_on(&runtime, async {
        let (memory, listener) = Memory::listen();
        let server = tokio::task::spawn_local(serve(who, listener));
        let mut fails = Vec::new();
        for (n, (mut story, version)) in stories.into_iter().enumerate() {
            story.versions = vec![version];
            let live = Live {
                scenarios: vec![story],
                versions: vec![version],
                seeds: (seed, seed + 1),
                jobs: 1,
                patience: Duration::from_secs(180),
                tag: format!("t{n}"),
                reach: Reach {
                    endpoint: memory.clone().into(),
                    login: None,
                },
                others: Vec::new(),
                bears: None,
                offers: BTreeMap::new(),
            };
            let done = AtomicU64::new(0);
            live.run(&done, &NEVER, |ended| {
                let result = ended.result;
                let first = result.findings.first();
                if let (Verdict::Fail, Some(first)) = (result.verdict, first) {
                    let (story, message) = (&result.scenario, &first.message);
                    fails.push(format!(
                        "{story} ({version}, {WORLD}): {}: {message}",
                        first.rule
                    ));
                }
            })
            .await;
        }
        server.abort();
        fails
    })
}

async fn serve(who: Who, mut listener: MemoryListener) {
    let handle = match who {
        Who::Switch(switch) => Handle::new(Double::new([switch])),
        Who::Decoy(decoy) => Handle::new(Double::with([], [decoy])),
        Who::Plain | Who::Tamper(_) | Who::Fake(_) => Handle::new(Double::new([])),
    };
    while let Ok(stream) = listener.accept().await {
        match who {
            Who::Tamper(tamper) => handle.connect_through(tamper, stream),
            _ => handle.connect(stream),
        }
    }
}
