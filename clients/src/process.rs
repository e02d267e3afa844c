//! An adapter's process: lines in, lines out, within limits. It does not know what the lines say.
//!
//! Nothing moves but while [`Process::line`] is polled, so an adapter that is not listened to waits, and none of its words
//! takes memory. The process and its children end with this value at the latest.

use crate::{command::Command, error::Trouble, groups::Group};
use bytes::{Buf, Bytes, BytesMut};
use std::{
    collections::VecDeque, pin::Pin, process::ExitStatus, process::Stdio, task, time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt},
    process::{Child, ChildStderr, ChildStdin, ChildStdout},
    select,
    time::{Instant, sleep_until},
};

/// How much an adapter may say, and how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest line in bytes, without its end.
    pub line: usize,
    /// Bytes of reports that nobody has asked for yet, of `log` events in all, and of operations that the adapter has not
    /// read.
    pub queue: usize,
    /// How long an operation may take that needs nobody but the adapter. One that waits for a broker may take any time: after
    /// each such time the adapter is asked whether it is alive.
    pub answer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line: 1 << 20,
            queue: 64 << 20,
            answer: Duration::from_secs(30),
        }
    }
}

/// How long a process that is about to end may take to say its last words.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Last lines that are kept of each stream, and bytes of each line.
const LINES: usize = 8;
const WIDTH: usize = 400;
/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;

/// What there is to hear.
#[derive(Debug)]
pub(crate) enum Heard {
    /// A line, without its end.
    Line(Bytes),
    /// The time is over.
    Late,
}

pub(crate) struct Process {
    child: Child,
    group: Option<Group>,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    outgoing: BytesMut,
    incoming: BytesMut,
    /// Bytes of `incoming` in which no end of a line was found.
    searched: usize,
    said: LastLines,
    complained: LastLines,
    /// How it ended, and until when what it wrote is waited for.
    over: Option<(Option<ExitStatus>, Instant)>,
    limits: Limits,
}

