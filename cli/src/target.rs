//! Target files by name or path, and the brokers that they start.

use crate::{
    args::Tls,
    exit::{CliError, Result},
    screen,
};
use squall_conformance::{
    ClientTls, Problem, Process, Target, TargetFile, bundled_target, target_names,
};
use squall_scenarios::{diagnostic::Diagnostic, did_you_mean};
use std::{fs, io::Read, path::Path, rc::Rc, sync::Once};

/// Largest target file that is read, in bytes.
const MOST_BYTES: u64 = 1 << 20;

/// The target file that comes with Squall under this name, or the file at this path.
pub(crate) fn named(name: &str) -> Result<TargetFile> {
    if let Some(read) = bundled_target(name) {
        let text = squall_conformance::target_text(name).unwrap_or_default();
        return read.map_err(|problems| refused(text, problems));
    }
    let path = Path::new(name);
    let text = text(path).map_err(|error| nothing_there(name, &error))?;
    TargetFile::read(name, &text).map_err(|problems| refused(&text, problems))
}

fn text(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = fs::File::open(path)?;
    if file.take(MOST_BYTES + 1).read_to_string(&mut text)? as u64 > MOST_BYTES {
        return Err(std::io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}

fn nothing_there(name: &str, error: &std::io::Error) -> CliError {
    let near = did_you_mean(name, target_names());
    let help = near.unwrap_or_else(|| {
        "`squall list targets` has the names of those that come with Squall; a file of your own is named by its path"
            .to_owned()
    });
    CliError::input(format!(
        "no target is called `{name}`, and it is no file: {error}"
    ))
    .help(help)
}

/// What is wrong with a target file, underlined.
fn refused(text: &str, problems: Vec<Problem>) -> CliError {
    let shown = |problem: Problem| {
        let diagnostic =
            Diagnostic::new(problem.file, text.to_owned(), problem.message).label(problem.span, "");
        match problem.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    };
    CliError::from_diagnostics(problems.into_iter().map(shown).collect())
}

/// A broker that is to be judged.
pub(crate) struct Judgeable {
    pub(crate) target: Target,
    pub(crate) file: Option<TargetFile>,
    /// What has to be started first, and stopped in the end.
    pub(crate) process: Option<Rc<Process>>,
}

impl Judgeable {
    /// The broker at an address.
    pub(crate) fn at(url: &str, tls: &Tls) -> Result<Self> {
        Ok(Self {
            target: parsed(url, tls)?,
            file: None,
            process: None,
        })
    }

    /// A product that runs already, at `url` or where its file says, or one that has to be started.
    pub(crate) fn of(file: TargetFile, url: Option<&str>, tls: &Tls) -> Result<Self> {
        let credentials = file.credentials.as_ref();
        let process = |recipe| {
            Process::new(recipe, file.credentials.clone())
                .map(Rc::new)
                .map_err(|error| CliError::input(error.to_string()))
        };
        let (target, own) = match (url, &file.address) {
            (Some(url), _) => (parsed(url, tls)?, false),
            (None, Some(address)) if file.recipe.start.is_some() => {
                let process = process(file.recipe.clone())?;
                let target = parsed(&process.fill(address), tls)?.with_credentials(credentials);
                let target = target.with_process(Rc::clone(&process));
                return Ok(Self {
                    target,
                    process: Some(process),
                    file: Some(file),
                });
            }
            (None, Some(address)) => (parsed(address, tls)?, true),
            (None, None) => {
                return Err(
                    CliError::input("the target's file has neither `start` nor `address`")
                        .help("say where the product runs: --broker mqtt://127.0.0.1:1883"),
                );
            }
        };
        let target = target.with_credentials(credentials);
        let target = match &file.recipe.restart {
            // Somebody else runs it where the file says, and lets us start it anew.
            Some(_) if own || file.recipe.start.is_none() => {
                target.with_process(process(file.recipe.clone())?)
            }
            _ => target,
        };
        Ok(Self {
            target,
            process: None,
            file: Some(file),
        })
    }
}

/// That nobody is checked was said.
static SAID: Once = Once::new();

/// The broker at an address, with TLS as it was asked for.
pub(crate) fn parsed(url: &str, tls: &Tls) -> Result<Target> {
    let target = Target::parse(url).map_err(|error| CliError::input(error.to_string()))?;
    let settings = tls.settings();
    if !target.is_encrypted() {
        return match settings.is_default() {
            true => Ok(target),
            false => Err(CliError::input(format!(
                "{target} is without TLS, so nothing that is said about TLS has a meaning"
            ))
            .help("write mqtts:// or wss:// for TLS, or leave --ca, --cert, --key, --server-name and --insecure out")),
        };
    }
    if settings.insecure {
        // Once, however many servers of a product there are.
        SAID.call_once(|| {
            screen::complain(
                "warning: --insecure: whoever answers is trusted, without a look at the certificate",
            );
        });
    }
    let tls = ClientTls::new(&settings).map_err(|error| CliError::input(error.to_string()))?;
    Ok(target.with_tls(tls))
}
