//! Of several outcomes the one that counts.

use crate::outcome::{Judged, Outcome};
use squall_reports::Verdict;

/// The worse of two.
pub(super) fn worse(a: Judged, b: Judged) -> Judged {
    let (Ok(a) | Err(a), Ok(b) | Err(b)) = (a, b);
    Ok(if rank(&b) > rank(&a) { b } else { a })
}

pub(super) fn rank(outcome: &Outcome) -> u8 {
    match outcome.verdict {
        Verdict::Pass => 0,
        Verdict::NotApplicable => 1,
        Verdict::Warn => 2,
        Verdict::Inconclusive => 3,
        Verdict::Fail => 4,
    }
}
