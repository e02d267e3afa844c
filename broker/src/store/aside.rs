//! A store that works on a thread of its own, so that nobody waits for the disk but whoever is promised something.

use super::{Batch, Key, Store, StoreError};
use bytes::Bytes;
use squall_protocol::Time;
use std::{
    fmt,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, TryRecvError, channel},
    },
    thread::{Builder, JoinHandle},
};
use tokio::sync::Notify;

/// A store on a thread of its own. Dropping it waits until all that it was given is stored.
pub struct Aside {
    /// Until the first batch.
    idle: Option<Box<dyn Store + Send>>,
    wake: Arc<Notify>,
    work: Option<Work>,
}

struct Work {
    /// `None` once no more batches come.
    batches: Option<Sender<(Time, Batch)>>,
    results: Receiver<Result<usize, StoreError>>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Aside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aside")
            .field("idle", &self.idle)
            .finish_non_exhaustive()
    }
}

impl Aside {
    /// Lets a store work on its own; whenever it has stored something, `wake` is notified.
    #[must_use]
    pub fn new(store: impl Store + Send + 'static, wake: Arc<Notify>) -> Self {
        Self {
            idle: Some(Box::new(store)),
            wake,
            work: None,
        }
    }
}

impl Work {
    fn begin(mut store: Box<dyn Store + Send>, wake: Arc<Notify>) -> Result<Self, StoreError> {
        let (batches, given) = channel::<(Time, Batch)>();
        let (told, results) = channel();
        // Whoever drops the work waits for its thread, and its panic is passed on: it is not detached.
        let thread = Builder::new().name("store".to_owned()).spawn(move || {
            for (now, batch) in given {
                let stored = store.store(now, batch).and_then(|()| store.stored(now));
                let failed = stored.is_err();
                // Nobody asks any more when the broker is gone.
                let _ = told.send(stored);
                wake.notify_one();
                if failed {
                    return;
                }
            }
        });
        Ok(Self {
            batches: Some(batches),
            results,
            thread: Some(thread.map_err(|e| StoreError::Failed(e.to_string()))?),
        })
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Store for Aside {
    fn load(&mut self) -> Result<Vec<(Key, Bytes)>, StoreError> {
        match &mut self.idle {
            Some(store) => store.load(),
            None => Err(StoreError::Failed("it was loaded before".to_owned())),
        }
    }

    fn store(&mut self, now: Time, batch: Batch) -> Result<(), StoreError> {
        if let Some(store) = self.idle.take() {
            self.work = Some(Work::begin(store, Arc::clone(&self.wake))?);
        }
        let batches = self.work.as_ref().and_then(|work| work.batches.as_ref());
        match batches.map(|batches| batches.send((now, batch))) {
            Some(Ok(())) => Ok(()),
            // It has ended: why, is among the results.
            _ => self.stored(now).map(|_| ()),
        }
    }

    fn stored(&mut self, _now: Time) -> Result<usize, StoreError> {
        let Some(work) = &self.work else {
            return Ok(0);
        };
        let mut stored = 0;
        loop {
            match work.results.try_recv() {
                Ok(result) => stored += result?,
                Err(TryRecvError::Empty) => return Ok(stored),
                Err(TryRecvError::Disconnected) if stored > 0 => return Ok(stored),
                Err(TryRecvError::Disconnected) => {
                    return Err(StoreError::Failed("its thread has ended".to_owned()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Change, Redb};
    use std::time::Duration;

    fn batch(n: u64) -> Batch {
        let mut batch = Batch::default();
        batch.push(Change {
            key: Key::Message(n),
            value: Some(Bytes::new()),
            is_new: true,
        });
        batch
    }

    #[tokio::test]
    async fn what_was_given_is_stored_when_the_store_is_dropped_and_whoever_waits_is_woken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let wake = Arc::new(Notify::new());
        let mut aside = Aside::new(Redb::open(&path).unwrap(), Arc::clone(&wake));
        assert_eq!(aside.load(), Ok(Vec::new()));
        aside.store(Time::ZERO, batch(0)).unwrap();
        let mut stored = 0;
        while stored == 0 {
            wake.notified().await;
            stored += aside.stored(Time::ZERO).unwrap();
        }
        for n in 1..20 {
            aside.store(Time::ZERO, batch(n)).unwrap();
        }
        drop(aside);
        let rows = Redb::open(&path).unwrap().load().unwrap();
        assert_eq!(rows.len(), 20);
    }

    /// A store that takes nothing.
    #[derive(Debug)]
    struct Full;

    impl Store for Full {
        fn load(&mut self) -> Result<Vec<(Key, Bytes)>, StoreError> {
            Ok(Vec::new())
        }
        fn store(&mut self, _: Time, _: Batch) -> Result<(), StoreError> {
            Err(StoreError::Failed("no space left".to_owned()))
        }
        fn stored(&mut self, _: Time) -> Result<usize, StoreError> {
            Ok(0)
        }
    }

    #[tokio::test]
    async fn a_failure_is_told_again_and_again() {
        let wake = Arc::new(Notify::new());
        let mut aside = Aside::new(Full, Arc::clone(&wake));
        aside.store(Time::ZERO, batch(0)).unwrap();
        wake.notified().await;
        let error = aside.stored(Time::ZERO).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the store takes nothing any more: no space left"
        );
        // Its thread is about to end.
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(aside.stored(Time::ZERO).is_err() && aside.store(Time::ZERO, batch(1)).is_err());
    }
}
