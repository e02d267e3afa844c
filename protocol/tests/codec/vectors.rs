//! The reader of `protocol/vectors/*.yaml`, and what the collection promises as a whole.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use squall_protocol::{PacketType, Role, Version};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::LazyLock,
};

/// One entry of a file. The keys are defined in `protocol/vectors/README.md`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) mqtt: Vec<String>,
    pub(crate) from: Vec<Sender>,
    #[serde(default)]
    pub(crate) first: bool,
    pub(crate) says: String,
    pub(crate) hex: String,
    pub(crate) valid: Option<Valid>,
    pub(crate) invalid: Option<Invalid>,
    #[serde(default)]
    pub(crate) reactions: BTreeMap<Sender, Vec<String>>,
}

/// What the bytes say, where the standard allows them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Valid {
    pub(crate) packet: String,
    pub(crate) fields: Value,
    #[serde(default)]
    pub(crate) may_refuse: Vec<String>,
    pub(crate) canonical: Option<String>,
}

/// The rule the bytes break.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invalid {
    pub(crate) kind: Kind,
    pub(crate) statements: Vec<String>,
    pub(crate) offset: usize,
    pub(crate) reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Malformed,
    Protocol,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sender {
    Client,
    Server,
}

impl Sender {
    pub(crate) fn role(self) -> Role {
        match self {
            Self::Client => Role::Client,
            Self::Server => Role::Server,
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// A vector in one of its versions, from one of its senders.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) vector: &'static Vector,
    pub(crate) version: Version,
    pub(crate) sender: Sender,
    pub(crate) wire: Bytes,
}

impl Case {
    /// Who sends it.
    pub(crate) fn peer(&self) -> Role {
        self.sender.role()
    }

    /// The version of the connection, `None` where this packet is the first on it.
    pub(crate) fn known(&self) -> Option<Version> {
        (!self.vector.first).then_some(self.version)
    }

    /// The packet type in the first byte.
    pub(crate) fn packet_type(&self) -> Option<PacketType> {
        PacketType::from_number(self.wire[0] >> 4)
    }

    /// Version, sender and name, for the reader of a failed test.
    pub(crate) fn label(&self) -> String {
        format!("{} {} {}", self.version, self.peer(), self.vector.name)
    }
}

/// Packets that break a rule.
pub(crate) fn invalid() -> impl Iterator<Item = Case> {
    cases().filter(|case| case.vector.invalid.is_some())
}

/// Packets that the standard allows.
pub(crate) fn valid() -> impl Iterator<Item = Case> {
    cases().filter(|case| case.vector.valid.is_some())
}

fn cases() -> impl Iterator<Item = Case> {
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

/// Pairs of hex digits, with blanks between pairs.
pub(crate) fn bytes_of_hex(hex: &str) -> Bytes {
    let digits: String = hex.chars().filter(|c| *c != ' ').collect();
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16);
    (0..digits.len())
        .step_by(2)
        .map(|at| byte(at).unwrap_or_else(|e| panic!("{hex}: {e}")))
        .collect()
}

/// Every vector with the stem of its file, in the order of the files' names.
static VECTORS: LazyLock<Vec<(String, Vector)>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let entries = fs::read_dir(&folder).expect("protocol/vectors");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    let read = |path: &Path| {
        let stem = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(path).expect("a readable file");
        let vectors: Vec<Vector> =
            serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{stem}.yaml: {e}"));
        vectors
            .into_iter()
            .map(move |vector| (stem.clone(), vector))
    };
    files.iter().flat_map(|path| read(path)).collect()
});

#[test]
fn each_entry_keeps_to_the_format() {
    let mut names = BTreeSet::new();
    for (stem, vector) in VECTORS.iter() {
        let name = &vector.name;
        let slug = name.strip_prefix(&format!("{stem}/")).expect(name);
        let slug_character =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        assert!(
            !slug.is_empty() && slug.chars().all(slug_character),
            "{name}"
        );
        assert!(names.insert(name), "{name} stands twice");
        assert!(
            !vector.mqtt.is_empty() && !vector.from.is_empty() && !vector.says.is_empty(),
            "{name}"
        );
        assert!(
            vector.hex.chars().all(|c| " 0123456789ABCDEF".contains(c)),
            "{name}"
        );
        assert!(!vector.first || vector.from == [Sender::Client], "{name}");
        assert_ne!(vector.valid.is_some(), vector.invalid.is_some(), "{name}");
        let receivers: BTreeSet<_> = vector.from.iter().map(|from| from.other()).collect();
        let reacting: BTreeSet<_> = vector.reactions.keys().copied().collect();
        assert_eq!(
            reacting,
            if vector.invalid.is_some() {
                receivers
            } else {
                BTreeSet::new()
            },
            "{name}"
        );
    }
}

#[test]
fn no_packet_stands_twice() {
    let mut seen = BTreeMap::new();
    for case in cases() {
        let key = (
            case.version,
            case.sender,
            case.vector.first,
            case.wire.clone(),
        );
        if let Some(earlier) = seen.insert(key, case.label()) {
            panic!("{} has the bytes of {earlier}", case.label());
        }
    }
}

/// Valid and invalid cases each packet type has at least, in a version and from a sender that may send it.
const AT_LEAST: &[(PacketType, usize, usize)] = &[
    (PacketType::Connect, 25, 70),
    (PacketType::ConnAck, 7, 17),
    (PacketType::Publish, 39, 48),
    (PacketType::PubAck, 4, 10),
    (PacketType::PubRec, 4, 10),
    (PacketType::PubRel, 4, 10),
    (PacketType::PubComp, 4, 9),
    (PacketType::Subscribe, 24, 43),
    (PacketType::SubAck, 6, 12),
    (PacketType::Unsubscribe, 7, 18),
    (PacketType::UnsubAck, 3, 8),
    (PacketType::PingReq, 1, 7),
    (PacketType::PingResp, 1, 5),
    (PacketType::Disconnect, 2, 7),
    (PacketType::Auth, 12, 24),
];

#[test]
fn there_are_enough_of_every_kind() {
    assert!(VECTORS.len() >= 1_500, "{}", VECTORS.len());
    let mut count: BTreeMap<_, [usize; 2]> = BTreeMap::new();
    for case in cases() {
        let key = (case.packet_type(), case.version, case.sender);
        count.entry(key).or_default()[usize::from(case.vector.invalid.is_some())] += 1;
    }
    let mut checked = BTreeSet::new();
    for ((packet, version, sender), [valid, invalid]) in &count {
        // What a sender may not send at all has no valid vector, and one fault is enough.
        if *valid > 0 {
            let packet = packet.expect("packet type 0 is never valid");
            checked.insert((packet, *version, *sender));
            let (_, least_valid, least_invalid) = AT_LEAST
                .iter()
                .find(|(p, ..)| *p == packet)
                .expect("every type");
            let label = format!("{packet} {version} {sender:?}: {valid} valid, {invalid} invalid");
            assert!(valid >= least_valid && invalid >= least_invalid, "{label}");
        } else {
            assert!(*invalid > 0);
        }
    }
    // Five packets go both ways, nine one way, DISCONNECT one way in 3.1.1; AUTH and DISCONNECT both ways in 5.0.
    assert_eq!(checked.len(), 2 * (5 * 2 + 8) + 1 + 2 + 2);
    assert_eq!(
        count.len(),
        2 * 16 * 2,
        "every packet type in every version and direction"
    );
}
