//! A broker with rules: an application that publishes where it must not is told so.

use squall_broker::{
    Broker, Config, Server,
    security::{Access, Security},
};
use squall_client::{Message, Settings, open};
use squall_protocol::{QoS, ReasonCode, Version};
use squall_transport::{Endpoint, Memory};
use std::sync::Arc;
use tokio::task::{LocalSet, spawn_local};

const RULES: &str = "anonymous allow both   rooms/#\nanonymous deny  publish rooms/+/alarm\n";

async fn story() -> Result<(), Box<dyn std::error::Error>> {
    let security = Security {
        allow_anonymous: Some(true),
        access: Some(Arc::new(Access::parse("rules", RULES)?)),
        ..Security::default()
    };
    let (way, listener) = Memory::listen();
    let broker = Broker::new(Config {
        security,
        ..Config::default()
    });
    let broker = spawn_local(Server::new(broker).run(listener));

    let (client, driver) = open(Endpoint::from(way), Settings::new(Version::V5_0, "visitor"));
    spawn_local(driver);
    let say = |topic: &str| client.publish(Message::new(topic, "x", QoS::AtLeastOnce));
    assert!(!say("rooms/7/wanted").await?.is_error());
    assert_eq!(say("rooms/7/alarm").await?, ReasonCode::NOT_AUTHORIZED);

    client.disconnect().await;
    broker.abort();
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    LocalSet::new().run_until(story()).await
}
