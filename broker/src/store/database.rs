//! A store on redb: a table of rows, a log of the batches that came since these were written, and the format.
//!
//! Most rows of a busy broker are gone after some batches: a message that was delivered leaves nothing. So a batch is
//! written as one value, and rows only when the log has grown: what has come and gone by then costs nothing more.

use super::{Batch, Key, Store, StoreError};
use bytes::Bytes;
use redb::{
    Builder, Database, DatabaseError, ReadOnlyDatabase, ReadableDatabase, ReadableTable,
    StorageBackend, TableDefinition, TableError, TableHandle,
};
use squall_protocol::Time;
use std::{
    collections::BTreeMap,
    error::Error,
    fs::File,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

/// A store in a database of redb. Storing a batch is one transaction and waits until it is synced.
#[derive(Debug)]
pub struct Redb {
    database: Database,
    /// What the log says, all batches in one.
    logged: Batch,
    /// The number of the next batch in the log.
    next: u64,
    /// Bytes of the log, and at how many rows are written.
    length: usize,
    longest: usize,
    /// Batches that were stored since somebody asked.
    stored: usize,
}

/// Keys and values of rows.
const ROWS: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("rows");
/// Batches since rows were written, by their numbers.
const LOG: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("log");
/// What the rows are.
const ABOUT: TableDefinition<'static, &str, u64> = TableDefinition::new("squall broker");
const FORMAT: &str = "format";
/// The format of keys and values that this release reads and writes.
const KNOWN: u64 = 1;

impl Redb {
    /// Bytes of a log at which rows are written, unless [`Self::with_longest_log`] says otherwise: 8 MiB. A log is read
    /// whole when the store is opened, and what it says is in memory until rows are written.
    pub const LONGEST_LOG: usize = 8 << 20;

    /// The store in this file, which is made if it is not there; then its owner alone may read it.
    ///
    /// # Errors
    /// When it cannot be opened, is in use, or is no store of this format; it is left as it is then.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        // Looked at first without a pen: opening alone writes to a file. One that was not closed in order cannot be
        // looked at, and is mended by opening it.
        let is_there = std::fs::metadata(path).is_ok_and(|file| file.len() > 0);
        let look = || match ReadOnlyDatabase::open(path) {
            Ok(looked_at) => check(format(&looked_at)?),
            Err(_) => Ok(()),
        };
        if is_there {
            readable(look)?;
        }
        let made = make(path).map_err(|e| StoreError::Open(e.to_string()))?;
        let store = readable(|| Self::of(Database::create(path).map_err(not_opened)?))?;
        if made {
            let kept = keep_name(path);
            kept.map_err(|e| StoreError::Open(e.to_string()))?;
        }
        Ok(store)
    }

    /// The store on a disk of another kind; an empty one becomes a store.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn on(disk: impl StorageBackend) -> Result<Self, StoreError> {
        let database = Builder::new().create_with_backend(disk);
        Self::of(database.map_err(not_opened)?)
    }

    /// A store in memory, which outlives nothing.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::on(redb::backends::InMemoryBackend::new())
    }

    /// The same with a log of at most so many bytes: at 0, each batch is written to the rows it changes.
    #[must_use]
    pub const fn with_longest_log(mut self, bytes: usize) -> Self {
        self.longest = bytes;
        self
    }

    fn of(database: Database) -> Result<Self, StoreError> {
        let mut store = Self {
            database,
            logged: Batch::default(),
            next: 0,
            length: 0,
            longest: Self::LONGEST_LOG,
            stored: 0,
        };
        let found = format(&store.database)?;
        check(found)?;
        match found {
            None => store.begin().map_err(|e| StoreError::Open(e.to_string()))?,
            Some(_) => store.take_up_log()?,
        }
        Ok(store)
    }

    fn begin(&self) -> Result<(), redb::Error> {
        let write = self.database.begin_write()?;
        write.open_table(ABOUT)?.insert(FORMAT, KNOWN)?;
        write.open_table(ROWS)?;
        write.commit()?;
        Ok(())
    }

    /// Writes a batch to the log; or, where that is long enough, writes the rows that it changes, and empties it.
    fn write(&mut self, batch: Batch) -> Result<(), redb::Error> {
        let bytes = batch.to_bytes();
        let write = self.database.begin_write()?;
        self.logged.append(batch);
        if self.length + bytes.len() <= self.longest {
            write.open_table(LOG)?.insert(self.next, &bytes[..])?;
            write.commit()?;
            self.next += 1;
            self.length += bytes.len();
            return Ok(());
        }
        {
            let mut rows = write.open_table(ROWS)?;
            for (key, value) in self.logged.rows() {
                let key = key.to_bytes();
                match value {
                    Some(value) => rows.insert(&key[..], &value[..])?,
                    None => rows.remove(&key[..])?,
                };
            }
        }
        write.delete_table(LOG)?;
        write.commit()?;
        self.logged = Batch::default();
        self.length = 0;
        Ok(())
    }

    fn read_rows(&self) -> Result<Vec<(Vec<u8>, Bytes)>, redb::Error> {
        let read = self.database.begin_read()?;
        let rows = read.open_table(ROWS)?;
        rows.iter()?
            .map(|row| {
                let (key, value) = row?;
                let value = Bytes::copy_from_slice(value.value());
                Ok((key.value().to_vec(), value))
            })
            .collect()
    }

    /// The batches of the log, with their numbers.
    fn read_log(&self) -> Result<Vec<(u64, Vec<u8>)>, redb::Error> {
        let read = self.database.begin_read()?;
        let log = match read.open_table(LOG) {
            Ok(log) => log,
            // It was emptied.
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        log.iter()?
            .map(|entry| {
                let (number, bytes) = entry?;
                Ok((number.value(), bytes.value().to_vec()))
            })
            .collect()
    }

    fn take_up_log(&mut self) -> Result<(), StoreError> {
        let log = self.read_log();
        for (number, bytes) in log.map_err(|e| StoreError::Open(e.to_string()))? {
            let broken = || StoreError::Broken(format!("the batch {number} of its log is none"));
            self.logged
                .append(Batch::from_bytes(&bytes).ok_or_else(broken)?);
            self.next = number + 1;
            self.length += bytes.len();
        }
        Ok(())
    }
}

