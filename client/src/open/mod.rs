//! A client for people: publish and await the outcome, subscribe and take from a stream.

mod delivery;
mod desk;
mod error;
mod handle;
mod happening;
mod inbox;
mod references;
mod reporter;
mod request;
mod routes;
mod settings;
mod stream;
mod subscribing;
#[cfg(test)]
mod tests;

pub use delivery::Delivery;
pub use error::RequestError;
pub use handle::{Handle, Publication};
pub use happening::Happening;
pub use references::{Reference, References};
pub use settings::Settings;
pub use stream::{Events, Messages};

use crate::{
    core::{Acknowledgement, Command, Event},
    driver::{Limits, run_within},
};
use desk::Shared;
use handle::Identity;
use reporter::Reporter;
use squall_protocol::Time;
use squall_transport::Dial;
use std::{future::Future, sync::Arc, task::Context};
use tokio::sync::{OnceCell, mpsc::unbounded_channel};

/// Bytes that may wait for the server to take them before messages have to wait for these.
const UNSENT: usize = 256 << 10;

/// Connects. Gives a handle to work with, and the driver: a future that has to be polled for anything to happen. Give it to
/// `tokio::spawn` or a `LocalSet`, or poll it beside the work with `tokio::join!`. It is `Send` where what `dial` dials is.
///
/// ```
/// use squall_client::{Message, Settings, TcpDial, open};
/// use squall_protocol::{QoS, Version, packet::Subscription, topic::TopicFilter};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let dial = TcpDial { address: "127.0.0.1:1883".parse()? };
/// let (client, driver) = open(dial, Settings::new(Version::V5_0, "greeter"));
/// let work = async {
///     let hello = Subscription::new(TopicFilter::parse_v5("hello/#")?, QoS::AtLeastOnce);
///     let mut messages = client.subscribe([hello]).await?;
///     client.publish(Message::new("hello/world", "hi", QoS::AtLeastOnce)).await?;
///     let message = messages.next().await;
///     client.disconnect().await;
///     Ok::<_, Box<dyn std::error::Error>>(message)
/// };
/// let (message, ()) = tokio::join!(work, driver);
/// assert_eq!(message?.map(|m| m.payload.clone()), Some("hi".into()));
/// # Ok(())
/// # }
/// ```
pub fn open<D: Dial>(dial: D, settings: Settings) -> (Handle, impl Future<Output = ()> + use<D>) {
    let shared = Shared::new(&settings);
    let (commands, orders) = unbounded_channel();
    let mut connect = settings.connect;
    connect.acknowledgement = Acknowledgement::ByHand;
    if !connect.clean_start {
        // Who asks for a session says that it is this client's, also one that an earlier process has begun: for a client
        // that knew of none it would be an error that the server has one [MQTT-3.2.2-4].
        connect.shared.get_or_insert_default();
    }
    let identity = Identity {
        version: connect.version,
        client_id: connect.client_id.clone(),
        response_topic: OnceCell::new(),
    };
    let reporter = Reporter {
        shared: shared.clone(),
        commands: commands.downgrade(),
        reconnects: settings.backoff.is_some(),
        follows: connect.follow_references,
        references: settings.references,
    };
    for command in [
        Command::Backoff(settings.backoff),
        Command::Connect(connect.into()),
    ] {
        commands.send(command).expect("the receiver is right here");
    }
    let reader = shared.clone();
    let limits = Limits {
        reads: move |cx: &mut Context<'_>| reader.desk().inboxes.poll_room(cx),
        unsent: UNSENT,
    };
    let observer = move |_: Time, event: &Event| reporter.report(event);
    let driver = run_within(dial, orders, observer, limits);
    let identity = Arc::new(identity);
    (
        Handle {
            commands,
            shared,
            identity,
        },
        driver,
    )
}
