//! How a client's host gets its connections: through the link model, with the client's tap on each.

use super::{
    BROKER, PORT, Shared,
    wire::{Reset, Wire},
};
use crate::{
    guest,
    net::ConnIx,
    tap::Taps,
    trace::{Node, What},
    world::uptime::REFUSED,
};
use squall_client::Dial;
use squall_protocol::Role;
use squall_scenarios::model::ClientIx;
use squall_transport::tap::{Cut, Ending, Tapped};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    future::Future,
    io,
    rc::{Rc, Weak},
};
use tokio::{select, sync::oneshot};
use turmoil::net::TcpStream;

/// Dials the broker for one client; every stream goes through the client's tap.
pub(super) struct Dialer {
    pub(super) client: ClientIx,
    pub(super) tap: Taps,
    pub(super) shared: Rc<RefCell<Shared>>,
}

/// What clients are told beside what turmoil carries: that a dial was refused, and that a connection was reset by a
/// machine that knows nothing of it.
#[derive(Default)]
pub(super) struct Asides {
    refusals: BTreeMap<ConnIx, oneshot::Sender<()>>,
    resets: BTreeMap<ConnIx, Weak<Reset>>,
}

impl Asides {
    /// Nobody listens where this connection was to begin.
    pub(super) fn refuse(&mut self, conn: ConnIx) {
        if let Some(dialing) = self.refusals.remove(&conn) {
            // Who dialled may have given up.
            let _ = dialing.send(());
        }
    }

    /// A reset arrives.
    pub(super) fn reset(&mut self, conn: ConnIx) {
        if let Some(reset) = self.resets.remove(&conn).and_then(|reset| reset.upgrade()) {
            reset.arrives();
        }
    }
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
            shared.asides.refusals.remove(&self.conn);
        }
    }
}

impl Dial for Dialer {
    type Stream = Tapped<Wire>;

    fn dial(&mut self) -> impl Future<Output = io::Result<Self::Stream>> {
        self.begin()
    }
}

impl Dialer {
    // Not an `async fn`: the dial counts from the call, not from the first poll.
    pub(super) fn begin(&self) -> impl Future<Output = io::Result<Tapped<Wire>>> + use<> {
        let (client, shared) = (self.client, Rc::clone(&self.shared));
        let (refusal, refused) = oneshot::channel();
        let (conn, token) = {
            let shared = &mut *shared.borrow_mut();
            let now = shared.now;
            shared.record(now, Node::Client(client), What::Dial);
            let token = shared.token();
            let conn = shared.net.open(now.as_millis(), client, token);
            shared.asides.refusals.insert(conn, refusal);
            (conn, token)
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
            let stream = select! {
                biased;
                Ok(()) = refused => {
                    dialing.answered = true;
                    let error = io::Error::new(io::ErrorKind::ConnectionRefused, REFUSED);
                    return Err(error);
                }
                stream = TcpStream::connect((BROKER, PORT)) => stream?,
            };
            dialing.answered = true;
            let told = {
                let shared = Rc::clone(&shared);
                move |cut: Cut| {
                    let shared = &mut *shared.borrow_mut();
                    let now = shared.now;
                    shared.record(now, Node::Client(client), What::Cut(cut.into()));
                    if cut.by == Ending::Silence {
                        shared.net.kill(now.as_millis(), conn);
                    }
                }
            };
            let (wire, reset) = Wire::new(guest::Stream(stream));
            let asides = &mut shared.borrow_mut().asides;
            asides.refusals.remove(&conn);
            asides.resets.insert(conn, reset);
            Ok(tap.on(wire, Role::Client, told))
        }
    }
}
