//! What it keeps over an end, and which stores it refuses.

use super::*;
use std::{fs, os::unix::fs::PermissionsExt};

#[test]
fn sessions_messages_and_retained_messages_outlive_an_end_in_order() {
    for version in Version::ALL {
        let folder = tempfile::tempdir().expect("there is room");
        let store = folder.path().join("store");
        let served = Served::keeping(&store);
        let (mut reader, present) = served.join(version, "reader");
        assert!(!present);
        assert_eq!(reader.subscribe("t/#"), 1);
        drop(reader);
        let (mut writer, _) = served.join(version, "writer");
        // No matching subscribers.
        let nobody = if version == Version::V5_0 { 0x10 } else { 0 };
        assert_eq!(writer.publish("t/1", "waits", false), 0);
        assert_eq!(writer.publish("r", "retained", true), nobody);
        served.stop();
        let mode = fs::metadata(&store).expect("it is there").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "messages are in it");

        let served = Served::keeping(&store);
        let (mut reader, present) = served.join(version, "reader");
        assert!(present);
        assert_eq!(reader.take(), "waits");
        assert_eq!(reader.subscribe("r"), 1);
        assert_eq!(reader.take(), "retained");
        // What the broker may still undo when it is killed, it does not when it ends.
        reader.hears_nothing();
        served.stop();

        let served = Served::keeping(&store);
        let (mut reader, present) = served.join(version, "reader");
        assert!(present);
        reader.hears_nothing();
        let (mut writer, present) = served.join(version, "writer");
        assert!(present);
        assert_eq!(writer.publish("t/2", "again", false), 0);
        assert_eq!(reader.take(), "again");
    }
}

#[test]
fn without_a_store_nothing_outlives_it() {
    let served = Served::start();
    drop(served.join(Version::V5_0, "a"));
    served.stop();
    assert!(!Served::start().join(Version::V5_0, "a").1);
}

#[test]
fn a_store_that_it_cannot_use_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("there is room");
    let path = |name: &str| folder.path().join(name);
    let mut said = String::new();
    let mut refused = |name: &str| {
        let before = fs::read(path(name)).expect("it is there");
        let place = path(name);
        let all = [
            "broker",
            "--listen",
            "127.0.0.1:0",
            "--store",
            place.to_str().unwrap(),
        ];
        let (told, code) = told(&squall(&all, b""));
        said += &format!("{name}: exit code {code}\n{told}\n");
        // What is not looked into by its rows is not written to either.
        let same = fs::read(path(name)).expect("it is there") == before;
        assert!(same || name == "broken", "{name} was touched");
    };
    fs::write(path("text"), "listener 1883\n".repeat(1000)).expect("it is written");
    refused("text");

    Served::keeping(&path("newer")).stop();
    change(&path("newer"), |write| {
        let about: redb::TableDefinition<'_, &str, u64> =
            redb::TableDefinition::new("squall broker");
        write
            .open_table(about)
            .unwrap()
            .insert("format", 1000)
            .unwrap();
    });
    refused("newer");

    let served = Served::keeping(&path("broken"));
    drop(served.join(Version::V5_0, "a"));
    served.stop();
    change(&path("broken"), |write| {
        let rows: redb::TableDefinition<'_, &[u8], &[u8]> = redb::TableDefinition::new("rows");
        let mut rows = write.open_table(rows).unwrap();
        // A message with the number 99.
        let key = [1, 0, 0, 0, 0, 0, 0, 0, 99];
        rows.insert(&key[..], &b"nothing"[..]).unwrap();
    });
    refused("broken");
    refused("broken");

    let served = Served::keeping(&path("used"));
    drop(served.join(Version::V5_0, "a"));
    refused("used");
    drop(served.join(Version::V5_0, "b"));
    served.stop();
    let here = folder.path().to_str().unwrap();
    insta::assert_snapshot!("refused_stores", said.replace(here, "HERE"));
}

/// Changes what is in a store.
fn change(path: &Path, how: impl FnOnce(&redb::WriteTransaction)) {
    let database = redb::Database::open(path).expect("nobody uses it");
    let write = database.begin_write().expect("it can be written");
    how(&write);
    write.commit().expect("it is written");
}
