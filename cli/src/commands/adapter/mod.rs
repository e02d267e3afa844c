//! `squall adapter`: programs that drive other people's MQTT clients.

mod check;
mod cx;
mod own;
mod probes;
mod stage;

use crate::{
    args::{Adapter, AdapterCommand, Format},
    clients,
    exit::{CliError, Ending, Result},
    signals::Signals,
};
use std::future::Future;
use tokio::{runtime::Builder, select, task::LocalSet};

pub(crate) fn run(args: &Adapter) -> Result<Ending> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| CliError::input(format!("cannot start the runtime: {e}")))?;
    match &args.command {
        AdapterCommand::Serve => {
            runtime.block_on(own::serve());
            Ok(Ending::Good)
        }
        AdapterCommand::Check(args) => {
            let command = clients::command(&args.command)?;
            let check = check::check(&command, args.format == Format::Json);
            LocalSet::new().block_on(&runtime, until_a_signal(check))
        }
    }
}

/// Work that a signal ends; what it had started ends with it.
async fn until_a_signal(work: impl Future<Output = Result<Ending>>) -> Result<Ending> {
    let mut signals =
        Signals::new().map_err(|e| CliError::input(format!("cannot wait for signals: {e}")))?;
    select! {
        biased;
        signal = signals.next() => Ok(Ending::Interrupted(128 + signal)),
        ending = work => ending,
    }
}
