//! `squall sim`: scenarios over seeds.

use super::{ending, files, report, seeds};
use crate::{
    args::Sim,
    bundled,
    campaign::{self, Campaign, tell_of},
    exit::{CliError, Ending, Result},
    interrupt,
    outputs::Outputs,
};
use squall_protocol::Version;
use squall_sim::sweep::Sweep;
use std::path::Path;

pub(crate) fn run(args: &Sim) -> Result<Ending> {
    interrupt::flag();
    let scenarios = bundled::scenarios(&args.paths)?;
    let sweep = Sweep {
        scenarios: &scenarios,
        versions: args.mqtt.map_or(Version::ALL.to_vec(), |v| vec![v]),
        seeds: seeds(&args.seeds)?,
        world: args.world,
        confirm: false,
        jobs: campaign::jobs(args.jobs),
    };
    if sweep.count() == 0 {
        return Err(CliError::input("no scenario runs with this MQTT version")
            .help("`versions:` in each scenario says which"));
    }
    swept(args, &sweep)
}

fn swept(args: &Sim, sweep: &Sweep<'_>) -> Result<Ending> {
    let mut report = report("squall sim");
    let scenarios = sweep.scenarios.iter();
    let inputs: Vec<&Path> = scenarios.map(|s| Path::new(&s.file)).collect();
    let outputs = Outputs::open(args.format, &files(&args.outputs), &inputs, &report)?;
    let mut campaign = Campaign::new(outputs, &args.replays);
    campaign.sweep(sweep, "runs")?;
    let (simulation, outputs, replays) = campaign.end();
    report.simulation = Some(simulation);
    let written = outputs.finish(&report);
    Ok(ending(&report, written & tell_of(&replays)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Args, Command};
    use clap::Parser;
    use squall_scenarios::{load_str, model::StepKind};
    use std::fs;

    /// A run in which Squall panics is told in every report, and the runs of another story go on. No file makes it panic, so
    /// the story is changed after it was read.
    #[test]
    fn a_panic_is_a_result_and_the_exit_code_says_whose_fault_it_is() {
        let story = |name: &str| {
            let text = "title: t\nclients: { a: {} }\nsteps:\n  - a: connect\n  - a: disconnect\n";
            load_str(name, "story.yaml", text).expect("it is a story")
        };
        let mut broken = story("broken");
        if let StepKind::Client { client, .. } = &mut broken.steps[1].kind {
            *client = 7;
        }
        let scenarios = [broken, story("good")];
        let dir = tempfile::tempdir().expect("a scratch folder");
        let at = |name: &str| dir.path().join(name).display().to_string();
        let (json, xml, replays) = (at("a.json"), at("a.xml"), at("replays"));
        let line = [
            "squall",
            "sim",
            "--report",
            &json,
            "--report",
            &xml,
            "--replays",
            &replays,
        ];
        let Command::Sim(args) = Args::parse_from(line).command else {
            panic!("it is squall sim");
        };
        let sweep = Sweep {
            scenarios: &scenarios,
            versions: vec![Version::V5_0],
            seeds: Some((4, 6)),
            world: args.world,
            confirm: false,
            jobs: 1,
        };
        let ending = swept(&args, &sweep).expect("it is done");
        assert_eq!((ending, ending.code()), (Ending::Internal, 101));
        shows_the_panic(&fs::read_to_string(json).expect("it is written"));
        let xml = fs::read_to_string(xml).expect("it is written");
        assert!(
            xml.contains("errors=\"2\"") && xml.contains("failures=\"0\""),
            "{xml}"
        );
    }

    fn shows_the_panic(document: &str) {
        let document: serde_json::Value = serde_json::from_str(document).expect("it is JSON");
        let verdicts: Vec<_> = (0..4)
            .map(|n| {
                document["results"][n]["verdict"]
                    .as_str()
                    .unwrap_or_default()
            })
            .collect();
        assert_eq!(verdicts, ["fail", "fail", "pass", "pass"]);
        let first = &document["results"][0];
        assert_eq!(first["findings"][0]["internal"], true);
        let message = first["findings"][0]["message"].as_str().expect("a text");
        assert!(
            message.starts_with("Squall panicked in broken with MQTT 5.0 and seed 4: index"),
            "{message}"
        );
        assert!(message.contains(".rs:"), "{message}");
        let again = "squall sim story.yaml --seed 4 --mqtt 5.0 --world loop";
        assert_eq!(first["replay"], again);
    }
}
