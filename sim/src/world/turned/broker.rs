//! The broker of the turned world: the reference broker, or a scripted one.

use crate::{
    trace::{Node, What},
    world::{
        broker,
        live::scene::Scene,
        server::{Told, told},
    },
};
use squall_broker::{ConnId, Script, Server};
use squall_protocol::Version;
use squall_scenarios::model::{ClientIx, Scenario};
use squall_transport::{Accept, MemoryListener, MemoryStream};
use std::{cell::RefCell, io, rc::Rc};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The way to the broker, for whoever knows which client calls.
#[derive(Clone)]
pub(super) struct Callers(UnboundedSender<(ClientIx, MemoryStream)>);

impl Callers {
    /// Opens a connection for a client.
    pub(super) fn dial(&self, client: ClientIx) -> MemoryStream {
        let (ours, theirs) = MemoryStream::pair();
        // A broker that is gone has panicked, which is told elsewhere.
        let _ = self.0.send((client, theirs));
        ours
    }

    /// Hands on what a client of ours opens.
    pub(super) async fn forward(self, client: ClientIx, mut listener: MemoryListener) {
        while let Ok(stream) = listener.accept().await {
            let _ = self.0.send((client, stream));
        }
    }
}

/// Takes calls in their order, and remembers whose they are.
struct Doorman {
    calls: UnboundedReceiver<(ClientIx, MemoryStream)>,
    accepted: Rc<RefCell<Vec<ClientIx>>>,
}

impl Accept for Doorman {
    type Stream = MemoryStream;

    async fn accept(&mut self) -> io::Result<MemoryStream> {
        let Some((client, stream)) = self.calls.recv().await else {
            return Err(io::Error::other("nobody can call any more"));
        };
        self.accepted.borrow_mut().push(client);
        Ok(stream)
    }
}

/// Starts the broker of the story. Gives the way to it for clients, and for what a scripted one is told.
pub(super) fn serve(
    scene: &Scene,
    plan: &Scenario,
    version: Version,
) -> (Callers, UnboundedSender<(ClientIx, Script)>) {
    let (sender, calls) = unbounded_channel();
    let (scripts, told_to) = unbounded_channel();
    let accepted: Rc<RefCell<Vec<ClientIx>>> = Rc::default();
    let called = Rc::clone(&accepted);
    let caller = move |conn: ConnId| called.borrow()[conn.0 as usize];
    let doorman = Doorman {
        calls,
        accepted: Rc::clone(&accepted),
    };
    let seen_by = scene.clone();
    // The driver counts from its own beginning; one clock is enough for all.
    let observer = move |_, event: squall_broker::Event| {
        let Told::On(conn, seen) = told(event) else {
            unreachable!("it has no store that could fail");
        };
        let client = usize::try_from(conn).ok();
        let client = client.and_then(|n| accepted.borrow().get(n).copied());
        if let Some(client) = client {
            seen_by.record(Node::Broker, What::Broker { client, conn, seen });
        }
    };
    let broker = broker(plan, version, Box::new(caller));
    let server = Server::of(broker).scripts(told_to).observer(observer);
    let serving = async move {
        // It ends when nobody can call any more, with the run.
        let _ = server.run(doorman).await;
    };
    scene.tasks.borrow_mut().spawn_local(serving);
    (Callers(sender), scripts)
}
