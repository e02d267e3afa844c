//! Counts and payloads in words, for sentences that people read.

use squall_protocol::hex;

/// How often something happened: `never`, `once`, `twice`, `3 times`.
#[must_use]
pub fn times(n: usize) -> String {
    match n {
        0 => "never".into(),
        1 => "once".into(),
        2 => "twice".into(),
        n => format!("{n} times"),
    }
}

/// A payload as text in quotes, or in hexadecimal, cut short at 32 bytes.
#[must_use]
pub fn payload(bytes: &[u8]) -> String {
    let (head, more) = (
        &bytes[..bytes.len().min(32)],
        if bytes.len() > 32 { "…" } else { "" },
    );
    match std::str::from_utf8(head) {
        Ok(text) if !text.chars().any(char::is_control) => format!("“{text}{more}”"),
        _ => format!("0x{}{more}", hex::compact(head)),
    }
}
