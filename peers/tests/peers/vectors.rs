//! A reader of `protocol/vectors/*.yaml` for what is needed here, and of the reasons beside this file.

use bytes::Bytes;
use serde::Deserialize;
use squall_protocol::{Role, Version};
use std::{fs, path::Path};

/// One vector for one version and sender.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) version: Version,
    pub(crate) from: Role,
    /// Whether it is the first packet of its connection.
    first: bool,
    pub(crate) wire: Bytes,
    pub(crate) valid: bool,
}

impl Vector {
    /// The version of the connection, as far as the receiver knows it.
    pub(crate) fn connection(&self) -> Option<Version> {
        (!self.first).then_some(self.version)
    }
}

/// Why it is right to accept some valid vectors that a peer refuses or misreads.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reason {
    pub(crate) why: String,
    /// Names of crates.
    pub(crate) peers: Vec<String>,
    /// Names, or beginnings of names that end with `*`.
    pub(crate) vectors: Vec<String>,
}

impl Reason {
    /// Whether it is about this peer and this vector.
    pub(crate) fn covers(&self, peer: &str, name: &str) -> bool {
        self.peers.iter().any(|p| p == peer) && self.vectors.iter().any(|v| matches(v, name))
    }
}

/// Whether a name of `reasons.yaml` stands for this vector.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    mqtt: Vec<String>,
    from: Vec<String>,
    #[serde(default)]
    first: bool,
    hex: String,
    valid: Option<serde::de::IgnoredAny>,
}

/// Every vector, by name, version and sender.
pub(crate) fn all() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol/vectors");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("the folder of the vectors")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    files.sort();
    files.iter().flat_map(|path| file(path)).collect()
}

/// `reasons.yaml`.
pub(crate) fn reasons() -> Vec<Reason> {
    serde_yaml::from_str(include_str!("reasons.yaml")).expect("reasons.yaml")
}

fn file(path: &Path) -> Vec<Vector> {
    let text = fs::read_to_string(path).expect("a readable file");
    let entries: Vec<Entry> =
        serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    entries.into_iter().flat_map(vectors).collect()
}

fn vectors(entry: Entry) -> Vec<Vector> {
    let senders = entry.from.iter().map(|from| match from.as_str() {
        "client" => Role::Client,
        "server" => Role::Server,
        other => panic!("{}: nobody is called {other}", entry.name),
    });
    let pairs = senders.flat_map(|from| entry.mqtt.iter().map(move |version| (from, version)));
    pairs
        .map(|(from, version)| Vector {
            name: entry.name.clone(),
            version: version
                .parse()
                .unwrap_or_else(|e| panic!("{}: {e}", entry.name)),
            from,
            first: entry.first,
            wire: bytes(&entry.hex),
            valid: entry.valid.is_some(),
        })
        .collect()
}

fn bytes(hex: &str) -> Bytes {
    let digits: Vec<u8> = hex.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).expect("ASCII");
        u8::from_str_radix(pair, 16).unwrap_or_else(|e| panic!("{pair} in {hex}: {e}"))
    };
    digits.chunks(2).map(byte).collect()
}
