//! Steps: which kind each is, those of clients, and those that hold other steps.

use crate::{
    action::{self, Actor},
    client::ClientSpec,
    construct::{Happen, Series},
    diagnostic::quoted,
    kind::{CLIENT, DURATION, FLAG, Kind, Maybe, OrNone, POSITIVE, number},
    model::{ClientIx, Entry, Life, Source, Step, StepKind, Workload},
    raw::{Key, Node, Value},
    reader::{Context, Fields, MAX_NESTING, MAX_STEPS},
    record::{self, Record, Told, record},
    step::LEAVES,
    suggest, values,
};
use std::time::Duration;

pub(crate) const PARALLEL: &str = "parallel";
pub(crate) const REPEAT: &str = "repeat";
pub(crate) const TIMELINE: &str = "timeline";
/// Keys that stand beside the kind of a step.
const MODIFIERS: &[&str] = &["within", "wait", "expect", "client", "at"];
/// The head of the steps of a scripted broker.
const BROKER: &str = "broker";

/// The words of all kinds of steps that are not a client's, in the order in which messages list them.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    let leaves = LEAVES.iter().flat_map(|leaf| match leaf.word {
        Workload::WORD => vec![PARALLEL, REPEAT, leaf.word],
        word => vec![word],
    });
    leaves.chain([TIMELINE])
}

/// The entries of a list that must have some; nothing after noting that it has none, or is no list.
fn entries<'n>(
    cx: &mut Context<'_>,
    node: &'n Node,
    expected: &str,
    when_empty: (&str, &str),
) -> Option<&'n [Node]> {
    let Value::List(items) = &node.value else {
        cx.no_entries(node, expected);
        return None;
    };
    if items.is_empty() {
        let (message, help) = when_empty;
        cx.refuse(&node.span, message, "empty", help);
        return None;
    }
    Some(items)
}

/// A list of steps; not empty.
pub(crate) fn sequence(cx: &mut Context<'_>, node: &Node, clients: &[ClientSpec]) -> Vec<Step> {
    let expected = "a list of steps, each beginning with `- `";
    let help = "begin with a client: `- app: connect`";
    let Some(items) = entries(cx, node, expected, ("there are no steps", help)) else {
        cx.incomplete = true;
        return Vec::new();
    };
    let steps = items.iter().flat_map(|item| step(cx, item, clients, false));
    steps.collect()
}

/// The keys of one step: what it is, and what stands beside that.
struct Parts<'n> {
    head: &'n Key,
    body: &'n Node,
    beside: Vec<&'n (Key, Node)>,
    entries: &'n [(Key, Node)],
    source: Source,
}

