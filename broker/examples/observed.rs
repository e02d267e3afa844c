//! What an application really says: an observer sees every packet, and a test looks at them.

use squall_broker::{Broker, Config, Event, Server};
use squall_client::{Message, Settings, open};
use squall_protocol::{Packet, QoS, Version};
use squall_transport::{Endpoint, Memory};
use std::{cell::RefCell, rc::Rc};
use tokio::task::{LocalSet, spawn_local};

async fn story() -> Result<(), Box<dyn std::error::Error>> {
    let (way, listener) = Memory::listen();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let notes = Rc::clone(&seen);
    let server = Server::new(Broker::new(Config::default())).observer(move |_, event| {
        if let Event::Received { frame, .. } = event {
            notes.borrow_mut().push(frame.packet);
        }
    });
    let broker = spawn_local(server.run(listener));

    let (client, driver) = open(Endpoint::from(way), Settings::new(Version::V5_0, "lamp"));
    spawn_local(driver);
    let state = Message::new("lamps/1", "on", QoS::ExactlyOnce);
    client
        .publish(Message {
            retain: true,
            ..state
        })
        .await?;
    client.disconnect().await;

    let retained = |packet: &Packet| matches!(packet, Packet::Publish(p) if p.retain && !p.dup);
    assert_eq!(
        seen.borrow()
            .iter()
            .filter(|packet| retained(packet))
            .count(),
        1
    );
    broker.abort();
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    LocalSet::new().run_until(story()).await
}
