//! The `squall` binary: arguments in, exit code out. Whatever decides anything lives in the other crates.

mod args;
mod bundled;
mod commands;
mod embedded;
mod exit;
mod input;
mod interrupt;
mod meaning;
#[cfg(test)]
mod mutation;
mod progress;
mod screen;

use args::{Args, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Wrong arguments end here with clap's message and exit code 2; `--help` and `--version` with 0.
    let args = Args::parse();
    let result = match args.command {
        Command::Verify(args) => commands::verify::run(&args),
        Command::Sim(args) => commands::sim::run(&args),
        Command::Replay(args) => commands::replay::run(&args),
        Command::Conform(args) => commands::conform::run(&args),
        Command::Decode(args) => commands::decode::run(&args),
        Command::Encode(args) => commands::encode::run(&args),
        Command::Broker(args) => commands::broker::run(&args),
        Command::List(args) => commands::list::run(&args),
        Command::Explain(args) => commands::explain::run(&args),
    };
    exit::report(result)
}
