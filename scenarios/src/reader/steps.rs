//! Steps: which kind each is, and those that hold other steps.

use super::{Context, Fields, MAX_NESTING, actions, clients, faults};
use crate::diagnostic::quoted;
use crate::{
    kind as k,
    model::{ClientSpec, Entry, Fault, Source, Step, StepKind, Workload},
    raw::{Key, Node, Span, Value},
    suggest,
};
use squall_protocol::QoS;
use std::time::Duration;

/// Most steps of one scenario: repetitions, messages of workloads and cuts of flapping links counted.
pub const MAX_STEPS: usize = 100_000;

/// Kinds of steps that are not a client's.
pub(crate) const KINDS: &[&str] = &[
    "fault", "network", "wait", "settle", "parallel", "repeat", "workload", "timeline",
];
/// Keys that stand beside the kind of a step.
const MODIFIERS: &[&str] = &["within", "wait", "expect", "at"];

/// `steps` at the top.
pub(crate) fn all(cx: &mut Context<'_>, node: &Node, clients: &[ClientSpec]) -> Vec<Step> {
    sequence(cx, node, clients)
}

/// A list of steps; not empty.
fn sequence(cx: &mut Context<'_>, node: &Node, clients: &[ClientSpec]) -> Vec<Step> {
    match &node.value {
        Value::List(items) if items.is_empty() => {
            cx.refuse(
                &node.span,
                "there are no steps",
                "empty",
                "begin with a client: `- app: connect`",
            );
            cx.incomplete = true;
            Vec::new()
        }
        Value::List(items) => items
            .iter()
            .flat_map(|item| step(cx, item, clients, false))
            .collect(),
        _ => {
            cx.no_entries(node, "a list of steps, each beginning with `- `");
            cx.incomplete = true;
            Vec::new()
        }
    }
}

/// The keys of one step: what it is, and what stands beside that.
pub(crate) struct Parts<'n> {
    pub(crate) head: &'n Key,
    pub(crate) body: &'n Node,
    pub(crate) beside: Vec<&'n (Key, Node)>,
    pub(crate) source: Source,
}

impl<'n> Parts<'n> {
    /// A modifier of the step.
    pub(crate) fn beside(&self, key: &str) -> Option<&'n Node> {
        self.beside
            .iter()
            .find(|(k, _)| k.text == key)
            .map(|(_, node)| node)
    }

    /// Refuses modifiers that have no meaning for this step.
    pub(crate) fn allow(&self, cx: &mut Context<'_>, what: &str, allowed: &[&str]) {
        for (key, _) in &self.beside {
            if !allowed.contains(&key.text.as_str()) && key.text != "at" {
                let help = match key.text.as_str() {
                    "expect" => {
                        "only `connect` and `publish` steps have an outcome that can be expected"
                    }
                    _ => "`within` and `wait` belong to steps of clients",
                };
                cx.refuse(
                    &key.span,
                    format!("{} has no meaning for {what}", quoted(&key.text)),
                    "no meaning here",
                    help,
                );
            }
        }
    }
}

/// One entry of a list of steps: usually one step, several when it is a repetition. `timed`: an entry of a timeline.
fn step(cx: &mut Context<'_>, node: &Node, clients: &[ClientSpec], timed: bool) -> Vec<Step> {
    let steps = one(cx, node, clients, timed);
    cx.incomplete |= steps.is_empty();
    steps
}

fn one(cx: &mut Context<'_>, node: &Node, clients: &[ClientSpec], timed: bool) -> Vec<Step> {
    let Some(parts) = parts(cx, node, timed) else {
        return Vec::new();
    };
    let head = parts.head.text.as_str();
    if let Some(client) = cx.clients.iter().position(|(name, _)| name == head) {
        let kind = actions::step(cx, &parts, client, clients);
        return kind
            .and_then(|kind| admit(cx, &parts, kind))
            .into_iter()
            .collect();
    }
    parts.allow(cx, &format!("a `{head}` step"), &[]);
    match head {
        "repeat" | "parallel" if !nests(cx, &parts.head.span, MAX_NESTING) => return Vec::new(),
        "timeline" | "workload" if !nests(cx, &parts.head.span, MAX_NESTING + 1) => {
            return Vec::new();
        }
        _ => {}
    }
    cx.nesting += 1;
    let steps = other(cx, &parts, clients);
    cx.nesting -= 1;
    steps
}

