//! The broker that an adapter is tested with: the reference broker on a free port of loopback, which keeps everything it
//! saw, and somebody else who publishes. It does not know what is tested.

use squall_broker::{Broker, CloseCause, Config, ConnId, Event, Server};
use squall_client::{Message, Settings, TcpDial, open};
use squall_protocol::{Packet, Version};
use std::{
    cell::RefCell,
    io,
    net::{Ipv4Addr, SocketAddr},
    rc::Rc,
    time::Duration,
};
use tokio::{
    join,
    net::TcpListener,
    sync::Notify,
    task::{JoinHandle, spawn_local},
    time::{Instant, sleep, timeout},
};

/// How long anything may take that has to happen.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How often what the broker saw is looked at.
const GLANCE: Duration = Duration::from_millis(5);

/// A broker that runs until it is dropped.
pub(super) struct Stage {
    pub(super) address: SocketAddr,
    seen: Rc<RefCell<Vec<Event>>>,
    stop: Rc<Notify>,
    serving: JoinHandle<io::Result<()>>,
}

impl Stage {
    /// Starts one.
    pub(super) async fn open(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let seen = Rc::new(RefCell::new(Vec::new()));
        let stop = Rc::new(Notify::new());
        let (witness, stopped) = (Rc::clone(&seen), Rc::clone(&stop));
        let server = Server::new(Broker::new(config))
            .observer(move |_, event| witness.borrow_mut().push(event));
        let serving =
            spawn_local(async move { server.run_until(listener, stopped.notified()).await });
        Ok(Self {
            address,
            seen,
            stop,
            serving,
        })
    }

    /// The broker goes away without a word.
    pub(super) async fn vanish(&mut self) {
        self.serving.abort();
        observe((&mut self.serving).await);
    }

    /// The broker is shut down, and tells its clients where they speak 5.0.
    pub(super) async fn shut_down(&mut self) {
        self.stop.notify_one();
        observe((&mut self.serving).await);
    }

    /// Waits until what the broker saw holds something; `None` when it never does.
    pub(super) async fn until<T>(&self, found: impl Fn(&[Event]) -> Option<T>) -> Option<T> {
        let began = Instant::now();
        loop {
            if let Some(found) = found(&self.seen.borrow()) {
                return Some(found);
            }
            if began.elapsed() > PATIENCE {
                return None;
            }
            sleep(GLANCE).await;
        }
    }

    /// Packets of the newest connection with this Client Identifier, in order.
    pub(super) fn received(&self, client: &str) -> Vec<Packet> {
        received(&self.seen.borrow(), client)
    }

    /// How many connections there were with this Client Identifier.
    pub(super) fn connections(&self, client: &str) -> usize {
        connections(&self.seen.borrow(), client).count()
    }

    /// What a client sent that breaks the standard, in words.
    pub(super) fn violation(&self, client: &str) -> Option<String> {
        let seen = self.seen.borrow();
        let own: Vec<ConnId> = connections(&seen, client).collect();
        seen.iter().find_map(|event| match event {
            Event::Violation { conn, violation } if own.contains(conn) => {
                Some(violation.to_string())
            }
            _ => None,
        })
    }

    /// Somebody else publishes.
    pub(super) async fn publish(&self, message: Message) -> Result<(), String> {
        let address = self.address;
        let settings = Settings::new(Version::V5_0, "somebody else").without_reconnect();
        let (client, driver) = open(TcpDial { address }, settings);
        let work = async {
            client.connected().await?;
            client.publish(message).await?;
            client.disconnect().await;
            Ok::<_, squall_client::RequestError>(())
        };
        match timeout(PATIENCE, async { join!(work, driver).0 }).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("Squall's own client could not publish: {error}")),
            Err(_) => Err("Squall's own client could not publish in time".to_owned()),
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A panic of the broker is ours.
fn observe(ended: Result<io::Result<()>, tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}

fn connections<'a>(seen: &'a [Event], client: &'a str) -> impl Iterator<Item = ConnId> + 'a {
    seen.iter().filter_map(move |event| match event {
        Event::Received { conn, frame } => match &frame.packet {
            Packet::Connect(connect) if connect.client_id.as_str() == client => Some(*conn),
            _ => None,
        },
        _ => None,
    })
}

/// Packets of the newest connection with this Client Identifier, in order.
pub(super) fn received(seen: &[Event], client: &str) -> Vec<Packet> {
    let newest = connections(seen, client).last();
    let packets = seen.iter().filter_map(|event| match event {
        Event::Received { conn, frame } if Some(*conn) == newest => Some(frame.packet.clone()),
        _ => None,
    });
    packets.collect()
}

/// How the newest connection with this Client Identifier ended.
pub(super) fn closed(seen: &[Event], client: &str) -> Option<CloseCause> {
    let newest = connections(seen, client).last();
    seen.iter().find_map(|event| match event {
        Event::Closed { conn, cause } if Some(*conn) == newest => Some(*cause),
        _ => None,
    })
}
