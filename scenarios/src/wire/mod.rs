//! Faults between a client and a broker that are no part of a story: the language's words, said one by one to whoever
//! stands between them.
//!
//! Who is named by `all` or a Client Identifier, since nobody declares clients here. Times count from the first
//! connection.

mod story;

pub use story::of_story;

use crate::{
    client::LinkChange,
    diagnostic::{Diagnostic, quoted},
    kind::{
        CLIENT_ID, DURATION, DURATIONS, Form, Kind, Maybe, Own, PACKET, POSITIVE, any_text,
        at_least,
    },
    raw::{Node, Scalar, Value},
    reader::{Context, Fields, Room},
    record::{self, record},
    step::fault::{BY, CutBy, FROM, NTH, WAY, Way, sender},
    suggest, yaml,
};
use squall_protocol::{PacketType, Role, Version};
use std::{sync::Arc, time::Duration};

/// A fault between clients and a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireFault {
    /// As it was written.
    pub text: String,
    /// The Client Identifier of whom it strikes; `None` for everybody.
    pub who: Option<String>,
    /// What it is.
    pub what: What,
}

/// What can happen on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A connection of each client dies, once.
    Cut {
        /// Where.
        place: Place,
        /// How.
        by: CutBy,
    },
    /// Connections are cut at seeded random times.
    Flap {
        /// Shortest and longest time between two cuts of one client's connection.
        every: (Duration, Duration),
        /// When it begins.
        at: Duration,
        /// For how long.
        lasts: Duration,
        /// How each cut is made.
        by: CutBy,
    },
    /// Nothing passes for a time. What is sent waits, and comes after it.
    Partition {
        /// Directions.
        way: Way,
        /// When it begins.
        at: Duration,
        /// How long it takes; `None` for ever.
        lasts: Option<Duration>,
    },
    /// How long packets take, and how many transmissions are lost.
    Link(LinkChange),
    /// What one side sends does not come out for a time.
    Stall {
        /// Whose bytes; both sides' when `None`.
        from: Option<Role>,
        /// When it begins.
        at: Duration,
        /// How long it takes; `None` for ever.
        lasts: Option<Duration>,
    },
    /// Bytes come in pieces.
    Fragment {
        /// Whose bytes; both sides' when `None`.
        from: Option<Role>,
        /// Bytes of a piece, from 1.
        size: u32,
    },
    /// Bytes wait for others and come together.
    Coalesce {
        /// Whose bytes; both sides' when `None`.
        from: Option<Role>,
        /// For how long.
        time: Duration,
    },
}

/// Where a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At a packet.
    Packet {
        /// Which kind.
        packet: PacketType,
        /// Who sends it.
        from: Role,
        /// The how-manieth of its kind from this client's first connection on; from 1.
        nth: u32,
        /// How much of it still passes.
        part: Part,
    },
    /// After so many bytes of one side, from 1, counted from this client's first connection on.
    Byte {
        /// Whose bytes.
        from: Role,
        /// The last one that passes.
        nth: u32,
    },
    /// At a time.
    Time(Duration),
}

/// How much of a packet passes before a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Nothing.
    Nothing,
    /// Its first half.
    Half,
    /// All of it.
    Whole,
}

/// Everybody, or one Client Identifier.
const WHO: Own<Option<String>> = Own {
    read: |cx, node| match &node.value {
        Value::Text(Scalar { text, .. }) if text == "all" => Some(None),
        _ => CLIENT_ID.read(cx, node).map(Some),
    },
    show: |who, _| who.clone().unwrap_or_else(|| "all".into()),
    form: || Form::new("Client Identifier, or `all`", any_text()),
};

record! {
    /// A connection dies.
    struct Cut, "a cut" {
        /// whose connection
        who: Option<String> = "cut", needed(None, WHO);
        /// when this packet has arrived
        after: Option<PacketType> = "after", usual(None, Maybe(PACKET));
        /// before this packet arrives
        before: Option<PacketType> = "before", usual(None, Maybe(PACKET));
        /// when half of this packet has arrived
        half: Option<PacketType> = "half", usual(None, Maybe(PACKET));
        /// when so many bytes have arrived
        byte: Option<u32> = "byte", usual(None, Maybe(at_least::<u32>(1)));
        /// at this time
        at: Option<Duration> = "at", usual(None, Maybe(DURATION));
        /// which of these packets
        nth: u32 = "nth", usual(1, NTH);
        /// who sends the packet, or the bytes
        from: Option<Role> = "from", usual(None, Maybe(FROM));
        /// how
        by: CutBy = "by", usual(CutBy::Reset, BY);
    }
}

