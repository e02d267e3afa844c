//! The words of the standard: versions, QoS, packets, statements, topics and reason codes.
//!
//! Texts in, values or a reason in words out, like its parent.

use super::{Wrong, number};
use crate::{diagnostic::quoted, raw::Scalar, statements::Statement, suggest};
use squall_protocol::{PacketType, QoS, ReasonCode, Role, Version, topic};

pub(crate) fn version(s: &Scalar) -> Result<Version, Wrong> {
    s.text.parse().map_err(|_| {
        Wrong::new(format!("MQTT {} is not supported", quoted(&s.text)))
            .help("versions are `3.1.1` and `5.0`")
    })
}

pub(crate) fn qos(s: &Scalar) -> Result<QoS, Wrong> {
    let level = number(s, 0, 2).map_err(|w| match s.text.as_str() {
        // [MQTT-3.3.1-4]
        "3" => Wrong::new("there is no QoS 3")
            .help("QoS is 0 (at most once), 1 (at least once) or 2 (exactly once)"),
        _ => w.help("QoS is 0 (at most once), 1 (at least once) or 2 (exactly once)"),
    })?;
    Ok(QoS::from_bits(level as u8).unwrap_or_default())
}

pub(crate) fn packet(s: &Scalar) -> Result<PacketType, Wrong> {
    PacketType::from_name(&s.text).ok_or_else(|| {
        let wrong = Wrong::new(format!("{} is not a packet of MQTT", quoted(&s.text)));
        match suggest::did_you_mean(&s.text, PacketType::ALL.map(PacketType::name)) {
            Some(help) => wrong.help(help),
            None => wrong.help("packets are written in capitals, such as `PUBLISH` or `PUBREC`"),
        }
    })
}

/// `MQTT-4.3.3-1`, or the name of a requirement without a number: `X-5.0-flow-5`; of each version, or `of 5.0` alone.
pub(crate) fn statement(s: &Scalar) -> Result<Statement, Wrong> {
    let part = |text: &str| Scalar {
        text: text.to_owned(),
        plain: s.plain,
    };
    match s.text.split_once(" of ") {
        Some((id, of)) => Ok(Statement {
            id: statement_id(&part(id.trim_end()))?,
            of: Some(version(&part(of.trim_start()))?),
        }),
        None => Ok(Statement {
            id: statement_id(s)?,
            of: None,
        }),
    }
}

fn statement_id(s: &Scalar) -> Result<String, Wrong> {
    let number = |t: &str| !t.is_empty() && t.len() <= 4 && t.bytes().all(|b| b.is_ascii_digit());
    let good = s
        .text
        .strip_prefix("MQTT-")
        .and_then(|rest| rest.split_once('-'))
        .is_some_and(|(section, n)| {
            section.split('.').count() == 3 && section.split('.').all(number) && number(n)
        });
    let unnumbered = || {
        let rest = s
            .text
            .strip_prefix("X-3.1.1-")
            .or(s.text.strip_prefix("X-5.0-"))?;
        let (subject, n) = rest.rsplit_once('-')?;
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        Some(!subject.is_empty() && subject.chars().all(word) && number(n))
    };
    if good || unnumbered() == Some(true) {
        return Ok(s.text.clone());
    }
    let bare = s.text.trim_matches(['[', ']']).to_ascii_uppercase();
    let wrong = Wrong::new(format!(
        "{} is not the number of a statement",
        quoted(&s.text)
    ));
    Err(
        if bare != s.text
            && statement_id(&Scalar {
                text: bare.clone(),
                plain: true,
            })
            .is_ok()
        {
            wrong.help(format!("did you mean `{bare}`?"))
        } else {
            wrong.help("statements are numbered as in the standard, such as `MQTT-4.3.3-1`")
        },
    )
}

/// A topic name that can be published to.
pub(crate) fn topic_name(s: &Scalar) -> Result<String, Wrong> {
    string(&s.text)?;
    match topic::check_name(&s.text) {
        Ok(()) => Ok(s.text.clone()),
        // [MQTT-4.7.3-1]
        Err(topic::TopicError::Empty) => {
            Err(Wrong::new("a topic name is never empty").help("name the topic"))
        }
        Err(e @ topic::TopicError::WildcardInName(_)) => {
            let wrong = Wrong::new(format!("{} is not a topic name: {e}", quoted(&s.text)));
            Err(wrong.help("`+` and `#` are for topic filters; name one topic")) // [MQTT-3.3.2-2]
        }
        Err(e) => Err(Wrong::new(format!(
            "{} is not a topic name: {e}",
            quoted(&s.text)
        ))),
    }
}