impl Process {
    /// Starts it in a process group of its own.
    ///
    /// # Errors
    /// [`Trouble::Start`].
    pub(crate) fn start(command: &Command, limits: Limits) -> Result<Self, Trouble> {
        let mut start = tokio::process::Command::new(command.program());
        start
            .args(command.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        start.process_group(0);
        let mut child = start.spawn().map_err(Trouble::Start)?;
        Ok(Self {
            group: child.id().map(Group::led_by),
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            child,
            outgoing: BytesMut::new(),
            incoming: BytesMut::new(),
            searched: 0,
            said: LastLines::default(),
            complained: LastLines::default(),
            over: None,
            limits,
        })
    }

    /// Gives it a line to read, at once if it does.
    ///
    /// # Errors
    /// [`Trouble::Unread`].
    pub(crate) fn write(&mut self, line: &[u8]) -> Result<(), Trouble> {
        self.outgoing.extend_from_slice(line);
        self.outgoing.extend_from_slice(b"\n");
        let mut cx = task::Context::from_waker(task::Waker::noop());
        while let Some(stdin) = &mut self.stdin
            && !self.outgoing.is_empty()
            && let task::Poll::Ready(written) = Pin::new(stdin).poll_write(&mut cx, &self.outgoing)
        {
            match written {
                Ok(count) => self.outgoing.advance(count),
                // Its end says why, or its silence.
                Err(_) => self.stdin = None,
            }
        }
        match self.outgoing.len() > self.limits.queue {
            true => Err(Trouble::Unread(self.limits.queue)),
            false => Ok(()),
        }
    }

    /// The next line, waited for until this time. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// When there will be no further line, or it is too long.
    pub(crate) async fn line(&mut self, until: Instant) -> Result<Heard, Trouble> {
        loop {
            if let Some(line) = self.cut()? {
                return Ok(Heard::Line(line));
            }
            let last_words = self.over.map(|(_, at)| at);
            let (stdin, outgoing) = (&mut self.stdin, &mut self.outgoing);
            select! {
                biased;
                () = at(last_words) => return Err(self.end()),
                // Whoever writes without end is not waited for longer.
                () = sleep_until(until) => return Ok(Heard::Late),
                written = async { stdin.as_mut().expect("it is open").write_buf(outgoing).await },
                    if stdin.is_some() && !outgoing.is_empty() =>
                {
                    if written.is_err() {
                        self.stdin = None;
                    }
                }
                read = read(&mut self.stdout, &mut self.incoming) => match read {
                    Ok(0) => {
                        self.stdout = None;
                        self.over.get_or_insert((None, Instant::now() + LAST_WORDS));
                    }
                    Ok(_) => {}
                    Err(error) => return Err(Trouble::Io(error)),
                },
                read = complain(&mut self.stderr, &mut self.complained) => {
                    if !read {
                        self.stderr = None;
                    }
                }
                status = self.child.wait(), if !matches!(self.over, Some((Some(_), _))) => {
                    let status = status.map_err(Trouble::Io)?;
                    self.over = Some((Some(status), Instant::now() + LAST_WORDS));
                }
            }
            if let Some((Some(_), _)) = self.over
                && self.stdout.is_none()
                && self.stderr.is_none()
            {
                return Err(self.end());
            }
        }
    }

    /// Closes its standard input and waits for its end; `None` when it goes on for longer.
    pub(crate) async fn ends(&mut self, limit: Duration) -> Option<ExitStatus> {
        self.stdin = None;
        self.outgoing.clear();
        let until = Instant::now() + limit;
        loop {
            match self.line(until).await {
                Ok(Heard::Line(_)) => {}
                Err(Trouble::Died(status)) => return Some(status),
                Ok(Heard::Late) | Err(_) => return None,
            }
        }
    }

    /// The last lines of standard output and of standard error.
    pub(crate) fn last_lines(&self) -> (Vec<String>, Vec<String>) {
        let mut said = self.said.clone();
        said.add(&self.incoming[..self.incoming.len().min(WIDTH)]);
        (said.all(), self.complained.all())
    }

    /// Ends it and all its children, at once.
    pub(crate) fn kill(&mut self) {
        if let Some(group) = self.group.take() {
            group.end();
        }
        let _ = self.child.start_kill();
    }

    fn end(&self) -> Trouble {
        match self.over {
            Some((Some(status), _)) => Trouble::Died(status),
            _ => Trouble::Closed,
        }
    }

    /// A whole line of what has arrived.
    fn cut(&mut self) -> Result<Option<Bytes>, Trouble> {
        let found = self.incoming[self.searched..]
            .iter()
            .position(|b| *b == b'\n');
        let length = found.map_or(self.incoming.len(), |at| self.searched + at);
        if length > self.limits.line {
            return Err(Trouble::LongLine(self.limits.line));
        }
        self.searched = length;
        if found.is_none() {
            return Ok(None);
        }
        let line = self.incoming.split_to(length + 1).freeze().slice(..length);
        self.searched = 0;
        self.said.add(&line);
        Ok(Some(line))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

async fn read(stdout: &mut Option<ChildStdout>, into: &mut BytesMut) -> std::io::Result<usize> {
    match stdout {
        Some(stdout) => {
            into.reserve(CHUNK);
            stdout.read_buf(into).await
        }
        None => std::future::pending().await,
    }
}

/// Reads some of standard error; `false` when it is over.
async fn complain(stderr: &mut Option<ChildStderr>, into: &mut LastLines) -> bool {
    let Some(stream) = stderr else {
        return std::future::pending().await;
    };
    let mut bytes = [0; 4096];
    match stream.read(&mut bytes).await {
        Ok(0) | Err(_) => false,
        Ok(count) => {
            into.stream(&bytes[..count]);
            true
        }
    }
}

/// The last lines of a stream, each cut short.
#[derive(Clone, Debug, Default)]
struct LastLines {
    lines: VecDeque<String>,
    open: Vec<u8>,
}

impl LastLines {
    fn stream(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            let text = piece.strip_suffix(b"\n");
            let room = (WIDTH + 1).saturating_sub(self.open.len());
            let more = text.unwrap_or(piece);
            self.open.extend_from_slice(&more[..more.len().min(room)]);
            if text.is_some() {
                let line = std::mem::take(&mut self.open);
                self.add(&line);
            }
        }
    }

    fn add(&mut self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(short(line));
    }

    fn all(&self) -> Vec<String> {
        let mut whole = self.clone();
        whole.add(&self.open);
        whole.lines.into()
    }
}

/// A line for a message, cut short.
pub(crate) fn short(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(&line[..line.len().min(WIDTH)]);
    match line.len() > WIDTH {
        true => format!("{text}…"),
        false => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_lines_are_few_and_short() {
        let mut last = LastLines::default();
        for number in 0..20 {
            last.stream(format!("line {number}\nnext").as_bytes());
        }
        let long = vec![b'x'; 100_000];
        last.stream(&long);
        let all = last.all();
        assert_eq!(all.len(), LINES);
        assert_eq!(all[0], "nextline 13");
        assert_eq!(all[LINES - 1].chars().count(), WIDTH + 1);
        assert!(last.open.len() <= WIDTH + 1);
    }
}
