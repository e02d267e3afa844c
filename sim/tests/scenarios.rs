//! Every scenario, version and world as a test of its own, by name: `cargo test -p squall-sim --test scenarios qos2`.
//!
//! In the loop world each scenario runs with all the seeds it asks for. In the turmoil world it runs with the first
//! few, and each trace must be the loop world's, record for record.

use libtest_mimic::{Arguments, Failed, Trial};
use squall_protocol::Version;
use squall_reports::SimResult;
use squall_scenarios::model::Scenario;
use squall_sim::{
    run::Run,
    sweep::{Ended, Sweep},
    trace::Trace,
    world::World,
};
use std::{
    ops::ControlFlow,
    path::Path,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64},
    },
};

/// Seeds that are played in both worlds.
const CONFIRMED: u64 = 3;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let files = squall_scenarios::find(std::slice::from_ref(&root))
        .unwrap_or_else(|problems| panic!("{problems:#?}"));
    let mut trials = Vec::new();
    for file in files {
        match squall_scenarios::load_file(&file, &root) {
            Ok(scenario) => trials.extend(of(&Arc::new(scenario))),
            Err(problems) => {
                let text: Vec<String> = problems.iter().map(|p| p.render(false)).collect();
                let name = file.display().to_string();
                trials.push(Trial::test(name, move || {
                    Err(Failed::from(text.join("\n\n")))
                }));
            }
        }
    }
    assert!(
        trials.len() > 40,
        "only {} tests: have the scenarios gone?",
        trials.len()
    );
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn of(scenario: &Arc<Scenario>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for &version in &scenario.versions {
        let name = format!("{}::{version}", scenario.name);
        let s = Arc::clone(scenario);
        trials.push(Trial::test(format!("{name}::loop"), move || {
            in_loop(&s, version)
        }));
        let s = Arc::clone(scenario);
        trials.push(Trial::test(format!("{name}::turmoil"), move || {
            in_turmoil(&s, version)
        }));
    }
    trials
}

fn in_loop(scenario: &Scenario, version: Version) -> Result<(), Failed> {
    let sweep = Sweep {
        scenarios: std::slice::from_ref(scenario),
        versions: vec![version],
        seeds: None,
        world: World::Loop,
        jobs: 1,
        confirm: false,
    };
    let mut outcome = Ok(());
    let each = |ended: Ended<'_>| {
        outcome = kept(&ended.result);
        match &outcome {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    };
    sweep.run(&AtomicU64::new(0), &AtomicBool::new(false), each)?;
    outcome
}

fn in_turmoil(scenario: &Scenario, version: Version) -> Result<(), Failed> {
    for seed in 0..u64::from(scenario.seeds).min(CONFIRMED) {
        let searched = Run::new(scenario, version, seed).judge();
        let confirmed = Run::new(scenario, version, seed)
            .in_world(World::Turmoil)
            .judge();
        if searched.result.trace_hash != confirmed.result.trace_hash {
            let difference = first_difference(&searched.played.trace, &confirmed.played.trace);
            return Err(format!("seed {seed}: the worlds disagree\n{difference}").into());
        }
        if searched.played.faults != confirmed.played.faults {
            let (a, b) = (searched.played.faults, confirmed.played.faults);
            return Err(format!("seed {seed}: faults bit otherwise: {a:#?}\n{b:#?}").into());
        }
        kept(&confirmed.result)?;
    }
    Ok(())
}

fn kept(result: &SimResult) -> Result<(), Failed> {
    if result.findings.is_empty() {
        return Ok(());
    }
    let findings: Vec<String> = result
        .findings
        .iter()
        .map(|f| {
            let ladder = squall_reports::ladder::render(
                &f.evidence,
                &squall_reports::ladder::Options::default(),
            );
            format!(
                "{}: {}\nexpected: {}\n{ladder}",
                f.rule, f.message, f.expected
            )
        })
        .collect();
    Err(format!(
        "seed {} in the {} world:\n{}",
        result.seed,
        result.world,
        findings.join("\n")
    )
    .into())
}

/// The first record that is not the same in both, with what stood before it.
fn first_difference(a: &Trace, b: &Trace) -> String {
    let line = |trace: &Trace, n: usize| {
        trace
            .records()
            .get(n)
            .map_or("(nothing)".into(), Trace::line)
    };
    let n = (0..)
        .find(|&n| line(a, n) != line(b, n) || n > a.records().len())
        .unwrap_or(0);
    let before: Vec<String> = (n.saturating_sub(5)..n)
        .map(|n| format!("  both    {}", line(a, n)))
        .collect();
    format!(
        "{}\n  loop    {}\n  turmoil {}",
        before.join("\n"),
        line(a, n),
        line(b, n)
    )
}
