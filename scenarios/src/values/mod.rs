//! Single values: from the text a user wrote to what it means, and back.
//!
//! Texts in, values or a reason in words out. Places in files, keys and clients are not known here.

mod mqtt;

pub(crate) use mqtt::{filter, packet, qos, reason, statement, string, topic_name, version};

use super::raw::Scalar;
use crate::diagnostic::quoted;
use squall_protocol::hex::HexError;
use std::time::Duration;

/// Why a text is not the value that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Wrong {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Largest generated or random payload in bytes.
pub(crate) const MAX_PAYLOAD: u64 = 1 << 20;

/// A whole number from `min` to `max`.
pub(crate) fn number(s: &Scalar, min: u64, max: u64) -> Result<u64, Wrong> {
    if !s.plain && s.text.bytes().all(|b| b.is_ascii_digit()) {
        let message = format!("expected a number, found the text \"{}\"", s.text);
        return Err(Wrong::new(message).help("remove the quotes"));
    }
    whole(&s.text, min, max).map(u64::from)
}

/// Digits alone, from `min` to `max`.
pub(crate) fn whole(text: &str, min: u64, max: u64) -> Result<u32, Wrong> {
    let wrong = || {
        Wrong::new(format!(
            "{} is not a whole number from {min} to {max}",
            quoted(text)
        ))
    };
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    match text.parse::<u64>() {
        Ok(n) if n >= min && n <= max => u32::try_from(n).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

pub(crate) fn boolean(s: &Scalar) -> Result<bool, Wrong> {
    match (s.text.as_str(), s.plain) {
        ("true", true) => Ok(true),
        ("false", true) => Ok(false),
        (text, plain) => {
            let wrong = Wrong::new(format!(
                "expected `true` or `false`, found {}",
                quoted(text)
            ));
            let lower = text.to_ascii_lowercase();
            Err(match lower.as_str() {
                "true" | "false" if !plain => wrong.help("remove the quotes"),
                "yes" | "on" | "true" | "1" => wrong.help("write `true`"),
                "no" | "off" | "false" | "0" => wrong.help("write `false`"),
                _ => wrong,
            })
        }
    }
}

const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
/// The longest time, in milliseconds: what a Session Expiry Interval can say, about 136 years.
pub(crate) const MAX_MS: u64 = u32::MAX as u64 * 1000;

/// `5s`, `250ms`, `10m`, `1h`: a whole number and a unit.
pub(crate) fn duration(text: &str) -> Result<Duration, Wrong> {
    let wrong = || Wrong::new(format!("{} is not a duration", quoted(text)));
    let help = "a duration is a whole number and a unit: `250ms`, `5s`, `10m` or `1h`";
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err(wrong().help(help));
    }
    let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(match unit.trim_start() {
            "" => wrong().help(format!(
                "the unit is missing: write `{text}ms`, `{text}s`, `{text}m` or `{text}h`"
            )),
            _ if unit.starts_with('.') => {
                wrong().help("only whole numbers: write `1500ms` for 1.5 s")
            }
            bare if UNITS.iter().any(|(name, _)| *name == bare) => {
                wrong().help(format!("write it without a space: `{number}{bare}`"))
            }
            "d" => wrong().help("write days as hours: `24h`"),
            "sec" | "secs" | "second" | "seconds" => {
                wrong().help(format!("did you mean `{number}s`?"))
            }
            "min" | "mins" | "minute" | "minutes" => {
                wrong().help(format!("did you mean `{number}m`?"))
            }
            _ => wrong().help(help),
        });
    };
    let ms = number
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(*factor))
        .filter(|ms| *ms <= MAX_MS);
    ms.map(Duration::from_millis).ok_or_else(|| {
        Wrong::new(format!("{} is too long a time", quoted(text)))
            .help("the longest is `4294967295s`, 136 years")
    })
}

pub(crate) fn positive(text: &str) -> Result<Duration, Wrong> {
    match duration(text)? {
        Duration::ZERO => {
            Err(Wrong::new("the time must be more than 0").help("the shortest is `1ms`"))
        }
        time => Ok(time),
    }
}

/// The largest unit that says it exactly.
pub(crate) fn show_duration(time: Duration) -> String {
    let ms = time.as_millis();
    let unit = UNITS
        .iter()
        .rev()
        .find(|(_, factor)| ms.is_multiple_of(u128::from(*factor)) && ms > 0);
    let (unit, factor) = unit.unwrap_or(&UNITS[1]);
    format!("{}{unit}", ms / u128::from(*factor))
}

/// For people: in milliseconds, or in seconds when they are whole.
pub(crate) fn told_time(time: Duration) -> String {
    let ms = time.as_millis();
    if ms.is_multiple_of(1000) {
        format!("{} s", ms / 1000)
    } else {
        format!("{ms} ms")
    }
}

