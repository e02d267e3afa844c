//! `squall broker` among strangers: thousands that connect and never go on, and some that send without end or never read.
//! Meanwhile it serves a client that behaves, and afterwards its memory comes back. Figures are printed.
//!
//! The short form has 2,000 strangers. `SQUALL_CROWD=15000 cargo test --release -p squall --test crowd -- --nocapture` has
//! as many as one says; each takes a file descriptor at either end, so the limit of a process (`ulimit -Hn`) has to be
//! larger.
#![cfg(target_os = "linux")]

mod citizen;
mod served;
mod strangers;

use citizen::{Citizen, Waits};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use served::Served;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};
use tokio::{runtime::Builder, task::LocalSet};

/// How many connect and never go on.
fn strangers() -> usize {
    let said = std::env::var("SQUALL_CROWD").ok();
    said.map_or(2_000, |n| n.parse().expect("SQUALL_CROWD is a number"))
}

/// As many file descriptors as there may be, for this process and for those that it starts.
fn raise_limit(wanted: usize) {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    assert!(
        most >= wanted as u64,
        "{wanted} file descriptors are needed, and a process may have {most}: have SQUALL_CROWD smaller, or ulimit -Hn larger"
    );
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("a process may raise it as far as that");
}

const MB: usize = 1_000_000;
/// What the broker may take while they are there, and for each of them.
const MEMORY: usize = 200 * MB;
const MEMORY_OF_ONE: usize = 20_000;
/// What it may keep when they are gone, beyond what it had before.
const KEPT: usize = 50 * MB;
/// A client that has connected and says nothing is sent away after half a minute, and 5 s later at the latest it is
/// forgotten. So much more is for a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// How soon the client that behaves has its answers: of a hundred, 99 within this, and no other much later. It shares a
/// machine with all the others.
const SOON: Duration = Duration::from_millis(200);
const LATE: Duration = Duration::from_secs(2);

/// What was seen of it all.
struct Seen {
    /// Connections of strangers that were open together.
    together: usize,
    gathered: Duration,
    raged: Duration,
    gone: Duration,
    /// The broker's memory in bytes: before, at most, after.
    before: usize,
    peak: usize,
    after: usize,
    waits: Waits,
}

#[test]
fn strangers_neither_stop_nor_fill_the_broker() {
    let count = strangers();
    raise_limit(count + 1_000);
    let served = Served::start();
    let mut seen = look(&served, count);
    seen.waits.sort_by_key(|(_, wait)| *wait);
    let most = seen.waits[(seen.waits.len() - 1) * 99 / 100].1;
    let (name, longest) = *seen.waits.last().expect("it has lived");
    #[expect(clippy::print_stdout, reason = "the figures are what this test is for")]
    {
        println!(
            "{count} strangers, {} together, gathered after {:?}, raged until {:?}, gone after {:?}",
            seen.together, seen.gathered, seen.raged, seen.gone
        );
        println!(
            "memory: {} MB before, {} MB at most, {} MB after",
            seen.before / MB,
            seen.peak / MB,
            seen.after / MB
        );
        println!(
            "{} waits of a client that behaves: 99 of 100 within {most:?}, the longest {longest:?} for {name}",
            seen.waits.len()
        );
    }
    let said = served.end();
    assert!(!said.contains("panicked"), "{said}");
    assert!(seen.together >= count - count / 10, "that was no crowd");
    assert!(
        seen.peak < MEMORY + count * MEMORY_OF_ONE,
        "{} bytes",
        seen.peak
    );
    assert!(
        seen.after < seen.before + KEPT,
        "{} bytes are kept",
        seen.after
    );
    assert!(seen.waits.len() > 300, "it was hardly served");
    assert!(most < SOON && longest < LATE, "it waited for others");
}

/// Lets them all come, and waits until they are gone.
fn look(served: &Served, count: usize) -> Seen {
    let (before, open_before) = (served.memory("VmRSS"), served.descriptors());
    let over = AtomicBool::new(false);
    let begun = Instant::now();
    thread::scope(|scope| {
        let citizen = scope.spawn(|| Citizen::live(served, &over));
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let crowd = LocalSet::new().block_on(&runtime, strangers::gather(served, count));
        let gathered = begun.elapsed();
        // The last of them may still wait to be accepted.
        thread::sleep(Duration::from_millis(500));
        let together = served.descriptors() - open_before;
        LocalSet::new().block_on(&runtime, strangers::rage(served));
        let raged = begun.elapsed();
        // They stay where they are: it is the broker that has to be rid of them.
        let mut left = served.descriptors();
        while left > open_before + 20 {
            assert!(begun.elapsed() < raged + PATIENCE, "{left} are still there");
            thread::sleep(Duration::from_millis(100));
            left = served.descriptors();
        }
        let gone = begun.elapsed();
        drop(crowd);
        over.store(true, Ordering::SeqCst);
        let waits = citizen.join().expect("it has lived");
        // An allocator gives memory back when it sees fit.
        let mut after = served.memory("VmRSS");
        while after >= before + KEPT && begun.elapsed() < gone + Duration::from_secs(20) {
            thread::sleep(Duration::from_millis(200));
            after = served.memory("VmRSS");
        }
        Seen {
            together,
            gathered,
            raged,
            gone,
            before,
            peak: served.memory("VmHWM"),
            after,
            waits,
        }
    })
}
