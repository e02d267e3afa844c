//! Async brokers and clients that somebody brings along, in the turmoil world: the double as a broker, the reference client's
//! core as a client, right and wrong.

use squall_client::{Command, Event, Hangup, Message, Output};
use squall_protocol::{Packet, QoS, Time, Version};
use squall_reports::{Simulation, Verdict};
use squall_saboteurs::{Switch, double::Double, serve::Handle};
use squall_sim::{
    guest::{Client, Connection, Guest, Order, Part},
    harness::Storm,
};
use std::{
    fs,
    future::{Future, pending},
    io,
    path::Path,
    pin::Pin,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep_until},
};

fn double(switches: &'static [&'static str]) -> Guest {
    Guest::new(move |mut listener| async move {
        let switches = switches.iter().map(|name| Switch::from_name(name));
        let handle = Handle::new(Double::new(switches.map(|s| s.expect("a switch"))));
        loop {
            handle.connect(listener.accept().await?);
        }
    })
}

/// Some of the stories that come with Squall, those that take little virtual time.
fn some(subject: &str) -> Storm {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    Storm::of(library.join(subject)).seeds(0..1)
}

fn told(storm: &Storm) -> Simulation {
    storm.run().unwrap_or_else(|p| panic!("{p:#?}"))
}

#[test]
fn a_sound_broker_is_not_accused_and_most_stories_prove_something() {
    for subject in ["qos1", "takeover"] {
        let simulation = told(&some(subject).broker(double(&[])));
        assert_ne!(simulation.verdict(), Verdict::Fail, "{simulation:#?}");
        let summary = simulation.summary;
        assert!(summary.pass * 4 >= summary.total * 3, "{summary:?}");
    }
}

#[test]
fn a_wrong_broker_fails_and_the_same_seed_fails_alike() {
    let storm = some("qos2/cut-before-pubrec.yaml")
        .broker(double(&["qos2-id-freed-at-close"]))
        .version(Version::V5_0);
    let simulation = told(&storm);
    assert_eq!(simulation.verdict(), Verdict::Fail);
    assert_eq!(simulation, told(&storm));
}

fn a_story() -> (tempfile::TempDir, Storm) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let story = "title: t\nclients: { a: {} }\nsteps:\n  - a: connect\n  - a: disconnect\n";
    fs::write(folder.path().join("story.yaml"), story).expect("it can be written");
    let storm = Storm::of(folder.path());
    (folder, storm)
}

#[test]
fn a_broker_that_falls_says_how() {
    let (_folder, storm) = a_story();
    let panics = Guest::new(|mut listener| async move {
        let _ = listener.accept().await?;
        panic!("no such session");
    });
    let ends = Guest::new(|_| async { Err(io::Error::other("no room")) });
    for (guest, why) in [
        (
            panics,
            "it panicked: no such session (at sim/tests/guests.rs:",
        ),
        (ends, "no room"),
    ] {
        let simulation = told(&storm.clone().broker(guest));
        assert_eq!(simulation.verdict(), Verdict::Fail);
        let finding = &simulation.series[0].failures[0].findings[0];
        let expected = format!("the broker under test ended: {why}");
        assert!(
            finding.message.starts_with(&expected),
            "{}",
            finding.message
        );
        assert!(!finding.internal);
    }
}

#[test]
fn the_reference_pair_takes_one_line() {
    a_story().1.check();
}

#[test]
#[should_panic = "FAIL  story"]
fn a_failure_is_a_report() {
    let (_folder, storm) = a_story();
    let mute = Guest::new(|_| async { Err(io::Error::other("no room")) });
    storm.broker(mute).check();
}

#[test]
#[should_panic = "nobody.yaml"]
fn a_story_that_cannot_be_read_is_said() {
    Storm::of("nobody.yaml").check();
}

/// The reference client's core in the clothes of somebody else's client. `wrong` gives a message of QoS 2 to its application
/// once more whenever it comes again.
fn visitor(wrong: bool) -> Client {
    Client::new(move |part| play(part, wrong))
}

type Dialling = Pin<Box<dyn Future<Output = io::Result<Connection>>>>;

