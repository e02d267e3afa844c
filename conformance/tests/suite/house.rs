//! Servers of a test: each on a thread and a port of its own, gone when the test is over.

use squall_broker::{Broker, Config, Server};
use squall_conformance::{Options, RunError, Target, run_blocking};
use squall_protocol::Version;
use squall_reports::{CheckResult, Conformance};
use squall_saboteurs::{Switch, double::Double, serve::Handle};
use std::{future::Future, net::SocketAddr, sync::mpsc, thread::JoinHandle};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::{JoinSet, LocalSet},
};

/// A server that runs until it is dropped.
pub(crate) struct House {
    pub(crate) addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl House {
    /// Serves with what `serve` makes of a listener.
    pub(crate) fn open<F>(serve: impl FnOnce(TcpListener) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        let (tell, told) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            LocalSet::new().block_on(&runtime, async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    biased;
                    _ = stopped => {}
                    () = serve(listener) => {}
                }
            });
        });
        Self {
            addr: told.recv().unwrap(),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// The reference broker; or the double, with the fault that is named.
    pub(crate) fn broker(fault: Option<Switch>) -> Self {
        match fault {
            Some(_) => Self::double(fault),
            None => Self::configured(Config::default()),
        }
    }

    /// The double, with a fault if one is named.
    pub(crate) fn double(fault: Option<Switch>) -> Self {
        Self::open(move |listener| async move {
            let double = Handle::new(Double::new(fault));
            double.serve(listener).await.unwrap();
        })
    }

    /// The reference broker with other settings.
    pub(crate) fn configured(config: Config) -> Self {
        Self::open(move |listener| async move {
            let server = Server::new(Broker::new(config));
            server.run(listener).await.unwrap();
        })
    }

    /// A server of a few lines: `serve` gets each connection.
    pub(crate) fn fake<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        Self::open(move |listener| async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.spawn_local(serve(stream));
            }
        })
    }

    pub(crate) fn target(&self) -> Target {
        Target::parse(&format!("mqtt://{}", self.addr)).unwrap()
    }

    /// Runs checks here.
    pub(crate) fn conform(&self, options: &Options) -> Conformance {
        self.run(options).unwrap()
    }

    /// Runs checks here, where a server may also be none.
    pub(crate) fn run(&self, options: &Options) -> Result<Conformance, RunError> {
        run_blocking(&self.target(), options, |_| {}).map(|(conformance, _)| conformance)
    }

    /// Runs one check in one version.
    pub(crate) fn check(&self, id: &str, version: Version) -> CheckResult {
        let options = Options {
            versions: vec![version],
            only: vec![id.to_owned()],
            ..Options::default()
        };
        let mut results = self.conform(&options).results;
        assert_eq!(results.len(), 1, "{id} is one check in {version}");
        results.remove(0)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // A panic of the server is a failure of the test, unless the test is failing already.
            if thread.join().is_err() && !std::thread::panicking() {
                panic!("the server panicked");
            }
        }
    }
}

/// A result with its evidence, for assertions that fail.
pub(crate) fn story(result: &CheckResult) -> String {
    let evidence = &result.evidence;
    let lines = evidence.events.iter().map(|e| {
        let mark = if e.highlight { " <-- here" } else { "" };
        format!(
            "{:>6} ms {}: {}{mark}",
            e.at_ms, evidence.parties[e.from], e.label
        )
    });
    let lines: Vec<_> = lines.collect();
    let CheckResult {
        check,
        version,
        verdict,
        message,
        ..
    } = result;
    format!(
        "{check} ({version}): {verdict}: {message}\n{}",
        lines.join("\n")
    )
}
