//! Who may come in and what they may do, from the files that say so.

use crate::{
    exit::{CliError, Result},
    settings::Settings,
};
use squall_broker::{
    AsidePasswords,
    security::{Access, Passwords, Scram, Security},
};
use std::{fs::File, io::Read, path::Path, sync::Arc};

/// Largest file that is read, in bytes: some 600,000 users.
const MOST_BYTES: u64 = 128 << 20;

/// Reads the files; gives who verifies passwords, if they are to be.
pub(super) fn open(settings: &Settings, security: &mut Security) -> Result<Option<AsidePasswords>> {
    if let Some(place) = &settings.access_file {
        let text = text(place.path(), "access file", "--access-file")?;
        let access = Access::parse(&place.to_string(), &text);
        let access = access.map_err(|error| CliError::input(error.to_string()))?;
        security.access = Some(Arc::new(access));
    }
    if security.certificate_is_user && settings.client_ca.is_none() {
        return Err(CliError::input(
            "certificates of clients are not verified, so they name no user",
        )
        .help("say which CA signs them: --client-ca FILE"));
    }
    let Some(place) = &settings.password_file else {
        return Ok(None);
    };
    let text = text(place.path(), "password file", "--password-file")?;
    let passwords = Passwords::parse(&place.to_string(), &text)
        .map_err(|error| CliError::input(error.to_string()))?;
    security.passwords = true;
    let records = passwords.scram();
    if !records.is_empty() {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)
            .map_err(|e| CliError::input(format!("the system has no randomness: {e}")))?;
        security.scram = Some(Arc::new(Scram::new(records, seed)));
    }
    let at_once = settings.verify_at_once.map_or(1, |number| number.0);
    Ok(Some(AsidePasswords::new(passwords, at_once.into())))
}

fn text(path: &Path, what: &str, flag: &str) -> Result<String> {
    let mut text = String::new();
    let read =
        File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_string(&mut text));
    let read = read.and_then(|bytes| match bytes as u64 > MOST_BYTES {
        true => Err(std::io::Error::other("it is larger than 128 MiB")),
        false => Ok(()),
    });
    read.map_err(|error| {
        CliError::input(format!(
            "cannot read the {what} {}: {error}",
            path.display()
        ))
        .help(format!(
            "name another file with {flag}, or check its permissions"
        ))
    })?;
    Ok(text)
}
