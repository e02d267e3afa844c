//! Scripted clients have one Client Identifier each, and say whose it is.

use crate::load_str;

/// What is wrong when `raw` says this in CONNECT, and connects by itself too if it is to.
fn problem(raw: &str, said: &str, connects: bool) -> Option<String> {
    let more = if connects { "  - raw: connect\n" } else { "" };
    let text = format!(
        "title: t\nclients:\n  ear: {{ client_id: e }}\n  raw: {{ scripted: true{raw} }}\nsteps:\n  - ear: connect\n{more}  \
         - raw: dial\n  - raw: {{ send: {{ CONNECT: {{ client_id: {said} }} }} }}\n"
    );
    let read = load_str("s", "s.yaml", &text);
    read.err().map(|problems| problems[0].message.clone())
}

#[test]
fn whose_session_a_script_asks_for_is_said_beforehand() {
    assert_eq!(problem("", "raw", true), None);
    assert_eq!(problem("", "other", false), None);
    assert_eq!(problem(", client_id: e", "e", true), None);
    let of_another = "`raw` says the Client Identifier `e` of another client";
    assert_eq!(problem("", "e", false).as_deref(), Some(of_another));
    let several = "`raw` says several Client Identifiers: `other`, `raw`";
    assert_eq!(problem("", "other", true).as_deref(), Some(several));
}
