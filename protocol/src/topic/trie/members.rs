//! An ordered map that is small when it holds little: most filters have one subscriber, a few have very many.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, btree_map},
    ops::Bound::{Excluded, Unbounded},
};

/// Keys and values in the order of the keys. Nothing on the heap when empty; one entry in line; a sorted vector; a
/// tree from [`MANY`] entries on.
#[derive(Clone, Debug, Default)]
pub(super) enum Members<K, V> {
    #[default]
    None,
    One([(K, V); 1]),
    Few(Vec<(K, V)>),
    Many(BTreeMap<K, V>),
}

/// From so many entries on it is a tree: to move so many costs as much as a walk through one.
const MANY: usize = 32;

impl<K: Ord, V> Members<K, V> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Many(tree) => tree.len(),
            _ => self.slice().len(),
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }

    pub(super) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        match self {
            Self::Many(tree) => tree.get(key),
            _ => {
                let at = self.search(key).ok()?;
                Some(&self.slice()[at].1)
            }
        }
    }

    pub(super) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        if let Self::Many(tree) = self {
            return tree.get_mut(key);
        }
        let at = self.search(key).ok()?;
        match self {
            Self::One(entry) => Some(&mut entry[at].1),
            Self::Few(entries) => Some(&mut entries[at].1),
            Self::None | Self::Many(_) => None,
        }
    }

    /// Enters a value and gives back the one that was there.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Some(old) = self.get_mut(&key) {
            return Some(std::mem::replace(old, value));
        }
        let at = self.search(&key).unwrap_or_else(|at| at);
        *self = match std::mem::take(self) {
            Self::None => Self::One([(key, value)]),
            Self::One(one) => {
                let mut entries = Vec::with_capacity(2);
                entries.extend(one);
                entries.insert(at, (key, value));
                Self::Few(entries)
            }
            Self::Few(mut entries) if entries.len() + 1 < MANY => {
                entries.insert(at, (key, value));
                Self::Few(entries)
            }
            Self::Few(entries) => {
                let all = entries.into_iter().chain([(key, value)]);
                Self::Many(all.collect())
            }
            Self::Many(mut tree) => {
                tree.insert(key, value);
                Self::Many(tree)
            }
        };
        None
    }

    /// Takes a value out, and becomes smaller when there is little left.
    pub(super) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let found = self.search(key);
        match self {
            Self::None => None,
            Self::One(_) => {
                found.ok()?;
                match std::mem::take(self) {
                    Self::One([(_, value)]) => Some(value),
                    _ => None,
                }
            }
            Self::Few(entries) => {
                let (_, value) = entries.remove(found.ok()?);
                if entries.len() == 1 {
                    *self = entries.pop().map_or(Self::None, |last| Self::One([last]));
                } else if entries.len() * 4 <= entries.capacity() {
                    entries.shrink_to(entries.len() * 2);
                }
                Some(value)
            }
            Self::Many(tree) => {
                let value = tree.remove(key)?;
                // Half of what made it a tree, so that one who comes and goes does not make it change each time.
                if tree.len() <= MANY / 2 {
                    *self = Self::Few(std::mem::take(tree).into_iter().collect());
                }
                Some(value)
            }
        }
    }

    pub(super) fn iter(&self) -> Entries<'_, K, V> {
        Entries {
            slice: self.slice().iter(),
            tree: self.tree().map(BTreeMap::iter),
        }
    }

    /// The entries after `key`, in order.
    pub(super) fn after(&self, key: &K) -> impl Iterator<Item = (&K, &V)> {
        let from = self.slice().partition_point(|(k, _)| k <= key);
        let tree = self.tree().map(|t| t.range((Excluded(key), Unbounded)));
        let slice = self.slice()[from..].iter().map(|(k, v)| (k, v));
        slice.chain(tree.into_iter().flatten())
    }

    /// Bytes on the heap; those of a tree estimated from its number of entries.
    pub(super) fn footprint(&self) -> usize {
        match self {
            Self::None | Self::One(_) => 0,
            Self::Few(entries) => entries.capacity() * size_of::<(K, V)>(),
            // Nodes of 11 places that are two thirds full, and their heads.
            Self::Many(tree) => tree.len() * (size_of::<(K, V)>() * 3 / 2 + 4),
        }
    }

    /// All entries, unless it is a tree.
    fn slice(&self) -> &[(K, V)] {
        match self {
            Self::None | Self::Many(_) => &[],
            Self::One(entry) => entry,
            Self::Few(entries) => entries,
        }
    }

    fn tree(&self) -> Option<&BTreeMap<K, V>> {
        match self {
            Self::Many(tree) => Some(tree),
            _ => None,
        }
    }

    fn search<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.slice().binary_search_by(|(k, _)| k.borrow().cmp(key))
    }
}

/// The entries of [`Members`] in the order of their keys.
#[derive(Debug)]
pub(super) struct Entries<'a, K, V> {
    slice: std::slice::Iter<'a, (K, V)>,
    tree: Option<btree_map::Iter<'a, K, V>>,
}

impl<'a, K, V> Iterator for Entries<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.tree {
            None => self.slice.next().map(|(k, v)| (k, v)),
            Some(tree) => tree.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against the map of the standard library, up and down through all four shapes.
        #[test]
        fn it_is_an_ordered_map(
            steps in prop::collection::vec((any::<bool>(), 0_u8..60), 0..400),
        ) {
            let (mut members, mut model) = (Members::default(), BTreeMap::new());
            for (n, (insert, key)) in steps.into_iter().enumerate() {
                match insert {
                    true => prop_assert_eq!(members.insert(key, n), model.insert(key, n)),
                    false => prop_assert_eq!(members.remove(&key), model.remove(&key)),
                }
                prop_assert_eq!(members.len(), model.len());
                prop_assert_eq!(members.is_empty(), model.is_empty());
                prop_assert_eq!(members.get(&key), model.get(&key));
                prop_assert_eq!(members.get_mut(&key), model.get_mut(&key));
                prop_assert!(members.iter().eq(&model));
                prop_assert!(members.after(&key).eq(model.range((Excluded(key), Unbounded))));
            }
        }
    }

    #[test]
    fn it_shrinks_when_entries_leave() {
        let mut members = Members::default();
        for key in 0..1000_u32 {
            members.insert(key, ());
        }
        assert!(matches!(members, Members::Many(_)));
        for key in 0..998 {
            members.remove(&key);
        }
        assert!(matches!(&members, Members::Few(v) if v.capacity() <= 8));
        members.remove(&998);
        assert!(matches!(members, Members::One([(999, ())])));
        members.remove(&999);
        assert!(members.is_empty() && members.footprint() == 0);
    }
}
