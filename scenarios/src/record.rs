//! Maps of the language, each from one table.
//!
//! [`record!`] declares a struct and, row by row, the keys of its map: what the key is called, its default, its kind of
//! value, and what it means. The reader, the writer, the reference and the schema all follow the table; no key is said
//! anywhere else. What two keys of a map have to do with each other is a record's `check`.

use crate::{
    keys::map_of,
    kind::{Form, Kind},
    raw::Node,
    reader::{Context, Fields},
    written::Map,
};
use std::marker::PhantomData;

pub(crate) use crate::keys::Told;

/// A map of the language.
pub(crate) trait Record: Clone + PartialEq + 'static {
    /// What the map is, for messages: `a will`.
    const WHAT: &'static str;
    /// The keys, in the order in which they are read, written and listed.
    const ROWS: &'static [Row<Self>];
    /// Everything at its default.
    fn empty() -> Self;
    /// Notes what is wrong between keys; `false` when nothing can be made of it.
    fn check(&mut self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool;
}

/// A key of a map, or the keys of another record that stand in the same map.
pub(crate) struct Row<R> {
    /// Adds the names.
    pub(crate) names: fn(&mut Vec<&'static str>),
    /// Adds what is to be known of each key.
    pub(crate) told: fn(&mut Vec<Told>),
    /// Reads what is there; `false` after noting that something is missing without which there is no record.
    pub(crate) read: fn(&mut Context<'_>, &Fields<'_>, &mut R) -> bool,
    /// Writes what differs from the second record. The names are those of the clients.
    pub(crate) write: fn(&R, &R, &[&str], &mut Map),
}

/// The names of all keys.
pub(crate) fn names<R: Record>() -> Vec<&'static str> {
    let mut names = Vec::new();
    R::ROWS.iter().for_each(|row| (row.names)(&mut names));
    names
}

/// What is to be known of all keys.
pub(crate) fn told<R: Record>() -> Vec<Told> {
    let mut told = Vec::new();
    R::ROWS.iter().for_each(|row| (row.told)(&mut told));
    told
}

/// The map `node`, with what it does not say as in `base`. `None` after noting why there is none.
pub(crate) fn read<R: Record>(cx: &mut Context<'_>, node: &Node, base: R) -> Option<R> {
    read_as(cx, node, R::WHAT, base)
}

/// As [`read`], for a map that has another name here.
pub(crate) fn read_as<R: Record>(
    cx: &mut Context<'_>,
    node: &Node,
    what: &'static str,
    base: R,
) -> Option<R> {
    let fields = Fields::open(cx, node, what, &names::<R>())?;
    fill(cx, &fields, base)
}

/// As [`read`], for a map that is open already.
pub(crate) fn fill<R: Record>(cx: &mut Context<'_>, fields: &Fields<'_>, base: R) -> Option<R> {
    let mut record = base;
    let mut complete = true;
    for row in R::ROWS {
        complete &= (row.read)(cx, fields, &mut record);
    }
    (record.check(cx, fields) && complete).then_some(record)
}

/// The map of a record as far as it differs from `base`.
pub(crate) fn written<R: Record>(record: &R, base: &R, names: &[&str]) -> Map {
    let mut map = Map::new();
    write(record, base, names, &mut map);
    map
}

/// As [`written`], into a map.
pub(crate) fn write<R: Record>(record: &R, base: &R, names: &[&str], map: &mut Map) {
    R::ROWS
        .iter()
        .for_each(|row| (row.write)(record, base, names, map));
}

/// A record that stands for a value of another shape.
pub(crate) trait Stands<T>: Record {
    /// The value, or `None` after noting why the keys make none.
    fn value(self, cx: &mut Context<'_>, fields: &Fields<'_>) -> Option<T>;
    /// The keys that make the value.
    fn of(value: &T) -> Self;
}

/// A record stands for itself.
impl<R: Record> Stands<R> for R {
    fn value(self, _: &mut Context<'_>, _: &Fields<'_>) -> Option<R> {
        Some(self)
    }

    fn of(value: &R) -> Self {
        value.clone()
    }
}

/// Reads the value of a key into its place, if it is there and good. Whether it is.
pub(crate) fn take<K: Kind>(
    cx: &mut Context<'_>,
    fields: &Fields<'_>,
    key: &str,
    kind: &K,
    place: &mut K::Value,
) -> bool {
    let Some((key, node)) = fields.entry(key) else {
        return false;
    };
    kind.before(cx, key);
    let value = kind.read(cx, node);
    let good = value.is_some();
    value.into_iter().for_each(|value| *place = value);
    good
}

/// As [`take`], for a key that must be there; noted when it is not.
pub(crate) fn need<K: Kind>(
    cx: &mut Context<'_>,
    fields: &Fields<'_>,
    key: &str,
    kind: &K,
    place: &mut K::Value,
) -> bool {
    fields.need(cx, key).is_some() && take(cx, fields, key, kind, place)
}