impl Store for Redb {
    fn load(&mut self) -> Result<Vec<(Key, Bytes)>, StoreError> {
        let rows = readable(|| {
            self.read_rows()
                .map_err(|e| StoreError::Open(e.to_string()))
        })?;
        let rows = rows.into_iter().map(|(key, value)| {
            let foreign = || StoreError::Foreign(format!("a row with the key {key:02x?}"));
            Ok((Key::from_bytes(&key).ok_or_else(foreign)?, value))
        });
        let mut rows: BTreeMap<Key, Bytes> = rows.collect::<Result<_, _>>()?;
        for (key, value) in self.logged.rows() {
            match value {
                Some(value) => rows.insert(key.clone(), value.clone()),
                None => rows.remove(key),
            };
        }
        Ok(rows.into_iter().collect())
    }

    fn store(&mut self, _now: Time, batch: Batch) -> Result<(), StoreError> {
        let written = self.write(batch);
        written.map_err(|e| StoreError::Failed(e.to_string()))?;
        self.stored += 1;
        Ok(())
    }

    fn stored(&mut self, _now: Time) -> Result<usize, StoreError> {
        Ok(std::mem::take(&mut self.stored))
    }
}

/// What `read` reads. A file that is damaged makes redb panic in places; then it is damaged, and no more than that.
fn readable<T>(read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    // Whatever was half done is dropped.
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(StoreError::Broken(
            text.unwrap_or("it cannot be read").to_owned(),
        ))
    })
}

