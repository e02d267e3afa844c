//! The share of each verdict as a segmented bar: SVG, as wide as its place.

use crate::{
    grouping::counts,
    model::{Summary, Verdict},
};
use std::fmt::Write;

/// Units of the drawing from left to right.
const LENGTH: u64 = 1_000;
/// A segment is never smaller, so that one failure among thousands is seen.
const SMALLEST: u64 = 8;

/// The bar as an `<svg>` element; numbers only, nothing of the input is in it.
pub(super) fn bar(summary: &Summary) -> String {
    let shown: Vec<Verdict> = Verdict::ALL
        .into_iter()
        .filter(|verdict| summary.of(*verdict) > 0)
        .collect();
    let free = LENGTH.saturating_sub(SMALLEST * shown.len() as u64);
    let mut svg = format!(
        "<svg class=\"bar\" role=\"img\" viewBox=\"0 0 {LENGTH} 12\" preserveAspectRatio=\"none\">\
         <title>{}</title><rect width=\"{LENGTH}\" height=\"12\" class=\"f-none\"/>",
        counts(summary)
    );
    let mut left = 0;
    for (number, verdict) in shown.iter().enumerate() {
        let share =
            u128::from(summary.of(*verdict)) * u128::from(free) / u128::from(summary.total.max(1));
        let share = SMALLEST + u64::try_from(share).unwrap_or(free);
        // The last one takes what rounding left over.
        let width = if number + 1 == shown.len() {
            LENGTH - left
        } else {
            share
        };
        write!(
            svg,
            "<rect x=\"{left}\" width=\"{width}\" height=\"12\" class=\"f-{}\"/>",
            class(*verdict)
        )
        .expect("writing to a string cannot fail");
        left += width;
    }
    svg + "</svg>"
}

/// The verdict as part of a CSS class.
pub(super) const fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotApplicable => "na",
        other => other.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_fill_the_bar_and_small_ones_are_seen() {
        let summary: Summary = std::iter::repeat_n(Verdict::Pass, 99_999)
            .chain([Verdict::Fail, Verdict::NotApplicable])
            .collect();
        let svg = bar(&summary);
        let widths: Vec<u64> = svg
            .split("width=\"")
            .skip(2)
            .filter_map(|rest| rest.split('"').next()?.parse().ok())
            .collect();
        assert_eq!(widths.iter().sum::<u64>(), LENGTH);
        assert_eq!(widths.len(), 3);
        assert!(widths.iter().all(|width| *width >= SMALLEST), "{widths:?}");
        assert!(svg.contains("<title>99,999 pass, 1 fail, 1 n/a</title>"));
    }

    #[test]
    fn nothing_at_all_is_an_empty_bar() {
        assert!(bar(&Summary::default()).contains("no results"));
    }
}
