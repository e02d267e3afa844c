use super::*;
use redb::{Database, ReadableDatabase, TableDefinition};
use std::time::Duration;

const TABLE: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("rows");
const SYNC: StoreSpec = StoreSpec {
    sync: (Duration::from_millis(2), Duration::from_millis(9)),
};
const VALUE: [u8; 3_000] = [7; 3_000];

fn open(disk: &Disk) -> Database {
    let database = redb::Builder::new().create_with_backend(disk.open());
    database.unwrap_or_else(|e| panic!("it cannot be opened after a crash: {e}"))
}

/// Ten rows in one transaction, the first of which is `first`. When it is durable.
fn put(disk: &Disk, database: &Database, first: u64) -> Time {
    let write = database.begin_write().expect("it is open");
    {
        let mut table = write.open_table(TABLE).expect("a table");
        for n in first..first + 10 {
            table.insert(n, &VALUE[..]).expect("there is room");
        }
    }
    write.commit().expect("it is open");
    disk.busy_until()
}

/// Which rows are there.
fn rows(database: &Database) -> Vec<u64> {
    let read = database.begin_read().expect("it is open");
    let Ok(table) = read.open_table(TABLE) else {
        return Vec::new();
    };
    let all = table.range::<u64>(..).expect("it can be read");
    all.map(|row| {
        let (n, value) = row.expect("it can be read");
        assert_eq!(value.value(), VALUE);
        n.value()
    })
    .collect()
}

/// What is left after a crash this long after the second transaction began, the first having been synced.
fn left(seed: u64, how: Crash, after: u64) -> (Vec<u64>, bool) {
    let disk = Disk::new(seed, &SYNC);
    let database = open(&disk);
    let first = put(&disk, &database, 0);
    let begins = first + Duration::from_millis(5);
    disk.reach(begins);
    let second = put(&disk, &database, 100);
    let crash = begins + Duration::from_millis(after);
    disk.crash(crash, how, Unsynced::Any);
    drop(database);
    (rows(&open(&disk)), second <= crash)
}

fn both() -> Vec<u64> {
    (0..10).chain(100..110).collect()
}

#[test]
fn what_was_synced_survives_and_nothing_is_there_in_half() {
    let (mut lost, mut kept, mut done) = (0, 0, 0);
    for seed in 0..1_000 {
        for how in [Crash::PowerLoss, Crash::Kill] {
            let (rows, synced) = left(seed, how, seed % 12);
            let whole = rows == both();
            assert!(
                whole || rows == (0..10).collect::<Vec<_>>(),
                "seed {seed}: {rows:?}"
            );
            assert!(whole || !synced, "seed {seed}: what was synced is lost");
            done += usize::from(synced);
            lost += usize::from(!whole);
            kept += usize::from(whole && !synced);
        }
    }
    let told = format!("{done} synced, {lost} lost, {kept} kept by chance");
    assert!(done > 100 && lost > 100 && kept > 100, "{told}");
}

#[test]
fn the_same_seed_loses_the_same() {
    let all = || -> Vec<_> {
        let runs = 0..50;
        runs.map(|seed| left(seed, Crash::PowerLoss, seed % 8))
            .collect()
    };
    assert_eq!(all(), all());
}

#[test]
fn a_killed_process_loses_only_what_it_had_not_written() {
    let disk = Disk::new(1, &SYNC);
    let head = disk.open();
    head.write(0, b"synced").expect("there is room");
    head.sync_data().expect("it works");
    let synced = disk.busy_until();
    disk.reach(synced);
    head.write(0, b"writte").expect("there is room");
    head.sync_data().expect("it works");
    head.write(0, b"after!").expect("there is room");
    disk.crash(
        synced + Duration::from_millis(1),
        Crash::Kill,
        Unsynced::Any,
    );
    assert!(head.len().is_err(), "the process is gone");
    let mut found = [0; 6];
    disk.open().read(0, &mut found).expect("it is there");
    // The second sync had not come back, so what comes after it was never written.
    assert_eq!(&found, b"writte");
}

