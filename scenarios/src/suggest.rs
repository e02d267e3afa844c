//! Spellings, and words in a row, for messages.
//!
//! Knows nothing of scenarios: words in, words out.

pub use squall_history::spelling::{did_you_mean, nearest};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_like_sentences() {
        assert_eq!(listed(["a"], "or"), "`a`");
        assert_eq!(listed(["a", "b", "c"], "or"), "`a`, `b` or `c`");
        assert_eq!(listed([], "or"), "");
    }
}
