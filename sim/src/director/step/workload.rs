//! `workload`: nothing is left of it in a plan.

use super::Begun;
use crate::director::stage::Stage;
use squall_scenarios::model::{Step, Workload};

pub(super) fn begin(_: &Workload, _: &Step, _: &mut Stage<'_>) -> Begun {
    unreachable!("a plan has no workload: it became a timeline")
}
