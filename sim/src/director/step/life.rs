//! `broker`: it goes down, and comes back.

use super::{Begun, fault::note};
use crate::{
    director::{
        ledger::{Tied, Until, Worn},
        stage::Stage,
    },
    order::Order,
    wear::Wear,
};
use squall_scenarios::model::{Life, Step, Unsynced};

pub(super) fn begin(life: &Life, step: &Step, stage: &mut Stage<'_>) -> Begun {
    let (order, down) = match life {
        Life::Crash(how, unsynced) => (Order::Crash(*how, *unsynced), true),
        Life::Restart => (Order::Restart, false),
    };
    if stage.down == down {
        let (message, expected) = match down {
            true => ("the broker is down already", "a broker that is up"),
            false => ("the broker has not gone down", "a broker that is down"),
        };
        return Err(stage.failure(step, message, expected));
    }
    stage.down = down;
    if let Life::Crash(_, unsynced) = life
        && let Some(worn) = worn(*unsynced)
    {
        let fault = note(step, Tied::Time, false, stage);
        stage.ledger.wears(fault, Until::Restart, worn);
    }
    stage.order(order);
    Ok(None)
}

/// What has to be worn so that what a story says of unsynced writes means something; `None` where it leaves it to chance.
fn worn(unsynced: Unsynced) -> Option<Worn> {
    Some(match unsynced {
        Unsynced::Any => return None,
        Unsynced::Lost => |wear: Wear| wear.lost,
        Unsynced::Torn => |wear: Wear| wear.torn,
        Unsynced::Kept => |wear: Wear| wear.kept,
    })
}
