//! What is done to one link, or to all of them.

use super::stage::Stage;
use crate::{net::Way, order::Order};
use squall_scenarios::model::ClientIx;
use std::ops::Range;

/// The links of one client, or those of all whom the story speaks of.
pub(super) fn each(client: Option<ClientIx>, stage: &Stage<'_>) -> Range<ClientIx> {
    client.map_or(0..stage.own_clients, |c| c..c + 1)
}

/// Ends what a partition does to a link, and disarms its cuts.
pub(super) fn heal(client: ClientIx, stage: &mut Stage<'_>) {
    stage.forget_later(client, Way::Up);
    stage.forget_later(client, Way::Down);
    stage.order(Order::Block(client, Way::Up, false));
    stage.order(Order::Block(client, Way::Down, false));
    stage.order(Order::Disarm(client));
}
