//! The nearest valid spelling of a word: for messages about words that nothing is called by.
//!
//! Words in, a word out; what the words are about is not known here.

/// The candidate that `word` most likely was meant to be, if one is near enough. Of equally near ones the first.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = normal(word);
    let letters = word.chars().count();
    // A third of the letters may be wrong; a longer word than this is no slip of the pen.
    if letters == 0 || letters > 64 {
        return None;
    }
    let allowed = (letters / 3).clamp(1, 4);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        // A character takes at most four bytes: what is too long or too short by then is not looked at.
        if candidate.len() / 4 > letters + allowed || candidate.len() + allowed < letters {
            continue;
        }
        // Insertions, deletions, replacements, and swaps of neighbours.
        let distance = strsim::osa_distance(&word, &normal(candidate));
        let whole = candidate.chars().count().max(letters);
        if distance <= allowed && distance < whole && best.is_none_or(|(d, _)| distance < d) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// `did you mean …?` when there is a near candidate.
#[must_use]
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(word, candidates).map(|c| format!("did you mean `{c}`?"))
}

/// Case and the kind of separator do not count as mistakes.
fn normal(word: &str) -> String {
    let same = |c: char| if matches!(c, '-' | ' ') { '_' } else { c };
    word.chars()
        .map(same)
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_are_found() {
        let words = ["latency", "loss", "limit", "links"];
        assert_eq!(nearest("latncy", words), Some("latency"));
        assert_eq!(nearest("lsos", words), Some("loss"));
        assert_eq!(nearest("Limit", words), Some("limit"));
        assert_eq!(nearest("bandwidth", words), None);
        assert_eq!(nearest("", words), None);
        assert_eq!(
            nearest("x", ["a"]),
            None,
            "a whole other word is no suggestion"
        );
        assert_eq!(nearest("keep-alive", ["keep_alive"]), Some("keep_alive"));
    }
}
