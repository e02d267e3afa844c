//! A broker and a client in one process, as a test of an application has them: publish, and take what comes.

use squall_broker::{Broker, Config, Server};
use squall_client::{Message, Settings, TcpDial, open};
use squall_protocol::{QoS, Version, packet::Subscription, topic::TopicFilter};
use tokio::{net::TcpListener, task::LocalSet, task::spawn_local};

async fn story() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let broker = spawn_local(Server::new(Broker::new(Config::default())).run(listener));

    let (client, driver) = open(TcpDial { address }, Settings::new(Version::V5_0, "greeter"));
    let driver = spawn_local(driver);
    let hello = Subscription::new(TopicFilter::parse_v5("hello/+")?, QoS::ExactlyOnce);
    let mut greetings = client.subscribe([hello]).await?;
    client
        .publish(Message::new("hello/world", "hi", QoS::ExactlyOnce))
        .await?;
    let greeting = greetings.next().await.ok_or("the stream has ended")?;
    assert_eq!(greeting.payload, "hi");

    client.disconnect().await;
    driver.await?;
    broker.abort();
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    LocalSet::new().run_until(story()).await
}
