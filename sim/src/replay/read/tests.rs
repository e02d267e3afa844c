use super::*;
use crate::run::Run;
use squall_scenarios::load_str;

const STORY: &str = "title: t\nclients: { a: {}, b: {} }\nsteps:\n  - b: connect\n  - b: { subscribe: t }\n  \
                     - a: connect\n  - a: { publish: t, payload: \"x: #1\" }\n  - b: { receive: { topic: u } }\n    \
                     within: 1s\n";

fn written() -> String {
    let story = load_str("t", "t.yaml", STORY).unwrap_or_else(|p| panic!("{p:#?}"));
    let judged = Run::new(&story, Version::V5_0, 3).judge();
    Replay::of(&judged, Version::V5_0, World::Loop).to_yaml()
}

fn problems(text: &str) -> String {
    let problems = replay("r.yaml", text).expect_err("it has problems");
    let texts: Vec<String> = problems.iter().map(|d| d.render(false)).collect();
    texts.join("\n\n")
}

fn line_of(text: &str, part: &str) -> usize {
    1 + text
        .lines()
        .position(|l| l.contains(part))
        .expect("it is there")
}

#[test]
fn findings_name_the_lines_of_the_file() {
    let text = written();
    let replay = replay("r.yaml", &text).unwrap_or_else(|p| panic!("{p:#?}"));
    let result = Run::new(&replay.plan, replay.version, replay.seed)
        .judge()
        .result;
    assert_eq!(result.trace_hash, replay.trace_hash);
    let place = result.findings[0].location.clone().expect("a place");
    let line = line_of(&text, "receive");
    assert!(place.starts_with(&format!("r.yaml:{line}:")), "{place}");
}

#[test]
fn problems_of_the_plan_are_underlined_in_the_file() {
    let text = written().replace("receive", "recieve");
    let line = line_of(&text, "recieve");
    let problems = problems(&text);
    assert!(problems.contains(&format!("r.yaml:{line}:")), "{problems}");
    assert!(problems.contains("did you mean `receive`?"), "{problems}");
}

#[test]
fn problems_of_the_head_are_told_all_at_once() {
    let text = written()
        .replace("seed: 3", "seed: -3")
        .replace("world: loop", "wrold: loop")
        .replace("verdict: fail", "verdict: [fail]")
        .replace("version: \"5.0\"", "version: 4");
    insta::assert_snapshot!(problems(&text));
    insta::assert_snapshot!(problems(
        &written().replace("squall_replay: 1", "squall_replay: 2")
    ));
    insta::assert_snapshot!(problems(
        &written().replace("squall_replay: 1", "squall_replay: 0")
    ));
    insta::assert_snapshot!(problems(STORY));
    insta::assert_snapshot!(problems("- a\n"));
}

#[test]
fn a_plan_in_quotes_is_read_too() {
    let plan = serde_json::to_string(STORY).expect("a string");
    let text = written();
    let head = &text[..text.find("plan: |").expect("a plan")];
    let replay =
        replay("r.yaml", &format!("{head}plan: {plan}\n")).unwrap_or_else(|p| panic!("{p:#?}"));
    assert_eq!(replay.plan.file, "r.yaml (plan of t.yaml)");
}

#[test]
fn a_live_run_names_its_broker() {
    let text = written().replace("world: loop", "world: live");
    let wrong = problems(&text);
    assert!(
        wrong.contains("this replay file has no `broker`"),
        "{wrong}"
    );
    let text = text.replace("plan: |", "broker: mqtt://127.0.0.1:1883\nplan: |");
    let replay = replay("r.yaml", &text).unwrap_or_else(|p| panic!("{p:#?}"));
    assert_eq!(replay.place, Place::Live("mqtt://127.0.0.1:1883".into()));
    assert_eq!(
        Replay::parse("r.yaml", &replay.to_yaml()).ok(),
        Some(replay)
    );
}
