//! The simulated hosts: the broker's driver on one, each client's driver on one of its own.

use super::{PORT, Shared, visitor};
use crate::{
    guest::{self, Client, Guest},
    net::ConnIx,
    panics,
    tap::Taps,
    trace::{Node, What},
    world::{Fallen, server::told},
};
use squall_broker::{Accept, Broker, Server};
use squall_client::{Backoff, Command, Dial};
use squall_protocol::{Role, Version};
use squall_scenarios::model::{ClientIx, ClientSpec};
use squall_transport::tap::{Cut, Ending, Tapped};
use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    net::{IpAddr, Ipv4Addr},
    rc::Rc,
    task::Poll,
};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use turmoil::{
    Sim,
    net::{TcpListener, TcpStream},
};

pub(super) const BROKER: &str = "broker";

pub(super) fn name(client: ClientIx) -> String {
    format!("client-{client}")
}

pub(super) fn broker(sim: &mut Sim<'_>, broker: Broker, shared: Rc<RefCell<Shared>>) {
    let broker = Rc::new(RefCell::new(Some(broker)));
    sim.host(BROKER, move || {
        let shared = Rc::clone(&shared);
        let broker = broker.borrow_mut().take();
        async move {
            let broker = broker.expect("the host is started once");
            let listener = Listener(TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?);
            let observer = move |at, event: squall_broker::Event| {
                let (conn, seen) = told(event);
                let shared = &mut *shared.borrow_mut();
                let client = shared.net.client_of(shared.accepted[conn as usize]);
                shared.record(at, Node::Broker, What::Broker { client, conn, seen });
            };
            Server::new(broker).observer(observer).run(listener).await?;
            Ok(())
        }
    });
}

/// A broker that somebody brought along. However it ends, the run goes on, and says so.
pub(super) fn guest(sim: &mut Sim<'_>, guest: Guest, shared: Rc<RefCell<Shared>>) {
    sim.host(BROKER, move || {
        let (guest, shared) = (guest.clone(), Rc::clone(&shared));
        async move {
            let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
            let (mut listener, mut serving) = (Some(guest::Listener(listener)), None);
            let why = poll_fn(|cx| {
                let poll = || match (&mut serving, listener.take()) {
                    (serving, Some(listener)) => {
                        serving.insert(guest.serve(listener)).as_mut().poll(cx)
                    }
                    (Some(serving), None) => serving.as_mut().poll(cx),
                    (None, None) => Poll::Pending,
                };
                match panics::caught(poll) {
                    Ok(Poll::Pending) => Poll::Pending,
                    Ok(Poll::Ready(Ok(()))) => Poll::Ready("it serves no more".to_owned()),
                    Ok(Poll::Ready(Err(error))) => Poll::Ready(error.to_string()),
                    Err(panic) => Poll::Ready(format!("it panicked: {panic}")),
                }
            })
            .await;
            shared.borrow_mut().fallen = Some(Fallen::Broker(why));
            std::future::pending().await
        }
    });
}

pub(super) fn client(
    sim: &mut Sim<'_>,
    client: ClientIx,
    spec: &ClientSpec,
    visitor: Option<(&Client, Version)>,
    tap: Taps,
    shared: Rc<RefCell<Shared>>,
) -> (UnboundedSender<Command>, IpAddr) {
    let (sender, receiver) = unbounded_channel();
    if let Some(r) = spec.reconnect {
        let backoff = Command::Backoff(Some(Backoff {
            first: r.first,
            max: r.max,
        }));
        sender.send(backoff).expect("the receiver is right here");
    }
    let visitor = visitor.map(|(client, version)| (client.clone(), version));
    let receiver = Rc::new(RefCell::new(Some(receiver)));
    sim.host(name(client), move || {
        let dialer = Dialer {
            client,
            tap: tap.clone(),
            shared: Rc::clone(&shared),
        };
        let (shared, visitor) = (Rc::clone(&shared), visitor.clone());
        let receiver = receiver.borrow_mut().take();
        async move {
            let commands = receiver.expect("the host is started once");
            if let Some((visitor, version)) = visitor {
                let who = (client, version);
                visitor::play(&visitor, who, dialer, commands, shared).await?;
                return Ok(());
            }
            let observer = move |at, event: &squall_client::Event| {
                shared
                    .borrow_mut()
                    .record(at, Node::Client(client), What::Client(event.clone()));
            };
            squall_client::run(dialer, commands, observer).await;
            Ok(())
        }
    });
    (sender, sim.lookup(name(client)))
}

struct Listener(TcpListener);

impl Accept for Listener {
    type Stream = guest::Stream;

    async fn accept(&mut self) -> io::Result<guest::Stream> {
        let (stream, _) = self.0.accept().await?;
        Ok(guest::Stream(stream))
    }
}

/// Dials the broker for one client; every stream goes through the client's tap.
pub(super) struct Dialer {
    client: ClientIx,
    tap: Taps,
    shared: Rc<RefCell<Shared>>,
}

/// Tells the link model when a dial is given up before it was answered.
struct Dialing {
    conn: ConnIx,
    shared: Rc<RefCell<Shared>>,
    answered: bool,
}

impl Drop for Dialing {
    fn drop(&mut self) {
        // During a panic the model may be in use; it does not matter any more then.
        if let (false, Ok(mut shared)) = (self.answered, self.shared.try_borrow_mut()) {
            shared.net.abandon(self.conn);
        }
    }
}

impl Dial for Dialer {
    type Stream = Tapped<guest::Stream>;

    fn dial(&mut self) -> impl Future<Output = io::Result<Self::Stream>> {
        self.begin()
    }
}

impl Dialer {
    // Not an `async fn`: the dial counts from the call, not from the first poll.
    pub(super) fn begin(&self) -> impl Future<Output = io::Result<Tapped<guest::Stream>>> + use<> {
        let (client, shared) = (self.client, Rc::clone(&self.shared));
        let (conn, token) = {
            let shared = &mut *shared.borrow_mut();
            let now = shared.now;
            shared.record(now, Node::Client(client), What::Dial);
            let token = shared.token();
            (shared.net.open(now.as_millis(), client, token), token)
        };
        let dialing = Dialing {
            conn,
            shared: Rc::clone(&shared),
            answered: false,
        };
        let tap = self.tap.clone();
        async move {
            // Moved in whole: a dial that is given up drops the guard with the future.
            let mut dialing = dialing;
            shared.borrow_mut().dialed[client].push_back((conn, token));
            let stream = TcpStream::connect((BROKER, PORT)).await?;
            dialing.answered = true;
            let told = move |cut: Cut| {
                let shared = &mut *shared.borrow_mut();
                let now = shared.now;
                shared.record(now, Node::Client(client), What::Cut(cut.into()));
                if cut.by == Ending::Silence {
                    shared.net.kill(now.as_millis(), conn);
                }
            };
            Ok(tap.on(guest::Stream(stream), Role::Client, told))
        }
    }
}
