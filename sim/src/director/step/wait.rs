//! `wait`: time passes.

use super::Begun;
use crate::director::stage::Stage;
use squall_scenarios::model::{Step, Wait};

pub(super) fn begin(wait: &Wait, _: &Step, stage: &mut Stage<'_>) -> Begun {
    Ok(Some(stage.now + wait.0))
}
