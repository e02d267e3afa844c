//! Steps and payloads in a few words, for messages to people.

pub use squall_history::words::{payload, times};

use crate::{
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
        StepKind::Broker { client, action, .. } => {
            format!("broker to {}: {}", called(*client, &names), action.told())
        }
        StepKind::Parallel(_) => "parallel".into(),
        StepKind::Timeline(_) => "timeline".into(),
        leaf => leaf.told(&names).unwrap_or_default(),
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
