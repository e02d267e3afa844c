//! Scripted brokers: read, written, and what a person sees when they are wrong.

use crate::{
    action::{self, Acknowledging},
    load_str,
    model::{Action, StepKind},
    write,
};
use squall_protocol::PacketType;
use std::{fmt::Write as _, time::Duration};

const STORY: &str = "\
title: A broker takes its time
versions: ['5.0']
broker: { scripted: true, receive_maximum: 3 }
clients:
  app: {}
  lock: { client_id: \"\" }
steps:
  - broker: { ack: { withhold: [CONNACK, PINGRESP] } }
    client: app
  - app: connect
    wait: false
  - broker: { expect: { CONNECT: { client_id: app, keep_alive: 60 } } }
    client: app
  - broker: { send: [ { CONNACK: { session_present: true } }, { hex: \"c1 00\" } ], first: 3 }
    client: app
  - broker: { expect: closed, statement: MQTT-4.13.1-1 }
    client: app
    within: 5s
  - lock: connect
  - broker: { expect: [ SUBSCRIBE, UNSUBSCRIBE ], never: 1s }
    client: lock
  - broker: { ack: manual }
    client: lock
  - broker: { read: false }
    client: lock
  - timeline:
      - at: 1s
        broker: drop
        client: lock
";

#[test]
fn a_scripted_broker_is_read_and_what_is_written_is_read_again() {
    let read = |text: &str| load_str("story", "story.yaml", text);
    let story = read(STORY).unwrap_or_else(|p| panic!("{}", p[0].render(false)));
    assert!(story.broker.scripted);
    let StepKind::Broker {
        client: 0,
        action: Action::Acknowledge(action::Acknowledge { how }),
        within: None,
        wait: true,
    } = &story.steps[0].kind
    else {
        panic!("{:?}", story.steps[0]);
    };
    let Acknowledging { withhold, reason } = how;
    assert_eq!(
        (withhold.as_slice(), reason),
        (&[PacketType::ConnAck, PacketType::PingResp][..], &None)
    );
    let StepKind::Broker {
        client: 0, within, ..
    } = story.steps[4].kind
    else {
        panic!("{:?}", story.steps[4]);
    };
    assert_eq!(within, Some(Duration::from_secs(5)));
    let text = write(&story);
    insta::assert_snapshot!(text);
    let again = read(&text).unwrap_or_else(|p| panic!("{}", p[0].render(false)));
    assert_eq!(write(&again), text);
}

#[test]
fn what_a_scripted_broker_cannot_do() {
    let story = |broker: &str, clients: &str, steps: &str| {
        format!(
            "title: t\nversions: ['5.0']\n{broker}clients: {clients}\nsteps:\n  - app: connect\n  - {steps}\n"
        )
    };
    let (scripted, one) = ("broker: { scripted: true }\n", "{ app: {} }");
    let mut shown = String::new();
    for text in [
        story("", one, "broker: { send: PINGRESP }"),
        story(scripted, one, "broker: { publish: t }"),
        story(scripted, one, "broker: connect"),
        story(scripted, one, "broker: { ack: { withhold: PINGREQ } }"),
        story(
            "",
            "{ app: { scripted: true } }",
            "app: { ack: { withhold: CONNACK } }",
        ),
        story(
            scripted,
            "{ app: {}, lock: {} }",
            "lock: connect\n  - broker: drop",
        ),
        story(scripted, one, "broker: drop\n    client: lock"),
        story(scripted, one, "app: drop\n    client: app"),
        story(
            scripted,
            one,
            "broker: { expect: { CONNECT: { topic: t } } }",
        ),
        story(scripted, "{ app: { scripted: true } }", "broker: drop"),
        story(
            scripted,
            one,
            "broker: drop\nexpect:\n  - closed: { client: app }",
        ),
    ] {
        let problems = load_str("story", "story.yaml", &text).expect_err(&text);
        let each: Vec<_> = problems.iter().map(|p| p.render(false)).collect();
        writeln!(shown, "{}\n", each.join("\n")).expect("a string takes everything");
    }
    insta::assert_snapshot!(shown);
}
