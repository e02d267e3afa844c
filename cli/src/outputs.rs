//! Where results go: standard output first, then the files that were asked for.
//!
//! Every place is opened before any work is done for it. Each fails for itself: it is named, and all others are
//! written. A file appears whole or not at all, so that a reader never sees half of it; what is no ordinary file (a
//! device, a pipe) is written through and stays what it is, and so does a link.

use crate::{
    args,
    exit::{CliError, Result},
    screen,
};
use squall_reports::{
    Format, Report, SimResult, Sink,
    file::{beside, folder_of},
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};
use tempfile::NamedTempFile;

/// All places of one command.
pub(crate) struct Outputs {
    outputs: Vec<Output>,
    /// The summary goes to standard output in the end.
    text: bool,
}

struct Output {
    /// For messages.
    name: String,
    place: Place,
    /// Where it goes, until the first of it is written: an error before that leaves nothing there.
    waiting: Option<Waiting>,
    sink: Option<Box<dyn Sink>>,
    /// Why the rest of it was not written.
    failed: Option<io::Error>,
}

/// A report that was not begun yet.
struct Waiting {
    format: Format,
    out: Box<dyn Write>,
    head: Report,
}

enum Place {
    Stdout,
    /// Written beside its place, and moved there when it is whole.
    Aside(NamedTempFile, PathBuf),
    Through,
}

impl Outputs {
    /// Opens standard output in the format and each of the files. `inputs` must not be among them.
    ///
    /// # Errors
    /// When one of the files cannot be written, is named twice, or is an input.
    pub(crate) fn open(
        format: args::Format,
        files: &[(Format, PathBuf)],
        inputs: &[&Path],
        head: &Report,
    ) -> Result<Self> {
        let mut outputs = Vec::new();
        if format == args::Format::Json {
            let out = BufWriter::new(io::stdout());
            outputs.push(Output::new(
                "standard output",
                Place::Stdout,
                Format::JSON,
                Box::new(out),
                head,
            ));
        }
        let mut taken: Vec<PathBuf> = Vec::new();
        let inputs: Vec<PathBuf> = inputs
            .iter()
            .filter_map(|p| fs::canonicalize(p).ok())
            .collect();
        for (format, path) in files {
            let (place, file) = open(path)?;
            if let Place::Aside(_, target) = &place {
                let refused = |why: &str, help: &str| {
                    let message = format!("cannot write {}: {why}", path.display());
                    Err(CliError::input(message).help(help))
                };
                if taken.contains(target) {
                    return refused("it is named for two outputs", "give each a file of its own");
                }
                if inputs.contains(target) {
                    return refused("it is read in the same run", "name another file");
                }
                taken.push(target.clone());
            }
            let name = path.display().to_string();
            let out = Box::new(BufWriter::new(file));
            outputs.push(Output::new(&name, place, *format, out, head));
        }
        Ok(Self {
            outputs,
            text: format == args::Format::Text,
        })
    }

    /// Leaves standard output to something else, if it would have the summary.
    pub(crate) fn without_summary(mut self) -> Self {
        self.text = false;
        self
    }

    /// One run has ended.
    pub(crate) fn run(&mut self, run: &SimResult) {
        for output in &mut self.outputs {
            output.with(|sink| sink.run(run));
        }
    }

    /// Whether nobody reads what is still to come.
    pub(crate) fn is_unread(&self) -> bool {
        !self.text && self.outputs.iter().all(|o| o.failed.is_some())
    }

    /// Writes everything: verdicts on standard output first. Complains about each place that did not take it; false
    /// when there was one, but for a reader who has gone away.
    pub(crate) fn finish(self, report: &Report) -> bool {
        let mut written = true;
        if self.text
            && let Err(error) = screen::say(&screen::summary(report))
        {
            screen::complain(&format!("error: {}", error.message));
            written = false;
        }
        for output in self.outputs {
            let quiet = matches!(output.place, Place::Stdout);
            let name = output.name.clone();
            match output.finish(report) {
                Err(e) if quiet && e.kind() == io::ErrorKind::BrokenPipe => {}
                Err(e) => {
                    screen::complain(&format!("error: cannot write {name}: {e}"));
                    written = false;
                }
                Ok(()) => {}
            }
        }
        written
    }
}

impl Output {
    fn new(name: &str, place: Place, format: Format, out: Box<dyn Write>, head: &Report) -> Self {
        Self {
            name: name.to_owned(),
            place,
            waiting: Some(Waiting {
                format,
                out,
                head: head.clone(),
            }),
            sink: None,
            failed: None,
        }
    }

    /// Does something with the sink, unless it has failed before.
    fn with(&mut self, write: impl FnOnce(&mut dyn Sink) -> io::Result<()>) {
        if self.failed.is_some() {
            return;
        }
        let written = self.begin().and_then(|()| match &mut self.sink {
            Some(sink) => write(sink.as_mut()),
            None => Ok(()),
        });
        self.failed = written.err();
    }

    fn begin(&mut self) -> io::Result<()> {
        if let Some(Waiting { format, out, head }) = self.waiting.take() {
            self.sink = Some(format.begin(out, &head)?);
        }
        Ok(())
    }

