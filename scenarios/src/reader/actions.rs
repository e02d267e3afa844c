//! What clients do.

use super::{
    Context, Fields, MAX_NESTING, clients,
    steps::{self, Parts},
};
use crate::diagnostic::quoted;
use crate::{
    kind as k,
    model::{
        Action, ClientIx, ClientSpec, ConnectExpect, Entry, MessagePattern, MessageSpec, Step,
        StepKind,
    },
    raw::{Node, Scalar, Span, Value},
    suggest, values as v,
};
use bytes::{BufMut, Bytes, BytesMut};
use squall_protocol::{PacketType, QoS, ReasonCode, Role};
use std::time::Duration;

pub(crate) const ACTIONS: &[&str] = &[
    "connect",
    "disconnect",
    "drop",
    "subscribe",
    "unsubscribe",
    "publish",
    "receive",
    "silent",
];

/// How long a `receive` step waits when it does not say.
const RECEIVE_WITHIN: Duration = Duration::from_secs(10);

/// Several publishes made of one step.
struct Series {
    count: u32,
    every: Duration,
}

/// The step of a client.
pub(crate) fn step(
    cx: &mut Context<'_>,
    parts: &Parts<'_>,
    client: ClientIx,
    specs: &[ClientSpec],
) -> Option<StepKind> {
    let (name, fields) = name(cx, parts)?;
    let mut series = None;
    let action = match name {
        "connect" => connect(cx, parts, fields.as_ref(), &specs.get(client)?.connect),
        "disconnect" => disconnect(cx, fields.as_ref()),
        "drop" => Some(Action::Drop),
        "subscribe" => subscribe(cx, fields.as_ref()?),
        "unsubscribe" => {
            let node = fields.as_ref()?.get("unsubscribe")?;
            Some(Action::Unsubscribe {
                filters: filters(cx, node),
            })
        }
        "publish" => {
            let fields = fields.as_ref()?;
            series = self::series(cx, fields);
            publish(cx, parts, fields)
        }
        "receive" => receive(cx, fields.as_ref()?.get("receive")?),
        "silent" => cx
            .value(fields.as_ref()?.get("silent")?, k::POSITIVE)
            .map(Action::Silent),
        _ => None,
    };
    let allowed: &[&str] = match name {
        "connect" | "publish" => &["within", "wait", "expect"],
        // It is over when its time is; a limit could only contradict it.
        "silent" => &["wait"],
        _ => &["within", "wait"],
    };
    parts.allow(cx, &format!("a `{name}` step"), allowed);
    let within = match parts.beside("within") {
        Some(node) if is_none(node) => None,
        Some(node) => cx.value(node, k::POSITIVE),
        None => (name == "receive").then_some(RECEIVE_WITHIN),
    };
    let wait = parts
        .beside("wait")
        .and_then(|node| cx.value(node, k::FLAG))
        .unwrap_or(true);
    let kind = |action| StepKind::Client {
        client,
        action,
        within,
        wait,
    };
    match (series, action?) {
        (
            Some(series),
            Action::Publish {
                message,
                expect_reason,
            },
        ) => {
            let publish = |message| {
                kind(Action::Publish {
                    message,
                    expect_reason,
                })
            };
            timeline(cx, parts, &series, &message, publish)
        }
        (_, action) => Some(kind(action)),
    }
}

/// A series of messages as a timeline of steps, each made by `publish`.
fn timeline(
    cx: &mut Context<'_>,
    parts: &Parts<'_>,
    series: &Series,
    message: &MessageSpec,
    publish: impl Fn(MessageSpec) -> StepKind,
) -> Option<StepKind> {
    let span = &parts.head.span;
    let bytes = message.payload.len().saturating_mul(series.count as usize);
    // Counted before anything is copied.
    let room = steps::nests(cx, span, MAX_NESTING + 1)
        && steps::count(cx, span, series.count as usize)
        && cx.count_bytes(span, bytes);
    if !room {
        return None;
    }
    let entry = |n| {
        let payload = numbered(&message.payload, n);
        let kind = publish(MessageSpec {
            payload,
            ..message.clone()
        });
        Entry {
            // A time that could not be written down; the story is over at its limit long before.
            after: (series.every * (n - 1)).min(Duration::from_millis(v::MAX_MS)),
            step: Step {
                source: parts.source,
                kind,
            },
        }
    };
    Some(StepKind::Timeline((1..=series.count).map(entry).collect()))
}

