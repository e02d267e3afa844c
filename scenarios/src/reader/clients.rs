//! `clients`, `links` and what a client puts into CONNECT.

use super::{Context, Fields};
use crate::diagnostic::quoted;
use crate::{
    kind as k,
    model::{ClientSpec, ConnectSpec, LinkChange, LinkSpec, ReconnectSpec, WillSpec},
    raw::{Key, Node, Scalar, Value},
    suggest, values as v,
};
use std::time::Duration;

const CLIENT_KEYS: &[&str] = &[
    "client_id",
    "clean_start",
    "session_expiry",
    "keep_alive",
    "receive_maximum",
    "will",
    "reconnect",
];
const CONNECT_KEYS: &[&str] = &[
    "clean_start",
    "session_expiry",
    "keep_alive",
    "receive_maximum",
    "will",
];
const MAX_CLIENTS: usize = 1000;
/// Words that mean something else where a client is named.
const RESERVED: &[&str] = &[
    "all", "at", "broker", "client", "expect", "fault", "network", "none", "parallel", "repeat",
    "settle", "timeline", "wait", "within", "workload",
];

pub(crate) fn read(
    cx: &mut Context<'_>,
    node: Option<&Node>,
    everyone: LinkSpec,
) -> Vec<ClientSpec> {
    let Some(node) = node else { return Vec::new() };
    let Value::Map(entries) = &node.value else {
        cx.no_entries(node, "a map from names to clients, such as `app: {}`");
        return Vec::new();
    };
    if entries.is_empty() {
        cx.refuse(
            &node.span,
            "there is no client",
            "empty",
            "name at least one, such as `app: {}`",
        );
    }
    if entries.len() > MAX_CLIENTS {
        let message = format!(
            "{} clients; a scenario has at most {MAX_CLIENTS}",
            entries.len()
        );
        cx.refuse(
            &entries[MAX_CLIENTS].0.span,
            message,
            "here the limit is passed",
            "tell a smaller story",
        );
    }
    let mut clients = Vec::new();
    for (key, node) in entries.iter().take(MAX_CLIENTS) {
        cx.incomplete |= !check_name(cx, key);
        // Known from here on even when something is wrong with it, so that steps do not complain once more.
        cx.clients.push((key.text.clone(), key.span.clone()));
        clients.push(client(cx, &key.text, node, everyone));
    }
    clients
}

/// Whether a client can be called so; noted when not.
fn check_name(cx: &mut Context<'_>, key: &Key) -> bool {
    let name = &key.text;
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if RESERVED.contains(&name.as_str()) {
        let message = format!(
            "{} cannot be the name of a client: it is a word of the format",
            quoted(name)
        );
        let reserved = suggest::listed(RESERVED.iter().copied(), "and");
        cx.refuse(
            &key.span,
            message,
            "reserved",
            format!("reserved words: {reserved}"),
        );
    } else if name.is_empty() || name.chars().count() > 64 || !name.chars().all(word) {
        let message = format!("{} cannot be the name of a client", quoted(name));
        let help = "names have 1 to 64 letters, digits, `_`, `-` and `.`; any other `client_id` can be set";
        cx.refuse(&key.span, message, "not a name", help);
    } else if let Some((_, why)) = cx.room.taken.iter().find(|(taken, _)| taken == name) {
        let message = format!("{} cannot be the name of a client: {why}", quoted(name));
        cx.refuse(&key.span, message, "taken", "give the client another name");
    } else {
        return true;
    }
    false
}

fn client(cx: &mut Context<'_>, name: &str, node: &Node, link: LinkSpec) -> ClientSpec {
    let mut spec = ClientSpec {
        name: name.to_owned(),
        client_id: name.to_owned(),
        connect: ConnectSpec {
            clean_start: true,
            session_expiry: None,
            keep_alive: 60,
            receive_maximum: None,
            will: None,
        },
        reconnect: None,
        link,
    };
    // `app:` alone is as good as `app: {}`.
    if matches!(node.value, Value::Null) {
        return spec;
    }
    let Some(fields) = Fields::open(cx, node, "a client", CLIENT_KEYS) else {
        return spec;
    };
    if let Some(node) = fields.get("client_id") {
        let id = cx.scalar(node, "a Client Identifier", |s| {
            v::string(&s.text).map(|()| s.text.clone())
        });
        spec.client_id = id.unwrap_or(spec.client_id);
    }
    connect_fields(cx, &fields, &mut spec.connect);
    spec.reconnect = fields.get("reconnect").and_then(|node| reconnect(cx, node));
    spec
}

/// The map behind `connect`: changes of what the client's CONNECT holds.
pub(crate) fn connect(cx: &mut Context<'_>, node: &Node, default: &ConnectSpec) -> ConnectSpec {
    let mut spec = default.clone();
    if let Some(fields) = Fields::open(cx, node, "connect", CONNECT_KEYS) {
        connect_fields(cx, &fields, &mut spec);
    }
    spec
}

