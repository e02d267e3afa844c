//! From nodes to the model: keys known, names resolved, defaults filled in, impossible things refused.
//!
//! One file per subject; this one holds what all of them share. Problems are collected, never thrown: a bad value is
//! noted and replaced by its default, so that the rest of the file is still checked. A scenario leaves this room only
//! when nothing was noted. YAML itself is not known here.

mod fields;

use super::{
    raw::{Key, Node, Scalar, Span, Value},
    source::{ClientIx, Source},
    suggest,
    values::Wrong,
};
use crate::diagnostic::{Diagnostic, quoted};
use bytes::Bytes;
use squall_protocol::{PacketType, ReasonCode, Role, Version};
use std::{collections::BTreeMap, sync::Arc};

pub(crate) use fields::Fields;

/// What a scenario has to fit into beside the format: things that only whoever reads it knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Room<'a> {
    /// The statements there are, by version; any will do when `None`.
    pub statements: Option<fn(Version) -> Vec<&'static str>>,
    /// Names that no client may have, and why not.
    pub taken: &'a [(&'a str, &'a str)],
}

/// Most steps of one scenario: repetitions, messages of workloads and cuts of flapping links counted.
pub const MAX_STEPS: usize = 100_000;
/// Most values of one list of values.
const MAX_ITEMS: usize = 1000;
/// Most unknown keys noted for one map.
const MAX_UNKNOWN: usize = 20;
/// Most bytes of payloads in one scenario, so that its plan with everything written out, even in hexadecimal, is still
/// a file that can be read.
const MAX_PAYLOADS: usize = 16 << 20;
/// When so many problems are noted, nothing more is learned from others.
const MAX_NOTED: usize = 1000;
/// Deepest nesting of steps. Written out by [`write`](super::write()) a level takes three levels of YAML at most, so
/// whatever was read can be read again.
pub(crate) const MAX_NESTING: usize = 12;

/// What reading needs to know at every place.
pub(crate) struct Context<'a> {
    pub(crate) room: &'a Room<'a>,
    pub(crate) file: &'a str,
    pub(crate) source: &'a Arc<str>,
    pub(crate) problems: &'a mut Vec<Diagnostic>,
    /// Byte offset of the first character of each line.
    pub(crate) lines: Vec<usize>,
    /// Versions the scenario runs with, or the one that the client speaks who is spoken of.
    pub(crate) versions: Vec<Version>,
    /// They are those of a client that has one of its own.
    pub(crate) of_client: bool,
    /// Words that mean something else where a client is named, in alphabetical order.
    pub(crate) reserved: Vec<&'static str>,
    /// The broker is scripted.
    pub(crate) broker_scripted: bool,
    /// The broker has a store.
    pub(crate) broker_stored: bool,
    /// What is read now a scripted broker does.
    pub(crate) by_broker: bool,
    /// Names of the clients and where they are declared.
    pub(crate) clients: Vec<(String, Span)>,
    /// What to underline when something is wrong with a step or expectation as a whole.
    pub(crate) places: BTreeMap<(u32, u32), Span>,
    /// The last place whose column was counted: start of its line, byte offset, characters between them. A file may
    /// be one long line with everything in it.
    pub(crate) counted: (usize, usize, usize),
    /// Steps so far; repetitions, messages of workloads and cuts of flapping links counted.
    pub(crate) steps: usize,
    /// Bytes of payloads so far, counted like steps.
    pub(crate) bytes: usize,
    /// There are too many steps or bytes, which was noted.
    pub(crate) full: bool,
    /// A step was refused and is missing, so the story as a whole cannot be judged.
    pub(crate) incomplete: bool,
    /// How deep in parallel, repeated and timed steps.
    pub(crate) nesting: usize,
}

