//! What breaks and what is mended.

use super::{Context, Fields};
use crate::diagnostic::quoted;
use crate::{
    kind::{self as k, Words},
    model::{CutBy, CutPoint, Fault, Way},
    raw::{Node, Value},
    suggest,
};
use squall_protocol::{PacketType, Role, Version};

const FAULTS: &[&str] = &["cut", "partition", "heal", "flap"];

const BY: Words<CutBy> = Words {
    expected: "`reset`, `close` or `silence`",
    words: &[
        ("reset", CutBy::Reset),
        ("close", CutBy::Close),
        ("silence", CutBy::Silence),
    ],
};
const WAY: Words<Way> = Words {
    expected: "`both`, `up` or `down`",
    words: &[("both", Way::Both), ("up", Way::Up), ("down", Way::Down)],
};
const FROM: Words<Role> = Words {
    expected: "`client` or `broker`",
    words: &[("client", Role::Client), ("broker", Role::Server)],
};

/// The map behind `fault`.
pub(crate) fn fault(cx: &mut Context<'_>, node: &Node) -> Option<Fault> {
    let help =
        "faults: `cut`, `partition`, `heal` and `flap`, each with a client, such as `{ cut: app }`";
    let Value::Map(entries) = &node.value else {
        let mut problem = cx.diagnostic(
            &node.span,
            format!("expected a fault, found {}", node.kind()),
            "not a fault",
        );
        problem = problem.help(help);
        cx.push(problem);
        return None;
    };
    let mut kinds = entries
        .iter()
        .filter(|(key, _)| FAULTS.contains(&key.text.as_str()));
    let (first, second) = (kinds.next(), kinds.next());
    let Some((key, who)) = first else {
        let place = entries
            .first()
            .map_or_else(|| node.span.clone(), |(key, _)| key.span.clone());
        let word = entries.first().map_or("", |(key, _)| key.text.as_str());
        let near = entries
            .iter()
            .find_map(|(key, _)| suggest::did_you_mean(&key.text, FAULTS.iter().copied()));
        let mut problem = cx.diagnostic(
            &place,
            format!("{} is not a fault", quoted(word)),
            "which fault?",
        );
        problem.help.extend(near);
        problem.help.push(help.into());
        cx.push(problem);
        return None;
    };
    if let Some((second, _)) = second {
        let message = format!(
            "{} and {} in one step",
            quoted(&key.text),
            quoted(&second.text)
        );
        cx.refuse(
            &second.span,
            message,
            "a second fault",
            "every fault is a step of its own",
        );
        return None;
    }
    match key.text.as_str() {
        "cut" => cut(cx, node, who),
        "partition" => {
            let fields = Fields::open(cx, node, "a partition", &["partition", "way", "for"])?;
            let way = fields.value(cx, "way", WAY).unwrap_or(Way::Both);
            let lasts = fields.value(cx, "for", k::POSITIVE);
            Some(Fault::Partition {
                client: cx.client_or_all(who)?,
                way,
                lasts,
            })
        }
        "heal" => {
            Fields::open(cx, node, "heal", &["heal"])?;
            Some(Fault::Heal {
                client: cx.client_or_all(who)?,
            })
        }
        _ => flap(cx, node, who),
    }
}

fn flap(cx: &mut Context<'_>, node: &Node, who: &Node) -> Option<Fault> {
    let fields = Fields::open(cx, node, "a flap", &["flap", "every", "for", "by"])?;
    let every_node = fields.need(cx, "every");
    let every = every_node.and_then(|node| cx.value(node, k::DURATIONS));
    let lasts = fields
        .need(cx, "for")
        .and_then(|node| cx.value(node, k::POSITIVE));
    if let (Some((min, _)), Some(node)) = (every, every_node)
        && min.is_zero()
    {
        cx.refuse(
            &node.span,
            "two cuts at one time",
            "begins with 0",
            "the shortest distance is `1ms`",
        );
    }
    let by = fields.value(cx, "by", BY).unwrap_or(CutBy::Reset);
    Some(Fault::Flap {
        client: cx.client(who)?,
        every: every?,
        lasts: lasts?,
        by,
    })
}

