//! Whatever the results contain, every format is well formed and nothing panics.

use crate::{markup, sample};
use proptest::{collection::vec, prelude::*};
use squall_reports::{
    CheckResult, Conformance, Event, EventKind, Exchange, Finding, Format, Report, SimResult,
    Simulation, StatementRef, Verdict, html, junit, ladder, sequence, terminal,
};

fn text() -> impl Strategy<Value = String> {
    let hostile = prop::sample::select(vec![
        "",
        sample::HOSTILE,
        "</title><script>alert(1)</script>",
        "\" onerror=\"alert(1)",
        "' onerror='alert(1)",
        "</script></style></svg>",
        "<![CDATA[ ]]>",
        "&#0;&bogus;",
        "\u{1b}]0;title\u{7}\u{9b}2J\r\n\t",
        "a\u{300}\u{301}\u{302}温度👩‍🔧",
    ]);
    prop_oneof![
        hostile.prop_map(str::to_owned),
        any::<String>(),
        ("[a-z/]{1,12}", 0_usize..900).prop_map(|(word, times)| word.repeat(times)),
    ]
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop::sample::select(Verdict::ALL.to_vec())
}

fn event() -> impl Strategy<Value = Event> {
    use EventKind::{Close, Lost, Note, Open, Packet};
    let kind = prop::sample::select(vec![Packet, Lost, Open, Close, Note]);
    let party = || prop_oneof![9 => 0_usize..14, 1 => any::<usize>()];
    let time = prop_oneof![9 => 0..100_000_u64, 1 => any::<u64>()];
    (
        time,
        kind,
        party(),
        party(),
        text(),
        text(),
        text(),
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(at_ms, kind, from, to, label, detail, hex, highlight)| Event {
                at_ms,
                kind,
                from,
                to,
                label,
                detail,
                hex,
                highlight,
            },
        )
}

fn exchange() -> impl Strategy<Value = Exchange> {
    (vec(text(), 0..16), vec(event(), 0..30))
        .prop_map(|(parties, events)| Exchange { parties, events })
}

fn statements() -> impl Strategy<Value = Vec<StatementRef>> {
    vec(
        (text(), text()).prop_map(|(id, says)| StatementRef { id, says }),
        0..3,
    )
}

fn check() -> impl Strategy<Value = CheckResult> {
    (
        text(),
        text(),
        statements(),
        text(),
        verdict(),
        text(),
        text(),
        prop::collection::vec(finding(), 0..3),
        (exchange(), any::<u32>()),
    )
        .prop_map(
            |(
                check,
                title,
                statements,
                version,
                verdict,
                message,
                expected,
                findings,
                (evidence, duration_ms),
            )| CheckResult {
                check,
                title,
                statements,
                version,
                verdict,
                message,
                expected,
                findings,
                known: None,
                evidence,
                duration_ms: duration_ms.into(),
            },
        )
}

fn finding() -> impl Strategy<Value = Finding> {
    (
        text(),
        statements(),
        text(),
        text(),
        prop::option::of(text()),
        exchange(),
    )
        .prop_map(
            |(rule, statements, message, expected, location, evidence)| Finding {
                rule,
                statements,
                message,
                expected,
                location,
                internal: false,
                evidence,
            },
        )
}

fn run() -> impl Strategy<Value = SimResult> {
    let names = (text(), text(), text(), text(), text());
    (
        names,
        any::<(u64, u64)>(),
        verdict(),
        vec(finding(), 0..2),
        (prop::option::of(text()), prop::option::of(text())),
    )
        .prop_map(
            |(
                (scenario, title, version, world, trace_hash),
                (seed, virtual_ms),
                verdict,
                findings,
                (replay, reason),
            )| SimResult {
                scenario,
                title,
                version,
                seed,
                world,
                verdict,
                reason,
                trace_hash,
                virtual_ms,
                findings,
                known: None,
                replay,
            },
        )
}

