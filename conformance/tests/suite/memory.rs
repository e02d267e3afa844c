//! A whole run inside of one process, in virtual time.

use crate::house::story;
use squall_broker::{Broker, Config, Server};
use squall_conformance::{Options, Target, run};
use squall_reports::{Conformance, Verdict};
use squall_transport::Memory;
use std::{future::pending, time::Instant};
use tokio::task::LocalSet;

fn conform(options: &Options) -> Conformance {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let (way, listener) = Memory::listen();
    LocalSet::new().block_on(&runtime, async {
        let server = Server::new(Broker::new(Config::default())).run(listener);
        let checks = async {
            let run = run(&Target::memory(way), options, pending(), |_| {})
                .await
                .unwrap();
            let left = run.cleaning.finish(options.wait).await;
            assert_eq!(left, []);
            run.conformance
        };
        tokio::select! {
            biased;
            ended = server => panic!("the broker ended: {ended:?}"),
            conformance = checks => conformance,
        }
    })
}

#[test]
fn checks_need_no_socket_and_no_real_time() {
    let began = Instant::now();
    let found = conform(&Options::default());
    let real = began.elapsed();
    let wrong: Vec<_> = found
        .results
        .iter()
        .filter(|r| !matches!(r.verdict, Verdict::Pass | Verdict::NotApplicable))
        .map(story)
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    // Each check waits for something that does not come, and some for seconds: 20 s and more one after the other.
    let one_by_one = Options {
        jobs: 1,
        ..Options::default()
    };
    let again = conform(&one_by_one);
    let waited: u64 = again.results.iter().map(|r| r.duration_ms).sum();
    assert!(
        waited > 20_000,
        "{waited} ms of virtual time, {real:?} of real time"
    );
    let verdicts = |c: &Conformance| c.results.iter().map(|r| r.verdict).collect::<Vec<_>>();
    assert_eq!(verdicts(&found), verdicts(&again));
}
