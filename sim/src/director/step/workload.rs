//! `workload`: nothing is left of it in a plan.

use crate::director::stage::Stage;
use squall_protocol::Time;
use squall_scenarios::model::{Step, Workload};

pub(super) fn begin(_: &Workload, _: &Step, _: &mut Stage<'_>) -> Option<Time> {
    unreachable!("a plan has no workload: it became a timeline")
}
