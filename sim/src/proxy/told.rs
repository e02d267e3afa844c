//! What a proxy sees, as lines for people and as JSON for programs. No password and no payload is in either.

use super::{
    Tally,
    event::{Event, Fate, What},
};
use serde_json::{Value, json};
use squall_history::Finding;
use squall_protocol::Role;
use squall_reports::visible::{columns, line, wrap};

/// Columns of a line.
const WIDTH: usize = 80;
/// Columns before the words of a line.
const INDENT: usize = 19;

const RED: &str = "\u{1b}[31m";
const YELLOW: &str = "\u{1b}[33m";
const DIM: &str = "\u{1b}[2m";
const PLAIN: &str = "\u{1b}[0m";

/// An event as a program reads it; nothing where there is nothing to be said.
#[must_use]
pub fn json(event: &Event<'_>) -> Option<Value> {
    let mut told = match event.what {
        What::Opened(ends) => json!({ "event": "opened", "client": ends.client.to_string() }),
        What::Unreached { why } => json!({ "event": "unreached", "why": why }),
        What::Packet {
            from,
            packet,
            bytes,
            fate,
        } => json!({
            "event": "packet", "from": who(from), "packet": packet.packet_type().name(), "text": packet.summary(),
            "bytes": bytes, "fate": match fate { Fate::Passed => "passed", Fate::Torn => "torn", Fate::Lost => "lost" },
        }),
        What::Broken { from, why, bytes } => {
            json!({ "event": "broken", "from": who(from), "why": why, "bytes": bytes })
        }
        What::Unread { from, kind, bytes } => json!({
            "event": "unread", "from": who(from), "packet": kind.map(squall_protocol::PacketType::name), "bytes": bytes,
        }),
        What::Alien { from, why } => json!({ "event": "no_mqtt", "from": who(from), "why": why }),
        What::Violation { by, finding } => json!({
            "event": "violation", "by": who(by), "rule": finding.rule, "statements": finding.statements,
            "message": finding.message, "expected": finding.expected,
        }),
        What::Struck { how } => json!({ "event": "fault", "how": how }),
        What::Passed { .. } => return None,
        What::Ended { from, reset } => {
            json!({ "event": "ended", "from": who(from), "reset": reset })
        }
        What::Over { reset } => json!({ "event": "over", "reset": reset }),
    };
    if let Value::Object(map) = &mut told {
        map.insert("connection".into(), event.conn.into());
        map.insert("ms".into(), event.at.into());
    }
    Some(told)
}

/// The end of it as a program reads it.
#[must_use]
pub fn json_summary(tally: &Tally) -> Value {
    let violations = tally.violations.iter();
    let violations: Vec<_> = violations
        .map(|((by, statement), times)| json!({ "by": who(*by), "statements": statement, "times": times }))
        .collect();
    json!({
        "event": "summary", "connections": tally.connections, "unreached": tally.unreached, "packets": tally.packets,
        "violations": violations, "faults_that_never_struck": tally.idle,
    })
}

/// Lines for people, of 80 columns.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines {
    colour: bool,
}

impl Lines {
    /// Lines with colour or without.
    #[must_use]
    pub const fn new(colour: bool) -> Self {
        Self { colour }
    }

    /// An event in lines; nothing where there is nothing to be said.
    #[must_use]
    pub fn of(&self, event: &Event<'_>) -> Option<String> {
        let (sign, words, colour) = match event.what {
            What::Opened(ends) => ("·", format!("{} connected", ends.client), DIM),
            What::Unreached { why } => ("·", format!("the broker cannot be reached: {why}"), RED),
            What::Packet {
                from, packet, fate, ..
            } => {
                let fate = match fate {
                    Fate::Passed => "",
                    Fate::Torn => " — only some of it passed on",
                    Fate::Lost => " — not passed on",
                };
                let room = WIDTH - INDENT - columns(fate);
                let words = format!("{}{fate}", cut(&packet.summary(), room));
                return Some(self.line(event, arrow(from), &words, ""));
            }
            What::Broken { from, why, bytes } => {
                let words = format!("{why} ({bytes} bytes)");
                (arrow(from), words, "")
            }
            What::Unread { from, kind, bytes } => {
                let kind = kind.map_or("a packet", squall_protocol::PacketType::name);
                let words = format!(
                    "{kind} of {bytes} bytes, too long to be looked into; the session is not judged on"
                );
                (arrow(from), words, YELLOW)
            }
            What::Alien { from, why } => {
                let words = format!("{why}; the {} is passed on unchanged", who(from));
                ("·", words, YELLOW)
            }
            What::Violation { by, finding } => return Some(self.violation(by, finding)),
            What::Struck { how } => ("·", how.to_owned(), YELLOW),
            What::Passed { .. } => return None,
            What::Ended { from, reset } => {
                let how = if reset { "reset" } else { "closed" };
                ("·", format!("{how} by the {}", who(from)), DIM)
            }
            What::Over { .. } => ("·", "over".to_owned(), DIM),
        };
        Some(self.line(event, sign, &words, colour))
    }

