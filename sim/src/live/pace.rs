//! How much time a story is given in real time, and when that is too much.

use super::runs::One;
use crate::run::{Judged, Run};
use squall_protocol::PacketType;
use squall_reports::in_words;
use squall_scenarios::{
    model::{Action, Settle, Step, StepKind},
    packet::Awaited,
};
use std::time::Duration;

/// A stranger may take this much longer over a step than the story gives it.
pub(super) const LATE: Duration = Duration::from_secs(5);

/// So much later what is sent again may come: no statement says when, and there are brokers that do it by a timer of 30 s.
const AGAIN: Duration = Duration::from_secs(45);

/// What has not come by the middle of a story's last settle, and not in the time that a stranger may be late after it,
/// will not come.
pub(super) fn settle_longer(steps: &mut [Step]) {
    let settles = steps
        .iter_mut()
        .rev()
        .find_map(|step| match &mut step.kind {
            StepKind::Settle(settle) => Some(settle),
            _ => None,
        });
    if let Some(Settle(time)) = settles {
        *time += 2 * LATE;
    }
}

/// Steps may take longer than with a broker whose times are exact.
pub(super) fn give_time(steps: &mut [Step]) {
    for step in steps {
        match &mut step.kind {
            StepKind::Client {
                within: Some(within),
                action,
                ..
            } => *within += if sent_again(action) { AGAIN } else { LATE },
            StepKind::Broker {
                within: Some(within),
                ..
            } => *within += LATE,
            StepKind::Parallel(branches) => branches.iter_mut().for_each(|b| give_time(b)),
            StepKind::Timeline(entries) => {
                let steps = entries.iter_mut().map(|e| &mut e.step);
                steps.for_each(|step| give_time(std::slice::from_mut(step)));
            }
            _ => {}
        }
    }
}

/// Whether a script waits for something that is sent again in a resumed session.
fn sent_again(action: &Action) -> bool {
    let Action::Expect(expect) = action else {
        return false;
    };
    expect.what.iter().any(|what| match what {
        Awaited::Packet(packet) => {
            let dup = packet.fields.get("dup").and_then(|dup| dup.as_bool());
            dup == Some(true) || packet.packet == PacketType::PubRel
        }
        _ => false,
    })
}

/// Why a story is not played that takes so long in virtual time, if so.
pub(super) fn too_long(judged: &Judged, patience: Duration) -> Option<String> {
    let takes = Duration::from_millis(judged.result.virtual_ms) + 2 * LATE;
    (takes > patience).then(|| {
        let [takes, lasts] = [takes, patience].map(in_words);
        format!("the story takes {takes}, and patience lasts {lasts}")
    })
}

/// How long a story lasts that was not played yet, or why it is not played.
pub(super) fn takes(one: &One, patience: Duration) -> Result<Duration, String> {
    let judged = Run::new(&one.scenario, one.version, one.seed).judge();
    let lasts = Duration::from_millis(judged.result.virtual_ms);
    too_long(&judged, patience).map_or(Ok(lasts), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_scenarios::load_str;

    #[test]
    fn what_is_sent_again_is_waited_for_longer_than_what_is_new() {
        let text = "\
title: t
clients: { raw: { scripted: true } }
steps:
- raw: connect
- raw: { expect: { PUBLISH: { topic: t, dup: true } } }
- raw: { expect: { PUBREL: { id: 1 } } }
- raw: { expect: { PUBLISH: { topic: t, dup: false } } }
- raw: { expect: { PUBLISH: { topic: t } } }
- raw: { expect: PINGRESP }
expect: []
";
        let story = load_str("t", "t.yaml", text).unwrap_or_else(|p| panic!("{p:#?}"));
        let mut steps = story.steps.clone();
        give_time(&mut steps);
        let within = |step: &Step| match step.kind {
            StepKind::Client { within, .. } => within.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        let pairs = steps.iter().zip(&story.steps);
        let given: Vec<_> = pairs
            .map(|(after, before)| within(after) - within(before))
            .collect();
        assert_eq!(given, [Duration::ZERO, AGAIN, AGAIN, LATE, LATE, LATE]);
    }
}
