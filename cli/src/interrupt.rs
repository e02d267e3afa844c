//! Signals that ask for an end: Ctrl-C (SIGINT), SIGTERM and SIGHUP. The first ends the work in order, the second the
//! process.

use crate::screen;
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

const SIGHUP: u8 = 1;
const SIGINT: u8 = 2;
const SIGTERM: u8 = 15;

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
    process::exit(code().into());
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// `None` where hanging up is to be ignored, as `nohup` has it.
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: match is_hangup_ignored() {
                true => None,
                false => Some(signal(SignalKind::hangup())?),
            },
        })
    }

    /// The number of the next signal.
    async fn next(&mut self) -> u8 {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        select! {
            biased;
            _ = self.interrupt.recv() => SIGINT,
            _ = self.terminate.recv() => SIGTERM,
            _ = hangup => SIGHUP,
        }
    }
}

/// Whether whoever started us wants SIGHUP ignored. Where it cannot be found out, it does not.
#[cfg(unix)]
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
    mask.and_then(|m| u64::from_str_radix(m.trim(), 16).ok())
        .is_some_and(|m| m & (1 << (SIGHUP - 1)) != 0)
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> u8 {
        // Without a handler nothing comes, and the process ends as the system has it.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        SIGINT
    }
}