/// Which action it is, and its map unless it is a single word.
fn name<'n>(cx: &mut Context<'_>, parts: &Parts<'n>) -> Option<(&'static str, Option<Fields<'n>>)> {
    let listed = || suggest::listed(ACTIONS.iter().copied(), "and");
    let known = |word: &str| ACTIONS.iter().copied().find(|a| *a == word);
    match &parts.body.value {
        Value::Text(Scalar { text, .. }) => match known(text) {
            Some(word @ ("connect" | "disconnect" | "drop")) => Some((word, None)),
            Some(word) => {
                let help = match word {
                    "silent" => "write `{ silent: 2s }`".to_owned(),
                    "receive" => "write `{ receive: {topic: a/b} }`".to_owned(),
                    word => format!("write `{{ {word}: a/b }}`"),
                };
                cx.refuse(
                    &parts.body.span,
                    format!("{} needs to say what", quoted(word)),
                    "not complete",
                    help,
                );
                None
            }
            None => {
                unknown(cx, &parts.body.span, text, &listed());
                None
            }
        },
        Value::Map(entries) => {
            let mut actions = entries.iter().filter(|(key, _)| known(&key.text).is_some());
            let Some((key, _)) = actions.next() else {
                match entries.first() {
                    Some((key, _)) => unknown(cx, &key.span, &key.text, &listed()),
                    None => cx.refuse(
                        &parts.body.span,
                        "the client does nothing",
                        "empty",
                        format!("actions: {}", listed()),
                    ),
                }
                return None;
            };
            if let Some((second, _)) = actions.next() {
                let message = format!(
                    "{} and {} in one step",
                    quoted(&key.text),
                    quoted(&second.text)
                );
                cx.refuse(
                    &second.span,
                    message,
                    "a second action",
                    "every step is one action: begin another with `- `",
                );
                return None;
            }
            let word = known(&key.text)?;
            let (what, keys) = keys(word);
            Some((word, Some(Fields::open(cx, parts.body, what, keys)?)))
        }
        _ => {
            cx.mismatch(parts.body, &format!("what the client does: {}", listed()));
            None
        }
    }
}

const fn keys(action: &str) -> (&'static str, &'static [&'static str]) {
    match action.as_bytes() {
        b"connect" => ("a connect step", &["connect"]),
        b"disconnect" => ("a disconnect step", &["disconnect"]),
        b"drop" => ("a drop step", &["drop"]),
        b"subscribe" => (
            "a subscribe step",
            &[
                "subscribe",
                "qos",
                "no_local",
                "retain_as_published",
                "retain_handling",
                "id",
            ],
        ),
        b"unsubscribe" => ("an unsubscribe step", &["unsubscribe"]),
        b"publish" => (
            "a publish step",
            &[
                "publish", "payload", "qos", "retain", "expiry", "count", "every",
            ],
        ),
        b"receive" => ("a receive step", &["receive"]),
        _ => ("a silent step", &["silent"]),
    }
}

fn unknown(cx: &mut Context<'_>, span: &Span, word: &str, listed: &str) {
    let mut problem = cx.diagnostic(
        span,
        format!("a client cannot {}", quoted(word)),
        "unknown action",
    );
    problem
        .help
        .extend(suggest::did_you_mean(word, ACTIONS.iter().copied()));
    problem.help.push(format!("actions: {listed}"));
    cx.push(problem);
}

fn is_none(node: &Node) -> bool {
    matches!(&node.value, Value::Text(Scalar { text, plain: true }) if text == "none")
}

/// The map behind an action that may go without one.
fn options<'n>(fields: Option<&Fields<'n>>, key: &str) -> Option<&'n Node> {
    fields
        .and_then(|f| f.get(key))
        .filter(|node| !matches!(node.value, Value::Null))
}

