//! The process of a target that Squall runs itself: started on free ports of loopback in a scratch folder, ended with all
//! its children, started anew when it was lost.
//!
//! Each life has its own process group, so ending it by number ends its children too, and nobody else.

use super::{
    credentials::connect,
    groups,
    recipe::{PORTS, Place, Recipe},
    unreachable::Unreachable,
};
use squall_client::probe::{Heard, Probe};
use squall_protocol::{Packet, Version};
use squall_transport::{Credentials, Endpoint};
use std::{
    cell::{Cell, RefCell},
    fs::{self, File},
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// How long a target that was asked to end may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a process is looked at.
const GLANCE: Duration = Duration::from_millis(20);
/// How long one CONNECT of the start waits for its answer.
pub(super) const ANSWER: Duration = Duration::from_secs(1);
/// Lines and bytes of a target's output that are quoted.
const MOST_LINES: usize = 8;
const MOST_BYTES: usize = 2048;

/// A target's process, its ports and its folder. It ends with this value at the latest.
#[derive(Debug)]
pub struct Process {
    recipe: Recipe,
    credentials: Option<Credentials>,
    ports: [u16; PORTS],
    root: TempDir,
    /// Where it answers; one on loopback and its first port, or where somebody else runs it.
    endpoint: RefCell<Endpoint>,
    /// How often it was started.
    lives: Cell<u32>,
    folder: RefCell<PathBuf>,
    child: RefCell<Option<Child>>,
    /// How the last one ended.
    ended: Cell<Option<ExitStatus>>,
}

/// Why a target does not run.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each says it")]
pub enum ProcessError {
    #[error("no scratch folder or free port for the target: {0}")]
    Place(#[source] io::Error),
    #[error("the target's file `{0}` cannot be written: {1}")]
    File(String, #[source] io::Error),
    #[error("`{0}` cannot be run: {1}")]
    Run(String, #[source] io::Error),
    #[error("the target ended before it answered a CONNECT ({0}){1}")]
    Ended(ExitStatus, String),
    #[error("the target did not answer a CONNECT within {0:?}{1}")]
    Late(Duration, String),
    #[error("the command that starts the target anew failed ({0})")]
    Failed(ExitStatus),
    #[error("nothing says how the target is started anew")]
    NoWay,
    #[error("{0}")]
    Nowhere(#[from] Unreachable),
}

impl Process {
    /// Finds ports and a folder; nothing runs yet.
    ///
    /// # Errors
    /// When the machine has none.
    pub fn new(recipe: Recipe, credentials: Option<Credentials>) -> Result<Self, ProcessError> {
        let ports = free_ports().map_err(ProcessError::Place)?;
        let root = tempfile::Builder::new().prefix("squall-target-").tempdir();
        let root = root.map_err(ProcessError::Place)?;
        let endpoint = Endpoint::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, ports[0])));
        Ok(Self {
            recipe,
            credentials,
            ports,
            folder: RefCell::new(root.path().to_owned()),
            root,
            endpoint: RefCell::new(endpoint),
            lives: Cell::new(0),
            child: RefCell::new(None),
            ended: Cell::new(None),
        })
    }

    /// The text of a target file with the ports and the folder of this process.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        let dir = self.folder.borrow().clone();
        self.place(&dir).fill(text)
    }

    /// Where it answers.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint.borrow().clone()
    }

    /// Starts it for the first time and waits until it answers a CONNECT. When this is given up, it ends with `self`.
    ///
    /// # Errors
    /// When it cannot be run, ends at once, or takes longer than its file allows.
    pub async fn start(&self) -> Result<(), ProcessError> {
        let start = self.recipe.start.clone().ok_or(ProcessError::NoWay)?;
        self.live(&start, true).await
    }

    /// Somebody else runs it at `endpoint`, and the file says how it is started anew.
    pub(crate) fn stands_at(&self, endpoint: Endpoint) {
        self.endpoint.replace(endpoint);
    }

    /// Ends what is left of it and starts it anew.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub(crate) async fn restart(&self) -> Result<(), ProcessError> {
        match (&self.recipe.start, &self.recipe.restart) {
            (Some(start), again) => {
                self.stop().await;
                let command = again.as_ref().unwrap_or(start);
                self.live(command, again.is_none()).await
            }
            (None, Some(again)) => {
                let dir = self.folder.borrow().clone();
                let status = self.finished(again, &dir).await?;
                match status.success() {
                    true => self.answers(&dir).await,
                    false => Err(ProcessError::Failed(status)),
                }
            }
            (None, None) => Err(ProcessError::NoWay),
        }
    }

    /// How it ended, if it did by itself.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        if let Some(child) = self.child.borrow_mut().as_mut()
            && let Ok(Some(status)) = child.try_wait()
        {
            self.ended.set(Some(status));
        }
        self.ended.get()
    }

    /// Ends it, as its file says: asks first, insists after 20 s. Nothing of it runs after that.
    pub async fn stop(&self) {
        let Some(child) = self.child.take() else {
            return;
        };
        let pid = child.id();
        // From here on it is ended whatever happens.
        let mut child = Ending { child };
        if matches!(child.child.try_wait(), Ok(None)) {
            let dir = self.folder.borrow().clone();
            match &self.recipe.stop {
                Some(command) => drop(self.finished_for(command, &dir, pid).await),
                None => ask(pid),
            }
            if !child.is_over(PATIENCE).await
                && let Some(command) = &self.recipe.kill
            {
                drop(self.finished_for(command, &dir, pid).await);
                child.is_over(PATIENCE).await;
            }
        }
    }

    fn place<'a>(&'a self, dir: &'a Path) -> Place<'a> {
        let ports = &self.ports;
        Place { ports, dir }
    }

    /// One life: in a folder of its own if `anew`.
    async fn live(&self, command: &str, anew: bool) -> Result<(), ProcessError> {
        self.lives.set(self.lives.get() + 1);
        if anew {
            let dir = self.root.path().join(self.lives.get().to_string());
            fs::create_dir(&dir).map_err(ProcessError::Place)?;
            for (name, text) in &self.recipe.files {
                let text = self.place(&dir).fill(text);
                fs::write(dir.join(name), text)
                    .map_err(|error| ProcessError::File(name.clone(), error))?;
            }
            self.folder.replace(dir);
        }
        let dir = self.folder.borrow().clone();
        self.ended.set(None);
        let child = self.spawn(command, &dir, None)?;
        self.child.replace(Some(child));
        self.answers(&dir).await
    }

    /// Runs a command in a process group of its own, with its output in the folder.
    fn spawn(&self, command: &str, dir: &Path, pid: Option<u32>) -> Result<Child, ProcessError> {
        let failed = |error| ProcessError::Run(command.to_owned(), error);
        let place = self.place(dir);
        let log = File::options()
            .create(true)
            .append(true)
            .open(dir.join(LOG))
            .map_err(failed)?;
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(place.fill(command))
            .current_dir(dir)
            .env("DIR", dir)
            .envs(place.variables())
            .envs(pid.map(|pid| ("PID", pid.to_string())))
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log);
        alone(&mut shell);
        let child = shell.spawn().map_err(failed)?;
        groups::enter(child.id());
        Ok(child)
    }

    /// Runs a command to its end, for as long as a start may take.
    async fn finished(&self, command: &str, dir: &Path) -> Result<ExitStatus, ProcessError> {
        let child = self.spawn(command, dir, None)?;
        self.over(child, command).await
    }

    async fn finished_for(
        &self,
        command: &str,
        dir: &Path,
        pid: u32,
    ) -> Result<ExitStatus, ProcessError> {
        let child = self.spawn(command, dir, Some(pid))?;
        self.over(child, command).await
    }

    async fn over(&self, child: Child, command: &str) -> Result<ExitStatus, ProcessError> {
        let mut child = Ending { child };
        child.is_over(self.recipe.ready.max(PATIENCE)).await;
        match child.child.try_wait() {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err(ProcessError::Run(
                command.to_owned(),
                io::ErrorKind::TimedOut.into(),
            )),
            Err(error) => Err(ProcessError::Run(command.to_owned(), error)),
        }
    }

    /// Waits until it answers a CONNECT of either version.
    async fn answers(&self, dir: &Path) -> Result<(), ProcessError> {
        let until = Instant::now() + self.recipe.ready;
        let endpoint = self.endpoint.borrow().clone();
        let owned = self.child.borrow().is_some();
        for version in Version::ALL.into_iter().cycle() {
            if owned && let Some(status) = self.ended() {
                return Err(ProcessError::Ended(status, last_words(dir)));
            }
            if lets_somebody_in(&endpoint, version, self.credentials.as_ref()).await {
                return Ok(());
            }
            if Instant::now() >= until {
                break;
            }
            sleep(GLANCE).await;
        }
        Err(ProcessError::Late(self.recipe.ready, last_words(dir)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            drop(Ending { child });
        }
    }
}

