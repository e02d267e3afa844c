//! Accepting, and which failures of it are nobody's end.

use squall_transport::Accept;
use std::{io, time::Duration};
use tokio::time::sleep;

/// The next connection, past failures that are not the listener's own.
pub(super) async fn next<A: Accept>(listener: &mut A) -> io::Result<A::Stream> {
    loop {
        match listener.accept().await {
            Err(error) if is_shortage(&error) => sleep(SHORTAGE_PAUSE).await,
            Err(error) if is_of_one_connection(&error) => {}
            other => return other,
        }
    }
}

/// The connection ended before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted,
        InvalidInput, NotConnected, TimedOut,
    };
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionReset
            | ConnectionRefused
            | BrokenPipe
            | NotConnected
            | Interrupted
            | TimedOut
            // set_nodelay on a connection that is gone already, on some systems
            | InvalidInput
    )
}

/// Too many open files, or no memory: it passes when connections end.
fn is_shortage(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::OutOfMemory
        || matches!(
            error.raw_os_error(),
            Some(ENFILE | EMFILE | ENOBUFS_LINUX | ENOBUFS_BSD)
        )
}

const SHORTAGE_PAUSE: Duration = Duration::from_millis(100);
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
const ENOBUFS_LINUX: i32 = 105;
const ENOBUFS_BSD: i32 = 55;
