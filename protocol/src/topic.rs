//! Topic names, topic filters and matching (section 4.7; shared subscriptions section 4.8.2 of 5.0).
//!
//! Syntax and matching only: who subscribed to what, and what a server allows, is not known here.

use crate::Text;
use std::fmt;

/// Why a string is not a topic name or topic filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// It is empty [MQTT-4.7.3-1].
    #[error("it is empty")]
    Empty,
    /// A topic name has `+` or `#` at this byte [MQTT-3.3.2-2].
    #[error("wildcard character at byte {0} of a topic name")]
    WildcardInName(usize),
    /// `#` does not stand alone at the end [MQTT-4.7.1-2] (3.1.1), [MQTT-4.7.1-1] (5.0).
    #[error("`#` at byte {0} is not a whole last level")]
    MultiLevel(usize),
    /// `+` does not fill a whole level [MQTT-4.7.1-3] (3.1.1), [MQTT-4.7.1-2] (5.0).
    #[error("`+` at byte {0} is not a whole level")]
    SingleLevel(usize),
    /// A `$share` filter without a valid share name or without a filter behind it [MQTT-4.8.2-1], [MQTT-4.8.2-2].
    #[error("broken shared subscription at byte {0}")]
    Share(usize),
}

impl TopicError {
    /// Whether it says that the ShareName of `filter` is empty [MQTT-4.8.2-1], rather than malformed [MQTT-4.8.2-2].
    #[must_use]
    pub fn is_empty_share_name(self, filter: &str) -> bool {
        self == Self::Share(SHARE.len())
            && matches!(filter.as_bytes().get(SHARE.len()), None | Some(b'/'))
    }
}

/// A checked topic filter. `$share/…` is taken apart only for 5.0, see [`TopicFilter::parse_v5`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicFilter {
    text: Text,
    share: Option<u16>, // length of "$share/name/" when shared
}

impl TopicFilter {
    /// Checks the wildcards of a filter; `$share` has no meaning (3.1.1).
    ///
    /// # Errors
    /// When the filter is empty or a wildcard is misplaced.
    pub fn parse_v3(text: impl Into<Text>) -> Result<Self, TopicError> {
        let text = text.into();
        check_pattern(&text, 0)?;
        Ok(Self { text, share: None })
    }

    /// Like [`Self::parse_v3`], and takes a shared subscription apart (5.0).
    ///
    /// # Errors
    /// When the filter is empty, a wildcard is misplaced, or `$share` is malformed.
    pub fn parse_v5(text: impl Into<Text>) -> Result<Self, TopicError> {
        let text = text.into();
        let share = share_prefix(&text)?;
        check_pattern(&text, usize::from(share.unwrap_or(0)))?;
        Ok(Self { text, share })
    }

    /// The whole filter as it was on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part that is matched against topic names: all of it, or what stands behind `$share/name/`.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.text[usize::from(self.share.unwrap_or(0))..]
    }

    /// The ShareName of a shared subscription.
    #[must_use]
    pub fn share_name(&self) -> Option<&str> {
        let prefix = usize::from(self.share?);
        Some(&self.text[SHARE.len()..prefix - 1])
    }

    /// Whether it is a shared subscription.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.share.is_some()
    }

    /// Whether `topic` matches, with the rule for names that begin with `$` [MQTT-4.7.2-1].
    #[must_use]
    pub fn matches(&self, topic: &str) -> bool {
        matches(self.pattern(), topic)
    }

    /// Whether the pattern has a `+` or `#`.
    #[must_use]
    pub fn has_wildcard(&self) -> bool {
        self.pattern().contains(['+', '#'])
    }
}

impl fmt::Display for TopicFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// Checks a topic name: not empty [MQTT-4.7.3-1], no wildcard [MQTT-3.3.2-2].
///
/// # Errors
/// The rule that is broken and where.
pub fn check_name(name: &str) -> Result<(), TopicError> {
    if name.is_empty() {
        // [MQTT-4.7.3-1]
        return Err(TopicError::Empty);
    }
    match name.bytes().position(|b| b == b'+' || b == b'#') {
        // [MQTT-3.3.2-2]
        Some(at) => Err(TopicError::WildcardInName(at)),
        None => Ok(()),
    }
}

/// Whether the topic name matches the (well-formed, unshared) pattern (section 4.7). Allocates nothing.
#[must_use]
pub fn matches(pattern: &str, topic: &str) -> bool {
    // [MQTT-4.7.2-1]
    if topic.starts_with('$') && pattern.starts_with(['+', '#']) {
        return false;
    }
    let mut names = topic.split('/');
    for level in pattern.split('/') {
        // `#` also stands for no level at all, so it matches the parent [X-3.1.1-topic-1], [X-5.0-topic-1].
        if level == "#" {
            return true;
        }
        match names.next() {
            // `+` matches exactly one level, also an empty one [X-3.1.1-topic-2], [X-5.0-topic-2].
            Some(name) if level == "+" || level == name => {}
            _ => return false,
        }
    }
    names.next().is_none()
}

const SHARE: &str = "$share/";

/// The length of `$share/name/` in front of a shared subscription, `None` for any other filter.
fn share_prefix(filter: &str) -> Result<Option<u16>, TopicError> {
    let Some(rest) = filter.strip_prefix(SHARE) else {
        return Ok(None);
    };
    match rest.find(['/', '+', '#']) {
        // [MQTT-4.8.2-1] (5.0)
        Some(0) => Err(TopicError::Share(SHARE.len())),
        // [MQTT-4.8.2-2] (5.0): a name without wildcards, a separator, and a filter behind it
        Some(at) if rest.as_bytes()[at] == b'/' && at + 1 < rest.len() => {
            let prefix = u16::try_from(SHARE.len() + at + 1);
            Ok(Some(prefix.map_err(|_| TopicError::Share(SHARE.len()))?))
        }
        Some(at) => Err(TopicError::Share(SHARE.len() + at)),
        None => Err(TopicError::Share(filter.len())),
    }
}

/// Checks the wildcards of what stands behind `start`.
fn check_pattern(filter: &str, start: usize) -> Result<(), TopicError> {
    if filter.len() == start {
        // [MQTT-4.7.3-1]
        return Err(TopicError::Empty);
    }
    let bytes = filter.as_bytes();
    for (at, byte) in bytes.iter().enumerate().skip(start) {
        let begins = at == start || bytes[at - 1] == b'/';
        let last = at + 1 == bytes.len();
        match byte {
            // [MQTT-4.7.1-2] (3.1.1), [MQTT-4.7.1-1] (5.0)
            b'#' if !begins || !last => return Err(TopicError::MultiLevel(at)),
            // [MQTT-4.7.1-3] (3.1.1), [MQTT-4.7.1-2] (5.0)
            b'+' if !begins || !(last || bytes[at + 1] == b'/') => {
                return Err(TopicError::SingleLevel(at));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