record! {
    /// Seeded random cuts.
    struct Flap, "a flap" {
        /// whose connections
        who: Option<String> = "flap", needed(None, WHO);
        /// shortest and longest time between two cuts
        every: (Duration, Duration) = "every", needed((Duration::MAX, Duration::MAX), DURATIONS);
        /// when it begins
        at: Duration = "at", usual(Duration::ZERO, DURATION);
        /// for how long
        lasts: Duration = "for", needed(Duration::MAX, POSITIVE);
        /// how each cut is made
        by: CutBy = "by", usual(CutBy::Reset, BY);
    }
}

record! {
    /// Nothing passes.
    struct Partition, "a partition" {
        /// whose link
        who: Option<String> = "partition", needed(None, WHO);
        /// `up` to the broker, `down` from it, or both ways
        way: Way = "way", usual(Way::Both, WAY);
        /// when it begins
        at: Duration = "at", usual(Duration::ZERO, DURATION);
        /// for how long
        lasts: Option<Duration> = "for", usual(None, Maybe(POSITIVE));
    }
}

record! {
    /// How a link is.
    struct Link, "a link" {
        /// how it is
        change: LinkChange = part(LinkChange::default(), LinkChange);
        /// whose
        who: Option<String> = "of", usual(None, WHO);
    }
}

record! {
    /// What one side sends does not come out.
    struct Stall, "a stall" {
        /// whose connections
        who: Option<String> = "stall", needed(None, WHO);
        /// whose bytes; both sides' when nobody is named
        from: Option<Role> = "from", usual(None, Maybe(FROM));
        /// when it begins
        at: Duration = "at", usual(Duration::ZERO, DURATION);
        /// for how long
        lasts: Option<Duration> = "for", usual(None, Maybe(POSITIVE));
    }
}

record! {
    /// Bytes come in pieces.
    struct Fragment, "a fragment" {
        /// bytes of a piece
        size: u32 = "fragment", needed(1, at_least::<u32>(1));
        /// whose bytes; both sides' when nobody is named
        from: Option<Role> = "from", usual(None, Maybe(FROM));
        /// whose connections
        who: Option<String> = "of", usual(None, WHO);
    }
}

record! {
    /// Bytes wait for others.
    struct Coalesce, "a coalesce" {
        /// for how long
        time: Duration = "coalesce", needed(Duration::MAX, POSITIVE);
        /// whose bytes; both sides' when nobody is named
        from: Option<Role> = "from", usual(None, Maybe(FROM));
        /// whose connections
        who: Option<String> = "of", usual(None, WHO);
    }
}

/// What a fault begins with.
const WORDS: [&str; 8] = [
    "cut",
    "flap",
    "partition",
    "latency",
    "loss",
    "stall",
    "fragment",
    "coalesce",
];

/// Reads one fault, such as `{ cut: all, after: PUBREC, from: broker }` or `{ latency: 50ms..200ms, loss: 1% }`.
///
/// # Errors
/// Every problem that was found, with its place. Never empty.
pub fn read(text: &str) -> Result<WireFault, Vec<Diagnostic>> {
    let source: Arc<str> = Arc::from(text);
    if text.trim().is_empty() {
        return Err(vec![
            Diagnostic::new("--fault", source, "there is no fault").help(help()),
        ]);
    }
    let (root, mut problems) = yaml::parse("--fault", &source);
    let room = Room::default();
    let mut cx = Context::new(&room, "--fault", &source, &mut problems);
    // What either version has can happen on the way.
    cx.versions = vec![Version::V5_0];
    let read = root.and_then(|root| fault(&mut cx, &root));
    match read {
        Some((who, what)) if problems.is_empty() => Ok(WireFault {
            text: text.trim().to_owned(),
            who,
            what,
        }),
        _ if problems.is_empty() => Err(vec![
            Diagnostic::new("--fault", source, "this is no fault").help(help()),
        ]),
        _ => Err(problems),
    }
}

fn help() -> String {
    let words = suggest::listed(WORDS.iter().copied(), "and");
    format!("faults: {words}, such as `{{ cut: all, after: PUBREC, from: broker }}`")
}

