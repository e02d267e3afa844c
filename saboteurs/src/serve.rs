//! Servers on real or simulated streams: moves bytes and waits, decides nothing.
//!
//! Everything runs on the [`LocalSet`](tokio::task::LocalSet) it was started on, in one thread; timers are tokio's, so
//! paused time works. Whoever holds the [`Handle`] owns the tasks: they stop when it is dropped.

use crate::{
    ConnectionId, Output, Server,
    wire::{Tamper, relay},
};
use bytes::{Bytes, BytesMut};
use std::{cell::RefCell, collections::BTreeMap, io, rc::Rc};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    sync::{Notify, mpsc},
    task::JoinSet,
    time::{Duration, Instant},
};

/// How many bytes are read at once.
const READ: usize = 16 << 10;

/// Something to be written to one connection, or `None` to close it.
type Written = Option<Bytes>;

struct Shared {
    server: RefCell<Box<dyn Server>>,
    writers: RefCell<BTreeMap<ConnectionId, mpsc::UnboundedSender<Written>>>,
    next: RefCell<u64>,
    start: Instant,
    /// The deadline may have moved.
    moved: Notify,
}

impl Shared {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Lets the server act and hands out what it wants done.
    fn act(&self, input: impl FnOnce(&mut dyn Server, u64)) {
        let now = self.now();
        let outputs = {
            let mut server = self.server.borrow_mut();
            input(&mut **server, now);
            server.outputs()
        };
        let mut writers = self.writers.borrow_mut();
        for output in outputs {
            match output {
                // A connection whose writer has ended is closed already.
                Output::Send(id, bytes) => {
                    if let Some(writer) = writers.get(&id) {
                        let _ = writer.send(Some(bytes));
                    }
                }
                Output::Close(id) => {
                    if let Some(writer) = writers.remove(&id) {
                        let _ = writer.send(None);
                    }
                }
            }
        }
        self.moved.notify_one();
    }
}

/// Owns a server and the tasks that serve it; they stop when it is dropped.
pub struct Handle {
    shared: Rc<Shared>,
    tasks: Rc<RefCell<JoinSet<()>>>,
}

impl Handle {
    /// Starts a server without connections. Has to be called on a `LocalSet`.
    #[must_use]
    pub fn new(server: impl Server + 'static) -> Self {
        let shared = Rc::new(Shared {
            server: RefCell::new(Box::new(server)),
            writers: RefCell::default(),
            next: RefCell::new(0),
            start: Instant::now(),
            moved: Notify::new(),
        });
        let tasks = Rc::new(RefCell::new(JoinSet::new()));
        let clock = Rc::clone(&shared);
        tasks
            .borrow_mut()
            .spawn_local(async move { keep_time(&clock).await });
        Self { shared, tasks }
    }

    /// Serves one connection over a stream, such as one end of [`tokio::io::duplex`].
    pub fn connect(&self, stream: impl AsyncRead + AsyncWrite + Unpin + 'static) {
        let task = serve_stream(Rc::clone(&self.shared), stream);
        let mut tasks = self.tasks.borrow_mut();
        // What has ended is let go.
        while tasks.try_join_next().is_some() {}
        tasks.spawn_local(task);
    }

    /// Serves one connection over a stream with a wire before the server.
    pub fn connect_through(
        &self,
        tamper: Tamper,
        stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    ) {
        let (near, far) = tokio::io::duplex(READ);
        self.connect(near);
        // A connection that fails is one that ends; its peers see that for themselves.
        let carry = async move { drop(relay(tamper, stream, far).await) };
        self.tasks.borrow_mut().spawn_local(carry);
    }

    /// Like [`Self::serve`], with a wire before the server.
    ///
    /// # Errors
    /// When the listener cannot accept any more.
    pub async fn serve_through(&self, tamper: Tamper, listener: TcpListener) -> io::Result<()> {
        loop {
            let (stream, _) = listener.accept().await?;
            // A connection that is gone again already is no reason to stop.
            if stream.set_nodelay(true).is_ok() {
                self.connect_through(tamper, stream);
            }
        }
    }

    /// Serves every connection of a listener until the handle is dropped or accepting fails.
    ///
    /// # Errors
    /// When the listener cannot accept any more.
    pub async fn serve(&self, listener: TcpListener) -> io::Result<()> {
        loop {
            let (stream, _) = listener.accept().await?;
            // A connection that is gone again already is no reason to stop.
            if stream.set_nodelay(true).is_ok() {
                self.connect(stream);
            }
        }
    }
}

/// Wakes the server at its deadlines.
async fn keep_time(shared: &Shared) {
    loop {
        let deadline = shared.server.borrow().deadline();
        let sleep = async {
            match deadline {
                Some(due) => {
                    tokio::time::sleep_until(shared.start + Duration::from_millis(due)).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = shared.moved.notified() => {}
            () = sleep => shared.act(|server, now| server.passed(now)),
        }
    }
}

async fn serve_stream(shared: Rc<Shared>, stream: impl AsyncRead + AsyncWrite + Unpin) {
    let (send, mut written) = mpsc::unbounded_channel::<Written>();
    let id = {
        let mut next = shared.next.borrow_mut();
        *next += 1;
        ConnectionId(*next)
    };
    shared.writers.borrow_mut().insert(id, send);
    shared.act(|server, now| server.opened(now, id));
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut buffer = BytesMut::with_capacity(READ);
    let mut at_end = false;
    loop {
        tokio::select! {
            biased;
            next = written.recv() => match next {
                Some(Some(bytes)) => {
                    if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                        break;
                    }
                }
                Some(None) | None => break,
            },
            read = reader.read_buf(&mut buffer), if !at_end => match read {
                Ok(0) | Err(_) => {
                    at_end = true;
                    shared.act(|server, now| server.closed(now, id));
                    // What was written before goes out, as far as anybody reads it.
                    shared.writers.borrow_mut().remove(&id);
                }
                Ok(_) => {
                    let bytes = buffer.split();
                    shared.act(|server, now| server.received(now, id, &bytes));
                }
            },
        }
    }
    if !at_end {
        shared.act(|server, now| server.closed(now, id));
    }
    shared.writers.borrow_mut().remove(&id);
    // The peer is told the end; that it may be gone is no matter.
    let _ = writer.shutdown().await;
    linger(&mut reader).await;
}

/// Reads what is still on its way for a moment, so that closing does not reset the connection and take away what the
/// peer has not read yet.
async fn linger(reader: &mut (impl AsyncRead + Unpin)) {
    let drain = async {
        let mut rest = [0; 1024];
        while reader.read(&mut rest).await.is_ok_and(|n| n > 0) {}
    };
    let _ = tokio::time::timeout(Duration::from_millis(500), drain).await;
}
