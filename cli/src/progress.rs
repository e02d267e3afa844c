//! What a person sees while work is under way: a bar on a terminal, one line when piped.

use crate::screen;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use squall_reports::visible::line;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Shows how much of something is done until it is dropped.
pub(crate) struct Progress {
    bar: ProgressBar,
    done: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    painter: Option<JoinHandle<()>>,
}

impl Progress {
    /// Begins to show progress of `what` up to `total`.
    pub(crate) fn new(what: &str, total: u64) -> Self {
        let done = Arc::new(AtomicU64::new(0));
        let over = Arc::new(AtomicBool::new(false));
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        if !screen::stderr_is_terminal() {
            screen::complain(&format!("{what}: {total}"));
            return Self {
                bar,
                done,
                over,
                painter: None,
            };
        }
        if let Ok(style) = ProgressStyle::with_template("{msg} {bar:32} {pos}/{len} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(line(what).into_owned());
        let painter = {
            let (bar, done, over) = (bar.clone(), Arc::clone(&done), Arc::clone(&over));
            thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    bar.set_position(done.load(Ordering::Relaxed));
                    thread::sleep(Duration::from_millis(100));
                }
            })
        };
        Self {
            bar,
            done,
            over,
            painter: Some(painter),
        }
    }

    /// Where the work counts what is done.
    pub(crate) fn counter(&self) -> &AtomicU64 {
        &self.done
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(painter) = self.painter.take() {
            // A painter that panicked has lost nothing but its bar.
            let _ = painter.join();
        }
        self.bar.finish_and_clear();
    }
}