#[test]
fn sectors_are_torn() {
    let mut torn = 0;
    for seed in 0..200 {
        let disk = Disk::new(seed, &SYNC);
        let head = disk.open();
        head.set_len(4_096).expect("there is room");
        head.sync_data().expect("it works");
        disk.reach(disk.busy_until());
        head.write(100, &[1; 2_000]).expect("there is room");
        disk.crash(disk.busy_until(), Crash::PowerLoss, Unsynced::Any);
        let mut found = [0; 2_000];
        disk.open().read(100, &mut found).expect("it is there");
        // Sectors begin at multiples of 512 of the disk.
        let parts = [0..412, 412..924, 924..1_436, 1_436..1_948, 1_948..2_000];
        let parts = parts.map(|part| {
            let part = &found[part];
            assert!(part.iter().all(|b| *b == part[0]), "a sector is in pieces");
            part[0]
        });
        torn += usize::from(parts.contains(&0) && parts.contains(&1));
    }
    assert!(torn > 20, "{torn} of 200");
}

#[test]
fn what_is_not_there_cannot_be_read() {
    let disk = Disk::new(1, &SYNC);
    let head = disk.open();
    head.write(10, b"x").expect("there is room");
    assert_eq!(head.len().expect("it works"), 11);
    assert!(head.read(5, &mut [0; 6]).is_ok());
    assert!(head.read(5, &mut [0; 7]).is_err());
    assert!(head.read(u64::MAX, &mut [0; 1]).is_err());
}

/// A disk with one write of four sectors that is durable, and one over it that is not.
fn overwritten(seed: u64) -> (Disk, Head) {
    let disk = Disk::new(seed, &SYNC);
    let head = disk.open();
    head.write(0, &[1; 4 * SECTOR]).expect("there is room");
    head.sync_data().expect("it works");
    disk.reach(disk.busy_until());
    head.write(0, &[2; 4 * SECTOR]).expect("there is room");
    (disk, head)
}

#[test]
fn a_story_says_what_becomes_of_what_is_not_durable() {
    for seed in 0..50 {
        for unsynced in [Unsynced::Lost, Unsynced::Torn, Unsynced::Kept] {
            let (disk, _) = overwritten(seed);
            disk.crash(disk.busy_until(), Crash::PowerLoss, unsynced);
            let mut found = [0; 4 * SECTOR];
            disk.open().read(0, &mut found).expect("it is there");
            let new = found.chunks(SECTOR).filter(|sector| sector[0] == 2).count();
            let Wear {
                lost, torn, kept, ..
            } = disk.wear();
            let counted = match new {
                0 => (1, 0, 0),
                4 => (0, 0, 1),
                _ => (0, 1, 0),
            };
            assert_eq!((lost, torn, kept), counted, "{unsynced:?}");
            match unsynced {
                Unsynced::Lost => assert_eq!(new, 0),
                Unsynced::Kept => assert_eq!(new, 4),
                Unsynced::Torn | Unsynced::Any => {}
            }
        }
    }
}

#[test]
fn a_disk_in_trouble_refuses_and_counts_it() {
    let (disk, head) = overwritten(1);
    let sync = SYNC.sync;
    disk.trouble(Trouble::Full, sync);
    assert!(head.write(0, b"in place").is_ok() && head.sync_data().is_ok());
    let longer = head.write(4 * SECTOR as u64 - 1, b"too long");
    assert_eq!(longer.unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert!(head.set_len(1 << 20).is_err() && head.set_len(SECTOR as u64).is_ok());
    assert_eq!(disk.wear().refused, 2);
    disk.trouble(Trouble::Fails, sync);
    assert!(head.write(0, b"x").is_err() && head.sync_data().is_err() && head.set_len(0).is_err());
    assert!(
        head.read(0, &mut [0; 1]).is_ok(),
        "what is there can be read"
    );
    assert_eq!(disk.wear().refused, 5);
    disk.trouble(Trouble::Sound, sync);
    assert!(head.write(0, b"x").is_ok() && head.sync_data().is_ok());
    assert_eq!(disk.wear().refused, 5);
}

#[test]
fn a_slow_disk_is_late() {
    let (disk, head) = overwritten(1);
    disk.trouble(
        Trouble::Slow,
        (Duration::from_secs(1), Duration::from_secs(2)),
    );
    let before = disk.busy_until();
    head.sync_data().expect("it works");
    assert!(disk.busy_until().since(before) >= Duration::from_secs(1));
    assert_eq!(disk.wear().slow, 1);
    disk.trouble(Trouble::Sound, SYNC.sync);
    let before = disk.busy_until();
    head.sync_data().expect("it works");
    assert!(disk.busy_until().since(before) <= SYNC.sync.1);
    assert_eq!(disk.wear().slow, 1);
}
