use super::*;
use crate::security::Secret;

const CHEAP: Cost = Cost {
    memory: 8,
    passes: 1,
    lanes: 1,
};
const SALT: &[u8; 16] = b"0123456789abcdef";

fn said(user: &str, password: Option<&str>) -> Credentials {
    Credentials {
        user_name: user.into(),
        password: password.map(Secret::from),
    }
}

fn lines(users: &[(&str, &str)]) -> String {
    let each = users.iter();
    each.map(|(user, password)| line(user, password.as_bytes(), SALT, CHEAP).unwrap() + "\n")
        .collect()
}

fn read(text: &str) -> Passwords {
    Passwords::parse("users", text).unwrap()
}

#[test]
fn who_says_the_right_password_is_right_and_nobody_else() {
    let file = read(&lines(&[("alice", "pencil"), ("b:o b", "ink")]));
    assert_eq!(file.verify(&said("alice", Some("pencil"))), Verdict::Right);
    assert_eq!(file.verify(&said("b:o b", Some("ink"))), Verdict::Right);
    for (user, password) in [
        ("alice", Some("ink")),
        ("alice", Some("")),
        ("alice", None),
        ("b:o b", Some("pencil")),
        // Held against the first one's hash, and not believed.
        ("nobody", Some("pencil")),
        ("nobody", None),
        ("", Some("pencil")),
        ("Alice", Some("pencil")),
    ] {
        assert_eq!(file.verify(&said(user, password)), Verdict::Wrong, "{user}");
    }
    assert_eq!(read("").verify(&said("alice", Some("x"))), Verdict::Wrong);
}

#[test]
fn somebody_unknown_costs_what_the_first_one_costs() {
    let file = read(&lines(&[("alice", "pencil")]));
    let nobody = file.nobody.as_ref().unwrap();
    assert_eq!(Some(nobody), file.users["alice"].hash.as_ref());
}

#[test]
fn the_default_cost_is_what_is_recommended() {
    let text = line("a", b"x", SALT, Cost::default()).unwrap();
    assert!(
        text.starts_with("a:$argon2id$v=19$m=19456,t=2,p=1$"),
        "{text}"
    );
    assert_eq!(read(&text).verify(&said("a", Some("x"))), Verdict::Right);
}

#[test]
fn a_user_may_have_both_kinds_of_lines() {
    let record = Record::new("pencil", SALT, Record::FEWEST_ITERATIONS).unwrap();
    let text = format!(
        "# mine\n\n{}{}\n",
        lines(&[("alice", "pencil")]),
        record.line("alice")
    );
    let file = read(&text);
    assert_eq!(file.scram(), [("alice".to_owned(), record.clone())].into());
    assert_eq!(file.verify(&said("alice", Some("pencil"))), Verdict::Right);
    let file = read(&record.line("bob"));
    assert_eq!(file.verify(&said("bob", Some("pencil"))), Verdict::Wrong);
    assert!(file.knows("bob") && !file.knows("alice") && !file.is_empty());
}

#[test]
fn what_cannot_be_read_is_said_with_its_place_and_without_what_stands_there() {
    let good = lines(&[("alice", "pencil")]);
    let hash = good.trim().split_once(':').unwrap().1;
    for (bad, part) in [
        ("hunter2".to_owned(), "no line of a password file"),
        (":x".to_owned(), "name is empty"),
        (format!(" bob:{hash}"), "with a space"),
        (format!("bo\tb:{hash}"), "control"),
        ("bob:hunter2".to_owned(), "no hash"),
        ("bob:$argon2id$v=19$hunter2".to_owned(), "no hash"),
        (
            format!("bob:{}", hash.replace("argon2id", "argon2i")),
            "Argon2id",
        ),
        (
            format!("bob:{}", hash.replace("m=8", "m=1048577")),
            "more than",
        ),
        (format!("bob:{}", hash.replace("t=1", "t=101")), "more than"),
        (
            format!("bob:{}", &hash[..hash.rfind('$').unwrap()]),
            "no hash",
        ),
        ("bob:$scram-sha-256$hunter2".to_owned(), "no record"),
        (good.trim().to_owned(), "a line before for user `alice`"),
    ] {
        let error = Passwords::parse("users.txt", &format!("# x\n{good}{bad}\n")).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("users.txt:3: ") && text.contains(part),
            "{bad}: {text}"
        );
        assert!(!text.contains("hunter2") && !text.contains(hash));
    }
}

#[test]
fn a_user_is_replaced_and_removed_and_the_others_stay_as_they_are() {
    let text = format!(
        "# people\n{}\n# more\n",
        lines(&[("alice", "a"), ("bob", "b")])
    );
    let new = line("alice", b"new", b"fedcba9876543210", CHEAP).unwrap();
    let changed = replace("users", &text, "alice", &[new]).unwrap();
    let file = read(&changed);
    assert_eq!(file.verify(&said("alice", Some("new"))), Verdict::Right);
    assert_eq!(file.verify(&said("alice", Some("a"))), Verdict::Wrong);
    assert_eq!(file.verify(&said("bob", Some("b"))), Verdict::Right);
    assert!(changed.starts_with("# people\nbob:") && changed.contains("\n# more\n"));
    let removed = replace("users", &changed, "alice", &[]).unwrap();
    assert!(!read(&removed).knows("alice") && read(&removed).knows("bob"));
    assert_eq!(replace("users", "x", "alice", &[]).unwrap_err().line, 1);
    assert_eq!(replace("users", "", "alice", &[]).unwrap(), "");
}

#[test]
fn nobody_gets_an_empty_password_or_a_name_that_cannot_be_read_again() {
    let write = |user: &str, password: &[u8]| line(user, password, SALT, CHEAP);
    assert!(write("a", b"").is_err());
    for user in ["", "#a", " a", "a\n", "a\0", "a "] {
        assert!(write(user, b"x").is_err(), "{user:?}");
    }
    for cost in [
        Cost { memory: 1, ..CHEAP },
        Cost {
            memory: 2 << 20,
            ..CHEAP
        },
        Cost { lanes: 0, ..CHEAP },
    ] {
        assert!(line("a", b"x", SALT, cost).is_err(), "{cost:?}");
    }
}

#[test]
fn no_hash_is_shown() {
    let file = read(&lines(&[("alice", "pencil")]));
    assert_eq!(format!("{file:?}"), "{\"alice\"}");
}
