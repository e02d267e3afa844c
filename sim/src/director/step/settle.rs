//! `settle`: every fault ends, and what comes then must drain.

use super::Begun;
use crate::{
    director::{links::heal, stage::Stage},
    order::Order,
};
use squall_scenarios::model::{LinkChange, Settle, Step};

pub(super) fn begin(settle: &Settle, _: &Step, stage: &mut Stage<'_>) -> Begun {
    for c in 0..stage.own_clients {
        heal(c, stage);
        stage.order(Order::Link(c, LinkChange::loss(0)));
        // TCP may be waiting a minute for its next try; what is mended is to drain within the settle.
        stage.order(Order::Nudge(c));
    }
    Ok(Some(stage.now + settle.0))
}
