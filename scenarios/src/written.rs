//! YAML texts, lists and maps, as the writer likes them.
//!
//! Knows how YAML is written, not what a scenario is.

use crate::values;
use bytes::Bytes;
use squall_protocol::hex;
use std::fmt::{self, Display};

/// A payload in the shortest of its three forms that a person can read.
pub(crate) fn payload(bytes: &Bytes) -> String {
    if bytes.len() > 64 && **bytes == *values::sized(bytes.len()) {
        return format!("{{ size: {} }}", bytes.len());
    }
    match std::str::from_utf8(bytes) {
        Ok(readable) if !readable.chars().any(|c| c.is_control() && c != '\n') => text(readable),
        _ => format!("{{ hex: \"{}\" }}", hex::compact(bytes)),
    }
}

/// A text as it is when it means itself in YAML, in double quotes otherwise.
pub(crate) fn text(text: &str) -> String {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.' | '-');
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    if begins && text.chars().all(word) && !matches!(text, "null" | "none" | "all") {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            ' '..='~' => quoted.push(c),
            _ if c.is_alphanumeric() => quoted.push(c),
            _ => quoted.push_str(&format!("\\U{:08X}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

pub(crate) fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    format!("[{}]", items.join(", "))
}

/// A map on one line.
pub(crate) struct Map(pub(super) Vec<(&'static str, String)>);

impl Map {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn put(&mut self, key: &'static str, value: impl Display) {
        self.0.push((key, value.to_string()));
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Display for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("{}");
        }
        let entries: Vec<String> = self
            .0
            .iter()
            .map(|(key, value)| format!("{key}: {value}"))
            .collect();
        write!(f, "{{ {} }}", entries.join(", "))
    }
}

/// Lines as an entry of a list: a dash before the first, the others below it.
pub(crate) fn entry(lines: Vec<String>) -> Vec<String> {
    let dash = |(i, line): (usize, String)| {
        if i == 0 {
            format!("- {line}")
        } else {
            format!("  {line}")
        }
    };
    lines.into_iter().enumerate().map(dash).collect()
}

/// A key with lines below it.
pub(crate) fn block(key: &str, lines: impl Iterator<Item = String>) -> Vec<String> {
    std::iter::once(key.to_owned())
        .chain(indented(lines))
        .collect()
}

pub(crate) fn indented(lines: impl IntoIterator<Item = String>) -> impl Iterator<Item = String> {
    lines.into_iter().map(|line| format!("  {line}"))
}
