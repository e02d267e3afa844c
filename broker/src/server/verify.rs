//! Finding out who clients are, some at a time, while the others are served.

use super::core::Core;
use crate::{
    ConnId,
    security::{Credentials, Verdict},
};
use std::{future::Future, panic::resume_unwind, pin::Pin, rc::Rc};
use tokio::{select, sync::mpsc::UnboundedReceiver, task::JoinSet};

/// Finds out who clients are.
pub trait Verifier {
    /// How many may be found out at a time; 0 counts as 1. The others wait, the longest waiting first.
    fn at_once(&self) -> usize;

    /// Finds out whether a client is who it says. This should take the same time whatever comes out, and must not keep
    /// the thread that it is called on; a panic ends the server.
    fn verify(&self, credentials: Credentials) -> Pin<Box<dyn Future<Output = Verdict>>>;
}

/// Has everybody verified who has to be.
pub(super) async fn all(
    core: Rc<Core>,
    verifier: Box<dyn Verifier>,
    mut asked: UnboundedReceiver<(ConnId, Credentials)>,
) {
    let mut running = JoinSet::new();
    loop {
        select! {
            biased;
            Some(done) = running.join_next() => match done {
                Ok((conn, verdict)) => core.verified(conn, verdict),
                Err(error) => resume_unwind(error.into_panic()),
            },
            Some((conn, credentials)) = asked.recv(), if running.len() < verifier.at_once().max(1) => {
                // Nobody waits for it any more.
                if core.is_open(conn) {
                    let verdict = verifier.verify(credentials);
                    running.spawn_local(async move { (conn, verdict.await) });
                }
            }
            else => return,
        }
    }
}
