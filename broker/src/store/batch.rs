//! Changes that are stored together.

use super::{Change, Key};
use bytes::{BufMut, Bytes};
use std::collections::BTreeMap;

/// Changes that are to be stored wholly or not at all. Of each row only its last change is kept, and nothing of a row
/// that comes and goes in between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch(BTreeMap<Key, Row>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Row {
    /// Not in the store before.
    New(Bytes),
    Set(Bytes),
    Gone,
}

impl Batch {
    /// Adds a change, which comes after those before.
    pub fn push(&mut self, change: Change) {
        let Change { key, value, is_new } = change;
        match value {
            Some(value) => {
                let before = self.0.get(&key);
                let is_new = matches!(before, Some(Row::New(_))) || before.is_none() && is_new;
                let row = match is_new {
                    true => Row::New(value),
                    false => Row::Set(value),
                };
                self.0.insert(key, row);
            }
            None if matches!(self.0.get(&key), Some(Row::New(_))) => {
                self.0.remove(&key);
            }
            None => {
                self.0.insert(key, Row::Gone);
            }
        }
    }

    /// Adds a batch, which comes after this one.
    pub fn append(&mut self, later: Self) {
        for (key, row) in later.0 {
            let (value, is_new) = match row {
                Row::New(value) => (Some(value), true),
                Row::Set(value) => (Some(value), false),
                Row::Gone => (None, false),
            };
            self.push(Change { key, value, is_new });
        }
    }

    /// All of it in bytes, for [`Self::from_bytes`].
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (key, row) in &self.0 {
            let (kind, value) = match row {
                Row::Gone => (GONE, None),
                Row::New(value) => (NEW, Some(value)),
                Row::Set(value) => (SET, Some(value)),
            };
            bytes.push(kind);
            put_with_length(&mut bytes, &key.to_bytes());
            if let Some(value) = value {
                put_with_length(&mut bytes, value);
            }
        }
        bytes
    }

    /// The batch that these bytes are, if they are one.
    #[must_use]
    pub fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let mut batch = Self::default();
        while let Some((&kind, rest)) = bytes.split_first() {
            bytes = rest;
            let key = Key::from_bytes(take_with_length(&mut bytes)?)?;
            let mut value = || take_with_length(&mut bytes).map(Bytes::copy_from_slice);
            let row = match kind {
                GONE => Row::Gone,
                NEW => Row::New(value()?),
                SET => Row::Set(value()?),
                _ => return None,
            };
            batch.0.insert(key, row);
        }
        Some(batch)
    }

    /// Whether there is nothing to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many rows change.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The rows in the order of their keys: what each says from now on, `None` for one that is gone.
    pub fn rows(&self) -> impl Iterator<Item = (&Key, Option<&Bytes>)> {
        self.0.iter().map(|(key, row)| match row {
            Row::New(value) | Row::Set(value) => (key, Some(value)),
            Row::Gone => (key, None),
        })
    }
}

const GONE: u8 = 0;
const NEW: u8 = 1;
const SET: u8 = 2;

fn put_with_length(bytes: &mut Vec<u8>, part: &[u8]) {
    // No packet, and so no row, comes near to 4 GiB.
    bytes.put_u32(u32::try_from(part.len()).unwrap_or(u32::MAX));
    bytes.extend_from_slice(part);
}

fn take_with_length<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (part, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *bytes = rest;
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// However changes are cut into batches, the rows are the same as of one after the other, and so they are of
        /// batches put together and written whenever, and through bytes and back.
        #[test]
        fn a_batch_is_its_changes(
            steps in prop::collection::vec((0_u64..4, prop::option::of(0_u8..9), any::<bool>(), any::<bool>()), 0..60),
        ) {
            let (mut plain, mut stored) = (BTreeMap::new(), BTreeMap::new());
            let (mut batch, mut all) = (Batch::default(), Batch::default());
            let mut at_once = BTreeMap::new();
            for (key, value, cut, written) in steps {
                let key = Key::Waiting(0, key);
                let value = value.map(|v| Bytes::from(vec![v]));
                let is_new = value.is_some() && !plain.contains_key(&key);
                match &value {
                    Some(value) => plain.insert(key.clone(), value.clone()),
                    None => plain.remove(&key),
                };
                batch.push(Change { key, value, is_new });
                if cut {
                    let batch = std::mem::take(&mut batch);
                    store(&mut stored, &batch);
                    prop_assert_eq!(Batch::from_bytes(&batch.to_bytes()), Some(batch.clone()));
                    all.append(batch);
                    if written {
                        store(&mut at_once, &std::mem::take(&mut all));
                        prop_assert_eq!(&plain, &at_once);
                    }
                    prop_assert_eq!(&plain, &stored);
                }
            }
            store(&mut stored, &batch);
            prop_assert_eq!(&plain, &stored);
            all.append(batch);
            store(&mut at_once, &all);
            prop_assert_eq!(plain, at_once);
        }

        #[test]
        fn bytes_that_are_no_batch_are_none(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(batch) = Batch::from_bytes(&bytes) {
                prop_assert!(batch.len() <= bytes.len());
            }
        }
    }

    fn store(stored: &mut BTreeMap<Key, Bytes>, batch: &Batch) {
        for (key, value) in batch.rows() {
            match value {
                Some(value) => stored.insert(key.clone(), value.clone()),
                None => stored.remove(key),
            };
        }
    }

    #[test]
    fn what_comes_in_one_batch_and_goes_in_the_next_leaves_nothing_in_both() {
        let change = |value: Option<&'static [u8]>| Change {
            key: Key::Message(1),
            value: value.map(Bytes::from_static),
            is_new: value.is_some(),
        };
        let (mut first, mut second) = (Batch::default(), Batch::default());
        first.push(change(Some(b"m")));
        second.push(change(None));
        first.append(second);
        assert!(first.is_empty());
    }

    #[test]
    fn what_comes_and_goes_leaves_nothing_to_store() {
        let mut batch = Batch::default();
        let change = |value: Option<&'static [u8]>| Change {
            key: Key::Message(1),
            value: value.map(Bytes::from_static),
            is_new: value.is_some(),
        };
        batch.push(change(Some(b"m")));
        assert_eq!(batch.len(), 1);
        batch.push(change(None));
        assert!(batch.is_empty());
        batch.push(change(None));
        batch.push(change(Some(b"n")));
        batch.push(change(None));
        assert_eq!(
            batch.rows().collect::<Vec<_>>(),
            [(&Key::Message(1), None)],
            "it may be stored"
        );
    }
}
