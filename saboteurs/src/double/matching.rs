//! Whether a topic filter matches a topic name (section 4.7), level by level, the plain way.

use super::ways::Ways;
use crate::Switch;
use std::borrow::Cow;

/// Whether a message on `topic` goes to a subscription with `pattern`, which has no `$share` and ShareName.
pub(super) fn matches(ways: Ways, pattern: &str, topic: &str) -> bool {
    let (pattern, topic) = (seen_as(ways, pattern), seen_as(ways, topic));
    // [MQTT-4.7.2-1]
    if topic.starts_with('$')
        && (pattern.starts_with('+') || pattern.starts_with('#'))
        && !ways.wrong(Switch::WildcardMatchesDollar)
    {
        return false;
    }
    let filter: Vec<&str> = pattern.split('/').collect();
    let levels: Vec<&str> = topic.split('/').collect();
    if levels.len() > 10 && ways.wrong(Switch::LevelsLimited) {
        return false;
    }
    if ways.wrong(Switch::WildcardUnavailableGranted) {
        return filter == levels;
    }
    if ways.wrong(Switch::MatchingPrefix)
        && !pattern.contains(['+', '#'])
        && levels.starts_with(&filter)
    {
        return true;
    }
    level_by_level(ways, &filter, &levels)
}

fn level_by_level(ways: Ways, filter: &[&str], levels: &[&str]) -> bool {
    match (filter, levels) {
        ([], []) => true,
        // `#` is what is left, also nothing, so that it matches its parent [X-3.1.1-topic-1], [X-5.0-topic-1].
        (["#"], []) => !ways.wrong(Switch::HashNotParent),
        (["#"], rest) => rest.len() == 1 || !ways.wrong(Switch::HashOneLevel),
        // `+` is one level, also an empty one [X-3.1.1-topic-2], [X-5.0-topic-2].
        (["+", filter @ ..], [level, levels @ ..]) => {
            if level.is_empty() && ways.wrong(Switch::PlusNotEmpty) {
                return false;
            }
            if filter.is_empty() && ways.wrong(Switch::PlusManyLevels) {
                return true;
            }
            level_by_level(ways, filter, levels)
        }
        ([wanted, filter @ ..], [level, levels @ ..]) => {
            wanted == level && level_by_level(ways, filter, levels)
        }
        _ => false,
    }
}

/// A filter or topic as it is matched: as it was sent [MQTT-4.7.3-4].
fn seen_as(ways: Ways, text: &str) -> Cow<'_, str> {
    let mut seen = Cow::Borrowed(text);
    if ways.wrong(Switch::MatchingCaseless) {
        seen = seen.to_lowercase().into();
    }
    if ways.wrong(Switch::MatchingNormalised) {
        let pairs = [("a\u{301}", "á"), ("e\u{301}", "é"), ("o\u{301}", "ó")];
        for (apart, together) in pairs {
            seen = seen.replace(apart, together).into();
        }
    }
    if ways.wrong(Switch::ByteOrderMarkDropped) {
        seen = seen.replace('\u{FEFF}', "").into();
    }
    if ways.wrong(Switch::SpacesTrimmed) {
        seen = seen.trim_matches(' ').to_owned().into();
    }
    if ways.wrong(Switch::TrailingSlashDropped) && seen.len() > 1 && seen.ends_with('/') {
        seen = seen[..seen.len() - 1].to_owned().into();
    }
    if ways.wrong(Switch::LeadingSlashDropped) && seen.len() > 1 && seen.starts_with('/') {
        seen = seen[1..].to_owned().into();
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_section_4_7_says() {
        let plain = |pattern, topic| matches(Ways::default(), pattern, topic);
        for (pattern, topic, expected) in [
            ("a/b", "a/b", true),
            ("a/b", "a/B", false),
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            (
                "sport/tennis/player1/#",
                "sport/tennis/player1/score/wimbledon",
                true,
            ),
            ("#", "a/b/c", true),
            ("sport/tennis/+", "sport/tennis/player1", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("#", "$SYS/monitor", false),
            ("+/monitor", "$SYS/monitor", false),
            ("$SYS/#", "$SYS/monitor", true),
            ("a/", "a", false),
            ("\u{FEFF}a", "a", false),
        ] {
            assert_eq!(plain(pattern, topic), expected, "{pattern} and {topic}");
        }
    }
}
