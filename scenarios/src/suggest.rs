//! The nearest valid spelling of a word.
//!
//! Knows nothing of scenarios: words in, a word out.

/// The candidate that `word` most likely was meant to be, if one is near enough. Of equally near ones the first.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = normal(word);
    // A third of the letters may be wrong; a longer word than this is no slip of the pen.
    if word.is_empty() || word.len() > 64 {
        return None;
    }
    let allowed = (word.len() / 3).clamp(1, 4);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        // A character takes at most four bytes: what is too long or too short by then is not looked at.
        if candidate.len() / 4 > word.len() + allowed || candidate.len() + allowed < word.len() {
            continue;
        }
        let distance = distance(&word, &normal(candidate));
        let whole = candidate.chars().count().max(word.len());
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

/// Words that are listed; of more, the rest is counted.
const MOST: usize = 30;

/// Words in a row: `a`, `b` and `c`.
pub(crate) fn listed<'a>(words: impl IntoIterator<Item = &'a str>, last: &str) -> String {
    let mut rest = words.into_iter();
    let mut words: Vec<String> = rest.by_ref().take(MOST).map(|w| format!("`{w}`")).collect();
    match rest.count() {
        0 => {}
        more => words.push(format!("{more} more")),
    }
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((end, head)) => format!("{} {last} {end}", head.join(", ")),
    }
}

/// Case and the kind of separator do not count as mistakes.
fn normal(word: &str) -> Vec<char> {
    let same = |c: char| if matches!(c, '-' | ' ') { '_' } else { c };
    word.chars()
        .map(same)
        .flat_map(char::to_lowercase)
        .collect()
}

/// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
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

    #[test]
    fn distance_counts_edits() {
        let d = |a: &str, b: &str| {
            distance(
                &a.chars().collect::<Vec<_>>(),
                &b.chars().collect::<Vec<_>>(),
            )
        };
        assert_eq!(d("", "abc"), 3);
        assert_eq!(d("abc", ""), 3);
        assert_eq!(d("kitten", "sitting"), 3);
        assert_eq!(d("ab", "ba"), 1);
        assert_eq!(d("same", "same"), 0);
    }

    #[test]
    fn lists_read_like_sentences() {
        assert_eq!(listed(["a"], "or"), "`a`");
        assert_eq!(listed(["a", "b", "c"], "or"), "`a`, `b` or `c`");
        assert_eq!(listed([], "or"), "");
    }
}