fn fault(cx: &mut Context<'_>, node: &Node) -> Option<(Option<String>, What)> {
    let Value::Map(entries) = &node.value else {
        let message = format!("expected a fault, found {}", node.kind());
        cx.refuse(&node.span, message, "not a fault", help());
        return None;
    };
    let word = entries
        .iter()
        .find_map(|(key, _)| WORDS.iter().find(|word| **word == key.text));
    let Some(word) = word else {
        let first = entries.first().map(|(key, _)| key);
        let place = first.map_or_else(|| node.span.clone(), |key| key.span.clone());
        let word = first.map_or("", |key| key.text.as_str());
        let message = format!("{} is not a fault", quoted(word));
        let mut problem = cx.diagnostic(&place, message, "which fault?");
        let near = |(key, _): &(crate::raw::Key, Node)| suggest::did_you_mean(&key.text, WORDS);
        problem.help.extend(entries.iter().find_map(near));
        cx.push(problem.help(help()));
        return None;
    };
    match *word {
        "cut" => cut(cx, node),
        "flap" => flap(cx, node),
        "partition" => record::read(cx, node, empty::<Partition>()).map(|p| {
            let (way, at, lasts) = (p.way, p.at, p.lasts);
            (p.who, What::Partition { way, at, lasts })
        }),
        "stall" => record::read(cx, node, empty::<Stall>()).map(|s| {
            let (from, at, lasts) = (s.from, s.at, s.lasts);
            (s.who, What::Stall { from, at, lasts })
        }),
        "fragment" => record::read(cx, node, empty::<Fragment>()).map(|f| {
            let (from, size) = (f.from, f.size);
            (f.who, What::Fragment { from, size })
        }),
        "coalesce" => record::read(cx, node, empty::<Coalesce>()).map(|c| {
            let (from, time) = (c.from, c.time);
            (c.who, What::Coalesce { from, time })
        }),
        _ => {
            let link = record::read(cx, node, empty::<Link>())?;
            Some((link.who, What::Link(link.change)))
        }
    }
}

fn empty<R: record::Record>() -> R {
    R::empty()
}

fn flap(cx: &mut Context<'_>, node: &Node) -> Option<(Option<String>, What)> {
    let flap = record::read(cx, node, empty::<Flap>())?;
    if flap.every.0.is_zero() {
        let help = "the shortest distance is `1ms`";
        cx.refuse(&node.span, "two cuts at one time", "begins with 0", help);
        return None;
    }
    let Flap {
        who,
        every,
        at,
        lasts,
        by,
    } = flap;
    let what = What::Flap {
        every,
        at,
        lasts,
        by,
    };
    Some((who, what))
}

fn cut(cx: &mut Context<'_>, node: &Node) -> Option<(Option<String>, What)> {
    const PLACES: [&str; 5] = ["after", "before", "half", "byte", "at"];
    let cut = record::read(cx, node, empty::<Cut>())?;
    let fields = Fields::open(cx, node, "a cut", &record::names::<Cut>())?;
    let said: Vec<_> = PLACES.iter().filter_map(|key| fields.entry(key)).collect();
    let (place, at) = match said.as_slice() {
        [(place, at)] => (place, at),
        [] => {
            let help = "add the place, such as `after: PUBREC`, `byte: 100` or `at: 5s`";
            cx.refuse(&node.span, "where is the cut?", "without a place", help);
            return None;
        }
        [_, (second, _), ..] => {
            let message = "a cut is at one place";
            let help = "remove one; two cuts are two faults";
            cx.refuse(&second.span, message, "a second place", help);
            return None;
        }
    };
    let needless = match place.text.as_str() {
        "at" => fields.key("from").or(fields.key("nth")),
        "byte" => fields.key("nth"),
        _ => None,
    };
    if let Some(key) = needless {
        let message = format!("{} without a packet", quoted(&key.text));
        cx.refuse(&key.span, message, "of what?", "remove it");
        return None;
    }
    let packet = |packet: Option<PacketType>, part| packet.map(|packet| (packet, part));
    let packet = packet(cut.after, Part::Whole)
        .or_else(|| packet(cut.before, Part::Nothing))
        .or_else(|| packet(cut.half, Part::Half));
    let place = match (packet, cut.byte, cut.at) {
        (Some((packet, part)), ..) => Place::Packet {
            packet,
            from: sender(cx, cut.from, &fields, at, packet)?,
            nth: cut.nth,
            part,
        },
        (None, Some(nth), _) => {
            let Some(from) = cut.from else {
                let help = "add `from: client` or `from: broker`";
                cx.refuse(&at.span, "both ends send bytes", "whose?", help);
                return None;
            };
            Place::Byte { from, nth }
        }
        (None, None, Some(time)) => Place::Time(time),
        (None, None, None) => return None,
    };
    Some((cut.who, What::Cut { place, by: cut.by }))
}

#[cfg(test)]
mod tests;
