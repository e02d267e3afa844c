//! Whether the two worlds tell the same of one run.

use crate::{run::Run, world::World};
use squall_reports::{Exchange, Finding, SimResult, Verdict};

/// Plays a run that was judged in one world in the loop world too, and makes the result fail if the traces differ:
/// the fault is Squall's own then.
pub fn confirm(run: &Run<'_>, result: &mut SimResult) {
    let in_loop = run.in_world(World::Loop).judge().result.trace_hash;
    if in_loop != result.trace_hash {
        result.verdict = Verdict::Fail;
        result.findings.push(finding(&in_loop, result));
    }
}

fn finding(in_loop: &str, result: &SimResult) -> Finding {
    Finding {
        rule: "parity".to_owned(),
        statements: Vec::new(),
        message: format!(
            "the loop world's trace is {in_loop}, the {} world's {}",
            result.world, result.trace_hash
        ),
        expected: "both worlds give the same trace; the fault is Squall's own, please report it"
            .to_owned(),
        location: None,
        internal: true,
        evidence: Exchange::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_protocol::Version;
    use squall_scenarios::load_str;

    #[test]
    fn a_trace_that_differs_fails_and_an_equal_one_does_not() {
        let text = "title: t\nclients: { a: {} }\nsteps:\n  - a: connect\n";
        let scenario = load_str("story", "story.yaml", text).expect("it is a story");
        let run = Run::new(&scenario, Version::V5_0, 1).in_world(World::Turmoil);
        let mut result = run.judge().result;
        confirm(&run, &mut result);
        assert_eq!((result.verdict, result.findings.len()), (Verdict::Pass, 0));
        result.trace_hash.replace_range(..1, "x");
        confirm(&run, &mut result);
        assert_eq!(result.verdict, Verdict::Fail);
        assert_eq!(result.findings[0].rule, "parity");
    }
}
