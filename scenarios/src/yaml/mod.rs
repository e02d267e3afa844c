//! From YAML text to nodes. Nothing outside of this folder knows the YAML crate.
//!
//! It uses the crate's event stream, not its serde front: only so can every problem of a file be reported at once,
//! each tag, anchor and duplicate key underlined, and a value stay the text the user wrote. Nothing here knows what a
//! scenario is.
//!
//! Limits, so that no file can exhaust memory or stack: [`MAX_BYTES`], [`MAX_NODES`] (aliases counted as often as they
//! are used) and [`MAX_DEPTH`].

mod syntax;

use super::raw::{Key, Node, Scalar, Span, Value};
use crate::diagnostic::{Diagnostic, quoted};
use serde_yaml::granit_parser::{
    ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span as YamlSpan, StructureStyle,
};
use std::{collections::BTreeMap, rc::Rc, sync::Arc};

/// Largest file that is read, in bytes.
pub const MAX_BYTES: usize = 64 << 20;
/// Most values in one file.
pub const MAX_NODES: usize = 2_000_000;
/// Deepest nesting of lists and maps.
pub const MAX_DEPTH: usize = 64;

/// The root of the document `source`, and what is wrong with the text. A root may come with problems: the rest can
/// still be checked. Without a root there is at least one problem.
pub fn parse(file: &str, source: &Arc<str>) -> (Option<Node>, Vec<Diagnostic>) {
    let mut tree = Tree::new(file, source);
    let root = tree.build();
    (root, tree.problems)
}

/// Builds the tree of nodes from the event stream, without recursion.
struct Tree<'s> {
    file: &'s str,
    source: &'s Arc<str>,
    problems: Vec<Diagnostic>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Anchored>,
    root: Option<Node>,
    nodes: usize,
}

/// A list or map that is not closed yet.
struct Open {
    span: Span,
    anchor: usize,
    /// The node count when it began; what was added since is its size.
    nodes_before: usize,
    /// How many levels its deepest part has, itself included.
    height: usize,
    /// Written in brackets.
    flow: bool,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map {
        entries: Vec<(Key, Node)>,
        key: Option<Key>,
        places: BTreeMap<String, Span>,
    },
}

/// A finished node that aliases may repeat.
struct Anchored {
    node: Rc<Node>,
    size: usize,
    height: usize,
}

/// Reading cannot go on; the problem is noted already.
struct Stop;

impl<'s> Tree<'s> {
    const fn new(file: &'s str, source: &'s Arc<str>) -> Self {
        Self {
            file,
            source,
            problems: Vec::new(),
            open: Vec::new(),
            anchors: BTreeMap::new(),
            root: None,
            nodes: 0,
        }
    }

    /// The whole document, or `None` after noting why there is none.
    fn build(&mut self) -> Option<Node> {
        if self.source.len() > MAX_BYTES {
            let message = format!(
                "the text has {} bytes; a scenario has at most {MAX_BYTES}",
                self.source.len()
            );
            self.problems.push(
                Diagnostic::new(self.file, "", message).help("split it into several scenarios"),
            );
            return None;
        }
        let mut options = Options::default();
        options.emit_comments = false;
        options.emit_unresolved_aliases = true;
        // Two more than our own limit, so that ours speaks first.
        options.flow_nesting_limit = MAX_DEPTH + 2;
        options.block_nesting_limit = MAX_DEPTH + 2;
        let text = Arc::clone(self.source);
        let mut documents = 0;
        for event in Parser::new_from_str_with_options(&text, options) {
            let outcome = match event {
                Ok((event, span)) => self.event(event, span, &mut documents),
                Err(error) => self.broken(&error),
            };
            if outcome.is_err() {
                return None;
            }
        }
        match self.root.take() {
            Some(Node {
                value: Value::Null, ..
            })
            | None => {
                let help = "a scenario needs at least `title`, `clients` and `steps`";
                self.note(0..0, "the file holds no scenario", "it is empty", help);
                None
            }
            root => root,
        }
    }

