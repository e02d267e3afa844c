//! A report with one of everything: verdicts, evidence of all kinds, and text that means harm.

use squall_reports::{
    CheckResult, Conformance, Event, EventKind, Exchange, Finding, Report, SimResult, Simulation,
    StatementRef, Verdict,
};

/// The report that snapshots and the example page show.
pub(crate) fn report() -> Report {
    Report {
        tool: "squall 0.1.0".to_owned(),
        title: "squall verify".to_owned(),
        generated: None,
        simulation: Some(simulation()),
        conformance: vec![
            Conformance::new("mqtt://broker.example:1883", checks(), 12_345),
            Conformance::new("mqtt://127.0.0.1:1884", healthy(), 803),
        ],
    }
}

/// What strangers put into topics and payloads.
pub(crate) const HOSTILE: &str = "<script>alert(1)</script> ]]> --> \" ' onload=\"x\" & &amp; \u{202e}txet\u{202c} \u{1b}[31mred\u{7} \0 سلام {{ 7*7 }}";

fn statement(id: &str, says: &str) -> StatementRef {
    StatementRef {
        id: id.to_owned(),
        says: says.to_owned(),
    }
}

fn event(at_ms: u64, kind: EventKind, from: usize, to: usize, label: &str) -> Event {
    let (detail, hex) = (String::new(), String::new());
    Event {
        at_ms,
        kind,
        from,
        to,
        label: label.to_owned(),
        detail,
        hex,
        highlight: false,
    }
}

fn with(mut event: Event, detail: &str, hex: &str) -> Event {
    event.detail = detail.to_owned();
    event.hex = hex.to_owned();
    event
}

fn marked(mut event: Event) -> Event {
    event.highlight = true;
    event
}

fn simulation() -> Simulation {
    let mut simulation = Simulation::new(runs());
    simulation.runs_per_second = Some(4_210);
    simulation.virtual_seconds_per_second = Some(1_250_000);
    simulation.interrupted = Some("Ctrl-C after 1,033 of 2,000 runs".to_owned());
    simulation
}

/// The runs of the sample, in order.
pub(crate) fn runs() -> Vec<SimResult> {
    let mut results = Vec::new();
    for version in ["3.1.1", "5.0"] {
        results.extend((0..16).map(|seed| run("qos2/door-lock", DOOR, version, seed)));
    }
    for seed in [11, 3] {
        let failed = results
            .iter_mut()
            .find(|run| run.version == "5.0" && run.seed == seed);
        fail(failed.expect("the seed ran"));
    }
    results.extend((0..1_000).map(|seed| run("will/announced-once", WILL, "5.0", seed)));
    let mut storm = run("chaos/storm", STORM, "5.0", 77);
    storm.world = "turmoil".to_owned();
    storm.verdict = Verdict::Fail;
    storm.virtual_ms = 7_320_000;
    storm.findings = vec![Finding {
        rule: "nothing is lost".to_owned(),
        statements: vec![statement("MQTT-4.4.0-1", "Unacknowledged messages are sent again after a reconnection.")],
        message: "A message of QoS 1 from `meter` never arrived at `archive` although the network healed.".to_owned(),
        expected: "Every message of QoS 1 that was acknowledged arrives at least once before the story ends.".to_owned(),
        location: None,
        internal: false,
        evidence: storm_evidence(),
    }];
    storm.replay =
        Some("squall replay chaos/storm --mqtt 5.0 --seed 77 --world turmoil".to_owned());
    results.push(storm);
    results
}

const DOOR: &str = "A QoS 2 command reaches the door lock exactly once although the link is cut between PUBREC and PUBREL";
const WILL: &str = "A will is published once, after its delay";
const STORM: &str = "Twelve clients in a storm of cuts, partitions and crashes";

fn run(scenario: &str, title: &str, version: &str, seed: u64) -> SimResult {
    SimResult {
        scenario: scenario.to_owned(),
        title: title.to_owned(),
        version: version.to_owned(),
        seed,
        world: "loop".to_owned(),
        verdict: Verdict::Pass,
        reason: None,
        trace_hash: format!("{:016x}", (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)).repeat(4),
        virtual_ms: 38_040 + seed,
        findings: Vec::new(),
        known: None,
        replay: None,
    }
}

