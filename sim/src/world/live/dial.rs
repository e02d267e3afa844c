//! How the clients of a live run get their connections.

use super::scene::Scene;
use crate::{
    net::ConnIx,
    tap::Taps,
    trace::{Node, What},
    world::line::{Line, Parcel},
};
use squall_client::Dial;
use squall_protocol::Role;
use squall_scenarios::model::{ClientIx, CutBy};
use squall_transport::{
    Endpoint, MemoryStream,
    tap::{Cut, Tapped},
};
use std::{
    cell::RefCell,
    future::{Future, pending, poll_fn},
    io,
    rc::Rc,
    task::{Poll, ready},
};
use tokio::sync::oneshot;

/// Dials the broker for one client; every stream goes through the client's tap.
pub(in crate::world) struct Dialer {
    pub(in crate::world) client: ClientIx,
    pub(in crate::world) tap: Taps,
    pub(in crate::world) endpoint: Endpoint,
    pub(in crate::world) scene: Scene,
}

impl Dial for Dialer {
    type Stream = Tapped<MemoryStream>;

    // Not an `async fn`: the dial counts from the call, not from the first poll.
    fn dial(&mut self) -> impl Future<Output = io::Result<Self::Stream>> {
        let (client, scene) = (self.client, self.scene.clone());
        let (tap, endpoint) = (self.tap.clone(), self.endpoint.clone());
        scene.record(Node::Client(client), What::Dial);
        let (through, arrived) = oneshot::channel();
        let conn = {
            let shared = &mut *scene.shared.borrow_mut();
            let now = shared.now().as_millis();
            shared.net.open(now, client, Parcel::Syn(through))
        };
        let dialing = Dialing {
            conn,
            scene: scene.clone(),
            answered: false,
        };
        async move {
            // Moved in whole: a dial that is given up drops the guard with the future.
            let mut dialing = dialing;
            if arrived.await.is_err() {
                // The way is dead, and nobody says so.
                pending::<()>().await;
            }
            let broker = endpoint.dial().await?;
            dialing.answered = true;
            let (ours, theirs) = MemoryStream::pair();
            open(&scene, conn, Line::new(conn, Box::new(theirs), broker));
            let told = move |cut: Cut| {
                let cut = crate::tap::Cut::from(cut);
                scene.record(Node::Client(client), What::Cut(cut));
                if cut.by == CutBy::Silence {
                    let shared = &mut *scene.shared.borrow_mut();
                    let now = shared.now().as_millis();
                    shared.net.kill(now, conn);
                }
            };
            Ok(tap.on(ours, Role::Client, told))
        }
    }
}

/// Tells the link model when a dial is given up before it was answered.
struct Dialing {
    conn: ConnIx,
    scene: Scene,
    answered: bool,
}

impl Drop for Dialing {
    fn drop(&mut self) {
        // During a panic the model may be in use; it does not matter any more then.
        if let (false, Ok(mut shared)) = (self.answered, self.scene.shared.try_borrow_mut()) {
            shared.net.abandon(self.conn);
        }
    }
}

/// Lets a connection move its bytes.
pub(in crate::world) fn open(scene: &Scene, conn: ConnIx, line: Line) {
    let line = Rc::new(RefCell::new(line));
    {
        let shared = &mut *scene.shared.borrow_mut();
        if shared.lines.len() <= conn {
            shared.lines.resize_with(conn + 1, || None);
        }
        shared.lines[conn] = Some(Rc::clone(&line));
    }
    let mut post = scene.clone();
    let moves = poll_fn(move |cx| {
        ready!(line.borrow_mut().poll(cx, &mut post));
        post.shared.borrow_mut().lines[conn] = None;
        Poll::Ready(())
    });
    scene.tasks.borrow_mut().spawn_local(moves);
}