/// A range of durations; one that begins where it ends is a single value.
pub(crate) fn show_durations((min, max): (Duration, Duration)) -> String {
    if min == max {
        return show_duration(min);
    }
    format!("{}..{}", show_duration(min), show_duration(max))
}

/// `a..b`, or `a` alone for `a..a`.
pub(crate) fn range<T: PartialOrd + Copy>(
    text: &str,
    read: impl Fn(&str) -> Result<T, Wrong>,
) -> Result<(T, T), Wrong> {
    let Some((min, max)) = text.split_once("..") else {
        return read(text).map(|value| (value, value));
    };
    let (low, high) = (read(min.trim())?, read(max.trim())?);
    if low > high {
        let message = format!("the range {} ends before it begins", quoted(text));
        return Err(Wrong::new(message).help(format!(
            "did you mean `{}..{}`?",
            max.trim(),
            min.trim()
        )));
    }
    Ok((low, high))
}

pub(crate) fn latency(s: &Scalar) -> Result<(u32, u32), Wrong> {
    let ms = |t: &str| {
        let ms = duration(t)?.as_millis();
        match u32::try_from(ms) {
            Ok(0) => Err(Wrong::new("a latency is at least 1ms")
                .help("nothing arrives before it is sent: `1ms`")),
            Ok(ms) => Ok(ms),
            Err(_) => Err(Wrong::new(format!("{} is too long a latency", quoted(t)))
                .help("the longest is `1193h`")),
        }
    };
    range(&s.text, ms)
}

/// `1%`, `0.5%` or `0`, in thousandths.
pub(crate) fn percent(text: &str) -> Result<u16, Wrong> {
    let wrong = || Wrong::new(format!("{} is not a share", quoted(text)));
    if text == "0" {
        return Ok(0);
    }
    let Some(number) = text.strip_suffix('%') else {
        return Err(wrong().help("write it in per cent, such as `1%`, `0.5%` or `0`"));
    };
    let (whole, tenths) = number
        .trim_end()
        .split_once('.')
        .unwrap_or((number.trim_end(), "0"));
    let digits = |t: &str| !t.is_empty() && t.len() <= 6 && t.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(tenths) {
        return Err(wrong().help("write it in per cent, such as `1%`, `0.5%` or `0`"));
    }
    if tenths.len() > 1 {
        return Err(wrong().help("one digit behind the point at most: `0.1%` is the smallest step"));
    }
    let permille = |t: &str| t.parse::<u32>().unwrap_or(u32::MAX);
    match permille(whole)
        .saturating_mul(10)
        .saturating_add(permille(tenths))
    {
        share @ 0..=1000 => Ok(share as u16),
        _ => Err(
            Wrong::new(format!("{} is more than everything", quoted(text)))
                .help("the largest share is `100%`"),
        ),
    }
}

/// As [`percent`] reads it.
pub(crate) fn show_percent(permille: u16) -> String {
    match permille % 10 {
        0 => format!("{}%", permille / 10),
        tenths => format!("{}.{tenths}%", permille / 10),
    }
}

/// Whole seconds that fit into a Four Byte Integer.
pub(crate) fn seconds(text: &str) -> Result<u32, Wrong> {
    let ms = duration(text)?.as_millis();
    if !ms.is_multiple_of(1000) {
        let message = format!("{} is not a whole number of seconds", quoted(text));
        return Err(Wrong::new(message).help("on the wire this time is counted in seconds"));
    }
    u32::try_from(ms / 1000).map_err(|_| Wrong::new(format!("{} is too long a time", quoted(text))))
}

/// Session Expiry Interval; `never` is 0xFFFFFFFF [X-5.0-session-2].
pub(crate) fn expiry(s: &Scalar) -> Result<u32, Wrong> {
    if s.text == "never" {
        Ok(u32::MAX)
    } else {
        seconds(&s.text)
    }
}

/// As `session_expiry` is written.
pub(crate) fn show_expiry(seconds: u32) -> String {
    if seconds == u32::MAX {
        "never".into()
    } else {
        show_duration(Duration::from_secs(seconds.into()))
    }
}

/// Whole seconds that fit into a Two Byte Integer; `off` is 0.
pub(crate) fn keep_alive(s: &Scalar) -> Result<u16, Wrong> {
    match s.text.as_str() {
        "off" => Ok(0),
        text => match seconds(text)? {
            0 => Err(Wrong::new("a Keep Alive of 0 switches it off").help("write `off`")),
            n => u16::try_from(n).map_err(|_| {
                Wrong::new(format!("{} is too long", quoted(text))).help("the longest is `65535s`")
            }),
        },
    }
}

/// As `keep_alive` is written.
pub(crate) fn show_keep_alive(seconds: u16) -> String {
    if seconds == 0 {
        "off".into()
    } else {
        show_duration(Duration::from_secs(seconds.into()))
    }
}

