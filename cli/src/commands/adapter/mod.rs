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
};
use tokio::{runtime::Builder, task::LocalSet};

pub(crate) fn run(args: &Adapter) -> Result<Ending> {
    match &args.command {
        AdapterCommand::Serve => own::serve(),
        AdapterCommand::Check(args) => {
            let command = clients::command(&args.command)?;
            let runtime = Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|e| CliError::input(format!("cannot start the runtime: {e}")))?;
            let check = check::check(&command, args.format == Format::Json);
            LocalSet::new().block_on(&runtime, check)
        }
    }
}
