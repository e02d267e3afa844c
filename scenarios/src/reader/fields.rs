//! Maps whose keys are known: unknown ones refused, missing ones asked for.
//!
//! Knows no key itself; each subject says which there are.

use super::{Context, MAX_UNKNOWN};
use crate::{
    diagnostic::quoted,
    raw::{Key, Node, Span, Value},
    suggest,
};

/// The entries of a map whose keys are known.
pub(crate) struct Fields<'n> {
    /// What the map is, for messages: `a will`.
    pub(crate) what: &'static str,
    pub(crate) span: Span,
    pub(crate) entries: &'n [(Key, Node)],
}

impl<'n> Fields<'n> {
    /// The map `node`; keys that are not in `known` are refused. `None` after noting that it is no map.
    pub(crate) fn open(
        cx: &mut Context<'_>,
        node: &'n Node,
        what: &'static str,
        known: &[&str],
    ) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            cx.no_entries(
                node,
                &format!(
                    "{what}, a map of {}",
                    suggest::listed(known.iter().copied(), "and")
                ),
            );
            return None;
        };
        // A block map reaches to the next one; its first key is enough to point at.
        let span = entries
            .first()
            .map_or_else(|| node.span.clone(), |(key, _)| key.span.clone());
        let fields = Self {
            what,
            span,
            entries,
        };
        let unknown = entries
            .iter()
            .filter(|(key, _)| !known.contains(&key.text.as_str()));
        for (key, _) in unknown.take(MAX_UNKNOWN) {
            fields.unknown(cx, key, known);
        }
        Some(fields)
    }

    fn unknown(&self, cx: &mut Context<'_>, key: &Key, known: &[&str]) {
        let message = format!("unknown key {} in {}", quoted(&key.text), self.what);
        let mut problem = cx.diagnostic(&key.span, message, "not a key of this map");
        let unused = known.iter().copied().filter(|k| self.get(k).is_none());
        match suggest::did_you_mean(&key.text, unused) {
            Some(help) => problem.help.push(help),
            None => problem.help.extend(home(&key.text, self.what)),
        }
        problem.help.push(format!(
            "keys of {}: {}",
            self.what,
            suggest::listed(known.iter().copied(), "and")
        ));
        cx.push(problem);
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|(_, node)| node)
    }

    pub(crate) fn key(&self, key: &str) -> Option<&'n Key> {
        self.entry(key).map(|(k, _)| k)
    }

    /// A key and its value.
    pub(crate) fn entry(&self, key: &str) -> Option<&'n (Key, Node)> {
        self.entries.iter().find(|(k, _)| k.text == key)
    }

    /// The value of a key that must be there; noted when it is not.
    pub(crate) fn need(&self, cx: &mut Context<'_>, key: &str) -> Option<&'n Node> {
        let found = self.get(key);
        if found.is_none() {
            let message = format!("{} needs {}", self.what, quoted(key));
            cx.refuse(
                &self.span,
                message,
                &format!("`{key}` is missing"),
                format!("add `{key}: …`"),
            );
        }
        found
    }
}

/// Where a key belongs that stands in the wrong map: most often a line is indented too little or too much.
fn home(key: &str, here: &str) -> Option<String> {
    const HOMES: &[(&str, &[&str])] = &[
        ("network", &["latency", "loss"]),
        (
            "a client",
            &[
                "client_id",
                "clean_start",
                "session_expiry",
                "keep_alive",
                "will",
                "reconnect",
            ],
        ),
        (
            "the scenario",
            &[
                "title",
                "statements",
                "versions",
                "seeds",
                "limit",
                "links",
                "clients",
                "steps",
                "expect",
            ],
        ),
        ("a step", &["within", "wait"]),
        ("a publish step", &["payload", "retain", "expiry", "every"]),
        (
            "the broker",
            &[
                "max_queued",
                "topic_alias_maximum",
                "maximum_packet_size",
                "server_keep_alive",
                "maximum_qos",
                "retain_available",
            ],
        ),
        ("a fault", &["after", "before", "nth", "from", "by"]),
    ];
    if key == "<<" {
        return Some("merge keys are not used in scenarios; write the keys out".into());
    }
    let (what, _) = HOMES
        .iter()
        .find(|(what, keys)| keys.contains(&key) && *what != here)?;
    Some(match *what {
        "a step" => format!("`{key}` stands beside the name of the client, not inside its braces"),
        _ => format!("`{key}` belongs to {what}: is the indentation right?"),
    })
}
