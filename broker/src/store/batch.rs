//! Changes that are stored together.

use super::{Change, Key};
use bytes::Bytes;
use std::collections::BTreeMap;

/// Changes that are to be stored wholly or not at all. Of each row only its last change is kept, and nothing of a row
/// that comes and goes in between.
#[derive(Debug, Default)]
pub struct Batch(BTreeMap<Key, Row>);

#[derive(Debug)]
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// However changes are cut into batches, the rows are the same as of one after the other.
        #[test]
        fn a_batch_is_its_changes(
            steps in prop::collection::vec((0_u64..4, prop::option::of(0_u8..9), any::<bool>()), 0..60),
        ) {
            let (mut plain, mut stored) = (BTreeMap::new(), BTreeMap::new());
            let mut batch = Batch::default();
            for (key, value, cut) in steps {
                let key = Key::Waiting(0, key);
                let value = value.map(|v| Bytes::from(vec![v]));
                let is_new = value.is_some() && !plain.contains_key(&key);
                match &value {
                    Some(value) => plain.insert(key.clone(), value.clone()),
                    None => plain.remove(&key),
                };
                batch.push(Change { key, value, is_new });
                if cut {
                    store(&mut stored, &std::mem::take(&mut batch));
                    prop_assert_eq!(&plain, &stored);
                }
            }
            store(&mut stored, &batch);
            prop_assert_eq!(plain, stored);
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
