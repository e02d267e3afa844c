//! Which part of a story is shown as evidence: one answer for simulations and for checks.

/// The part of a story that proves something. Records are numbered as their owner numbers them.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// Records that must be shown, highlighted; in any order.
    pub witness: &'a [usize],
    /// Shown events at the most; the witness and what stands nearest to it go first.
    pub events: usize,
}

impl Window<'_> {
    /// Whether the record is one of those that must be shown.
    #[must_use]
    pub fn holds(&self, record: usize) -> bool {
        self.witness.contains(&record)
    }

    /// Of the records that could be shown, each with whether it is highlighted, those for which there is room: the
    /// highlighted ones and what stands nearest to them; where none is, the last ones.
    #[must_use]
    pub fn clip(&self, shown: Vec<(usize, bool)>) -> Vec<(usize, bool)> {
        if shown.len() <= self.events {
            return shown;
        }
        let all = shown.iter().enumerate();
        let lit: Vec<usize> = all.filter(|(_, (_, lit))| *lit).map(|(i, _)| i).collect();
        let distance = |i: usize| {
            let after = lit.partition_point(|l| *l < i);
            let around = lit[after.saturating_sub(1)..].iter().take(2);
            let nearest = around.map(|l| l.abs_diff(i)).min();
            nearest.unwrap_or(shown.len() - i)
        };
        let mut order: Vec<(usize, usize)> = (0..shown.len()).map(|i| (distance(i), i)).collect();
        order.sort_unstable();
        order.truncate(self.events);
        let mut kept: Vec<usize> = order.into_iter().map(|(_, i)| i).collect();
        kept.sort_unstable();
        kept.into_iter().map(|i| shown[i]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clipped(witness: &[usize], events: usize) -> Vec<usize> {
        let window = Window { witness, events };
        let shown = (0..10).map(|ix| (ix, window.holds(ix))).collect();
        window.clip(shown).into_iter().map(|(ix, _)| ix).collect()
    }

    #[test]
    fn the_witness_and_its_neighbours_are_kept() {
        assert_eq!(clipped(&[8, 2], 6), [1, 2, 3, 7, 8, 9]);
        assert_eq!(clipped(&[2], 10), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(clipped(&[], 2), [8, 9]);
    }
}
