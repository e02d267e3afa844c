//! What stands around a protocol core that knows no socket and no clock: a stream that may not be there, and timers.

use std::{future::pending, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    select,
    time::{Instant, sleep_until},
};

/// Bytes that are read at once.
const ROOM: usize = 4096;

/// A stream that may not be there, and a timer for each kind `K` that the core knows.
///
/// ```no_run
/// use squall_sim::guest::{Happening, Part, Wire};
///
/// # #[derive(Clone, Copy, PartialEq)] enum Timer { Ping }
/// # async fn example(part: Part) -> std::io::Result<()> {
/// let mut wire: Wire<_, Timer> = Wire::new();
/// wire.open(part.dial().await?);
/// wire.write(b"what the core wants sent").await;
/// wire.set(Timer::Ping, std::time::Duration::from_secs(60));
/// match wire.next().await {
///     Happening::Bytes(bytes) => drop(bytes), // for the core
///     Happening::Due(Timer::Ping) => {}       // tell the core
///     Happening::Closed => {}                 // tell it that, too
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Wire<S, K> {
    stream: Option<S>,
    timers: Vec<(K, Instant)>,
}

/// What happens to a core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening<K> {
    /// A timer is over. It is not set any more.
    Due(K),
    /// These bytes came.
    Bytes(Vec<u8>),
    /// The connection is over, and the stream is not there any more.
    Closed,
}

impl<S, K> Default for Wire<S, K> {
    fn default() -> Self {
        Self {
            stream: None,
            timers: Vec::new(),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, K: Copy + PartialEq> Wire<S, K> {
    /// No stream, and no timer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A stream is there. One from before is dropped.
    pub fn open(&mut self, stream: S) {
        self.stream = Some(stream);
    }

    /// Drops the stream; whether there was one.
    pub fn close(&mut self) -> bool {
        self.stream.take().is_some()
    }

    /// Whether there is a stream.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    /// Starts the timer of this kind anew: it is over after this time.
    pub fn set(&mut self, kind: K, after: Duration) {
        self.cancel(kind);
        self.timers.push((kind, Instant::now() + after));
    }

    /// Stops the timer of this kind.
    pub fn cancel(&mut self, kind: K) {
        self.timers.retain(|(set, _)| *set != kind);
    }

    /// Writes, if there is a stream. That it has gone [`Self::next`] tells.
    pub async fn write(&mut self, bytes: &[u8]) {
        if let Some(stream) = &mut self.stream {
            let _ = stream.write_all(bytes).await;
        }
    }

    /// Waits for what happens next; for ever without stream and timers. Timers come first. Whoever gives up waiting misses
    /// nothing.
    pub async fn next(&mut self) -> Happening<K> {
        let timer = self.timers.iter().copied().min_by_key(|(_, at)| *at);
        let due = async {
            match timer {
                Some((kind, at)) => {
                    sleep_until(at).await;
                    kind
                }
                None => pending().await,
            }
        };
        let mut bytes = vec![0; ROOM];
        let stream = &mut self.stream;
        let read = async {
            match stream {
                Some(stream) => stream.read(&mut bytes).await.unwrap_or(0),
                None => pending().await,
            }
        };
        select! {
            biased;
            kind = due => {
                self.cancel(kind);
                Happening::Due(kind)
            }
            count = read => match count {
                0 => {
                    self.close();
                    Happening::Closed
                }
                count => {
                    bytes.truncate(count);
                    Happening::Bytes(bytes)
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::duplex;

    #[tokio::test(start_paused = true)]
    async fn timers_come_first_and_an_end_once() {
        let (near, mut far) = duplex(64);
        let mut wire = Wire::new();
        assert!(!wire.is_open() && !wire.close());
        wire.open(near);
        wire.set('b', Duration::from_secs(2));
        wire.set('a', Duration::from_secs(3));
        wire.set('a', Duration::from_secs(1));
        wire.set('c', Duration::from_secs(1));
        wire.cancel('c');
        wire.write(b"out").await;
        let mut out = [0; 3];
        far.read_exact(&mut out).await.unwrap();
        assert_eq!(&out, b"out");
        assert_eq!(wire.next().await, Happening::Due('a'));
        far.write_all(b"in").await.unwrap();
        assert_eq!(wire.next().await, Happening::Bytes(b"in".to_vec()));
        drop(far);
        assert_eq!(wire.next().await, Happening::Closed);
        assert!(!wire.is_open());
        // Without a stream, only timers are left.
        assert_eq!(wire.next().await, Happening::Due('b'));
    }
}
