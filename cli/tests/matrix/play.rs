//! One run of all checks against one broker in this process.

use super::{Who, is_doubtful};
use squall_conformance::{Options, Target, run};
use squall_reports::Verdict;
use squall_saboteurs::{double::Double, fake::FakeServer, serve::Handle, wire::relay};
use squall_transport::{Accept, Memory, MemoryStream};
use std::future::pending;
use tokio::task::{JoinSet, LocalSet};

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Played {
    /// Check, version and message of every failure.
    pub(crate) fails: Vec<String>,
    /// Check and version of every pass.
    pub(crate) passes: Vec<String>,
    /// The same of what was inconclusive or a warning.
    pub(crate) others: Vec<String>,
}

impl Played {
    /// The first failure, and how many there are.
    pub(crate) fn in_short(&self) -> String {
        match &self.fails[..] {
            [] => format!("survives ({} warn or are inconclusive)", self.others.len()),
            [first, ..] => {
                let first: String = first.chars().take(150).collect();
                format!("{} fail: {first}", self.fails.len())
            }
        }
    }
}

/// Plays all checks.
pub(crate) fn play(who: Who) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let (way, mut listener) = Memory::listen();
    let found = LocalSet::new().block_on(&runtime, async {
        let handle = match who {
            Who::Plain | Who::Tamper(_) => Handle::new(Double::new([])),
            Who::Switch(switch) => Handle::new(Double::new([switch])),
            Who::Decoy(decoy) => Handle::new(Double::with([], [decoy])),
            Who::Fake(fake) => Handle::new(FakeServer::new(fake)),
        };
        let serve = async {
            let mut wires = JoinSet::new();
            while let Ok(stream) = listener.accept().await {
                let Who::Tamper(tamper) = who else {
                    handle.connect(stream);
                    continue;
                };
                let (near, far) = MemoryStream::pair();
                handle.connect(far);
                // A wire ends with its connection, however that ends.
                wires.spawn_local(async move { drop(relay(tamper, stream, near).await) });
            }
        };
        let target = Target::memory(way);
        let options = Options::default();
        tokio::select! {
            biased;
            () = serve => unreachable!("the way to the listener is kept"),
            found = run(&target, &options, pending(), |_| {}) => found,
        }
    });
    let mut played = Played::default();
    match found {
        Ok(run) => {
            for r in run.conformance.results {
                let line = format!("{} ({}): {}: {}", r.check, r.version, r.verdict, r.message);
                match r.verdict {
                    Verdict::Fail => played.fails.push(line),
                    Verdict::Pass => played.passes.push(line),
                    verdict if is_doubtful(verdict) => played.others.push(line),
                    _ => {}
                }
            }
        }
        Err(error) => played.others.push(error.to_string()),
    }
    played
}
