//! The simulated hosts of what somebody brings along, and of clients: each client's driver on one of its own.

use super::{BROKER, PORT, Shared, dialer::Dialer, visitor};
use crate::{
    guest::{self, Client, Guest},
    panics,
    tap::Taps,
    trace::{Node, What},
    world::{Fallen, party::party},
};
use squall_client::{Backoff, Command};
use squall_protocol::Version;
use squall_scenarios::model::{ClientIx, ClientSpec};
use std::{
    cell::RefCell,
    future::poll_fn,
    net::{IpAddr, Ipv4Addr},
    rc::Rc,
    task::Poll,
};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use turmoil::{Sim, net::TcpListener};

pub(super) fn name(client: ClientIx) -> String {
    format!("client-{client}")
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
    let cast = Rc::new(RefCell::new(Some((party(spec), receiver))));
    if let (Some(_), Some(r)) = (visitor, spec.reconnect) {
        let backoff = Command::Backoff(Some(Backoff::new(r.first, r.max)));
        sender.send(backoff).expect("the receiver is right here");
    }
    let visitor = visitor.map(|(client, version)| (client.clone(), version));
    sim.host(name(client), move || {
        let dialer = Dialer {
            client,
            tap: tap.clone(),
            shared: Rc::clone(&shared),
        };
        let (shared, visitor) = (Rc::clone(&shared), visitor.clone());
        let cast = cast.borrow_mut().take();
        async move {
            let (machine, commands) = cast.expect("the host is started once");
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
            squall_client::run_machine(machine, dialer, commands, observer).await;
            Ok(())
        }
    });
    (sender, sim.lookup(name(client)))
}
