//! The process groups of adapters that live. Each adapter has a group of its own, so ending it by number ends its children
//! too, and nobody else.

use std::{collections::BTreeSet, sync::Mutex};

static LIVING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn living() -> std::sync::MutexGuard<'static, BTreeSet<u32>> {
    LIVING
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A living group; it ends with this value at the latest.
#[derive(Debug)]
pub(crate) struct Group(u32);

impl Group {
    /// The group that this process leads.
    pub(crate) fn led_by(process: u32) -> Self {
        living().insert(process);
        Self(process)
    }

    /// Ends it, once: its number may be somebody else's later.
    pub(crate) fn end(&self) {
        if living().remove(&self.0) {
            kill(self.0);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

/// Ends all adapters, at once. For a program that is about to end without unwinding.
pub fn end_all() {
    for group in std::mem::take(&mut *living()) {
        kill(group);
    }
}

#[cfg(unix)]
fn kill(group: u32) {
    let group = i32::try_from(group).ok();
    if let Some(group) = group.and_then(rustix::process::Pid::from_raw) {
        // One that is over already needs no signal.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill(_: u32) {}
