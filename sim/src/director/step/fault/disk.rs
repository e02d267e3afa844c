//! `disk`: the disk of the broker's store does not do what a disk should.

use super::note;
use crate::{
    director::{
        ledger::{Tied, Until, Worn},
        stage::Stage,
    },
    wear::Wear,
};
use squall_scenarios::{
    fault::Disk,
    model::{Step, Trouble},
};

pub(super) fn strike(disk: &Disk, step: &Step, stage: &mut Stage<'_>) {
    let until = disk.lasts.map(|lasts| stage.now + lasts);
    let worn: Worn = match disk.trouble {
        Trouble::Fails | Trouble::Full => |wear: Wear| wear.refused,
        Trouble::Slow => |wear: Wear| wear.slow,
        Trouble::Sound => return stage.disk(disk, None),
    };
    let fault = note(step, Tied::Time, disk.optional, stage);
    stage.disk(disk, until);
    stage.ledger.wears(fault, Until::Trouble, worn);
}
