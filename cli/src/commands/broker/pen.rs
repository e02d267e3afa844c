//! Lines on standard error, written by a thread of their own: whoever reads them slowly, or not at all, does not stop the
//! broker.

use crate::screen;
use std::{
    cell::Cell,
    sync::mpsc::{Receiver, SyncSender, TrySendError, channel, sync_channel},
    thread,
    time::Duration,
};

/// Lines that may wait to be written. What comes beyond them is left out, and how much that was is told.
const WAITING: usize = 4096;
/// How long the last lines may take at the end.
const LAST: Duration = Duration::from_secs(1);

/// Writes lines in their order.
pub(super) struct Pen {
    lines: Option<SyncSender<String>>,
    /// Lines left out since one was taken.
    left_out: Cell<u64>,
    /// Closed when all is written.
    written: Receiver<()>,
}

impl Pen {
    pub(super) fn new() -> Self {
        Self::writing(|line| screen::complain(&line))
    }

    fn writing(mut write: impl FnMut(String) + Send + 'static) -> Self {
        let (lines, waiting) = sync_channel(WAITING);
        let (end, written) = channel();
        // It ends with the last line; one that cannot be written ends with the process.
        thread::spawn(move || {
            waiting.iter().for_each(&mut write);
            drop::<std::sync::mpsc::Sender<()>>(end);
        });
        Self {
            lines: Some(lines),
            left_out: Cell::new(0),
            written,
        }
    }

    /// Has a line written. `told` makes the line that says how many were left out.
    pub(super) fn write(&self, line: String, told: impl FnOnce(u64) -> String) {
        let left_out = self.left_out.get();
        if left_out > 0 && !self.take(told(left_out)) {
            self.left_out.set(left_out + 1);
            return;
        }
        let missed = u64::from(!self.take(line));
        self.left_out.set(missed);
    }

    fn take(&self, line: String) -> bool {
        let sent = self.lines.as_ref().map(|lines| lines.try_send(line));
        !matches!(sent, Some(Err(TrySendError::Full(_))))
    }
}

impl Drop for Pen {
    fn drop(&mut self) {
        self.lines = None;
        // Nothing is ever sent: it is closed, or it takes too long.
        let _ = self.written.recv_timeout(LAST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn a_reader_that_takes_nothing_stops_nobody_and_what_was_left_out_is_told() {
        let read = Arc::new(Mutex::new(Vec::new()));
        let (go, gate) = channel::<()>();
        let wrote = Arc::clone(&read);
        let pen = Pen::writing(move |line| {
            // Closed once it may go on.
            let _ = gate.recv();
            wrote.lock().unwrap().push(line);
        });
        for n in 0..WAITING + 100 {
            pen.write(n.to_string(), |n| format!("{n} left out"));
        }
        assert_eq!(read.lock().unwrap().len(), 0);
        drop(go);
        // Once there is room again.
        while read.lock().unwrap().len() < WAITING {
            thread::yield_now();
        }
        pen.write("last".into(), |n| format!("{n} left out"));
        drop(pen);
        let read = read.lock().unwrap();
        let [.., told, last] = &read[..] else {
            panic!("{read:?}");
        };
        // One may be on its way already when the line fills.
        assert!(
            ["99 left out", "100 left out"].contains(&told.as_str()),
            "{told}"
        );
        assert_eq!(last, "last");
        assert!(
            read[..WAITING]
                .iter()
                .enumerate()
                .all(|(n, line)| *line == n.to_string())
        );
    }
}
