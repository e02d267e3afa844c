//! What steps do that are nobody's and hold no other steps: a file for each kind that the language lists.

use super::stage::{Stage, StepFailure};
use squall_protocol::Time;
use squall_scenarios::model::{Step, StepKind};

/// Until when a step lasts, unless it is over at once; or why it cannot be.
type Begun = Result<Option<Time>, StepFailure>;

macro_rules! effects {
    ($($file:ident: $name:ident;)+) => {
        $(mod $file;)+

        /// Gives the orders of a step. Until when it lasts, unless it is over at once or of another kind.
        pub(super) fn begin(step: &Step, stage: &mut Stage<'_>) -> Begun {
            match &step.kind {
                $(StepKind::$name(one) => $file::begin(one, step, stage),)+
                _ => Ok(None),
            }
        }
    };
}

squall_scenarios::for_each_step!(effects);
