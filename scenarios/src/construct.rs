//! What every construct of the language has to say of itself beyond its keys.
//!
//! One trait for each kind of construct. A construct is one file that implements it, and one line in the list of its
//! kind.

use crate::{
    client::ConnectSpec,
    expect::judge::Judge,
    raw::Node,
    reader::Context,
    record::{Record, Told},
    source::ClientIx,
    written::Map,
};
use std::{any::Any, time::Duration};

/// Everything that can be said with one kind of construct that is a map.
pub(crate) struct Kind<T> {
    pub(crate) word: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) example: &'static str,
    pub(crate) told: fn() -> Vec<Told>,
    pub(crate) read: fn(&mut Context<'_>, &Node) -> Option<T>,
}

/// The list of all constructs of a kind: an enum of them, everything that can be said with each, and methods of theirs
/// that the enum hands on. A line declares the file of one, and what it has for others.
macro_rules! kinds {
    (
        $(#[doc = $about:literal])+
        $all:ident of $what:ident $(as ($d:tt) $list:ident)?: $names:tt
        $($(#[doc = $does:literal])+ fn $method:ident(&self $(, $a:ident: $t:ty)*) -> $result:ty;)*
    ) => {
        $crate::construct::kinds!(@list [$(#[doc = $about])+] $all $what $names);
        $($crate::construct::listed! { ($d) $list $names })?

        impl $all {
            $($(#[doc = $does])+
            pub(crate) fn $method(&self $(, $a: $t)*) -> $result {
                $crate::construct::kinds!(@each self $all $names one => one.$method($($a),*))
            })*
        }

        fn words() -> impl Iterator<Item = &'static str> {
            KINDS.iter().map(|kind| kind.word)
        }
    };
    (@list [$($about:tt)+] $all:ident $what:ident { $($file:ident: $name:ident $(, $more:ident)*;)+ }) => {
        $(mod $file;
        pub use $file::{$name $(, $more)*};)+

        $($about)+
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $all {
            $(#[doc = concat!("See [`", stringify!($name), "`].")] $name($name),)+
        }

        /// All kinds, in the order in which messages list them.
        pub(crate) const KINDS: &[$crate::construct::Kind<$all>] = &[
            $($crate::construct::Kind {
                word: <$name as $what>::WORD,
                meaning: <$name as $what>::MEANING,
                example: <$name as $what>::EXAMPLE,
                told: $crate::record::told::<$name>,
                read: |cx, node| {
                    let empty = <$name as $crate::record::Record>::empty();
                    $crate::record::read(cx, node, empty).map($all::$name)
                },
            },)+
        ];

        impl $all {
            /// Its word, and its map as it is written; `names` are those of the clients.
            pub(crate) fn map(&self, names: &[&str]) -> (&'static str, $crate::written::Map) {
                match self {
                    $(Self::$name(one) => {
                        let empty = <$name as $crate::record::Record>::empty();
                        let map = $crate::record::written(one, &empty, names);
                        (<$name as $what>::WORD, map)
                    })+
                }
            }
        }
    };
    (@each $self:ident $all:ident { $($file:ident: $name:ident $(, $more:ident)*;)+ } $one:ident => $does:expr) => {
        match $self {
            $($all::$name($one) => $does,)+
        }
    };
}

/// Lets other crates go through a list: `$list!(then)` calls `then!` with the file and the name of each of its kinds.
macro_rules! listed {
    (($d:tt) $list:ident $names:tt) => {
        /// Calls a macro with the file and the name of each kind, and what else its file has for others.
        #[macro_export]
        macro_rules! $list {
                                                                            ($d then:ident) => {
                                                                                $d then! $names
                                                                            };
                                                                        }
    };
}

pub(crate) use {kinds, listed};

/// Something that must be true of the whole history.
pub(crate) trait Expect: Record {
    /// The word it begins with.
    const WORD: &'static str;
    /// What it asks for.
    const MEANING: &'static str;
    /// A good map.
    const EXAMPLE: &'static str;

    /// Whether no history satisfies both.
    fn excludes(&self, other: &Self) -> bool;

    /// As [`Self::excludes`]; those of other kinds never do.
    fn excludes_any(&self, other: &dyn Any) -> bool {
        other.downcast_ref().is_some_and(|o| self.excludes(o))
    }

    /// One of unknown kind.
    fn any(&self) -> &dyn Any {
        self
    }

    /// Why it cannot come true in this story.
    fn doubt(&self, _cast: &dyn Cast) -> Option<Doubt> {
        None
    }

    /// What somebody has to listen to so that it can be judged.
    fn observe(&self, _observed: &mut Observed) {}

    /// Whether it may speak of nothing that happened.
    fn is_optional(&self) -> bool;

    /// Says what is not as it asks for, or that it speaks of nothing.
    fn judge(&self, judge: &mut Judge<'_, '_>);
}

/// What expectations may know of the clients of a story.
pub(crate) trait Cast {
    /// What a client is called.
    fn name(&self, client: ClientIx) -> &str;
    /// Whether it ever has a will.
    fn has_will(&self, client: ClientIx) -> bool;
}

/// Why an expectation cannot come true.
pub(crate) struct Doubt {
    pub(crate) message: String,
    pub(crate) label: &'static str,
    pub(crate) help: &'static str,
}

/// What a client that only listens has to hear.
#[derive(Default)]
pub(crate) struct Observed {
    /// Whose wills, from the beginning.
    pub(crate) wills: Vec<ClientIx>,
    /// Which retained messages, at the end.
    pub(crate) retained: Vec<String>,
}

/// Something that breaks, or is mended.
pub(crate) trait Break: Record {
    /// The word it begins with, which is the first of its keys.
    const WORD: &'static str;
    /// What it does.
    const MEANING: &'static str;
    /// A good map.
    const EXAMPLE: &'static str;

    /// In a few words.
    fn in_words(&self, names: &[&str]) -> String;

    /// How many steps it becomes in a plan, at most; `None` when it stays what it is.
    fn steps(&self) -> Option<usize> {
        None
    }
}

/// A step that is nobody's and holds no other steps.
pub(crate) trait Happen: Sized {
    /// The word it begins with.
    const WORD: &'static str;
    /// What it does.
    const MEANING: &'static str;
    /// A good value.
    const EXAMPLE: &'static str;
    /// What stands after the word.
    const VALUE: Self::Value;
    type Value: crate::kind::Kind<Value = Self>;

    /// In a few words.
    fn told(&self, names: &[&str]) -> String;
    /// Its keys, if it is a map of its own.
    fn keys() -> Vec<Told> {
        Vec::new()
    }

    /// What it becomes in a plan.
    fn becomes(&self) -> Becomes {
        Becomes::default()
    }
}

/// What a seeded step becomes in a plan, at most.
#[derive(Default)]
pub(crate) struct Becomes {
    /// Steps in all.
    pub(crate) steps: usize,
    /// Bytes of payloads in all.
    pub(crate) bytes: usize,
    /// A level of steps that stands inside a map of its own already.
    pub(crate) deeper: bool,
}

/// Something that a client does.
pub(crate) trait Act: Clone + From<Self::Keys> {
    /// The word it begins with.
    const WORD: &'static str;
    /// What a step of it is called, such as `a publish step`.
    const STEP: &'static str;
    /// What it does.
    const MEANING: &'static str;
    /// A good value after the name of a client.
    const EXAMPLE: &'static str;
    /// How its keys stand.
    const SHAPE: Shape;
    /// What a client does that has not connected yet, where that is wrong: `publishes`.
    const TOO_EARLY: Option<&'static str>;
    /// How long it waits for its outcome when it does not say.
    const WITHIN: Option<Duration> = None;
    /// Whether it can wait for an outcome at all.
    const LIMITED: bool = true;
    /// Only a scripted client does it.
    const SCRIPTED: bool = false;
    /// A scripted broker does it, too.
    const BROKER: bool = false;
    /// What is to be known of the keys of the outcome that `expect` describes, if there is one.
    const OUTCOME: Option<fn() -> Vec<Told>> = None;
    /// Its keys.
    type Keys: Record + From<Self>;

    /// What holds when nothing is said; `connect` is what the client puts into CONNECT.
    fn usual(_connect: &ConnectSpec) -> Self::Keys {
        Self::Keys::empty()
    }
    /// In a few words.
    fn told(&self) -> String;

    /// Reads `expect`.
    fn expect(&mut self, _cx: &mut Context<'_>, _node: &Node) {}
    /// What `expect` says.
    fn expected(&self) -> Map {
        Map::new()
    }
    /// Several of them, one after the other.
    fn series(_keys: &Self::Keys) -> Option<Series> {
        None
    }
    /// The `n`th of a series.
    fn numbered(&self, _n: u32) -> Self {
        self.clone()
    }
}

/// How the keys of an action stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// There are none: `app: drop`.
    Word,
    /// In a map after the word, and the word may stand alone: `app: { connect: { … } }`.
    Optional,
    /// In a map after the word: `app: { receive: { … } }`.
    Inside,
    /// Beside the word, which is the first of them: `app: { publish: t, qos: 1 }`.
    Beside,
}

/// Several actions made of one step.
pub(crate) struct Series {
    /// How many; at least 1.
    pub(crate) count: u32,
    /// Time between them.
    pub(crate) every: Duration,
    /// Bytes of the payload of each.
    pub(crate) bytes: usize,
}
