//! Numbers as people read them: times, counts and plurals. It knows no result model.

use std::time::Duration;

/// A point in time as seconds to the millisecond, such as `12.345 s`.
pub(crate) fn seconds(ms: u64) -> String {
    format!("{}.{:03} s", ms / 1000, ms % 1000)
}

/// A span of time with the unit that suits it: `7 ms`, `12.3 s`, `4 min 5 s`, `2 h 30 min`.
pub(crate) fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{seconds}.{} s", ms % 1000 / 100),
        60_000..3_600_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", grouped(seconds / 3600), seconds / 60 % 60),
    }
}

/// A time as reports say it, such as `38.0 s` or `2 min 5 s`.
#[must_use]
pub fn in_words(time: Duration) -> String {
    duration(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// A whole number in groups of three digits: `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and its noun, in the plural where it belongs: `1 run`, `2 runs`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    format!(
        "{} {noun}{}",
        grouped(number),
        if number == 1 { "" } else { "s" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(seconds(0), "0.000 s");
        assert_eq!(seconds(61_007), "61.007 s");
        assert_eq!(seconds(u64::MAX), "18446744073709551.615 s");
        let spans = [
            999,
            1_000,
            59_999,
            60_000,
            3_599_999,
            3_600_000,
            360_000_000_000,
        ]
        .map(duration);
        assert_eq!(
            spans,
            [
                "999 ms",
                "1.0 s",
                "59.9 s",
                "1 min 0 s",
                "59 min 59 s",
                "1 h 0 min",
                "100,000 h 0 min"
            ]
        );
    }

    #[test]
    fn numbers() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(count(1, "run"), "1 run");
        assert_eq!(count(1_000, "run"), "1,000 runs");
    }
}