impl<'a> Context<'a> {
    /// Nothing is known yet but the text.
    pub(crate) fn new(
        room: &'a Room<'a>,
        file: &'a str,
        source: &'a Arc<str>,
        problems: &'a mut Vec<Diagnostic>,
    ) -> Self {
        Self {
            room,
            file,
            source,
            problems,
            lines: line_starts(source),
            versions: Version::ALL.to_vec(),
            of_client: false,
            broker_scripted: false,
            broker_stored: false,
            by_broker: false,
            reserved: Vec::new(),
            clients: Vec::new(),
            places: BTreeMap::new(),
            counted: (0, 0, 0),
            steps: 0,
            bytes: 0,
            full: false,
            incomplete: false,
            nesting: 0,
        }
    }

    /// Reads what is about a client that speaks this version of its own, if it has one.
    pub(crate) fn speaking<T>(
        &mut self,
        version: Option<Version>,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let Some(version) = version else {
            return read(self);
        };
        let of_run = std::mem::replace(&mut self.versions, vec![version]);
        self.of_client = true;
        let found = read(self);
        (self.versions, self.of_client) = (of_run, false);
        found
    }

    pub(crate) fn push(&mut self, problem: Diagnostic) {
        if self.problems.len() < MAX_NOTED {
            self.problems.push(problem);
        }
    }

    /// So many problems are noted that no further one counts: whoever would have to search for words may save it.
    pub(crate) fn has_enough(&self) -> bool {
        self.problems.len() >= MAX_NOTED
    }

    pub(crate) fn diagnostic(
        &self,
        span: &Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::new(self.file, Arc::clone(self.source), message).label(span.clone(), label)
    }

    /// Notes a problem with one advice.
    pub(crate) fn refuse(
        &mut self,
        span: &Span,
        message: impl Into<String>,
        label: &str,
        help: impl Into<String>,
    ) {
        let problem = self.diagnostic(span, message, label).help(help);
        self.push(problem);
    }

    /// Notes that a key says what another one rules out; `label` names that one.
    pub(crate) fn contradicts(&mut self, key: &Key, message: impl Into<String>, label: &str) {
        self.refuse(&key.span, message, label, "remove one of them");
    }

    /// Notes why a value is not what its key wants.
    pub(crate) fn wrong(&mut self, span: &Span, wrong: Wrong, label: &str) {
        let mut problem = self.diagnostic(span, wrong.message, label);
        problem.help.extend(wrong.help);
        self.push(problem);
    }

    /// Notes that a list or map (or nothing) stands where a single value should.
    pub(crate) fn mismatch(&mut self, node: &Node, expected: &str) {
        self.misshapen(
            node,
            expected,
            "write a value; a text that begins with `#`, or is `null` or `~`, needs quotes",
        );
    }

    /// Notes that something else stands where a map or list should.
    pub(crate) fn no_entries(&mut self, node: &Node, expected: &str) {
        self.misshapen(
            node,
            expected,
            "its entries stand in the lines below, indented deeper, or in brackets behind it",
        );
    }

    pub(crate) fn misshapen(&mut self, node: &Node, expected: &str, when_empty: &str) {
        // An alias of nothing is noted already.
        if self
            .problems
            .iter()
            .any(|p| p.labels.first().is_some_and(|l| l.span == node.span))
        {
            return;
        }
        let label = format!("this is {}", node.kind());
        let mut problem = self.diagnostic(
            &node.span,
            format!("expected {expected}, found {}", node.kind()),
            label,
        );
        if matches!(node.value, Value::Null) {
            problem = problem.help(when_empty);
        }
        self.push(problem);
    }

