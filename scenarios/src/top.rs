//! The top of a file: one story.

use crate::{
    broker::BrokerSpec,
    client::{self, LinkChange, LinkSpec, Weather},
    diagnostic::Diagnostic,
    expect,
    kind::{Form, POSITIVE, STATEMENT, Several, TEXT, VERSION, at_least},
    model::Scenario,
    raw::Node,
    reader::{Context, Fields, Room},
    record::{self, Record, Told, record},
    statements::{self, Statement},
    steps, story,
};
use serde_json::Value as Json;
use squall_protocol::Version;
use std::{sync::Arc, time::Duration};

record! {
    /// The keys at the top that are single values.
    pub(crate) struct Head, "the scenario", check = Self::check {
        /// what the story tells, in one sentence
        title: String = "title", needed("?".into(), TEXT);
        /// statements of the standard it is about
        statements: Vec<Statement> = "statements",
            usual(Vec::new(), Several { of: "statements", each: STATEMENT, distinct: true });
        /// runs once for each
        versions: Vec<Version> = "versions",
            always(Version::ALL.to_vec(), Several { of: "versions", each: VERSION, distinct: true });
        /// how many seeds a test run tries; a sweep can ask for more
        seeds: u32 = "seeds", always(8, at_least(1));
        /// virtual time after which a run has failed
        limit: Duration = "limit", always(Duration::from_secs(600), POSITIVE);
    }
}

const NETWORK: &str = "network";
const LINKS: &str = "links";
const BROKER: &str = "broker";
const CLIENTS: &str = "clients";
const STEPS: &str = "steps";
const EXPECT: &str = "expect";

/// The keys at the top with a room of their own: name, value, default, meaning.
const PARTS: [(&str, &str, Option<&str>, &str); 6] = [
    (
        NETWORK,
        "map",
        Some("{ latency: 1ms..10ms, loss: 0% }"),
        "every link: one-way latency and share of transmissions lost",
    ),
    (
        LINKS,
        "map from clients to maps",
        Some("{}"),
        "links of single clients: `links: { lock: { loss: 5% } }`; what is not said comes from `network`",
    ),
    (BROKER, "map", Some("{}"), "settings of the broker"),
    (CLIENTS, "map from names to maps", None, "who takes part"),
    (STEPS, "list of steps", None, "what happens, in order"),
    (
        EXPECT,
        "list of expectations",
        Some("[]"),
        "what must be true of the whole history",
    ),
];

/// What is to be known of the other keys at the top, after those of [`told`]; their schemas are elsewhere.
pub(crate) fn parts() -> Vec<Told> {
    let part = |(name, value, default, meaning): (_, &str, Option<&str>, _)| Told {
        name,
        meaning,
        form: Form::new(value, Json::Null),
        default: default.map(str::to_owned),
    };
    PARTS.map(part).into()
}

/// The link of every client where nothing is said.
const USUAL_LINK: LinkSpec = LinkSpec {
    latency_min_ms: 1,
    latency_max_ms: 10,
    loss_permille: 0,
};

/// What is to be known of the keys of [`Head`].
pub(crate) fn told() -> Vec<Told> {
    record::told::<Head>()
}

/// Words that mean something else where a client is named, in alphabetical order.
pub(crate) fn reserved() -> Vec<&'static str> {
    let others = ["all", "at", "client", "expect", "none", "within"];
    let mut all: Vec<&str> = steps::words().chain(others).collect();
    all.sort_unstable();
    all
}

/// Reads the root of a file. `None`, or problems added, when it is no scenario.
pub(crate) fn read(
    room: &Room<'_>,
    name: &str,
    file: &str,
    source: &Arc<str>,
    root: &Node,
    problems: &mut Vec<Diagnostic>,
) -> Option<Scenario> {
    let cx = &mut Context::new(room, file, source, problems);
    cx.reserved = reserved();
    let mut keys = record::names::<Head>();
    keys.extend(PARTS.map(|(name, ..)| name));
    let fields = Fields::open(cx, root, Head::WHAT, &keys)?;
    let head = record::fill(cx, &fields, Head::empty());
    let mut link = (USUAL_LINK, Weather::default());
    if let Some((key, node)) = fields.entry(NETWORK)
        && let Some(change) = record::read_as(cx, node, NETWORK, LinkChange::empty())
    {
        let source = cx.source(key.span.start, &key.span);
        link = (link.0.changed(&change), link.1.changed(&change, source));
    }
    let broker = fields
        .get(BROKER)
        .and_then(|node| record::read(cx, node, BrokerSpec::empty()));
    cx.broker_scripted = broker.as_ref().is_some_and(|broker| broker.scripted);
    cx.broker_stored = broker.as_ref().is_some_and(|broker| broker.store.is_some());
    let declared = fields.need(cx, CLIENTS);
    let mut clients = declared.map_or_else(Vec::new, |node| client::read(cx, node, link));
    if let Some(node) = fields.get(LINKS) {
        client::links(cx, node, &mut clients);
    }
    let steps = fields.need(cx, STEPS);
    let steps = steps.map_or_else(Vec::new, |node| steps::sequence(cx, node, &clients));
    let expect = fields.get(EXPECT);
    let expect = expect.map_or_else(Vec::new, |node| expect::read(cx, node));
    let head = head?;
    let scenario = Scenario {
        name: name.to_owned(),
        file: file.to_owned(),
        title: head.title,
        statements: head.statements,
        versions: head.versions,
        seeds: head.seeds,
        limit: head.limit,
        broker: broker.unwrap_or_default(),
        clients,
        steps,
        expect,
    };
    story::check(cx, &scenario);
    Some(scenario)
}

impl Head {
    fn check(&mut self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool {
        if self.versions.is_empty() {
            self.versions = Version::ALL.to_vec();
        }
        cx.versions.clone_from(&self.versions);
        if let Some(node) = fields.get("statements") {
            statements::check(cx, node, &self.statements);
        }
        match fields.get("title") {
            Some(node) if self.title.trim().is_empty() => {
                let help = "say in one sentence what the story tells";
                cx.refuse(&node.span, "the title is empty", "empty", help);
                false
            }
            _ => true,
        }
    }

    /// The lines of these keys.
    pub(crate) fn written(scenario: &Scenario) -> Vec<String> {
        let head = Self {
            title: scenario.title.clone(),
            statements: scenario.statements.clone(),
            versions: scenario.versions.clone(),
            seeds: scenario.seeds,
            limit: scenario.limit,
        };
        let map = record::written(&head, &Self::empty(), &[]);
        map.0
            .iter()
            .map(|(key, value)| format!("{key}: {value}"))
            .collect()
    }
}
