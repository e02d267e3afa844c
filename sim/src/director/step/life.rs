//! `broker`: it goes down, and comes back.

use super::Begun;
use crate::{director::stage::Stage, order::Order};
use squall_scenarios::model::{Life, Step};

pub(super) fn begin(life: &Life, step: &Step, stage: &mut Stage<'_>) -> Begun {
    let (order, down) = match life {
        Life::Crash(how) => (Order::Crash(*how), true),
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
    stage.order(order);
    Ok(None)
}
