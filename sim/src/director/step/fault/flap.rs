//! `flap`: what is left of it in a plan never cuts.

use super::note;
use crate::director::{ledger::Tied, stage::Stage};
use squall_scenarios::{fault::Flap, model::Step};

pub(super) fn strike(flap: &Flap, step: &Step, stage: &mut Stage<'_>) {
    note(step, Tied::Time, flap.optional, stage);
}