/// Whether a CONNECT is answered by a server that is ready: one that lets the client in, or refuses what is asked of it
/// and not for want of readiness.
async fn lets_somebody_in(
    endpoint: &Endpoint,
    version: Version,
    credentials: Option<&Credentials>,
) -> bool {
    let Ok(mut probe) = Probe::connect(endpoint.clone(), ANSWER).await else {
        return false;
    };
    let first = connect(version, "squallready", credentials);
    if probe.send(&Packet::Connect(Box::new(first))).await.is_err() {
        return false;
    }
    match probe.next(ANSWER).await {
        Heard::Packet(Packet::ConnAck(connack)) => {
            // Server unavailable, in 3.1.1 and 5.0; and Server busy.
            let ready = !matches!(connack.reason.0, 0x03 | 0x88 | 0x89);
            probe.disconnect(ANSWER).await;
            ready
        }
        _ => false,
    }
}

/// A process that is about to end: at the end of this value nothing of its group is left.
struct Ending {
    child: Child,
}

impl Ending {
    /// Whether it ends within this time.
    async fn is_over(&mut self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        while Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            sleep(GLANCE).await;
        }
        false
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        groups::end(self.child.id());
        // Where there are no groups; and so that no entry of it stays in the system's table.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ports of loopback that nobody has now.
fn free_ports() -> io::Result<[u16; PORTS]> {
    let mut ports = [0; PORTS];
    // All at once, so that they differ.
    let mut held = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// What a target printed goes here, below its folder.
const LOG: &str = "squall-output.log";

/// The last lines of what a target printed, for a message.
fn last_words(dir: &Path) -> String {
    let bytes = fs::read(dir.join(LOG)).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(MOST_BYTES)..]);
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(MOST_LINES)..];
    match last.is_empty() {
        true => "; it printed nothing".to_owned(),
        false => format!("; its last words:\n  {}", last.join("\n  ")),
    }
}