    fn finish(mut self, report: &Report) -> io::Result<()> {
        if let Some(failed) = self.failed.take() {
            return Err(failed);
        }
        self.begin()?;
        if let Some(sink) = self.sink.take() {
            sink.finish(report)?;
        }
        match self.place {
            Place::Aside(temporary, target) => {
                temporary.persist(target).map(drop).map_err(|e| e.error)
            }
            Place::Stdout | Place::Through => Ok(()),
        }
    }
}

/// Opens what is no ordinary file. A pipe has a reader first, or is given up: waiting for one could take for ever.
fn open_through(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    let path = path.to_owned();
    let (opened, file) = mpsc::channel();
    // Opening a pipe cannot be broken off; the thread ends with the process.
    thread::Builder::new()
        .name("opens an output".to_owned())
        .spawn(move || opened.send(options.open(path)))?;
    file.recv_timeout(READER).unwrap_or_else(|_| {
        let why = format!("nobody has begun to read it within {READER:?}");
        Err(io::Error::new(io::ErrorKind::TimedOut, why))
    })
}

/// How long a pipe is waited for.
const READER: Duration = Duration::from_secs(3);

/// Opens the place that a path names.
fn open(path: &Path) -> Result<(Place, File)> {
    let refused = |why: String, help: &str| {
        CliError::input(format!("cannot write {}: {why}", path.display())).help(help)
    };
    const ELSEWHERE: &str = "name a file in a folder that can be written to";
    if path.as_os_str() == "-" {
        let why = "`-` is no file here".to_owned();
        return Err(refused(why, "--format json prints on standard output"));
    }
    let target = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => {
            return Err(refused("it is a folder".to_owned(), "name a file in it"));
        }
        Ok(found) if found.is_file() => path.to_owned(),
        // A link: to an ordinary file, which is replaced where it is, or to something else or to nothing yet.
        Ok(_) => match fs::canonicalize(path) {
            Ok(target) if target.is_dir() => {
                return Err(refused("it is a folder".to_owned(), "name a file in it"));
            }
            Ok(target) if target.is_file() => target,
            _ => {
                let file = open_through(path).map_err(|e| refused(e.to_string(), ELSEWHERE))?;
                return Ok((Place::Through, file));
            }
        },
        Err(e) if e.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(e) => return Err(refused(e.to_string(), ELSEWHERE)),
    };
    let folder = folder_of(&target);
    if !folder.is_dir() {
        let why = format!("there is no folder {}", folder.display());
        return Err(refused(why, "make the folder first"));
    }
    let opened = || {
        let name = target
            .file_name()
            .ok_or_else(|| io::Error::other("it names no file"))?;
        let whole = fs::canonicalize(folder)?.join(name);
        let temporary = beside(&target)?;
        let file = temporary.as_file().try_clone()?;
        Ok((Place::Aside(temporary, whole), file))
    };
    opened().map_err(|e: io::Error| refused(e.to_string(), ELSEWHERE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .expect("it can be read")
            .map(|e| {
                e.expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    fn open_all(files: &[(Format, &Path)], inputs: &[&Path]) -> Result<Outputs> {
        let head = Report::new("squall", "test");
        let files: Vec<_> = files.iter().map(|(f, p)| (*f, p.to_path_buf())).collect();
        Outputs::open(args::Format::Text, &files, inputs, &head)
    }

    #[test]
    fn a_file_appears_whole_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let path = dir.path().join("a.json");
        let outputs = open_all(&[(Format::JSON, &path)], &[]).expect("it can be written");
        assert!(!path.exists());
        drop(outputs);
        assert!(names(dir.path()).is_empty(), "given up, nothing is left");
        let output = open_all(&[(Format::JSON, &path)], &[]).expect("it can be written");
        for one in output.outputs {
            one.finish(&Report::new("squall", "test"))
                .expect("it is written");
        }
        assert_eq!(names(dir.path()), ["a.json"]);
        let text = fs::read_to_string(path).expect("it is there");
        assert!(
            serde_json::from_str::<serde_json::Value>(&text).is_ok(),
            "{text}"
        );
    }

    #[test]
    fn what_cannot_be_written_is_refused_at_once() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let at = |name: &str| dir.path().join(name);
        let long = at(&"x".repeat(300));
        let (one, input) = (at("one"), at("story.yaml"));
        fs::write(&input, "").expect("it can be written");
        let around = dir.path().join(".").join("one");
        let cases: [(&[(Format, &Path)], &str); 6] = [
            (&[(Format::HTML, &long)], "too long"),
            (&[(Format::HTML, dir.path())], "it is a folder"),
            (&[(Format::HTML, &at("no/one"))], "there is no folder"),
            (&[(Format::HTML, &at("story.yaml/one"))], "cannot write"),
            (
                &[(Format::HTML, &one), (Format::JSON, &around)],
                "two outputs",
            ),
            (&[(Format::HTML, &input)], "read in the same run"),
        ];
        for (files, expected) in cases {
            match open_all(files, &[&input]) {
                Ok(_) => panic!("{files:?} was taken"),
                Err(error) => assert!(error.message.contains(expected), "{}", error.message),
            }
        }
        assert_eq!(names(dir.path()), ["story.yaml"]);
    }
}
