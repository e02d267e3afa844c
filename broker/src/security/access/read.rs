//! The access file as text.

use super::{Access, Part, Rule, Who};
use crate::security::FileError;
use squall_protocol::topic::TopicFilter;

/// How a line is to be written.
const FORM: &str = "write WHO allow|deny publish|subscribe|both FILTER, where WHO is all, users, anonymous or user NAME";

impl Access {
    /// Reads an access file; `file` is its name in errors.
    ///
    /// # Errors
    /// The first line that is no rule.
    pub fn parse(file: &str, text: &str) -> Result<Self, FileError> {
        let mut access = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            access.line(line.trim()).map_err(|what| FileError {
                file: file.to_owned(),
                line: number,
                what,
            })?;
        }
        Ok(access)
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let (who, rest) = word(line)?;
        let (about, rest) = match who {
            "all" => (Ok(Who::All), rest),
            "users" => (Ok(Who::Users), rest),
            "anonymous" => (Ok(Who::Anonymous), rest),
            "user" => {
                let (name, rest) = name(rest)?;
                (Err(name), rest)
            }
            other => return Err(format!("`{other}` is nobody: {FORM}")),
        };
        let rule = rule(rest)?;
        match about {
            Ok(who) => self.common.push((who, rule)),
            Err(name) => self.users.entry(name.to_owned()).or_default().push(rule),
        }
        Ok(())
    }
}

/// Everything after whom it is about.
fn rule(text: &str) -> Result<Rule, String> {
    let (verdict, text) = word(text)?;
    let allows = match verdict {
        "allow" => true,
        "deny" => false,
        other => return Err(format!("`{other}` is neither allow nor deny: {FORM}")),
    };
    let (deed, filter) = word(text)?;
    let (publish, subscribe) = match deed {
        "publish" => (true, false),
        "subscribe" => (false, true),
        "both" => (true, true),
        other => return Err(format!("`{other}` is nothing that can be done: {FORM}")),
    };
    Ok(Rule {
        allows,
        publish,
        subscribe,
        pattern: pattern(filter)?,
    })
}

/// The next word, and what comes after it.
fn word(text: &str) -> Result<(&str, &str), String> {
    let (word, rest) = text
        .split_once(char::is_whitespace)
        .ok_or_else(|| format!("the line ends too early: {FORM}"))?;
    Ok((word, rest.trim_start()))
}

/// A user's name: a word, or anything in quotation marks.
fn name(text: &str) -> Result<(&str, &str), String> {
    let Some(quoted) = text.strip_prefix('"') else {
        return word(text);
    };
    let (name, rest) = quoted
        .split_once('"')
        .ok_or("a quotation mark is missing after the user's name")?;
    match name.is_empty() {
        true => Err("the user's name is empty".into()),
        false => Ok((name, rest.trim_start())),
    }
}

/// A text with what stands for something else.
pub(super) fn parts(text: &str) -> Result<Vec<Part>, String> {
    let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        let part = match after.chars().next() {
            Some('u') => Part::User,
            Some('c') => Part::ClientId,
            Some('%') => Part::Text("%".into()),
            _ => return Err("a % is followed by none of u, c and %".into()),
        };
        rest = &after[1..];
        match part {
            Part::Text(percent) => plain.push_str(&percent),
            part => {
                parts.push(Part::Text(std::mem::take(&mut plain)));
                parts.push(part);
            }
        }
    }
    plain.push_str(rest);
    parts.push(Part::Text(plain));
    Ok(parts)
}

/// A topic filter with what stands for something else.
fn pattern(text: &str) -> Result<Vec<Part>, String> {
    let parts = parts(text)?;
    let filled: String = parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => text,
            Part::User | Part::ClientId => "x",
        })
        .collect();
    if filled.starts_with("$share/") {
        return Err("$share and ShareName do not belong to the filter of a rule".into());
    }
    TopicFilter::parse_v3(filled).map_err(|e| format!("this is no topic filter: {e}"))?;
    Ok(parts)
}
