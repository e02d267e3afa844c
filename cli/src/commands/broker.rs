//! `squall broker`: the reference broker on sockets.

mod gate;
mod log;
mod pen;
mod state;
mod ways;

use crate::{
    args::Broker,
    exit::{CliError, Ending, Result},
    screen,
    settings::{self, Settings},
    signals::Signals,
};
use log::Log;
use std::{cell::RefCell, rc::Rc};
use tokio::{runtime::Builder, select, sync::Notify, task::LocalSet};

pub(crate) fn run(args: &Broker) -> Result<Ending> {
    let file = match &args.config {
        Some(path) => settings::read(path)?,
        None => Settings::default(),
    };
    let settings = args.settings.clone().over(file).whole();
    if args.print_config {
        let text = serde_yaml::to_string(&settings);
        let text = text.map_err(|e| CliError::input(format!("cannot print the settings: {e}")))?;
        screen::say(&text)?;
        return Ok(Ending::Good);
    }
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| CliError::input(format!("cannot start the runtime: {e}")))?;
    LocalSet::new().block_on(&runtime, serve(&settings))
}

async fn serve(settings: &Settings) -> Result<Ending> {
    let mut config = settings.config();
    // Files may be pipes, which nobody may ever write to: a signal ends it all the same.
    let verifier = gate::open(settings, &mut config.security)?;
    // From here on a signal ends the broker in order, also one that comes before the first client.
    let mut signals =
        Signals::new().map_err(|e| CliError::input(format!("cannot wait for signals: {e}")))?;
    let is_said = config.security.is_said();
    // Listeners come first: when one of them is taken, the store is not touched.
    let listeners = ways::open(settings).await?;
    let server = state::server(settings, config)?;
    let server = match verifier {
        Some(verifier) => server.verifier(verifier),
        None => server,
    };
    let log = Rc::new(RefCell::new(Log::new(settings)));
    let server = log::told(&log, server);
    for listener in listeners.iter() {
        screen::say(&format!("listening on {listener}"))?;
        if !is_said && listener.address().is_some_and(|at| !at.ip().is_loopback()) {
            log.borrow().nobody_may_come_in(listener);
        }
    }
    let stop = Notify::new();
    let signalled_twice = async {
        let first = signals.next().await;
        stop.notify_one();
        signals.next().await;
        first
    };
    select! {
        biased;
        ended = server.run_until(listeners, stop.notified()) => match ended {
            Ok(()) => Ok(Ending::Good),
            Err(e) => Err(CliError::input(format!("the broker cannot go on: {e}"))),
        },
        // Whoever asks twice does not want clients to be waited for.
        signal = signalled_twice => Ok(Ending::Interrupted(128 + signal)),
    }
}