async fn play(mut part: Part, wrong: bool) -> io::Result<()> {
    let began = Instant::now();
    let now = || Time::ZERO + began.elapsed();
    let mut core = squall_client::Client::new();
    let mut stream: Option<Connection> = None;
    let mut dialling: Option<Dialling> = None;
    let mut bytes = [0; 4096];
    loop {
        while let Some(event) = core.poll_event() {
            tell(&part, event, wrong);
        }
        act(&mut core, &part, &mut stream, &mut dialling).await;
        let due = core
            .poll_timeout()
            .map(|at| Duration::from_millis(at.as_millis()));
        let timer = async {
            match due {
                Some(due) => sleep_until(began + due).await,
                None => pending().await,
            }
        };
        let dialled = async {
            match &mut dialling {
                Some(dialling) => dialling.await,
                None => pending().await,
            }
        };
        let read = async {
            match &mut stream {
                Some(stream) => stream.read(&mut bytes).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            () = timer => core.handle_timeout(now()),
            order = part.next() => core.handle_command(now(), command(order)),
            dialled = dialled => {
                dialling = None;
                match dialled {
                    Ok(dialled) => {
                        stream = Some(dialled);
                        core.handle_dialed(now());
                    }
                    Err(error) => core.handle_dial_failed(now(), error.to_string()),
                }
            }
            read = read => match read {
                Ok(count @ 1..) => core.handle_bytes(now(), &bytes[..count]),
                ended => {
                    stream = None;
                    let how = if ended.is_ok() { Hangup::Eof } else { Hangup::Reset };
                    core.handle_closed(now(), how);
                }
            },
        }
    }
}

/// Does what the core wants done.
async fn act(
    core: &mut squall_client::Client,
    part: &Part,
    stream: &mut Option<Connection>,
    dialling: &mut Option<Dialling>,
) {
    while let Some(output) = core.poll_output() {
        match (output, &mut *stream) {
            (Output::Send(packet), Some(stream)) => drop(stream.write_all(&packet).await),
            (Output::Send(_), None) => {}
            (Output::Close, _) => (*stream, *dialling) = (None, None),
            (Output::Dial, _) => {
                *stream = None;
                *dialling = Some(Box::pin(part.dial()));
            }
        }
    }
}

fn tell(part: &Part, event: Event, wrong: bool) {
    match event {
        Event::Subscribed { ticket, reasons } => part.subscribed(ticket, reasons),
        Event::Unsubscribed { ticket, reasons } => part.unsubscribed(ticket, reasons),
        Event::Acknowledged { ticket, reason } => part.acknowledged(ticket, reason),
        Event::Delivered { message, .. } => part.delivered(message),
        Event::Received(frame) => {
            if let Packet::Publish(publish) = frame.packet
                && wrong
                && publish.dup
                && publish.qos == QoS::ExactlyOnce
            {
                part.delivered(Message::new(publish.topic, publish.payload, publish.qos));
            }
        }
        _ => {}
    }
}

fn command(order: Order) -> Command {
    match order {
        Order::Connect(options) => Command::Connect(options),
        Order::Publish(ticket, message) => Command::Publish(ticket, message),
        Order::Subscribe {
            ticket,
            subscriptions,
            properties,
        } => Command::Subscribe {
            ticket,
            subscriptions,
            properties,
        },
        Order::Unsubscribe {
            ticket,
            filters,
            properties,
        } => Command::Unsubscribe {
            ticket,
            filters,
            properties,
        },
        Order::Disconnect { reason, properties } => Command::Disconnect { reason, properties },
        Order::Drop => Command::Drop,
    }
}

#[test]
fn a_sound_client_is_not_accused_and_most_stories_prove_something() {
    for subject in ["qos1", "qos2", "takeover"] {
        let storm = some(subject).client(visitor(false));
        let simulation = told(&storm);
        assert_ne!(simulation.verdict(), Verdict::Fail, "{simulation:#?}");
        let summary = simulation.summary;
        // What a story says itself, packet by packet, is no matter of this client.
        let told = summary.total - summary.not_applicable;
        assert!(
            told > 0 && summary.pass * 4 >= told * 3,
            "{subject}: {summary:?}"
        );
    }
}

#[test]
fn a_client_that_delivers_twice_is_found_and_the_same_seed_fails_alike() {
    let storm = some("qos2").seeds(0..3).client(visitor(true));
    let simulation = told(&storm);
    assert_eq!(simulation.verdict(), Verdict::Fail);
    let failures = simulation.series.iter().flat_map(|s| &s.failures);
    let cited: std::collections::BTreeSet<_> = failures
        .flat_map(|result| &result.findings)
        .flat_map(|finding| &finding.statements)
        .map(|statement| statement.id.as_str())
        .collect();
    // A message that comes again is not handed over again, in 3.1.1 and in 5.0.
    let once = ["MQTT-4.3.3-2", "MQTT-4.3.3-10"];
    assert!(once.iter().all(|id| cited.contains(id)), "{cited:?}");
    assert_eq!(simulation, told(&storm));
}

#[test]
fn a_client_that_falls_or_lacks_something_says_what() {
    let (_folder, storm) = a_story();
    let panics = Client::new(|mut part| async move {
        let _ = part.next().await;
        panic!("no such order");
    });
    let ends = Client::new(|_| async { Err(io::Error::other("no room")) });
    for (client, why) in [(panics, "it panicked: no such order"), (ends, "no room")] {
        let simulation = told(&storm.clone().client(client));
        let finding = &simulation.series[0].failures[0].findings[0];
        let expected = format!("the client under test ended: {why}");
        assert!(finding.message.starts_with(&expected), "{finding:?}");
    }
    let lacks = Client::new(|mut part| async move {
        let _ = part.next().await;
        part.lacks("everything");
        pending().await
    });
    let simulation = told(&storm.client(lacks));
    assert_eq!(
        simulation.verdict(),
        Verdict::NotApplicable,
        "{simulation:#?}"
    );
}

#[test]
fn a_client_that_writes_no_packets_is_found() {
    let (_folder, storm) = a_story();
    let odd = Client::new(|mut part| async move {
        let _ = part.next().await;
        let mut stream = part.dial().await?;
        // CONNECT with a reserved flag.
        let bytes = b"\x10\x0d\x00\x04MQTT\x04\x03\x00\x00\x00\x01a";
        stream.write_all(bytes).await?;
        let _ = stream.read(&mut [0; 64]).await;
        pending().await
    });
    let simulation = told(&storm.client(odd).version(Version::V3_1_1));
    let finding = &simulation.series[0].failures[0].findings[0];
    assert_eq!(finding.rule, "packet contents");
    assert_eq!(finding.statements[0].id, "MQTT-3.1.2-3");
}

#[test]
fn a_story_that_is_left_out_has_to_be_there() {
    let (_folder, storm) = a_story();
    let simulation = told(&storm.clone().without("story", "it is too long"));
    assert_eq!(simulation.summary.total, 0);
    let problems = storm.without("stories", "a slip of the pen").run();
    let problems = problems.expect_err("there is none");
    assert!(
        problems[0].to_string().contains("`stories`"),
        "{problems:?}"
    );
}
