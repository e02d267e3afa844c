//! A replay file's text becomes a replay, or a list of everything that is wrong with it.
//!
//! The plan stands inside the file as a block of text. It is read where it stands, so that its problems, and the places
//! of its steps in findings, are told by the lines of the file.

use super::{FORMAT, OLDEST, Place, Replay};
use crate::{live::WORLD, world::World};
use squall_protocol::Version;
use squall_reports::Verdict;
use squall_scenarios::{
    MAX_BYTES,
    diagnostic::{Diagnostic, quoted},
    did_you_mean, load_str,
    model::Scenario,
    parse_yaml,
    raw::{Key, Node, Scalar, Span, Value},
};
use std::{
    fs::File,
    io::{self, Read},
    ops::Range,
    path::Path,
    sync::Arc,
};

/// The file's keys, in their order.
const KEYS: &[&str] = &[
    "squall_replay",
    "squall",
    "name",
    "source",
    "version",
    "seed",
    "world",
    "verdict",
    "trace_hash",
    BROKER,
    CLIENT,
    "plan",
];

/// The keys of a live run, of which it has one.
const BROKER: &str = "broker";
const CLIENT: &str = "client";

impl Replay {
    /// Reads a replay file's text. `path` is for messages, and what the plan's findings are about is told by the lines
    /// of this file.
    ///
    /// # Errors
    /// Everything that is wrong with it, where, and what to do.
    pub fn parse(path: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        replay(path, text)
    }

    /// Reads a replay file.
    ///
    /// # Errors
    /// When it cannot be read, or as [`Self::parse`].
    pub fn read(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        let name = path.display().to_string();
        let fail = |why: String| {
            vec![
                Diagnostic::new(&*name, "", format!("cannot be read: {why}"))
                    .help("check the path and the permissions"),
            ]
        };
        let text = read_text(path).map_err(|e| fail(e.to_string()))?;
        Self::parse(&name, &text)
    }
}

/// Reads a file of bounded size, whatever kind of file it is.
fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let most = MAX_BYTES as u64;
    File::open(path)?.take(most + 1).read_to_string(&mut text)?;
    if text.len() as u64 > most {
        return Err(io::Error::other(format!("it has more than {most} bytes")));
    }
    Ok(text)
}

fn replay(path: &str, text: &str) -> Result<Replay, Vec<Diagnostic>> {
    let source: Arc<str> = Arc::from(text);
    let (root, problems) = parse_yaml(path, &source);
    let mut head = Head {
        path,
        source: &source,
        problems,
    };
    let replay = root.and_then(|root| match root.value {
        Value::Map(entries) => head.read(&entries),
        _ => {
            let message = "this is no replay file: its head is missing";
            head.refuse(&root.span, message, "not a replay", NAME_ONE);
            None
        }
    });
    let mut problems = head.problems;
    match replay {
        Some(replay) if problems.is_empty() => Ok(replay),
        _ => {
            problems.sort_by_key(|d| d.labels.first().map_or(0, |l| l.span.start));
            Err(problems)
        }
    }
}

const NAME_ONE: &str = "name a file that `squall sim` or `squall live` wrote for a failing run";

/// Reads the head and notes what is wrong with it.
struct Head<'a> {
    path: &'a str,
    source: &'a Arc<str>,
    problems: Vec<Diagnostic>,
}

