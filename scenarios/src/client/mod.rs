//! `clients`, their links, and what they put into CONNECT.

mod connect;
mod link;
mod reconnect;
mod will;

pub use connect::ConnectSpec;
pub use link::{LinkChange, LinkSpec, Said, Weather};
pub use reconnect::ReconnectSpec;
pub use will::WillSpec;

use crate::{
    diagnostic::quoted,
    kind::{CLIENT_ID, FLAG, Maybe, VERSION},
    raw::{Key, Node, Scalar, Value},
    reader::{Context, Fields},
    record::{self, Record, Told, record},
    suggest, values,
};
use reconnect::RECONNECT;
use squall_protocol::Version;

/// One client of the story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSpec {
    /// Name in the scenario.
    pub name: String,
    /// Client Identifier; the name unless said otherwise. Two clients may share one (takeover).
    pub client_id: String,
    /// The version that it speaks whatever the run's is; `None` for that of the run.
    pub version: Option<Version>,
    /// How it connects unless a step says otherwise.
    pub connect: ConnectSpec,
    /// Whether it dials again by itself after an unwanted end.
    pub reconnect: Option<ReconnectSpec>,
    /// It sends and withholds what the story says, right or wrong.
    pub scripted: bool,
    /// Its link to the broker.
    pub link: LinkSpec,
    /// Where the file says so.
    pub weather: Weather,
}

record! {
    /// The keys of a client.
    struct Keys, "a client", check = Self::check {
        /// Client Identifier, the name when absent; two clients may share one to take each other over, with the session if it is kept
        client_id: Option<String> = "client_id", usual(None, Maybe(CLIENT_ID));
        /// version that it speaks in every run, the one of the run when absent
        version: Option<Version> = "version", usual(None, Maybe(VERSION));
        /// what it puts into CONNECT
        connect: ConnectSpec = part(ConnectSpec::empty(), ConnectSpec);
        /// dials again after an unwanted end: after this time, or after times that double from first to max
        reconnect: Option<ReconnectSpec> = "reconnect", usual(None, Maybe(RECONNECT));
        /// it is told what to send and what to withhold, packet by packet, also what is wrong; it never pings, sends again or dials by itself
        scripted: bool = "scripted", usual(false, FLAG);
    }
}

impl Keys {
    fn check(&self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool {
        if let (true, Some(_), Some(key)) = (self.scripted, self.reconnect, fields.key("reconnect"))
        {
            let help = "remove it, and let steps `dial` or `connect`";
            cx.refuse(
                &key.span,
                "a scripted client never dials by itself",
                "no meaning here",
                help,
            );
        }
        true
    }
}

const MAX_CLIENTS: usize = 1000;

/// What is to be known of the keys of a client.
pub(crate) fn told() -> Vec<Told> {
    record::told::<Keys>()
}

/// The `clients` at the top, all with this link.
pub(crate) fn read(
    cx: &mut Context<'_>,
    node: &Node,
    (link, weather): (LinkSpec, Weather),
) -> Vec<ClientSpec> {
    let Value::Map(entries) = &node.value else {
        cx.no_entries(node, "a map from names to clients, such as `app: {}`");
        return Vec::new();
    };
    if entries.is_empty() {
        let help = "name at least one, such as `app: {}`";
        cx.refuse(&node.span, "there is no client", "empty", help);
    }
    if entries.len() > MAX_CLIENTS {
        let message = format!(
            "{} clients; a scenario has at most {MAX_CLIENTS}",
            entries.len()
        );
        let here = &entries[MAX_CLIENTS].0.span;
        cx.refuse(
            here,
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
        // `app:` alone is as good as `app: {}`.
        let keys = match node.value {
            Value::Null => None,
            _ => cx.speaking(own_version(node), |cx| {
                record::read(cx, node, Keys::empty())
            }),
        };
        let keys = keys.unwrap_or_else(Keys::empty);
        clients.push(ClientSpec {
            name: key.text.clone(),
            client_id: keys.client_id.unwrap_or_else(|| key.text.clone()),
            version: keys.version,
            connect: keys.connect,
            reconnect: keys.reconnect,
            scripted: keys.scripted,
            link,
            weather,
        });
    }
    clients
}

/// The version that the keys of a client name, on which it depends what else they may say.
fn own_version(node: &Node) -> Option<Version> {
    let Value::Map(entries) = &node.value else {
        return None;
    };
    let (_, said) = entries.iter().find(|(key, _)| key.text == "version")?;
    match &said.value {
        Value::Text(text) => values::version(text).ok(),
        _ => None,
    }
}

/// Whether a client can be called so; noted when not.
fn check_name(cx: &mut Context<'_>, key: &Key) -> bool {
    let name = &key.text;
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let no = format!("{} cannot be the name of a client", quoted(name));
    if cx.reserved.contains(&name.as_str()) {
        let message = format!("{no}: it is a word of the format");
        let reserved = suggest::listed(cx.reserved.iter().copied(), "and");
        let help = format!("reserved words: {reserved}");
        cx.refuse(&key.span, message, "reserved", help);
    } else if name.is_empty() || name.chars().count() > 64 || !name.chars().all(word) {
        let help = "names have 1 to 64 letters, digits, `_`, `-` and `.`; any other `client_id` can be set";
        cx.refuse(&key.span, no, "not a name", help);
    } else if let Some((_, why)) = cx.room.taken.iter().find(|(taken, _)| taken == name) {
        let help = "give the client another name";
        cx.refuse(&key.span, format!("{no}: {why}"), "taken", help);
    } else {
        return true;
    }
    false
}

/// The `links` at the top: links of single clients.
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
        let client = cx.client(&name).and_then(|ix| clients.get_mut(ix));
        if let Some(client) = client
            && let Some(change) = record::read(cx, node, LinkChange::empty())
        {
            let source = cx.source(key.span.start, &key.span);
            client.link = client.link.changed(&change);
            client.weather = client.weather.changed(&change, source);
        }
    }
}

impl ClientSpec {
    /// As it is written after its name.
    pub(crate) fn written(&self) -> String {
        let keys = Keys {
            client_id: Some(self.client_id.clone()).filter(|id| *id != self.name),
            version: self.version,
            connect: self.connect.clone(),
            reconnect: self.reconnect,
            scripted: self.scripted,
        };
        record::written(&keys, &Keys::empty(), &[]).to_string()
    }
}