/// Whether another level of steps may begin here; noted when it may not. What becomes a timeline in the plan has one
/// level more than what a user nests, so that a plan can be read like the scenario it comes from.
pub(crate) fn nests(cx: &mut Context<'_>, span: &Span, limit: usize) -> bool {
    let good = cx.nesting < limit;
    if !good {
        let message = format!("steps are nested more than {MAX_NESTING} deep");
        cx.refuse(
            span,
            message,
            "here the limit is passed",
            "tell the story in fewer levels",
        );
    }
    good
}

/// A step that is not a client's.
fn other(cx: &mut Context<'_>, parts: &Parts<'_>, clients: &[ClientSpec]) -> Vec<Step> {
    let kind = match parts.head.text.as_str() {
        "repeat" => return repeat(cx, parts, clients),
        "fault" => faults::fault(cx, parts.body).map(StepKind::Fault),
        "network" => network(cx, parts.body),
        "wait" => cx.value(parts.body, k::POSITIVE).map(StepKind::Wait),
        "settle" => cx.value(parts.body, k::POSITIVE).map(StepKind::Settle),
        "parallel" => parallel(cx, parts.body, clients),
        "workload" => workload(cx, parts.body).map(StepKind::Workload),
        "timeline" => timeline(cx, parts.body, clients),
        _ => {
            unknown(cx, parts.head);
            None
        }
    };
    kind.and_then(|kind| admit(cx, parts, kind))
        .into_iter()
        .collect()
}

/// Takes a map apart. `None` after noting that it is no step.
fn parts<'n>(cx: &mut Context<'_>, node: &'n Node, timed: bool) -> Option<Parts<'n>> {
    let Value::Map(entries) = &node.value else {
        cx.mismatch(node, "a step such as `app: connect` or `wait: 3s`");
        return None;
    };
    let modifies = |key: &Key| MODIFIERS.contains(&key.text.as_str());
    let mut heads: Vec<&(Key, Node)> = entries.iter().filter(|(key, _)| !modifies(key)).collect();
    if heads.is_empty() {
        heads.extend(entries.iter().find(|(key, _)| key.text == "wait"));
    }
    let &[(head, body), ref more @ ..] = heads.as_slice() else {
        let span = entries.first().map_or(&node.span, |(key, _)| &key.span);
        cx.refuse(
            span,
            "a step that says neither who does something nor what happens",
            "not a step",
            kinds(cx),
        );
        return None;
    };
    if let Some((second, _)) = more.first() {
        let declared = |key: &Key| {
            KINDS.contains(&key.text.as_str()) || cx.clients.iter().any(|(n, _)| *n == key.text)
        };
        // One of the two is a slip of the pen; that is the one to talk about.
        if let Some((key, _)) = heads.iter().find(|(key, _)| !declared(key)) {
            beside_unknown(cx, key, head);
        } else {
            let message = format!(
                "{} and {} in one step",
                quoted(&head.text),
                quoted(&second.text)
            );
            let problem = cx
                .diagnostic(&second.span, message, "a second step")
                .label(head.span.clone(), "the first");
            cx.push(problem.help("every step is an entry of its own: begin the second with `- `"));
        }
        return None;
    }
    let beside: Vec<_> = entries
        .iter()
        .filter(|(key, _)| !std::ptr::eq(key, head))
        .collect();
    if let (false, Some((at, _))) = (timed, beside.iter().find(|(key, _)| key.text == "at")) {
        cx.refuse(
            &at.span,
            "`at` outside of a timeline",
            "no meaning here",
            "put the step into `timeline: [ … ]`",
        );
    }
    let start = entries
        .first()
        .map_or(head.span.start, |(key, _)| key.span.start);
    let source = cx.source(start, &head.span);
    Some(Parts {
        head,
        body,
        beside,
        source,
    })
}

fn kinds(cx: &Context<'_>) -> String {
    let clients = suggest::listed(cx.clients.iter().map(|(n, _)| n.as_str()), "and");
    let kinds = suggest::listed(KINDS.iter().copied(), "and");
    format!("a step begins with a client ({clients}) or with one of {kinds}")
}

