//! The broker goes down, in the words of `squall-history`.

use crate::{
    director::Order,
    trace::{Record, What},
};
use squall_history::model::{Keeps, Mark, Reader};
use squall_scenarios::model::Scenario;
use std::time::Duration;

/// What happened longer ago than two syncs and this at a crash is durable, whether somebody was told of it or not: the
/// broker leaves nothing unwritten for longer.
const MARGIN: Duration = Duration::from_secs(1);

/// What the broker of a story keeps over a crash.
pub(super) fn keeps(plan: &Scenario) -> Keeps {
    let sync = plan.longest_sync();
    sync.map_or(Keeps::Nothing, |sync| Keeps::All(sync * 2 + MARGIN))
}

/// Tells a reader that the broker goes down, or is back.
pub(super) fn tell(reader: &mut Reader<'_>, ix: usize, record: &Record, keeps: Keeps) {
    let mark = Mark { ix, at: record.at };
    match &record.what {
        _ if goes_down(record) => reader.crash(mark, keeps),
        What::Order(Order::Restart) => reader.restart(mark),
        _ => {}
    }
}

/// Whether the broker goes down: the story has it crash, or it ends by itself.
pub(super) const fn goes_down(record: &Record) -> bool {
    matches!(record.what, What::Order(Order::Crash(..)) | What::GaveUp(_))
}
