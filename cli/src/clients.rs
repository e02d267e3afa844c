//! Adapters of MQTT clients, by name or by command.

use crate::exit::{CliError, Result};
use squall_clients::{Command, Listing, Places, listing, listing_names};
use squall_scenarios::did_you_mean;
use std::{env, path::Path};

/// The variable that says where clients are installed.
const VARIABLE: &str = "SQUALL_CLIENTS";

/// Where things are: adapters in a clone of Squall, clients where the variable says or in its target folder.
pub(crate) fn places() -> Places {
    let own =
        env::current_exe().map_or_else(|_| "squall".into(), |path| path.display().to_string());
    Places {
        adapters: "clients".to_owned(),
        installed: env::var(VARIABLE).unwrap_or_else(|_| "target/clients".to_owned()),
        squall: own,
    }
}

/// The adapter that comes with Squall under this name.
pub(crate) fn named(name: &str) -> Result<Option<Listing>> {
    match listing(name) {
        None => Ok(None),
        Some(Ok(listing)) => Ok(Some(listing)),
        Some(Err(error)) => Err(CliError::input(format!("clients/{name}.yaml: {error}"))),
    }
}

/// The command that these words stand for: a name of `squall list clients`, one line as a shell reads it, or words.
pub(crate) fn command(words: &[String]) -> Result<Command> {
    let refused = |error: squall_clients::CommandError| CliError::input(error.to_string());
    let [one] = words else {
        return Command::of(words).map_err(refused);
    };
    if let Some(listing) = named(one)? {
        return installed(one, &listing);
    }
    let command = Command::parse(one).map_err(refused)?;
    let is_one_word = command.arguments().is_empty();
    if is_one_word && !one.contains('/') && did_you_mean(one, listing_names()).is_some() {
        let near = did_you_mean(one, listing_names()).unwrap_or_default();
        return Err(CliError::input(format!("no adapter is called `{one}`")).help(near));
    }
    Ok(command)
}

/// The command of an adapter that comes with Squall, if what it needs is there.
fn installed(name: &str, listing: &Listing) -> Result<Command> {
    let places = places();
    let command = listing
        .command(&places)
        .map_err(|error| CliError::input(format!("clients/{name}.yaml: {error}")))?;
    let words = std::iter::once(command.program());
    let words = words.chain(command.arguments().iter().map(String::as_str));
    for word in words {
        let is_place = [&places.adapters, &places.installed]
            .iter()
            .any(|place| word.starts_with(*place));
        if is_place && !Path::new(word).exists() {
            let help = format!(
                "in a clone of Squall: {}; {VARIABLE} says where clients are installed",
                listing.install(&places).join(" && ")
            );
            return Err(CliError::unreachable(format!(
                "the adapter `{name}` is not installed here: there is no {word}"
            ))
            .help(help));
        }
    }
    Ok(command)
}