impl Head<'_> {
    fn refuse(&mut self, span: &Span, message: impl Into<String>, label: &str, help: &str) {
        let problem = Diagnostic::new(self.path, Arc::clone(self.source), message);
        self.problems
            .push(problem.label(span.clone(), label).help(help));
    }

    fn read(&mut self, entries: &[(Key, Node)]) -> Option<Replay> {
        if !entries
            .iter()
            .any(|(key, _)| KEYS.contains(&key.text.as_str()) && key.text != "name")
        {
            let span = entries.first().map_or(0..0, |(key, _)| key.span.clone());
            let message = "this is no replay file: it has none of its keys";
            self.refuse(&span, message, "not a replay", NAME_ONE);
            return None;
        }
        let format = self.value(entries, "squall_replay", "a whole number", |t| {
            t.parse::<u32>().ok()
        });
        if let Some((format, span)) = format
            && !(OLDEST..=FORMAT).contains(&format)
        {
            // Whatever else is unknown may be known to the other format.
            self.problems.clear();
            self.another_format(entries, format, &span);
            return None;
        }
        self.unknown(entries);
        let any = |t: &str| Some(t.to_owned());
        let squall = self.value(entries, "squall", "a text", any);
        let name = self.value(entries, "name", "a text", any);
        let written = self.value(entries, "source", "a text", any);
        let version = self.value(entries, "version", "3.1.1 or 5.0", |t| {
            t.parse::<Version>().ok()
        });
        let seed = self.value(
            entries,
            "seed",
            "a whole number below 2 to the power of 64",
            |t| t.parse::<u64>().ok(),
        );
        let place = self.place(entries);
        let verdicts = "pass, fail, warn, n/a or inconclusive";
        let verdict = self.value(entries, "verdict", verdicts, |t| {
            Verdict::ALL.into_iter().find(|v| v.as_str() == t)
        });
        let trace_hash = self.value(entries, "trace_hash", "a text", any);
        let plan = self.value(entries, "plan", "the text of a plan", any);
        let (plan, _) = plan?;
        let name = name.map(|(name, _)| name).unwrap_or_default();
        let source = written.map(|(source, _)| source).unwrap_or_default();
        let plan = self.plan(entries, &name, &source, &plan);
        Some(Replay {
            squall: squall?.0,
            version: version?.0,
            seed: seed?.0,
            place: place?,
            verdict: verdict?.0,
            trace_hash: trace_hash?.0,
            plan: plan?,
        })
    }

    /// Where it ran; nothing after noting why that is not known.
    fn place(&mut self, entries: &[(Key, Node)]) -> Option<Place> {
        // `None` in it is the live world.
        let (world, _) = self.value(entries, "world", "loop, turmoil or live", |t| match t {
            WORLD => Some(None),
            t => t.parse::<World>().ok().map(Some),
        })?;
        if let Some(world) = world {
            return Some(Place::In(world));
        }
        let any = |t: &str| Some(t.to_owned());
        if entries.iter().any(|(key, _)| key.text == CLIENT) {
            let client = self.value(entries, CLIENT, "an adapter of a client", any)?;
            return Some(Place::Client(client.0));
        }
        let broker = self.value(entries, BROKER, "the address of a broker", any)?;
        Some(Place::Live(broker.0))
    }

    /// Refuses a format that is not read, and says what to do.
    fn another_format(&mut self, entries: &[(Key, Node)], format: u32, span: &Span) {
        let text = |key: &str| match &entries.iter().find(|(k, _)| k.text == key)?.1.value {
            Value::Text(Scalar { text, .. }) => Some(text.clone()),
            _ => None,
        };
        let reads = match OLDEST == FORMAT {
            true => format!("format {FORMAT}"),
            false => format!("formats {OLDEST} to {FORMAT}"),
        };
        let own = env!("CARGO_PKG_VERSION");
        let message =
            format!("this replay file has format {format}, and this Squall ({own}) reads {reads}");
        let writer = text("squall").map_or_else(
            || "the Squall that wrote it".to_owned(),
            |version| format!("Squall {}, which wrote it,", quoted(&version)),
        );
        let (label, advice) = match format > FORMAT {
            true => ("newer", format!("play it with {writer} or a later one")),
            false => ("older", format!("play it with {writer}")),
        };
        let again = match (text("source"), text("seed")) {
            (Some(source), Some(seed)) => format!(
                "; or make it again: `squall sim` with {} and --seed {}",
                quoted(&source),
                quoted(&seed)
            ),
            _ => String::new(),
        };
        self.refuse(span, message, label, &(advice + &again));
    }

    fn unknown(&mut self, entries: &[(Key, Node)]) {
        for (key, _) in entries {
            if KEYS.contains(&key.text.as_str()) {
                continue;
            }
            let message = format!("unknown key {} in a replay file", quoted(&key.text));
            let near = did_you_mean(&key.text, KEYS.iter().copied());
            let help = near.unwrap_or_else(|| "remove it".into());
            self.refuse(&key.span, message, "unknown", &help);
        }
    }

    /// The value of a key and its place; noted when it is missing or is not what is expected.
    fn value<T>(
        &mut self,
        entries: &[(Key, Node)],
        key: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<(T, Span)> {
        let Some((_, node)) = entries.iter().find(|(k, _)| k.text == key) else {
            let first = entries.first().map_or(0..0, |(key, _)| key.span.clone());
            let message = format!("this replay file has no `{key}`");
            self.refuse(&first, message, "of this file", NAME_ONE);
            return None;
        };
        let help = format!("`{key}` is {expected}");
        let Value::Text(Scalar { text, .. }) = &node.value else {
            let message = format!("expected {expected}, found {}", node.kind());
            self.refuse(&node.span, message, "not this", &help);
            return None;
        };
        let value = read(text);
        if value.is_none() {
            let message = format!("{} is not {expected}", quoted(text));
            self.refuse(&node.span, message, "not this", &help);
        }
        Some((value?, node.span.clone()))
    }

    /// The plan, read where it stands.
    fn plan(
        &mut self,
        entries: &[(Key, Node)],
        name: &str,
        written: &str,
        text: &str,
    ) -> Option<Scenario> {
        let (key, _) = entries.iter().find(|(key, _)| key.text == "plan")?;
        let place = block(self.source, key, text);
        let (file, shown) = match &place {
            Some(place) => (self.path.to_owned(), alone(self.source, place)),
            // Written by somebody else, in quotes for instance: its lines are not those of the file.
            None => (
                format!("{} (plan of {written})", self.path),
                text.to_owned(),
            ),
        };
        match load_str(name, &file, &shown) {
            Ok(plan) => Some(plan),
            Err(problems) => {
                let own = |d: Diagnostic| match place {
                    Some(_) => d.within(Arc::clone(self.source)),
                    None => d,
                };
                self.problems.extend(problems.into_iter().map(own));
                None
            }
        }
    }
}

/// Where the lines of the plan stand in the file, when they stand there as they are, only indented.
fn block(source: &str, key: &Key, plan: &str) -> Option<Range<usize>> {
    let start = key.span.end + source.get(key.span.end..)?.find('\n')? + 1;
    let mut end = start;
    for wanted in plan.lines() {
        let line = source.get(end..)?.split_inclusive('\n').next()?;
        let indent = line.trim_end_matches(['\n', '\r']).strip_suffix(wanted)?;
        if !indent.chars().all(|c| c == ' ') {
            return None;
        }
        end += line.len();
    }
    Some(start..end)
}

/// The file with nothing in it but this part, at the same offsets.
fn alone(source: &str, part: &Range<usize>) -> String {
    let blank = |text: &str| -> String {
        let spaces = text.bytes().map(|b| if b == b'\n' { '\n' } else { ' ' });
        spaces.collect()
    };
    let (before, after) = (&source[..part.start], &source[part.end..]);
    format!("{}{}{}", blank(before), &source[part.clone()], blank(after))
}

#[cfg(test)]
mod tests;