/// What every UTF-8 Encoded String must keep: at most 65,535 bytes and no U+0000 [MQTT-1.5.3-2] (3.1.1),
/// [MQTT-1.5.4-2] (5.0).
pub(crate) fn string(text: &str) -> Result<(), Wrong> {
    if text.len() > usize::from(u16::MAX) {
        return Err(
            Wrong::new(format!("a text of {} bytes; MQTT allows 65535", text.len()))
                .help("shorten it"),
        );
    }
    if text.contains('\0') {
        return Err(
            Wrong::new("a null character, which MQTT does not allow").help("remove the `\\0`")
        );
    }
    Ok(())
}

/// A topic filter that can be subscribed to in each of `versions`.
pub(crate) fn filter(text: &str, versions: &[Version]) -> Result<(), Wrong> {
    string(text)?;
    for version in versions {
        let parsed = match version {
            Version::V3_1_1 => topic::TopicFilter::parse_v3(text),
            Version::V5_0 => topic::TopicFilter::parse_v5(text),
        };
        if let Err(e) = parsed {
            let wrong = Wrong::new(format!("{} is not a topic filter: {e}", quoted(text)));
            return Err(match e {
                topic::TopicError::Empty => {
                    Wrong::new("a topic filter is never empty").help("`#` stands for everything")
                }
                topic::TopicError::MultiLevel(_) => {
                    wrong.help("`#` stands alone as the last level: `a/b/#`")
                }
                topic::TopicError::SingleLevel(_) => {
                    wrong.help("`+` stands for one whole level: `a/+/c`")
                }
                topic::TopicError::Share(_) => {
                    wrong.help("a shared subscription is `$share/name/filter`")
                }
                _ => wrong,
            });
        }
    }
    Ok(())
}

/// A reason code (5.0) or CONNACK return code (3.1.1) that `by` may send in one of `packets`: in hexadecimal or by
/// name.
pub(crate) fn reason(
    s: &Scalar,
    packets: &[PacketType],
    by: Role,
    version: Version,
) -> Result<ReasonCode, Wrong> {
    let codes = (0..=u8::MAX).map(ReasonCode);
    let names: Vec<(ReasonCode, &str)> = codes
        .filter_map(|c| name_in(c, packets, by, version).map(|name| (c, name)))
        .collect();
    let found = match s
        .text
        .strip_prefix("0x")
        .or_else(|| s.text.strip_prefix("0X"))
    {
        Some(digits) => {
            let code = byte(digits)?;
            names.iter().find(|(c, _)| *c == code)
        }
        None => names.iter().find(|(_, name)| same_name(name, &s.text)),
    };
    if let Some((code, _)) = found {
        return Ok(*code);
    }
    let place = packets
        .iter()
        .map(|p| p.name())
        .collect::<Vec<_>>()
        .join(" or ");
    let wrong = Wrong::new(format!(
        "{} is no reason that {place} can carry in MQTT {version}",
        quoted(&s.text)
    ));
    // Only now, because it is the last guess: a code in decimal.
    let decimal = s
        .text
        .parse()
        .ok()
        .and_then(|n: u8| names.iter().find(|(c, _)| c.0 == n));
    let near = suggest::nearest(&s.text, names.iter().map(|(_, name)| *name));
    let example = names.iter().find(|(code, _)| *code != ReasonCode::SUCCESS);
    Err(match (decimal, near, example) {
        (Some((code, name)), ..) => {
            wrong.help(format!("codes are hexadecimal: `{code}` is \"{name}\""))
        }
        (None, Some(name), _) => wrong.help(format!("did you mean `{name}`?")),
        (None, None, Some((code, name))) => wrong.help(format!(
            "write the name as in the standard, such as `{name}`, or the code, such as `{code}`"
        )),
        (None, None, None) => wrong,
    })
}

/// One byte in hexadecimal.
fn byte(digits: &str) -> Result<ReasonCode, Wrong> {
    let good = (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let code = u8::from_str_radix(digits, 16).ok().filter(|_| good);
    code.map(ReasonCode).ok_or_else(|| {
        Wrong::new(format!(
            "{} is not one byte in hexadecimal",
            quoted(&format!("0x{digits}"))
        ))
        .help("such as `0x8E`")
    })
}

/// Whether `text` means this name: capitals and separators do not matter, nor what CONNACK (3.1.1) says in front of
/// each refusal.
fn same_name(name: &str, text: &str) -> bool {
    let plain = |t: &str| {
        t.chars()
            .filter(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_ascii_lowercase()
    };
    let short = name.strip_prefix("Connection Refused, ").unwrap_or(name);
    plain(text) == plain(name) || plain(text) == plain(short)
}

/// The name of the code in the first of `packets` where `by` may send it.
fn name_in(
    code: ReasonCode,
    packets: &[PacketType],
    by: Role,
    version: Version,
) -> Option<&'static str> {
    let may = |packet| version == Version::V3_1_1 || code.senders_in(packet).contains(&by);
    packets
        .iter()
        .find_map(|packet| code.name_in(*packet, version).filter(|_| may(*packet)))
}
