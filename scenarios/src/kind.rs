//! Kinds of values: how each is read, written and told.
//!
//! The tables of records name the kinds; a new way to write a value is a new kind here.

use crate::{
    diagnostic::quoted,
    raw::{Key, Node, Scalar, Value},
    reader::Context,
    source::ClientIx,
    statements::Statement,
    suggest,
    values::{self, Wrong},
    written::{self, list, text},
};
use bytes::Bytes;
use serde_json::{Value as Json, json};
use squall_protocol::{PacketType, QoS, ReasonCode, Role, Version};
use std::{fmt::Display, marker::PhantomData, time::Duration};

/// A kind of value.
pub(crate) trait Kind {
    /// What it means.
    type Value: Clone + PartialEq;
    /// What has to be said of the key, whatever its value.
    fn before(&self, _cx: &mut Context<'_>, _key: &Key) {}
    /// The value, or `None` after noting why there is none.
    fn read(&self, cx: &mut Context<'_>, node: &Node) -> Option<Self::Value>;
    /// The value as it is written; `names` are those of the clients.
    fn show(&self, value: &Self::Value, names: &[&str]) -> String;
    /// How it looks.
    fn form(&self) -> Form;
}

/// How values of a kind look.
pub(crate) struct Form {
    /// In a few words of Markdown, for the reference.
    pub(crate) words: String,
    /// As a JSON schema.
    pub(crate) schema: Json,
    /// Only MQTT 5.0 has it.
    pub(crate) only_5_0: bool,
}

impl Form {
    pub(crate) fn new(words: impl Into<String>, schema: Json) -> Self {
        Self {
            words: words.into(),
            schema,
            only_5_0: false,
        }
    }

    /// The same, or a word more.
    fn or(mut self, word: &str) -> Self {
        self.words = format!("{}, or `{word}`", self.words);
        self.schema = json!({ "anyOf": [self.schema, { "const": word }] });
        self
    }
}

/// A single value that means the same everywhere.
pub(crate) struct Plain<T> {
    /// What a message calls it.
    pub(crate) expected: &'static str,
    pub(crate) read: fn(&Scalar) -> Result<T, Wrong>,
    pub(crate) show: fn(&T) -> String,
    words: &'static str,
    schema: fn() -> Json,
}

impl<T: Clone + PartialEq> Kind for Plain<T> {
    type Value = T;

    fn read(&self, cx: &mut Context<'_>, node: &Node) -> Option<T> {
        cx.scalar(node, self.expected, self.read)
    }

    fn show(&self, value: &T, _: &[&str]) -> String {
        (self.show)(value)
    }

    fn form(&self) -> Form {
        Form::new(self.words, (self.schema)())
    }
}

macro_rules! plain {
    ($($name:ident: $type:ty = $expected:literal, $read:expr, $show:expr, $words:literal, $schema:expr;)*) => {
        $(pub(crate) const $name: Plain<$type> = Plain {
            expected: $expected,
            read: $read,
            show: $show,
            words: $words,
            schema: || $schema,
        };)*
    };
}

plain! {
    TEXT: String = "a text", |s| Ok(s.text.clone()), |t| text(t), "text", any_text();
    CLIENT_ID: String = "a Client Identifier", |s| values::string(&s.text).map(|()| s.text.clone()), |t| text(t),
        "text", any_text();
    CREDENTIAL: String = "a text", |s| values::string(&s.text).map(|()| s.text.clone()), |t| text(t), "text", any_text();
    NAME: String = "a topic name", values::topic_name, |t| text(t), "topic name", any_text();
    FLAG: bool = "`true` or `false`", values::boolean, bool::to_string, "flag", json!({ "type": "boolean" });
    DURATION: Duration = "a duration such as `5s`, `250ms`, `10m` or `1h`", |s| values::duration(&s.text),
        |t| values::show_duration(*t), "duration", time("");
    POSITIVE: Duration = "a duration such as `5s` or `250ms`, more than 0", |s| values::positive(&s.text),
        |t| values::show_duration(*t), "duration, more than 0", time("");
    DURATIONS: (Duration, Duration) = "a range of durations such as `50ms..500ms`",
        |s| values::range(&s.text, values::duration), |r| values::show_durations(*r), "range of durations",
        json!({ "type": "string", "pattern": r"^[0-9]+(ms|s|m|h)( *\.\. *[0-9]+(ms|s|m|h))?$" });
    LATENCY: (u32, u32) = "a latency such as `20ms` or `5ms..40ms`", values::latency,
        |(min, max)| {
            let ms = |n: u32| Duration::from_millis(n.into());
            values::show_durations((ms(*min), ms(*max)))
        },
        "range of durations, each at least `1ms`",
        json!({ "type": "string", "pattern": r"^[0-9]+(ms|s|m|h)( *\.\. *[0-9]+(ms|s|m|h))?$" });
    SHARE: u16 = "a share such as `1%` or `0.5%`", |s| values::percent(&s.text), |n| values::show_percent(*n),
        "share", json!({ "anyOf": [{ "const": 0 }, { "type": "string", "pattern": r"^([0-9]+(\.[0-9])? *%|0)$" }] });
    SECONDS: u32 = "a duration in whole seconds such as `30s` or `1h`", |s| values::seconds(&s.text),
        |n| values::show_duration(Duration::from_secs((*n).into())), "whole seconds", time("");
    EXPIRY: u32 = "a duration in whole seconds such as `1h`, or `never`", values::expiry,
        |n| values::show_expiry(*n), "whole seconds, or `never`", time("never");
    KEEP_ALIVE: u16 = "a duration in whole seconds such as `60s`, or `off`", values::keep_alive,
        |n| values::show_keep_alive(*n), "whole seconds, or `off`", time("off");
    VERSION: Version = "a version of MQTT: `3.1.1` or `5.0`", values::version, Version::to_string,
        "version", json!({ "enum": ["3.1.1", "5.0", "5", 5] });
    QOS: QoS = "a QoS: 0, 1 or 2", values::qos, QoS::to_string, "QoS", json!({ "enum": [0, 1, 2] });
    PACKET: PacketType = "a packet such as `PUBREC`", values::packet, PacketType::to_string, "packet",
        json!({ "enum": PacketType::ALL.map(PacketType::name) });
    SIZES: (u32, u32) = "a range of sizes in bytes such as `16..200`",
        |s| values::range(&s.text, |t| values::whole(t, 1, values::MAX_PAYLOAD)),
        |(min, max)| format!("{min}..{max}"), "range of sizes in bytes",
        json!({ "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "string", "pattern": r"^[0-9]+( *\.\. *[0-9]+)?$" }] });
    STATEMENT: Statement = "a statement such as `MQTT-4.3.3-1`", values::statement, |t| text(&t.to_string()), "statement",
        json!({ "type": "string",
            "pattern": r"^(MQTT-[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}|X-(3\.1\.1|5\.0)-[a-z0-9-]+)-[0-9]{1,4}( +of +(3\.1\.1|5\.0))?$" });
}

/// Any single value: what YAML takes for a number is text here.
pub(crate) fn any_text() -> Json {
    json!({ "type": ["string", "number", "boolean"] })
}

/// A duration, or a word.
fn time(or: &str) -> Json {
    let word = if or.is_empty() {
        String::new()
    } else {
        format!("|{or}")
    };
    json!({ "type": "string", "pattern": format!("^([0-9]+(ms|s|m|h){word})$") })
}

/// One of a few words.
pub(crate) struct Words<T: 'static> {
    /// What a message calls them.
    pub(crate) expected: &'static str,
    pub(crate) words: &'static [(&'static str, T)],
}

impl<T: Copy + PartialEq> Kind for Words<T> {
    type Value = T;