fn cut(cx: &mut Context<'_>, node: &Node, who: &Node) -> Option<Fault> {
    let fields = Fields::open(
        cx,
        node,
        "a cut",
        &["cut", "after", "before", "nth", "from", "by"],
    )?;
    let client = cx.client(who);
    let by = fields.value(cx, "by", BY).unwrap_or(CutBy::Reset);
    let nth = match fields.get("nth") {
        Some(node) if matches!(&node.value, Value::Text(s) if s.text == "0") => {
            cx.refuse(
                &node.span,
                "packets are counted from 1",
                "there is no packet 0",
                "the first is `nth: 1`",
            );
            None
        }
        _ => fields
            .number(cx, "nth", 1, u32::MAX.into())
            .and_then(|n| u32::try_from(n).ok()),
    };
    let from = fields.value(cx, "from", FROM);
    let (after, packet) = match (fields.key("after"), fields.key("before")) {
        (Some(after), Some(before)) => {
            let problem = cx.diagnostic(
                &before.span,
                "a cut is either after or before a packet",
                "and before",
            );
            let problem = problem.label(after.span.clone(), "after");
            cx.push(problem.help("remove one; two cuts are two steps"));
            return None;
        }
        (None, None) => {
            for key in ["nth", "from"] {
                if let Some(key) = fields.key(key) {
                    let message = format!("{} without `after` or `before`", quoted(&key.text));
                    let help = "add the packet, such as `after: PUBREC`; without one the connection is cut at once";
                    cx.refuse(&key.span, message, "of which packet?", help);
                }
            }
            return Some(Fault::Cut {
                client: client?,
                point: None,
                by,
            });
        }
        (Some(_), None) => (true, fields.get("after")?),
        (None, Some(_)) => (false, fields.get("before")?),
    };
    let kind = cx.value(packet, k::PACKET)?;
    if kind == PacketType::Auth {
        cx.only_5_0(&packet.span, "the packet AUTH");
    }
    let from = sender(cx, &fields, packet, kind, from)?;
    let point = CutPoint {
        after,
        packet: kind,
        nth: nth.unwrap_or(1),
        from,
    };
    Some(Fault::Cut {
        client: client?,
        point: Some(point),
        by,
    })
}

/// Who sends the packet of a cut: as the file says, or the only one who can.
fn sender(
    cx: &mut Context<'_>,
    fields: &Fields<'_>,
    packet: &Node,
    kind: PacketType,
    from: Option<Role>,
) -> Option<Role> {
    let can = |role: Role| {
        cx.versions
            .iter()
            .any(|version| sends(role, kind, *version))
    };
    match (from, fields.get("from")) {
        (Some(role), Some(node)) if !can(role) => {
            let (name, other) = if role == Role::Client {
                ("client", "broker")
            } else {
                ("broker", "client")
            };
            let versions: Vec<_> = cx.versions.iter().map(|v| v.as_str()).collect();
            let message = format!(
                "a {name} never sends {kind} in MQTT {}",
                versions.join(" or ")
            );
            let problem =
                cx.diagnostic(&node.span, message, format!("{kind} cannot come from here"));
            let problem = problem.label(packet.span.clone(), "the packet");
            cx.push(problem.help(format!("did you mean `from: {other}`?")));
            None
        }
        (Some(role), _) => Some(role),
        // Noted already.
        (None, Some(_)) => None,
        (None, None) => match (can(Role::Client), can(Role::Server)) {
            (true, false) => Some(Role::Client),
            (false, true) => Some(Role::Server),
            _ => {
                let message = format!("both ends send {kind}");
                let help = "add `from: client` or `from: broker`";
                cx.refuse(&packet.span, message, "whose packet?", help);
                None
            }
        },
    }
}

/// Whether this end may send this packet: table 2.1 of both versions.
const fn sends(role: Role, packet: PacketType, version: Version) -> bool {
    use PacketType as P;
    match packet {
        P::Connect | P::Subscribe | P::Unsubscribe | P::PingReq => matches!(role, Role::Client),
        P::ConnAck | P::SubAck | P::UnsubAck | P::PingResp => matches!(role, Role::Server),
        P::Publish | P::PubAck | P::PubRec | P::PubRel | P::PubComp => true,
        P::Disconnect => matches!(role, Role::Client) || matches!(version, Version::V5_0),
        P::Auth => matches!(version, Version::V5_0),
    }
}
