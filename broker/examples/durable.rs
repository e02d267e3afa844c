//! A broker that is killed and comes back: what it has acknowledged is there. Does the application go on, too?

use squall_broker::{Config, Durable, Server, store::Redb};
use squall_client::{Message, Settings, open};
use squall_protocol::{QoS, Time, Version, packet::Subscription, topic::TopicFilter};
use squall_transport::{Endpoint, Memory};
use std::{path::Path, time::Duration};
use tokio::task::{AbortHandle, LocalSet, spawn_local};

/// A life of the broker, and the way to it.
fn begin(path: &Path) -> Result<(Endpoint, AbortHandle), Box<dyn std::error::Error>> {
    let (way, listener) = Memory::listen();
    let broker = Durable::open(Config::default(), Redb::open(path)?, Time::ZERO)?;
    let server = spawn_local(Server::new(broker).run(listener));
    Ok((way.into(), server.abort_handle()))
}

async fn story() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("store");
    let settings = || Settings::new(Version::V5_0, "ledger").session(Duration::from_secs(3600));

    let (way, life) = begin(&path)?;
    let (client, driver) = open(way, settings());
    spawn_local(driver);
    let all = Subscription::new(TopicFilter::parse_v5("orders")?, QoS::AtLeastOnce);
    let orders = client.subscribe([all]).await?;
    client
        .publish(Message::new("config", "1", QoS::AtLeastOnce))
        .await?;
    drop(orders);
    life.abort();
    // Its store is free when it is gone.
    tokio::task::yield_now().await;

    let (way, life) = begin(&path)?;
    let (client, driver) = open(way, settings());
    let mut events = client.events();
    spawn_local(driver);
    let first = events.next().await;
    assert!(
        matches!(
            first,
            Some(squall_client::Happening::Connected {
                session_present: true,
                ..
            })
        ),
        "{first:?}"
    );
    client.disconnect().await;
    life.abort();
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    LocalSet::new().run_until(story()).await
}