fn connect_fields(cx: &mut Context<'_>, fields: &Fields<'_>, spec: &mut ConnectSpec) {
    if let Some(clean) = fields.value(cx, "clean_start", k::FLAG) {
        spec.clean_start = clean;
    }
    if let Some(node) = fields.get("session_expiry") {
        spec.session_expiry = if is_none(node) {
            None
        } else {
            cx.value(node, k::EXPIRY)
        };
    }
    if let Some(time) = fields.value(cx, "keep_alive", k::KEEP_ALIVE) {
        spec.keep_alive = time;
    }
    if let Some(node) = fields.get("receive_maximum") {
        spec.receive_maximum = None;
        if !is_none(node) && cx.only_5_0(&node.span, "Receive Maximum") {
            // 0 is a Protocol Error, section 3.1.2.11.3 of 5.0.
            spec.receive_maximum = cx
                .number(node, 1, u16::MAX.into())
                .and_then(|n| u16::try_from(n).ok());
        }
    }
    if let Some(node) = fields.get("will") {
        spec.will = if is_none(node) { None } else { will(cx, node) };
    }
}

fn is_none(node: &Node) -> bool {
    matches!(&node.value, Value::Text(Scalar { text, plain: true }) if text == "none")
}

fn will(cx: &mut Context<'_>, node: &Node) -> Option<WillSpec> {
    let fields = Fields::open(
        cx,
        node,
        "a will",
        &["topic", "payload", "qos", "retain", "delay"],
    )?;
    let topic = fields
        .need(cx, "topic")
        .and_then(|node| cx.value(node, k::NAME));
    let payload = fields
        .get("payload")
        .and_then(|node| cx.payload(node))
        .unwrap_or_default();
    if payload.len() > usize::from(u16::MAX)
        && let Some(node) = fields.get("payload")
    {
        let message = format!("a will payload of {} bytes", payload.len());
        cx.refuse(
            &node.span,
            message,
            "too large",
            "the payload of a will has at most 65535 bytes",
        );
    }
    let delay = fields.get("delay").and_then(|node| {
        if cx.only_5_0(&node.span, "Will Delay Interval") {
            cx.value(node, k::SECONDS)
        } else {
            None
        }
    });
    let qos = fields.value(cx, "qos", k::QOS).unwrap_or_default();
    let retain = fields.flag(cx, "retain");
    Some(WillSpec {
        topic: topic?,
        payload,
        qos,
        retain,
        delay: delay.unwrap_or(0),
    })
}

fn reconnect(cx: &mut Context<'_>, node: &Node) -> Option<ReconnectSpec> {
    if matches!(node.value, Value::Text(_)) {
        return cx.value(node, k::POSITIVE).map(|time| ReconnectSpec {
            first: time,
            max: time,
        });
    }
    let fields = Fields::open(cx, node, "reconnect", &["first", "max"])?;
    let first = fields
        .value(cx, "first", k::POSITIVE)
        .unwrap_or(Duration::from_secs(1));
    let max = fields
        .value(cx, "max", k::POSITIVE)
        .unwrap_or(Duration::from_secs(30).max(first));
    if max < first {
        let place = fields
            .get("max")
            .map_or_else(|| fields.span.clone(), |node| node.span.clone());
        let help = "waiting times double from `first` to `max`";
        cx.refuse(
            &place,
            "the longest wait is shorter than the first",
            "less than `first`",
            help,
        );
    }
    Some(ReconnectSpec { first, max })
}

/// A link whose missing values are those of `default`.
pub(crate) fn link(
    cx: &mut Context<'_>,
    node: &Node,
    what: &'static str,
    default: LinkSpec,
) -> LinkSpec {
    let Some(fields) = Fields::open(cx, node, what, &["latency", "loss"]) else {
        return default;
    };
    let change = link_change(cx, &fields);
    let (latency_min_ms, latency_max_ms) = change
        .latency_ms
        .unwrap_or((default.latency_min_ms, default.latency_max_ms));
    LinkSpec {
        latency_min_ms,
        latency_max_ms,
        loss_permille: change.loss_permille.unwrap_or(default.loss_permille),
    }
}

/// `latency` and `loss` of an open map.
pub(crate) fn link_change(cx: &mut Context<'_>, fields: &Fields<'_>) -> LinkChange {
    LinkChange {
        latency_ms: fields.value(cx, "latency", k::LATENCY),
        loss_permille: fields.value(cx, "loss", k::SHARE),
    }
}

/// `links`: links of single clients.
pub(crate) fn links(cx: &mut Context<'_>, node: &Node, clients: &mut [ClientSpec]) {
    let Value::Map(entries) = &node.value else {
        cx.no_entries(
            node,
            "a map from clients to links, such as `app: {loss: 5%}`",
        );
        return;
    };
    for (key, node) in entries {
        let name = Node {
            span: key.span.clone(),
            value: Value::Text(Scalar {
                text: key.text.clone(),
                plain: true,
            }),
        };
        let Some(client) = cx.client(&name).and_then(|ix| clients.get_mut(ix)) else {
            continue;
        };
        client.link = link(cx, node, "a link", client.link);
    }
}