    /// A single value, or `None` after noting why not.
    pub(crate) fn scalar<T>(
        &mut self,
        node: &Node,
        expected: &str,
        read: impl Fn(&Scalar) -> Result<T, Wrong>,
    ) -> Option<T> {
        let Value::Text(scalar) = &node.value else {
            self.mismatch(node, expected);
            return None;
        };
        match read(scalar) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.wrong(&node.span, wrong, &format!("expected {expected}"));
                None
            }
        }
    }

    /// A whole number from `min` to `max`.
    pub(crate) fn number(&mut self, node: &Node, min: u64, max: u64) -> Option<u64> {
        self.scalar(node, "a whole number", |s| {
            super::values::number(s, min, max)
        })
    }

    /// The elements of a list; a single value counts as a list of one. An empty list is refused.
    pub(crate) fn list<'n>(&mut self, node: &'n Node, of: &str) -> &'n [Node] {
        match &node.value {
            Value::List(items) if items.is_empty() => {
                self.refuse(
                    &node.span,
                    format!("an empty list of {of}"),
                    "empty",
                    "name at least one, or remove the key",
                );
                &[]
            }
            Value::List(items) if items.len() > MAX_ITEMS => {
                let message = format!("{} {of} in one list; {MAX_ITEMS} are allowed", items.len());
                self.refuse(
                    &items[MAX_ITEMS].span,
                    message,
                    "here the limit is passed",
                    "shorten the list",
                );
                &[]
            }
            Value::List(items) => items,
            _ => std::slice::from_ref(node),
        }
    }

    /// A declared client.
    pub(crate) fn client(&mut self, node: &Node) -> Option<ClientIx> {
        let name = self.scalar(node, "the name of a client", |s| Ok(s.text.clone()))?;
        let found = self.clients.iter().position(|(n, _)| *n == name);
        if found.is_none() && !self.has_enough() {
            let near = suggest::did_you_mean(&name, self.clients.iter().map(|(n, _)| n.as_str()));
            let known = suggest::listed(self.clients.iter().map(|(n, _)| n.as_str()), "and");
            let mut problem = self.diagnostic(
                &node.span,
                format!("there is no client {}", quoted(&name)),
                "unknown client",
            );
            problem.help.extend(near);
            problem
                .help
                .push(format!("clients of this scenario: {known}"));
            self.push(problem);
        }
        found
    }

    /// A topic filter for every version of the scenario.
    pub(crate) fn filter(&mut self, node: &Node, subscription: bool) -> Option<String> {
        // Outside of SUBSCRIBE a filter selects messages; `$share` has no meaning there.
        let versions = if subscription {
            self.versions.clone()
        } else {
            vec![Version::V3_1_1]
        };
        let filter = self.scalar(node, "a topic filter", |s| {
            super::values::filter(&s.text, &versions).map(|()| s.text.clone())
        })?;
        if subscription
            && filter.starts_with("$share/")
            && !self.only_5_0(&node.span, "a shared subscription")
        {
            return None;
        }
        Some(filter)
    }

    /// Whether another level of steps may begin here; noted when it may not. What becomes a timeline in the plan has one
    /// level more than what a user nests, so that a plan can be read like the scenario it comes from.
    pub(crate) fn nests(&mut self, span: &Span, limit: usize) -> bool {
        let good = self.nesting < limit;
        if !good {
            let message = format!("steps are nested more than {MAX_NESTING} deep");
            let help = "tell the story in fewer levels";
            self.refuse(span, message, "here the limit is passed", help);
        }
        good
    }

    /// Whether `more` steps are still allowed; noted once when they are not.
    pub(crate) fn count(&mut self, span: &Span, more: usize) -> bool {
        self.steps = self.steps.saturating_add(more);
        if self.steps > MAX_STEPS && !self.full {
            self.full = true;
            let message = format!("the scenario has more than {MAX_STEPS} steps");
            let help = "repetitions, messages of workloads and cuts of flapping links count; tell a shorter story";
            self.refuse(span, message, "here the limit is passed", help);
        }
        !self.full
    }

    /// Whether payloads may have `more` bytes; noted once when not.
    pub(crate) fn count_bytes(&mut self, span: &Span, more: usize) -> bool {
        self.bytes = self.bytes.saturating_add(more);
        if self.bytes > MAX_PAYLOADS && !self.full {
            self.full = true;
            let message = format!("payloads of the scenario have more than {MAX_PAYLOADS} bytes");
            let help = "repetitions, counted publishes and workloads count; send fewer or smaller messages";
            self.refuse(span, message, "here the limit is passed", help);
        }
        !self.full
    }

    /// A payload: a text, `{hex: "00ff"}` or `{size: 1000}`.
    pub(crate) fn payload(&mut self, node: &Node) -> Option<Bytes> {
        let payload = self.payload_value(node)?;
        self.count_bytes(&node.span, payload.len())
            .then_some(payload)
    }

    pub(crate) fn payload_value(&mut self, node: &Node) -> Option<Bytes> {
        use super::values;
        let expected = "a payload: a text, `{hex: \"00ff\"}` or `{size: 1000}`";
        match &node.value {
            Value::Text(scalar) => Some(Bytes::from(scalar.text.clone())),
            Value::Map(entries) => {
                let fields = Fields::open(self, node, "a payload", &["hex", "size"])?;
                let [(key, node)] = entries.as_slice() else {
                    self.refuse(
                        &fields.span,
                        "a payload is either `hex` or `size`",
                        "expected one key",
                        "keep one of them",
                    );
                    return None;
                };
                match key.text.as_str() {
                    "hex" => self
                        .scalar(node, "hexadecimal digits", values::hex)
                        .map(Bytes::from),
                    "size" => self
                        .number(node, 0, values::MAX_PAYLOAD)
                        .map(|n| Bytes::from(values::sized(n as usize))),
                    _ => None,
                }
            }
            _ => {
                self.mismatch(node, expected);
                None
            }
        }
    }

    /// A reason code that `by` may send in a packet; noted when a version of the scenario has none there.
    pub(crate) fn reason(
        &mut self,
        node: &Node,
        packet: PacketType,
        by: Role,
    ) -> Option<ReasonCode> {
        let version = match self.versions.as_slice() {
            // The return codes of CONNACK (3.1.1) are other numbers than the reason codes of 5.0.
            [Version::V3_1_1] if packet == PacketType::ConnAck => Version::V3_1_1,
            _ => {
                if !self.only_5_0(&node.span, "a reason code") {
                    return None;
                }
                Version::V5_0
            }
        };
        self.scalar(node, "a reason code by name or in hexadecimal", |s| {
            super::values::reason(s, &[packet], by, version)
        })
    }

    /// Whether the scenario runs with 5.0 alone, or the client speaks it who is spoken of; noted when it does not.
    pub(crate) fn only_5_0(&mut self, span: &Span, what: &str) -> bool {
        let good = !self.versions.contains(&Version::V3_1_1);
        if !good {
            let (where_not, help) = match (self.of_client, self.versions.len()) {
                (true, _) => (
                    "this client speaks 3.1.1",
                    "give the client `version: 5.0`, or remove it",
                ),
                (false, 1) => (
                    "this scenario runs with 3.1.1",
                    "add `versions: [5.0]` at the top, or remove it",
                ),
                (false, _) => (
                    "this scenario also runs with 3.1.1",
                    "add `versions: [5.0]` at the top, or remove it",
                ),
            };
            let message = format!("{what} needs MQTT 5.0, and {where_not}");
            self.refuse(span, message, "5.0 only", help);
        }
        good
    }

    /// Line and column of a place, which becomes what is underlined for it later.
    pub(crate) fn source(&mut self, at: usize, underline: &Span) -> Source {
        let line = self.lines.partition_point(|start| *start <= at).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or(0);
        let (from, before) = match self.counted {
            (line, place, characters) if line == start && place <= at => (place, characters),
            _ => (start, 0),
        };
        let more = self.source.get(from..at).map_or(0, |t| t.chars().count());
        self.counted = (start, at, before + more);
        let column = before + more + 1;
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let source = Source {
            line: small(line),
            column: small(column),
        };
        self.places
            .insert((source.line, source.column), underline.clone());
        source
    }

    /// What to underline for a step or expectation.
    pub(crate) fn place(&self, source: Source) -> Span {
        self.places
            .get(&(source.line, source.column))
            .cloned()
            .unwrap_or(0..0)
    }
}

/// Byte offset of the first character of each line.
fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0)
        .chain(text.match_indices('\n').map(|(i, _)| i + 1))
        .collect()
}
