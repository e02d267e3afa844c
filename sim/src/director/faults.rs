//! What faults and healing mean in orders.

use super::{
    Stage,
    ledger::{Fate, Tied},
    orders::Order,
};
use crate::{net::Way as NetWay, tap::Waited};
use squall_scenarios::{
    describe, fault,
    model::{ClientIx, Fault, LinkChange, Network, Said, Step, Way},
};

/// One client, or all of them.
pub(super) fn each(client: Option<ClientIx>, count: usize) -> std::ops::Range<ClientIx> {
    client.map_or(0..count, |c| c..c + 1)
}

/// Gives the orders that a fault stands for.
pub(super) fn strike(step: &Step, fault: &Fault, count: usize, stage: &mut Stage<'_>) {
    match fault {
        Fault::Cut(cut) => {
            let fault::Cut {
                client, point, by, ..
            } = *cut;
            if let Some(point) = point {
                let tied = Tied::Packet {
                    client,
                    packet: point.packet,
                    waited: Waited::default(),
                    disarmed: None,
                };
                let fault = begin(step, tied, cut.optional, stage);
                stage.ledger.armed(fault, client);
                stage.order(Order::Arm(client, point, by));
            } else {
                let fault = begin(step, Tied::Time, cut.optional, stage);
                stage.ledger.cut(fault);
                stage.order(Order::Cut(client, by));
            }
        }
        Fault::Partition(partition) => {
            let fault = begin(step, Tied::Time, partition.optional, stage);
            for c in each(partition.client, count) {
                for way in ways(partition.way) {
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
        Fault::Heal(fault::Heal { client }) => {
            for c in each(*client, count) {
                heal(c, stage);
            }
        }
        // Those that cut have become timelines.
        Fault::Flap(flap) => {
            begin(step, Tied::Time, flap.optional, stage);
        }
    }
}

/// Notes that a fault begins.
fn begin(step: &Step, tied: Tied, optional: bool, stage: &mut Stage<'_>) -> usize {
    stage.ledger.add(Fate {
        source: step.source,
        told: describe::step(step, stage.scenario),
        tied,
        optional,
        at: stage.now,
        bites: 0,
    })
}

/// Gives the orders that a change of links stands for.
pub(super) fn change(step: &Step, network: &Network, count: usize, stage: &mut Stage<'_>) {
    let Network { client, change } = network;
    let said = Said {
        source: step.source,
        optional: change.optional,
    };
    let links = each(*client, count);
    for c in links.clone() {
        stage.order(Order::Link(c, *change));
    }
    let mut add = |change| stage.ledger.add(Fate::of_link(said, &change, stage.now));
    // A link without loss is calm.
    let latency = change
        .latency_ms
        .map(|range| (range, add(LinkChange::latency(range))));
    let loss = change.loss_permille.filter(|share| *share > 0);
    let loss = loss.map(|share| add(LinkChange::loss(share)));
    for c in links {
        if let Some((range, fault)) = latency {
            stage.ledger.delays(fault, c, range);
        }
        if let Some(fault) = loss {
            stage.ledger.loses(fault, c);
        }
    }
}

fn ways(way: Way) -> impl Iterator<Item = NetWay> {
    let (up, down) = match way {
        Way::Both => (true, true),
        Way::Up => (true, false),
        Way::Down => (false, true),
    };
    [up.then_some(NetWay::Up), down.then_some(NetWay::Down)]
        .into_iter()
        .flatten()
}

fn heal(client: ClientIx, stage: &mut Stage<'_>) {
    stage.forget_later(client, NetWay::Up);
    stage.forget_later(client, NetWay::Down);
    stage.order(Order::Block(client, NetWay::Up, false));
    stage.order(Order::Block(client, NetWay::Down, false));
    stage.order(Order::Disarm(client));
}

/// Ends every fault: what comes now must drain.
pub(super) fn calm(count: usize, stage: &mut Stage<'_>) {
    for c in 0..count {
        heal(c, stage);
        stage.order(Order::Link(c, LinkChange::loss(0)));
        // TCP may be waiting a minute for its next try; what is mended is to drain within the settle.
        stage.order(Order::Nudge(c));
    }
}
