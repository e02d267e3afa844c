//! Acknowledgement by hand: an order is acknowledged when it is stored, and one that nobody can use is refused.

use squall_broker::{Broker, Config, Server};
use squall_client::{Message, Settings, TcpDial, open};
use squall_protocol::{QoS, ReasonCode, Version, packet::Subscription, topic::TopicFilter};
use tokio::{net::TcpListener, task::LocalSet, task::spawn_local};

async fn story() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let broker = spawn_local(Server::new(Broker::new(Config::default())).run(listener));

    let settings = Settings::new(Version::V5_0, "store").manual_acknowledgement();
    let (client, driver) = open(TcpDial { address }, settings);
    let driver = spawn_local(driver);
    let orders = Subscription::new(TopicFilter::parse_v5("orders")?, QoS::AtLeastOnce);
    let mut orders = client.subscribe([orders]).await?;
    for order in ["12 bolts", "nonsense"] {
        client
            .publish(Message::new("orders", order, QoS::AtLeastOnce))
            .await?;
    }
    let mut stored = Vec::new();
    for _ in 0..2 {
        let mut order = orders.next().await.ok_or("the stream has ended")?;
        if order.payload.starts_with(b"12") {
            stored.push(order.payload.clone());
            order.acknowledge();
        } else {
            order.refuse(ReasonCode::PAYLOAD_FORMAT_INVALID);
        }
    }
    assert_eq!(stored, ["12 bolts"]);

    client.disconnect().await;
    driver.await?;
    broker.abort();
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    LocalSet::new().run_until(story()).await
}