fn fail(run: &mut SimResult) {
    run.verdict = Verdict::Fail;
    run.replay = Some(format!(
        "squall replay qos2/door-lock --mqtt {} --seed {}",
        run.version, run.seed
    ));
    run.findings = vec![Finding {
        rule: "exactly once".to_owned(),
        statements: vec![
            statement(
                "MQTT-4.3.3-2",
                "The receiver of a PUBLISH with QoS 2 hands the message on once.",
            ),
            statement("MQTT-4.4.0-1", ""),
        ],
        message: "`lock` got the message `unlock` on `locks/1/cmd` twice, 3.021 s apart."
            .to_owned(),
        expected: "Each message of QoS 2 is handed to `lock` exactly once.".to_owned(),
        location: Some("scenarios/qos2/door-lock.yaml:31:5".to_owned()),
        internal: false,
        evidence: door_evidence(),
    }];
}

fn door_evidence() -> Exchange {
    use EventKind::{Close, Lost, Note, Open, Packet};
    let publish = "PUBLISH locks/1/cmd QoS 2 id 1";
    Exchange {
        parties: ["app", "broker", "lock"].map(str::to_owned).to_vec(),
        events: vec![
            event(0, Open, 2, 1, ""),
            with(
                event(0, Packet, 2, 1, "CONNECT lock"),
                "clean start: no\nsession expiry: 3600 s",
                "10 10 00 04 4d",
            ),
            event(21, Packet, 1, 2, "CONNACK Success"),
            event(40, Packet, 2, 1, "SUBSCRIBE locks/1/cmd QoS 2 id 1"),
            event(61, Packet, 1, 2, "SUBACK id 1 Granted QoS 2"),
            event(75, Packet, 0, 1, publish),
            event(90, Packet, 1, 0, "PUBREC id 1"),
            event(91, Note, 0, 0, "cut after PUBREC"),
            event(91, Close, 0, 1, "reset"),
            event(95, Lost, 0, 1, "PUBREL id 1"),
            event(3_091, Open, 0, 1, ""),
            event(3_091, Packet, 0, 1, "CONNECT app"),
            with(
                event(3_112, Packet, 0, 1, "PUBLISH locks/1/cmd QoS 2 id 1 DUP"),
                "topic: locks/1/cmd\nQoS: 2\nDUP: yes\npacket identifier: 1\npayload: unlock (6 bytes)",
                "3c 15 00 0b 6c 6f 63 6b 73 2f 31 2f 63 6d 64 00 01 00 75 6e 6c 6f 63 6b",
            ),
            event(3_113, Packet, 1, 2, publish),
            marked(with(
                event(
                    3_134,
                    Note,
                    2,
                    2,
                    "handed the message to the application a second time",
                ),
                "The first time was at 0.113 s.",
                "",
            )),
            event(3_140, Packet, 2, 1, "PUBREC id 2"),
        ],
    }
}

/// Twelve parties and far more events than anybody wants to see.
fn storm_evidence() -> Exchange {
    let parties: Vec<String> = std::iter::once("broker".to_owned())
        .chain((1..12).map(|number| format!("meter-{number:02}")))
        .collect();
    let mut events: Vec<Event> = (0..1_500_u64)
        .map(|number| {
            let client = 1 + (number * 7 % 11) as usize;
            let (from, to) = if number % 3 == 0 {
                (0, client)
            } else {
                (client, 0)
            };
            let kind = if number % 13 == 5 {
                EventKind::Lost
            } else {
                EventKind::Packet
            };
            let id = number % 50 + 1;
            let label = if number % 3 == 0 {
                format!("PUBACK id {id}")
            } else {
                format!("PUBLISH meters/{client}/kwh QoS 1 id {id}")
            };
            event(number * 40, kind, from, to, &label)
        })
        .collect();
    events[900].highlight = true;
    events[900].kind = EventKind::Lost;
    Exchange { parties, events }
}

fn check(
    name: &str,
    version: &str,
    verdict: Verdict,
    title: &str,
    message: &str,
    expected: &str,
) -> CheckResult {
    CheckResult {
        check: name.to_owned(),
        title: title.to_owned(),
        statements: vec![statement(
            "MQTT-3.3.1-2",
            "DUP is 0 for all messages of QoS 0.",
        )],
        version: version.to_owned(),
        verdict,
        message: message.to_owned(),
        expected: expected.to_owned(),
        findings: Vec::new(),
        known: None,
        evidence: Exchange {
            parties: vec!["probe".to_owned(), "broker".to_owned()],
            events: vec![
                event(0, EventKind::Open, 0, 1, "tcp"),
                with(
                    event(1, EventKind::Packet, 0, 1, "CONNECT probe-1 clean start"),
                    "client identifier: probe-1\nkeep alive: 60 s",
                    "10 14 00 04 4d 51 54 54 05 02 00 3c 00 00 07 70 72 6f 62 65 2d 31",
                ),
                with(
                    event(3, EventKind::Packet, 1, 0, "CONNACK Success"),
                    "",
                    "20 03 00 00 00",
                ),
            ],
        },
        duration_ms: 17,
    }
}

