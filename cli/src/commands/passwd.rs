//! `squall passwd`: the users of a password file.

use crate::{
    args::Passwd,
    exit::{CliError, Ending, Result},
    screen,
};
use squall_broker::security::{
    Passwords,
    passwords::{self, Cost},
    scram::Record,
};
use std::{
    fs,
    io::{self, BufRead, IsTerminal, Read, Write},
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// Largest file that is read, in bytes, as the broker has it.
const MOST_BYTES: u64 = 128 << 20;
/// The longest password that MQTT can say, in bytes.
const LONGEST: u64 = 65_535;

pub(crate) fn run(args: &Passwd) -> Result<Ending> {
    let file = Existing::read(&args.file)?;
    let name = args.file.display().to_string();
    passwords::check_user(&args.user).map_err(CliError::input)?;
    let refused = |error: squall_broker::security::FileError| CliError::input(error.to_string());
    let known = Passwords::parse(&name, &file.text).map_err(refused)?;
    let is_known = known.knows(&args.user);
    let lines = match args.delete {
        true if !is_known => {
            return Err(CliError::input(format!(
                "{name} has no user `{}`",
                args.user
            )));
        }
        true => Vec::new(),
        false => {
            let scram = args.scram || known.scram().contains_key(&args.user);
            lines(&args.user, &password(&args.user)?, scram)?
        }
    };
    let text = passwords::replace(&name, &file.text, &args.user, &lines).map_err(refused)?;
    let write = file.replace(&text);
    write.map_err(|error| {
        CliError::input(format!("cannot write {name}: {error}"))
            .help("the file is as it was; check the permissions of its folder")
    })?;
    let done = match (args.delete, is_known) {
        (true, _) => "is gone",
        (false, true) => "has a new password",
        (false, false) => "was added",
    };
    screen::complain(&format!("user `{}` {done}", args.user));
    Ok(Ending::Good)
}

/// The lines of a user with this password.
fn lines(user: &str, password: &[u8], scram: bool) -> Result<Vec<String>> {
    let line = passwords::line(user, password, &salt()?, Cost::default());
    let mut lines = vec![line.map_err(CliError::input)?];
    if scram {
        let record = match std::str::from_utf8(password) {
            Ok(text) => Record::new(text, &salt()?, Record::ITERATIONS),
            Err(_) => Err("a password for SCRAM has to be printable ASCII".to_owned()),
        };
        let record = record.map_err(|why| {
            CliError::input(why)
                .help("choose another one, or take the user out and add it without --scram")
        })?;
        lines.push(record.line(user));
    }
    Ok(lines)
}

fn salt() -> Result<[u8; 16]> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt)
        .map_err(|e| CliError::input(format!("the system has no randomness: {e}")))?;
    Ok(salt)
}

/// Asks on a terminal, twice; else takes the first line of standard input.
fn password(user: &str) -> Result<Vec<u8>> {
    let unread = |e: io::Error| CliError::input(format!("cannot read the password: {e}"));
    let said = match io::stdin().is_terminal() {
        true => {
            let ask = |what: &str| rpassword::prompt_password(what).map_err(unread);
            let first = ask(&format!("Password of {}: ", user.escape_debug()))?;
            if ask("The same again: ")? != first {
                return Err(CliError::input(
                    "the two passwords differ; nothing was changed",
                ));
            }
            first.into_bytes()
        }
        false => first_line(io::stdin().lock()).map_err(unread)?,
    };
    match said.len() as u64 {
        0 => Err(CliError::input(
            "the password is empty; nothing was changed",
        )),
        1..=LONGEST => Ok(said),
        _ => Err(CliError::input(
            "the password is longer than the 65,535 bytes that MQTT can say",
        )),
    }
}

/// The first line, without its end.
fn first_line(input: impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    input.take(LONGEST + 2).read_until(b'\n', &mut line)?;
    for end in [b'\n', b'\r'] {
        if line.last() == Some(&end) {
            line.pop();
        }
    }
    Ok(line)
}

fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let file = fs::File::open(path)?;
    match file.take(MOST_BYTES + 1).read_to_string(&mut text)? as u64 > MOST_BYTES {
        true => Err(io::Error::other("it is larger than 128 MiB")),
        false => Ok(text),
    }
}

/// A password file as it is.
struct Existing {
    /// Where it really is, so that a link stays one.
    path: PathBuf,
    text: String,
    /// Whose it is, if it is there.
    #[cfg(unix)]
    owner: Option<(u32, u32)>,
}

impl Existing {
    fn read(path: &Path) -> Result<Self> {
        let unread = |error: &io::Error| {
            CliError::input(format!("cannot read {}: {error}", path.display()))
                .help("name a password file, or one that is to be made")
        };
        let (place, text) = match fs::canonicalize(path) {
            Ok(place) if !place.is_file() => {
                return Err(unread(&io::Error::other("it is no ordinary file")));
            }
            Ok(place) => {
                let text = text(&place).map_err(|e| unread(&e))?;
                (place, text)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                (path.to_owned(), String::new())
            }
            Err(error) => return Err(unread(&error)),
        };
        Ok(Self {
            #[cfg(unix)]
            owner: {
                use std::os::unix::fs::MetadataExt;
                fs::metadata(&place)
                    .ok()
                    .map(|file| (file.uid(), file.gid()))
            },
            path: place,
            text,
        })
    }

    /// Puts a text in its place, whole: whoever reads meanwhile reads one or the other. Only its owner may read it.
    fn replace(&self, text: &str) -> io::Result<()> {
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        fs::metadata(folder)?;
        // Nobody but the owner may read what this makes.
        let mut beside = NamedTempFile::new_in(folder)?;
        beside.write_all(text.as_bytes())?;
        #[cfg(unix)]
        if let Some((user, group)) = self.owner {
            use std::os::unix::fs::{MetadataExt, chown};
            // A broker that runs as somebody else goes on reading it.
            let made = beside.as_file().metadata()?;
            if (made.uid(), made.gid()) != (user, group) {
                chown(beside.path(), Some(user), Some(group))?;
            }
        }
        beside.as_file().sync_all()?;
        beside.persist(&self.path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_a_line_without_its_end() {
        for (input, password) in [
            ("secret\nmore", "secret"),
            ("secret\r\n", "secret"),
            ("secret", "secret"),
            (" a b \n", " a b "),
            ("a\r\r\n", "a\r"),
            ("\n", ""),
            ("", ""),
        ] {
            assert_eq!(
                first_line(input.as_bytes()).unwrap(),
                password.as_bytes(),
                "{input:?}"
            );
        }
        let long = vec![b'x'; 1 << 20];
        assert!(first_line(&long[..]).unwrap().len() > 65_535);
    }
}