#[cfg(unix)]
fn alone(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(not(unix))]
fn alone(_: &mut Command) {}

#[cfg(unix)]
fn ask(pid: u32) {
    groups::signal(pid, rustix::process::Signal::TERM);
}

#[cfg(not(unix))]
fn ask(_: u32) {}

/// Ends all processes that were started here, at once. For a program that is about to end without unwinding.
pub fn end_all_processes() {
    groups::end_all();
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn recipe(start: &str) -> Recipe {
        Recipe {
            files: BTreeMap::from([("greeting".to_owned(), "port {port}\n".to_owned())]),
            start: Some(start.to_owned()),
            stop: None,
            kill: None,
            restart: None,
            ready: Duration::from_millis(300),
        }
    }

    fn started(start: &str) -> (Process, ProcessError) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let process = Process::new(recipe(start), None).unwrap();
        let error = runtime.block_on(process.start()).unwrap_err();
        (process, error)
    }

    #[test]
    fn a_target_that_ends_at_once_is_quoted() {
        let (_, error) = started("cat greeting; echo $PORT; exit 7");
        let text = error.to_string();
        assert!(
            text.contains("exit status: 7") && text.contains("port "),
            "{text}"
        );
    }

    #[test]
    fn a_target_that_is_never_ready_ends_with_its_children() {
        let (process, error) = started("sleep 600 & echo $! > child; wait");
        assert!(error.to_string().contains("did not answer"), "{error}");
        let child = fs::read_to_string(process.folder.borrow().join("child")).unwrap();
        let lives = || Path::new("/proc").join(child.trim()).join("exe").exists();
        assert!(lives() || !Path::new("/proc/self").exists());
        drop(process);
        let until = std::time::Instant::now() + Duration::from_secs(10);
        while lives() && std::time::Instant::now() < until {
            std::thread::sleep(GLANCE);
        }
        assert!(!lives());
    }
}
