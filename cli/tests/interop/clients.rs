//! Libraries that others wrote, each driven by a small program in its language (`foreign/`, and `clients/rumqttc` for Rust).
//!
//! A program is told an address, a CA and a version, plays a part, and ends with 0 if everything was as it should be. What its
//! library calls an error it writes to standard error, which has to be empty.

use crate::{
    served::{Served, WAYS},
    tool::{done, end, installed, missing, program, root, words},
};
use std::{path::PathBuf, process::Command};

/// How a program is started.
struct Program {
    command: PathBuf,
    arguments: Vec<PathBuf>,
}

impl Program {
    fn run(&self) -> Command {
        let mut command = Command::new(&self.command);
        command.args(&self.arguments);
        command
    }
}

fn paho() -> Option<Program> {
    Some(Program {
        command: program(installed().join("paho/bin/python3"))?,
        arguments: vec![root().join("cli/tests/interop/foreign/paho_parts.py")],
    })
}

fn mqttjs() -> Option<Program> {
    let library = installed().join("mqttjs/node_modules/mqtt");
    if !library.exists() {
        missing("MQTT.js", "it is not where clients/README.md has it");
        return None;
    }
    let script = root().join("cli/tests/interop/foreign/mqttjs_parts.js");
    Some(Program {
        command: program("node")?,
        arguments: vec![script, library],
    })
}

fn rumqttc() -> Option<Program> {
    let built = installed().join("rumqttc/debug/interop");
    if !built.exists() {
        missing("rumqttc", "it is not built as clients/README.md has it");
        return None;
    }
    Some(Program {
        command: built,
        arguments: Vec::new(),
    })
}

/// Every part, over every way in, in both versions.
fn plays(program: Option<Program>) {
    let Some(program) = program else {
        return;
    };
    let broker = Served::start(&[]);
    for way in WAYS {
        for version in ["3.1.1", "5.0"] {
            let name = format!("{way}-{version}");
            let part = |part: &str| {
                let mut command = program.run();
                command
                    .arg(broker.url(way) + if way.starts_with('w') { "/mqtt" } else { "" })
                    .arg(broker.ca())
                    .args([version, &name, part]);
                let output = done(&mut command);
                let said = words(&output);
                assert!(output.stderr.is_empty(), "{command:?}: {said}");
                said
            };
            for one in ["qos", "retained", "session"] {
                assert_eq!(part(one), format!("{one} done\n"), "{name}");
            }
            will(&broker, &name, part);
        }
    }
}

/// A client that dies leaves its will, and our own subscriber hears of it.
fn will(broker: &Served, name: &str, part: impl Fn(&str) -> String) {
    let topic = format!("{name}/will");
    // It is retained, so it does not matter who is first.
    part("will");
    let heard = broker.squall("sub", &[&topic, "--count", "1", "--quiet", "--for", "20s"]);
    let heard = end(heard, "squall sub");
    assert_eq!(words(&heard), "gone\n", "{name}");
    broker.squall_done("pub", &[&topic, "", "--retain", "--qos", "1"]);
}

#[test]
fn paho_over_every_way_in() {
    plays(paho());
}

#[test]
fn mqttjs_over_every_way_in() {
    plays(mqttjs());
}

#[test]
fn rumqttc_over_every_way_in() {
    plays(rumqttc());
}
