//! A simulated disk for the broker's store: bytes, of which some are durable and some only written.
//!
//! The store writes and syncs without waiting; how long a sync takes in virtual time is counted here. So at any moment
//! the log of what was written tells what had been done by then: everything before a sync that is over is durable,
//! what stands between that and the next sync is written and may be lost, and what comes after a sync that is not over
//! was never written at all.

use crate::wear::Wear;
use squall_broker::store::StorageBackend;
use squall_protocol::Time;
use squall_scenarios::{
    model::{Crash, StoreSpec, Trouble, Unsynced},
    random::Stream,
};
use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

/// What is written to a disk wholly or not at all, in bytes.
const SECTOR: usize = 512;

/// A disk, which outlives brokers.
#[derive(Clone, Debug)]
pub(super) struct Disk(Arc<Mutex<Platter>>);

#[derive(Debug)]
struct Platter {
    seed: u64,
    /// How long syncs take, and the shortest and the longest time in milliseconds: when it is sound, and now.
    syncs: Stream,
    range: (u32, u32),
    slow: Option<(u32, u32)>,
    /// What it has.
    trouble: Trouble,
    wear: Wear,
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
        Self(Arc::new(Mutex::new(Platter {
            seed,
            syncs: Stream::new(seed, "disk/sync"),
            range: ms(spec.sync),
            slow: None,
            trouble: Trouble::Sound,
            wear: Wear::default(),
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
    pub(super) fn crash(&self, now: Time, how: Crash, unsynced: Unsynced) {
        self.reach(now);
        self.platter().crash(how, unsynced);
    }

    /// It has this trouble from now on; a slow one takes so long to sync.
    pub(super) fn trouble(&self, trouble: Trouble, sync: (Duration, Duration)) {
        let platter = &mut *self.platter();
        platter.trouble = trouble;
        platter.slow = (trouble == Trouble::Slow).then(|| ms(sync));
    }

    /// Whether it refuses things now.
    pub(super) fn is_in_trouble(&self) -> bool {
        matches!(self.platter().trouble, Trouble::Fails | Trouble::Full)
    }

    /// What it has done so far that a good one does not do.
    pub(super) fn wear(&self) -> Wear {
        self.platter().wear
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

    /// Refuses what it cannot do; `longer` is what comes after the end of what is there.
    fn refuse(&mut self, longer: bool) -> io::Result<()> {
        let error = match self.trouble {
            Trouble::Fails => io::Error::other("the disk fails"),
            Trouble::Full if longer => io::ErrorKind::StorageFull.into(),
            Trouble::Full | Trouble::Slow | Trouble::Sound => return Ok(()),
        };
        self.wear.refused += 1;
        Err(error)
    }

    fn crash(&mut self, how: Crash, unsynced: Unsynced) {
        let mut chance = Stream::new(self.seed, &format!("disk/crash/{}", self.life));
        for done in std::mem::take(&mut self.log) {
            if matches!(done, Done::Sync(_)) {
                // It is not over, so nothing came after it.
                break;
            }
            match how {
                Crash::Kill => apply(&mut self.durable, done),
                Crash::PowerLoss => {
                    let fate = Fate::of(&done, unsynced, &mut chance);
                    let fate = fate.apply(&mut self.durable, done, &mut chance);
                    fate.count(&mut self.wear);
                }
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

/// Milliseconds.
fn ms((min, max): (Duration, Duration)) -> (u32, u32) {
    let ms = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
    (ms(min), ms(max))
}

/// What becomes of something that was done and not synced when the power fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Lost,
    /// Some sectors of it are there.
    Torn,
    Kept,
}

impl Fate {
    fn of(done: &Done, unsynced: Unsynced, chance: &mut Stream) -> Self {
        let writes = matches!(done, Done::Write { .. });
        match unsynced {
            Unsynced::Any => match chance.below(3) {
                0 => Self::Lost,
                1 if writes => Self::Torn,
                _ => Self::Kept,
            },
            Unsynced::Lost => Self::Lost,
            Unsynced::Torn if writes => Self::Torn,
            Unsynced::Torn | Unsynced::Kept => Self::Kept,
        }
    }

    /// Does it to the image. What it came to: a single sector is there or not.
    fn apply(self, image: &mut Vec<u8>, done: Done, chance: &mut Stream) -> Self {
        match (self, done) {
            (Self::Lost, _) => Self::Lost,
            (Self::Torn, Done::Write { at, bytes }) => tear(image, at, &bytes, chance),
            (Self::Torn | Self::Kept, done) => {
                apply(image, done);
                Self::Kept
            }
        }
    }

    const fn count(self, wear: &mut Wear) {
        match self {
            Self::Lost => wear.lost += 1,
            Self::Torn => wear.torn += 1,
            Self::Kept => wear.kept += 1,
        }
    }
}

/// Writes each sector or not.
fn tear(image: &mut Vec<u8>, at: usize, bytes: &[u8], chance: &mut Stream) -> Fate {
    let (mut from, mut there, mut gone) = (0, false, false);
    while from < bytes.len() {
        let sector = SECTOR - (at + from) % SECTOR;
        let to = (from + sector).min(bytes.len());
        if chance.chance(500) {
            write(image, at + from, &bytes[from..to]);
            there = true;
        } else {
            gone = true;
        }
        from = to;
    }
    match (there, gone) {
        (true, true) => Fate::Torn,
        (true, false) => Fate::Kept,
        (false, _) => Fate::Lost,
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
        let longer = len > platter.seen.len();
        platter.refuse(longer)?;
        platter.seen.resize(len, 0);
        platter.log.push(Done::Resize(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let platter = &mut *self.platter()?;
        platter.refuse(false)?;
        let (min, max) = platter.slow.unwrap_or(platter.range);
        let takes = platter.syncs.between(min, max);
        platter.wear.slow += u64::from(takes > platter.range.1);
        let takes = Duration::from_millis(takes.into());
        platter.busy_until = platter.busy_until.max(platter.now) + takes;
        platter.log.push(Done::Sync(platter.busy_until));
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let platter = &mut *self.platter()?;
        let at = place(offset)?;
        let longer = at + data.len() > platter.seen.len();
        platter.refuse(longer)?;
        write(&mut platter.seen, at, data);
        let bytes = data.to_vec();
        platter.log.push(Done::Write { at, bytes });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
