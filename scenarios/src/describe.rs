//! Steps and payloads in a few words, for messages to people.

use super::model::{Action, CutBy, Fault, LinkChange, Scenario, Step, StepKind, Way};

/// A step in one short line, such as `lock: subscribe locks/1/cmd`.
#[must_use]
pub fn step(step: &Step, scenario: &Scenario) -> String {
    let name = |c: usize| scenario.clients.get(c).map_or("?", |c| c.name.as_str());
    match &step.kind {
        StepKind::Client { client, action, .. } => {
            format!("{}: {}", name(*client), self::action(action))
        }
        StepKind::Fault(fault) => self::fault(fault, &name),
        StepKind::Network { client, change } => {
            format!(
                "network{}: {}",
                client
                    .map(|c| format!(" of {}", name(c)))
                    .unwrap_or_default(),
                link(change)
            )
        }
        StepKind::Wait(time) => format!("wait {}", ms(*time)),
        StepKind::Settle(time) => format!("settle {}", ms(*time)),
        StepKind::Parallel(_) => "parallel".into(),
        StepKind::Timeline(_) => "timeline".into(),
        StepKind::Workload(_) => "workload".into(),
    }
}

fn action(action: &Action) -> String {
    match action {
        Action::Connect { .. } => "connect".into(),
        Action::Disconnect { reason, .. } => format!("disconnect {reason}"),
        Action::Drop => "drop".into(),
        Action::Subscribe { filters, qos, .. } => {
            format!("subscribe {} QoS {qos}", filters.join(", "))
        }
        Action::Unsubscribe { filters } => format!("unsubscribe {}", filters.join(", ")),
        Action::Publish { message, .. } => {
            format!(
                "publish {} {} QoS {}",
                message.topic,
                payload(&message.payload),
                message.qos
            )
        }
        Action::Receive { what, count } => {
            let topic = what.topic.as_deref().unwrap_or("anything");
            let body = what
                .payload
                .as_ref()
                .map(|p| format!(" {}", payload(p)))
                .unwrap_or_default();
            if *count == 1 {
                format!("receive {topic}{body}")
            } else {
                format!("receive {count} × {topic}{body}")
            }
        }
        Action::Silent(time) => format!("silent {}", ms(*time)),
    }
}

fn fault<'a>(fault: &Fault, name: &impl Fn(usize) -> &'a str) -> String {
    let who = |c: &Option<usize>| c.map_or("all", name).to_owned();
    match fault {
        Fault::Cut {
            client,
            point: None,
            by,
        } => format!("cut {} by {}", name(*client), cut_by(*by)),
        Fault::Cut {
            client,
            point: Some(p),
            by,
        } => format!(
            "cut {} {} {} number {} from the {} by {}",
            name(*client),
            if p.after { "after" } else { "before" },
            p.packet,
            p.nth,
            p.from,
            cut_by(*by)
        ),
        Fault::Partition { client, way, .. } => {
            let way = match way {
                Way::Both => "both ways",
                Way::Up => "upwards",
                Way::Down => "downwards",
            };
            format!("partition {} {way}", who(client))
        }
        Fault::Heal { client } => format!("heal {}", who(client)),
        Fault::Flap { client, .. } => format!("flap {}", name(*client)),
    }
}

/// `reset`, `close` or `silence`.
#[must_use]
pub const fn cut_by(by: CutBy) -> &'static str {
    match by {
        CutBy::Reset => "reset",
        CutBy::Close => "close",
        CutBy::Silence => "silence",
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
        _ => format!(
            "0x{}{more}",
            head.iter().map(|b| format!("{b:02x}")).collect::<String>()
        ),
    }
}

fn ms(time: std::time::Duration) -> String {
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
