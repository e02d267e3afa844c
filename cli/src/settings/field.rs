//! What a setting is to the command line and to a file: nothing, one value, or several; each value is a text that can be
//! read and shown.

use clap::builder::ValueRange;
use serde::{
    Deserialize, Deserializer, Serializer,
    de::{self, SeqAccess, Visitor},
    ser::SerializeSeq,
};
use std::{
    fmt::{self, Display},
    marker::PhantomData,
    str::FromStr,
};

/// A value that can be read and shown.
pub(super) trait Value: FromStr<Err = String> + Display + Clone {
    /// Whether it is said by its flag alone.
    const IS_SWITCH: bool = false;
}

/// A setting.
pub(super) trait Field: Sized {
    /// Whether its flag alone says it.
    const IS_SWITCH: bool;

    /// How many values its flag takes.
    fn arguments() -> ValueRange {
        match Self::IS_SWITCH {
            true => (0..=1).into(),
            false => 1.into(),
        }
    }

    /// This, or `below` if it says nothing.
    fn over(self, below: Self) -> Self;

    /// Whether it says nothing.
    fn is_silent(&self) -> bool;

    /// What it says, for people.
    fn shown(&self) -> String;

    /// Reads it from a file.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;

    /// Writes it to a file.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
}

/// The help of a flag, with its default.
pub(super) fn help(text: &str, standard: &impl Field) -> String {
    let text = text.trim().trim_end_matches('.');
    match standard.is_silent() {
        true => text.to_owned(),
        false => format!("{text} [default: {}]", standard.shown()),
    }
}

impl<V: Value> Field for Option<V> {
    const IS_SWITCH: bool = V::IS_SWITCH;

    fn over(self, below: Self) -> Self {
        self.or(below)
    }

    fn is_silent(&self) -> bool {
        self.is_none()
    }

    fn shown(&self) -> String {
        self.iter().map(V::to_string).collect()
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(Scalar(PhantomData))
            .map(|value: Read<V>| Some(value.0))
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(value) => scalar(&value.to_string(), serializer),
            None => serializer.serialize_none(),
        }
    }
}

impl<V: Value> Field for Vec<V> {
    const IS_SWITCH: bool = false;

    fn over(self, below: Self) -> Self {
        match self.is_empty() {
            true => below,
            false => self,
        }
    }

    fn is_silent(&self) -> bool {
        self.is_empty()
    }

    fn shown(&self) -> String {
        let all: Vec<_> = self.iter().map(V::to_string).collect();
        all.join(", ")
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(List(PhantomData))
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = serializer.serialize_seq(Some(self.len()))?;
        for value in self {
            all.serialize_element(&value.to_string())?;
        }
        all.end()
    }
}

/// A number and a truth value are written as such.
fn scalar<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if let Ok(number) = text.parse::<u64>()
        && number.to_string() == text
    {
        return serializer.serialize_u64(number);
    }
    match text.parse() {
        Ok(truth) => serializer.serialize_bool(truth),
        Err(_) => serializer.serialize_str(text),
    }
}

/// A value that was read from a file.
struct Read<V>(V);

impl<'de, V: Value> Deserialize<'de> for Read<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scalar(PhantomData))
    }
}

/// Takes whatever YAML takes a value for as the text that it was.
struct Scalar<V>(PhantomData<V>);

impl<V: Value> Visitor<'_> for Scalar<V> {
    type Value = Read<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one value")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Read<V>, E> {
        text.parse().map(Read).map_err(E::custom)
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Read<V>, E> {
        self.visit_str(&truth.to_string())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Read<V>, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Read<V>, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Read<V>, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_unit<E: de::Error>(self) -> Result<Read<V>, E> {
        Err(E::custom("the value is missing"))
    }
}

/// Takes a list, or one value.
struct List<V>(PhantomData<V>);

impl<'de, V: Value> Visitor<'de> for List<V> {
    type Value = Vec<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one value or a list of values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Vec<V>, A::Error> {
        let mut values = Vec::new();
        while let Some(Read(value)) = all.next_element()? {
            values.push(value);
        }
        Ok(values)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<V>, E> {
        Scalar(PhantomData)
            .visit_str(text)
            .map(|Read(value)| vec![value])
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Vec<V>, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_unit<E: de::Error>(self) -> Result<Vec<V>, E> {
        Scalar::<V>(PhantomData).visit_unit().map(|_| Vec::new())
    }
}
