//! `squall pub` and `squall sub` over every way in.

use crate::{
    served::{Served, WAYS},
    tool::{begin, done, end, words},
};
use std::process::Command;

fn squall(command: &str, url: &str) -> Command {
    let mut squall = Command::new(env!("CARGO_BIN_EXE_squall"));
    squall.args([command, url]);
    squall
}

#[test]
fn pub_and_sub_over_every_way_in() {
    let broker = Served::start(&[]);
    let unix = format!("unix:{}", broker.socket().display());
    let urls = WAYS.map(|way| broker.url(way)).into_iter().chain([unix]);
    for url in urls {
        let ca = broker.ca();
        let trusted = |command: &mut Command| {
            if url.starts_with("mqtts") || url.starts_with("wss") {
                command.arg("--ca").arg(&ca);
            }
        };
        for (version, qos) in [("3.1.1", "2"), ("5.0", "1")] {
            let common = ["t", "--mqtt", version, "--qos", qos];
            let mut sub = squall("sub", &url);
            trusted(sub.args(common).args(["--count", "1", "--quiet"]));
            let sub = begin(&mut sub);
            // Whoever comes first: it is retained.
            let mut publish = squall("pub", &url);
            trusted(publish.args(common).args(["hello", "--retain"]));
            done(&mut publish);
            assert_eq!(words(&end(sub, "squall sub")), "hello\n", "{url}");
            let mut publish = squall("pub", &url);
            trusted(publish.args(common).args(["", "--retain"]));
            done(&mut publish);
        }
        // Who is not trusted is not spoken to.
        if url.starts_with("mqtts") || url.starts_with("wss") {
            let output = end(begin(squall("pub", &url).args(["t", "x"])), "squall pub");
            assert_eq!(output.status.code(), Some(3), "{}", words(&output));
            let mut insecure = squall("pub", &url);
            let said = words(&done(insecure.args(["t", "x", "--insecure"])));
            assert!(said.contains("whoever answers is trusted"), "{said}");
        }
    }
}
