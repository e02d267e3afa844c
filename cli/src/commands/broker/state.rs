//! The broker of the settings, with the store of its state if there is one.

use crate::{
    exit::{CliError, Result},
    settings::Settings,
};
use squall_broker::{
    Broker, Config, Durable, Server,
    store::{Aside, Redb, StoreError},
};
use squall_protocol::Time;
use std::{
    path::Path,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::sync::Notify;

/// A server that goes on from what is stored, if anything is to be.
pub(super) fn server(settings: &Settings, config: Config) -> Result<Server> {
    let Some(store) = &settings.store else {
        return Ok(Server::new(Broker::new(config)));
    };
    let path = store.path();
    let refused = |error: StoreError| refused(path, &error);
    let stored = Arc::new(Notify::new());
    let store = Aside::new(Redb::open(path).map_err(refused)?, Arc::clone(&stored));
    // Expiry goes on while the broker is down, so its time is that of the world.
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = Time::ZERO + now.unwrap_or_default();
    let broker = Durable::open(config, store, now).map_err(refused)?;
    Ok(Server::new(broker).stored(stored).starts_at(now))
}

fn refused(path: &Path, error: &StoreError) -> CliError {
    let said = CliError::input(format!("cannot use the store {}: {error}", path.display()));
    match error {
        // The others say what to do.
        StoreError::Open(_) => {
            said.help("name a file with --store in a folder that is there and may be written to")
        }
        _ => said,
    }
}
