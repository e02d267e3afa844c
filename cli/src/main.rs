//! The `squall` binary: arguments in, exit code out. Whatever decides anything lives in the other crates.

mod args;
mod bundled;
mod campaign;
mod clients;
mod commands;
mod embedded;
mod exit;
mod input;
mod interrupt;
mod meaning;
#[cfg(test)]
mod mutation;
mod outputs;
mod progress;
mod screen;
mod settings;
mod signals;
mod target;

use args::{Args, Command};
use clap::Parser;
use exit::{CliError, Ending};
use mimalloc::MiMalloc;
use std::process::ExitCode;

/// Short runs are made of small pieces of memory.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        // Wrong arguments end with code 2, `--help` and `--version` with 0.
        Err(error) => return ExitCode::from(screen::usage(&error)),
    };
    let result = match args.command {
        Command::Verify(args) => commands::verify::run(&args),
        Command::Sim(args) => commands::sim::run(&args),
        Command::Live(args) => commands::live::run(&args),
        Command::Replay(args) => commands::replay::run(&args),
        Command::Conform(args) => commands::conform::run(&args),
        Command::Proxy(args) => commands::proxy::run(&args),
        Command::Decode(args) => commands::decode::run(&args),
        Command::Encode(args) => commands::encode::run(&args),
        Command::Broker(args) => commands::broker::run(&args),
        Command::Passwd(args) => commands::passwd::run(&args),
        Command::Pub(args) => commands::publish::run(&args),
        Command::Sub(args) => commands::subscribe::run(&args),
        Command::Adapter(args) => commands::adapter::run(&args),
        Command::List(args) => commands::list::run(&args),
        Command::Explain(args) => commands::explain::run(&args),
    };
    ExitCode::from(report(result))
}

/// Says what went wrong, if anything did, and gives the exit code.
fn report(result: exit::Result<Ending>) -> u8 {
    let error: CliError = match result {
        Ok(ending) => return ending.code(),
        Err(error) => error,
    };
    for problem in &error.problems {
        screen::complain_about(problem);
    }
    if !error.message.is_empty() {
        screen::complain(&format!("error: {}", error.message));
    }
    if let Some(help) = &error.help {
        screen::complain(&format!("help: {help}"));
    }
    error.code()
}