/// A step of an unknown kind.
fn unknown(cx: &mut Context<'_>, head: &Key) {
    let message = format!(
        "{} is neither a client nor a kind of step",
        quoted(&head.text)
    );
    let mut problem = cx.diagnostic(&head.span, message, "unknown");
    let words = cx
        .clients
        .iter()
        .map(|(n, _)| n.as_str())
        .chain(KINDS.iter().copied());
    if actions::ACTIONS.contains(&head.text.as_str()) {
        problem = problem.help(format!("say who does it: `app: {{ {}: … }}`", head.text));
    } else if let Some(help) = suggest::did_you_mean(&head.text, words) {
        problem = problem.help(help);
    }
    problem = problem.help(kinds(cx));
    cx.push(problem);
}

/// A key beside the head of a step that is neither a modifier nor a step.
fn beside_unknown(cx: &mut Context<'_>, key: &Key, head: &Key) {
    if std::ptr::eq(key, head) {
        return unknown(cx, key);
    }
    let message = format!(
        "unknown key {} beside {}",
        quoted(&key.text),
        quoted(&head.text)
    );
    let mut problem = cx.diagnostic(&key.span, message, "not a key of a step");
    let words = MODIFIERS
        .iter()
        .copied()
        .chain(cx.clients.iter().map(|(n, _)| n.as_str()));
    if let Some(help) = suggest::did_you_mean(&key.text, words) {
        problem = problem.help(help);
    }
    problem = problem.help(
        "beside a client stand `within`, `wait` and `expect`; what it does stands in its braces",
    );
    cx.push(problem);
}

/// Counts a finished step.
fn admit(cx: &mut Context<'_>, parts: &Parts<'_>, kind: StepKind) -> Option<Step> {
    let inside = match &kind {
        StepKind::Workload(work) => {
            let messages = work.publishers.len().saturating_mul(work.count as usize);
            if !cx.count_bytes(
                &parts.head.span,
                messages.saturating_mul(work.size.1 as usize),
            ) {
                return None;
            }
            messages
        }
        StepKind::Fault(Fault::Flap { every, lasts, .. }) => {
            // The fault itself is counted as a level already.
            if !nests(cx, &parts.head.span, MAX_NESTING + 2) {
                return None;
            }
            let cuts = lasts.as_millis() / every.0.as_millis().max(1);
            usize::try_from(cuts).unwrap_or(usize::MAX).min(10_000)
        }
        _ => 0,
    };
    count(cx, &parts.head.span, inside.saturating_add(1)).then_some(Step {
        source: parts.source,
        kind,
    })
}

/// Whether `more` steps are still allowed; noted once when they are not.
pub(crate) fn count(cx: &mut Context<'_>, span: &Span, more: usize) -> bool {
    cx.steps = cx.steps.saturating_add(more);
    if cx.steps > MAX_STEPS && !cx.full {
        cx.full = true;
        let message = format!("the scenario has more than {MAX_STEPS} steps");
        let help = "repetitions, messages of workloads and cuts of flapping links count; tell a shorter story";
        cx.refuse(span, message, "here the limit is passed", help);
    }
    !cx.full
}

fn repeat(cx: &mut Context<'_>, parts: &Parts<'_>, clients: &[ClientSpec]) -> Vec<Step> {
    let Some(fields) = Fields::open(cx, parts.body, "repeat", &["times", "steps"]) else {
        return Vec::new();
    };
    let times = fields
        .need(cx, "times")
        .and_then(|node| cx.number(node, 1, MAX_STEPS as u64));
    let before = (cx.steps, cx.bytes);
    let once = match fields.need(cx, "steps") {
        Some(node) => sequence(cx, node, clients),
        None => Vec::new(),
    };
    let times = usize::try_from(times.unwrap_or(1)).unwrap_or(usize::MAX);
    let more = (cx.steps - before.0).saturating_mul(times - 1);
    let bytes = (cx.bytes - before.1).saturating_mul(times - 1);
    // Counted before anything is copied.
    if !count(cx, &parts.head.span, more) || !cx.count_bytes(&parts.head.span, bytes) {
        return once;
    }
    let size = once.len();
    once.into_iter().cycle().take(size * times).collect()
}

fn parallel(cx: &mut Context<'_>, node: &Node, clients: &[ClientSpec]) -> Option<StepKind> {
    let Value::List(items) = &node.value else {
        cx.no_entries(node, "a list of branches, each a step or a list of steps");
        return None;
    };
    if items.is_empty() {
        cx.refuse(
            &node.span,
            "there are no branches",
            "empty",
            "each branch is a step or a list of steps",
        );
        return None;
    }
    let branch = |item: &Node| match &item.value {
        Value::List(_) => sequence(cx, item, clients),
        _ => step(cx, item, clients, false),
    };
    Some(StepKind::Parallel(items.iter().map(branch).collect()))
}

