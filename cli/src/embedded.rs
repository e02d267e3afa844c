//! The reference broker on a thread of its own, on a free port of this machine, for as long as it is held.

use crate::exit::{CliError, Result};
use squall_broker::{Broker, Config, Server};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::mpsc,
    thread::{self, JoinHandle},
};
use tokio::{net::TcpListener, runtime::Builder, sync::oneshot, task::LocalSet};

/// A broker that runs until it is dropped.
pub(crate) struct Embedded {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Embedded {
    /// Starts one.
    pub(crate) fn start() -> Result<Self> {
        let (told, address) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            if let Err(error) = serve(&told, stopped) {
                // Nobody waits any more once the address is known; before that, this is the answer.
                let _ = told.send(Err(error));
            }
        });
        let failed = |e: &dyn std::fmt::Display| {
            CliError::input(format!("the embedded broker did not start: {e}"))
        };
        let address = address
            .recv()
            .map_err(|e| failed(&e))?
            .map_err(|e| failed(&e))?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("mqtt://{}", self.address)
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !thread::panicking()
        {
            panic!("the embedded broker panicked");
        }
    }
}

fn serve(
    told: &mpsc::Sender<io::Result<SocketAddr>>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        // If nobody listens for the answer, nobody wants the broker.
        let _ = told.send(listener.local_addr());
        let server = Server::new(Broker::new(Config::default()));
        tokio::select! {
            biased;
            _ = stopped => Ok(()),
            ended = server.run(listener) => ended,
        }
    })
}