    fn line(&self, event: &Event<'_>, sign: &str, words: &str, colour: &str) -> String {
        let seconds = format!("{}.{:03}", event.at / 1000, event.at % 1000);
        let conn = format!("#{}", event.conn);
        let head = format!("{seconds:>10} {conn:<5} {sign} ");
        let words = line(words);
        let parts = wrap(&words, WIDTH - columns(&head).max(INDENT));
        let mut out = String::new();
        for (n, part) in parts.iter().enumerate() {
            match n {
                0 => out.push_str(&head),
                _ => out.push_str(&format!("\n{:INDENT$}", "")),
            }
            out.push_str(&self.coloured(part, colour));
        }
        out
    }

    fn coloured(&self, text: &str, colour: &str) -> String {
        match self.colour && !colour.is_empty() {
            true => format!("{colour}{text}{PLAIN}"),
            false => text.to_owned(),
        }
    }

    /// What was broken, beneath the packet that did.
    fn violation(&self, by: Role, finding: &Finding) -> String {
        let statements: Vec<_> = finding
            .statements
            .iter()
            .map(|s| format!("[{s}]"))
            .collect();
        let what = match statements.is_empty() {
            true => finding.rule.to_owned(),
            false => statements.join(" "),
        };
        let head = format!("✗ {} {what}", who(by));
        let mut lines = vec![head];
        for text in [
            line(&finding.message).into_owned(),
            format!("expected: {}", line(&finding.expected)),
        ] {
            let wrapped = wrap(&text, WIDTH - INDENT - 2);
            lines.extend(wrapped.into_iter().map(|part| format!("  {part}")));
        }
        let indented = lines
            .iter()
            .map(|part| format!("{:INDENT$}{}", "", self.coloured(part, RED)));
        indented.collect::<Vec<_>>().join("\n")
    }

    /// The end of it.
    #[must_use]
    pub fn summary(&self, tally: &Tally) -> String {
        let count = |n: u64, one: &str, many: &str| match n {
            1 => format!("1 {one}"),
            n => format!("{n} {many}"),
        };
        let broken: u64 = tally.violations.values().sum();
        let mut lines = vec![format!(
            "{}, {}, {}",
            count(tally.connections, "connection", "connections"),
            count(tally.packets, "packet", "packets"),
            count(broken, "violation", "violations"),
        )];
        for ((by, what), times) in &tally.violations {
            let text = format!("✗ {what} by the {}: {times}", who(*by));
            lines.push(self.coloured(&text, RED));
        }
        if tally.unreached > 0 {
            let text = format!(
                "the broker could not be reached for {}",
                count(tally.unreached, "connection", "connections")
            );
            lines.push(self.coloured(&text, RED));
        }
        for fault in &tally.idle {
            let text = format!("a fault never struck: {}", line(fault));
            lines.push(self.coloured(&text, YELLOW));
        }
        lines.join("\n")
    }
}

const fn who(side: Role) -> &'static str {
    match side {
        Role::Client => "client",
        Role::Server => "broker",
    }
}

const fn arrow(from: Role) -> &'static str {
    match from {
        Role::Client => "→",
        Role::Server => "←",
    }
}

/// The text in so many columns.
fn cut(text: &str, most: usize) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        if columns(&out) + 3 > most {
            break;
        }
        out.push(c);
    }
    out + "…"
}