    fn event(&mut self, event: Event<'_>, yaml: YamlSpan, documents: &mut u32) -> Result<(), Stop> {
        let span = bytes(&yaml);
        self.refuse_tag(&event, &yaml);
        match event {
            Event::DocumentStart(..) => {
                *documents += 1;
                if *documents > 1 {
                    let message = "the file holds more than one document";
                    let help = "one file is one scenario: move the others to files of their own";
                    return self.stop(span, message, "the second begins here", help);
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                let value = match &*text {
                    "" | "~" | "null" if plain => Value::Null,
                    _ => Value::Text(Scalar {
                        text: text.into_owned(),
                        plain,
                    }),
                };
                self.count(1, &span)?;
                self.finished(Node { span, value }, anchor, 1, 1)
            }
            Event::SequenceStart(style, anchor, _) => {
                self.begin(span, anchor, style, Content::List(Vec::new()))
            }
            Event::MappingStart(style, anchor, _) => {
                let content = Content::Map {
                    entries: Vec::new(),
                    key: None,
                    places: BTreeMap::new(),
                };
                self.begin(span, anchor, style, content)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span.end),
            Event::Alias(id) => self.alias(id, span),
            Event::UnresolvedAlias(name) => {
                let message = format!("there is no anchor {} above", quoted(&format!("&{name}")));
                let help = "a text that begins with `*` needs quotes";
                self.note(span.clone(), message, "an alias of nothing", help);
                self.count(1, &span)?;
                let value = Value::Null;
                self.finished(Node { span, value }, 0, 1, 1)
            }
            _ => Ok(()),
        }
    }

    fn refuse_tag(&mut self, event: &Event<'_>, yaml: &YamlSpan) {
        if event.tag().is_some() {
            let tag = bytes(&yaml.tag_span().unwrap_or(*yaml));
            let help = "remove it; a text that begins with `!` needs quotes";
            self.note(tag, "YAML tags are not used in scenarios", "a tag", help);
        }
    }

    fn begin(
        &mut self,
        span: Span,
        anchor: usize,
        style: StructureStyle,
        content: Content,
    ) -> Result<(), Stop> {
        if self.open.len() >= MAX_DEPTH {
            return self.too_deep(span);
        }
        let nodes_before = self.nodes;
        self.count(1, &span)?;
        self.open.push(Open {
            span,
            anchor,
            nodes_before,
            height: 1,
            flow: style == StructureStyle::Flow,
            content,
        });
        Ok(())
    }

    fn end(&mut self, end: usize) -> Result<(), Stop> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let value = match open.content {
            Content::List(items) => Value::List(items),
            Content::Map { entries, .. } => Value::Map(entries),
        };
        let span = open.span.start..end.max(open.span.end);
        self.finished(
            Node { span, value },
            open.anchor,
            self.nodes - open.nodes_before,
            open.height,
        )
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(), Stop> {
        let Some(Anchored { node, size, height }) = self.anchors.get(&id) else {
            let message = "the alias stands inside the value it repeats";
            return self.stop(span, message, "endless", "write the value out");
        };
        let (node, size, height) = (Rc::clone(node), *size, *height);
        if self.open.len() + height > MAX_DEPTH {
            return self.too_deep(span);
        }
        // Counted before it is copied: a few hundred bytes of aliases can stand for billions of values.
        self.count(size, &span)?;
        self.finished((*node).clone(), 0, size, height)
    }

    fn count(&mut self, more: usize, span: &Span) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        let message =
            format!("the file stands for more than {MAX_NODES} values, aliases written out");
        let help = "use fewer aliases, or split the scenario";
        self.stop(span.clone(), message, "here the limit is passed", help)
    }

    fn too_deep(&mut self, span: Span) -> Result<(), Stop> {
        let message = format!("lists and maps are nested more than {MAX_DEPTH} deep");
        let help = "a scenario needs far fewer levels: check the brackets and the indentation";
        self.stop(span, message, "here the limit is passed", help)
    }

    /// Puts a complete node where it belongs: into the list or map that is open, or at the root.
    fn finished(
        &mut self,
        node: Node,
        anchor: usize,
        size: usize,
        height: usize,
    ) -> Result<(), Stop> {
        if anchor != 0 {
            self.count(size, &node.span)?;
            let node = Rc::new(node.clone());
            self.anchors.insert(anchor, Anchored { node, size, height });
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.height = open.height.max(height + 1);
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map {
                entries,
                key: waiting,
                places,
            } => match waiting.take() {
                // Kept until its value is complete.
                None => {
                    let text = match node.value {
                        Value::Text(Scalar { text, .. }) => text,
                        Value::Null => "null".into(),
                        Value::List(_) | Value::Map(_) => {
                            let message = "a list or a map cannot be a key";
                            let help = "keys are single words, such as `title`";
                            return self.stop(node.span, message, "used as a key", help);
                        }
                    };
                    let span = node.span;
                    *waiting = Some(Key { span, text });
                }
                Some(key) => match places.get(&key.text).cloned() {
                    None => {
                        places.insert(key.text.clone(), key.span.clone());
                        entries.push((key, node));
                    }
                    Some(first) => {
                        let message = format!("{} stands here twice", quoted(&key.text));
                        let problem = self.problem(key.span, message, "again");
                        let problem = problem.label(first, "first here");
                        self.problems.push(problem.help("remove one of them"));
                    }
                },
            },
        }
        Ok(())
    }

    fn problem(
        &self,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::new(self.file, Arc::clone(self.source), message).label(span, label)
    }

    fn note(&mut self, span: Span, message: impl Into<String>, label: &str, help: &str) {
        let problem = self.problem(span, message, label).help(help);
        self.problems.push(problem);
    }

    fn stop<T>(
        &mut self,
        span: Span,
        message: impl Into<String>,
        label: &str,
        help: &str,
    ) -> Result<T, Stop> {
        self.note(span, message, label, help);
        Err(Stop)
    }

    /// The text is not YAML.
    fn broken(&mut self, error: &ScanError) -> Result<(), Stop> {
        let place = syntax::place(self.source, error);
        if *error.kind() == ErrorKind::RecursionLimitExceeded {
            return self.too_deep(place);
        }
        let (message, label, help) = syntax::in_words(error.kind());
        let mut problem = self.problem(place.clone(), message, label).help(help);
        // Most errors inside brackets come from a bracket that was forgotten lines ago.
        let line = self.source[..place.start].rfind('\n').unwrap_or(0);
        let mut open = self.open.iter().rev();
        if let Some(open) = open.find(|open| open.flow && open.span.start < line) {
            let bracket = open.span.start..open.span.start + 1;
            let sign = self.source.get(bracket.clone()).unwrap_or("bracket");
            problem = problem
                .label(bracket, format!("this `{sign}` is still open"))
                .help(
                    "is a closing bracket missing, or hidden behind a `#` that is not in quotes?",
                );
        }
        self.problems.push(problem);
        Err(Stop)
    }
}

fn bytes(span: &YamlSpan) -> Span {
    let start = span.start.byte_offset().unwrap_or(0);
    start..span.end.byte_offset().unwrap_or(start)
}
