//! A request and its response: one client adds numbers up for another.

use squall_broker::{Broker, Config, Server};
use squall_client::{Handle, Message, Settings, TcpDial, open};
use squall_protocol::{QoS, Version, packet::Subscription, topic::TopicFilter};
use std::{net::SocketAddr, time::Duration};
use tokio::{net::TcpListener, task::LocalSet, task::spawn_local, time::timeout};

fn client(address: SocketAddr, id: &str) -> Handle {
    let (client, driver) = open(TcpDial { address }, Settings::new(Version::V5_0, id));
    spawn_local(driver);
    client
}

async fn story() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let broker = spawn_local(Server::new(Broker::new(Config::default())).run(listener));

    let adder = client(address, "adder");
    let sums = Subscription::new(TopicFilter::parse_v5("sum")?, QoS::AtLeastOnce);
    let mut sums = adder.subscribe([sums]).await?;
    spawn_local(async move {
        while let Some(numbers) = sums.next().await {
            let sum: u8 = numbers.payload.iter().sum();
            // A client that is gone needs no answer.
            let _ = adder.respond(&numbers, vec![sum]).await;
        }
    });

    let asker = client(address, "asker");
    let request = Message::new("sum", vec![1, 2, 3], QoS::AtLeastOnce);
    let sum = timeout(Duration::from_secs(5), asker.request(request)).await??;
    assert_eq!(sum.payload[..], [6]);

    asker.disconnect().await;
    broker.abort();
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    LocalSet::new().run_until(story()).await
}
