//! The process groups that live.

use std::{collections::BTreeSet, sync::Mutex};

static LIVING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn living() -> std::sync::MutexGuard<'static, BTreeSet<u32>> {
    LIVING
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

pub(super) fn enter(group: u32) {
    living().insert(group);
}

/// Ends a group, once: its number may be somebody else's later.
pub(super) fn end(group: u32) {
    if living().remove(&group) {
        kill(group);
    }
}

pub(super) fn end_all() {
    for group in std::mem::take(&mut *living()) {
        kill(group);
    }
}

#[cfg(unix)]
fn kill(group: u32) {
    signal(group, rustix::process::Signal::KILL);
}

#[cfg(not(unix))]
fn kill(_: u32) {}

#[cfg(unix)]
pub(super) fn signal(group: u32, signal: rustix::process::Signal) {
    let group = i32::try_from(group).ok();
    if let Some(group) = group.and_then(rustix::process::Pid::from_raw) {
        // One that is over already needs no signal.
        let _ = rustix::process::kill_process_group(group, signal);
    }
}
