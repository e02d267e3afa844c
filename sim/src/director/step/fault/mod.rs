//! `fault`: what breaks, or is mended: a file for each kind that the language lists.

use super::Begun;
use crate::director::{
    ledger::{Fate, Tied},
    stage::Stage,
};
use squall_scenarios::{
    describe,
    model::{Fault, Step},
};

macro_rules! effects {
    ($($file:ident: $name:ident $(, $more:ident)*;)+) => {
        $(mod $file;)+

        pub(super) fn begin(fault: &Fault, step: &Step, stage: &mut Stage<'_>) -> Begun {
            match fault {
                $(Fault::$name(one) => $file::strike(one, step, stage),)+
            }
            Ok(None)
        }
    };
}

squall_scenarios::for_each_fault!(effects);

/// Notes that a fault begins, and gives its number.
pub(super) fn note(step: &Step, tied: Tied, optional: bool, stage: &mut Stage<'_>) -> usize {
    stage.ledger.add(Fate {
        source: step.source,
        told: describe::step(step, stage.scenario),
        tied,
        optional,
        at: stage.now,
        bites: 0,
    })
}