    fn read(&self, cx: &mut Context<'_>, node: &Node) -> Option<T> {
        let names = || self.words.iter().map(|(word, _)| *word);
        cx.scalar(node, self.expected, |s| {
            if let Some((_, value)) = self.words.iter().find(|(word, _)| *word == s.text) {
                return Ok(*value);
            }
            let wrong = format!(
                "{} is not {}",
                quoted(&s.text),
                suggest::listed(names(), "or")
            );
            let near = suggest::did_you_mean(&s.text, names());
            Err(near.into_iter().fold(Wrong::new(wrong), Wrong::help))
        })
    }

    fn show(&self, value: &T, _: &[&str]) -> String {
        let found = self.words.iter().find(|(_, v)| v == value);
        found.map_or_else(String::new, |(word, _)| (*word).into())
    }

    fn form(&self) -> Form {
        let words: Vec<&str> = self.words.iter().map(|(word, _)| *word).collect();
        Form::new(
            suggest::listed(words.iter().copied(), "or"),
            json!({ "enum": words }),
        )
    }
}

/// A whole number.
pub(crate) struct Number<T> {
    min: u64,
    max: u64,
    of: PhantomData<T>,
}

/// Whole numbers from `min` to `max`.
pub(crate) const fn number<T>(min: u64, max: u64) -> Number<T> {
    Number {
        min,
        max,
        of: PhantomData,
    }
}

/// Whole numbers from `min`, as large as a Four Byte Integer.
pub(crate) const fn at_least<T>(min: u64) -> Number<T> {
    number(min, u32::MAX as u64)
}

impl<T: Clone + PartialEq + Display + TryFrom<u64>> Kind for Number<T> {
    type Value = T;

