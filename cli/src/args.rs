//! The command line.

mod broker;
mod caller;
mod passwd;
mod proxy;
mod publish;
mod subscribe;
mod tls;
mod value;
mod wire;

pub(crate) use broker::Broker;
pub(crate) use caller::Caller;
pub(crate) use passwd::Passwd;
pub(crate) use proxy::Proxy;
pub(crate) use publish::{Payload, Publish};
pub(crate) use subscribe::{Shown, Subscribe};
pub(crate) use tls::Tls;
pub(crate) use value::{Format, role};
pub(crate) use wire::{Decode, Encode};

use clap::{
    Args as ClapArgs, Parser, Subcommand, ValueEnum,
    builder::{PathBufValueParser, TypedValueParser},
};
use squall_protocol::Version;
use squall_sim::world::World;
use std::{path::PathBuf, time::Duration};

/// Deterministic simulation and conformance tests for MQTT 3.1.1 and 5.0.
#[derive(Debug, Parser)]
#[command(name = "squall", version, about, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 all good, 1 a verdict is fail, 2 wrong usage, bad input or an output that cannot \
be written, 3 the target cannot be reached or something could not be judged, 101 Squall itself is at fault; interrupted: 130 by \
Ctrl-C, 143 by SIGTERM, 129 by SIGHUP.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show that Squall works here: all scenarios, both worlds, the embedded broker's conformance, and a report.
    #[command(after_help = VERIFY_HELP)]
    Verify(Verify),
    /// Run scenarios in simulation, over many seeds.
    Sim(Sim),
    /// Tell scenarios to a running broker, over real sockets and in real time.
    #[command(after_help = LIVE_HELP)]
    Live(Live),
    /// Run one run again from the file that a failing `squall sim` or `squall live` wrote.
    Replay(Replay),
    /// Judge a running broker against the numbered statements of the standard.
    Conform(Conform),
    /// Stand between clients and a broker: show what they say, hold it against the standard, and strike with faults.
    #[command(after_help = proxy::HELP)]
    Proxy(Proxy),
    /// Show the packets in some bytes, field by field, or the rule they break.
    #[command(after_help = wire::DECODE_HELP)]
    Decode(Decode),
    /// Write packets as bytes, from JSON such as `squall decode --format json` prints.
    #[command(after_help = wire::ENCODE_HELP)]
    Encode(Encode),
    /// Serve the reference broker over TCP, TLS, WebSocket and unix sockets.
    #[command(after_help = broker::HELP)]
    Broker(Box<Broker>),
    /// Add a user to a password file of `squall broker`, change its password, or take it out.
    #[command(after_help = passwd::HELP)]
    Passwd(Passwd),
    /// Publish messages to a broker.
    #[command(after_help = publish::HELP)]
    Pub(Box<Publish>),
    /// Subscribe at a broker, and show what comes.
    #[command(after_help = subscribe::HELP)]
    Sub(Box<Subscribe>),
    /// Test adapters: programs that drive other people's MQTT clients.
    Adapter(Adapter),
    /// List scenarios, checks, statements, the words of the scenario language, targets, or clients.
    List(List),
    /// Explain a statement, a check, a scenario, or a word of the scenario language.
    Explain(Explain),
}

/// Files to write besides.
#[derive(Debug, Default, ClapArgs)]
pub(crate) struct Outputs {
    /// Write the results in the format of the file's ending; may be said more than once.
    #[arg(
        long,
        value_name = "FILE",
        value_parser = PathBufValueParser::new().try_map(ReportFile::new),
        help = report_help()
    )]
    pub(crate) report: Vec<ReportFile>,
    /// Write the results as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write the results as JUnit XML.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Write the results as a web page.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// A file that results go to, and their format there.
#[derive(Clone, Debug)]
pub(crate) struct ReportFile {
    pub(crate) format: squall_reports::Format,
    pub(crate) path: PathBuf,
}

impl ReportFile {
    fn new(path: PathBuf) -> Result<Self, squall_reports::UnknownEnding> {
        let format = squall_reports::Format::of_file(&path)?;
        Ok(Self { format, path })
    }
}

