//! A history is held against what the plan expects that was played.

use crate::{
    expect::judge::{Found, Judge},
    model::Scenario,
    plan::OBSERVER,
};
use squall_history::{Findings, model::Model};

/// Holds a history against the expectations of the plan that was played. `stranger`: only what the standard asks of every
/// broker is asked.
pub fn judge<'h>(plan: &Scenario, model: &'h Model<'h>, stranger: bool, broken: &mut Findings) {
    let observer = plan.clients.iter().position(|c| c.name == OBSERVER);
    let found = Found::of(observer, model);
    for (demand, expectation) in plan.expect.iter().enumerate() {
        if broken.full() {
            return;
        }
        expectation.kind.judge(&mut Judge {
            model,
            found: &found,
            stranger,
            demand,
            optional: expectation.kind.is_optional(),
            broken,
        });
    }
}
