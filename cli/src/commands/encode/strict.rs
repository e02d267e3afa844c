//! JSON in which no key stands twice (with the ordinary reader the last one would win without a word), and which is not
//! made of so many values that reading it would take far more memory than it has bytes.

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use std::{cell::Cell, fmt};

/// Values in one packet, keys not counted.
pub(super) const VALUES: usize = 200_000;
/// What `squall decode` says beside the packet itself; nothing is read out of it.
const IGNORED: [&str; 2] = ["violation", "layout"];

/// A value without repeated keys, at any depth.
pub(super) struct Strict(pub(super) Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let left = Cell::new(VALUES);
        let outermost = true;
        let left = &left;
        AnyValue { left, outermost }
            .deserialize(deserializer)
            .map(Self)
    }
}

/// Reads any value, as long as there are not too many in all.
#[derive(Clone, Copy)]
struct AnyValue<'a> {
    left: &'a Cell<usize>,
    /// The object of the packet.
    outermost: bool,
}

impl AnyValue<'_> {
    const fn inner(self) -> Self {
        Self {
            outermost: false,
            ..self
        }
    }
}

impl<'de> DeserializeSeed<'de> for AnyValue<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let Some(left) = self.left.get().checked_sub(1) else {
            let message = format!("there are more than {VALUES} values in one packet");
            return Err(D::Error::custom(message));
        };
        self.left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AnyValue<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(self.inner())? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let ignored = self.outermost && IGNORED.contains(&key.as_str());
            let value = if ignored {
                entries.next_value::<IgnoredAny>()?;
                Value::Null
            } else {
                entries.next_value_seed(self.inner())?
            };
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{key}` stands twice")));
            }
            map.insert(key, value);
        }
        Ok(map.into())
    }
}