    fn read(&self, cx: &mut Context<'_>, node: &Node) -> Option<T> {
        let number = cx.number(node, self.min, self.max)?;
        T::try_from(number).ok()
    }

    fn show(&self, value: &T, _: &[&str]) -> String {
        value.to_string()
    }

    fn form(&self) -> Form {
        let words = match (self.min, self.max) {
            (0, max) if max == u64::from(u32::MAX) => "number".into(),
            (min, max) if max == u64::from(u32::MAX) => format!("number, at least {min}"),
            (min, max) => format!("number from {min} to {max}"),
        };
        let schema = json!({ "type": "integer", "minimum": self.min, "maximum": self.max });
        Form::new(words, schema)
    }
}

/// A value with a way of its own to be read.
pub(crate) struct Own<T> {
    pub(crate) read: fn(&mut Context<'_>, &Node) -> Option<T>,
    pub(crate) show: fn(&T, &[&str]) -> String,
    pub(crate) form: fn() -> Form,
}

impl<T: Clone + PartialEq> Kind for Own<T> {
    type Value = T;

    fn read(&self, cx: &mut Context<'_>, node: &Node) -> Option<T> {
        (self.read)(cx, node)
    }

    fn show(&self, value: &T, names: &[&str]) -> String {
        (self.show)(value, names)
    }

    fn form(&self) -> Form {
        (self.form)()
    }
}

/// A declared client.
pub(crate) const CLIENT: Own<ClientIx> = Own {
    read: |cx, node| cx.client(node),
    // Who does not exist is refused by the reader.
    show: |client, names| {
        names
            .get(*client)
            .map_or_else(|| "none".into(), |n| text(n))
    },
    form: || Form::new("client", any_text()),
};

/// A declared client, or everybody when `None`.
pub(crate) const CLIENT_OR_ALL: Own<Option<ClientIx>> = Own {
    read: |cx, node| match &node.value {
        Value::Text(Scalar { text, .. }) if text == "all" => Some(None),
        _ => cx.client(node).map(Some),
    },
    show: |client, names| client.map_or_else(|| "all".into(), |c| CLIENT.show(&c, names)),
    form: || Form::new("client, or `all`", any_text()),
};

/// What a client is called, in messages.
pub(crate) fn called<'n>(client: ClientIx, names: &[&'n str]) -> &'n str {
    names.get(client).copied().unwrap_or("?")
}

/// As [`called`], or `all`.
pub(crate) fn called_or_all<'n>(client: Option<ClientIx>, names: &[&'n str]) -> &'n str {
    client.map_or("all", |client| called(client, names))
}

/// A topic filter that selects messages.
pub(crate) const FILTER: Own<String> = Own {
    read: |cx, node| cx.filter(node, false),
    show: |filter, _| text(filter),
    form: || Form::new("topic filter", any_text()),
};

/// Topic filters of SUBSCRIBE or UNSUBSCRIBE: one, or a list.
pub(crate) const FILTERS: Own<Vec<String>> = Own {
    read: |cx, node| {
        let items = cx.list(node, "topic filters");
        let filters = items.iter().filter_map(|item| cx.filter(item, true));
        Some(filters.collect())
    },
    show: |filters, _| match filters.as_slice() {
        [one] => text(one),
        many => list(many.iter().map(|f| text(f))),
    },
    form: || one_or_many(Form::new("topic filter", any_text())),
};

/// One value, or a list of them.
pub(crate) struct Several<K> {
    /// What they are, for messages.
    pub(crate) of: &'static str,
    pub(crate) each: K,
    /// No two may be equal.
    pub(crate) distinct: bool,
}

impl<K: Kind> Kind for Several<K> {
    type Value = Vec<K::Value>;

    fn read(&self, cx: &mut Context<'_>, node: &Node) -> Option<Self::Value> {
        let mut values = Vec::new();
        for item in cx.list(node, self.of) {
            let Some(value) = self.each.read(cx, item) else {
                continue;
            };
            if self.distinct && values.contains(&value) {
                let message = "the same value stands here twice";
                cx.refuse(&item.span, message, "again", "remove it");
            } else {
                values.push(value);
            }
        }
        Some(values)
    }

    fn show(&self, value: &Self::Value, names: &[&str]) -> String {
        list(value.iter().map(|v| self.each.show(v, names)))
    }

    fn form(&self) -> Form {
        one_or_many(self.each.form())
    }
}