impl<'n> Parts<'n> {
    /// A modifier of the step.
    fn beside(&self, key: &str) -> Option<&'n Node> {
        self.beside
            .iter()
            .find(|(k, _)| k.text == key)
            .map(|(_, node)| node)
    }

    /// Refuses modifiers that have no meaning for this step.
    fn allow(&self, cx: &mut Context<'_>, what: &str, allowed: &[&str]) {
        for (key, _) in &self.beside {
            if !allowed.contains(&key.text.as_str()) && key.text != "at" {
                let help = match key.text.as_str() {
                    "expect" => {
                        "only `connect` and `publish` steps have an outcome that can be expected"
                    }
                    "client" => "it says to whom a scripted broker does something",
                    _ => "`within` and `wait` belong to steps of clients",
                };
                let message = format!("{} has no meaning for {what}", quoted(&key.text));
                cx.refuse(&key.span, message, "no meaning here", help);
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
        let kind = of_client(cx, &parts, client, clients);
        return kind
            .and_then(|kind| admit(cx, &parts, kind))
            .into_iter()
            .collect();
    }
    if head == BROKER && !Life::is_meant(parts.body) {
        let kind = of_broker(cx, &parts);
        return kind
            .and_then(|kind| admit(cx, &parts, kind))
            .into_iter()
            .collect();
    }
    parts.allow(cx, &format!("a `{head}` step"), &[]);
    match head {
        REPEAT | PARALLEL if !cx.nests(&parts.head.span, MAX_NESTING) => return Vec::new(),
        TIMELINE | Workload::WORD if !cx.nests(&parts.head.span, MAX_NESTING + 1) => {
            return Vec::new();
        }
        _ => {}
    }
    cx.nesting += 1;
    let steps = other(cx, &parts, clients);
    cx.nesting -= 1;
    steps
}

/// A step that is not a client's.
fn other(cx: &mut Context<'_>, parts: &Parts<'_>, clients: &[ClientSpec]) -> Vec<Step> {
    let kind = match parts.head.text.as_str() {
        REPEAT => return repeat(cx, parts, clients),
        PARALLEL => parallel(cx, parts.body, clients),
        TIMELINE => timeline(cx, parts.body, clients),
        word => match LEAVES.iter().find(|leaf| leaf.word == word) {
            Some(leaf) => (leaf.read)(cx, parts.body),
            None => {
                unknown(cx, parts.head);
                None
            }
        },
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
        let message = "a step that says neither who does something nor what happens";
        cx.refuse(span, message, "not a step", kinds(cx));
        return None;
    };
    if let Some((second, _)) = more.first() {
        let declared = |key: &Key| {
            words().any(|word| word == key.text) || cx.clients.iter().any(|(n, _)| *n == key.text)
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
        let help = "put the step into `timeline: [ … ]`";
        cx.refuse(
            &at.span,
            "`at` outside of a timeline",
            "no meaning here",
            help,
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
        entries,
        source,
    })
}

fn kinds(cx: &Context<'_>) -> String {
    let clients = suggest::listed(cx.clients.iter().map(|(n, _)| n.as_str()), "and");
    let kinds = suggest::listed(words(), "and");
    format!("a step begins with a client ({clients}) or with one of {kinds}")
}

/// A step of an unknown kind.
fn unknown(cx: &mut Context<'_>, head: &Key) {
    if cx.has_enough() {
        return;
    }
    let message = format!(
        "{} is neither a client nor a kind of step",
        quoted(&head.text)
    );
    let mut problem = cx.diagnostic(&head.span, message, "unknown");
    let mut known: Vec<&str> = cx.clients.iter().map(|(n, _)| n.as_str()).collect();
    for word in words() {
        known.push(word);
    }
    if action::words().any(|word| word == head.text) {
        problem = problem.help(format!("say who does it: `app: {{ {}: … }}`", head.text));
    } else if let Some(help) = suggest::did_you_mean(&head.text, known) {
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
    if cx.has_enough() {
        return;
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

record! {
    /// What stands beside the name of a client, or beside `broker`.
    struct Beside, "a step" {
        /// the outcome must come in this time; `receive` waits `10s` unless it says otherwise; `none` lifts the limit
        within: Option<Duration> = "within", usual(None, OrNone(POSITIVE));
        /// `false`: go on at once, whatever becomes of it
        wait: bool = "wait", usual(true, FLAG);
        /// to whom a scripted broker does it, where there are several clients
        client: Option<ClientIx> = "client", usual(None, Maybe(CLIENT));
    }
}

/// What is to be known of the keys beside the name of a client, `expect` left out.
pub(crate) fn told_beside() -> Vec<Told> {
    record::told::<Beside>()
}

/// What somebody does: the action, or several of it, its `within` and its `wait`. `more` are keys that may stand beside it.
fn done(
    cx: &mut Context<'_>,
    parts: &Parts<'_>,
    actor: Actor<'_>,
    more: &[&str],
) -> Option<(action::Done, Beside)> {
    let (kind, action) = action::one(cx, parts.body, parts.beside("expect"), actor)?;
    let beside = [
        ("within", kind.limited),
        ("wait", true),
        ("expect", kind.outcome.is_some()),
    ];
    let allowed = beside.iter().filter(|(_, allowed)| *allowed);
    let allowed: Vec<&str> = allowed.map(|(key, _)| *key).collect();
    let allowed = [&allowed, more].concat();
    parts.allow(cx, &format!("a `{}` step", kind.word), &allowed);
    let fields = Fields {
        what: Beside::WHAT,
        span: parts.head.span.clone(),
        entries: parts.entries,
    };
    let usual = Beside {
        within: kind.within,
        ..Beside::empty()
    };
    let beside = record::fill(cx, &fields, usual)?;
    Some((action?, beside))
}

/// The step of a client.
fn of_client(
    cx: &mut Context<'_>,
    parts: &Parts<'_>,
    client: ClientIx,
    clients: &[ClientSpec],
) -> Option<StepKind> {
    let spec = clients.get(client)?;
    let read = |cx: &mut Context<'_>| done(cx, parts, Actor::Client(spec), &[]);
    let ((action, series), Beside { within, wait, .. }) = cx.speaking(spec.version, read)?;
    let step = |action| StepKind::Client {
        client,
        action,
        within,
        wait,
    };
    match series {
        None => Some(step(action)),
        Some(series) => several(cx, parts, &series, |n| step(action.numbered(n))),
    }
}

/// The step of a scripted broker.
fn of_broker(cx: &mut Context<'_>, parts: &Parts<'_>) -> Option<StepKind> {
    if !cx.broker_scripted {
        let help = "it can only go down (`broker: { crash: kill }`) and come back (`broker: restart`), unless it is declared \
            at the top: `broker: { scripted: true }`";
        let message = "the broker of this story does everything by itself";
        cx.refuse(&parts.head.span, message, "keeps to the standard", help);
        return None;
    }
    let ((action, _), beside) = done(cx, parts, Actor::Broker, &["client"])?;
    let client = match (beside.client, cx.clients.len()) {
        (Some(client), _) => client,
        (None, 1) => 0,
        (None, _) => {
            let help = "say whom beside it: `client: app`";
            let message =
                "there are several clients, and nobody knows to whom the broker does this";
            cx.refuse(&parts.head.span, message, "to whom?", help);
            return None;
        }
    };
    Some(StepKind::Broker {
        client,
        action,
        within: beside.within,
        wait: beside.wait,
    })
}

/// A series as a timeline of steps, each made by `step`.
fn several(
    cx: &mut Context<'_>,
    parts: &Parts<'_>,
    series: &Series,
    step: impl Fn(u32) -> StepKind,
) -> Option<StepKind> {
    let span = &parts.head.span;
    let bytes = series.bytes.saturating_mul(series.count as usize);
    // Counted before anything is copied.
    let room = cx.nests(span, MAX_NESTING + 1)
        && cx.count(span, series.count as usize)
        && cx.count_bytes(span, bytes);
    if !room {
        return None;
    }
    let entry = |n| Entry {
        // A time that could not be written down; the story is over at its limit long before.
        after: (series.every * (n - 1)).min(Duration::from_millis(values::MAX_MS)),
        step: Step {
            source: parts.source,
            kind: step(n),
        },
    };
    Some(StepKind::Timeline((1..=series.count).map(entry).collect()))
}

/// Counts a finished step.
fn admit(cx: &mut Context<'_>, parts: &Parts<'_>, kind: StepKind) -> Option<Step> {
    let inside = kind.becomes();
    let span = &parts.head.span;
    // The map of the step is counted as a level already.
    let room = cx.count_bytes(span, inside.bytes)
        && (!inside.deeper || cx.nests(span, MAX_NESTING + 2))
        && cx.count(span, inside.steps.saturating_add(1));
    room.then_some(Step {
        source: parts.source,
        kind,
    })
}

fn repeat(cx: &mut Context<'_>, parts: &Parts<'_>, clients: &[ClientSpec]) -> Vec<Step> {
    let span = &parts.head.span;
    let Some(fields) = Fields::open(cx, parts.body, "repeat", &["times", "steps"]) else {
        return Vec::new();
    };
    let mut times = 1u32;
    let number = number(1, MAX_STEPS as u64);
    record::need(cx, &fields, "times", &number, &mut times);
    let before = (cx.steps, cx.bytes);
    let once = match fields.need(cx, "steps") {
        Some(node) => sequence(cx, node, clients),
        None => Vec::new(),
    };
    let times = times as usize;
    let more = (cx.steps - before.0).saturating_mul(times - 1);
    let bytes = (cx.bytes - before.1).saturating_mul(times - 1);
    // Counted before anything is copied.
    if !cx.count(span, more) || !cx.count_bytes(span, bytes) {
        return once;
    }
    let size = once.len();
    once.into_iter().cycle().take(size * times).collect()
}

fn parallel(cx: &mut Context<'_>, node: &Node, clients: &[ClientSpec]) -> Option<StepKind> {
    let each = "each branch is a step or a list of steps";
    let expected = "a list of branches, each a step or a list of steps";
    let items = entries(cx, node, expected, ("there are no branches", each))?;
    let branch = |item: &Node| match &item.value {
        Value::List(_) => sequence(cx, item, clients),
        _ => step(cx, item, clients, false),
    };
    Some(StepKind::Parallel(items.iter().map(branch).collect()))
}

fn timeline(cx: &mut Context<'_>, node: &Node, clients: &[ClientSpec]) -> Option<StepKind> {
    let expected = "a list of steps with times, such as `- {at: 120ms, app: connect}`";
    let example = "such as `- {at: 120ms, app: connect}`";
    let items = entries(cx, node, expected, ("the timeline has no steps", example))?;
    let entry = |item: &Node| {
        let after = match &item.value {
            Value::Map(entries) => match entries.iter().find(|(key, _)| key.text == "at") {
                Some((_, node)) => DURATION.read(cx, node),
                None => {
                    let span = entries.first().map_or(&item.span, |(key, _)| &key.span);
                    let message = "a step of a timeline needs `at`";
                    cx.refuse(span, message, "`at` is missing", "add `at: 120ms`");
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
