//! Brokers in processes of their own.

use crate::peer::Peer;
use bytes::Bytes;
use squall_broker::{
    Broker, Config, Durable, Server,
    store::{Aside, Batch, Key, Redb, Store, StoreError},
};
use squall_protocol::Time;
use std::{
    cell::RefCell,
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;
use tokio::sync::Notify;

/// Whose broker it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Squall,
    /// The same with a store in a file.
    Stored,
    Mosquitto,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Squall, Self::Stored, Self::Mosquitto];
}

/// The server of a child process: says where it listens, then answers each line with how often it has stored, and ends
/// with its standard input.
pub(crate) fn serve(store: Option<&Path>) -> io::Result<()> {
    let stores = Arc::new(AtomicU64::new(0));
    let asked = Arc::clone(&stores);
    thread::spawn(move || {
        for _ in io::stdin().lines().map_while(Result::ok) {
            println!("{}", asked.load(Relaxed));
        }
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let config = Config::default();
        let server = match store {
            None => Server::new(Broker::new(config)),
            Some(path) => stored(config, path, stores)?,
        };
        println!("{}", listener.local_addr()?);
        server.run(listener).await
    })
}

fn stored(config: Config, path: &Path, stores: Arc<AtomicU64>) -> io::Result<Server> {
    let wake = Arc::new(Notify::new());
    let inner = Redb::open(path).map_err(io::Error::other)?;
    let store = Aside::new(Counted { inner, stores }, Arc::clone(&wake));
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = Time::ZERO + since_1970.map_err(io::Error::other)?;
    let broker = Durable::open(config, store, now).map_err(io::Error::other)?;
    Ok(Server::new(broker).stored(wake).starts_at(now))
}

/// A store that counts its batches, each of which is synced once.
#[derive(Debug)]
struct Counted {
    inner: Redb,
    stores: Arc<AtomicU64>,
}

impl Store for Counted {
    fn load(&mut self) -> Result<Vec<(Key, Bytes)>, StoreError> {
        self.inner.load()
    }

    fn store(&mut self, now: Time, batch: Batch) -> Result<(), StoreError> {
        self.stores.fetch_add(1, Relaxed);
        self.inner.store(now, batch)
    }

    fn stored(&mut self, now: Time) -> Result<usize, StoreError> {
        self.inner.stored(now)
    }
}

/// A broker in a process of its own.
pub(crate) struct House {
    address: SocketAddr,
    process: Child,
    /// How it is asked how often it has stored.
    counter: Option<RefCell<(ChildStdin, BufReader<ChildStdout>)>>,
    _folder: TempDir,
}

impl House {
    /// Starts it; nothing when it is not installed.
    pub(crate) fn open(kind: Kind) -> io::Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        match kind {
            Kind::Mosquitto => Self::mosquitto(folder),
            Kind::Squall | Kind::Stored => Self::squall(kind, folder).map(Some),
        }
    }

    fn squall(kind: Kind, folder: TempDir) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve");
        if kind == Kind::Stored {
            command.arg(folder.path().join("store"));
        }
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(asks), Some(says)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(io::Error::other("the child has no pipes"));
        };
        let mut says = BufReader::new(says);
        let mut line = String::new();
        says.read_line(&mut line)?;
        Ok(Self {
            address: line.trim().parse().map_err(io::Error::other)?,
            process,
            counter: Some(RefCell::new((asks, says))),
            _folder: folder,
        })
    }

    /// Mosquitto without limits on what is in flight and what waits.
    fn mosquitto(folder: TempDir) -> io::Result<Option<Self>> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = folder.path().join("mosquitto.conf");
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\n\
             set_tcp_nodelay true\npersistence false\nlog_type none\n"
        );
        std::fs::write(&config, text)?;
        let places = ["mosquitto", "/usr/sbin/mosquitto"];
        let spawned = places.into_iter().find_map(|place| {
            let mut command = Command::new(place);
            command.arg("-c").arg(&config).stderr(Stdio::null());
            command.spawn().ok()
        });
        let Some(process) = spawned else {
            return Ok(None);
        };
        let house = Self {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            process,
            counter: None,
            _folder: folder,
        };
        let begun = Instant::now();
        while TcpStream::connect(house.address).is_err() {
            if begun.elapsed() > Duration::from_secs(5) {
                return Err(io::Error::other("mosquitto does not listen"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(Some(house))
    }

    /// A client that was accepted.
    pub(crate) fn join(&self, client_id: &str) -> io::Result<Peer> {
        Peer::join(self.address, client_id)
    }

    /// How often it has stored; nothing for a broker that does not say so.
    pub(crate) fn stores(&self) -> io::Result<Option<u64>> {
        let Some(counter) = &self.counter else {
            return Ok(None);
        };
        let (asks, says) = &mut *counter.borrow_mut();
        asks.write_all(b"\n")?;
        let mut line = String::new();
        says.read_line(&mut line)?;
        Ok(line.trim().parse().ok())
    }

    /// Time of a processor that it has used, in hundredths of a second.
    pub(crate) fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()));
        let stat = stat.unwrap_or_default();
        // The name, in parentheses, may have spaces.
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        let fields = after.split_whitespace().skip(11).take(2);
        fields.filter_map(|field| field.parse::<u64>().ok()).sum()
    }

    /// Memory that it has resident, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        kib.unwrap_or(0)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