fn connect(
    cx: &mut Context<'_>,
    parts: &Parts<'_>,
    fields: Option<&Fields<'_>>,
    default: &crate::model::ConnectSpec,
) -> Option<Action> {
    let connect = match options(fields, "connect") {
        Some(node) => clients::connect(cx, node, default),
        None => default.clone(),
    };
    let mut expect = ConnectExpect::default();
    if let Some(node) = parts.beside("expect") {
        let fields = Fields::open(
            cx,
            node,
            "what a connect step expects",
            &["session_present", "reason"],
        )?;
        expect.session_present = fields.value(cx, "session_present", k::FLAG);
        let reason = fields
            .get("reason")
            .and_then(|node| cx.reason(node, PacketType::ConnAck, Role::Server));
        // Success is what a connect step expects anyway.
        expect.reason = reason.filter(|code| *code != ReasonCode::SUCCESS);
        if let (Some(true), Some(code), Some(key)) =
            (expect.session_present, expect.reason, fields.key("reason"))
        {
            // [MQTT-3.2.2-4] (3.1.1), [MQTT-3.2.2-6] (5.0)
            let message = format!("a refusal ({code}) never says that a session is present");
            cx.refuse(
                &key.span,
                message,
                "contradicts `session_present: true`",
                "remove one of them",
            );
        }
    }
    Some(Action::Connect { connect, expect })
}

fn disconnect(cx: &mut Context<'_>, fields: Option<&Fields<'_>>) -> Option<Action> {
    let (mut reason, mut session_expiry) = (ReasonCode::NORMAL_DISCONNECTION, None);
    if let Some(node) = options(fields, "disconnect") {
        let fields = Fields::open(cx, node, "disconnect", &["reason", "session_expiry"])?;
        if let Some(node) = fields.get("reason") {
            reason = cx.reason(node, PacketType::Disconnect, Role::Client)?;
        }
        if let Some(node) = fields.get("session_expiry")
            && cx.only_5_0(&node.span, "Session Expiry Interval in DISCONNECT")
        {
            session_expiry = cx.value(node, k::EXPIRY);
        }
    }
    Some(Action::Disconnect {
        reason,
        session_expiry,
    })
}

/// Topic filters of SUBSCRIBE or UNSUBSCRIBE: one, or a list.
fn filters(cx: &mut Context<'_>, node: &Node) -> Vec<String> {
    let items = cx.list(node, "topic filters");
    items
        .iter()
        .filter_map(|item| cx.filter(item, true))
        .collect()
}

fn subscribe(cx: &mut Context<'_>, fields: &Fields<'_>) -> Option<Action> {
    let filters = filters(cx, fields.get("subscribe")?);
    for (key, what) in [
        ("no_local", "No Local"),
        ("retain_as_published", "Retain As Published"),
        ("retain_handling", "Retain Handling"),
        ("id", "Subscription Identifier"),
    ] {
        if let Some(key) = fields.key(key) {
            cx.only_5_0(&key.span, what);
        }
    }
    let no_local = fields.flag(cx, "no_local");
    if let (true, Some(key), Some(_)) = (
        no_local,
        fields.key("no_local"),
        filters.iter().find(|f| f.starts_with("$share/")),
    ) {
        // [MQTT-3.8.3-4] (5.0)
        let message = "No Local on a shared subscription is a Protocol Error";
        cx.refuse(
            &key.span,
            message,
            "not allowed here",
            "remove `no_local`, or subscribe without `$share`",
        );
    }
    Some(Action::Subscribe {
        filters,
        qos: fields.value(cx, "qos", k::QOS).unwrap_or_default(),
        no_local,
        retain_as_published: fields.flag(cx, "retain_as_published"),
        retain_handling: fields
            .number(cx, "retain_handling", 0, 2)
            .and_then(|n| u8::try_from(n).ok())
            .unwrap_or(0),
        // [X-5.0-subid-1]
        id: fields
            .number(cx, "id", 1, 268_435_455)
            .and_then(|n| u32::try_from(n).ok()),
    })
}

