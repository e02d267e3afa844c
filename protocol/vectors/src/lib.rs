//! The vectors of this folder, read. What the keys mean is defined in `README.md` beside the files.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use squall_protocol::{PacketType, Role, Version};
use std::{collections::BTreeMap, sync::LazyLock};

/// One entry of a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    /// Unique over all files.
    pub name: String,
    /// Versions it holds for.
    pub mqtt: Vec<String>,
    /// Who sends it.
    pub from: Vec<Sender>,
    /// Whether it is the first packet on the connection.
    #[serde(default)]
    pub first: bool,
    /// What is special about it.
    pub says: String,
    /// One whole packet.
    pub hex: String,
    /// What it means, or
    pub valid: Option<Valid>,
    /// what is wrong.
    pub invalid: Option<Invalid>,
    /// What each receiver may do about a packet that breaks a rule, in the order of preference.
    #[serde(default)]
    pub reactions: BTreeMap<Sender, Vec<String>>,
}

/// What the bytes say, where the standard allows them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Valid {
    /// The packet type in capitals.
    pub packet: String,
    /// What a decoder reads.
    pub fields: Value,
    /// Statements that let a receiver refuse it all the same.
    #[serde(default)]
    pub may_refuse: Vec<String>,
    /// The same fields in the fewest bytes, where these are others.
    pub canonical: Option<String>,
}

/// The rule the bytes break.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invalid {
    /// In the words of 5.0.
    pub kind: Kind,
    /// Statements it breaks, the one to look up first.
    pub statements: Vec<String>,
    /// The byte at which it is found.
    pub offset: usize,
    /// Reason code, such as `0x81`.
    pub reason: String,
}

/// Malformed Packet or Protocol Error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the words of section 4.13 of 5.0")]
pub enum Kind {
    Malformed,
    Protocol,
}

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "there are two")]
pub enum Sender {
    Client,
    Server,
}

impl Sender {
    /// As the codec calls it.
    #[must_use]
    pub fn role(self) -> Role {
        match self {
            Self::Client => Role::Client,
            Self::Server => Role::Server,
        }
    }

    /// The one who receives.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// A vector in one of its versions, from one of its senders.
#[derive(Clone, Debug)]
pub struct Case {
    /// The entry.
    pub vector: &'static Vector,
    /// The version of the connection, or of the receiver where the packet does not get as far as saying it.
    pub version: Version,
    /// Who sends it.
    pub sender: Sender,
    /// The bytes.
    pub wire: Bytes,
}

impl Case {
    /// Who sends it.
    #[must_use]
    pub fn peer(&self) -> Role {
        self.sender.role()
    }

    /// The version of the connection, `None` where this packet is the first on it.
    #[must_use]
    pub fn known(&self) -> Option<Version> {
        (!self.vector.first).then_some(self.version)
    }

    /// The packet type in the first byte.
    #[must_use]
    pub fn packet_type(&self) -> Option<PacketType> {
        PacketType::from_number(self.wire[0] >> 4)
    }

    /// What the receiver may do; empty for a valid packet.
    #[must_use]
    pub fn reactions(&self) -> &'static [String] {
        let reactions = self.vector.reactions.get(&self.sender.other());
        reactions.map_or(&[], Vec::as_slice)
    }

    /// Whether the receiver may do this: `close`, `accept`, or a packet with its code such as `SUBACK 0x8F`. An `error`
    /// in the list stands for any code of a refusal.
    #[must_use]
    pub fn allows(&self, reaction: &str) -> bool {
        let listed = |word: &str| self.reactions().iter().any(|r| r == word);
        let refusal = reaction.split_once(" 0x").filter(|(packet, code)| {
            let code = u8::from_str_radix(code, 16).unwrap_or(0);
            match (*packet, self.version) {
                ("CONNACK", Version::V3_1_1) => (1..=5).contains(&code),
                _ => code >= 0x80,
            }
        });
        listed(reaction) || refusal.is_some_and(|(packet, _)| listed(&format!("{packet} error")))
    }