fn report() -> impl Strategy<Value = Report> {
    let simulation =
        (vec(run(), 0..4), prop::option::of(text())).prop_map(|(results, interrupted)| {
            let mut simulation = Simulation::new(results);
            simulation.interrupted = interrupted;
            simulation
        });
    let conformance = (text(), vec(check(), 0..4))
        .prop_map(|(target, results)| Conformance::new(target, results, 1));
    (
        text(),
        text(),
        prop::option::of(text()),
        prop::option::of(simulation),
        vec(conformance, 0..2),
    )
        .prop_map(|(tool, title, generated, simulation, conformance)| Report {
            tool,
            title,
            generated,
            simulation,
            conformance,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_page_has_no_markup_but_its_own(report in report()) {
        let page = html::render(&report);
        let read = markup::read(&page);
        prop_assert!(read.is_ok(), "{:?}", read);
    }

    #[test]
    fn the_page_never_asks_for_anything_outside(report in report()) {
        // Every address in the page is a place in the page; the only other one is the name of SVG's vocabulary.
        let page = html::render(&report);
        for link in page.split("href=\"").skip(1) {
            prop_assert!(link.starts_with('#'));
        }
        prop_assert!(!page.contains(" src=\"") && !page.contains("url("));
    }

    #[test]
    fn junit_can_be_read_back(report in report()) {
        let xml = junit::render(&report);
        let back = quick_junit::Report::deserialize_from_str(&xml);
        prop_assert!(back.is_ok(), "{:?}", back);
        let interrupted = report.simulation.as_ref().is_some_and(|simulation| simulation.interrupted.is_some());
        let back = back.expect("it was just asked for");
        let (passed, series) = report
            .simulation
            .as_ref()
            .map_or((0, 0), |s| (s.summary.pass, s.series.iter().filter(|s| s.summary.pass > 0).count() as u64));
        let expected = report.summary().total - passed + series + u64::from(interrupted);
        prop_assert_eq!(back.tests as u64, expected);
    }

    #[test]
    fn the_screen_gets_no_control_character(report in report(), width in 0_usize..200) {
        let screen = terminal::render(&report, &terminal::Options { colour: false, width, events: 12 });
        prop_assert!(!screen.chars().any(|c| c.is_control() && c != '\n'));
        let verdict = report.verdict().as_str().to_uppercase();
        let last = screen.lines().rev().find(|line| !line.starts_with(' '));
        prop_assert!(last.is_some_and(|line| line.contains(&verdict)));
    }

    #[test]
    fn no_line_is_wider_than_the_screen(report in report(), width in 0_usize..160) {
        let screen = terminal::render(&report, &terminal::Options { colour: false, width, events: 12 });
        // Commands are never broken: they are to be copied.
        for line in screen.lines().filter(|line| line.is_ascii() && !line.trim_start().starts_with("replay")) {
            prop_assert!(line.len() <= width.clamp(40, 140), "{} > {width}: {line}", line.len());
        }
    }

    #[test]
    fn every_format_says_the_same_of_the_same(report in report()) {
        for format in Format::all() {
            prop_assert_eq!(format.render(&report), format.render(&report));
        }
    }
}

proptest! {
    #[test]
    fn charts_are_well_formed_and_ladders_fit(exchange in exchange(), events in 0_usize..40, width in 0_usize..160) {
        let svg = sequence::svg(&exchange, &sequence::Options { title: sample::HOSTILE, events });
        let read = markup::read(&svg);
        prop_assert!(read.is_ok(), "{:?}", read);
        let shown = svg.matches("<title>").count();
        prop_assert!(shown > exchange.events.len().min(events), "each event shown has its title");
        for line in ladder::lines(&exchange, &ladder::Options { width, events }) {
            prop_assert!(!line.text.contains(|c: char| c.is_control()));
            // Signs of no or double width are counted by the renderer; here only those of single width are.
            if line.text.is_ascii() {
                prop_assert!(line.text.len() <= width.max(36), "{} > {width}: {}", line.text.len(), line.text);
            }
        }
    }
}

proptest! {
    /// Outside of code, nothing from outside is markup: every sign that could be is escaped, but for ours at the start of
    /// lines and in tables.
    #[test]
    fn markdown_takes_no_markup_from_outside(report in report()) {
        let text = squall_reports::markdown::render(&report);
        let mut fence: Option<&str> = None;
        for line in text.lines() {
            if let Some(open) = fence {
                if line == open {
                    fence = None;
                }
                continue;
            }
            let ticks = line.len() - line.trim_start_matches('`').len();
            if ticks >= 3 && &line[ticks..] == "text" {
                fence = Some(&line[..ticks]);
                continue;
            }
            let line = line.strip_prefix("Run it again: ").map_or(line, |_| "");
            let mut escaped = false;
            for (at, c) in line.char_indices() {
                let free = !escaped && "`_[]<>~&".contains(c);
                prop_assert!(!free, "{c} at {at} of {line}");
                escaped = c == '\\' && !escaped;
            }
        }
        prop_assert!(fence.is_none(), "every fence is closed");
    }
}

#[test]
fn text_survives_the_page() {
    let text = markup::read(&html::render(&sample::report())).expect("the page is well formed");
    assert!(
        text.contains("<script>alert(1)</script> ]]> --> \" ' onload=\"x\" & &amp; \u{fffd}txet")
    );
    assert!(text.contains("␛[31mred␇ ␀ سلام {{ 7*7 }}"));
}

#[test]
fn thousands_of_results_stay_small() {
    let mut report = sample::report();
    let passed = sample::runs()
        .into_iter()
        .find(|run| run.findings.is_empty())
        .expect("one passed");
    let before = html::render(&report).len();
    let simulation = report
        .simulation
        .as_mut()
        .expect("the sample has a simulation");
    for seed in 100..50_100 {
        simulation.add(SimResult {
            seed,
            ..passed.clone()
        });
    }
    let page = html::render(&report);
    assert!(
        page.len() < before + 1_000,
        "runs that passed are counted, not listed"
    );
    let screen = Format::TERMINAL.render(&report);
    assert!(
        screen.lines().count() < 300,
        "{} lines",
        screen.lines().count()
    );
}

#[test]
fn a_flood_of_failures_is_listed_and_counted() {
    let mut report = sample::report();
    let failed = sample::runs()
        .into_iter()
        .find(|run| !run.findings.is_empty())
        .expect("one failed");
    let flood = (0..2_000).map(|seed| SimResult {
        seed,
        ..failed.clone()
    });
    report.simulation = Some(Simulation::new(flood.collect()));
    let page = html::render(&report);
    assert_eq!(
        page.matches("class=\"card v-fail\" id=\"story-0-").count(),
        25
    );
    assert!(page.contains("1,975 more runs of this scenario did not pass"));
    assert!(page.contains("1,475 are not listed"));
    let screen = Format::TERMINAL.render(&report);
    assert!(screen.contains("1,980 more runs of qos2/door-lock in MQTT 5.0 did not pass."));
    assert_eq!(screen.matches("▸ 3.134 s").count(), 3);
}
