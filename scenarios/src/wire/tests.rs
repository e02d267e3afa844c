use super::*;

fn what(text: &str) -> What {
    match read(text) {
        Ok(fault) => fault.what,
        Err(problems) => panic!("{text}: {}", problems[0]),
    }
}

#[test]
fn the_short_forms_of_the_language_are_read() {
    let fault = read("{ cut: app, after: PUBREC, from: broker }").unwrap();
    assert_eq!(fault.who.as_deref(), Some("app"));
    let place = Place::Packet {
        packet: PacketType::PubRec,
        from: Role::Server,
        nth: 1,
        part: Part::Whole,
    };
    let by = CutBy::Reset;
    assert_eq!(fault.what, What::Cut { place, by });
    let by = CutBy::Silence;
    let place = Place::Byte {
        from: Role::Client,
        nth: 100,
    };
    let text = "{ cut: all, byte: 100, from: client, by: silence }";
    assert_eq!(what(text), What::Cut { place, by });
    let What::Link(link) = what("{ latency: 50ms..200ms, loss: 1% }") else {
        panic!("no link");
    };
    assert_eq!(
        (link.latency_ms, link.loss_permille),
        (Some((50, 200)), Some(10))
    );
    assert!(matches!(
        what("{ partition: all, at: 5s, for: 2s }"),
        What::Partition { way: Way::Both, .. }
    ));
    assert!(matches!(
        what("{ cut: all, half: CONNECT }"),
        What::Cut { .. }
    ));
    assert!(matches!(
        what("{ fragment: 1, from: broker, of: app }"),
        What::Fragment { size: 1, .. }
    ));
    assert!(matches!(what("{ coalesce: 50ms }"), What::Coalesce { .. }));
    assert!(matches!(what("{ stall: all, at: 1s }"), What::Stall { .. }));
    let flap = "{ flap: all, every: 2s..6s, for: 30s }";
    assert!(matches!(what(flap), What::Flap { .. }));
}

#[test]
fn what_is_no_fault_is_told() {
    for (text, told) in [
        ("", "there is no fault"),
        ("cut", "expected a fault, found a text"),
        ("{ cot: all }", "`cot` is not a fault"),
        ("{ cut: all }", "where is the cut?"),
        ("{ cut: all, after: PUBREC }", "both ends send PUBREC"),
        (
            "{ cut: all, after: PUBREC, before: PUBREL, from: client }",
            "a cut is at one place",
        ),
        (
            "{ cut: all, after: SUBSCRIBE, from: broker }",
            "a broker never sends SUBSCRIBE in MQTT 5.0",
        ),
        ("{ cut: all, byte: 7 }", "both ends send bytes"),
        ("{ cut: all, at: 5s, nth: 2 }", "`nth` without a packet"),
        (
            "{ flap: all, every: 0s..1s, for: 3s }",
            "two cuts at one time",
        ),
        (
            "{ partition: all, after: 5s }",
            "unknown key `after` in a partition",
        ),
    ] {
        let problems = read(text).expect_err(text);
        assert_eq!(problems[0].message, told, "{text}");
    }
}
