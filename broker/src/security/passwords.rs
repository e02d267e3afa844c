//! The password file: who the users are, and what their passwords are held against.
//!
//! A line is `USER:HASH`, where the hash is that of Argon2id in the form of PHC strings, as `squall passwd` writes it, or
//! what [`super::scram`] needs of a password. A user may have a line of each. Lines that are empty or begin with `#` say
//! nothing. The last colon of a line ends the user's name.

use super::{Credentials, FileError, Verdict, scram::Record};
use argon2::{
    Algorithm, Argon2, Params, PasswordVerifier, Version,
    password_hash::{CustomizedPasswordHasher, phc::PasswordHash},
};
use std::{collections::BTreeMap, fmt};

/// What hashing a password costs. The default is what the authors of Argon2 recommend at the least for servers: some
/// 20 MiB and some tens of milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB, from 8 for each lane to [`Self::MOST_MEMORY`].
    pub memory: u32,
    /// Passes over it, from 1 to [`Self::MOST_PASSES`].
    pub passes: u32,
    /// Lanes, from 1.
    pub lanes: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Self {
            memory: Params::DEFAULT_M_COST,
            passes: Params::DEFAULT_T_COST,
            lanes: Params::DEFAULT_P_COST,
        }
    }
}

impl Cost {
    /// A hash that asks for more memory is refused: 1 GiB.
    pub const MOST_MEMORY: u32 = 1 << 20;
    /// A hash that asks for more passes is refused.
    pub const MOST_PASSES: u32 = 100;

    fn params(self) -> Option<Params> {
        let within = self.memory <= Self::MOST_MEMORY && self.passes <= Self::MOST_PASSES;
        let params = Params::new(self.memory, self.passes, self.lanes, None).ok();
        params.filter(|_| within)
    }
}

/// Who the users are. [`Debug`] shows their names alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Passwords {
    users: BTreeMap<String, Known>,
    /// What the password of somebody unknown is held against, so that it takes as long: a user's, which is not believed.
    nobody: Option<PasswordHash>,
}

#[derive(Clone, Default, PartialEq, Eq)]
struct Known {
    hash: Option<PasswordHash>,
    scram: Option<Record>,
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.users.keys()).finish()
    }
}

impl Passwords {
    /// Reads a password file; `file` is its name in errors.
    ///
    /// # Errors
    /// The first line that is none of a password file, or says a thing twice.
    pub fn parse(file: &str, text: &str) -> Result<Self, FileError> {
        let mut read = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            read.line(line).map_err(|what| FileError {
                file: file.to_owned(),
                line: number,
                what,
            })?;
        }
        let first = read.users.values().find_map(|known| known.hash.as_ref());
        read.nobody = first.cloned();
        Ok(read)
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        if is_silent(line) {
            return Ok(());
        }
        let (user, said) = line.rsplit_once(':').ok_or(
            "this is no line of a password file: write USER:HASH, as `squall passwd` does",
        )?;
        check_user(user)?;
        let known = self.users.entry(user.to_owned()).or_default();
        let before = match said.strip_prefix(Record::PREFIX) {
            Some(record) => known.scram.replace(Record::parse(record)?).is_some(),
            None => known.hash.replace(hash(said)?).is_some(),
        };
        match before {
            true => Err(format!(
                "there is a line before for user `{user}`: remove one"
            )),
            false => Ok(()),
        }
    }

    /// Whether there is no user.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Whether this user is known.
    #[must_use]
    pub fn knows(&self, user: &str) -> bool {
        self.users.contains_key(user)
    }

    /// Whether a client is who it says. This takes long, and as long for a user that is not known: as for the first of
    /// the file.
    #[must_use]
    pub fn verify(&self, credentials: &Credentials) -> Verdict {
        let known = self.users.get(credentials.user_name.as_str());
        let hash = known.and_then(|known| known.hash.as_ref());
        let password = credentials.password.as_ref();
        let Some(against) = hash.filter(|_| password.is_some()).or(self.nobody.as_ref()) else {
            return Verdict::Wrong;
        };
        let said = password.map_or(&b""[..], |password| password.reveal());
        let same = Argon2::default().verify_password(said, against).is_ok();
        match same && hash.is_some() && password.is_some() {
            true => Verdict::Right,
            false => Verdict::Wrong,
        }
    }

    /// What SCRAM needs of each user's password, for those who have a line that says so.
    #[must_use]
    pub fn scram(&self) -> BTreeMap<String, Record> {
        let users = self.users.iter();
        let each = users.filter_map(|(user, known)| Some((user.clone(), known.scram.clone()?)));
        each.collect()
    }
}

/// The text of a password file with these lines of a user in the place of those before; without any, the user is gone.
/// All else stays as it is.
///
/// # Errors
/// As [`Passwords::parse`].
pub fn replace(file: &str, text: &str, user: &str, lines: &[String]) -> Result<String, FileError> {
    Passwords::parse(file, text)?;
    let of_user = |line: &&str| {
        !is_silent(line) && line.rsplit_once(':').is_some_and(|(name, _)| name == user)
    };
    let kept = text.lines().filter(|line| !of_user(line));
    let all = kept.chain(lines.iter().map(String::as_str));
    Ok(all.flat_map(|line| [line, "\n"]).collect())
}

/// The line of a user with this password.
///
/// # Errors
/// What is wrong with the user's name, the password or the cost.
pub fn line(user: &str, password: &[u8], salt: &[u8; 16], cost: Cost) -> Result<String, String> {
    check_user(user)?;
    if password.is_empty() {
        return Err("the password is empty".into());
    }
    let params = cost.params().ok_or("hashing cannot cost this")?;
    let hash = hash_with(password, salt, params).ok_or("the password is too long")?;
    Ok(format!("{user}:{hash}"))
}

fn hash_with(password: &[u8], salt: &[u8; 16], params: Params) -> Option<PasswordHash> {
    let version = Version::default().into();
    let algorithm = Some(Algorithm::Argon2id.as_str());
    Argon2::default()
        .hash_password_customized(password, salt, algorithm, Some(version), params)
        .ok()
}

fn is_silent(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with('#')
}

/// Whether a user may have this name.
///
/// # Errors
/// Why not.
pub fn check_user(user: &str) -> Result<(), String> {
    let why = if user.is_empty() {
        "the user's name is empty"
    } else if user.chars().any(char::is_control) {
        "the user's name has control characters"
    } else if user.starts_with('#') {
        "the user's name begins with #, as comments do"
    } else if user.trim() != user {
        "the user's name begins or ends with a space"
    } else if user.len() > usize::from(u16::MAX) {
        "the user's name is longer than MQTT can say"
    } else {
        return Ok(());
    };
    Err(why.into())
}

/// A hash that can be verified, and does not cost what nobody would wait for.
fn hash(text: &str) -> Result<PasswordHash, String> {
    let unread = "what comes after the user is no hash: write one with `squall passwd`";
    let hash = PasswordHash::new(text).map_err(|_| unread)?;
    if hash.algorithm.as_str() != Algorithm::Argon2id.as_str() {
        return Err("the hash is not of Argon2id: write one with `squall passwd`".into());
    }
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(unread.into());
    }
    let params = Params::try_from(&hash).map_err(|_| unread)?;
    let cost = Cost {
        memory: params.m_cost(),
        passes: params.t_cost(),
        lanes: params.p_cost(),
    };
    match cost.params() {
        Some(_) => Ok(hash),
        None => Err(format!(
            "verifying this would take more than {} KiB or {} passes",
            Cost::MOST_MEMORY,
            Cost::MOST_PASSES
        )),
    }
}

#[cfg(test)]
mod tests;
