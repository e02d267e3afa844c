//! What is written is read back, and no text makes the reader panic.

use super::{EVERYTHING, any::scenario};
use crate::{load_str, model::*, write};
use proptest::{collection::vec, prelude::*};

/// Takes the places out, which differ between a file and its copy.
fn without_places(mut scenario: Scenario) -> Scenario {
    forget(&mut scenario.steps);
    for client in &mut scenario.clients {
        client.weather.latency.source = Source::default();
        client.weather.loss.source = Source::default();
    }
    for expectation in &mut scenario.expect {
        expectation.source = Source::default();
    }
    scenario
}

fn forget(steps: &mut [Step]) {
    for step in steps {
        step.source = Source::default();
        match &mut step.kind {
            StepKind::Parallel(branches) => branches.iter_mut().for_each(|branch| forget(branch)),
            StepKind::Timeline(entries) => {
                entries
                    .iter_mut()
                    .for_each(|entry| forget(std::slice::from_mut(&mut entry.step)));
            }
            _ => {}
        }
    }
}

fn read(text: &str) -> Result<Scenario, String> {
    load_str("name", "file.yaml", text)
        .map(without_places)
        .map_err(|p| {
            p.iter()
                .map(|p| p.render(false))
                .collect::<Vec<_>>()
                .join("\n")
                + "\n"
                + text
        })
}

#[test]
fn everything_survives() {
    let scenario = read(EVERYTHING).expect("good");
    let text = write(&scenario);
    insta::assert_snapshot!(text);
    assert_eq!(read(&text).expect("what is written can be read"), scenario);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_written_is_read(scenario in scenario()) {
        let text = write(&scenario);
        match read(&text) {
            Ok(back) => prop_assert_eq!(back, scenario, "{}", text),
            Err(problems) => prop_assert!(false, "{}", problems),
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC*(\n\\PC*){0,5}") {
        let _ = load_str("n", "f", &text);
    }

    #[test]
    fn no_mutation_makes_it_panic(edits in vec((any::<prop::sample::Index>(), 0usize..12, any::<prop::sample::Index>()), 1..6)) {
        let text = mutated(&edits);
        if let Err(problems) = load_str("n", "f", &text) {
            prop_assert!(!problems.is_empty());
            for problem in &problems {
                prop_assert!(!problem.render(false).is_empty());
                prop_assert!(!problem.message.is_empty() && !problem.message.contains('\n'), "{}", problem.message);
            }
            let starts: Vec<_> = problems.iter().map(|p| p.labels.first().map_or(0, |l| l.span.start)).collect();
            prop_assert!(starts.is_sorted() || problems.len() > 100);
        }
    }
}

/// [`EVERYTHING`] with some words and characters dropped, doubled, exchanged or replaced.
fn mutated(edits: &[(prop::sample::Index, usize, prop::sample::Index)]) -> String {
    const BITS: [&str; 10] = [
        "\t",
        "&a ",
        "*a",
        "!t ",
        "{",
        "]",
        ": ",
        "\n",
        "\u{0}",
        "99999999999999999999",
    ];
    let mut text = EVERYTHING.to_owned();
    for (at, what, other) in edits {
        if text.is_empty() {
            break;
        }
        let at = text.floor_char_boundary(at.index(text.len()));
        let word = text[at..].find([' ', '\n']).map_or(text.len(), |i| at + i);
        match what {
            0 => text.replace_range(at..word, ""),
            1 => {
                let copy = text[at..word].to_owned();
                text.insert_str(text.floor_char_boundary(other.index(text.len())), &copy);
            }
            n => text.insert_str(at, BITS[n - 2]),
        }
    }
    text
}

#[test]
fn the_deepest_story_survives() {
    let mut step =
        String::from("timeline: [ { at: 1s, app: { receive: { payload: { size: 100 } } } } ]");
    for _ in 0..12 {
        step = format!("parallel: [ [ {step}, wait: 1s ], wait: 2s ]");
    }
    let scenario = read(&super::with_steps(&format!("  - {step}"))).expect("not too deep");
    assert_eq!(
        read(&write(&scenario)).expect("written no deeper"),
        scenario
    );
}
