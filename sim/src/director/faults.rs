//! What faults and healing mean in orders.

use super::{Stage, orders::Order};
use crate::net::Way as NetWay;
use squall_scenarios::fault;
use squall_scenarios::model::{ClientIx, Fault, LinkChange, Way};

/// One client, or all of them.
pub(super) fn each(client: Option<ClientIx>, count: usize) -> std::ops::Range<ClientIx> {
    client.map_or(0..count, |c| c..c + 1)
}

/// Gives the orders that a fault stands for.
pub(super) fn strike(fault: &Fault, count: usize, stage: &mut Stage<'_>) {
    match fault {
        Fault::Cut(fault::Cut {
            client,
            point: Some(point),
            by,
        }) => stage.order(Order::Arm(*client, *point, *by)),
        Fault::Cut(fault::Cut {
            client,
            point: None,
            by,
        }) => stage.order(Order::Cut(*client, *by)),
        Fault::Partition(fault::Partition { client, way, lasts }) => {
            for c in each(*client, count) {
                for way in ways(*way) {
                    // The newest partition of a link says when it ends.
                    stage.forget_later(c, way);
                    stage.order(Order::Block(c, way, true));
                    if let Some(lasts) = lasts {
                        stage.open_later(stage.now + *lasts, c, way);
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
        Fault::Flap(_) => {}
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
        stage.order(Order::Link(
            c,
            LinkChange {
                latency_ms: None,
                loss_permille: Some(0),
            },
        ));
        // TCP may be waiting a minute for its next try; what is mended is to drain within the settle.
        stage.order(Order::Nudge(c));
    }
}
