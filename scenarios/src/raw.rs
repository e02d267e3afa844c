//! What a YAML file says, before it means anything: texts, lists and maps with the place of each.
//!
//! Values stay text, so `5.0` is still `5.0`, `off` is not a boolean and `1_000` not a number; what a text means is
//! decided by whoever asks for it. Nothing here knows the keys of a scenario.

use std::ops::Range;

/// Byte range in the file.
pub type Span = Range<usize>;

/// A value and its place. Behind an alias the place is that of the anchored value.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// What stands there.
    pub value: Value,
}

/// What stands at a place.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing: an empty value, `~` or `null`.
    Null,
    /// A single value.
    Text(Scalar),
    /// In the order of the file.
    List(Vec<Node>),
    /// In the order of the file; keys are unique.
    Map(Vec<(Key, Node)>),
}

/// A single value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// The characters, without the quotes.
    pub text: String,
    /// Written without quotes, so that it may be a number or a boolean.
    pub plain: bool,
}

/// The key of an entry of a map.
#[derive(Clone, Debug)]
pub struct Key {
    /// Where it stands.
    pub span: Span,
    /// The characters, without quotes.
    pub text: String,
}

impl Node {
    /// What it is, for a message: `a list`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}
