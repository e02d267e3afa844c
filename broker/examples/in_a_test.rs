//! An application under test and its broker in one process, without a socket: what it publishes arrives.

use squall_broker::{Broker, Config, Server};
use squall_client::{Message, Settings, open};
use squall_protocol::{QoS, Version, packet::Subscription, topic::TopicFilter};
use squall_transport::{Endpoint, Memory};
use tokio::task::{LocalSet, spawn_local};

async fn story() -> Result<(), Box<dyn std::error::Error>> {
    let (way, listener) = Memory::listen();
    let broker = spawn_local(Server::new(Broker::new(Config::default())).run(listener));

    let (client, driver) = open(Endpoint::from(way), Settings::new(Version::V5_0, "meter"));
    spawn_local(driver);
    let all = Subscription::new(TopicFilter::parse_v5("readings/#")?, QoS::AtLeastOnce);
    let mut readings = client.subscribe([all]).await?;
    let reading = Message::new("readings/1", "21.5", QoS::AtLeastOnce);
    client.publish(reading).await?;
    assert_eq!(readings.next().await.ok_or("nothing came")?.payload, "21.5");

    client.disconnect().await;
    broker.abort();
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    LocalSet::new().run_until(story()).await
}