fn one_or_many(form: Form) -> Form {
    let many = json!({ "type": "array", "minItems": 1, "items": form.schema });
    Form {
        words: format!("{}, one or a list", form.words),
        schema: json!({ "anyOf": [form.schema, many] }),
        ..form
    }
}

/// A payload: a text, `{hex: "00ff"}` or `{size: 1000}`.
pub(crate) const PAYLOAD: Own<Bytes> = Own {
    read: |cx, node| cx.payload(node),
    show: |payload, _| written::payload(payload),
    form: || {
        let one = |key: &str, schema: Json| json!({ "type": "object", "properties": { key: schema }, "required": [key], "additionalProperties": false });
        let size = json!({ "type": "integer", "minimum": 0, "maximum": values::MAX_PAYLOAD });
        let forms = [any_text(), one("hex", any_text()), one("size", size)];
        Form::new("payload", json!({ "anyOf": forms }))
    },
};

/// A reason code that one end may send in a packet.
pub(crate) struct Reason {
    pub(crate) packet: PacketType,
    pub(crate) by: Role,
}

impl Kind for Reason {
    type Value = ReasonCode;

    fn read(&self, cx: &mut Context<'_>, node: &Node) -> Option<ReasonCode> {
        cx.reason(node, self.packet, self.by)
    }

    fn show(&self, value: &ReasonCode, _: &[&str]) -> String {
        value.to_string()
    }

    fn form(&self) -> Form {
        let schema = json!({ "type": ["string", "integer"] });
        Form {
            // The return codes of CONNACK are in 3.1.1 already.
            only_5_0: self.packet != PacketType::ConnAck,
            ..Form::new("reason", schema)
        }
    }
}

/// A value that may be absent.
pub(crate) struct Maybe<K>(pub(crate) K);

impl<K: Kind> Kind for Maybe<K> {
    type Value = Option<K::Value>;

    fn before(&self, cx: &mut Context<'_>, key: &Key) {
        self.0.before(cx, key);
    }

    fn read(&self, cx: &mut Context<'_>, node: &Node) -> Option<Self::Value> {
        self.0.read(cx, node).map(Some)
    }

    fn show(&self, value: &Self::Value, names: &[&str]) -> String {
        let shown = value.as_ref().map(|value| self.0.show(value, names));
        shown.unwrap_or_else(|| "none".into())
    }

    fn form(&self) -> Form {
        self.0.form()
    }
}

/// As [`Maybe`], and `none` says that it is absent.
pub(crate) struct OrNone<K>(pub(crate) K);

impl<K: Kind> Kind for OrNone<K> {
    type Value = Option<K::Value>;

    fn read(&self, cx: &mut Context<'_>, node: &Node) -> Option<Self::Value> {
        if is_none(node) {
            return Some(None);
        }
        // A bad value is noted and then absent, whatever was there before.
        Some(self.0.read(cx, node))
    }

    fn show(&self, value: &Self::Value, names: &[&str]) -> String {
        let shown = value.as_ref().map(|value| self.0.show(value, names));
        shown.unwrap_or_else(|| "none".into())
    }

    fn form(&self) -> Form {
        self.0.form().or("none")
    }
}

/// Whether the word `none` stands there.
pub(crate) fn is_none(node: &Node) -> bool {
    matches!(&node.value, Value::Text(Scalar { text, plain: true }) if text == "none")
}

/// A value that only MQTT 5.0 has.
pub(crate) struct Of5<K> {
    /// What it is called there.
    what: &'static str,
    /// Its key is refused, not its value.
    by_key: bool,
    kind: K,
}

/// A value that only MQTT 5.0 has, where it is called so.
pub(crate) const fn only_5<K>(what: &'static str, kind: K) -> Of5<K> {
    let by_key = false;
    Of5 { what, by_key, kind }
}

/// As [`only_5`], for values that say little without their key.
pub(crate) const fn option_5<K>(what: &'static str, kind: K) -> Of5<K> {
    let by_key = true;
    Of5 { what, by_key, kind }
}

impl<K: Kind> Kind for Of5<K> {
    type Value = K::Value;

    fn before(&self, cx: &mut Context<'_>, key: &Key) {
        if self.by_key {
            cx.only_5_0(&key.span, self.what);
        }
    }

    fn read(&self, cx: &mut Context<'_>, node: &Node) -> Option<K::Value> {
        let good = self.by_key || cx.only_5_0(&node.span, self.what);
        good.then(|| self.kind.read(cx, node)).flatten()
    }

    fn show(&self, value: &K::Value, names: &[&str]) -> String {
        self.kind.show(value, names)
    }

    fn form(&self) -> Form {
        Form {
            only_5_0: true,
            ..self.kind.form()
        }
    }
}
