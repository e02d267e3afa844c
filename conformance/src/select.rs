//! Which checks a user means.

use crate::check::{Check, checks};
use squall_history::spelling;

/// A selection that selects nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// No check has this name or matches this pattern.
    #[error("no check is called `{pattern}`{}", hint(.nearest))]
    Unknown {
        /// What was asked for.
        pattern: String,
        /// The name that is written most like it.
        nearest: Option<String>,
    },
}

fn hint(nearest: &Option<String>) -> String {
    match nearest {
        Some(name) => format!("; did you mean `{name}`? Names may hold `*`, such as `will/*`"),
        None => "; names may hold `*`, such as `will/*`".to_owned(),
    }
}

/// The checks that match one of the patterns, in registry order; all of them when there is no pattern. `*` stands
/// for any text, `?` for one character, and the name of a group alone for all of its checks.
pub(crate) fn select(only: &[String]) -> Result<Vec<&'static Check>, SelectError> {
    for pattern in only {
        if !checks().any(|check| means(pattern, check.id)) {
            return Err(SelectError::Unknown {
                pattern: pattern.clone(),
                nearest: nearest(pattern),
            });
        }
    }
    let wanted =
        |check: &&'static Check| only.is_empty() || only.iter().any(|p| means(p, check.id));
    Ok(checks().filter(wanted).collect())
}

fn means(pattern: &str, id: &str) -> bool {
    let group = id.split_once('/').map_or(id, |(group, _)| group);
    pattern == group || glob(pattern.as_bytes(), id.as_bytes())
}

/// Whether the whole of `text` matches. Remembers only the last `*`, so its time is the product of both lengths.
pub fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                // The star takes one character more.
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// The check or group that is most likely meant.
fn nearest(pattern: &str) -> Option<String> {
    let groups = checks().filter_map(|c| c.id.split_once('/').map(|(group, _)| group));
    let names = checks().map(|c| c.id).chain(groups);
    let name = pattern.trim_end_matches(['*', '/']);
    spelling::nearest(name, names).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_the_whole_name() {
        assert!(glob(b"will/*", b"will/on-drop"));
        assert!(glob(b"*drop", b"will/on-drop"));
        assert!(glob(b"w?ll/*", b"will/on-drop"));
        assert!(!glob(b"will", b"will/on-drop"));
        assert!(glob(b"*a*b*", b"aab"));
        assert!(!glob(b"*a*b", b"aba"));
        assert!(means("will", "will/on-drop"));
        assert!(!means("wil", "will/on-drop"));
    }

    #[test]
    fn the_nearest_name_is_found_for_names_and_groups() {
        assert_eq!(nearest("will/on-dorp").as_deref(), Some("will/on-drop"));
        assert_eq!(nearest("conect/*").as_deref(), Some("connect"));
        assert_eq!(nearest("something else"), None);
    }

    #[test]
    fn nothing_asked_for_is_everything() {
        assert_eq!(select(&[]).unwrap().len(), checks().count());
    }
}