    /// Version, sender and name, for the reader of a failed test.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} {} {}", self.version, self.peer(), self.vector.name)
    }
}

/// Packets that break a rule, each in all its versions and from all its senders.
pub fn invalid() -> impl Iterator<Item = Case> {
    cases().filter(|case| case.vector.invalid.is_some())
}

/// Packets that the standard allows, each in all its versions and from all its senders.
pub fn valid() -> impl Iterator<Item = Case> {
    cases().filter(|case| case.vector.valid.is_some())
}

/// All of them.
pub fn cases() -> impl Iterator<Item = Case> {
    VECTORS.iter().flat_map(|(_, vector)| {
        let wire = bytes_of_hex(&vector.hex);
        vector.mqtt.iter().flat_map(move |version| {
            let version = version
                .parse()
                .unwrap_or_else(|e| panic!("{}: {e}", vector.name));
            let wire = wire.clone();
            vector.from.iter().map(move |&sender| Case {
                vector,
                version,
                sender,
                wire: wire.clone(),
            })
        })
    })
}

/// What a receiver did about broken packets, in lines: how often which reaction, how often that was the one the
/// standard recommends, and where it was another.
#[must_use]
pub fn tally(reactions: impl IntoIterator<Item = (Case, String)>) -> String {
    let mut totals = BTreeMap::<_, (usize, usize)>::new();
    let mut others = BTreeMap::<_, Vec<&str>>::new();
    for (case, reaction) in reactions {
        let recommended = case.reactions().first().cloned().unwrap_or_default();
        let total = totals.entry((case.version, reaction.clone())).or_default();
        total.0 += 1;
        if reaction == recommended {
            total.1 += 1;
        } else {
            let key = (case.version, recommended, reaction);
            others.entry(key).or_default().push(&case.vector.name);
        }
    }
    let mut lines = vec!["cases, recommended".to_owned()];
    for ((version, reaction), (all, recommended)) in totals {
        lines.push(format!("{all:5} {recommended:5}  {version} {reaction}"));
    }
    for ((version, recommended, reaction), names) in others {
        let count = names.len();
        lines.push(format!(
            "\n{version} {reaction}, not {recommended}: {count}"
        ));
        lines.extend(names.iter().map(|name| format!("    {name}")));
    }
    lines.join("\n") + "\n"
}

/// Pairs of hex digits, with blanks between pairs.
///
/// # Panics
/// On anything else: the files are our own.
#[must_use]
pub fn bytes_of_hex(hex: &str) -> Bytes {
    let bytes = squall_protocol::hex::bytes(hex);
    bytes.unwrap_or_else(|e| panic!("{hex}: {e}")).into()
}

/// Every vector with the stem of its file, in the order of the files' names.
pub static VECTORS: LazyLock<Vec<(&'static str, Vector)>> = LazyLock::new(|| {
    let read = |(stem, text): &(&'static str, &str)| {
        let vectors: Vec<Vector> =
            serde_yaml::from_str(text).unwrap_or_else(|e| panic!("{stem}.yaml: {e}"));
        let stem = *stem;
        vectors.into_iter().map(move |vector| (stem, vector))
    };
    FILES.iter().flat_map(read).collect()
});

macro_rules! files {
    ($($stem:literal)*) => {
        /// Stem and text of each file.
        const FILES: &[(&str, &str)] = &[$(($stem, include_str!(concat!("../", $stem, ".yaml")))),*];
    };
}

files! {
    "auth"
    "connack"
    "connect"
    "cut"
    "disconnect"
    "framing"
    "large"
    "ping"
    "properties"
    "puback"
    "pubcomp"
    "publish"
    "pubrec"
    "pubrel"
    "reason-codes"
    "suback"
    "subscribe"
    "unsuback"
    "unsubscribe"
    "utf8"
}

#[cfg(test)]
mod tests;
