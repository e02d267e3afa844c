//! `cut`: a connection ends, now or at a packet.

use super::note;
use crate::{
    director::{ledger::Tied, stage::Stage},
    order::Order,
    tap::Waited,
};
use squall_scenarios::{fault::Cut, model::Step};

pub(super) fn strike(cut: &Cut, step: &Step, stage: &mut Stage<'_>) {
    let Cut {
        client, point, by, ..
    } = *cut;
    if let Some(point) = point {
        let tied = Tied::Packet {
            client,
            packet: point.packet,
            waited: Waited::default(),
            disarmed: None,
        };
        let fault = note(step, tied, cut.optional, stage);
        stage.ledger.armed(fault, client);
        stage.order(Order::Arm(client, point, by));
    } else {
        let fault = note(step, Tied::Time, cut.optional, stage);
        stage.ledger.cut(fault);
        stage.order(Order::Cut(client, by));
    }
}
