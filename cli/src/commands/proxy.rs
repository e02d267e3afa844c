//! `squall proxy`: between clients and a broker.

use super::conform::runtime;
use crate::{
    args::Proxy,
    exit::{CliError, Ending, Result},
    screen,
    signals::Signals,
    target,
};
use squall_conformance::Target;
use squall_scenarios::{diagnostic::Diagnostic, load_file, wire};
use squall_sim::proxy::{
    self, Settings, Tally,
    capture::Capture,
    event::{Event, What},
    told::{self, Lines},
};
use squall_transport::Endpoint;
use std::{
    cell::RefCell,
    fs::File,
    path::Path,
    rc::Rc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{net::TcpListener, sync::Notify};

/// How long looking up the broker's name may take.
const LOOKING_UP: Duration = Duration::from_secs(10);

pub(crate) fn run(args: &Proxy) -> Result<Ending> {
    let settings = Settings {
        faults: faults(args)?,
        seed: args.seed,
    };
    let target = target::parsed(&args.to, &args.tls)?;
    if target.has_credentials() {
        return Err(CliError::input("the proxy says no user name to the broker")
            .help("leave it out of --to; what clients say is passed on"));
    }
    let capture = args.pcap.as_deref().map(captured).transpose()?;
    runtime()?.block_on(stand(args, &target, settings, capture))
}

/// The faults that were asked for.
fn faults(args: &Proxy) -> Result<Vec<wire::WireFault>> {
    let mut all = Vec::new();
    let mut problems: Vec<Diagnostic> = Vec::new();
    for text in &args.fault {
        match wire::read(text) {
            Ok(fault) => all.push(fault),
            Err(found) => problems.extend(found),
        }
    }
    if let Some(file) = &args.story {
        let root = file.parent().unwrap_or(Path::new(""));
        match load_file(file, root) {
            Ok(story) => {
                let (faults, left) = wire::of_story(&story);
                if faults.is_empty() {
                    screen::complain(
                        "the story has no fault that a wire can have: everything passes as it comes",
                    );
                }
                all.extend(faults);
                for left in left {
                    screen::complain(&format!("not taken over from the story: {left}"));
                }
            }
            Err(found) => problems.extend(found),
        }
    }
    match problems.is_empty() {
        true => Ok(all),
        false => Err(CliError::from_diagnostics(problems)),
    }
}

fn captured(path: &Path) -> Result<Capture<File>> {
    let file = File::create(path).and_then(Capture::new);
    file.map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::input(format!("cannot write {}: {error}", path.display()))
        .help("name another file with --pcap")
}

/// What the observer of events has to tell in the end.
#[derive(Default)]
struct Failed {
    /// Why standard output takes no more.
    screen: Option<CliError>,
    /// Why the capture takes no more.
    capture: Option<CliError>,
}

async fn stand(
    args: &Proxy,
    target: &Target,
    settings: Settings,
    capture: Option<Capture<File>>,
) -> Result<Ending> {
    let mut signals =
        Signals::new().map_err(|e| CliError::input(format!("cannot wait for signals: {e}")))?;
    let broker = reached(target).await?;
    let listener = TcpListener::bind(args.listen).await.map_err(|e| {
        CliError::unreachable(format!("cannot listen on {}: {e}", args.listen))
            .help("choose another port with --listen; port 0 takes a free one")
    })?;
    let here = listener
        .local_addr()
        .map_err(|e| CliError::unreachable(format!("the listener has no address: {e}")))?;
    let lines = Lines::new(screen::colour());
    match args.json {
        true => screen::say(
            &serde_json::json!({ "event": "listening", "address": here.to_string() }).to_string(),
        )?,
        false => screen::say(&format!("listening on mqtt://{here}, for {target}"))?,
    }
    let failed = Rc::new(RefCell::new(Failed::default()));
    let full = Rc::new(Notify::new());
    let observer = observer(args, lines, capture, Rc::clone(&failed), Rc::clone(&full));
    let stop = async {
        tokio::select! {
            biased;
            _ = signals.next() => {}
            // Nobody reads any more, or nobody can write.
            () = full.notified() => {}
        }
    };
    let tally = proxy::serve(listener, broker, settings, observer, stop).await;
    let failed = std::mem::take(&mut *failed.borrow_mut());
    if let Some(error) = failed.screen {
        return Err(error);
    }
    match args.json {
        true => screen::say(&told::json_summary(&tally).to_string())?,
        false => screen::say(&lines.summary(&tally))?,
    }
    if let Some(error) = &failed.capture {
        screen::complain(&format!("error: {}", error.message));
    }
    Ok(ending(&tally, failed.capture.is_none()))
}

/// The addresses of the broker, one of which takes a connection.
async fn reached(target: &Target) -> Result<Vec<Endpoint>> {
    let help = "start the broker, or check the address and the port";
    let broker = target
        .resolve(LOOKING_UP)
        .await
        .map_err(|error| CliError::unreachable(error.to_string()).help(help))?;
    match proxy::dial(&broker).await {
        Ok(_) => Ok(broker),
        Err(error) => {
            Err(CliError::unreachable(format!("cannot reach {target}: {error}")).help(help))
        }
    }
}

/// Prints and captures what happens.
fn observer(
    args: &Proxy,
    lines: Lines,
    mut capture: Option<Capture<File>>,
    failed: Rc<RefCell<Failed>>,
    full: Rc<Notify>,
) -> impl FnMut(&Event<'_>) + 'static {
    let (json, path) = (args.json, args.pcap.clone().unwrap_or_default());
    move |event| {
        let line = match json {
            true => told::json(event).map(|value| value.to_string()),
            false => lines.of(event),
        };
        if let Some(line) = line {
            match screen::show(&line) {
                Ok(true) => {}
                // Whoever read has gone away: there is nobody to tell.
                Ok(false) => full.notify_one(),
                Err(error) => {
                    failed.borrow_mut().screen.get_or_insert(error);
                    full.notify_one();
                }
            }
        }
        let worth = matches!(
            event.what,
            What::Opened(_) | What::Passed { .. } | What::Over { .. }
        );
        if let Some(Err(error)) = capture
            .as_mut()
            .filter(|_| worth)
            .map(|capture| capture.event(since_1970(), event))
        {
            // The rest of the conversation is worth seeing without a capture.
            capture = None;
            let error = unwritable(&path, &error);
            screen::complain(&format!(
                "warning: the capture ends here: {}",
                error.message
            ));
            failed.borrow_mut().capture = Some(error);
        }
    }
}

fn since_1970() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

fn ending(tally: &Tally, written: bool) -> Ending {
    if !tally.violations.is_empty() {
        return Ending::Failed;
    }
    if tally.unreached > 0 {
        return Ending::Unknown;
    }
    Ending::Good.if_written(written)
}
