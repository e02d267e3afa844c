//! Signals that ask for an end: Ctrl-C (SIGINT), SIGTERM and SIGHUP. The first ends the work in order, the second the
//! process.

use crate::{
    screen,
    signals::{SIGHUP, SIGINT, SIGTERM, Signals},
};
use std::{
    io, process,
    sync::{
        Once,
        atomic::{AtomicBool, AtomicU8, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};
use tokio::{runtime::Builder, select, time::sleep};

/// However long results take to write, the process ends this long after the first signal.
const PATIENCE: Duration = Duration::from_secs(10);

static STOP: AtomicBool = AtomicBool::new(false);
/// The number of the first signal; 0 when none came.
static SIGNAL: AtomicU8 = AtomicU8::new(0);
static ONCE: Once = Once::new();

/// A flag that a signal sets. Work looks at it now and then and gives what it has. The first call makes it so; before,
/// a signal ends the process at once.
pub(crate) fn flag() -> &'static AtomicBool {
    ONCE.call_once(|| {
        if let Err(error) = watch() {
            screen::complain(&format!(
                "warning: Ctrl-C will end the run at once: {error}"
            ));
        }
    });
    &STOP
}

/// Whether a signal came.
pub(crate) fn pressed() -> bool {
    STOP.load(Ordering::SeqCst)
}

/// The exit code that says which signal came first: 130, 143 or 129.
pub(crate) fn code() -> u8 {
    128 + match SIGNAL.load(Ordering::SeqCst) {
        0 => SIGINT,
        signal => signal,
    }
}

/// What came, in words.
pub(crate) fn name() -> &'static str {
    match SIGNAL.load(Ordering::SeqCst) {
        SIGTERM => "SIGTERM",
        SIGHUP => "SIGHUP",
        _ => "Ctrl-C",
    }
}

/// Starts the thread that waits for signals; when this returns, no signal is missed.
fn watch() -> io::Result<()> {
    let (ready, started) = mpsc::channel();
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(ready.send(Err(error))),
            };
            runtime.block_on(async {
                match Signals::new() {
                    Ok(signals) => {
                        // The receiver waits for exactly this.
                        let _ = ready.send(Ok(()));
                        listen(signals).await;
                    }
                    Err(error) => drop(ready.send(Err(error))),
                }
            });
        })?;
    started
        .recv()
        .unwrap_or_else(|_| Err(io::Error::other("the thread that waits for signals died")))
}

async fn listen(mut signals: Signals) {
    let signal = signals.next().await;
    SIGNAL.store(signal, Ordering::SeqCst);
    STOP.store(true, Ordering::SeqCst);
    // Standard error may be a pipe that nobody empties; a thread of its own may wait there.
    let say = || {
        screen::complain(&format!(
            "{}: stopping with what was found; once more ends at once",
            name()
        ));
    };
    // Without a thread there is only less to read.
    let _ = thread::Builder::new().name("says so".to_owned()).spawn(say);
    select! {
        biased;
        _ = signals.next() => {}
        () = sleep(PATIENCE) => {}
    }
    // Nothing unwinds here, so a broker or an adapter that Squall has started would live on.
    squall_conformance::end_all_processes();
    squall_clients::end_all_adapters();
    process::exit(code().into());
}
