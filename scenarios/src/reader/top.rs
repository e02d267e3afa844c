//! The keys at the top of a file.

use super::{Context, Fields, clients, steps};
use crate::{
    kind as k,
    model::{BrokerSpec, LinkSpec, Scenario},
    raw::{Node, Scalar, Value},
    suggest,
};
use std::time::Duration;

const KEYS: &[&str] = &[
    "title",
    "statements",
    "versions",
    "seeds",
    "limit",
    "network",
    "links",
    "broker",
    "clients",
    "steps",
    "expect",
];
const BROKER_KEYS: &[&str] = &[
    "receive_maximum",
    "topic_alias_maximum",
    "maximum_packet_size",
    "server_keep_alive",
    "max_queued",
];

pub(crate) fn read(cx: &mut Context<'_>, name: &str, root: &Node) -> Option<Scenario> {
    let fields = Fields::open(cx, root, "the scenario", KEYS)?;
    let title = title(cx, &fields);
    if let Some(node) = fields.get("versions") {
        let versions = cx.values(node, "versions", k::VERSION, true);
        if !versions.is_empty() {
            cx.versions = versions;
        }
    }
    let statements = fields.get("statements").map(|node| statements(cx, node));
    let seeds = fields.number(cx, "seeds", 1, u32::MAX.into()).unwrap_or(8);
    let limit = fields
        .value(cx, "limit", k::POSITIVE)
        .unwrap_or(Duration::from_secs(600));
    let everyone = network(cx, &fields);
    let broker = fields
        .get("broker")
        .and_then(|node| broker(cx, node))
        .unwrap_or_default();
    let declared = fields.need(cx, "clients");
    let mut clients = clients::read(cx, declared, everyone);
    if let Some(node) = fields.get("links") {
        clients::links(cx, node, &mut clients);
    }
    let steps = match fields.need(cx, "steps") {
        Some(node) => steps::all(cx, node, &clients),
        None => Vec::new(),
    };
    let expect = match fields.get("expect") {
        Some(node) => crate::expect::read(cx, node),
        None => Vec::new(),
    };
    let scenario = Scenario {
        name: name.to_owned(),
        file: cx.file.to_owned(),
        title: title?,
        statements: statements.unwrap_or_default(),
        versions: cx.versions.clone(),
        seeds: u32::try_from(seeds).unwrap_or(u32::MAX),
        limit,
        broker,
        clients,
        steps,
        expect,
    };
    crate::story::check(cx, &scenario);
    Some(scenario)
}

/// Statements, each of them one of a version the scenario runs with.
fn statements(cx: &mut Context<'_>, node: &Node) -> Vec<String> {
    let statements = cx.values(node, "statements", k::STATEMENT, true);
    let Some(of_version) = cx.room.statements else {
        return statements;
    };
    let known: Vec<&str> = cx.versions.iter().flat_map(|v| of_version(*v)).collect();
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    for item in items {
        let Value::Text(Scalar { text, .. }) = &item.value else {
            continue;
        };
        if !statements.contains(text) || known.contains(&text.as_str()) {
            continue;
        }
        let versions: Vec<&str> = cx.versions.iter().map(|v| v.as_str()).collect();
        let message = format!("{text} is no statement of MQTT {}", versions.join(" or "));
        let mut problem = cx.diagnostic(&item.span, message, "unknown statement");
        problem
            .help
            .extend(suggest::did_you_mean(text, known.iter().copied()));
        cx.push(problem.help("`squall list statements` shows all of them"));
    }
    statements
}

fn title(cx: &mut Context<'_>, fields: &Fields<'_>) -> Option<String> {
    let node = fields.need(cx, "title")?;
    let title = cx.value(node, k::TEXT)?;
    if title.trim().is_empty() {
        cx.refuse(
            &node.span,
            "the title is empty",
            "empty",
            "say in one sentence what the story tells",
        );
        return None;
    }
    Some(title)
}

/// The link of every client that has none of its own.
fn network(cx: &mut Context<'_>, fields: &Fields<'_>) -> LinkSpec {
    let default = LinkSpec {
        latency_min_ms: 1,
        latency_max_ms: 10,
        loss_permille: 0,
    };
    match fields.get("network") {
        Some(node) => clients::link(cx, node, "network", default),
        None => default,
    }
}

fn broker(cx: &mut Context<'_>, node: &Node) -> Option<BrokerSpec> {
    let fields = Fields::open(cx, node, "the broker", BROKER_KEYS)?;
    let small = |n: Option<u64>| n.and_then(|n| u16::try_from(n).ok());
    Some(BrokerSpec {
        // 0 is a Protocol Error for both maxima, section 3.2.2.3 of 5.0.
        receive_maximum: small(fields.number(cx, "receive_maximum", 1, u16::MAX.into())),
        topic_alias_maximum: small(fields.number(cx, "topic_alias_maximum", 0, u16::MAX.into())),
        maximum_packet_size: fields
            .number(cx, "maximum_packet_size", 1, u32::MAX.into())
            .and_then(|n| u32::try_from(n).ok()),
        server_keep_alive: fields.value(cx, "server_keep_alive", k::KEEP_ALIVE),
        max_queued: fields
            .number(cx, "max_queued", 0, u32::MAX.into())
            .and_then(|n| usize::try_from(n).ok()),
    })
}
