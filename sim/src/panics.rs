//! A panic of Squall's own code inside of a run, whoever of its cores it came from: caught, with its message and place, as a
//! result of that run, so that all other runs go on. Nothing else is caught.

use crate::run::{Judged, Run};
use squall_reports::{Exchange, Finding, SimResult, Verdict};
use std::{
    any::Any,
    cell::RefCell,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::{Once, atomic::AtomicBool},
};

/// The rule of a finding about a panic.
pub const RULE: &str = "panic";

/// Plays and judges a run as [`Run::judge_unless`] does. A panic is a result that fails and says where and why.
///
/// # Errors
/// The result of a run in which Squall panicked.
pub fn judge(run: &Run<'_>, stop: &AtomicBool) -> Option<Result<Box<Judged>, Box<SimResult>>> {
    match caught(|| run.judge_unless(stop)) {
        Ok(judged) => judged.map(|judged| Ok(Box::new(judged))),
        Err(panic) => Some(Err(Box::new(result(run, &panic)))),
    }
}

/// What `work` gives, or what its panic said: the message, and the place in the source.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !note(info) {
                before(info);
            }
        }));
    });
    let outer = HERE.replace(Some(Vec::new()));
    // What a broken run leaves is its own, and is dropped.
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    let said = HERE.replace(outer).unwrap_or_default();
    // The first is the cause: others may follow while it unwinds, or when it is handed on from a task.
    done.map_err(|panic| said.into_iter().next().unwrap_or_else(|| message(&*panic)))
}

thread_local! {
    /// The panics of the work that is under way on this thread, if any is.
    static HERE: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Whether the panic came from work that is looked after, and is told as a result instead of on standard error.
fn note(info: &PanicHookInfo<'_>) -> bool {
    HERE.with_borrow_mut(|said| {
        let Some(said) = said else {
            return false;
        };
        let message = message(info.payload());
        said.push(match info.location() {
            Some(place) => format!("{message} (at {}:{})", place.file(), place.line()),
            None => message,
        });
        true
    })
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it did not say why".to_owned())
}

/// The result of a run in which Squall panicked.
pub(crate) fn result(run: &Run<'_>, panic: &str) -> SimResult {
    SimResult {
        scenario: run.scenario.name.clone(),
        title: run.scenario.title.clone(),
        version: run.version.to_string(),
        seed: run.seed,
        world: run.world.to_string(),
        verdict: Verdict::Fail,
        reason: None,
        trace_hash: String::new(),
        virtual_ms: 0,
        findings: vec![Finding {
            rule: RULE.to_owned(),
            statements: Vec::new(),
            message: format!(
                "Squall panicked in {} with MQTT {} and seed {}: {panic}",
                run.scenario.name, run.version, run.seed
            ),
            expected: "no story makes Squall panic; the fault is Squall's own, please report it"
                .to_owned(),
            location: None,
            internal: true,
            evidence: Exchange::default(),
        }],
        known: None,
        replay: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Stranger, World};
    use squall_protocol::Version;
    use squall_scenarios::{load_str, model::Scenario};
    use squall_transport::{ConnectionId, Output, Server};

    const STORY: &str = "\
title: Somebody comes and goes
clients: { a: {} }
steps:
  - a: connect
  - a: disconnect
";

    fn story() -> Scenario {
        load_str("story", "story.yaml", STORY).unwrap_or_else(|p| panic!("{p:#?}"))
    }

    /// A broker that does not live long.
    struct Doomed;

    impl Server for Doomed {
        fn opened(&mut self, _: u64, _: ConnectionId) {}
        fn received(&mut self, _: u64, _: ConnectionId, bytes: &[u8]) {
            panic!("{} bytes were too many", bytes.len());
        }
        fn closed(&mut self, _: u64, _: ConnectionId) {}
        fn passed(&mut self, _: u64) {}
        fn deadline(&self) -> Option<u64> {
            None
        }
        fn outputs(&mut self) -> Vec<Output> {
            Vec::new()
        }
    }

    #[track_caller]
    fn told(run: &Run<'_>) -> String {
        let judged = judge(run, &AtomicBool::new(false)).expect("nobody stops it");
        let result = judged.expect_err("it panics");
        assert_eq!((result.verdict, result.seed), (Verdict::Fail, run.seed));
        assert!(result.findings[0].internal);
        result.findings[0].message.clone()
    }

    #[test]
    fn a_panic_of_the_broker_is_a_result_that_says_where_and_why() {
        let (story, doomed) = (story(), || Box::new(Doomed) as Box<dyn Server>);
        let run = Run {
            stranger: Some(Stranger::Machine(&doomed)),
            ..Run::new(&story, Version::V3_1_1, 17)
        };
        let told = told(&run);
        let expected =
            "Squall panicked in story with MQTT 3.1.1 and seed 17: 15 bytes were too many (at ";
        assert!(told.starts_with(expected), "{told}");
        assert!(told.contains("panics.rs:"), "{told}");
    }

    #[test]
    fn a_panic_of_the_director_is_a_result_in_both_worlds() {
        let mut story = story();
        // A client that the story does not have: nobody who reads a file gets so far.
        let step = story.steps.last_mut().expect("a step");
        if let squall_scenarios::model::StepKind::Client { client, .. } = &mut step.kind {
            *client = 7;
        }
        for world in World::ALL {
            let run = Run::new(&story, Version::V5_0, 3).in_world(world);
            let told = told(&run);
            assert!(told.contains("the index is 7"), "{told}");
            assert!(told.contains(".rs:"), "{told}");
        }
    }

    #[test]
    fn what_is_not_looked_after_is_not_caught_by_the_hook() {
        assert_eq!(caught(|| 3), Ok(3));
        let said = caught(|| panic!("inside")).map(|()| 0);
        assert!(said.is_err_and(|said| said.starts_with("inside (at ")));
        let outside = panic::catch_unwind(|| panic!("outside"));
        assert!(outside.is_err());
        assert!(HERE.with_borrow(Option::is_none));
    }
}
