//! `wait`: time passes.

use crate::director::stage::Stage;
use squall_protocol::Time;
use squall_scenarios::model::{Step, Wait};

pub(super) fn begin(wait: &Wait, _: &Step, stage: &mut Stage<'_>) -> Option<Time> {
    Some(stage.now + wait.0)
}