fn timeline(cx: &mut Context<'_>, node: &Node, clients: &[ClientSpec]) -> Option<StepKind> {
    let Value::List(items) = &node.value else {
        cx.no_entries(
            node,
            "a list of steps with times, such as `- {at: 120ms, app: connect}`",
        );
        return None;
    };
    if items.is_empty() {
        cx.refuse(
            &node.span,
            "the timeline has no steps",
            "empty",
            "such as `- {at: 120ms, app: connect}`",
        );
        return None;
    }
    let entry = |item: &Node| {
        let after = match &item.value {
            Value::Map(entries) => match entries.iter().find(|(key, _)| key.text == "at") {
                Some((_, node)) => cx.value(node, k::DURATION),
                None => {
                    let span = entries.first().map_or(&item.span, |(key, _)| &key.span);
                    cx.refuse(
                        span,
                        "a step of a timeline needs `at`",
                        "`at` is missing",
                        "add `at: 120ms`",
                    );
                    None
                }
            },
            _ => None,
        };
        let mut steps = step(cx, item, clients, true);
        let step = match steps.len() {
            0 => return None,
            1 => steps.remove(0),
            // A repetition begins at one time: a single branch whose steps follow each other.
            _ => Step {
                source: steps[0].source,
                kind: StepKind::Parallel(vec![steps]),
            },
        };
        Some(Entry {
            after: after?,
            step,
        })
    };
    Some(StepKind::Timeline(items.iter().filter_map(entry).collect()))
}

fn network(cx: &mut Context<'_>, node: &Node) -> Option<StepKind> {
    let fields = Fields::open(cx, node, "network", &["latency", "loss", "of"])?;
    let client = match fields.get("of") {
        Some(node) => cx.client_or_all(node)?,
        None => None,
    };
    if fields.get("latency").is_none() && fields.get("loss").is_none() {
        cx.refuse(
            &fields.span,
            "the step changes nothing",
            "neither `latency` nor `loss`",
            "add `latency` or `loss`",
        );
    }
    let change = clients::link_change(cx, &fields);
    Some(StepKind::Network { client, change })
}

fn workload(cx: &mut Context<'_>, node: &Node) -> Option<Workload> {
    let keys = [
        "publishers",
        "topics",
        "qos",
        "count",
        "every",
        "size",
        "retain",
    ];
    let fields = Fields::open(cx, node, "a workload", &keys)?;
    let publishers = fields.need(cx, "publishers").map(|node| {
        let items = cx.list(node, "publishers");
        items
            .iter()
            .filter_map(|item| cx.client(item))
            .collect::<Vec<_>>()
    })?;
    if let Some(repeated) = publishers
        .iter()
        .enumerate()
        .find(|(i, p)| publishers[..*i].contains(p))
    {
        let place = fields
            .get("publishers")
            .map_or_else(|| fields.span.clone(), |node| node.span.clone());
        let name = quoted(&clients_name(cx, *repeated.1));
        cx.refuse(
            &place,
            format!("{name} publishes twice"),
            "named twice",
            "raise `count` for more messages",
        );
    }
    let topics = fields
        .need(cx, "topics")
        .map(|node| cx.values(node, "topics", k::NAME, false))?;
    let all = vec![QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
    let qos = fields
        .get("qos")
        .map_or(all, |node| cx.values(node, "QoS levels", k::QOS, false));
    let count = fields
        .number(cx, "count", 1, MAX_STEPS as u64)
        .unwrap_or(20);
    let ms = Duration::from_millis;
    let every = fields
        .value(cx, "every", k::DURATIONS)
        .unwrap_or((ms(50), ms(500)));
    let size = fields.value(cx, "size", k::SIZES).unwrap_or((16, 200));
    let retain_permille = fields.value(cx, "retain", k::SHARE).unwrap_or(0);
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    Some(Workload {
        publishers,
        topics,
        qos,
        count,
        every,
        size,
        retain_permille,
    })
}

fn clients_name(cx: &Context<'_>, client: usize) -> String {
    cx.clients
        .get(client)
        .map_or_else(String::new, |(name, _)| name.clone())
}
