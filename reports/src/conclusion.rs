//! The overall result in one sentence, the same on every medium.

use crate::{
    model::{Summary, Verdict},
    quantity::{count, grouped},
};

/// What `verdict` over results counted in `summary` means, such as `2 of 40 results failed, 1 inconclusive`.
/// An inconclusive verdict without an inconclusive result says that not everything was run.
pub(crate) fn conclusion(verdict: Verdict, summary: &Summary) -> String {
    let results = count(summary.total, "result");
    let of = |verdict: Verdict| grouped(summary.of(verdict));
    let mut sentence = match verdict {
        Verdict::Fail => format!("{} of {results} failed", of(Verdict::Fail)),
        Verdict::Inconclusive if summary.total == 0 => "nothing was run".to_owned(),
        Verdict::Inconclusive if summary.inconclusive == 0 => {
            format!("nothing failed in {results}, but not everything was run")
        }
        Verdict::Inconclusive => format!(
            "nothing failed in {results}, but {} could not be decided",
            of(Verdict::Inconclusive)
        ),
        Verdict::Warn => format!("nothing failed in {results}"),
        Verdict::Pass => format!("all is well in {results}"),
        Verdict::NotApplicable => format!("none of {results} applies"),
    };
    let rest = [
        (
            Verdict::Inconclusive,
            "inconclusive",
            verdict == Verdict::Fail,
        ),
        (Verdict::Warn, "with a warning", true),
        (
            Verdict::NotApplicable,
            "not applicable",
            verdict != Verdict::NotApplicable,
        ),
    ];
    for (verdict, words, applies) in rest {
        if applies && summary.of(verdict) > 0 {
            sentence += &format!(", {} {words}", of(verdict));
        }
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_has_its_sentence() {
        use Verdict::{Fail, Inconclusive, NotApplicable, Pass, Warn};
        let say = |verdicts: &[Verdict]| {
            let summary: Summary = verdicts.iter().copied().collect();
            conclusion(summary.verdict(), &summary)
        };
        assert_eq!(say(&[]), "nothing was run");
        assert_eq!(say(&[Pass]), "all is well in 1 result");
        assert_eq!(
            say(&[Pass, NotApplicable]),
            "all is well in 2 results, 1 not applicable"
        );
        assert_eq!(
            say(&[Warn, Pass]),
            "nothing failed in 2 results, 1 with a warning"
        );
        assert_eq!(say(&[NotApplicable]), "none of 1 result applies");
        assert_eq!(
            say(&[Inconclusive, Pass]),
            "nothing failed in 2 results, but 1 could not be decided"
        );
        assert_eq!(
            say(&[Fail, Inconclusive, Warn]),
            "1 of 3 results failed, 1 inconclusive, 1 with a warning"
        );
        let passed: Summary = [Pass].into_iter().collect();
        assert_eq!(
            conclusion(Inconclusive, &passed),
            "nothing failed in 1 result, but not everything was run"
        );
    }
}
