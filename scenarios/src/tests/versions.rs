//! Clients that speak a version of their own.

use crate::load_str;
use squall_protocol::Version;

fn story(versions: &str, client: &str) -> String {
    format!(
        "title: t\nversions: {versions}\nclients:\n  a: {client}\n  b: {{}}\nsteps:\n  - a: connect\n  \
         - a: {{ subscribe: $share/g/t }}\n  - b: connect\n"
    )
}

#[test]
fn a_client_may_speak_a_version_of_its_own() {
    let text = story("[3.1.1, 5.0]", "{ version: 5.0, receive_maximum: 5 }");
    let read = load_str("s", "s.yaml", &text).expect("5.0 has both");
    let (three, five) = (Version::V3_1_1, Version::V5_0);
    assert_eq!(read.clients[0].version, Some(five));
    assert_eq!(
        (read.speaks(0, three), read.speaks(1, three)),
        (five, three)
    );
    assert_eq!(read.spoken(three), [three, five]);
    assert_eq!(read.spoken(five), [five]);
}

#[test]
fn what_a_client_says_has_to_be_there_in_its_own_version() {
    let text = story("[5.0]", "{ version: 3.1.1, receive_maximum: 5 }");
    let problems = load_str("s", "s.yaml", &text).expect_err("both need 5.0");
    assert_eq!(problems.len(), 2, "{problems:?}");
    for problem in problems {
        assert!(
            problem.message.ends_with("and this client speaks 3.1.1"),
            "{problem:?}"
        );
    }
}

#[test]
fn a_scripted_broker_speaks_the_version_of_the_run() {
    let text = "title: t\nbroker: { scripted: true }\nclients: { a: { version: 3.1.1 } }\nsteps: [ a: connect ]\n";
    let problems = load_str("s", "s.yaml", text).expect_err("it speaks one");
    assert_eq!(
        problems[0].message,
        "`a` speaks 3.1.1, and the broker is scripted"
    );
}