/// Makes an empty file that only its owner may read, as clients' messages will be in it; false if there is one.
fn make(path: &Path) -> io::Result<bool> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Waits until the name of a new file outlives a loss of power, as what is in it does.
fn keep_name(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// The format that it says; `None` when nothing is in it at all.
fn format(database: &impl ReadableDatabase) -> Result<Option<u64>, StoreError> {
    let open = |e: &dyn Error| StoreError::Open(e.to_string());
    let read = database.begin_read().map_err(|e| open(&e))?;
    let about = match read.open_table(ABOUT) {
        Ok(about) => about,
        Err(TableError::TableDoesNotExist(_)) => {
            let mut tables = read.list_tables().map_err(|e| open(&e))?;
            return match tables.next() {
                None => Ok(None),
                Some(table) => Err(StoreError::Foreign(format!(
                    "a database with a table `{}`",
                    table.name()
                ))),
            };
        }
        Err(e) => return Err(StoreError::Foreign(e.to_string())),
    };
    let format = about.get(FORMAT).map_err(|e| open(&e))?;
    let format = format.map(|format| format.value());
    format
        .map(Some)
        .ok_or_else(|| StoreError::Foreign("a database that does not say its format".to_owned()))
}

/// Whether a store of this format can be used.
fn check(found: Option<u64>) -> Result<(), StoreError> {
    match found {
        None | Some(KNOWN) => Ok(()),
        Some(found) => Err(StoreError::Format {
            found,
            known: KNOWN,
        }),
    }
}

fn not_opened(error: DatabaseError) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse,
        DatabaseError::UpgradeRequired(version) => {
            StoreError::Foreign(format!("a database of redb's file format {version}"))
        }
        DatabaseError::Storage(redb::StorageError::Io(e))
            if e.kind() == std::io::ErrorKind::InvalidData =>
        {
            StoreError::Foreign(e.to_string())
        }
        DatabaseError::Storage(redb::StorageError::Corrupted(why)) => StoreError::Broken(why),
        error => StoreError::Open(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Change;

    fn batch(rows: &[(Key, Option<&'static [u8]>)]) -> Batch {
        let mut batch = Batch::default();
        for (key, value) in rows {
            batch.push(Change {
                key: key.clone(),
                value: value.map(Bytes::from_static),
                is_new: false,
            });
        }
        batch
    }

    #[test]
    fn rows_outlive_the_store_that_wrote_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let mut store = Redb::open(&path).unwrap();
        assert_eq!(store.load(), Ok(Vec::new()));
        let (a, b) = (Key::Retained("a".to_owned()), Key::Flow(1, 2));
        let first = batch(&[(a.clone(), Some(b"1")), (b.clone(), Some(b""))]);
        store.store(Time::ZERO, first).unwrap();
        store.store(Time::ZERO, batch(&[(b, None)])).unwrap();
        assert_eq!(store.stored(Time::ZERO), Ok(2));
        assert_eq!(store.stored(Time::ZERO), Ok(0));
        assert_eq!(Redb::open(&path).err(), Some(StoreError::InUse));
        drop(store);
        let mut again = Redb::open(&path).unwrap();
        assert_eq!(again.load(), Ok(vec![(a, Bytes::from_static(b"1"))]));
    }

    #[test]
    fn a_log_that_was_written_out_leaves_the_same_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let open = || Redb::open(&path).unwrap().with_longest_log(20_000);
        let mut store = open();
        let mut expected = BTreeMap::new();
        let mut written_out = 0;
        // Each message is gone five batches later, but every tenth stays.
        for n in 0..60_u64 {
            let mut batch = Batch::default();
            let value = Bytes::from(vec![u8::try_from(n).unwrap(); 1000]);
            let row = |n, value| Change {
                key: Key::Message(n),
                is_new: Option::is_some(&value),
                value,
            };
            batch.push(row(n, Some(value.clone())));
            expected.insert(Key::Message(n), value);
            if let Some(old) = n.checked_sub(5).filter(|old| old % 10 != 0) {
                batch.push(row(old, None));
                expected.remove(&Key::Message(old));
            }
            store.store(Time::ZERO, batch).unwrap();
            written_out += u32::from(store.length == 0);
            if n % 7 == 0 {
                drop(store);
                store = open();
                let rows: BTreeMap<_, _> = store.load().unwrap().into_iter().collect();
                assert!(rows == expected, "after {n}");
            }
        }
        assert_eq!(written_out, 3);
    }

    #[test]
    fn a_log_that_is_none_is_refused() {
        let mut store = Redb::in_memory().unwrap();
        let write = store.database.begin_write().unwrap();
        write.open_table(LOG).unwrap().insert(7, &b"x"[..]).unwrap();
        write.commit().unwrap();
        let error = store.take_up_log().unwrap_err();
        assert!(matches!(error, StoreError::Broken(_)), "{error}");
    }

    #[test]
    fn a_damaged_file_is_refused_or_read_and_never_panics() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let mut store = Redb::open(&path).unwrap();
        for n in 0..50 {
            let key = Key::Retained(n.to_string());
            store
                .store(Time::ZERO, batch(&[(key, Some(&[7; 3000]))]))
                .unwrap();
        }
        drop(store);
        let sound = std::fs::read(&path).unwrap();
        let mut refused = 0;
        // Bytes all over the file, in steps of a prime.
        for n in 0..60 {
            let mut damaged = sound.clone();
            for place in 0..40 {
                let place = (n * 40 + place) * 7919 % sound.len();
                damaged[place] ^= 1 << (n % 8);
            }
            std::fs::write(&path, damaged).unwrap();
            refused += u32::from(
                Redb::open(&path)
                    .and_then(|mut store| store.load())
                    .is_err(),
            );
        }
        assert!(refused > 20, "{refused}");
    }

    /// Opens what is in a file, which fails and leaves the file as it was.
    fn refused(path: &Path) -> StoreError {
        let before = std::fs::read(path).unwrap();
        let error = Redb::open(path).unwrap_err();
        assert!(std::fs::read(path).unwrap() == before, "it was touched");
        error
    }

    #[test]
    fn what_is_no_store_of_this_format_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| folder.path().join(name);
        std::fs::write(path("text"), "listener 1883\n".repeat(1000)).unwrap();
        assert!(matches!(refused(&path("text")), StoreError::Foreign(_)));

        let other: TableDefinition<'_, u64, u64> = TableDefinition::new("other");
        let database = Database::create(path("other")).unwrap();
        let write = database.begin_write().unwrap();
        write.open_table(other).unwrap().insert(1, 2).unwrap();
        write.commit().unwrap();
        drop(database);
        let error = refused(&path("other"));
        assert!(
            matches!(&error, StoreError::Foreign(why) if why.contains("`other`")),
            "{error}"
        );

        let newer = Redb::open(path("newer")).unwrap();
        let write = newer.database.begin_write().unwrap();
        write.open_table(ABOUT).unwrap().insert(FORMAT, 2).unwrap();
        write.commit().unwrap();
        drop(newer);
        assert_eq!(
            refused(&path("newer")),
            StoreError::Format { found: 2, known: 1 }
        );

        let mut cut = std::fs::read(path("newer")).unwrap();
        cut.truncate(5000);
        std::fs::write(path("cut"), cut).unwrap();
        let error = Redb::open(path("cut")).unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::Foreign(_) | StoreError::Open(_) | StoreError::Broken(_)
            ),
            "{error:?}"
        );
    }

    #[test]
    fn a_folder_that_is_not_there_is_told() {
        let error = Redb::open("/nowhere/at/all").unwrap_err();
        assert!(error.to_string().contains("No such file"), "{error}");
    }
}
