//! Programs that others wrote, and what is to be had of them on this machine.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether tests have to be played here.
pub(crate) fn is_needed() -> bool {
    std::env::var_os("SQUALL_NEEDS_TOOLS").is_some()
}

/// Says that something is missing, or fails.
pub(crate) fn missing(what: &str, why: &str) {
    assert!(!is_needed(), "{what} has to be installed here: {why}");
    eprintln!("{what} is not installed, so nothing is tested: {why}");
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where other people's clients are installed, as clients/README.md says.
pub(crate) fn installed() -> PathBuf {
    match std::env::var_os("SQUALL_CLIENTS") {
        Some(folder) => folder.into(),
        None => root().join("target/clients"),
    }
}

/// A program that can be started here, if it is there.
pub(crate) fn program(name: impl AsRef<Path>) -> Option<PathBuf> {
    let name = name.as_ref();
    let found = Command::new(name)
        .arg("--help")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match found {
        Ok(_) => Some(name.to_owned()),
        Err(error) => {
            missing(&name.display().to_string(), &error.to_string());
            None
        }
    }
}

/// Starts it, with both outputs for the test.
pub(crate) fn begin(command: &mut Command) -> Child {
    let begun = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    begun.unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// What it says and how it ends, within a generous time.
pub(crate) fn end(mut child: Child, what: &str) -> Output {
    let begun = Instant::now();
    let over = |child: &mut Child| -> io::Result<bool> { Ok(child.try_wait()?.is_some()) };
    while !over(&mut child).expect("it is ours") {
        if begun.elapsed() > PATIENCE {
            // Whatever it has to say is worth more than its end.
            let _ = child.kill();
            let said = child.wait_with_output().expect("it ends");
            panic!("{what} does not end: {}", words(&said));
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().expect("it has ended")
}

/// Runs it to a good end.
#[track_caller]
pub(crate) fn done(command: &mut Command) -> Output {
    let what = format!("{command:?}");
    let output = end(begin(command), &what);
    assert!(output.status.success(), "{what}: {}", words(&output));
    output
}

/// Both outputs.
pub(crate) fn words(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}
