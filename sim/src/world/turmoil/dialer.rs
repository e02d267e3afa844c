//! How a client's host gets its connections: through the link model, with the client's tap on each.

use super::{BROKER, PORT, Shared};
use crate::{
    guest,
    net::ConnIx,
    tap::Taps,
    trace::{Node, What},
};
use squall_client::Dial;
use squall_protocol::Role;
use squall_scenarios::model::ClientIx;
use squall_transport::tap::{Cut, Ending, Tapped};
use std::{cell::RefCell, future::Future, io, rc::Rc};
use turmoil::net::TcpStream;

/// Dials the broker for one client; every stream goes through the client's tap.
pub(super) struct Dialer {
    pub(super) client: ClientIx,
    pub(super) tap: Taps,
    pub(super) shared: Rc<RefCell<Shared>>,
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
