//! Steps and payloads in a few words, for messages to people.

pub use squall_history::words::{payload, times};

use crate::{
    client::LinkChange,
    kind::called,
    model::{Scenario, Step, StepKind},
};

/// A step in one short line, such as `lock: subscribe locks/1/command QoS 2`.
#[must_use]
pub fn step(step: &Step, scenario: &Scenario) -> String {
    let names: Vec<&str> = scenario.clients.iter().map(|c| c.name.as_str()).collect();
    match &step.kind {
        StepKind::Client { client, action, .. } => {
            format!("{}: {}", called(*client, &names), action.told())
        }
        StepKind::Parallel(_) => "parallel".into(),
        StepKind::Timeline(_) => "timeline".into(),
        leaf => leaf.told(&names).unwrap_or_default(),
    }
}

/// A change of a link, such as `latency 5ms..40ms, loss 1.0 %`.
#[must_use]
pub fn link(change: &LinkChange) -> String {
    let latency = change
        .latency_ms
        .map(|(min, max)| format!("latency {min}ms..{max}ms"));
    let loss = change
        .loss_permille
        .map(|l| format!("loss {}.{} %", l / 10, l % 10));
    [latency, loss]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}

/// A time in milliseconds, or in seconds when they are whole.
pub(crate) fn ms(time: std::time::Duration) -> String {
    let ms = time.as_millis();
    if ms.is_multiple_of(1000) {
        format!("{} s", ms / 1000)
    } else {
        format!("{ms} ms")
    }
}

#[cfg(test)]
mod tests {
    use super::payload;

    #[test]
    fn payloads_are_short_and_safe_to_print() {
        assert_eq!(payload(b"open"), "“open”");
        assert_eq!(payload(&[0, 255]), "0x00ff");
        assert_eq!(payload(&[b'x'; 40]), format!("“{}…”", "x".repeat(32)));
        assert_eq!(payload(b"a\x1b[31m"), "0x611b5b33316d");
    }
}
