//! Ctrl-C: the first ends the work in order, the second ends the process.

use std::sync::{
    Once,
    atomic::{AtomicBool, Ordering},
};

static STOP: AtomicBool = AtomicBool::new(false);
static ONCE: Once = Once::new();

/// A flag that Ctrl-C sets. Work looks at it now and then and gives what it has.
pub(crate) fn flag() -> &'static AtomicBool {
    ONCE.call_once(|| {
        let handler = || {
            if STOP.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
            crate::screen::complain(
                "stopping when what is under way is done; press Ctrl-C again to end at once",
            );
        };
        if let Err(error) = ctrlc::set_handler(handler) {
            crate::screen::complain(&format!(
                "warning: Ctrl-C will end the run at once: {error}"
            ));
        }
    });
    &STOP
}

/// Whether Ctrl-C was pressed.
pub(crate) fn pressed() -> bool {
    STOP.load(Ordering::SeqCst)
}
