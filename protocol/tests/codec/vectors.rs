//! The vector files: `invalid.txt` and `valid.txt`, one packet a line.

use crate::notation::bytes;
use bytes::Bytes;
use squall_protocol::{Role, Version};

/// One line of a file, once per version it stands for.
#[derive(Clone, Debug)]
pub(crate) struct Vector {
    /// The version of the connection, `None` before CONNECT.
    pub(crate) version: Option<Version>,
    /// Who sends it.
    pub(crate) peer: Role,
    /// The bytes as the file writes them.
    pub(crate) notation: &'static str,
    /// The bytes.
    pub(crate) wire: Bytes,
    /// The columns behind the bytes.
    pub(crate) rest: Vec<&'static str>,
}

/// Packets that break a rule.
pub(crate) fn invalid() -> Vec<Vector> {
    read(include_str!("invalid.txt"))
}

/// Packets that the standard allows.
pub(crate) fn valid() -> Vec<Vector> {
    read(include_str!("valid.txt"))
}

fn read(file: &'static str) -> Vec<Vector> {
    file.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .flat_map(line)
        .collect()
}

fn line(line: &'static str) -> impl Iterator<Item = Vector> {
    let columns: Vec<&str> = line.split(" | ").map(str::trim).collect();
    let [version, peer, notation, rest @ ..] = &columns[..] else {
        panic!("too few columns: {line}")
    };
    let versions = match *version {
        "-" => vec![None],
        "*" => Version::ALL.map(Some).to_vec(),
        one => vec![Some(one.parse().unwrap_or_else(|e| panic!("{e}: {line}")))],
    };
    let peer = match *peer {
        "client" => Role::Client,
        "server" => Role::Server,
        _ => panic!("neither client nor server: {line}"),
    };
    let (notation, rest) = (*notation, rest.to_vec());
    versions.into_iter().map(move |version| {
        let wire = bytes(notation);
        Vector {
            version,
            peer,
            notation,
            wire,
            rest: rest.clone(),
        }
    })
}