fn report_help() -> String {
    format!(
        "Write the results in the format of the file's ending, also several times: {}",
        squall_reports::Format::endings()
    )
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Verify {
    /// Scenario files or folders; the ones that come with Squall when none is named.
    pub(crate) paths: Vec<PathBuf>,
    /// Seeds per scenario and version in the loop world, such as 0..64; each scenario's own number when absent.
    #[arg(long, value_name = "A..B", value_parser = seed_range)]
    pub(crate) seeds: Option<SeedRange>,
    /// Seeds per scenario and version that are confirmed in the turmoil world.
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) confirm: u64,
    /// Threads, at most one a processor; all processors when absent.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// How to print the results.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

/// The seeds that are played.
#[derive(Debug, ClapArgs)]
pub(crate) struct Seeds {
    /// One seed.
    #[arg(long, value_name = "N", conflicts_with = "seeds", value_parser = value::seed)]
    pub(crate) seed: Option<u64>,
    /// Seeds from A up to, not including, B; when absent each scenario's own number, live 0 alone.
    #[arg(long, value_name = "A..B", value_parser = seed_range)]
    pub(crate) seeds: Option<SeedRange>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Sim {
    /// Scenario files or folders; the ones that come with Squall when none is named.
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) seeds: Seeds,
    /// Where to play: loop (fast) or turmoil (the async drivers on simulated hosts).
    #[arg(long, value_name = "WORLD", default_value = "loop", value_parser = world)]
    pub(crate) world: World,
    /// Run only this MQTT version: 3.1.1 or 5.0.
    #[arg(long, value_name = "VERSION", value_parser = value::version)]
    pub(crate) mqtt: Option<Version>,
    /// Threads, at most one a processor; all processors when absent.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// How to print the results.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Folder for the replay files of failing runs.
    #[arg(long, value_name = "DIR", default_value = "squall-replays")]
    pub(crate) replays: PathBuf,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

#[derive(Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("subject").args(["target", "client"]).multiple(true))]
pub(crate) struct Live {
    /// Scenario files or folders; the ones that come with Squall when none is named.
    pub(crate) paths: Vec<PathBuf>,
    /// The broker: mqtt://[USER[:PASSWORD]@]HOST[:PORT], mqtts:// for TLS, ws:// or wss:// for WebSocket, unix:/PATH.
    #[arg(long, value_name = "URL", required_unless_present_any = ["target", "client"])]
    pub(crate) broker: Option<String>,
    /// Start this product, and stop it in the end: a name of `squall list targets`, or a file such as my-broker.yaml. With
    /// --broker it runs there already.
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) target: Option<String>,
    /// Judge a client instead: Squall is the broker, and this adapter drives the client. A name, or a command such as
    /// `python3 my-adapter.py`.
    #[arg(long, value_name = "NAME|COMMAND", conflicts_with_all = ["broker", "target"])]
    pub(crate) client: Option<String>,
    /// With --target or --client: exit code 0 if every verdict is the one that the file of the target or client knows, 1
    /// if one differs.
    #[arg(long, requires = "subject")]
    pub(crate) known: bool,
    #[command(flatten)]
    pub(crate) seeds: Seeds,
    /// Run only this MQTT version: 3.1.1 or 5.0.
    #[arg(long, value_name = "VERSION", value_parser = value::version)]
    pub(crate) mqtt: Option<Version>,
    /// Scenarios that are told at once; fewer open fewer connections at a time. 64 with a broker, 12 with a client.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) jobs: Option<u16>,
    /// Do not tell scenarios that take longer, such as 90s, 2m or 1h.
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = value::patience)]
    pub(crate) patience: Duration,
    /// How to print the results.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Folder for the replay files of failing runs.
    #[arg(long, value_name = "DIR", default_value = "squall-replays")]
    pub(crate) replays: PathBuf,
    #[command(flatten)]
    pub(crate) tls: Tls,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Replay {
    /// The replay file.
    pub(crate) file: PathBuf,
    /// Play it in this world instead of the one it was recorded in.
    #[arg(long, value_name = "WORLD", conflicts_with = "broker", value_parser = world)]
    pub(crate) world: Option<World>,
    /// Play it live with this broker instead.
    #[arg(long, value_name = "URL", conflicts_with = "trace")]
    pub(crate) broker: Option<String>,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Print the whole trace, record by record, instead of the summary.
    #[arg(long, conflicts_with = "format")]
    pub(crate) trace: bool,
    #[command(flatten)]
    pub(crate) tls: Tls,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Conform {
    /// The broker: mqtt://[USER[:PASSWORD]@]HOST[:PORT], mqtts:// for TLS, ws:// or wss:// for WebSocket, unix:/PATH.
    pub(crate) url: Option<String>,
    /// Start this product, judge it, and stop it: a name of `squall list targets`, or a file such as my-broker.yaml.
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) target: Option<String>,
    /// With --target: the address where the product runs already; it is neither started nor stopped.
    #[arg(long, value_name = "URL", requires = "target", conflicts_with = "url")]
    pub(crate) broker: Option<String>,
    /// With --target: exit code 0 if every verdict is the one that the target's file knows, 1 if one differs.
    #[arg(long, requires = "target")]
    pub(crate) known: bool,
    /// Check only this MQTT version: 3.1.1 or 5.0.
    #[arg(long, value_name = "VERSION", value_parser = value::version)]
    pub(crate) mqtt: Option<Version>,
    /// Run only checks whose name matches, such as `qos/*`; see `squall list checks`.
    #[arg(long, value_name = "GLOB", num_args = 1..)]
    pub(crate) only: Vec<String>,
    /// Checks that run at once; what the target's file says, or 16.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// Seconds a check waits for an answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0, value_parser = seconds)]
    pub(crate) timeout: f64,
    /// Keep the packets of checks that passed or do not apply, too.
    #[arg(long)]
    pub(crate) all_evidence: bool,
    /// How to print the results.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) tls: Tls,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

const LIVE_HELP: &str = "\
Each scenario has topics, share names and Client Identifiers of its own, so that many are told at once and nobody else on the \
broker is disturbed; what they leave is removed. Loss, delay, partitions and cuts are made on this side of the sockets.

The broker is asked for what the standard asks of every broker: it may be slow, offer less, and end connections. A scenario \
that says nothing about it for such a reason is inconclusive; one that the broker, or --patience, has no room for is n/a. A \
finding is tried twice more: what is on the wire stands, what did not come has to stay away each time.

With --client it is a client that is judged: every client of a scenario is one of the library that the adapter drives, each \
in a process of its own, and the broker is Squall's own, one for each scenario. Fail means that a numbered statement was \
broken; what a scenario expects beyond that, and what the standard only describes, is a warning. What the client cannot do is \
n/a. An adapter that fails ends the run with exit code 3 and its last lines, and says nothing about the client.";

const VERIFY_HELP: &str = "\
The web page goes to squall-report.html where neither --html nor --report names another place for it.";

#[derive(Debug, ClapArgs)]
pub(crate) struct Adapter {
    #[command(subcommand)]
    pub(crate) command: AdapterCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdapterCommand {
    /// Try every operation and event of an adapter with the reference broker on loopback.
    #[command(after_help = ADAPTER_CHECK_HELP)]
    Check(AdapterCheck),
    /// Be the adapter of Squall's own client.
    #[command(hide = true)]
    Serve,
}

const ADAPTER_CHECK_HELP: &str = "\
Each line says what was tried, in which version of MQTT, and whether it is ok, unsupported or wrong. Exit code 1 when \
something is wrong, 3 when the adapter cannot be started or does not speak the protocol of clients/README.md.

  squall adapter check paho
  squall adapter check python3 my-adapter.py";

#[derive(Debug, ClapArgs)]
pub(crate) struct AdapterCheck {
    /// How to print the results; json prints one object a line.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// A name of `squall list clients`, or the command that starts an adapter. No shell reads it.
    #[arg(
        required = true,
        value_name = "NAME|COMMAND",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct List {
    /// What to list.
    #[arg(value_enum)]
    pub(crate) what: Listed,
    /// Only this MQTT version: 3.1.1 or 5.0.
    #[arg(long, value_name = "VERSION", value_parser = value::version)]
    pub(crate) mqtt: Option<Version>,
    /// How to print the list.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// Things that can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listed {
    /// The scenarios that come with Squall.
    Scenarios,
    /// The conformance checks.
    Checks,
    /// The normative statements of the standard.
    Statements,
    /// The words of the scenario language.
    Words,
    /// The products that Squall can start and judge.
    Targets,
    /// The MQTT clients that Squall has adapters of.
    Clients,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Explain {
    /// A statement such as MQTT-3.3.1-2, a check such as qos/2-delivered, a scenario, or a word of the scenario language
    /// such as publish, cut or session_expiry.
    #[arg(required_unless_present = "schema", value_name = "ID|WORD")]
    pub(crate) id: Option<String>,
    /// Print the JSON schema of the scenario language, for editors.
    #[arg(long, conflicts_with = "id")]
    pub(crate) schema: bool,
}

/// Seeds from `first` up to, not including, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeedRange {
    pub(crate) first: u64,
    pub(crate) end: u64,
}

fn seed_range(text: &str) -> Result<SeedRange, String> {
    let help = "write two numbers such as 0..200 (200 is not included)";
    let (first, end) = text.split_once("..").ok_or(help)?;
    let number = |n: &str| n.parse().map_err(|_| help.to_owned());
    let (first, end) = (number(first)?, number(end)?);
    if first >= end {
        return Err(format!("there is no seed in {first}..{end}; {help}"));
    }
    Ok(SeedRange { first, end })
}

fn world(text: &str) -> Result<World, String> {
    text.parse()
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(s) if (0.05..=600.0).contains(&s) => Ok(s),
        _ => Err("write seconds from 0.05 to 600".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn seed_ranges_need_two_numbers_in_order() {
        assert_eq!(seed_range("0..200"), Ok(SeedRange { first: 0, end: 200 }));
        for bad in ["5", "5..5", "9..1", "a..b", "..", "-1..3"] {
            assert!(seed_range(bad).is_err(), "{bad}");
        }
    }
}
