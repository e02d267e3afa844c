//! `heal`: partitions end and armed cuts are disarmed.

use crate::director::{
    links::{each, heal},
    stage::Stage,
};
use squall_scenarios::{fault::Heal, model::Step};

pub(super) fn strike(one: &Heal, _: &Step, stage: &mut Stage<'_>) {
    for c in each(one.client, stage) {
        heal(c, stage);
    }
}
