//! Topic names, topic filters and matching (section 4.7; shared subscriptions section 4.8.2 of 5.0). That they hold no
//! U+0000 [MQTT-4.7.3-2] is seen to by [`Text`].
//!
//! * [`check_name`], [`TopicFilter`] what is well-formed
//! * [`matches()`] one filter against one name
//! * [`TopicAliases`] what aliases stand for on one connection
//! * [`SubscriptionTrie`] all filters of all subscribers against one name
//!
//! Names and filters are bytes here: nothing is normalised or folded [MQTT-4.7.3-4], and a separator in front or at the
//! end makes another level, an empty one [X-3.1.1-topic-4], [X-5.0-topic-4]. What a server allows is not known here.

mod alias;
mod trie;

pub use alias::{TopicAliasError, TopicAliases, TopicNamed};
pub use trie::{Group, Matching, Subscribers, SubscriptionTrie};

use crate::{Text, Version, text::try_each};
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
    /// A `$share` filter without a valid share name or without a filter after it [MQTT-4.8.2-1], [MQTT-4.8.2-2].
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
    /// [`TopicError::Empty`], [`TopicError::MultiLevel`] or [`TopicError::SingleLevel`]; the leftmost fault.
    pub fn parse_v3(text: impl Into<Text>) -> Result<Self, TopicError> {
        Self::parse(text.into(), Version::V3_1_1)
    }

    /// Like [`Self::parse_v3`], and takes a shared subscription apart (5.0) [MQTT-4.8.2-1], [MQTT-4.8.2-2].
    ///
    /// # Errors
    /// Those of [`Self::parse_v3`], with bytes counted from the beginning of the whole filter, and
    /// [`TopicError::Share`].
    pub fn parse_v5(text: impl Into<Text>) -> Result<Self, TopicError> {
        Self::parse(text.into(), Version::V5_0)
    }

    fn parse(text: Text, version: Version) -> Result<Self, TopicError> {
        let mut filter = Self::unchecked(text.clone());
        filter.check(text.as_bytes(), version).map(|()| filter)
    }

    /// A filter that [`Self::check`] has not seen yet.
    pub(crate) const fn unchecked(text: Text) -> Self {
        Self { text, share: None }
    }

    /// For filling an unchecked filter in.
    pub(crate) fn text_mut(&mut self) -> &mut Text {
        &mut self.text
    }

    /// Checks it, whose text is these `bytes`, by the rules of this version, which knows shared subscriptions or not.
    #[inline]
    pub(crate) fn check(&mut self, bytes: &[u8], version: Version) -> Result<(), TopicError> {
        if version == Version::V5_0 {
            self.share = share_prefix(bytes)?;
        }
        check_pattern(bytes, usize::from(self.share.unwrap_or(0)))
    }

    /// The whole filter as it was on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part that is matched against topic names: all of it, or what stands after `$share/name/` [X-5.0-shared-3].
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

    /// Whether the topic name matches, as [`matches()`] has it; `$share` and ShareName play no part [X-5.0-shared-3].
    #[must_use]
    pub fn matches(&self, topic: &str) -> bool {
        matches_bytes(self.pattern_bytes(), topic.as_bytes())
    }

    /// Whether the pattern has a `+` or `#`.
    #[must_use]
    pub fn has_wildcard(&self) -> bool {
        first_wildcard(self.pattern_bytes()).is_some()
    }

    fn pattern_bytes(&self) -> &[u8] {
        &self.text.as_bytes()[usize::from(self.share.unwrap_or(0))..]
    }

    /// A copy that does not keep the packet in memory that this one came in.
    fn detached(&self) -> Self {
        Self {
            text: self.as_str().into(),
            share: self.share,
        }
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
/// [`TopicError::Empty`], or [`TopicError::WildcardInName`] with the first one.
#[inline]
pub fn check_name(name: &str) -> Result<(), TopicError> {
    check_name_bytes(name.as_bytes())
}

/// [`check_name`] of bytes that are known to be a string.
#[inline]
pub(crate) fn check_name_bytes(name: &[u8]) -> Result<(), TopicError> {
    if name.is_empty() {
        // [MQTT-4.7.3-1]
        return Err(TopicError::Empty);
    }
    match first_wildcard(name) {
        // [MQTT-3.3.2-2]
        Some(at) => Err(TopicError::WildcardInName(at)),
        None => Ok(()),
    }
}

/// Whether the topic name matches the pattern (section 4.7): a well-formed filter, without `$share` and ShareName.
///
/// `+` stands for one level and `#` for any number, also none [X-5.0-topic-1], [X-5.0-topic-2]; neither does so for the
/// first level of a name that begins with `$` [MQTT-4.7.2-1]. There may be any number of levels [X-3.1.1-topic-5],
/// [X-5.0-topic-5]. One pass over both; allocates nothing.
#[must_use]
pub fn matches(pattern: &str, topic: &str) -> bool {
    matches_bytes(pattern.as_bytes(), topic.as_bytes())
}

fn matches_bytes(pattern: &[u8], topic: &[u8]) -> bool {
    // [MQTT-4.7.2-1]
    if let ([b'+' | b'#', ..], [b'$', ..]) = (pattern, topic) {
        return false;
    }
    let (mut pattern, mut topic) = (pattern, topic);
    // Each turn takes off what is equal, and a wildcard after it.
    loop {
        let both = pattern.iter().zip(topic);
        let same = both.take_while(|(p, t)| p == t && !is_wildcard(p)).count();
        (pattern, topic) = (&pattern[same..], &topic[same..]);
        match (pattern, topic) {
            ([], []) | ([b'#'], _) => return true,
            // `#` also stands for no level at all, so it matches the parent [X-3.1.1-topic-1], [X-5.0-topic-1].
            ([b'/', b'#'], []) => return true,
            // `+` matches exactly one level, also an empty one [X-3.1.1-topic-2], [X-5.0-topic-2].
            ([b'+', rest @ ..], _) => {
                let level = topic.iter().position(|b| *b == b'/');
                pattern = rest;
                topic = &topic[level.unwrap_or(topic.len())..];
            }
            _ => return false,
        }
    }
}

const fn is_wildcard(byte: &u8) -> bool {
    matches!(byte, b'+' | b'#')
}

/// Where the first `+` or `#` stands.
#[inline]
fn first_wildcard(text: &[u8]) -> Option<usize> {
    try_each(text, WILDCARDS, Err).err()
}

const WILDCARDS: [u8; 2] = [b'+', b'#'];

const SHARE: &str = "$share/";

/// The length of `$share/name/` before a shared subscription, `None` for any other filter.
fn share_prefix(filter: &[u8]) -> Result<Option<u16>, TopicError> {
    let Some(rest) = filter.strip_prefix(SHARE.as_bytes()) else {
        return Ok(None);
    };
    match rest.iter().position(|b| matches!(b, b'/' | b'+' | b'#')) {
        // [MQTT-4.8.2-1] (5.0)
        Some(0) => Err(TopicError::Share(SHARE.len())),
        // [MQTT-4.8.2-2] (5.0): a name without wildcards, a separator, and a filter after it
        Some(at) if rest[at] == b'/' && at + 1 < rest.len() => {
            let prefix = u16::try_from(SHARE.len() + at + 1);
            Ok(Some(prefix.map_err(|_| TopicError::Share(SHARE.len()))?))
        }
        Some(at) => Err(TopicError::Share(SHARE.len() + at)),
        None => Err(TopicError::Share(filter.len())),
    }
}

/// Checks the wildcards of what stands after `start`.
#[inline]
fn check_pattern(filter: &[u8], start: usize) -> Result<(), TopicError> {
    if filter.len() == start {
        // [MQTT-4.7.3-1]
        return Err(TopicError::Empty);
    }
    let pattern = &filter[start..];
    try_each(pattern, WILDCARDS, |at| {
        let begins = at == 0 || pattern[at - 1] == b'/';
        let after = pattern.get(at + 1);
        match pattern[at] {
            // [MQTT-4.7.1-2] (3.1.1), [MQTT-4.7.1-1] (5.0)
            b'#' if !begins || after.is_some() => Err(TopicError::MultiLevel(start + at)),
            // [MQTT-4.7.1-3] (3.1.1), [MQTT-4.7.1-2] (5.0)
            b'+' if !begins || after.is_some_and(|b| *b != b'/') => {
                Err(TopicError::SingleLevel(start + at))
            }
            _ => Ok(()),
        }
    })
}

#[cfg(test)]
mod tests;
