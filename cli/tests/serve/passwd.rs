//! `squall passwd`.

use super::*;
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

#[test]
fn users_come_change_and_go_and_the_rest_of_the_file_stays() {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("users");
    let file = path.to_str().unwrap();
    let run = |arguments: &[&str], input: &str| {
        let output = squall(&[&["passwd", file], arguments].concat(), input.as_bytes());
        assert!(output.stdout.is_empty());
        told(&output)
    };
    let said = |text: &str| (format!("{text}\n"), 0);
    assert_eq!(run(&["alice"], "first\n"), said("user `alice` was added"));
    assert_eq!(
        run(&["bob", "--scram"], "second"),
        said("user `bob` was added")
    );
    let mode = fs::metadata(&path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = fs::read_to_string(&path).unwrap();
    let kinds: Vec<_> = before
        .lines()
        .map(|line| line.split('$').take(2).collect::<Vec<_>>())
        .collect();
    assert_eq!(
        kinds,
        [
            ["alice:", "argon2id"],
            ["bob:", "argon2id"],
            ["bob:", "scram-sha-256"]
        ]
    );

    fs::write(&path, format!("# people\n{before}")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        run(&["alice"], "third\n"),
        said("user `alice` has a new password")
    );
    let mode = fs::metadata(&path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    // Who has a record of SCRAM keeps one, and not the old one.
    assert_eq!(
        run(&["bob"], "fourth\n"),
        said("user `bob` has a new password")
    );
    let after = fs::read_to_string(&path).unwrap();
    assert!(after.starts_with("# people\n"), "{after}");
    assert_eq!(after.matches("bob:$scram-sha-256$").count(), 1);
    for line in before.lines() {
        assert!(!after.contains(line), "{line} is still there");
    }
    for secret in ["first", "second", "third", "fourth"] {
        assert!(!after.contains(secret));
    }
    assert_eq!(run(&["bob", "--delete"], ""), said("user `bob` is gone"));
    assert!(!fs::read_to_string(&path).unwrap().contains("bob"));
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
}

#[test]
fn a_link_to_the_file_stays_one() {
    let folder = tempfile::tempdir().expect("there is room");
    let (path, link) = (folder.path().join("users"), folder.path().join("link"));
    fs::write(&path, "").unwrap();
    symlink(&path, &link).unwrap();
    let output = squall(&["passwd", link.to_str().unwrap(), "alice"], b"secret");
    assert_eq!(told(&output).1, 0);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&path).unwrap().starts_with("alice:"));
}

#[test]
fn what_cannot_be_done_changes_nothing_and_says_why() {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("users");
    let broken = folder.path().join("broken");
    assert_eq!(
        told(&squall(
            &["passwd", path.to_str().unwrap(), "alice"],
            b"secret"
        ))
        .1,
        0
    );
    fs::write(&broken, "alice:secret\n").unwrap();
    let before = fs::read(&path).unwrap();
    let long = vec![b'x'; 100_000];
    let mut said = String::new();
    for (file, arguments, input) in [
        ("users", &["bob"][..], &b""[..]),
        ("users", &["bob"], b"\n"),
        ("users", &["bob"], &long),
        ("users", &["bob", "--scram"], "pässword".as_bytes()),
        ("users", &["bob", "--delete"], b""),
        ("users", &["bob", "--delete", "--scram"], b""),
        ("users", &["#bob"], b"secret"),
        ("users", &["b\nob"], b"secret"),
        ("users", &[""], b"secret"),
        ("broken", &["bob"], b"secret"),
        ("no/where", &["bob"], b"secret"),
        (".", &["bob"], b"secret"),
    ] {
        let place = folder.path().join(file);
        let all = [&["passwd", place.to_str().unwrap()], arguments].concat();
        let (told, code) = told(&squall(&all, input));
        said += &format!("$ squall passwd {file} {arguments:?}\n{told}exit code {code}\n\n");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_to_string(&broken).unwrap(), "alice:secret\n");
    let here = folder.path().to_str().unwrap();
    insta::assert_snapshot!("refused_passwords", said.replace(here, "HERE"));
}

#[test]
fn what_is_no_file_is_not_replaced_by_one() {
    let folder = tempfile::tempdir().expect("there is room");
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("it is there").success());
    let output = squall(&["passwd", pipe.to_str().unwrap(), "alice"], b"secret");
    let (said, code) = told(&output);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("it is no ordinary file"), "{said}");
    let kind = fs::symlink_metadata(&pipe).unwrap().file_type();
    assert!(std::os::unix::fs::FileTypeExt::is_fifo(&kind));
}
