//! Topic filters held against each other: does one cover the other, do both match a topic?

/// Whether `wide` matches every topic that `narrow` matches. Both are patterns: well-formed filters without `$share`.
pub(super) fn covers(wide: &str, narrow: &str) -> bool {
    // Wildcards do not match what begins with $ [MQTT-4.7.2-1].
    if is_wild(wide) && narrow.starts_with('$') {
        return false;
    }
    // A topic has one level at least.
    if wide == "+/#" && narrow == "#" {
        return true;
    }
    let (mut wide, mut narrow) = (wide.split('/'), narrow.split('/'));
    loop {
        match (wide.next(), narrow.next()) {
            (Some("#"), _) | (None, None) => return true,
            (_, Some("#")) | (None, Some(_)) | (Some(_), None) => return false,
            (Some("+"), Some(_)) => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

/// Whether some topic is matched by both.
pub(super) fn meets(one: &str, other: &str) -> bool {
    // [MQTT-4.7.2-1]
    if is_wild(one) && other.starts_with('$') || is_wild(other) && one.starts_with('$') {
        return false;
    }
    let (mut one, mut other) = (one.split('/'), other.split('/'));
    loop {
        match (one.next(), other.next()) {
            (Some("#"), _) | (_, Some("#")) | (None, None) => return true,
            (None, _) | (_, None) => return false,
            (Some("+"), _) | (_, Some("+")) => {}
            (Some(level), Some(also)) if level == also => {}
            _ => return false,
        }
    }
}

/// Whether the first level of a pattern is a wildcard.
fn is_wild(pattern: &str) -> bool {
    pattern.starts_with(['+', '#'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_protocol::topic::{TopicFilter, matches};

    /// All texts of up to three of these levels.
    fn all(levels: &[&str]) -> Vec<String> {
        let mut all: Vec<String> = levels.iter().map(ToString::to_string).collect();
        for long in 1..=2 {
            let shorter: Vec<String> = all
                .iter()
                .filter(|text| text.matches('/').count() == long - 1)
                .cloned()
                .collect();
            for text in shorter {
                all.extend(levels.iter().map(|level| format!("{text}/{level}")));
            }
        }
        all.retain(|text| !text.is_empty());
        all
    }

    #[test]
    fn they_are_what_matching_makes_them() {
        let topics = all(&["a", "b", "c", "", "$a"]);
        // One more level than filters have tells `+/+/+` from `+/+/#`.
        let deeper = topics.iter().map(|topic| format!("{topic}/c"));
        // Nobody can publish to the topic without a character; here it counts as one.
        let none = [String::new()];
        let topics: Vec<String> = topics.iter().cloned().chain(deeper).chain(none).collect();
        let mut filters = all(&["a", "b", "", "+", "#", "$a"]);
        filters.retain(|filter| TopicFilter::parse_v3(filter.as_str()).is_ok());
        let hits: Vec<Vec<bool>> = filters
            .iter()
            .map(|filter| topics.iter().map(|topic| matches(filter, topic)).collect())
            .collect();
        let mut seen = [0; 4];
        for (one, one_hits) in filters.iter().zip(&hits) {
            for (other, other_hits) in filters.iter().zip(&hits) {
                let mut both = one_hits.iter().zip(other_hits);
                let covered = both.clone().all(|(wide, narrow)| *wide || !narrow);
                let met = both.any(|(one, other)| *one && *other);
                assert_eq!(covers(one, other), covered, "{one} covers {other}");
                assert_eq!(meets(one, other), met, "{one} meets {other}");
                seen[usize::from(covered) + 2 * usize::from(met)] += 1;
            }
        }
        assert!(seen[0] > 0 && seen[2] > 0 && seen[3] > 0, "{seen:?}");
    }
}
