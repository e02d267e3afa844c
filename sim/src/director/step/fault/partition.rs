//! `partition`: nothing passes.

use super::note;
use crate::{
    director::{ledger::Tied, links::each, stage::Stage},
    net,
    order::Order,
};
use squall_scenarios::{
    fault::{Partition, Way},
    model::Step,
};

pub(super) fn strike(partition: &Partition, step: &Step, stage: &mut Stage<'_>) {
    let fault = note(step, Tied::Time, partition.optional, stage);
    for c in each(partition.client, stage) {
        for &way in ways(partition.way) {
            // The newest partition of a link says when it ends.
            stage.forget_later(c, way);
            stage.order(Order::Block(c, way, true));
            stage.ledger.blocks(fault, c, way);
            if let Some(lasts) = partition.lasts {
                stage.open_later(stage.now + lasts, c, way);
            }
        }
    }
}

const fn ways(way: Way) -> &'static [net::Way] {
    match way {
        Way::Both => &[net::Way::Up, net::Way::Down],
        Way::Up => &[net::Way::Up],
        Way::Down => &[net::Way::Down],
    }
}
