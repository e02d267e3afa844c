//! `squall broker`: the reference broker on a socket.

use crate::{
    args::Broker,
    exit::{CliError, Ending, Result},
    screen,
};
use squall_broker::{Config, Server};
use tokio::{net::TcpListener, runtime::Builder, signal, task::LocalSet};

pub(crate) fn run(args: &Broker) -> Result<Ending> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| CliError::input(format!("cannot start the runtime: {e}")))?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(args.listen).await.map_err(|e| {
            CliError::input(format!("cannot listen on {}: {e}", args.listen))
                .help("choose another port with --listen; port 0 takes a free one")
        })?;
        let address = listener
            .local_addr()
            .map_err(|e| CliError::input(format!("the listener has no address: {e}")))?;
        screen::say(&format!("listening on mqtt://{address}"))?;
        let server = Server::new(squall_broker::Broker::new(Config::default()));
        tokio::select! {
            biased;
            pressed = signal::ctrl_c() => {
                pressed.map_err(|e| CliError::input(format!("cannot wait for Ctrl-C: {e}")))?;
                screen::complain("stopped");
                Ok(Ending::Good)
            }
            ended = server.run(listener) => match ended {
                Ok(()) => Ok(Ending::Good),
                Err(e) => Err(CliError::input(format!("the listener failed: {e}"))),
            },
        }
    })
}