fn healthy() -> Vec<CheckResult> {
    let mut results = Vec::new();
    for group in ["connect", "publish", "subscribe", "session"] {
        for number in 1..=9 {
            for version in ["3.1.1", "5.0"] {
                let name = format!("{group}/rule-{number}");
                let title = "A rule of the standard that this broker keeps";
                results.push(check(
                    &name,
                    version,
                    Verdict::Pass,
                    title,
                    "It did what is asked for.",
                    "That.",
                ));
            }
        }
    }
    results
}

fn checks() -> Vec<CheckResult> {
    let mut results = healthy();
    let title = "A second PUBLISH with the same packet identifier is answered, and the message is not handed on again";
    let mut twice = check(
        "publish/qos2-duplicate",
        "5.0",
        Verdict::Fail,
        title,
        "The broker handed the message on twice: a second PUBLISH followed 12 ms after the repetition.",
        "Exactly one PUBLISH reaches the subscriber.",
    );
    twice.statements = vec![statement(
        "MQTT-4.3.3-10",
        "Until it has got the PUBREL, a receiver answers a repeated PUBLISH of the same identifier with PUBREC and does not hand it on.",
    )];
    twice.evidence.parties.push("subscriber".to_owned());
    twice.evidence.events.extend([
        event(10, EventKind::Packet, 0, 1, "PUBLISH a/b QoS 2 id 7 `x`"),
        event(11, EventKind::Packet, 1, 2, "PUBLISH a/b QoS 0 `x`"),
        event(12, EventKind::Packet, 1, 0, "PUBREC id 7"),
        event(
            20,
            EventKind::Packet,
            0,
            1,
            "PUBLISH a/b QoS 2 id 7 DUP `x`",
        ),
        marked(event(32, EventKind::Packet, 1, 2, "PUBLISH a/b QoS 0 `x`")),
        event(33, EventKind::Close, 1, 0, ""),
    ]);
    twice.findings = vec![Finding {
        rule: "message".to_owned(),
        statements: vec![statement(
            "MQTT-3.3.1-12",
            "RETAIN is 0 in what goes to a subscription that exists.",
        )],
        message: "the broker, to `subscriber`, sent a message on `a/b` with RETAIN 1 that was published with RETAIN 0"
            .to_owned(),
        expected: "RETAIN 0".to_owned(),
        location: None,
        internal: false,
        evidence: Exchange {
            parties: twice.evidence.parties.clone(),
            events: vec![marked(event(
                11,
                EventKind::Packet,
                1,
                2,
                "PUBLISH a/b QoS 0 RETAIN `x`",
            ))],
        },
    }];
    results.push(twice);
    let mut hostile = check(
        &format!("publish/{HOSTILE}"),
        "5.0",
        Verdict::Fail,
        HOSTILE,
        HOSTILE,
        HOSTILE,
    );
    hostile.statements = vec![statement(HOSTILE, HOSTILE)];
    hostile.evidence.parties = vec![HOSTILE.to_owned(), "b".repeat(10_000)];
    let long = format!("PUBLISH {}", "long/".repeat(2_000));
    let labels = [
        HOSTILE,
        long.as_str(),
        "عنوان/موضوع",
        "温度/センサー/一階/玄関/東側/上段/左",
    ];
    for (at, label) in (40..).zip(labels) {
        hostile.evidence.events.push(with(
            event(at, EventKind::Packet, 1, 0, label),
            HOSTILE,
            HOSTILE,
        ));
    }
    // An index that names nobody.
    hostile
        .evidence
        .events
        .push(event(50, EventKind::Packet, 0, 9, "to nobody"));
    results.push(hostile);
    results.push(check(
        "connect/reason-on-bad-protocol",
        "5.0",
        Verdict::Warn,
        "A CONNECT with an unknown protocol version is refused with a reason",
        "The broker closed the connection without a CONNACK.",
        "A CONNACK with reason code 0x84 may precede the close.",
    ));
    results.push(check(
        "shared/balance",
        "5.0",
        Verdict::NotApplicable,
        "Messages of a shared subscription go to one of its members",
        "The broker announced that it has no shared subscriptions.",
        "Each message reaches one member.",
    ));
    results.push(check(
        "will/delay",
        "5.0",
        Verdict::Inconclusive,
        "The will waits for its delay",
        "The broker did not answer the SUBSCRIBE within 5 s, so the will could not be watched.",
        "The will is published not before the delay has passed.",
    ));
    results
}