/// The map of a record.
pub(crate) struct MapOf<R>(PhantomData<R>);

/// The map of this record.
pub(crate) const fn map<R>() -> MapOf<R> {
    MapOf(PhantomData)
}

impl<R: Record> Kind for MapOf<R> {
    type Value = R;

    fn read(&self, cx: &mut Context<'_>, node: &Node) -> Option<R> {
        read(cx, node, R::empty())
    }

    fn show(&self, value: &R, names: &[&str]) -> String {
        written(value, &R::empty(), names).to_string()
    }

    fn form(&self) -> Form {
        Form::new("map", map_of(&told::<R>()))
    }
}

/// Declares a record: its struct and its table of keys. A row is
///
/// ```text
/// /// What the key means, as the reference says it.
/// field: Type = "key", needed(placeholder, KIND);    // must be there
/// field: Type = "key", usual(default, KIND);         // written when it is not the default
/// field: Type = "key", always(default, KIND);        // written even when it is
/// field: Type = part(placeholder, Record);           // keys of another record in the same map
/// ```
///
/// The placeholder of a needed key or of a part stands while the rest is read and never leaves the reader; it is chosen so that no
/// `check` takes offence at it.
macro_rules! record {
    (
        $(#[doc = $about:literal])+
        $(#[derive($($derived:ident),+)])?
        $seen:vis struct $name:ident, $what:literal $(, check = $check:path)? {
            $(
                $(#[doc = $meaning:literal])+
                $field:ident: $type:ty = $($key:literal,)? $mode:ident($($arguments:tt)*);
            )*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, Eq $($(, $derived)+)?)]
        $seen struct $name {
            $($(#[doc = $meaning])+ pub $field: $type,)*
        }

        impl $crate::record::Record for $name {
            const WHAT: &'static str = $what;
            const ROWS: &'static [$crate::record::Row<Self>] = &[
                $($crate::record::row!($field, [$($key)?], concat!($($meaning),+), $mode($($arguments)*))),*
            ];

            fn empty() -> Self {
                Self { $($field: $crate::record::default!($mode($($arguments)*))),* }
            }

            fn check(
                &mut self,
                _cx: &mut $crate::reader::Context<'_>,
                _fields: &$crate::reader::Fields<'_>,
            ) -> bool {
                true $(&& $check(self, _cx, _fields))?
            }
        }
    };
}

/// The default of a row.
macro_rules! default {
    ($mode:ident($default:expr, $($kind:tt)*)) => {
        $default
    };
}

/// One row of the table.
macro_rules! row {
    ($field:ident, [], $meaning:expr, part($default:expr, $part:ty)) => {
        $crate::record::Row {
            names: |names| names.extend($crate::record::names::<$part>()),
            told: |told| told.extend($crate::record::told::<$part>()),
            read: |cx, fields, record| {
                let keys = <$part as $crate::record::Record>::empty();
                let value = $crate::record::fill(cx, fields, keys)
                    .and_then(|keys| $crate::record::Stands::value(keys, cx, fields));
                let good = value.is_some();
                value.into_iter().for_each(|value| record.$field = value);
                good
            },
            write: |record, _, names, map| {
                let keys = <$part as $crate::record::Stands<_>>::of(&record.$field);
                let empty = <$part as $crate::record::Record>::empty();
                $crate::record::write::<$part>(&keys, &empty, names, map);
            },
        }
    };
    ($field:ident, [$key:literal], $meaning:expr, $mode:ident($default:expr, $kind:expr)) => {
        $crate::record::Row {
            names: |names| names.push($key),
            told: |told| {
                let kind = $kind;
                told.push($crate::record::Told {
                    name: $key,
                    meaning: $meaning,
                    form: $crate::kind::Kind::form(&kind),
                    default: $crate::record::told_default!($mode, &kind, $default),
                });
            },
            read: |cx, fields, record| {
                $crate::record::read_key!($mode, cx, fields, $key, &$kind, &mut record.$field)
            },
            write: |record, base, names, map| {
                if $crate::record::written_always!($mode) || record.$field != base.$field {
                    map.put(
                        $key,
                        $crate::kind::Kind::show(&$kind, &record.$field, names),
                    );
                }
            },
        }
    };
}

macro_rules! told_default {
    (needed, $kind:expr, $default:expr) => {
        None
    };
    ($mode:ident, $kind:expr, $default:expr) => {
        Some($crate::kind::Kind::show($kind, &$default, &[]))
    };
}

macro_rules! read_key {
    (needed, $($arguments:expr),*) => {
        $crate::record::need($($arguments),*)
    };
    ($mode:ident, $($arguments:expr),*) => {{
        $crate::record::take($($arguments),*);
        true
    }};
}

macro_rules! written_always {
    (usual) => {
        false
    };
    ($mode:ident) => {
        true
    };
}

pub(crate) use {default, read_key, record, row, told_default, written_always};