fn publish(cx: &mut Context<'_>, parts: &Parts<'_>, fields: &Fields<'_>) -> Option<Action> {
    let topic = cx.value(fields.get("publish")?, k::NAME);
    let payload = fields
        .get("payload")
        .and_then(|node| cx.payload(node))
        .unwrap_or_default();
    let qos = fields.value(cx, "qos", k::QOS).unwrap_or_default();
    let retain = fields.flag(cx, "retain");
    let expiry = fields.get("expiry").and_then(|node| {
        if cx.only_5_0(&node.span, "Message Expiry Interval") {
            cx.value(node, k::SECONDS)
        } else {
            None
        }
    });
    let mut expect_reason = None;
    if let Some(node) = parts.beside("expect") {
        let fields = Fields::open(cx, node, "what a publish step expects", &["reason"])?;
        if let Some(node) = fields.need(cx, "reason") {
            let packet = match qos {
                QoS::AtMostOnce => {
                    let help = "publish with `qos: 1` or `qos: 2`, or remove `expect`";
                    cx.refuse(
                        &node.span,
                        "a QoS 0 message is never acknowledged",
                        "no reason code comes",
                        help,
                    );
                    return None;
                }
                QoS::AtLeastOnce => PacketType::PubAck,
                QoS::ExactlyOnce => PacketType::PubRec,
            };
            expect_reason = cx.reason(node, packet, Role::Server);
        }
    }
    Some(Action::Publish {
        message: MessageSpec {
            topic: topic?,
            payload,
            qos,
            retain,
            expiry,
        },
        expect_reason,
    })
}

/// `count` and `every` of a publish step.
fn series(cx: &mut Context<'_>, fields: &Fields<'_>) -> Option<Series> {
    let every = fields.value(cx, "every", k::DURATION);
    if let (Some(key), None) = (fields.key("every"), fields.get("count")) {
        cx.refuse(
            &key.span,
            "`every` without `count`",
            "how many?",
            "add `count`, such as `count: 10`",
        );
    }
    let count = fields.number(cx, "count", 1, steps::MAX_STEPS as u64)?;
    Some(Series {
        count: u32::try_from(count).ok()?,
        every: every.unwrap_or_default(),
    })
}

/// The payload of the `n`th message of a series.
fn numbered(payload: &Bytes, n: u32) -> Bytes {
    let mut bytes = BytesMut::from(payload.as_ref());
    bytes.put_slice(format!("#{n}").as_bytes());
    bytes.freeze()
}

fn receive(cx: &mut Context<'_>, node: &Node) -> Option<Action> {
    let keys = ["topic", "payload", "qos", "retain", "dup", "count"];
    let fields = Fields::open(cx, node, "receive", &keys)?;
    let what = MessagePattern {
        topic: fields.get("topic").and_then(|node| cx.filter(node, false)),
        payload: fields.get("payload").and_then(|node| cx.payload(node)),
        qos: fields.value(cx, "qos", k::QOS),
        retain: fields.value(cx, "retain", k::FLAG),
        dup: fields.value(cx, "dup", k::FLAG),
    };
    if let (Some(QoS::AtMostOnce), Some(true), Some(key)) = (what.qos, what.dup, fields.key("dup"))
    {
        // [MQTT-3.3.1-2]
        let help = "DUP is 0 in every QoS 0 message: remove `dup`, or ask for another QoS";
        cx.refuse(
            &key.span,
            "a QoS 0 message is never a duplicate",
            "contradicts `qos: 0`",
            help,
        );
    }
    let count = fields
        .number(cx, "count", 1, u32::MAX.into())
        .and_then(|n| u32::try_from(n).ok())
        .unwrap_or(1);
    Some(Action::Receive { what, count })
}
