//! The signals that ask a process to end: Ctrl-C (SIGINT), SIGTERM and SIGHUP. It does not know what becomes of it.

use std::io;
use tokio::select;

/// Number of the signal that says that the terminal is gone.
pub(crate) const SIGHUP: u8 = 1;
/// Number of the signal that Ctrl-C sends.
pub(crate) const SIGINT: u8 = 2;
/// Number of the signal that asks for an end.
pub(crate) const SIGTERM: u8 = 15;

#[cfg(unix)]
/// Waits for them.
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// `None` where hanging up is to be ignored, as `nohup` has it.
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    /// From now on these signals do not end the process by themselves.
    ///
    /// # Errors
    /// When the system does not let us wait for them.
    pub(crate) fn new() -> io::Result<Self> {
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

    /// Waits for the next one and gives its number.
    pub(crate) async fn next(&mut self) -> u8 {
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

/// Ctrl-C, where there is nothing else.
#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) async fn next(&mut self) -> u8 {
        // Without a handler nothing comes, and the process ends as the system has it.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        SIGINT
    }
}
