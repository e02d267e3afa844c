//! Randomness of a run: one independent stream per name, all from one seed.
//!
//! A stream is ChaCha8 under a key derived from the seed and a path-like name (`net/2/0/up`, `workload/sensor`). A
//! new consumer of randomness takes a new name and so never shifts what another one draws. Draws are integers only,
//! so every machine gets the same ones.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// A named stream of random numbers.
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream called `name` of the run with this seed.
    #[must_use]
    pub fn new(seed: u64, name: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"squall stream 1");
        hasher.update(&seed.to_le_bytes());
        hasher.update(name.as_bytes());
        Self(ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// A number from 0 to `n` - 1, each equally likely.
    ///
    /// # Panics
    /// When `n` is 0.
    pub fn below(&mut self, n: u32) -> u32 {
        assert!(n > 0, "there is no number below 0");
        // Values in the incomplete last block of size n would be favoured: draw again.
        let unbiased = u32::MAX - (u32::MAX % n + 1) % n;
        loop {
            let draw = self.0.next_u32();
            if draw <= unbiased {
                return draw % n;
            }
        }
    }

    /// A number from `min` to `max`, both included.
    ///
    /// # Panics
    /// When `max` is below `min`.
    pub fn between(&mut self, min: u32, max: u32) -> u32 {
        assert!(min <= max, "{min} to {max} is no range");
        match (max - min).checked_add(1) {
            Some(n) => min + self.below(n),
            None => self.0.next_u32(),
        }
    }

    /// True in `permille` of 1000 draws.
    pub fn chance(&mut self, permille: u16) -> bool {
        permille > 0 && self.below(1000) < u32::from(permille)
    }

    /// One of the items.
    ///
    /// # Panics
    /// When there is none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let n = u32::try_from(items.len()).expect("a list somebody wrote");
        &items[self.below(n) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Golden values: replay files and published seeds depend on them for ever.
    #[test]
    fn streams_are_the_same_on_every_machine() {
        let mut a = Stream::new(0, "net/0/0/up");
        let draws: Vec<u32> = (0..4).map(|_| a.below(1_000_000)).collect();
        assert_eq!(draws, [493_404, 776_889, 988_287, 294_036]);
    }

    #[test]
    fn names_and_seeds_give_different_streams() {
        let draw = |seed, name| Stream::new(seed, name).between(0, u32::MAX);
        assert_ne!(draw(0, "a"), draw(0, "b"));
        assert_ne!(draw(0, "a"), draw(1, "a"));
        assert_eq!(draw(7, "a"), draw(7, "a"));
    }

    #[test]
    fn draws_stay_in_range_and_reach_both_ends() {
        let mut s = Stream::new(3, "range");
        let draws: Vec<u32> = (0..1000).map(|_| s.between(5, 7)).collect();
        assert!(draws.iter().all(|d| (5..=7).contains(d)));
        assert!([5, 6, 7].iter().all(|d| draws.contains(d)));
    }

    #[test]
    fn chance_keeps_its_share() {
        let mut s = Stream::new(3, "chance");
        let hits = (0..10_000).filter(|_| s.chance(50)).count();
        assert!((400..600).contains(&hits), "{hits} of 10,000 at 5 %");
        assert!(!s.chance(0));
        assert!(s.chance(1000));
    }
}
