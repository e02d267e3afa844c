//! A simulated disk for the broker's store: bytes, of which some are durable and some only written.
//!
//! The store writes and syncs without waiting; how long a sync takes in virtual time is counted here. So at any moment
//! the log of what was written tells what had been done by then: everything before a sync that is over is durable,
//! what stands between that and the next sync is written and may be lost, and what comes after a sync that is not over
//! was never written at all.

use squall_broker::store::StorageBackend;
use squall_protocol::Time;
use squall_scenarios::{
    model::{Crash, StoreSpec},
    random::Stream,
};
use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

/// What is written to a disk wholly or not at all, in bytes.
const SECTOR: usize = 512;

/// A disk, which outlives brokers.
#[derive(Clone, Debug)]
pub(super) struct Disk(Arc<Mutex<Platter>>);

#[derive(Debug)]
struct Platter {
    seed: u64,
    /// How long syncs take, and the shortest and the longest time in milliseconds.
    syncs: Stream,
    range: (u32, u32),
    /// Counts crashes: who had the disk open at one cannot use it any more.
    life: u64,
    now: Time,
    /// When the last sync is over.
    busy_until: Time,
    durable: Vec<u8>,
    /// As whoever has it open sees it.
    seen: Vec<u8>,
    /// What is not known to be durable, in order.
    log: Vec<Done>,
}

/// Something that was done to a disk.
#[derive(Debug)]
enum Done {
    Write {
        at: usize,
        bytes: Vec<u8>,
    },
    Resize(usize),
    /// Over at this time.
    Sync(Time),
}

impl Disk {
    /// An empty disk of the run with this seed.
    pub(super) fn new(seed: u64, spec: &StoreSpec) -> Self {
        let ms = |time: std::time::Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        Self(Arc::new(Mutex::new(Platter {
            seed,
            syncs: Stream::new(seed, "disk/sync"),
            range: (ms(spec.sync.0), ms(spec.sync.1)),
            life: 0,
            now: Time::ZERO,
            busy_until: Time::ZERO,
            durable: Vec::new(),
            seen: Vec::new(),
            log: Vec::new(),
        })))
    }

    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().expect("nobody panics while it is held")
    }

    /// Time has come to this.
    pub(super) fn reach(&self, now: Time) {
        let mut platter = self.platter();
        platter.now = platter.now.max(now);
        platter.settle();
    }

    /// When everything that was synced is durable.
    pub(super) fn busy_until(&self) -> Time {
        self.platter().busy_until
    }

    /// The broker, or its machine, goes down at `now`. Who has the disk open cannot use it any more.
    pub(super) fn crash(&self, now: Time, how: Crash) {
        self.reach(now);
        self.platter().crash(how);
    }

    /// Opens it.
    pub(super) fn open(&self) -> Head {
        Head {
            platter: Arc::clone(&self.0),
            life: self.platter().life,
        }
    }
}

impl Platter {
    /// Makes durable what was synced by now.
    fn settle(&mut self) {
        let over = |done: &Done| matches!(done, Done::Sync(at) if *at <= self.now);
        let Some(last) = self.log.iter().rposition(over) else {
            return;
        };
        for done in self.log.drain(..=last) {
            apply(&mut self.durable, done);
        }
    }

    fn crash(&mut self, how: Crash) {
        let mut chance = Stream::new(self.seed, &format!("disk/crash/{}", self.life));
        for done in std::mem::take(&mut self.log) {
            if matches!(done, Done::Sync(_)) {
                // It is not over, so nothing came after it.
                break;
            }
            match how {
                Crash::Kill => apply(&mut self.durable, done),
                Crash::PowerLoss => perhaps(&mut self.durable, done, &mut chance),
            }
        }
        self.seen.clone_from(&self.durable);
        self.busy_until = self.now;
        self.life += 1;
    }
}

fn apply(image: &mut Vec<u8>, done: Done) {
    match done {
        Done::Write { at, bytes } => write(image, at, &bytes),
        Done::Resize(length) => image.resize(length, 0),
        Done::Sync(_) => {}
    }
}

/// What was not synced is there, or not, or some sectors of it are.
fn perhaps(image: &mut Vec<u8>, done: Done, chance: &mut Stream) {
    match (done, chance.below(3)) {
        (_, 0) => {}
        (Done::Write { at, bytes }, 1) => {
            let mut from = 0;
            while from < bytes.len() {
                let sector = SECTOR - (at + from) % SECTOR;
                let to = (from + sector).min(bytes.len());
                if chance.chance(500) {
                    write(image, at + from, &bytes[from..to]);
                }
                from = to;
            }
        }
        (done, _) => apply(image, done),
    }
}

fn write(image: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if image.len() < at + bytes.len() {
        image.resize(at + bytes.len(), 0);
    }
    image[at..at + bytes.len()].copy_from_slice(bytes);
}

/// A disk as one broker has it open.
#[derive(Debug)]
pub(super) struct Head {
    platter: Arc<Mutex<Platter>>,
    life: u64,
}

impl Head {
    fn platter(&self) -> io::Result<MutexGuard<'_, Platter>> {
        let platter = self.platter.lock().expect("nobody panics while it is held");
        match platter.life == self.life {
            true => Ok(platter),
            false => Err(io::Error::other("the broker has crashed")),
        }
    }
}

fn place(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge.into())
}

impl StorageBackend for Head {
    fn len(&self) -> io::Result<u64> {
        Ok(self.platter()?.seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let platter = self.platter()?;
        let at = place(offset)?;
        let there = platter
            .seen
            .get(at..)
            .and_then(|rest| rest.get(..out.len()));
        let bytes = there.ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut platter = self.platter()?;
        let len = place(len)?;
        platter.seen.resize(len, 0);
        platter.log.push(Done::Resize(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let platter = &mut *self.platter()?;
        let (min, max) = platter.range;
        let takes = std::time::Duration::from_millis(platter.syncs.between(min, max).into());
        platter.busy_until = platter.busy_until.max(platter.now) + takes;
        platter.log.push(Done::Sync(platter.busy_until));
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let platter = &mut *self.platter()?;
        let at = place(offset)?;
        write(&mut platter.seen, at, data);
        let bytes = data.to_vec();
        platter.log.push(Done::Write { at, bytes });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
