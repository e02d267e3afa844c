//! `network`: links change.

use super::Begun;
use crate::{
    director::{ledger::Fate, links::each, stage::Stage},
    order::Order,
};
use squall_scenarios::model::{LinkChange, Network, Said, Step};

pub(super) fn begin(network: &Network, step: &Step, stage: &mut Stage<'_>) -> Begun {
    let Network { client, change } = network;
    let said = Said {
        source: step.source,
        optional: change.optional,
    };
    let links = each(*client, stage);
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
    Ok(None)
}
