//! `cut`: a connection dies.

use super::by::{BY, CutBy};
use crate::{
    construct::Break,
    diagnostic::quoted,
    kind::{CLIENT, FLAG, Kind, Maybe, Own, PACKET, Words, at_least, called},
    raw::{Node, Value},
    reader::{Context, Fields},
    record::{Stands, record},
    source::ClientIx,
};
use squall_protocol::{PacketType, Role, Version};

record! {
    /// The client's connection dies: now, or at a protocol point of the current or next connection.
    pub struct Cut, "a cut" {
        /// whose connection
        client: ClientIx = "cut", needed(0, CLIENT);
        /// at which packet; now when `None`
        point: Option<CutPoint> = part(None, Point);
        /// how; after `silence` nothing passes and nobody is told, and what is under way is lost too, so a packet the client sends does not arrive even with `after`
        by: CutBy = "by", always(CutBy::Reset, BY);
        /// `true`: it may come to nothing, which otherwise fails the run or the sweep
        optional: bool = "optional", usual(false, FLAG);
    }
}

/// A point in the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutPoint {
    /// `true`: the packet still arrives. `false`: it does not.
    pub after: bool,
    /// The packet.
    pub packet: PacketType,
    /// The how-manieth since the fault was armed; from 1.
    pub nth: u32,
    /// Who sends it.
    pub from: Role,
}

record! {
    /// The keys of a point.
    struct Point, "a cut" {
        /// when this packet of the current or next connection has arrived; without `after` and `before` at once
        after: Option<PacketType> = "after", usual(None, Maybe(PACKET));
        /// before this packet arrives
        before: Option<PacketType> = "before", usual(None, Maybe(PACKET));
        /// which of these packets, counted from when the step ran
        nth: u32 = "nth", usual(1, NTH);
        /// who sends the packet; needed where both may
        from: Option<Role> = "from", usual(None, Maybe(FROM));
    }
}

pub(crate) const FROM: Words<Role> = Words {
    expected: "`client` or `broker`",
    words: &[("client", Role::Client), ("broker", Role::Server)],
};

/// A number from 1.
pub(crate) const NTH: Own<u32> = Own {
    read: |cx, node| {
        if matches!(&node.value, Value::Text(s) if s.text == "0") {
            let (message, label) = ("packets are counted from 1", "there is no packet 0");
            cx.refuse(&node.span, message, label, "the first is `nth: 1`");
            return None;
        }
        at_least(1).read(cx, node)
    },
    show: |nth, _| nth.to_string(),
    form: || at_least::<u32>(1).form(),
};

impl Stands<Option<CutPoint>> for Point {
    fn value(self, cx: &mut Context<'_>, fields: &Fields<'_>) -> Option<Option<CutPoint>> {
        let (after, (_, node)) = match (fields.entry("after"), fields.entry("before")) {
            (Some((after, _)), Some((before, _))) => {
                let message = "a cut is either after or before a packet";
                let problem = cx.diagnostic(&before.span, message, "and before");
                let problem = problem.label(after.span.clone(), "after");
                cx.push(problem.help("remove one; two cuts are two steps"));
                return None;
            }
            (None, None) => {
                for key in ["nth", "from"].iter().filter_map(|key| fields.key(key)) {
                    let message = format!("{} without `after` or `before`", quoted(&key.text));
                    let help = "add the packet, such as `after: PUBREC`; without one the connection is cut at once";
                    cx.refuse(&key.span, message, "of which packet?", help);
                }
                return Some(None);
            }
            (Some(entry), None) => (true, entry),
            (None, Some(entry)) => (false, entry),
        };
        let packet = self.after.or(self.before)?;
        if packet == PacketType::Auth {
            cx.only_5_0(&node.span, "the packet AUTH");
        }
        let from = sender(cx, self.from, fields, node, packet)?;
        Some(Some(CutPoint {
            after,
            packet,
            nth: self.nth,
            from,
        }))
    }

    fn of(point: &Option<CutPoint>) -> Self {
        let packet = |after: bool| point.filter(|p| p.after == after).map(|p| p.packet);
        Self {
            after: packet(true),
            before: packet(false),
            nth: point.map_or(1, |p| p.nth),
            from: point.map(|p| p.from),
        }
    }
}

/// Who sends the packet at `node`: as the map says, or the only one who can.
pub(crate) fn sender(
    cx: &mut Context<'_>,
    said: Option<Role>,
    fields: &Fields<'_>,
    node: &Node,
    packet: PacketType,
) -> Option<Role> {
    let versions = &cx.versions;
    let can = |role: Role| versions.iter().any(|version| sends(role, packet, *version));
    match (said, fields.get("from")) {
        (Some(role), Some(from)) if !can(role) => {
            let (name, other) = match role {
                Role::Client => ("client", "broker"),
                Role::Server => ("broker", "client"),
            };
            let versions: Vec<_> = versions.iter().map(|v| v.as_str()).collect();
            let versions = versions.join(" or ");
            let message = format!("a {name} never sends {packet} in MQTT {versions}");
            let label = format!("{packet} cannot come from here");
            let problem = cx.diagnostic(&from.span, message, label);
            let problem = problem.label(node.span.clone(), "the packet");
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
                let message = format!("both ends send {packet}");
                let help = "add `from: client` or `from: broker`";
                cx.refuse(&node.span, message, "whose packet?", help);
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

impl Break for Cut {
    const WORD: &'static str = "cut";
    const MEANING: &'static str = "the connection dies, now or at a packet";
    const EXAMPLE: &'static str = "{ cut: app, after: PUBREC, from: broker }";

    fn in_words(&self, names: &[&str]) -> String {
        let (who, by) = (called(self.client, names), self.by.as_str());
        let Some(p) = self.point else {
            return format!("cut {who} by {by}");
        };
        let when = if p.after { "after" } else { "before" };
        let (packet, nth, from) = (p.packet, p.nth, FROM.show(&p.from, names));
        format!("cut {who} {when} {packet} number {nth} from the {from} by {by}")
    }
}