/// Bytes written as pairs of hexadecimal digits; spaces may stand between pairs.
pub(crate) fn hex(s: &Scalar) -> Result<Vec<u8>, Wrong> {
    squall_protocol::hex::bytes(&s.text).map_err(|error| match error {
        HexError::NoDigit(_, bad) => {
            let bad = quoted(&bad.to_string());
            let wrong = Wrong::new(format!("{bad} is not a hexadecimal digit"));
            wrong.help("write bytes as pairs of 0-9 and a-f, such as \"00ff\"")
        }
        HexError::HalfByte(digits) => {
            let wrong = Wrong::new(format!("{digits} hexadecimal digits are no whole bytes"));
            wrong.help("each byte is two digits, such as \"0f\"")
        }
    })
}

/// The payload that `{size: n}` stands for: the alphabet again and again.
pub(crate) fn sized(size: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use squall_protocol::Version;

    fn scalar(text: &str) -> Scalar {
        Scalar {
            text: text.into(),
            plain: true,
        }
    }

    #[test]
    fn durations_are_a_number_and_a_unit() {
        let ms = |text: &str| duration(text).map(|d| d.as_millis()).ok();
        assert_eq!(
            [ms("250ms"), ms("5s"), ms("10m"), ms("1h")],
            [Some(250), Some(5000), Some(600_000), Some(3_600_000)]
        );
        assert_eq!(ms("4294967295s"), Some(4_294_967_295_000));
        for bad in [
            "",
            "5",
            "s",
            "-5s",
            "+5s",
            "5 s",
            "1.5s",
            "5S",
            "4294967296s",
            "99999999999999999999h",
            "٣s",
            "5s ",
        ] {
            assert_eq!(ms(bad), None, "{bad}");
        }
    }

    #[test]
    fn shares_have_one_digit_behind_the_point() {
        let share = |text: &str| percent(text).ok();
        assert_eq!(
            [
                share("0"),
                share("0%"),
                share("0.1%"),
                share("100%"),
                share("100.0%")
            ],
            [Some(0), Some(0), Some(1), Some(1000), Some(1000)]
        );
        for bad in [
            "",
            "1",
            "%",
            ".5%",
            "5.%",
            "0.05%",
            "100.1%",
            "-1%",
            "99999999%",
            "1 %%",
        ] {
            assert_eq!(share(bad), None, "{bad}");
        }
    }

    #[test]
    fn borders_of_the_wire_are_kept() {
        let value = |text: &str| keep_alive(&scalar(text)).ok();
        assert_eq!([value("65535s"), value("65536s")], [Some(65535), None]);
        assert_eq!([value("off"), value("0s")], [Some(0), None]);
        let read = |text: &str| latency(&scalar(text)).ok();
        assert_eq!([read("1ms"), read("0ms..1ms")], [Some((1, 1)), None]);
        assert_eq!(
            [read("4294967295ms"), read("4294967296ms")],
            [Some((u32::MAX, u32::MAX)), None]
        );
    }

    #[test]
    fn statements_look_like_those_of_the_standard() {
        let good = |text: &str| statement(&scalar(text)).is_ok();
        assert!(good("MQTT-4.3.3-1") && good("MQTT-3.14.4-10") && good("X-5.0-flow-5 of 5.0"));
        for bad in [
            "",
            "MQTT-4.3-1",
            "MQTT-4.3.3.1",
            "mqtt-4.3.3-1",
            "MQTT-4.3.3-",
            "MQTT-4..3-1",
            "[MQTT-4.3.3-1]",
            "MQTT-4.3.3-1a",
            "MQTT-4.3.3-1 of 4.0",
            "MQTT-4.3.3 of 5.0",
        ] {
            assert!(!good(bad), "{bad}");
        }
    }

    #[test]
    fn reasons_are_found_by_name_and_by_number() {
        let by = |text: &str, role| {
            let code = reason(
                &scalar(text),
                &[squall_protocol::PacketType::Disconnect],
                role,
                Version::V5_0,
            );
            code.map(|c| c.0).ok()
        };
        use squall_protocol::Role::{Client, Server};
        assert_eq!(
            [
                by("Session taken over", Server),
                by("session_taken_over", Server),
                by("0x8e", Server)
            ],
            [Some(0x8E); 3]
        );
        assert_eq!(
            [by("0x04", Client), by("0x04", Server), by("0x8E", Client)],
            [Some(4), None, None]
        );
        for bad in ["", "0x", "0x+8", "0x08E", "142", "é"] {
            assert_eq!(by(bad, Server), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read(ms in 0..=MAX_MS, permille in 0u16..=1000, seconds: u32, keep: u16) {
            prop_assert_eq!(duration(&show_duration(Duration::from_millis(ms))), Ok(Duration::from_millis(ms)));
            prop_assert_eq!(percent(&show_percent(permille)), Ok(permille));
            prop_assert_eq!(expiry(&scalar(&show_expiry(seconds))), Ok(seconds));
            prop_assert_eq!(keep_alive(&scalar(&show_keep_alive(keep))), Ok(keep));
        }
    }
}
